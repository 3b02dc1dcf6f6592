package upgrade_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
)

var (
	gone      = &fault.Error{Kind: fault.NotFound, Message: "no such instance"}
	throttle  = &fault.Error{Kind: fault.Throttled, Message: "later"}
	verifying = policy.Default().Verify // first 5m, giveUp 6h
)

// flying is an instance in flight whose call was accepted at once.
func flying(change ...func(*upgrade.Flight)) upgrade.Flight {
	f := upgrade.Flight{DBInstanceID: id, RegionID: "cn-hangzhou", Before: older, Target: newer, UpgradeTime: "Immediate", At: now, AcceptedAt: now, Due: now}
	for _, c := range change {
		c(&f)
	}
	return f
}

func notHeard(f *upgrade.Flight) { f.AcceptedAt = time.Time{} }

func left(f *upgrade.Flight) { f.Left = true }

func back(f *upgrade.Flight) { f.Left, f.Back = true, true }

func fails(with *fault.Error) change { return func(i *upgrade.Instance) { i.Fault = with } }

// mine is an instance with a claim of this rollout.
func mine(state upgrade.ClaimState) change {
	return claimed(claim(state, rollout))
}

// taskIs gives an instance a task that was scheduled for the evening.
func taskIs(status upgrade.TaskStatus) change {
	return func(i *upgrade.Instance) {
		task := upgrade.Task{ID: "226917711", Status: status, Start: now.Add(6 * time.Hour)}
		if status == upgrade.TaskFailed {
			task.Start, task.Reason = time.Time{}, "NoSpace"
		}
		i.Tasks, i.TasksAsked = []upgrade.Task{task}, true
	}
}

// sightCase is what one look at one instance in flight comes to.
type sightCase struct {
	flight upgrade.Flight
	change []change
	after  time.Duration
	want   string // the statuses that are told
	flies  bool   // afterwards
	says   string // in the last one's detail
}

