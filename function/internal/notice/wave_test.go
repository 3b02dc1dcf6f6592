package notice_test

import (
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// inWave puts a member into a wave.
func inWave(number int) func(*state.Member) {
	return func(m *state.Member) { m.Wave = number }
}

// endedAt sets when a member ended.
func endedAt(after time.Duration) func(*state.Member) {
	return func(m *state.Member) { m.End.At = noon.Add(after) }
}

func TestAWaveThatBeganSaysWhichItIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wave state.Wave
		want string
	}{
		"with a reason": {state.Wave{Number: 2, Why: "stage=canary"}, "wave 2 of 2 has begun, with 2 instances: stage=canary"},
		"without one":   {state.Wave{Number: 2}, "wave 2 of 2 has begun, with 2 instances"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.wave.Began = noon.Add(time.Minute)
			r := rollout(t, sweep, having(member("rm-1", state.Proven), member("rm-2", state.Called, inWave(2)), member("rm-3", state.Pending, inWave(2)), member("rm-4", state.LeftOut, inWave(0))))
			r.Waves[1] = c.wave
			n := one(t, document(r), plan.Mark{What: plan.WhatBegan, Rollout: id, Wave: 2})
			equal(t, c.want, n.Data.Detail)
			equal(t, []any{2, notice.EventBegan, "2026-11-22T12:01:00Z", ""}, []any{n.Data.Wave, n.Data.Event, n.Data.ObservedAt, n.Subject})
		})
	}
}

func TestAWaveThatIsDoneSaysWhatFollows(t *testing.T) {
	t.Parallel()
	two := func(change ...func(*state.Member)) []state.Member {
		return []state.Member{
			member("rm-1", state.Proven, change...), member("rm-2", state.Failed, endedAt(5*time.Hour)), member("rm-3", state.Pending, inWave(2)),
		}
	}
	counted := "wave 1 of 2 is done, with 2 instances: proven 1, out 1 (failed, unverified or left alone)"
	for name, c := range map[string]struct {
		request string
		members []state.Member
		change  func(*state.Rollout)
		wave    int
		want    string
	}{
		"it bakes as long as the request says, since the latest proof": {
			sweep, two(), nil, 1, counted + "; it bakes until 2026-11-23T12:20:00Z, then wave 2 of 2 follows, as the policy's windows and budget permit",
		},
		"it bakes as long as the policy says for the severity": {
			bulletin, two(), func(r *state.Rollout) { r.Severity = "high" }, 1,
			counted + "; it bakes until 2026-11-23T12:20:00Z, then wave 2 of 2 follows, as the policy's windows and budget permit",
		},
		"its bake was over before its last instance was out": {
			bulletin, two(), func(r *state.Rollout) { r.Severity = "critical" }, 1,
			counted + "; wave 2 of 2 follows, as the policy's windows and budget permit",
		},
		"it bakes as long as the policy says by default": {
			bulletin, two(), nil, 1, counted + "; it bakes until 2026-11-25T12:20:00Z, then wave 2 of 2 follows, as the policy's windows and budget permit",
		},
		"it does not bake": {
			`{"kind":"sweep","rollout":{"bake":"0s"}}`, two(), nil, 1, counted + "; wave 2 of 2 follows, as the policy's windows and budget permit",
		},
		"what ran its target without a call counts as proven": {
			sweep, two(uncalled), nil, 1, counted + "; it bakes until 2026-11-23T12:20:00Z, then wave 2 of 2 follows, as the policy's windows and budget permit",
		},
		"a later proof of a wave before it counts": {
			sweep,
			[]state.Member{member("rm-1", state.Proven, endedAt(2*time.Hour)), member("rm-2", state.Proven, inWave(2)), member("rm-3", state.Pending, inWave(3))},
			func(r *state.Rollout) { r.Waves = append(r.Waves, state.Wave{Number: 3}) }, 2,
			"wave 2 of 3 is done, with 1 instance: proven 1, out 0 (failed, unverified or left alone); it bakes until 2026-11-23T14:00:00Z, then wave 3 of 3 follows, as the policy's windows and budget permit",
		},
		"it was the last": {
			sweep,
			[]state.Member{member("rm-1", state.Proven), member("rm-2", state.Proven, inWave(2))},
			nil, 2,
			"wave 2 of 2 is done, with 1 instance: proven 1, out 0 (failed, unverified or left alone); it was the last wave",
		},
		"the rollout was halted": {sweep, two(), halt, 1, counted + "; nothing follows, because the rollout was halted"},
		"none was proven": {
			sweep,
			[]state.Member{member("rm-1", state.LeftOut), member("rm-3", state.Pending, inWave(2))},
			nil, 1,
			"wave 1 of 2 is done, with 1 instance: proven 0, out 1 (failed, unverified or left alone); nothing follows, because none was proven",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rollout(t, c.request, having(c.members...))
			if c.change != nil {
				c.change(r)
			}
			r.Waves[c.wave-1].Began, r.Waves[c.wave-1].Done = noon, noon.Add(6*time.Hour)
			n := one(t, document(r), plan.Mark{What: plan.WhatDone, Rollout: id, Wave: c.wave})
			equal(t, c.want, n.Data.Detail)
			equal(t, []any{c.wave, notice.EventProven, "2026-11-22T18:00:00Z"}, []any{n.Data.Wave, n.Data.Event, n.Data.ObservedAt})
		})
	}
}

