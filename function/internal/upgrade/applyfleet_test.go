package upgrade_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// statuses counts outcomes.
func statuses(outcomes []upgrade.Outcome) map[upgrade.Status]int {
	counts := map[upgrade.Status]int{}
	for _, o := range outcomes {
		counts[o.Status]++
	}
	return counts
}

// wide is a budget for all at once.
func wide(q upgrade.Question) upgrade.Question {
	q = withBudget(q, 1000, 100)
	q.Room = 1000
	return withSchedule(q, events.Schedule{UpgradeTime: events.Immediate})
}

func TestAWaveIsCalledByManyWorkersAndTaggedFiftyAtATime(t *testing.T) {
	t.Parallel()
	fleet := members(120)
	fleet[7].RegionID, fleet[8].RegionID = "cn-beijing", "cn-beijing"
	a := newAPI(t, fleet...)
	run := a.run(rollout, now)
	run.Workers, run.Wave = 16, 3
	outcomes := run.Apply(t.Context(), wide(sweep()).Decide(fleet))
	if diff := cmp.Diff(map[upgrade.Status]int{upgrade.Accepted: 120}, statuses(outcomes)); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	// 120 are 50, 50 and 20; those of the first chunk are of two regions: 4 intents and 4 acceptances.
	if diff := cmp.Diff(map[string]int{"Tag": 8, "Upgrade": 120}, a.counts()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	tasks := map[string]bool{}
	for _, o := range outcomes {
		tasks[o.TaskID] = true
		if c, err := upgrade.ParseClaim(a.tags[o.Instance.ID]); err != nil || c.State != upgrade.Called || c.Wave != 3 || o.Wave != 3 || c.Rollout != rollout || c.Target != newer {
			t.Errorf("%s: claim %q, wave %d", o.Instance.ID, a.tags[o.Instance.ID], o.Wave)
		}
	}
	if len(tasks) != 120 {
		t.Errorf("%d different answers", len(tasks))
	}
	for n := range outcomes {
		outcomes[n].Release = true
	}
	run.Conclude(t.Context(), outcomes)
	if got := a.counts()["Untag"]; got != 4 || len(a.tags) != 0 {
		t.Errorf("%d calls to release, %d claims left", got, len(a.tags))
	}
}

func TestOnlyTheFirstWaveIsCalled(t *testing.T) {
	t.Parallel()
	fleet := append(members(5), member("rm-009", current(newer)))
	a := newAPI(t, fleet...)
	run := a.run(rollout, now)
	run.Wave = 1
	outcomes := run.Apply(t.Context(), withBudget(sweep(), 2, 100).Decide(fleet))
	want := map[upgrade.Status]int{upgrade.Accepted: 2, upgrade.Pending: 3, upgrade.Skipped: 1}
	if diff := cmp.Diff(want, statuses(outcomes)); diff != "" || a.accepted != 2 || len(a.tags) != 2 {
		t.Errorf("%d accepted, %d claims (-want +got):\n%s", a.accepted, len(a.tags), diff)
	}
	for _, o := range outcomes {
		if o.Status == upgrade.Pending && (o.Reason != upgrade.OverBudget || o.Wave < 2) {
			t.Errorf("got %+v", o)
		}
	}
}

func TestAWaveStopsAtTheFailuresThatAreAllowed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		allowed, refusals         int
		failed, accepted, pending int
	}{
		"none is allowed":             {0, 1, 1, 0, 9},
		"two are":                     {2, 3, 3, 0, 7},
		"as many as are allowed fail": {2, 2, 2, 8, 0},
		"any number":                  {-1, 9, 9, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fleet := members(10)
			a := newAPI(t, fleet...).fail("Upgrade", slices.Repeat([]error{denied}, c.refusals)...)
			run := a.run(rollout, now)
			run.Allowed = c.allowed
			outcomes := run.Apply(t.Context(), wide(sweep()).Decide(fleet))
			want := map[upgrade.Status]int{upgrade.Failed: c.failed, upgrade.Accepted: c.accepted, upgrade.Pending: c.pending}
			for status, n := range want {
				if n == 0 {
					delete(want, status)
				}
			}
			if diff := cmp.Diff(want, statuses(outcomes)); diff != "" || len(a.tags) != c.accepted {
				t.Errorf("%d claims (-want +got):\n%s", len(a.tags), diff)
			}
			for _, o := range outcomes {
				if o.Status == upgrade.Pending && (o.Reason != upgrade.Held || o.Fault != nil) {
					t.Errorf("got %+v", o)
				}
			}
			if got := a.counts()["Untag"]; got > 1 {
				t.Errorf("%d calls to release, want one for all", got)
			}
		})
	}
}

