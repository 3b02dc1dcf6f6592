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
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
)

func refusal(kind fault.Kind, code string) error {
	return &fault.Error{Op: "rds: x", Kind: kind, Code: code, Message: "no"}
}

var (
	throttled = refusal(fault.Throttled, "Throttling.User")
	denied    = refusal(fault.Denied, "Forbidden.RAM")
	expired   = refusal(fault.Expired, "InvalidSecurityToken.Expired")
	refused   = &fault.Error{Kind: fault.Unavailable, Message: "connection refused"} // surely not sent
	busy      = refusal(fault.Conflict, "IncorrectDBInstanceState")
)

func TestOneStepComesToOneOutcome(t *testing.T) {
	t.Parallel()
	seen := func(a *api) { a.onUpgrade = func(i *upgrade.Instance) { i.Status = "Rebooting" } }
	unseen := func(a *api) { a.onUpgrade = func(*upgrade.Instance) {} }
	cases := map[string]struct {
		prepare  func(a *api)
		fail     map[string][]error
		status   upgrade.Status
		reason   upgrade.Reason
		calls    int    // of UpgradeDBInstanceKernelVersion
		accepted int    // of those
		claim    string // the state that stays on the instance
	}{
		"an accepted call":                                  {seen, nil, upgrade.Accepted, "", 1, 1, "called"},
		"a call refused for good":                           {seen, map[string][]error{"Upgrade": {denied}}, upgrade.Failed, "", 1, 0, ""},
		"a throttled call is made again":                    {seen, map[string][]error{"Upgrade": {throttled, throttled}}, upgrade.Accepted, "", 3, 1, "called"},
		"a call that was surely not sent is made again":     {seen, map[string][]error{"Upgrade": {refused}}, upgrade.Accepted, "", 2, 1, "called"},
		"a throttled call ends with the time":               {seen, map[string][]error{"Upgrade": slices.Repeat([]error{throttled}, 500)}, upgrade.Pending, upgrade.Deadline, -1, 0, ""},
		"expired credentials are for the next invocation":   {seen, map[string][]error{"Upgrade": {expired}}, upgrade.Pending, upgrade.Deadline, 1, 0, ""},
		"a lost answer whose effect the status shows":       {seen, map[string][]error{"Upgrade": {lostAnswer(true)}}, upgrade.Accepted, "", 1, 1, "called"},
		"a lost answer whose effect a task shows":           {func(a *api) { unseen(a); a.tasks = someTask }, map[string][]error{"Upgrade": {lostAnswer(true)}}, upgrade.Accepted, "", 1, 1, "called"},
		"a lost answer that shows nothing is not repeated":  {unseen, map[string][]error{"Upgrade": {lostAnswer(true)}}, upgrade.Unverified, "", 1, 1, "intent"},
		"a lost request is not repeated either":             {seen, map[string][]error{"Upgrade": {lostAnswer(false)}}, upgrade.Unverified, "", 1, 0, "intent"},
		"an instance that became busy":                      {busyAtCall, map[string][]error{"Upgrade": {busy}}, upgrade.Skipped, upgrade.InProgress, 1, 0, ""},
		"an instance that somebody else upgraded meanwhile": {doneAtCall, map[string][]error{"Upgrade": {refusal(fault.Conflict, "InvalidMinorVersionAlreadyLatest")}}, upgrade.Skipped, upgrade.UpToDate, 1, 0, ""},
		"a conflict that cannot be looked at":               {seen, map[string][]error{"Upgrade": {busy}, "Instance": {nil, denied}}, upgrade.Skipped, upgrade.InProgress, 1, 0, ""},
		"a claim that may not be written: no call":          {seen, map[string][]error{"Tag": {denied}}, upgrade.Failed, "", 0, 0, ""},
		"a claim that is throttled is written later":        {seen, map[string][]error{"Tag": {throttled}}, upgrade.Accepted, "", 1, 1, "called"},
		"a claim that stays throttled: no call":             {seen, map[string][]error{"Tag": slices.Repeat([]error{throttled}, 500)}, upgrade.Pending, upgrade.Deadline, 0, 0, ""},
		"an acceptance that cannot be written down":         {seen, map[string][]error{"Tag": append([]error{nil}, slices.Repeat([]error{denied}, 9)...)}, upgrade.Accepted, "", 1, 1, "intent"},
		"a refused claim that cannot be taken off":          {seen, map[string][]error{"Upgrade": {denied}, "Untag": {denied}}, upgrade.Failed, "", 1, 0, "intent"},
		"a missing instance":                                {func(a *api) { delete(a.instances, id) }, nil, upgrade.Failed, "", 0, 0, ""},
		"an instance that cannot be read now":               {seen, map[string][]error{"Instance": slices.Repeat([]error{throttled}, 500)}, upgrade.Pending, upgrade.Deadline, 0, 0, ""},
		"tags that may not be read: nothing is done":        {seen, map[string][]error{"Tags": {denied}}, upgrade.Failed, "", 0, 0, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, mysql())
				c.prepare(a)
				for action, faults := range c.fail {
					a.fail(action, faults...)
				}
				outcomes := a.timed(t, immediate())
				if len(outcomes) != 1 || outcomes[0].Status != c.status || outcomes[0].Reason != c.reason {
					t.Fatalf("got %+v, want one outcome %s %s", outcomes, c.status, c.reason)
				}
				calls := len(slices.DeleteFunc(slices.Clone(a.calls), func(s string) bool { return !strings.HasPrefix(s, "Upgrade ") }))
				if c.calls >= 0 && calls != c.calls || a.accepted != c.accepted {
					t.Errorf("%d calls, %d accepted; want %d, %d", calls, a.accepted, c.calls, c.accepted)
				}
				if state, _, _ := strings.Cut(a.tags[id], " "); state != c.claim {
					t.Errorf("the claim is %q, want %q", a.tags[id], c.claim)
				}
				if again := upgrade.Again(outcomes) != nil; again != (c.status == upgrade.Pending || c.status == upgrade.Unverified) {
					t.Errorf("delivered again: %v", again)
				}
			})
		})
	}
}