// TestALookAtWhatIsInFlight has cases for each row of the table above Watch.
func TestALookAtWhatIsInFlight(t *testing.T) {
	t.Parallel()
	called, intent := mine(upgrade.Called), mine(upgrade.Intent)
	seen := func(i *upgrade.Instance) { i.Tasks, i.TasksAsked = someTask, true }
	asked := func(i *upgrade.Instance) { i.TasksAsked = true }
	tonight := func(f *upgrade.Flight) { f.UpgradeTime, f.Due = "MaintainTime", now.Add(10*time.Hour) } // 18:00 to 22:00
	evening := func(f *upgrade.Flight) {
		f.UpgradeTime, f.SwitchTime, f.Due = "SpecifyTime", now.Add(8*time.Hour), now.Add(8*time.Hour)
	}
	busy := status("Rebooting")
	known := func(f *upgrade.Flight) { f.TaskID = "226917711" }
	withTask := func(c *upgrade.Claim) { c.TaskID = "226917711" }
	cases := map[string]sightCase{
		"it runs the target":                              {flying(), []change{called, current(newer)}, time.Minute, "completed", false, ""},
		"it runs a newer version":                         {flying(), []change{called, current("rds_20261101")}, time.Minute, "completed", false, ""},
		"it runs the target, and nobody knew of the call": {flying(notHeard), []change{intent, current(newer)}, time.Minute, "accepted completed", false, ""},
		"it runs the target, and is not Running yet":      {flying(), []change{called, current(newer), busy}, time.Minute, "", true, ""},
		"it is restarting":                                {flying(), []change{called, busy}, time.Minute, "", true, ""},
		"it is restarting, and nobody knew of the call":   {flying(notHeard), []change{intent, busy}, time.Minute, "accepted", true, ""},
		"its task is known, and nobody knew of the call":  {flying(notHeard), []change{intent, seen}, time.Minute, "accepted", true, ""},
		"the claim says called, and nobody had noted it":  {flying(notHeard), []change{called}, time.Minute, "accepted", true, ""},
		"the claim is gone, and its task is known":        {flying(notHeard), []change{seen}, time.Minute, "accepted", true, ""},
		"it came back without the target: seen once":      {flying(left), []change{called}, time.Hour, "", true, ""},
		"it came back without the target: seen twice":     {flying(back), []change{called}, time.Hour, "failed", false, "it came back with rds_20240101, not with rds_20260228"},
		"it came back with it at the second look":         {flying(back), []change{called, current(newer)}, time.Hour, "completed", false, ""},
		"it came back without it when time is up":         {flying(left), []change{called}, 6 * time.Hour, "failed", false, "it came back with"},
		"it is Running, and nothing was seen":             {flying(), []change{called}, time.Hour, "", true, ""},
		"just before time is up":                          {flying(), []change{called}, 6*time.Hour - time.Second, "", true, ""},
		"time is up":                                      {flying(), []change{called}, 6 * time.Hour, "unverified", false, "6h after it was due it runs rds_20240101, and no restart was seen"},
		"time is up, and it has not come back":            {flying(left), []change{called, busy}, 6 * time.Hour, "failed", false, "it has not come back: DBInstanceStatus is Rebooting"},
		"time is up, and it is not Running at last":       {flying(), []change{called, busy}, 6 * time.Hour, "failed", false, "it has not come back"},
		"time is up, the claim is gone, a task is known":  {flying(notHeard), []change{seen}, 6 * time.Hour, "accepted failed", false, "it was called, and runs rds_20240101"},
		"it is gone": {flying(), []change{fails(gone)}, time.Minute, "skipped", false, "it was deleted while its upgrade was in flight"},

		"its task has failed":                                {flying(known), []change{called, taskIs(upgrade.TaskFailed)}, time.Minute, "failed", false, "RDS's task 226917711 is Failed: NoSpace"},
		"its task has failed, and it is busy":                {flying(known), []change{called, busy, taskIs(upgrade.TaskFailed)}, time.Minute, "failed", false, "is Failed: NoSpace"},
		"its task has failed, and it is proven":              {flying(known), []change{called, current(newer), taskIs(upgrade.TaskFailed)}, time.Minute, "completed", false, ""},
		"its task was cancelled":                             {flying(known), []change{called, taskIs(upgrade.TaskCanceled)}, time.Minute, "failed", false, "somebody has cancelled it"},
		"its task is being cancelled":                        {flying(known), []change{called, taskIs(upgrade.TaskCancelling)}, time.Minute, "", true, ""},
		"its task has ended well: seen once":                 {flying(known), []change{called, taskIs(upgrade.TaskSucceeded)}, time.Minute, "", true, ""},
		"its task has ended well: seen twice":                {flying(known, back), []change{called, taskIs(upgrade.TaskSucceeded)}, time.Hour, "failed", false, "it came back with rds_20240101, not with rds_20260228"},
		"its task has ended well: seen twice, never away":    {flying(known, func(f *upgrade.Flight) { f.Back = true }), []change{called, taskIs(upgrade.TaskSucceeded)}, time.Hour, "failed", false, "it came back with rds_20240101"},
		"its task has ended well, and it is busy":            {flying(known, back), []change{called, busy, taskIs(upgrade.TaskSucceeded)}, time.Hour, "", true, ""},
		"its task is Running":                                {flying(known), []change{called, taskIs(upgrade.TaskRunning)}, time.Minute, "", true, ""},
		"its task is Scheduled":                              {flying(known), []change{called, taskIs(upgrade.TaskScheduled)}, time.Minute, "", true, ""},
		"its task is Waiting still when time is up":          {flying(known), []change{called, taskIs(upgrade.TaskWaiting)}, 6 * time.Hour, "unverified", false, "no restart was seen; RDS's task 226917711 is Waiting, with StartTime 2026-11-22T18:00:00Z"},
		"its task cannot be asked for when time is up":       {flying(known), []change{called}, 6 * time.Hour, "", true, ""},
		"its task cannot be asked for, and time is up twice": {flying(known), []change{called}, 12 * time.Hour, "unverified", false, "no restart was seen"},
		"another task has failed":                            {flying(), []change{called, taskIs(upgrade.TaskFailed)}, time.Minute, "", true, ""},
		"the task of the claim has failed":                   {flying(), []change{claimed(claim(upgrade.Called, rollout, withTask)), taskIs(upgrade.TaskFailed)}, time.Minute, "failed", false, "is Failed"},

		"another rollout has claimed it":                   {flying(), []change{claimed(claim(upgrade.Called, "other"))}, time.Minute, "unverified", false, "rollout other has claimed it meanwhile"},
		"another has, and nobody knew of our call":         {flying(notHeard), []change{claimed(claim(upgrade.Called, "other")), busy}, time.Minute, "unverified", false, "rollout other has claimed it meanwhile"},
		"another has, and proves it for both":              {flying(notHeard), []change{claimed(claim(upgrade.Called, "other")), current(newer)}, time.Minute, "completed", false, ""},
		"another has claimed it, and it is proven":         {flying(), []change{claimed(claim(upgrade.Called, "other")), current(newer)}, time.Minute, "completed", false, ""},
		"an intent that shows nothing yet":                 {flying(notHeard), []change{intent, asked}, 5 * time.Minute, "", true, ""},
		"an intent that showed nothing for verify.first":   {flying(notHeard), []change{intent, asked}, 5*time.Minute + time.Second, "pending", false, "it was not made"},
		"no claim, and nothing yet":                        {flying(notHeard), []change{asked}, 5*time.Minute - time.Second, "", true, ""},
		"no claim, and nothing for verify.first":           {flying(notHeard), []change{asked}, 5 * time.Minute, "pending", false, "it was not made"},
		"tonight's, no claim, and no task":                 {flying(notHeard, tonight), []change{asked}, 5 * time.Minute, "pending", false, "it was not made"},
		"tonight's, no claim, and no tasks could be asked": {flying(notHeard, tonight), nil, 5 * time.Minute, "", true, ""},
		"the same until verify.first after it was due":     {flying(notHeard, tonight), nil, 10*time.Hour + 5*time.Minute, "pending", false, "it was not made"},
		"it was stopped, and nobody knows of the call":     {flying(notHeard), []change{intent, asked, status("Stopped")}, time.Minute, "", true, ""},
		"it was stopped after the call":                    {flying(), []change{called, status("Stopped")}, 6 * time.Hour, "failed", false, "DBInstanceStatus is Stopped"},
		"it could not be read":                             {flying(), []change{fails(throttle)}, 9 * time.Hour, "", true, ""},
		"busy before its window: that is something else":   {flying(tonight), []change{called, busy}, time.Hour, "", true, ""},
		"busy before its SwitchTime: something else":       {flying(evening), []change{called, busy}, time.Hour, "", true, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
}

func (c sightCase) check(t *testing.T) {
	t.Helper()
	r := &upgrade.Rollout{ID: rollout, Wave: 2, Flight: []upgrade.Flight{c.flight}}
	outcomes := r.Watch([]upgrade.Instance{mysql(c.change...)}, verifying, now.Add(c.after))
	told := []string{}
	for _, o := range outcomes {
		told = append(told, string(o.Status))
		if o.Rollout != rollout || o.Wave != 2 || o.Target != newer || o.Before != older || o.Instance.ID != id || o.Instance.RegionID != "cn-hangzhou" {
			t.Errorf("told of %+v", o)
		}
		if bad := o.Status == upgrade.Failed || o.Status == upgrade.Unverified; bad && (o.Fault == nil || o.Fault.Message != o.Detail) {
			t.Errorf("%s without a fault: %+v", o.Status, o)
		}
		if i := mysql(c.change...); o.Release != (o.Status != upgrade.Accepted && i.Claim != nil && i.Claim.Rollout == rollout) {
			t.Errorf("%s releases the claim: %t", o.Status, o.Release)
		}
	}
	if got := strings.Join(told, " "); got != c.want {
		t.Fatalf("told %q, want %q", got, c.want)
	}
	if len(outcomes) > 0 && !strings.Contains(outcomes[len(outcomes)-1].Detail, c.says) {
		t.Errorf("it says %q, want %q", outcomes[len(outcomes)-1].Detail, c.says)
	}
	if flies := len(r.Flight) == 1; flies != c.flies {
		t.Errorf("in flight: %t, want %t", flies, c.flies)
	}
	if finished := strings.HasSuffix(c.want, "failed") || c.want == "unverified" || c.want == "skipped"; (len(r.Finished) == 1) != finished || r.Done.Has(id) != strings.HasSuffix(c.want, "completed") {
		t.Errorf("finished %+v, done %v", r.Finished, r.Done)
	}
	if failed := strings.HasSuffix(c.want, "failed") || c.want == "unverified"; (r.Failures() == 1) != failed || failed && r.Finished[0].Kind != fault.Unproven {
		t.Errorf("%d failures of %+v", r.Failures(), r.Finished)
	}
}

func TestWhatIsSeenBeforeTheRestartIsDueIsNotTheRestart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flight upgrade.Flight
		window string
		after  time.Duration
		left   bool
	}{
		"at once":                             {flying(), "", time.Second, true},
		"before its maintenance window":       {flying(func(f *upgrade.Flight) { f.UpgradeTime, f.Due = "MaintainTime", now.Add(10*time.Hour) }), "18:00Z-22:00Z", 6*time.Hour - time.Second, false},
		"in its maintenance window":           {flying(func(f *upgrade.Flight) { f.UpgradeTime, f.Due = "MaintainTime", now.Add(10*time.Hour) }), "18:00Z-22:00Z", 6 * time.Hour, true},
		"a maintenance window that is no one": {flying(func(f *upgrade.Flight) { f.UpgradeTime = "MaintainTime" }), "", 0, true},
		"before its SwitchTime":               {flying(func(f *upgrade.Flight) { f.UpgradeTime, f.SwitchTime = "SpecifyTime", now.Add(time.Hour) }), "", time.Hour - time.Second, false},
		"at its SwitchTime":                   {flying(func(f *upgrade.Flight) { f.UpgradeTime, f.SwitchTime = "SpecifyTime", now.Add(time.Hour) }), "", time.Hour, true},
	} {
		r := &upgrade.Rollout{ID: rollout, Flight: []upgrade.Flight{c.flight}}
		r.Watch([]upgrade.Instance{mysql(status("Rebooting"), func(i *upgrade.Instance) { i.MaintainTime = c.window })}, verifying, now.Add(c.after))
		if len(r.Flight) != 1 || r.Flight[0].Left != c.left || r.Flight[0].Looks != 1 || r.Looks != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAnAcceptanceThatIsFoundOutBringsTheClaimUpToDate(t *testing.T) {
	t.Parallel()
	r := &upgrade.Rollout{ID: rollout, Flight: []upgrade.Flight{flying(notHeard)}}
	intent := claim(upgrade.Intent, rollout, func(c *upgrade.Claim) { c.Acceptance = answer })
	o := r.Watch([]upgrade.Instance{mysql(status("Rebooting"), claimed(intent))}, verifying, now.Add(time.Minute))[0]
	want := intent
	want.State = upgrade.Called
	if diff := cmp.Diff(&want, o.Becomes); diff != "" || o.Acceptance != answer || !o.AcceptedAt.Equal(now) {
		t.Errorf("got %+v (-want +got):\n%s", o, diff)
	}
	if again := r.Watch([]upgrade.Instance{mysql(status("Rebooting"), claimed(want))}, verifying, now.Add(time.Hour)); len(again) != 0 {
		t.Errorf("told again: %+v", again)
	}
}

func TestWhatWasNotLookedAtStaysInFlight(t *testing.T) {
	t.Parallel()
	r := &upgrade.Rollout{ID: rollout, Flight: []upgrade.Flight{flying()}}
	elsewhere := mysql(current(newer), func(i *upgrade.Instance) { i.RegionID = "cn-beijing" })
	if o := r.Watch([]upgrade.Instance{elsewhere}, verifying, now); len(o) != 0 || len(r.Flight) != 1 || r.Flight[0].Looks != 0 {
		t.Errorf("got %+v, %+v", o, r)
	}
}

func TestAProcessThatDiedIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	r := &upgrade.Rollout{ID: rollout, Flight: []upgrade.Flight{flying()}}
	plan := withMemory(sweep(), r).Decide([]upgrade.Instance{
		member("rm-1", mine(upgrade.Called)), member("rm-2", mine(upgrade.Called)), member("rm-3", mine(upgrade.Called), current(newer)),
		member("rm-4", claimed(claim(upgrade.Called, "other"))), member("rm-5"),
	})
	r.Adopt(plan)
	r.Adopt(plan)
	want := []upgrade.Flight{
		flying(),
		{DBInstanceID: "rm-2", RegionID: "cn-hangzhou", Before: older, Target: newer, At: now, Due: now},
		{DBInstanceID: "rm-3", RegionID: "cn-hangzhou", Target: newer, At: now, Due: now},
	}
	if diff := cmp.Diff(want, r.Flight); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAFollowUpIsOlderThanTheClaims(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wave  int // of the follow-up
		claim upgrade.Claim
		want  bool
	}{
		"the same wave":                {2, claim(upgrade.Called, rollout, wave(2)), false},
		"a later wave":                 {2, claim(upgrade.Called, rollout, wave(3)), true},
		"an earlier wave":              {2, claim(upgrade.Called, rollout, wave(1)), false},
		"another rollout's later wave": {2, claim(upgrade.Called, "other", wave(3)), false},
		"the first wave has no number": {0, claim(upgrade.Called, rollout, wave(1)), false},
		"nor has its claim":            {1, claim(upgrade.Called, rollout), false},
		"the first, and the second":    {0, claim(upgrade.Called, rollout, wave(2)), true},
	} {
		r := &upgrade.Rollout{ID: rollout, Wave: c.wave}
		if got := r.Stale([]upgrade.Instance{mysql(), mysql(claimed(c.claim))}); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
}

func wave(n int) func(*upgrade.Claim) { return func(c *upgrade.Claim) { c.Wave = n } }

func TestMoreFailuresThanTheRequestAllowsHalt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failures, allowed int
		want              string
		left              int
	}{
		"none":                    {0, 0, "", 0},
		"one, and none allowed":   {1, 0, "1 did not succeed, and the request allows 0: rm-0 failed", 0},
		"as many as allowed":      {2, 2, "", 0},
		"fewer than allowed":      {1, 3, "", 2},
		"one more than allowed":   {3, 2, "3 did not succeed, and the request allows 2: rm-0 failed, rm-1 failed, rm-2 failed", 0},
		"so many that five do it": {7, 2, "7 did not succeed, and the request allows 2: rm-0 failed, rm-1 failed, rm-2 failed, rm-3 failed, rm-4 failed, and 2 more", 0},
	} {
		r := upgrade.Begin(rollout, sweepOf(events.Rollout{MaxFailures: c.allowed}).Request, "cn-hangzhou", upgrade.Cause{})
		for n := range c.failures {
			r.Finished = append(r.Finished, upgrade.Finished{DBInstanceID: "rm-" + string(rune('0'+n)), Status: upgrade.Failed})
		}
		if got := r.Overdrawn(); got != c.want || r.Allowed() != c.left || r.Failures() != c.failures {
			t.Errorf("%s: got %q, %d left; want %q, %d", name, got, r.Allowed(), c.want, c.left)
		}
	}
	r := upgrade.Begin(rollout, single(immediate()), "cn-hangzhou", upgrade.Cause{})
	r.Finished = finished(id, upgrade.Failed).Finished
	if r.Overdrawn() != "" || r.Allowed() >= 0 {
		t.Errorf("a single upgrade is halted: %q, %d", r.Overdrawn(), r.Allowed())
	}
}

