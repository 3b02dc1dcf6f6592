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

func begun(r events.Rollout) *upgrade.Rollout {
	b := upgrade.Begin(rollout, sweepOf(r).Request, "cn-hangzhou", upgrade.Cause{})
	b.Seq = 1
	return b
}

func TestWhenARolloutGoesOn(t *testing.T) {
	t.Parallel()
	none, day := time.Duration(0), 24*time.Hour
	applying := policy.Default()
	planning, off := applying, applying
	planning.Mode, off.Mode = policy.Plan, policy.Off
	cases := map[string]struct {
		prepare func(r *upgrade.Rollout)
		bake    *time.Duration
		policy  policy.Policy
		watched bool
		want    bool
		next    time.Duration // when it does not
		halt    string
	}{
		"nothing in flight: it goes on":                       {func(*upgrade.Rollout) {}, &day, applying, false, true, 0, ""},
		"something in flight: it is looked at later":          {func(r *upgrade.Rollout) { r.Flight = []upgrade.Flight{flying()} }, &day, applying, true, false, 5 * time.Minute, ""},
		"the wave is proven: it bakes":                        {func(r *upgrade.Rollout) { r.Behind, r.Proven = 3, 1 }, &day, applying, true, false, day, ""},
		"the bake is the policy's where the request has none": {func(r *upgrade.Rollout) { r.Behind, r.Proven = 3, 1 }, nil, applying, true, false, 3 * day, ""},
		"the bake is over":                                    {func(r *upgrade.Rollout) { r.Behind, r.Proven = 3, 1 }, &day, applying, false, true, 0, ""},
		"no bake":                                             {func(r *upgrade.Rollout) { r.Behind, r.Proven = 3, 1 }, &none, applying, true, true, 0, ""},
		"nothing follows: no bake":                            {func(r *upgrade.Rollout) { r.Proven = 1 }, &day, applying, true, true, 0, ""},
		"nothing was proven: no bake":                         {func(r *upgrade.Rollout) { r.Behind = 3 }, &day, applying, true, true, 0, ""},
		"the kill switch halts, and that has to be told":      {func(r *upgrade.Rollout) { r.Flight = []upgrade.Flight{flying()} }, &day, off, true, true, 0, "the policy's mode is off"},
		"so does mode plan":                                   {func(*upgrade.Rollout) {}, &day, planning, true, true, 0, "the policy's mode is plan"},
		"too many failures halt":                              {func(r *upgrade.Rollout) { r.Finished = finished(id, upgrade.Failed).Finished }, &day, applying, true, true, 0, "1 did not succeed, and the request allows 0"},
		"a rollout that remembers as many as it can halts":    {full, &day, applying, true, true, 0, "as many instances as one follow-up can remember"},
		"what has been halted before is only watched":         {func(r *upgrade.Rollout) { r.Halt, r.Flight = "before", []upgrade.Flight{flying()} }, &day, off, true, false, 5 * time.Minute, "before"},
		"what has been halted does not bake":                  {func(r *upgrade.Rollout) { r.Halt, r.Behind, r.Proven = "before", 3, 1 }, &day, applying, true, true, 0, "before"},
		"one that has only begun is not halted but not begun": {func(r *upgrade.Rollout) { r.Seq = 0 }, &day, off, false, true, 0, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begun(events.Rollout{Bake: c.bake})
			c.prepare(r)
			if got := r.GoesOn(c.policy, c.watched, now); got != c.want {
				t.Errorf("goes on: %t, want %t", got, c.want)
			}
			if !c.want && !r.Next.Equal(now.Add(c.next)) {
				t.Errorf("next %s, want %s", r.Next, now.Add(c.next))
			}
			if !strings.Contains(r.Halt, c.halt) || c.halt == "" && r.Halt != "" {
				t.Errorf("halted by %q, want %q", r.Halt, c.halt)
			}
		})
	}
}

// full fills the memory with what does not count as a failure.
func full(r *upgrade.Rollout) {
	for n := range 20_000 {
		r.Done.Add(noise(n))
	}
}

func TestABakeFollowsTheSeverity(t *testing.T) {
	t.Parallel()
	for severity, want := range map[string]time.Duration{"critical": time.Hour, "high": 24 * time.Hour, "medium": 72 * time.Hour, "": 72 * time.Hour} {
		r := upgrade.Begin(rollout, withAdvisory(sweep(), severity, fixedIn("MySQL", newer)).Request, "cn-hangzhou", upgrade.Cause{})
		r.Behind, r.Proven = 1, 1
		if r.GoesOn(policy.Default(), true, now) || r.Next.Sub(now) != want {
			t.Errorf("%q bakes %s, want %s", severity, r.Next.Sub(now), want)
		}
	}
	one := upgrade.Begin(rollout, single(immediate()), "cn-hangzhou", upgrade.Cause{})
	if one.Behind, one.Proven = 1, 1; !one.GoesOn(policy.Default(), true, now) {
		t.Error("a single upgrade bakes")
	}
}