func busyAtCall(a *api) {
	a.onTag(func(i *upgrade.Instance) { i.Status = "Rebooting" })
}

func doneAtCall(a *api) {
	a.onTag(func(i *upgrade.Instance) { i.CurrentKernelVersion = newer })
}

// timed is a delivery with half a minute of time.
func (a *api) timed(t *testing.T, request events.Upgrade) []upgrade.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	start := time.Now()
	clock := func() time.Time { return now.Add(time.Since(start)) }
	q := upgrade.Question{Request: single(request), Rollout: "r", Region: "cn-hangzhou", Policy: policy.Default(), Now: clock()}
	fleet, _ := upgrade.Observer{Reader: a, Now: clock()}.Observe(ctx, q.Scope())
	run := a.run("r", now)
	run.Now = time.Now
	run.Deadline = time.Now().Add(40 * time.Second)
	return run.Apply(ctx, q.Decide(fleet))
}

func TestNoStepBeginsThatCouldNotFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, mysql())
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		q := upgrade.Question{Request: single(immediate()), Rollout: "r", Policy: policy.Default(), Now: now}
		run := a.run("r", now)
		run.Now = time.Now
		outcomes := run.Apply(ctx, q.Decide([]upgrade.Instance{mysql()}))
		if outcomes[0].Status != upgrade.Pending || a.accepted != 0 || a.tags[id] != "" {
			t.Errorf("got %+v with claim %q", outcomes[0], a.tags[id])
		}
	})
}