func TestAClaimTellsItsWave(t *testing.T) {
	t.Parallel()
	for n, text := range map[int]string{0: rollout, 1: rollout, 2: rollout + ".2", 20: rollout + ".20"} {
		c := claim(upgrade.Called, rollout, wave(n))
		if !strings.Contains(c.String(), " "+text+" ") {
			t.Errorf("wave %d: %q", n, c)
		}
		back, err := upgrade.ParseClaim(c.String())
		if err != nil || back.Rollout != rollout || max(1, back.Wave) != max(1, n) {
			t.Errorf("wave %d is read as %+v, %v", n, back, err)
		}
	}
}

func TestAnInstanceThatCannotBeLookedAtHasAsMuchTimeAsAnyOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault *fault.Error
		after time.Duration
		want  upgrade.Status
	}{
		"it may not be read, for now":         {&fault.Error{Kind: fault.Denied, Message: "no"}, 6*time.Hour - time.Second, ""},
		"it may not be read, and time is up":  {&fault.Error{Kind: fault.Denied, Message: "no"}, 6 * time.Hour, upgrade.Unverified},
		"the fault may pass, and time is up":  {throttle, 6 * time.Hour, ""},
		"the credentials expired, time is up": {&fault.Error{Kind: fault.Expired, Message: "no"}, 9 * time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &upgrade.Rollout{ID: rollout, Flight: []upgrade.Flight{flying()}}
			outcomes := r.Watch([]upgrade.Instance{mysql(fails(c.fault))}, verifying, now.Add(c.after))
			if ended := c.want != ""; ended != (len(outcomes) == 1 && outcomes[0].Status == c.want) || ended == (len(r.Flight) == 1) {
				t.Errorf("got %+v, in flight %+v", outcomes, r.Flight)
			}
		})
	}
}

// What RDS says of a task that has not begun stands in the account of what is in flight, and goes when it has begun.
func TestATaskThatHasNotBegunIsToldWithItsTime(t *testing.T) {
	t.Parallel()
	known := func(f *upgrade.Flight) { f.TaskID = "226917711" }
	r := &upgrade.Rollout{ID: rollout, Flight: []upgrade.Flight{flying(known)}}
	for _, c := range []struct {
		status upgrade.TaskStatus
		want   string
	}{
		{upgrade.TaskScheduled, "RDS's task 226917711 is Scheduled, with StartTime 2026-11-22T18:00:00Z"},
		{upgrade.TaskWaiting, "RDS's task 226917711 is Waiting, with StartTime 2026-11-22T18:00:00Z"},
		{upgrade.TaskRunning, ""},
	} {
		r.Watch([]upgrade.Instance{mysql(mine(upgrade.Called), taskIs(c.status))}, verifying, now)
		if got := r.Unproven()[0].Detail; got != c.want {
			t.Errorf("%s: got %q, want %q", c.status, got, c.want)
		}
	}
}
