package notice_test

import (
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

func TestAMemberBecomesAnEntry(t *testing.T) {
	t.Parallel()
	why := "CVE-2026-1 is fixed in rds_20260228"
	base := notice.Entry{
		DBInstanceID: "rm-1", RegionID: "cn-hangzhou", Engine: "MySQL", EngineVersion: "8.0", CurrentKernelVersion: older,
		AutoUpgradeMinorVersion: "Manual", TargetMinorVersion: target, Wave: 1, Verdict: notice.Vulnerable,
	}
	called := func(e *notice.Entry) {
		e.DBInstanceName, e.UpgradeTime, e.TaskID = "rm-1", "Immediate", "226917711"
	}
	unproven := "6h after it was due it runs rds_20250531, and no restart was seen"
	for name, c := range map[string]struct {
		member state.Member
		change func(*state.Rollout)
		want   func(*notice.Entry)
	}{
		"one that waits for its wave": {member("rm-1", state.Pending), nil, func(e *notice.Entry) {
			e.Status, e.Detail = notice.Pending, why
		}},
		"one that was busy when its turn came": {
			member("rm-1", state.Pending, func(m *state.Member) { m.Busy = "DBInstanceStatus is Restoring" }), nil,
			func(e *notice.Entry) { e.Status, e.Detail = notice.Pending, "DBInstanceStatus is Restoring" },
		},
		"one that waits in a rollout that is halted": {member("rm-1", state.Pending), halt, func(e *notice.Entry) {
			e.Status, e.Reason, e.Detail = notice.Skipped, plan.Held, "the rollout was halted: 2 failed"
		}},
		"one of a plan": {member("rm-1", state.Pending, planned), nil, func(e *notice.Entry) {
			e.Status, e.UpgradeTime, e.SwitchTime = notice.Planned, "SpecifyTime", "2026-11-22T18:00:00Z"
			e.Detail = why + "; moved to the next window"
		}},
		"one whose call nobody has confirmed": {member("rm-1", state.Intent), nil, func(e *notice.Entry) {
			e.Status, e.Reason, e.UpgradeTime = notice.Pending, plan.InProgress, "Immediate"
			e.Detail = "the call is about to be made, or was made and its answer is not known"
		}},
		"one whose call was accepted": {
			member("rm-1", state.Called, func(m *state.Member) {
				m.Call.UpgradeTime, m.Call.SwitchTime, m.Call.RequestID = events.SpecifyTime, noon.Add(time.Hour), "DA2E"
				m.Call.Moved, m.Call.Task = "moved to the next window", "RDS's task 226917711 is Scheduled"
			}), nil,
			func(e *notice.Entry) {
				called(e)
				e.Status, e.UpgradeTime, e.SwitchTime, e.RequestID = notice.Accepted, "SpecifyTime", "2026-11-22T13:00:00Z", "DA2E"
				e.Detail = why + "; moved to the next window; RDS's task 226917711 is Scheduled"
			},
		},
		"one that runs its target": {member("rm-1", state.Proven), nil, func(e *notice.Entry) {
			called(e)
			e.Status, e.Verdict, e.CurrentKernelVersion = notice.Completed, notice.Fixed, target
		}},
		"one that runs a newer version": {
			member("rm-1", state.Proven, func(m *state.Member) { m.End.After, m.End.Detail, m.Call.RequestID = newest, "seen late", "DA2E" }), nil,
			func(e *notice.Entry) {
				called(e)
				e.Status, e.Verdict, e.CurrentKernelVersion, e.Detail = notice.Completed, notice.Fixed, newest, "seen late"
			},
		},
		"one that ran its target when its turn came": {member("rm-1", state.Proven, uncalled), nil, func(e *notice.Entry) {
			e.Status, e.Reason, e.Verdict, e.CurrentKernelVersion = notice.Skipped, plan.UpToDate, notice.Fixed, target
			e.Detail = "it ran rds_20260228 when its turn came"
		}},
		"one that ran its target, with words of its own": {
			member("rm-1", state.Proven, uncalled, func(m *state.Member) { m.End.Detail = "RDS upgraded it by itself" }), nil,
			func(e *notice.Entry) {
				e.Status, e.Reason, e.Verdict, e.CurrentKernelVersion = notice.Skipped, plan.UpToDate, notice.Fixed, target
				e.Detail = "RDS upgraded it by itself"
			},
		},
		"one whose call was refused": {member("rm-1", state.Failed), nil, func(e *notice.Entry) {
			e.Status, e.Detail = notice.Failed, "The account has an unpaid order."
			e.Error = &notice.Error{Kind: fault.Denied, Code: "Unpaid", Message: "The account has an unpaid order.", RequestID: "F1A2"}
		}},
		"one that nothing proves": {member("rm-1", state.Unverified), nil, func(e *notice.Entry) {
			called(e)
			e.Status, e.Detail, e.Error = notice.Unverified, unproven, &notice.Error{Kind: fault.Unproven, Message: unproven}
		}},
		"one that nothing proves, and that nobody has accepted": {
			member("rm-1", state.Unverified, func(m *state.Member) { m.Call.AcceptedAt, m.Call.TaskID = time.Time{}, "" }), nil,
			func(e *notice.Entry) {
				e.Status, e.Detail, e.UpgradeTime = notice.Unverified, unproven, "Immediate"
				e.Error = &notice.Error{Kind: fault.Unavailable, Message: unproven}
			},
		},
		"one that was left out": {member("rm-1", state.LeftOut, func(m *state.Member) { m.Wave = 0 }), nil, func(e *notice.Entry) {
			e.Status, e.Reason, e.Detail, e.Wave = notice.Skipped, plan.NotOptedIn, "it has not the tag kernel-upgrade=auto", 0
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rollout(t, bulletin, having(c.member))
			if c.change != nil {
				c.change(r)
			}
			want := base
			c.want(&want)
			equal(t, []notice.Entry{want}, notice.Entries(r))
		})
	}
}

func TestAnEntryOfAnAdvisoryHasAVerdict(t *testing.T) {
	t.Parallel()
	upToDate := func(v advisory.Verdict) state.Member {
		return member("rm-1", state.LeftOut, func(m *state.Member) { m.Verdict, m.End.Reason = v, string(plan.UpToDate) })
	}
	for name, c := range map[string]struct {
		request string
		member  state.Member
		want    notice.Verdict
	}{
		"upgraded":                              {bulletin, member("rm-1", state.Proven), notice.Fixed},
		"upgraded by somebody else":             {bulletin, member("rm-1", state.Proven, uncalled), notice.Fixed},
		"affected, with no newer version":       {bulletin, upToDate(advisory.Affected), notice.Vulnerable},
		"not affected":                          {bulletin, upToDate(advisory.NotAffected), notice.NotAffected},
		"its version does not compare":          {bulletin, upToDate(advisory.Unknown), notice.Unknown},
		"it could not be read":                  {bulletin, upToDate(""), notice.Unknown},
		"failed":                                {bulletin, member("rm-1", state.Failed), notice.Vulnerable},
		"on its way":                            {bulletin, member("rm-1", state.Called), notice.Vulnerable},
		"a sweep has no verdict":                {sweep, member("rm-1", state.Proven), ""},
		"the upgrade of one has no verdict":     {single, member("rm-1", state.Proven), ""},
		"a sweep has none, whatever is noted":   {sweep, upToDate(advisory.Affected), ""},
		"unverified is as it was, as far known": {bulletin, member("rm-1", state.Unverified), notice.Vulnerable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			equal(t, c.want, notice.Entries(rollout(t, c.request, having(c.member)))[0].Verdict)
		})
	}
}