func TestTheAnswerOfTheAPIReachesTheOutcome(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mysql())
	got := a.delivery(t, "r", now, immediate())[0].Acceptance
	want := upgrade.Acceptance{RequestID: answer.RequestID, DBInstanceName: id, TaskID: "226917711", TargetMinorVersion: newer}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTenDeliveriesAreOneCall(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mysql())
	for n := range 10 {
		outcomes := a.delivery(t, "r", now.Add(time.Duration(n)*time.Second), immediate())
		if len(outcomes) != 1 || outcomes[0].Status != upgrade.Accepted || outcomes[0].TaskID != "226917711" {
			t.Errorf("delivery %d: %+v", n, outcomes)
		}
		if want := upgrade.Reason(""); n > 0 {
			if want = upgrade.AlreadyScheduled; outcomes[0].Reason != want {
				t.Errorf("delivery %d: reason %q, want %q", n, outcomes[0].Reason, want)
			}
		}
	}
	if a.accepted != 1 {
		t.Errorf("%d accepted calls", a.accepted)
	}
}

func TestALostRequestIsMadeAgainOnlyAfterVerifyFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, mysql()).fail("Upgrade", lostAnswer(false))
		for _, step := range []struct {
			after time.Duration
			want  upgrade.Status
		}{
			{0, upgrade.Unverified},
			{4 * time.Minute, upgrade.Unverified},
			{5 * time.Minute, upgrade.Unverified},
			{5*time.Minute + time.Second, upgrade.Accepted},
			{6 * time.Minute, upgrade.Accepted},
		} {
			if got := a.delivery(t, "r", now.Add(step.after), immediate()); got[0].Status != step.want {
				t.Errorf("after %s: %+v, want %s", step.after, got[0], step.want)
			}
		}
		if a.accepted != 1 {
			t.Errorf("%d accepted calls", a.accepted)
		}
	})
}

func TestAnEarlierRolloutsEndIsToldUnderItsOwnName(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mysql())
	a.delivery(t, "first", now, immediate())
	a.instances[id] = mysql(current(newer))
	outcomes := a.delivery(t, "second", now.Add(time.Hour), immediate())
	if len(outcomes) != 2 {
		t.Fatalf("got %+v", outcomes)
	}
	if o := outcomes[0]; o.Status != upgrade.Completed || o.Rollout != "first" || !o.Release || o.TaskID != "226917711" {
		t.Errorf("got %+v", o)
	}
	if o := outcomes[1]; o.Status != upgrade.Skipped || o.Reason != upgrade.UpToDate || o.Rollout != "second" {
		t.Errorf("got %+v", o)
	}
}

func TestACrashAfterTheCallIsSettledByTheNextRollout(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mysql(status("Rebooting")))
	a.tags[id] = claim(upgrade.Intent, "first").String()
	outcomes := a.delivery(t, "second", now.Add(time.Second), immediate())
	if len(outcomes) != 2 || outcomes[0].Status != upgrade.Accepted || outcomes[0].Rollout != "first" || outcomes[1].Reason != upgrade.AlreadyScheduled {
		t.Errorf("got %+v", outcomes)
	}
	if !strings.HasPrefix(a.tags[id], "called "+newer+" first ") {
		t.Errorf("the claim is %q", a.tags[id])
	}
}