func TestWhenARolloutEnds(t *testing.T) {
	t.Parallel()
	step := upgrade.Outcome{Status: upgrade.Pending, Reason: upgrade.OverBudget}
	later := upgrade.Outcome{Status: upgrade.Pending, Fault: throttle}
	busyNow := upgrade.Outcome{Status: upgrade.Skipped, Reason: upgrade.InProgress, Wait: true}
	done := upgrade.Outcome{Status: upgrade.Skipped, Reason: upgrade.UpToDate}
	cases := map[string]struct {
		prepare  func(r *upgrade.Rollout)
		outcomes []upgrade.Outcome
		want     bool
		next     time.Duration
	}{
		"nothing is left":                                {nil, []upgrade.Outcome{done}, true, 0},
		"nothing was selected":                           {nil, nil, true, 0},
		"something is in flight":                         {func(r *upgrade.Rollout) { r.Flight = []upgrade.Flight{flying()} }, []upgrade.Outcome{done}, false, -1},
		"steps of later waves: at once":                  {nil, []upgrade.Outcome{done, step, busyNow}, false, 0},
		"something is busy: a little later":              {nil, []upgrade.Outcome{done, busyNow}, false, 5 * time.Minute},
		"something could not be read: a little later":    {nil, []upgrade.Outcome{done, later}, false, 5 * time.Minute},
		"it has been busy for long, but not for giveUp":  {func(r *upgrade.Rollout) { r.Waiting = now.Add(-6*time.Hour + time.Second) }, []upgrade.Outcome{busyNow}, false, 5 * time.Minute},
		"it has been busy for giveUp":                    {func(r *upgrade.Rollout) { r.Waiting = now.Add(-6 * time.Hour) }, []upgrade.Outcome{busyNow, later}, true, 0},
		"it has been halted":                             {func(r *upgrade.Rollout) { r.Halt = "why" }, []upgrade.Outcome{step, busyNow}, true, 0},
		"it has been halted, and something is in flight": {func(r *upgrade.Rollout) { r.Halt, r.Flight = "why", []upgrade.Flight{flying()} }, nil, false, -1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begun(events.Rollout{})
			if c.prepare != nil {
				c.prepare(r)
			}
			if got := r.Ends(c.outcomes, verifying, now); got != c.want {
				t.Errorf("ends: %t, want %t", got, c.want)
			}
			if !c.want && c.next >= 0 && !r.Next.Equal(now.Add(c.next)) {
				t.Errorf("next %s, want %s", r.Next, now.Add(c.next))
			}
		})
	}
	one := upgrade.Begin(rollout, single(immediate()), "cn-hangzhou", upgrade.Cause{})
	if !one.Ends([]upgrade.Outcome{busyNow}, verifying, now) {
		t.Error("a single upgrade of a busy instance is waited for")
	}
}

func TestPatienceBeginsOnce(t *testing.T) {
	t.Parallel()
	r := begun(events.Rollout{})
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {5 * time.Minute, true}, {6*time.Hour - time.Second, true}, {6 * time.Hour, false}} {
		at := now.Add(c.after)
		if got := r.Patient(verifying, at); got != c.want || !r.Next.Equal(at.Add(5*time.Minute)) || !r.Waiting.Equal(now) {
			t.Errorf("after %s: %t, next %s, since %s", c.after, got, r.Next, r.Waiting)
		}
	}
}

