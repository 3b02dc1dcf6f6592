package notice_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/schema"
)

// noon is when the rollouts of these tests begin.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	older  = "rds_20250531"
	target = "rds_20260228"
	newest = "rds_20260331"

	id    = "a7dc258ff8bf0089" // the rollout of a test
	other = "c05c4c9acad7fc92" // another one
)

// from is what notifications say besides the document: an hour after noon, under the default policy.
func from() notice.From {
	return notice.From{
		Source: "acs:fc:cn-hangzhou:1234567890123456:functions/rds-kernel-upgrade", Account: "1234567890123456", Now: noon.Add(time.Hour), Policy: policy.Default(),
	}
}

func cause(message string) state.Cause {
	return state.Cause{Trigger: events.MNSTopic, MessageID: message, FCRequestID: "1-6747-0", RetryCount: 1}
}

// request reads a request as a message has it.
func request(tb testing.TB, text string) events.Request {
	tb.Helper()
	r, err := events.Parse([]byte(text), noon)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

const (
	sweep    = `{"kind":"sweep","rollout":{"waves":[{"percent":50},{"percent":100}],"bake":"24h"}}`
	bulletin = `{"kind":"advisory","advisory":{"id":"CVE-2026-1","severity":"critical","affected":[{"Engine":"MySQL","fixedIn":"rds_20260228"}]}}`
	single   = `{"DBInstanceId":"rm-1"}`
)

// rollout is an open one with two waves; change it for a case.
func rollout(tb testing.TB, text string, change ...func(*state.Rollout)) *state.Rollout {
	tb.Helper()
	r := &state.Rollout{
		ID: id, Key: "9c0d", State: state.Open, Since: noon, Published: noon, Received: noon, Cause: cause("m"), Request: request(tb, text),
		Waves: []state.Wave{{Number: 1}, {Number: 2}},
	}
	for _, c := range change {
		c(r)
	}
	return r
}

// having adds members.
func having(members ...state.Member) func(*state.Rollout) {
	return func(r *state.Rollout) { r.Enrol(members) }
}

// halt halts a rollout half an hour after noon.
func halt(r *state.Rollout) {
	r.State, r.Since, r.Halt = state.Halted, noon.Add(30*time.Minute), "2 failed"
}

// closed ends a rollout half an hour after noon.
func closed(r *state.Rollout) { r.State, r.Since = state.Closed, noon.Add(30*time.Minute) }

// waits makes a rollout wait, which has no members then.
func waits(r *state.Rollout) { r.State, r.Members, r.Waves = state.Waiting, nil, nil }

// member is an instance of MySQL in a state, with a call and an end where the state has them; change it for a case.
func member(name string, s state.MemberState, change ...func(*state.Member)) state.Member {
	m := state.Member{
		DBInstanceID: name, RegionID: "cn-hangzhou", Engine: "MySQL", EngineVersion: "8.0", AutoUpgradeMinorVersion: "Manual", Wave: 1, State: s,
		Before: older, Target: target, Verdict: advisory.Affected, Why: "CVE-2026-1 is fixed in rds_20260228",
	}
	if s.InFlight() || s == state.Proven || s == state.Unverified {
		m.Call = &state.Call{At: noon.Add(time.Minute), Due: noon.Add(2 * time.Minute), UpgradeTime: events.Immediate}
	}
	if m.Call != nil && s != state.Intent {
		m.Call.AcceptedAt, m.Call.TaskID, m.Call.Looks = noon.Add(time.Minute), "226917711", 2
	}
	if s.Terminal() {
		m.End = &state.End{At: noon.Add(20 * time.Minute)}
	}
	switch s {
	case state.Failed:
		m.End.Kind, m.End.Code, m.End.Detail, m.End.RequestID = fault.Denied, "Unpaid", "The account has an unpaid order.", "F1A2"
	case state.Unverified:
		m.End.Detail = "6h after it was due it runs rds_20250531, and no restart was seen"
	case state.LeftOut:
		m.End.Reason, m.End.Detail = string(plan.NotOptedIn), "it has not the tag kernel-upgrade=auto"
	}
	for _, c := range change {
		c(&m)
	}
	return m
}

// uncalled takes the call out of a member.
func uncalled(m *state.Member) { m.Call = nil }

// planned adds the call that a pending member would get.
func planned(m *state.Member) {
	m.Call = &state.Call{UpgradeTime: events.SpecifyTime, SwitchTime: noon.Add(6 * time.Hour), Moved: "moved to the next window"}
}

func document(rollouts ...*state.Rollout) *state.Document {
	return &state.Document{Version: state.Version, Number: 42, Rollouts: rollouts}
}

// check holds notifications against the published schema, and each against the limit of a message.
func check(tb testing.TB, all ...notice.Notification) {
	tb.Helper()
	for _, n := range all {
		body, err := json.Marshal(n)
		if err != nil {
			tb.Fatal(err)
		}
		if err := schema.Check(body, n.Tag()); err != nil {
			tb.Errorf("%s: %v", body, err)
		}
		if n.Tag() != string(n.Data.Status) {
			tb.Errorf("the tag is %s, and the status is %s", n.Tag(), n.Data.Status)
		}
	}
}

// of returns the notifications of a piece of news, checked, and holds that they are the same when asked for again, at another time.
func of(tb testing.TB, d *state.Document, m plan.Mark) []notice.Notification {
	tb.Helper()
	later := from()
	later.Now = later.Now.Add(time.Hour)
	all := from().Of(d, m)
	check(tb, all...)
	if diff := cmp.Diff(all, later.Of(d.Clone(), m)); diff != "" {
		tb.Errorf("asked for again (-first +again):\n%s", diff)
	}
	return all
}

// one returns the notification of a piece of news of which there is one.
func one(tb testing.TB, d *state.Document, m plan.Mark) notice.Notification {
	tb.Helper()
	all := of(tb, d, m)
	if len(all) != 1 {
		tb.Fatalf("%+v has %d notifications: want 1", m, len(all))
	}
	return all[0]
}

func equal(tb testing.TB, want, got any) {
	tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("-want +got:\n%s", diff)
	}
}
