package state_test

import (
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/schema"
)

// noon is when the stories of these tests take place.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	older  = "rds_20250131"
	target = "rds_20260228"
)

// sweep is a request as a rollout keeps it.
func sweep(tb testing.TB) events.Request {
	tb.Helper()
	request, err := events.Parse([]byte(`{"kind":"sweep","select":{"RegionId":["cn-hangzhou"],"tags":{"env":"prod"}},
		"rollout":{"waves":[{"tags":{"stage":"canary"}},{"percent":100}],"bake":"24h","maxFailures":1}}`), noon)
	if err != nil {
		tb.Fatal(err)
	}
	return request
}

// document is one in which every field is used: a rollout with a member in every state, one that waits, and one that is over.
func document(tb testing.TB) *state.Document {
	tb.Helper()
	d := &state.Document{
		Version: state.Version, Number: 42, Nonce: "7QJ2ZV5XN4M3K6R1T8W9Y0ABCD", Written: noon, By: "1-6747-1",
		Rollouts:  []*state.Rollout{over(tb), open(tb), waiting(tb)},
		Last:      map[string]state.Last{"5b1f": {At: noon.Add(-time.Hour), Ended: state.EndedClosed, Rollout: "r-over"}, "77aa": {At: noon, Ended: state.EndedStopped}},
		Instances: []*state.Instance{{DBInstanceID: "rm-5", RegionID: "cn-hangzhou", Fail: &state.Fail{At: noon, Target: target, Rollout: "r-open"}}, {DBInstanceID: "rm-9", RegionID: "cn-beijing", Landed: noon}},
		Tasks: []*state.Task{{
			ID: "226917711", DBInstanceID: "rm-1", RegionID: "cn-hangzhou", StartTime: noon.Add(30 * time.Hour), SwitchTime: noon.Add(31 * time.Hour),
			Deadline: noon.Add(99 * time.Hour), Seen: noon, Told: noon,
		}},
		Messages: []*state.Message{
			{ID: "mns_topic 1", Received: noon.Add(-72 * time.Hour), Cause: cause("1"), Answer: state.AnswerBegan, Rollout: "r-over", Told: noon.Add(-time.Hour)},
			{ID: "mns_topic 2", Received: noon.Add(-2 * time.Hour), Published: noon.Add(-3 * time.Hour), Cause: cause("2"), Answer: state.AnswerBegan, Rollout: "r-open"},
			{ID: "mns_topic 3", Received: noon.Add(-time.Hour), Cause: cause("3"), Answer: state.AnswerJoined, Rollout: "r-open", Detail: "wave 1 of 2 is under way", Told: noon},
			{ID: "mns_topic 4", Received: noon, Cause: cause("4"), Answer: state.AnswerStopped, Key: "77aa"},
		},
	}
	d.Sort()
	return d
}

func cause(message string) state.Cause {
	return state.Cause{Trigger: events.MNSTopic, MessageID: message, FCRequestID: "1-6747-0", RetryCount: 1}
}