func TestAHaltedRolloutSaysWhatItHasNotDone(t *testing.T) {
	t.Parallel()
	q := withBudget(sweep(), 1, 100)
	r := upgrade.Begin(rollout, q.Request, "cn-hangzhou", upgrade.Cause{})
	r.Halt, r.Flight = "why", []upgrade.Flight{{DBInstanceID: "rm-1", RegionID: "cn-hangzhou", Before: older, Target: newer, AcceptedAt: now}}
	r.Finished = []upgrade.Finished{{DBInstanceID: "rm-2", RegionID: "cn-hangzhou", Status: upgrade.Failed, Detail: "no"}, {DBInstanceID: "rm-9", RegionID: "cn-beijing", Status: upgrade.Unverified}}
	r.Done.Add("rm-3")
	q.Memory = r
	plan := q.Decide([]upgrade.Instance{
		member("rm-1", status("Rebooting"), mine(upgrade.Called)), member("rm-2"), member("rm-3", current(newer)), member("rm-4"), member("rm-5"), member("rm-6", untagged),
		{ID: "rm-7", RegionID: "cn-hangzhou", Fault: throttle},
	})
	outcomes := r.Stopped(plan)
	want := map[string]string{
		"rm-1": "accepted ", "rm-2": "failed ", "rm-3": "completed ", "rm-4": "skipped held", "rm-5": "skipped held", "rm-6": "skipped not_opted_in", "rm-7": "skipped held",
	}
	if diff := cmp.Diff(want, saying(outcomes)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, o := range outcomes {
		if o.Reason == upgrade.Held && (o.Detail != "the rollout was halted: why" || o.Fault != nil) {
			t.Errorf("got %+v", o)
		}
		if told := o.Status == upgrade.Accepted || o.Status == upgrade.Failed || o.Status == upgrade.Completed; o.Told != told {
			t.Errorf("told: %+v", o)
		}
	}
	want["rm-9"] = "unverified "
	if diff := cmp.Diff(want, saying(r.Account(outcomes))); diff != "" {
		t.Errorf("the account (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]string{"cn-hangzhou": {"rm-1"}}, r.InFlight()); diff != "" {
		t.Errorf("in flight (-want +got):\n%s", diff)
	}
}

func saying(outcomes []upgrade.Outcome) map[string]string {
	says := map[string]string{}
	for _, o := range outcomes {
		says[o.Instance.ID] += string(o.Status) + " " + string(o.Reason)
	}
	return says
}

func TestWhatHadNoTurnIsLeftAloneAtTheEnd(t *testing.T) {
	t.Parallel()
	q := withBudget(sweep(), 1, 100)
	r := upgrade.Begin(rollout, q.Request, "cn-hangzhou", upgrade.Cause{})
	outcomes := []upgrade.Outcome{
		{Instance: mysql(), Status: upgrade.Pending, Reason: upgrade.OverBudget},
		{Instance: upgrade.Instance{ID: "rm-2"}, Status: upgrade.Pending, Fault: throttle},
	}
	got := saying(r.Account(outcomes))
	if diff := cmp.Diff(map[string]string{"rm-1": "skipped over_budget", "rm-2": "skipped "}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if outcomes[0].Status != upgrade.Pending {
		t.Error("the account has changed what it was given")
	}
	got = saying(upgrade.Uncalled(outcomes))
	if diff := cmp.Diff(map[string]string{"rm-1": "skipped over_budget", "rm-2": "pending "}, got); diff != "" {
		t.Errorf("without follow-ups (-want +got):\n%s", diff)
	}
}

func TestADoubtIsForTheFollowUp(t *testing.T) {
	t.Parallel()
	doubt := &fault.Error{InDoubt: true, Message: "lost"}
	got := saying(upgrade.Undecided([]upgrade.Outcome{
		{Instance: upgrade.Instance{ID: "rm-1"}, Status: upgrade.Unverified, Fault: doubt},
		{Instance: upgrade.Instance{ID: "rm-2"}, Status: upgrade.Unverified, Fault: errTag},
		{Instance: upgrade.Instance{ID: "rm-3"}, Status: upgrade.Accepted},
	}))
	if diff := cmp.Diff(map[string]string{"rm-1": "pending in_progress", "rm-2": "unverified ", "rm-3": "accepted "}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTasksMatterOfWhatMayHaveBeenCalledAndIsNotProven(t *testing.T) {
	t.Parallel()
	known := func(f *upgrade.Flight) { f.TaskID = "226917711" }
	second := func(f *upgrade.Flight) { f.DBInstanceID = "rm-2" }
	third := func(f *upgrade.Flight) { f.DBInstanceID = "rm-3" }
	r := &upgrade.Rollout{Flight: []upgrade.Flight{flying(), flying(notHeard, second), flying(known, third)}}
	for name, c := range map[string]struct {
		instance upgrade.Instance
		want     time.Time
	}{
		"accepted, and no task is known":              {mysql(), now},
		"accepted, and its task is known":             {member("rm-3"), now.Add(-10 * time.Minute)}, // RDS's clock is another
		"its task is known, and the version is there": {member("rm-3", current(newer)), time.Time{}},
		"not heard of, no claim":                      {member("rm-2"), now},
		"not heard of, and a claim":                   {member("rm-2", mine(upgrade.Intent)), time.Time{}},
		"not in flight":                               {member("rm-4"), time.Time{}},
	} {
		since, matters := r.Watched(c.instance)
		if matters == c.want.IsZero() || matters && !since.Equal(c.want) {
			t.Errorf("%s: %s, %t; want %s", name, since, matters, c.want)
		}
	}
}

func TestWhatARequestMeans(t *testing.T) {
	t.Parallel()
	some := sweep()
	some.Request.Fleet.Select = events.Select{
		RegionIDs: []string{"cn-beijing", "cn-shanghai"}, Tags: map[string]string{"env": "dev"}, ResourceGroupID: "rg-1", Engine: "MySQL", DBInstanceIDs: []string{"rm-7"},
	}
	scope := some.Scope()
	want := upgrade.Scope{
		Regions: []string{"cn-beijing", "cn-shanghai"}, IDs: []string{"rm-7"},
		Filter: upgrade.Filter{Engine: "MySQL", ResourceGroupID: "rg-1", Tags: map[string]string{"env": "dev"}},
	}
	behind, latest := member(id), member(id, current(newer))
	if !scope.Candidate(behind) || !scope.Offered(behind) || scope.Offered(latest) || scope.Offered(member(id, untagged)) || scope.Doubt != nil {
		t.Error("a sweep wants to know of what is behind, and of nothing else")
	}
	if advised := withAdvisory(some, "high", fixedIn("MySQL", newer)).Scope(); !advised.Offered(latest) {
		t.Error("an advisory wants to know what the latest version is built from")
	}
	if !scope.Replica(behind) {
		t.Error("a request about a fleet looks at replicas, too")
	}
	scope.Possible, scope.Candidate, scope.Offered, scope.Replica = nil, nil, nil, nil
	if diff := cmp.Diff(want, scope); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"cn-hangzhou"}, sweep().Scope().Regions); diff != "" {
		t.Errorf("without a region (-want +got):\n%s", diff)
	}
	one := question(single(events.Upgrade{DBInstanceID: id, RegionID: "cn-beijing", TargetMinorVersion: newer}))
	one.Doubt = now
	s := one.Scope()
	if since, doubt := s.Doubt(behind); !doubt || !since.Equal(now) || s.Regions[0] != "cn-beijing" || s.IDs[0] != id || !s.Offered(behind) {
		t.Errorf("got %+v", s)
	}
	if _, doubt := s.Doubt(member(id, mine(upgrade.Intent))); doubt {
		t.Error("a claim leaves no doubt")
	}
	some.Doubt, some.Memory = now, proven("rm-9")
	if _, doubt := some.Scope().Doubt(member("rm-9", func(i *upgrade.Instance) { i.Offers = []upgrade.Offer{online("rds_20260601")} })); doubt {
		t.Error("of what this rollout has proven no task matters")
	}
	if _, doubt := s.Doubt(latest); doubt {
		t.Error("of what is up to date no task matters")
	}
	if got := one.Unseen(); len(got) != 1 || got[0].ID != id || got[0].RegionID != "cn-beijing" || sweep().Unseen() != nil {
		t.Errorf("unseen: %+v", got)
	}
}

func TestAnAdvisoryIsNamedWhereThereIsOne(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]events.Request{
		"": sweep().Request, "CVE-2026-1": withAdvisory(sweep(), "", fixedIn("MySQL", newer)).Request,
	} {
		if got := upgrade.AdvisoryID(r); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := upgrade.AdvisoryID(single(immediate())); got != "" {
		t.Errorf("a single upgrade: %q", got)
	}
}

func TestAPlanIsAliveWhereItMeetsItsOwnClaims(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		instance upgrade.Instance
		want     bool
	}{
		"no claim":                         {member(id), false},
		"another's":                        {member(id, claimed(claim(upgrade.Called, "other"))), false},
		"its own":                          {member(id, mine(upgrade.Called)), true},
		"its own, and long without a sign": {member(id, claimed(claim(upgrade.Intent, rollout, func(c *upgrade.Claim) { c.At, c.Due = now.Add(-time.Hour), now.Add(-time.Hour) }))), false},
	} {
		if got := upgrade.Alive(sweep().Decide([]upgrade.Instance{c.instance})); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestWhatTheFollowUpTellsIsNotToldHere(t *testing.T) {
	t.Parallel()
	c := claim(upgrade.Called, rollout)
	for _, o := range upgrade.Silent([]upgrade.Outcome{{Instance: mysql(), Status: upgrade.Accepted, Becomes: &c}, {Instance: mysql(), Status: upgrade.Completed, Release: true}}) {
		if !o.Told || o.Release || o.Becomes != nil {
			t.Errorf("got %+v", o)
		}
	}
}

// TestTheKillSwitchHaltsASingleUpgrade keeps its instance in its notification.
func TestTheKillSwitchHaltsASingleUpgrade(t *testing.T) {
	t.Parallel()
	q := question(single(immediate()))
	q.Mode = policy.Off
	outcomes := upgrade.Preview(q.Decide(q.Unseen()), rollout)
	if len(outcomes) != 1 || outcomes[0].Status != upgrade.Halted || outcomes[0].Reason != upgrade.Held {
		t.Fatalf("got %+v", outcomes)
	}
	if n := accountOf("m", policy.Off).Notifications(outcomes)[0]; n.Tag() != "halted" || !strings.HasSuffix(n.Subject, "dbinstance/"+id) {
		t.Errorf("got %+v", n)
	}
}