// TestAFleetIsTaggedFiftyAtATime holds the bound of calls: 3·⌈W/50⌉ tag calls (the third when the claims go) and W upgrades.
func TestAFleetIsTaggedFiftyAtATime(t *testing.T) {
	t.Parallel()
	fleet := make([]upgrade.Instance, 120)
	for n := range fleet {
		fleet[n] = mysql(func(i *upgrade.Instance) {
			i.ID, i.MaintainTime = fmt.Sprintf("rm-%03d", n), fmt.Sprintf("%02d:00Z-%02d:00Z", n%20, n%20+2)
		})
	}
	a := newAPI(t, fleet...)
	request := events.Upgrade{UpgradeTime: events.MaintainTime}
	q := upgrade.Question{Request: single(request), Rollout: "r", Policy: policy.Default(), Now: now}
	outcomes := a.run("r", now).Apply(t.Context(), q.Decide(fleet))
	if diff := cmp.Diff(map[string]int{"Tag": 6, "Upgrade": 120}, a.counts()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for n, o := range outcomes {
		if o.Status != upgrade.Accepted || o.Instance.ID != fleet[n].ID || o.TaskID == "" {
			t.Fatalf("outcome %d: %+v", n, o)
		}
	}
}

// TestANewClaimIsNotTakenOffWithTheOldOne is for an instance whose earlier upgrade is proven while a newer version has come.
func TestANewClaimIsNotTakenOffWithTheOldOne(t *testing.T) {
	t.Parallel()
	const newest = "rds_20261101"
	for name, c := range map[string]struct {
		old, now string
		after    time.Duration
		want     upgrade.Status // of the old claim
	}{
		"proven":       {"called", newer, time.Hour, upgrade.Completed},
		"never proven": {"called", older, 7 * time.Hour, upgrade.Unverified},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, mysql(current(c.now), with(func(i *upgrade.Instance) { i.LatestKernelVersion = newest })))
			a.tags[id] = claim(upgrade.Called, "first").String()
			outcomes := a.delivery(t, "second", now.Add(c.after), immediate())
			if len(outcomes) != 2 || outcomes[0].Status != c.want || outcomes[0].Rollout != "first" || outcomes[1].Status != upgrade.Accepted {
				t.Fatalf("got %+v", outcomes)
			}
			if !strings.HasPrefix(a.tags[id], "called "+newest+" second ") {
				t.Errorf("the claim is %q", a.tags[id])
			}
		})
	}
}

func TestARolloutThatIsProvenMakesNoSecondCall(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mysql(current(newer), with(func(i *upgrade.Instance) { i.LatestKernelVersion = "rds_20261101" })))
	a.tags[id] = claim(upgrade.Called, "own").String()
	outcomes := a.delivery(t, "own", now.Add(time.Hour), immediate())
	if len(outcomes) != 1 || outcomes[0].Status != upgrade.Completed || outcomes[0].Reason != upgrade.UpToDate || a.accepted != 0 || a.tags[id] != "" {
		t.Errorf("got %+v, %d calls, claim %q", outcomes, a.accepted, a.tags[id])
	}
}

// TestAPlanTouchesNoClaim is for a message that is delivered again after the policy has gone to plan: whatever its own claim has come to, nothing
// is told of it and nothing is written.
func TestAPlanTouchesNoClaim(t *testing.T) {
	t.Parallel()
	for name, i := range map[string]upgrade.Instance{
		"proven":                          mysql(current(newer), claimed(claim(upgrade.Called, "own"))),
		"on its way":                      mysql(claimed(claim(upgrade.Called, "own"))),
		"an intent that the status shows": mysql(status("Rebooting"), claimed(claim(upgrade.Intent, "own"))),
		"in doubt":                        mysql(claimed(claim(upgrade.Intent, "own"))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := upgrade.Question{Request: single(immediate()), Mode: policy.Plan, Rollout: "own", Policy: policy.Default(), Now: now}
			outcomes := upgrade.Preview(q.Decide([]upgrade.Instance{i}), "own")
			if o := outcomes[0]; o.Status != upgrade.Skipped || o.Reason == "" || o.Release || o.Becomes != nil || o.Fault != nil {
				t.Errorf("got %+v", o)
			}
		})
	}
}

func TestAnInstanceThatCannotBeReadAfterALostAnswerStaysInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, mysql()).fail("Upgrade", lostAnswer(true)).fail("Instance", append([]error{nil}, slices.Repeat([]error{throttled}, 500)...)...)
		outcomes := a.timed(t, immediate())
		if o := outcomes[0]; o.Status != upgrade.Unverified || o.Fault == nil || !o.Fault.InDoubt || !strings.HasPrefix(a.tags[id], "intent ") {
			t.Errorf("got %+v, claim %q", o, a.tags[id])
		}
	})
}