func TestACallWhoseTimeHasPassedIsNotMade(t *testing.T) {
	t.Parallel()
	fleet := members(2)
	plan := wide(sweep()).Decide(fleet)
	plan[0].Step.Latest, plan[1].Step.Latest = now, now.Add(time.Second)
	a := newAPI(t, fleet...)
	outcomes := a.run(rollout, now).Apply(t.Context(), plan)
	if o := outcomes[0]; o.Status != upgrade.Pending || o.Reason != upgrade.OutsideWindow || o.Fault.Kind != fault.Unavailable || a.tags["rm-000"] != "" {
		t.Errorf("got %+v, claim %q", o, a.tags["rm-000"])
	}
	if o := outcomes[1]; o.Status != upgrade.Accepted || a.accepted != 1 {
		t.Errorf("got %+v", o)
	}
}

// TestARunThatGetsShortOfTimeStopsCleanly lets every call take a second, with ten seconds for 120 of them.
func TestARunThatGetsShortOfTimeStopsCleanly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fleet := members(120)
		a := newAPI(t, fleet...)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		a.onUpgrade = func(i *upgrade.Instance) {
			i.Status = "Rebooting"
			time.Sleep(time.Second)
		}
		run := a.run(rollout, now)
		run.Now, run.Deadline = time.Now, time.Now().Add(20*time.Second)
		outcomes := run.Apply(ctx, wide(sweep()).Decide(fleet))
		if diff := cmp.Diff(map[upgrade.Status]int{upgrade.Accepted: 8, upgrade.Pending: 112}, statuses(outcomes)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		for _, o := range outcomes {
			if o.Status == upgrade.Pending && (o.Reason != upgrade.Deadline || a.tags[o.Instance.ID] != "") {
				t.Errorf("got %+v, claim %q", o, a.tags[o.Instance.ID])
			}
		}
		// the first fifty were claimed, and those of them that were not called released by one call
		if diff := cmp.Diff(map[string]int{"Tag": 2, "Upgrade": 8, "Untag": 1}, a.counts()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestAClaimThatIsRefusedForFiftyKeepsThoseFromBeingCalled(t *testing.T) {
	t.Parallel()
	fleet := members(60)
	a := newAPI(t, fleet...).fail("Tag", denied)
	outcomes := a.run(rollout, now).Apply(t.Context(), wide(sweep()).Decide(fleet))
	if diff := cmp.Diff(map[upgrade.Status]int{upgrade.Failed: 50, upgrade.Accepted: 10}, statuses(outcomes)); diff != "" || a.counts()["Untag"] != 0 {
		t.Errorf("calls %v (-want +got):\n%s", a.counts(), diff)
	}
}

// TestAnAnswerStandsInTheClaimOfOneAlone is for the one tag call that writes one value on many.
func TestAnAnswerStandsInTheClaimOfOneAlone(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 2; n++ {
		fleet := members(n)
		a := newAPI(t, fleet...)
		a.run(rollout, now).Apply(t.Context(), wide(sweep()).Decide(fleet))
		c, err := upgrade.ParseClaim(a.tags["rm-000"])
		if err != nil || (c.TaskID != "") != (n == 1) {
			t.Errorf("of %d: %q, %v", n, a.tags["rm-000"], err)
		}
	}
}

// TestApplyingAndThenPlanningGivesNothing takes waves through the whole of a run, as the function does.
func TestApplyingAndThenPlanningGivesNothing(t *testing.T) {
	t.Parallel()
	fleet := append(members(30), member("rm-100", primaryOf("rr-100", "rr-101")), member("rr-100", replicaOf("rm-100")), member("rr-101", replicaOf("rm-100")))
	a := serving(t, fleet...)
	a.onUpgrade = func(i *upgrade.Instance) { i.CurrentKernelVersion = newer }
	q := withSchedule(withBudget(sweep(), 8, 100), events.Schedule{UpgradeTime: events.Immediate})
	q.Memory = upgrade.Begin(rollout, q.Request, q.Region, upgrade.Cause{})
	waves := 0
	for ; waves < 10; waves++ {
		plan := q.Decide(a.observe(t, q))
		steps, behind := upgrade.NextWave(plan)
		if len(steps) == 0 {
			break
		}
		q.Memory.Arm(steps, behind, q.Policy.Verify, now)
		run := a.run(rollout, now)
		run.Wave = q.Memory.Wave
		q.Memory.Note(run.Apply(t.Context(), plan), q.Policy.Verify, now)
		fleet, err := a.look(t, upgrade.Scope{Regions: []string{"cn-hangzhou"}, IDs: q.Memory.InFlight()["cn-hangzhou"]})
		if err != nil {
			t.Fatal(err)
		}
		run.Conclude(t.Context(), q.Memory.Watch(fleet, q.Policy.Verify, now.Add(time.Hour)))
	}
	if waves != 5 || a.accepted != 33 || len(a.tags) != 0 || len(q.Memory.Done) != 33 {
		t.Errorf("%d waves, %d accepted, %d claims, %d done", waves, a.accepted, len(a.tags), len(q.Memory.Done))
	}
	var calls []string
	for _, call := range a.calls {
		if fields := strings.Fields(call); fields[0] == "Upgrade" {
			calls = append(calls, fields[1])
		}
	}
	if p := slices.Index(calls, "rm-100"); p < slices.Index(calls, "rr-100") || p < slices.Index(calls, "rr-101") {
		t.Errorf("the primary is number %d of %s", p, fmt.Sprint(calls))
	}
	q.Memory = nil
	if steps, behind := upgrade.NextWave(q.Decide(a.observe(t, q))); len(steps)+behind > 0 {
		t.Errorf("%d steps and %d behind are left for another rollout", len(steps), behind)
	}
}

// Many are claimed with few calls, fifty at a time and two hundred before any more, and they come out in the order of the plan.
func TestManyInstancesAreClaimedByTheirTargets(t *testing.T) {
	t.Parallel()
	fleet := members(400)
	for n := range fleet {
		if n%2 == 0 {
			postgres("cloud_essd")(&fleet[n])
			fleet[n].Offers = []upgrade.Offer{online(fleet[n].LatestKernelVersion)}
		}
	}
	plan := wide(sweep()).Decide(fleet)
	a := newAPI(t, fleet...)
	open, most := 0, 0
	a.onTag(func(*upgrade.Instance) { open++; most = max(most, open) })
	a.onUpgrade = func(i *upgrade.Instance) { i.Status = "Rebooting"; open-- }
	run := a.run(rollout, now)
	run.Workers = 16
	outcomes := run.Apply(t.Context(), plan)
	if diff := cmp.Diff(map[string]int{"Tag": 16, "Upgrade": 400}, a.counts()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for n, o := range outcomes {
		if o.Status != upgrade.Accepted || o.Instance.ID != plan[n].Instance.ID {
			t.Fatalf("number %d is %s %s, want %s", n, o.Instance.ID, o.Status, plan[n].Instance.ID)
		}
	}
	if most > 8*50 {
		t.Errorf("%d were claimed and not called", most)
	}
}