func TestALaterProofByAnotherRolloutMakesTheBakeLonger(t *testing.T) {
	t.Parallel()
	r := rollout(t, sweep, having(member("rm-1", state.Proven), member("rm-3", state.Pending, inWave(2))))
	r.Waves[0].Began, r.Waves[0].Done = noon, noon.Add(6*time.Hour)
	second := rollout(t, `{"DBInstanceId":"rm-1"}`, func(r *state.Rollout) { r.ID = other }, having(member("rm-1", state.Proven, endedAt(3*time.Hour))))
	n := one(t, document(r, second), plan.Mark{What: plan.WhatDone, Rollout: id, Wave: 1})
	if want := "it bakes until 2026-11-23T15:00:00Z"; !strings.Contains(n.Data.Detail, want) {
		t.Errorf("%q does not say %q", n.Data.Detail, want)
	}
}

func TestWithoutAPolicyNothingBakes(t *testing.T) {
	t.Parallel()
	r := rollout(t, bulletin, having(member("rm-1", state.Proven), member("rm-2", state.Pending, inWave(2))))
	r.Waves[0].Began, r.Waves[0].Done = noon, noon.Add(time.Hour)
	f := from()
	f.Policy = policy.Policy{}
	all := f.Of(document(r), plan.Mark{What: plan.WhatDone, Rollout: id, Wave: 1})
	check(t, all...)
	equal(t, "wave 1 of 2 is done, with 1 instance: proven 1, out 0 (failed, unverified or left alone); wave 2 of 2 follows, as the policy's windows and budget permit", all[0].Data.Detail)
}

func TestARolloutThatWaitsSaysForWhich(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request       string
		front, waiter func(*state.Rollout)
		want, at      string
	}{
		"a more severe one": {
			bulletin, func(r *state.Rollout) { r.Severity, r.Received = "critical", noon.Add(time.Minute) }, func(r *state.Rollout) { r.Severity = "high" },
			"it waits: rollout c05c4c9acad7fc92 (advisory CVE-2026-1) goes first, because it is more severe (critical, and this one is high)", "2026-11-22T12:01:00Z",
		},
		"a more severe one than one of unknown severity": {
			bulletin, func(r *state.Rollout) { r.Severity = "low" }, waits,
			"it waits: rollout c05c4c9acad7fc92 (advisory CVE-2026-1) goes first, because it is more severe (low, and this one is of unknown severity)", "2026-11-22T12:00:00Z",
		},
		"one that is under way": {
			sweep, func(r *state.Rollout) { r.Published = noon.Add(time.Hour) }, waits,
			"it waits: rollout c05c4c9acad7fc92 (a sweep) goes first, because it is under way", "2026-11-22T12:00:00Z",
		},
		"one that was sent earlier": {
			sweep, func(r *state.Rollout) { waits(r); r.Published = noon.Add(-time.Hour) }, waits,
			"it waits: rollout c05c4c9acad7fc92 (a sweep) goes first, because it was sent earlier", "2026-11-22T12:00:00Z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			front := rollout(t, c.request, func(r *state.Rollout) { r.ID = other }, c.front)
			d := document(front, rollout(t, sweep, c.waiter))
			n := one(t, d, plan.Mark{What: plan.WhatWaiting, Rollout: id})
			equal(t, []any{c.want, c.at, notice.EventWaiting, 0}, []any{n.Data.Detail, n.Data.ObservedAt, n.Data.Event, n.Data.Wave})
			if all := of(t, d, plan.Mark{What: plan.WhatWaiting, Rollout: other}); len(all) > 0 {
				t.Errorf("the one at the front waits: %+v", all)
			}
		})
	}
}
