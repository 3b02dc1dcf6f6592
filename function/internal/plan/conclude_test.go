package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// inWaves is a sweep of single instances, one wave after the other: d-1, d-2 and d-3 are in waves 1, 2 and 3.
func inWaves(tb testing.TB, rollout string) *story {
	tb.Helper()
	s := begin(tb, wide, mysql("d-1", env("e1")), mysql("d-2", env("e2")), mysql("d-3", env("e3")), mysql("d-9", untagged))
	s.receive("r-1", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"waves":[{"tags":{"env":"e1"}},{"tags":{"env":"e2"}},{"percent":100}]`+rollout+`}}`)
	return s
}

// land lets calls reach their target, and looks at them.
func (s *story) land(ids ...string) {
	s.Helper()
	s.change(current(newer), ids...)
	s.after(time.Hour).settle()
}

// Closing: a rollout ends when all its members have ended.
func TestARolloutEndsWhenAllItsMembersHaveEnded(t *testing.T) {
	t.Parallel()
	s := inWaves(t, `,"bake":"0s"`)
	for _, id := range []string{"d-1", "d-2", "d-3"} {
		if r := s.rollout("r-1"); r.State == state.Closed {
			t.Fatalf("it has ended before %s", id)
		}
		s.accept(s.tick()...)
		s.land(id)
	}
	r := s.rollout("r-1")
	want := state.Last{At: noon.Add(3 * time.Hour), Ended: state.EndedClosed, Rollout: "r-1"}
	if r.State != state.Closed || !r.Since.Equal(want.At) || r.Halt != "" || s.document.Last[r.Key] != want {
		t.Errorf("it is %s since %s, and its key ended %+v", r.State, r.Since, s.document.Last[r.Key])
	}
	for n, w := range r.Waves {
		if began := noon.Add(time.Duration(n) * time.Hour); !w.Began.Equal(began) || !w.Done.Equal(began.Add(time.Hour)) {
			t.Errorf("wave %d: %s to %s", w.Number, w.Began, w.Done)
		}
	}
}

// Waves: one in which nothing was called has neither begun nor ended.
func TestAWaveInWhichNothingIsCalledDoesNotBegin(t *testing.T) {
	t.Parallel()
	s := inWaves(t, `,"bake":"0s"`)
	s.open()
	s.change(current(newer), "d-1")
	s.tick()
	s.tick()
	waves := s.rollout("r-1").Waves
	if !waves[0].Began.IsZero() || !waves[0].Done.IsZero() || waves[1].Began.IsZero() || s.member("r-1", "d-1").State != state.Proven {
		t.Errorf("got %+v", waves)
	}
}

// Failures: one more than the request allows halts the rollout, in the same write.
func TestTooManyFailuresHaltARollout(t *testing.T) {
	t.Parallel()
	failing := func(m *state.Member) { m.State = state.Failed }
	unproven := func(m *state.Member) { m.State = state.Unverified }
	out := func(m *state.Member) { m.State = state.LeftOut }
	many := func(n int, change func(*state.Member)) (all []func(*state.Member)) {
		for range n {
			all = append(all, change)
		}
		return all
	}
	cases := map[string]struct {
		allowed string
		ends    []func(*state.Member)
		says    string // why it is halted
		left    int    // how many may still fail
	}{
		"nothing has failed":                   {"0", nil, "", 0},
		"one has failed, and none may":         {"0", many(1, failing), "1 did not succeed, and the request allows 0: rm-000 failed", 0},
		"one is unverified, and none may be":   {"0", many(1, unproven), "1 did not succeed, and the request allows 0: rm-000 unverified", 0},
		"one was left out, which is none":      {"0", many(1, out), "", 0},
		"one has failed, and one may":          {"1", many(1, failing), "", 0},
		"two have failed, and three may":       {"3", many(2, failing), "", 1},
		"two have, and one may":                {"1", append(many(1, failing), unproven), "2 did not succeed, and the request allows 1: rm-000 failed, rm-001 unverified", 0},
		"five are all named":                   {"0", many(5, failing), "5 did not succeed, and the request allows 0: rm-000 failed, rm-001 failed, rm-002 failed, rm-003 failed, rm-004 failed", 0},
		"of six the last one is only counted":  {"0", many(6, failing), "rm-004 failed, and 1 more", 0},
		"of eight three are":                   {"0", many(8, failing), "rm-004 failed, and 3 more", 0},
		"as many as may, and others left out ": {"2", append(many(2, failing), out), "", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, atOnce, mysqls(10)...)
			s.receive("r-1", `{"kind":"sweep","rollout":{"maxFailures":`+c.allowed+`}}`)
			s.accept(s.tick()...)
			r := s.rollout("r-1")
			for n, end := range c.ends {
				m := &r.Members[n]
				end(m)
				m.End = &state.End{At: noon, Reason: "held"}
			}
			if got := plan.Allowed(r); got != c.left {
				t.Errorf("%d may still fail, want %d", got, c.left)
			}
			s.after(time.Minute).settle()
			r = s.rollout("r-1")
			if halted := r.State == state.Halted; halted != (c.says != "") || !strings.HasSuffix(r.Halt, c.says) {
				t.Errorf("it is %s: %q, want %q", r.State, r.Halt, c.says)
			}
			if last := s.document.Last[r.Key]; c.says != "" && last != (state.Last{At: noon.Add(time.Minute), Ended: state.EndedHalted, Rollout: "r-1"}) {
				t.Errorf("its key ended %+v", last)
			}
		})
	}
	s := begin(t, atOnce, mysql("rm-1"))
	s.receive("r-1", oneAtOnce)
	if got := plan.Allowed(s.rollout("r-1")); got >= 0 {
		t.Errorf("of one instance %d may fail", got)
	}
}

// Failures: what is in flight when a rollout halts is still proven, and then the rollout has ended.
func TestWhatIsInFlightOfAHaltedRolloutIsStillProven(t *testing.T) {
	t.Parallel()
	s := begin(t, atOnce, mysqls(3)...)
	s.receive("r-1", sweepAll)
	s.accept(s.tick()...)
	s.change(tasks(fleet.Task{ID: "t-rm-001", Status: fleet.TaskFailed}), "rm-001")
	s.after(time.Hour).settle()
	r := s.rollout("r-1")
	if r.State != state.Halted || r.Ended() || r.Waves[0].Done != (time.Time{}) {
		t.Fatalf("it is %s, ended %t, its wave done %s: %v", r.State, r.Ended(), r.Waves[0].Done, s.states("r-1"))
	}
	s.land("rm-000", "rm-002")
	r = s.rollout("r-1")
	if diff := cmp.Diff(map[string]string{"rm-000": "proven", "rm-001": "failed", "rm-002": "proven"}, s.states("r-1")); diff != "" || !r.Ended() {
		t.Errorf("ended %t (-want +got):\n%s", r.Ended(), diff)
	}
	if r.State != state.Halted || !r.Waves[0].Done.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("it is %s, its wave done %s", r.State, r.Waves[0].Done)
	}
}

// Halts: what waits for its turn is left out; what was busy says so.
func TestAHaltLeavesOutWhatWaits(t *testing.T) {
	t.Parallel()
	s := begin(t, atOnce, mysql("rm-1"), mysql("rm-2", status("Rebooting")))
	s.receive("0123456789abcdef", sweepAll)
	s.settle()
	s.open()
	s.do(func(p *plan.Plan) { p.Intend(s.fleet[1:], nil) })
	s.receive("stop", `{"kind":"stop","rollout":"0123456789abcdef"}`)
	one, two := s.member("0123456789abcdef", "rm-1"), s.member("0123456789abcdef", "rm-2")
	if says(one) != "leftOut held" || one.End.Detail != "the rollout was halted: an operator stopped it" || !one.End.At.Equal(noon) {
		t.Errorf("got %+v", one.End)
	}
	if says(two) != "leftOut in_progress" || two.End.Detail != "the rollout was halted when it waited for its turn: DBInstanceStatus is Rebooting" {
		t.Errorf("got %+v", two.End)
	}
}

// Halts: a call that turns out not to have been made is not made after the halt. It is left out, and the rollout ends.
func TestAnIntentThatComesBackAfterAHaltIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]func(s *story, intents []plan.Intent){
		"it has shown nothing": func(s *story, _ []plan.Intent) { s.after(first).settle() },
		"it was not called":    func(s *story, intents []plan.Intent) { s.record(plan.Result{Intent: intents[0]}) },
		"it was refused for now": func(s *story, intents []plan.Intent) {
			s.record(plan.Result{Intent: intents[0], Made: true, Fault: throttled})
		},
		"it was refused: it works": func(s *story, intents []plan.Intent) {
			s.record(plan.Result{Intent: intents[0], Made: true, Fault: conflict})
		},
	} {
		for _, text := range []string{sweepAll, oneAtOnce} {
			s := begin(t, atOnce, mysql("rm-1"))
			s.receive("0123456789abcdef", text)
			intents := s.tick()
			s.receive("stop", `{"kind":"stop","rollout":"0123456789abcdef"}`)
			if got := says(s.member("0123456789abcdef", "rm-1")); got != "intent" {
				t.Fatalf("%s: it is %s", name, got)
			}
			step(s, intents)
			m, r := s.member("0123456789abcdef", "rm-1"), s.rollout("0123456789abcdef")
			if m.State != state.LeftOut || m.Call != nil || !r.Ended() {
				t.Errorf("%s: it is %s with %+v, and the rollout has ended: %t", name, says(m), m.Call, r.Ended())
			}
		}
	}
}

// The mode of the policy is the kill switch: every live rollout halts, whatever its state.
func TestTheKillSwitchHaltsEveryRollout(t *testing.T) {
	t.Parallel()
	for _, mode := range []policy.Mode{policy.Plan, policy.Off} {
		s := begin(t, atOnce, mysqls(4)...)
		s.receive("r-0", `{"kind":"sweep","select":{"tags":{"env":"none"}}}`)
		s.openSeen("r-0", nil, nil)
		s.receive("r-1", advised("low"))
		s.tick()
		s.receive("r-2", advise("CVE-2", "low", ""))
		s.receive("r-3", `{"DBInstanceId":"rm-003","TargetMinorVersion":"rds_20260228"}`)
		s.setting.Policy.Mode = mode
		s.settle()
		for _, id := range []string{"r-1", "r-2", "r-3"} {
			if r := s.rollout(id); r.State != state.Halted || r.Halt != "the policy's mode is "+string(mode) {
				t.Errorf("%s is %s: %s", id, r.State, r.Halt)
			}
		}
		if r := s.rollout("r-0"); r.State != state.Closed || r.Halt != "" {
			t.Errorf("one that had ended is %s: %s", r.State, r.Halt)
		}
		m := s.member("r-3", "rm-003")
		if says(m) != "leftOut held" || m.Target != newer || m.RegionID != region || m.Wave != 1 {
			t.Errorf("the instance of r-3 is %s: %+v", says(m), m)
		}
		if s.open(); s.intend() != nil {
			t.Error("something is called")
		}
	}
	s := begin(t, atOnce, mysql("rm-1", inRegion("cn-beijing")))
	s.receive("r-1", `{"DBInstanceId":"rm-1","RegionId":"cn-beijing"}`)
	s.open()
	s.setting.Policy.Mode = policy.Off
	s.settle()
	if m := s.member("r-1", "rm-1"); m.RegionID != "cn-beijing" || len(s.rollout("r-1").Members) != 1 {
		t.Errorf("one that was open: %+v", m)
	}
}

// The gate: a wave of which no instance was proven halts the rollout, if others would follow it.
func TestAWaveThatProvesNothingHaltsTheRollout(t *testing.T) {
	t.Parallel()
	ending := map[string]struct {
		ends  []string // what d-1 and d-2 come to
		halts string
	}{
		"the first is proven":                 {[]string{"proven"}, ""},
		"the first has failed":                {[]string{"failed"}, "no instance of wave 1 was upgraded, so that nothing is proven for the waves after it"},
		"the first was left out":              {[]string{"leftOut"}, "no instance of wave 1 was upgraded"},
		"the first is still in flight":        {[]string{"called"}, ""},
		"the first waits":                     {[]string{"pending"}, ""},
		"the second was left out":             {[]string{"proven", "leftOut"}, "no instance of wave 2 was upgraded"},
		"the second is proven, the first not": {[]string{"leftOut", "proven"}, ""},
		"the second is in flight":             {[]string{"proven", "called"}, ""},
		"the first and the second are proven": {[]string{"proven", "proven"}, ""},
		"the last one has no follower":        {[]string{"proven", "proven", "leftOut"}, ""},
	}
	for name, c := range ending {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := inWaves(t, `,"bake":"0s","maxFailures":9`)
			s.open()
			for n, end := range c.ends {
				m := &s.rollout("r-1").Members[n]
				switch m.State = state.MemberState(end); m.State {
				case state.Called:
					m.Call = &state.Call{At: noon, Due: noon, AcceptedAt: noon, UpgradeTime: "Immediate"}
				case state.Pending:
				default:
					m.End = &state.End{At: noon, Reason: "held"}
				}
			}
			s.settle()
			if r := s.rollout("r-1"); !strings.Contains(r.Halt, c.halts) || c.halts == "" && r.Halt != "" {
				t.Errorf("it is halted by %q, want %q", r.Halt, c.halts)
			}
		})
	}
}

// The gate: members that were left out when the rollout opened are in no wave.
func TestWhatWasLeftOutFromTheBeginningIsInNoWave(t *testing.T) {
	t.Parallel()
	s := inWaves(t, `,"bake":"0s"`)
	s.change(locked, "d-1")
	s.open()
	if got := called(s.intend()); len(got) != 1 || got[0] != "d-2" || s.rollout("r-1").Halt != "" {
		t.Errorf("called %v, halted by %q", got, s.rollout("r-1").Halt)
	}
}

// The gate and the bake: a wave begins when the waves before it have ended and their bake is over.
func TestAWaveBeginsWhenTheBakeBeforeItIsOver(t *testing.T) {
	t.Parallel()
	s := inWaves(t, `,"bake":"24h"`)
	s.accept(s.tick()...)
	for range 3 {
		if got := s.after(time.Hour).tick(); got != nil {
			t.Fatalf("while the first is in flight %v are called", called(got))
		}
	}
	s.land("d-1") // 4 hours after noon
	if got := s.after(24*time.Hour - time.Second).tick(); got != nil {
		t.Errorf("in the bake %v are called", called(got))
	}
	if got := called(s.after(time.Second).tick()); len(got) != 1 || got[0] != "d-2" {
		t.Errorf("after the bake %v are called", got)
	}
}

// The bake is the request's, or else that of the policy's tempo.
func TestWithoutAPolicyNothingBakes(t *testing.T) {
	t.Parallel()
	r := &state.Rollout{Severity: "high", Request: events.Request{Kind: events.KindSweep, Fleet: &events.Fleet{}}}
	if bake := plan.BakeOf(r, policy.Policy{}); bake != 0 {
		t.Errorf("it bakes for %s", bake)
	}
}

func TestTheBakeIsTheRequestsOrThePolicys(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	cases := map[string]struct {
		policy, rollout, severity string
		want                      time.Duration
	}{
		"the request's own":            {"", `,"bake":"2h"`, "critical", 2 * hour},
		"a request without a bake":     {"", `,"bake":"0s"`, "critical", 0},
		"critical":                     {"", "", "critical", hour},
		"high":                         {"", "", "high", 24 * hour},
		"medium has the default":       {"", "", "medium", 72 * hour},
		"no severity has the default":  {"", "", "", 72 * hour},
		"the policy's own for low":     {"tempo: {low: {bake: 5h}}", "", "low", 5 * hour},
		"the policy's own default one": {"tempo: {default: {bake: 7h}}", "", "medium", 7 * hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, c.policy+"\n"+wide, mysql("d-1", env("e1")), mysql("d-2"))
			severity := ""
			if c.severity != "" {
				severity = `"severity":"` + c.severity + `",`
			}
			s.receive("r-1", `{"kind":"advisory","advisory":{"id":"C",`+severity+`"affected":[{"Engine":"MySQL","fixedIn":"`+newer+`"}]},"schedule":{"UpgradeTime":"Immediate"},"rollout":{"waves":[{"tags":{"env":"e1"}},{"percent":100}]`+c.rollout+`}}`)
			s.accept(s.tick()...)
			s.land("d-1")
			if c.want > 0 {
				if got := s.after(c.want - time.Second).tick(); got != nil {
					t.Errorf("in the bake %v are called", called(got))
				}
				s.after(time.Second)
			}
			if got := called(s.tick()); len(got) != 1 {
				t.Errorf("after %s %v are called", c.want, got)
			}
		})
	}
}

// The bake counts from the latest proof of the waves before, whichever rollout made it, and from a late landing there.
func TestTheBakeCountsFromWhateverProofIsTheLatest(t *testing.T) {
	t.Parallel()
	proof := func(id string, at time.Duration) func(s *story) {
		return func(s *story) {
			s.receive("r-x", `{"DBInstanceId":"`+id+`"}`)
			s.open()
			r := s.rollout("r-x")
			r.State, r.Members[0].State, r.Members[0].Wave, r.Members[0].Target = state.Closed, state.Proven, 1, newer
			r.Members[0].End = &state.End{At: noon.Add(at)}
		}
	}
	landed := func(id string, at time.Duration) func(s *story) {
		return func(s *story) { s.document.Remember(id, region).Landed = noon.Add(at) }
	}
	const hour = time.Hour
	cases := map[string]struct {
		change func(s *story)
		want   time.Duration // when the second wave begins, after noon
	}{
		"its own proof, an hour after noon":                   {func(*story) {}, 25 * hour},
		"a later proof by another rollout":                    {proof("d-1", 5*hour), 29 * hour},
		"an earlier proof by another rollout":                 {proof("d-1", -5*hour), 25 * hour},
		"a later proof of an instance of the same wave":       {proof("d-2", 5*hour), 25 * hour},
		"a later proof of one that is no member":              {proof("d-8", 5*hour), 25 * hour},
		"a late landing in the wave before":                   {landed("d-1", 7*hour), 31 * hour},
		"an earlier landing":                                  {landed("d-1", -7*hour), 25 * hour},
		"a late landing elsewhere":                            {landed("d-3", 7*hour), 25 * hour},
		"a failure of another rollout in the wave before":     {func(s *story) { proof("d-1", 5*hour)(s); s.rollout("r-x").Members[0].State = state.Failed }, 25 * hour},
		"a proof and a landing: the later of both":            {func(s *story) { proof("d-1", 5*hour)(s); landed("d-1", 7*hour)(s) }, 31 * hour},
		"the same, the other way round":                       {func(s *story) { proof("d-1", 7*hour)(s); landed("d-1", 5*hour)(s) }, 31 * hour},
		"a proof of one that was left out from the beginning": {proof("d-9", 5*hour), 25 * hour},
		"a remembered failure in the wave before is no landing": {func(s *story) {
			s.document.Remember("d-1", region).Fail = &state.Fail{At: noon.Add(9 * hour), Target: "rds_20261201", Rollout: "r-x"}
		}, 25 * hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := inWaves(t, `,"bake":"24h"`)
			s.accept(s.tick()...)
			s.land("d-1")
			c.change(s)
			s.document.Sort()
			at := noon.Add(c.want)
			s.setting.Now = at.Add(-time.Second)
			if got := s.tick(); got != nil {
				t.Errorf("in the bake %v are called", called(got))
			}
			s.setting.Now = at
			if got := called(s.tick()); len(got) != 1 || got[0] != "d-2" {
				t.Errorf("after the bake %v are called", got)
			}
		})
	}
}

// Progress: how far a rollout has come, in words.
func TestProgressInWords(t *testing.T) {
	t.Parallel()
	s := inWaves(t, `,"bake":"24h"`)
	want := func(id, want string) {
		t.Helper()
		if got := plan.On(s.document, s.setting).Progress(s.rollout(id)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	want("r-1", "it begins with the next look at the fleet")
	s.receive("r-2", advise("C", "critical", ""))
	want("r-1", "it waits for rollout r-2")
	s.document.Rollouts = s.document.Rollouts[:1]
	s.accept(s.tick()...)
	want("r-1", "0 proven, 1 in flight, wave 2 of 3 is next, with 2 waiting")
	s.land("d-1")
	want("r-1", "1 proven, wave 2 of 3 is next, with 2 waiting, not before 2026-11-23T13:00:00Z, when the bake ends")
	s.after(24 * time.Hour)
	want("r-1", "1 proven, wave 2 of 3 is next, with 2 waiting")
	s.accept(s.tick()...)
	s.land("d-2")
	s.after(24 * time.Hour)
	s.tick()
	want("r-1", "2 proven, 1 in flight, no further wave follows")
	s.setting.Policy.Mode = policy.Off
	s.settle()
	want("r-1", "it was halted (the policy's mode is off); 1 are still in flight")
	s = begin(t, wide, mysql("rm-1"))
	s.receive("r-1", oneAtOnce)
	want("r-1", "it begins with the next look at the fleet")
	s.receive("r-2", advise("C", "critical", ""))
	want("r-1", "it begins with the next look at the fleet")
	s.tick()
	want("r-1", "1 in flight")
	s.fleet[0].CurrentKernelVersion = newer
	s.after(time.Hour).settle()
	want("r-1", "it has ended")
}

// Tidying: rollouts and messages stay as long as the longest bake, of the policy and of the rollouts under way.
func TestWhatIsOverStaysAsLongAsTheLongestBake(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		policy, other string
		end           func(s *story)
		want          time.Duration
	}{
		"the eight days of the document":             {"", "", nil, 8 * day},
		"a longer bake of the policy":                {"tempo: {low: {bake: 20d}}", "", nil, 20 * day},
		"a longer bake of a rollout that waits":      {"", advise("C", "low", `,"rollout":{"bake":"30d"}`), nil, 30 * day},
		"a longer bake of a rollout that has ended":  {"", advise("C", "low", `,"rollout":{"bake":"30d"}`), func(s *story) { s.open() }, 8 * day},
		"a request for one instance, which has none": {"", `{"DBInstanceId":"rm-9"}`, nil, 8 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, c.policy)
			s.receive("r-1", sweepAll)
			s.open()
			s.publish()
			r := s.rollout("r-1")
			r.Archived = noon
			if c.other != "" {
				s.receive("r-2", c.other)
			}
			if c.end != nil {
				c.end(s)
			}
			s.after(c.want - time.Second).do(func(p *plan.Plan) { p.Tidy() })
			if s.document.Rollout("r-1") == nil {
				t.Fatal("it is gone too early")
			}
			s.after(time.Second).do(func(p *plan.Plan) { p.Tidy() })
			if s.document.Rollout("r-1") != nil {
				t.Error("it is still there")
			}
		})
	}
}