// open is a rollout with a member in every state.
func open(tb testing.TB) *state.Rollout {
	tb.Helper()
	at := noon.Add(-30 * time.Minute)
	called := func(change ...func(*state.Call)) *state.Call {
		c := &state.Call{At: at, Due: at.Add(5 * time.Minute), UpgradeTime: events.Immediate, TasksBefore: []string{"226917001"}}
		for _, f := range change {
			f(c)
		}
		return c
	}
	accepted := func(c *state.Call) { c.AcceptedAt, c.TaskID = at.Add(time.Second), "226917702" }
	r := &state.Rollout{
		ID: "r-open", Key: "9c0d", State: state.Open, Since: noon.Add(-time.Hour), Severity: "high", Published: noon.Add(-3 * time.Hour),
		Received: noon.Add(-2 * time.Hour), Cause: cause("2"), Request: sweep(tb),
		Notes: []string{"stage 2 of the request has no instance"},
		Waves: []state.Wave{
			{Number: 1, Why: "stage=canary", Began: at, Done: noon, Told: state.ToldBegan},
			{Number: 2, Stage: 1, Why: "100 %"},
		},
		Told: state.RolloutTold{Waiting: noon.Add(-time.Hour)},
	}
	r.Enrol([]state.Member{
		member("rm-1", state.Pending),
		member("rm-2", state.Intent, func(m *state.Member) { m.Call = called() }),
		member("rm-3", state.Called, func(m *state.Member) {
			m.Told, m.Call = state.ToldAccepted, called(accepted, func(c *state.Call) {
				c.UpgradeTime, c.SwitchTime, c.Task = events.SpecifyTime, noon.Add(time.Hour), "task 226917702 is Scheduled"
				c.Moved = "the policy permits nothing before 2026-11-22T13:00:00Z"
			})
		}),
		member("rm-4", state.Proven, func(m *state.Member) {
			m.Told, m.Call, m.End = state.ToldEnd, called(accepted), &state.End{At: noon, After: "rds_20260331"}
			m.Call.Looks, m.Call.Left = 3, true
		}),
		member("rm-5", state.Failed, func(m *state.Member) {
			m.Call, m.End = called(), &state.End{At: noon, Detail: "The account has an unpaid order.", Kind: "Denied", Code: "Unpaid", RequestID: "F1A2"}
		}),
		member("rm-6", state.Unverified, func(m *state.Member) {
			m.Call, m.End = called(accepted), &state.End{At: noon, Detail: "6h after it was due it runs rds_20250131", Kind: "Unproven"}
			m.Call.Left, m.Call.Back, m.Call.RequestID = true, true, "C0FFEE"
		}),
		member("rm-7", state.LeftOut, func(m *state.Member) {
			m.WantedSince, m.Busy, m.End = at, "DBInstanceStatus is Restoring", &state.End{At: noon, Reason: "in_progress", Detail: "DBInstanceStatus is Restoring"}
		}),
		member("rm-80", state.Pending, func(m *state.Member) {
			m.Wave, m.Verdict, m.Why, m.AutoUpgradeMinorVersion = 2, advisory.Affected, "CVE-2026-1: rds_20250131 is older than rds_20260228", "Auto"
			m.WantedSince, m.Busy = at, "RDS answers Throttling.User"
		}),
		member("rm-90", state.LeftOut, func(m *state.Member) {
			m.Wave, m.Target, m.Verdict, m.End = 0, "", advisory.NotAffected, &state.End{At: at, Reason: "not_affected", Detail: "no entry is about MySQL 8.0"}
		}),
	})
	return r
}

func member(id string, s state.MemberState, change ...func(*state.Member)) state.Member {
	m := state.Member{DBInstanceID: id, RegionID: "cn-hangzhou", Engine: "MySQL", EngineVersion: "8.0", Wave: 1, State: s, Before: older, Target: target}
	for _, f := range change {
		f(&m)
	}
	return m
}

func waiting(tb testing.TB) *state.Rollout {
	tb.Helper()
	return &state.Rollout{ID: "r-wait", Key: "1e2f", State: state.Waiting, Since: noon, Received: noon, Cause: cause("5"), Request: sweep(tb), TriedSince: noon}
}

// over is a rollout that has ended, was published and lies in the archive.
func over(tb testing.TB) *state.Rollout {
	tb.Helper()
	ended := noon.Add(-2 * time.Hour)
	return &state.Rollout{
		ID: "r-over", Key: "5b1f", State: state.Closed, Since: ended, Halt: "1 did not succeed, and the request allows 0: rm-8 failed",
		Received: noon.Add(-72 * time.Hour), Cause: cause("1"), Request: sweep(tb),
		Members: []state.Member{member("rm-8", state.Failed, func(m *state.Member) { m.Told, m.End = state.ToldEnd, &state.End{At: ended} })},
		Told:    state.RolloutTold{Halted: ended, Report: ended}, Archived: ended,
	}
}

// text returns the JSON text of a document, which the schema must accept, too.
func text(tb testing.TB, d *state.Document) string {
	tb.Helper()
	stored, err := state.Encode(d)
	if err != nil {
		tb.Fatal(err)
	}
	plain, err := state.Unpack(stored)
	if err != nil {
		tb.Fatal(err)
	}
	if err := schema.CheckState(plain); err != nil {
		tb.Fatalf("the schema refuses what was written: %v", err)
	}
	return string(plain)
}
