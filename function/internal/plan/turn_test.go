package plan_test

import (
	"fmt"
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

// turnCase is what happens to a member at its turn. It was fixed as an older instance that can be upgraded.
type turnCase struct {
	policy  string // at its turn
	request string // a sweep, if it is empty
	opened  []change
	seen    []change // afterwards
	before  func(s *story)
	after   time.Duration // since it was opened
	want    string
	says    string // of its end, or of what it waits for
}

// Turns: what happens to a member whose turn it is. There are cases for each line of the table above decide.
func TestWhatHappensToAMemberAtItsTurn(t *testing.T) {
	t.Parallel()
	busy := status("Rebooting")
	open := tasks(task("t-7", fleet.TaskRunning))
	const hours = `windows: {allow: [{from: "12:00", to: "14:00", zone: UTC}]}` + "\n"
	// waiting is a member that has been busy since it opened.
	waiting := func(s *story) {
		s.change(busy, "rm-1")
		s.intend()
		s.change(status("Running"), "rm-1")
	}
	failed := func(s *story) {
		s.document.Remember("rm-1", region).Fail = &state.Fail{At: noon.Add(time.Minute), Target: newer, Rollout: "r-0"}
	}
	elsewhere := func(s *story) {
		s.receive("r-9", `{"DBInstanceId":"rm-1","UpgradeTime":"MaintainTime"}`)
		s.open()
		s.document.Rollouts[0].State, s.document.Rollouts[0].Halt, s.document.Rollouts[1].Members[0].State = state.Open, "", state.Called
		s.document.Rollouts[1].Members[0].Call = &state.Call{At: noon, Due: noon.Add(time.Hour), AcceptedAt: noon, UpgradeTime: events.MaintainTime}
	}
	cases := map[string]turnCase{
		"it was deleted":                                  {seen: []change{fails(missing)}, want: "leftOut gone", says: "it was deleted after the rollout had begun"},
		"it cannot be read, for good":                     {seen: []change{fails(denied)}, want: "leftOut unread", says: "it could not be read: Forbidden.RAM: not authorized"},
		"it cannot be read now":                           {seen: []change{fails(throttled)}, want: "pending", says: "it could not be read: Throttling.User: slow down"},
		"it cannot be read now, and nothing is known":     {seen: []change{func(i *fleet.Instance) { *i = fleet.Instance{ID: i.ID, RegionID: i.RegionID, Fault: throttled} }}, want: "pending", says: "it could not be read"},
		"it cannot be read, though it was at its target":  {seen: []change{current(newer), fails(throttled)}, want: "pending", says: "it could not be read"},
		"reading it says that it is busy":                 {seen: []change{fails(conflict)}, want: "pending", says: "it could not be read: TaskExists: a task exists"},
		"it cannot be read for verify.giveUp":             {seen: []change{fails(throttled)}, before: waiting, after: giveUp, want: "leftOut unread", says: "it was its turn at 2026-11-22T12:00:00Z, and since then it was busy: it could not be read"},
		"it runs the target":                              {seen: []change{current(newer)}, want: "proven"},
		"it runs a newer version":                         {seen: []change{current("rds_20261101")}, want: "proven"},
		"it runs the target, and was locked":              {seen: []change{current(newer), locked}, want: "proven"},
		"it runs the target, in a region no longer asked": {policy: "regions: [cn-beijing]", seen: []change{current(newer)}, want: "proven"},
		"it runs the target, and is at work":              {seen: []change{current(newer), busy}, want: "pending", says: "DBInstanceStatus is Rebooting"},
		"its region is none of the policy's any more":     {policy: "regions: [cn-beijing]", want: "leftOut held", says: "cn-hangzhou is outside of the policy's regions"},
		"the same of one instance, which need not be":     {policy: "regions: [cn-beijing]", request: oneAtOnce, want: "intent"},
		"it has lost its opt-in":                          {seen: []change{untagged}, want: "leftOut not_opted_in", says: "it has not the tag"},
		"the same of one instance, which needs none":      {request: oneAtOnce, seen: []change{untagged}, want: "intent"},
		"its owner holds it":                              {seen: []change{hold("yes")}, want: "leftOut held", says: "holds it until the tag is removed"},
		"its owner's hold is over":                        {seen: []change{hold("2026-11-22T12:00")}, want: "intent"},
		"it is locked":                                    {seen: []change{locked}, want: "leftOut locked", says: "LockMode is ManualLock"},
		"it is stopped":                                   {seen: []change{status("Stopped")}, want: "leftOut not_running", says: "DBInstanceStatus is Stopped"},
		"its disks have become local":                     {opened: []change{postgres("cloud_essd")}, seen: []change{postgres("local_ssd")}, want: "leftOut engine_unsupported", says: "PostgreSQL on local_ssd"},
		"its version does not compare any more":           {seen: []change{current("rds_20240101_2")}, want: "leftOut unknown_version", says: `the order of "rds_20240101_2" and "rds_20260228" is not known`},
		"its target is younger than the policy wants now": {policy: "versions: {minAge: 1000d}", want: "leftOut version_not_offered", says: "rds_20260228 is younger than the policy's versions.minAge, 1000d"},
		"the same for a critical advisory":                {policy: "versions: {minAge: 1000d}", request: advised("critical"), want: "intent"},
		"the same for a less severe one":                  {policy: "versions: {minAge: 1000d}", request: advised("high"), want: "leftOut version_not_offered", says: "younger than"},
		"of a fleet, whose latest version is young now":   {seen: []change{latest(young)}, want: "intent"},
		"one instance, whose latest version is young now": {request: oneAtOnce, seen: []change{latest(young)}, want: "leftOut version_not_offered", says: "rds_20261120 is younger than"},
		"one with a target, whose latest is young":        {request: `{"DBInstanceId":"rm-1","TargetMinorVersion":"` + newer + `"}`, seen: []change{latest(young)}, want: "intent"},
		"it has failed in another rollout since":          {before: failed, want: "leftOut failed_before", says: "did not succeed in rollout r-0"},
		"it is in flight in another rollout":              {before: elsewhere, want: "pending", says: "rollout r-9 has it on the way"},
		"it is at work":                                   {seen: []change{busy}, want: "pending", says: "DBInstanceStatus is Rebooting"},
		"it has a task that has not ended":                {seen: []change{open}, want: "pending", says: "RDS's task t-7 is Running, with StartTime 2026-11-22T12:00:00Z"},
		"its tasks have ended":                            {seen: []change{tasks(task("t-7", fleet.TaskFailed))}, want: "intent"},
		"its tasks cannot be asked for":                   {seen: []change{unasked}, want: "pending", says: "RDS could not be asked for its tasks"},
		"it was at work for less than verify.giveUp":      {before: waiting, seen: []change{busy}, after: giveUp - time.Second, want: "pending", says: "DBInstanceStatus is Rebooting"},
		"it was at work for verify.giveUp":                {before: waiting, seen: []change{busy}, after: giveUp, want: "leftOut in_progress", says: "it was its turn at 2026-11-22T12:00:00Z, and since then it was busy: DBInstanceStatus is Rebooting"},
		"it has been busy, and is not any more":           {before: waiting, after: giveUp, want: "intent"},
		"one instance does not wait: at work":             {request: oneAtOnce, seen: []change{busy}, want: "leftOut in_progress", says: "DBInstanceStatus is Rebooting"},
		"one instance does not wait: a task":              {request: oneAtOnce, seen: []change{open}, want: "leftOut in_progress", says: "RDS's task t-7 is Running"},
		"one instance that cannot be read waits":          {request: oneAtOnce, seen: []change{fails(throttled)}, want: "pending", says: "it could not be read"},
		"one instance with a replica that is behind now": {
			request: oneAtOnce, opened: []change{postgres("cloud_essd")}, seen: []change{primaryOf("rr-1"), reading(pg("rr-1"))}, want: "leftOut replica_first", says: "rr-1 runs " + pgOld,
		},
		"one instance whose replicas are meant to restart": {
			request: `{"DBInstanceId":"rm-1","withReplicas":true}`, opened: []change{postgres("cloud_essd")}, seen: []change{primaryOf("rr-1"), reading(pg("rr-1"))}, want: "intent",
		},
		"the windows permit another time":         {policy: hours, request: oneAtOnce, after: 3 * time.Hour, want: "intent"},
		"nothing is permitted within thirty days": {policy: "windows: {deny: [{from: \"2026-11-01T00:00\", to: \"2027-03-01T00:00\", zone: UTC, why: frozen}]}", want: "leftOut outside_window", says: "nothing is permitted before 2026-12-22T12:00:00Z"},
		"its SwitchTime has passed":               {request: `{"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-22T13:00:00Z"}`, after: time.Hour, want: "leftOut outside_window", says: "the SwitchTime that was asked for has passed"},
		"anything else: it is called":             {want: "intent"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
}

func (c turnCase) check(t *testing.T) {
	t.Helper()
	s := begin(t, wide, mysql("rm-1", c.opened...))
	request := c.request
	if request == "" {
		request = sweepAll
	}
	s.receive("r-1", request)
	s.open()
	if c.before != nil {
		c.before(s)
	}
	s.setting.Policy = policyOf(t, c.policy)
	for _, change := range c.seen {
		s.change(change, "rm-1")
	}
	seen := s.fleet[0]
	s.after(c.after).do(func(p *plan.Plan) { p.Intend([]fleet.Instance{seen}, nil) })
	m := s.member("r-1", "rm-1")
	text := m.Busy
	if m.End != nil {
		text = m.End.Detail
	}
	if says(m) != c.want || !strings.Contains(text, c.says) || c.says == "" && text != "" {
		t.Errorf("it is %s, %q; want %s, %q", says(m), text, c.want, c.says)
	}
	if m.State == state.Proven && m.Call != nil {
		t.Errorf("it is proven with the call %+v", m.Call)
	}
	if m.State == state.Pending && m.WantedSince.IsZero() {
		t.Error("nobody knows since when it waits")
	}
}

// Turns: an intent has what is to be called, and what must be known to recognise the call later.
func TestAnIntentSaysWhatIsCalled(t *testing.T) {
	t.Parallel()
	old := fleet.Task{ID: "t-old", Status: fleet.TaskSucceeded, Start: noon.Add(-20*time.Minute - time.Second)}
	at := func(hour int) time.Time { return time.Date(2026, 11, 22, hour, 0, 0, 0, time.UTC) }
	cases := map[string]struct {
		policy, request string
		call            fleet.Call
		kept            state.Call
		latest          time.Time
		allowed         int
	}{
		"of a fleet, in the maintenance window": {
			"", `{"kind":"sweep","rollout":{"maxFailures":3}}`,
			fleet.Call{TargetMinorVersion: newer, UpgradeTime: "MaintainTime"},
			state.Call{UpgradeTime: "MaintainTime", Due: at(22)},
			at(18), 3,
		},
		"of a fleet, moved into the windows": {
			`windows: {allow: [{from: "19:00", to: "20:00", zone: UTC}]}`, sweepAll,
			fleet.Call{TargetMinorVersion: newer, UpgradeTime: "SpecifyTime", SwitchTime: at(19)},
			state.Call{
				UpgradeTime: "SpecifyTime", Due: at(19), SwitchTime: at(19),
				Moved: "the maintenance window 18:00Z-22:00Z is not wholly permitted; moved to 2026-11-22T19:00:00Z",
			},
			at(19), 0,
		},
		"one instance, to the latest version": {
			`windows: {allow: [{from: "10:00", to: "13:00", zone: UTC}]}`, oneAtOnce,
			fleet.Call{UpgradeTime: "Immediate"},
			state.Call{UpgradeTime: "Immediate", Due: noon},
			at(13), -1,
		},
		"one instance, to a target": {
			"", `{"DBInstanceId":"rm-1","TargetMinorVersion":"` + newer + `"}`,
			fleet.Call{TargetMinorVersion: newer, UpgradeTime: "Immediate"},
			state.Call{UpgradeTime: "Immediate", Due: noon},
			time.Time{},
			-1,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, c.policy, mysql("rm-1", tasks(old, fleet.Task{ID: "t-3", Status: fleet.TaskFailed, Start: noon.Add(-20*time.Minute + time.Second)},
				fleet.Task{ID: "t-2", Status: fleet.TaskSucceeded}, fleet.Task{ID: "t-2", Status: fleet.TaskSucceeded}, fleet.Task{Status: fleet.TaskSucceeded})))
			s.receive("r-1", c.request)
			intents := s.tick()
			c.call.DBInstanceID, c.call.RegionID = "rm-1", region
			want := []plan.Intent{{Rollout: "r-1", Call: c.call, At: noon, Latest: c.latest, Allowed: c.allowed}}
			if diff := cmp.Diff(want, intents); diff != "" {
				t.Errorf("intents (-want +got):\n%s", diff)
			}
			c.kept.At, c.kept.TasksBefore = noon, []string{"t-2", "t-3"}
			m := s.member("r-1", "rm-1")
			if diff := cmp.Diff(&c.kept, m.Call); diff != "" || m.State != state.Intent || m.Busy != "" {
				t.Errorf("the member is %s, %q (-want +got):\n%s", m.State, m.Busy, diff)
			}
			if w := s.rollout("r-1").Waves[0]; !w.Began.Equal(noon) || !w.Done.IsZero() {
				t.Errorf("its wave: %+v", w)
			}
		})
	}
}

// Waves: the first call begins a wave, and later ones do not change when.
func TestAWaveBeginsWithItsFirstCall(t *testing.T) {
	t.Parallel()
	s := begin(t, "budget: {maxInstances: 2, maxPercent: 100}\ntempo: {default: {UpgradeTime: Immediate}}", mysql("rm-1", status("Rebooting")), mysql("rm-2"))
	s.receive("r-1", sweepAll)
	s.tick()
	s.change(status("Running"))
	s.after(time.Minute).tick()
	w := s.rollout("r-1").Waves[0]
	if diff := cmp.Diff(map[string]string{"rm-1": "intent", "rm-2": "intent"}, s.states("r-1")); diff != "" || !w.Began.Equal(noon) {
		t.Errorf("it began at %s (-want +got):\n%s", w.Began, diff)
	}
}

// Turns: what was not looked at is not decided.
func TestWhatWasNotLookedAtIsNotDecided(t *testing.T) {
	t.Parallel()
	s := begin(t, wide, mysqls(2)...)
	s.receive("r-1", sweepAll)
	s.open()
	s.do(func(p *plan.Plan) { p.Intend(s.fleet[:1], nil) })
	if diff := cmp.Diff(map[string]string{"rm-000": "intent", "rm-001": "pending"}, s.states("r-1")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Budget: it counts intents, calls, and every instance that RDS shows at work, whoever's.
func TestTheBudgetCountsWhateverIsUnderWay(t *testing.T) {
	t.Parallel()
	intentOf := func(id string) func(s *story) {
		return func(s *story) {
			s.receive("r-"+id, `{"DBInstanceId":"`+id+`"}`)
			s.do(func(p *plan.Plan) {
				for _, r := range p.Openings() {
					p.Open(r, s.look(p.Scope(r.Request)), nil)
				}
				p.Intend(s.look(fleet.Scope{Regions: []string{region}, IDs: []string{id}}), nil)
			})
		}
	}
	listed := func(status string) func(s *story) {
		return func(s *story) {
			s.fleet = append(s.fleet, mysql("xx-"+status, untagged, func(i *fleet.Instance) { i.Status, i.Listed = status, true }))
		}
	}
	cases := map[string]struct {
		before []func(s *story)
		want   int // how many of 10 are called, of a budget of 4
	}{
		"nothing is under way":                  {nil, 4},
		"an intent for one instance":            {[]func(*story){intentOf("rm-000")}, 3},
		"a call for one instance":               {[]func(*story){intentOf("rm-000"), func(s *story) { m := s.member("r-rm-000", "rm-000"); m.State, m.Call.AcceptedAt = state.Called, noon }}, 3},
		"an instance outside of it is at work":  {[]func(*story){listed("Rebooting")}, 3},
		"two are":                               {[]func(*story){listed("Rebooting"), listed("Restoring")}, 2},
		"the same one, in flight and at work":   {[]func(*story){intentOf("rm-000"), func(s *story) { s.change(status("Rebooting"), "rm-000") }}, 3},
		"instances that rest do not count":      {[]func(*story){listed("Stopped"), listed("Creating"), listed("Running")}, 4},
		"an instance whose status is not known": {[]func(*story){listed("")}, 4},
		"as many as the budget permits":         {[]func(*story){listed("A"), listed("B"), listed("C"), listed("D")}, 0},
		"more than the budget permits":          {[]func(*story){listed("A"), listed("B"), listed("C"), listed("D"), listed("E")}, 0},
		"one that has ended does not count": {[]func(*story){intentOf("rm-000"), func(s *story) {
			m := s.member("r-rm-000", "rm-000")
			m.State, m.End = state.Failed, &state.End{At: noon}
		}}, 4},
		"what waits for its turn does not count ": {[]func(*story){func(s *story) { s.change(locked, "rm-000") }}, 4},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, "budget: {maxInstances: 4, maxPercent: 100}\ntempo: {default: {UpgradeTime: Immediate}}", mysqls(10)...)
			for _, before := range c.before {
				before(s)
			}
			s.receive("r-1", `{"kind":"sweep"}`)
			s.open()
			if got := s.intend(); len(got) != c.want {
				t.Errorf("%d are called (%v), want %d", len(got), called(got), c.want)
			}
		})
	}
}

// Budget: the percent is of the members that were to be upgraded when the rollout opened, whatever has become of them.
func TestTheBudgetsPercentIsOfThoseThatWereToBeUpgraded(t *testing.T) {
	t.Parallel()
	s := begin(t, "budget: {maxInstances: 50, maxPercent: 30}\ntempo: {default: {UpgradeTime: Immediate, bake: 0s}}", append(mysqls(10), mysql("xx-1", untagged), mysql("xx-2", untagged), mysql("xx-3", untagged))...)
	s.receive("r-1", sweepAll)
	for wave, want := range []int{3, 3, 3, 1} {
		intents := s.tick()
		if len(intents) != want {
			t.Errorf("wave %d: %d are called, want %d", wave+1, len(intents), want)
		}
		s.accept(intents...)
		s.land(called(intents)...)
	}
	if r := s.rollout("r-1"); r.State != state.Closed {
		t.Errorf("it is %s: %v", r.State, s.states("r-1"))
	}
}

// Budget: those that were left out from the beginning are no part of that.
func TestWhatWasLeftOutIsNoPartOfTheBudgetsPercent(t *testing.T) {
	t.Parallel()
	s := begin(t, "budget: {maxInstances: 50, maxPercent: 30}\ntempo: {default: {UpgradeTime: Immediate}}", mysqls(10)...)
	for n := range 10 {
		s.fleet = append(s.fleet, mysql(fmt.Sprint("xx-", n), untagged))
	}
	s.receive("r-1", sweepAll)
	s.open()
	s.change(status("Rebooting"), "xx-0")
	if got := s.intend(); len(got) != 2 { // 30 % of 10, and one is at work
		t.Errorf("called %v", called(got))
	}
}

// Budget: a request for one instance is an operator's own decision. The budget does not hold it, and it counts for the others.
func TestTheBudgetDoesNotHoldARequestForOneInstance(t *testing.T) {
	t.Parallel()
	s := begin(t, "budget: {maxInstances: 1, maxPercent: 100}\ntempo: {default: {UpgradeTime: Immediate}}", mysql("rm-1"), mysql("rm-2"), mysql("rm-3"), mysql("xx-1", status("Rebooting")))
	s.receive("r-1", oneAtOnce)
	s.receive("r-2", `{"DBInstanceId":"rm-2"}`)
	s.receive("r-3", `{"kind":"sweep","select":{"DBInstanceId":["rm-3"]}}`)
	if diff := cmp.Diff([]string{"rm-1", "rm-2"}, called(s.tick())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Budget: a request for one instance of the same invocation counts for the others, whichever was received first.
func TestARequestForOneInstanceCountsForTheOthersAtOnce(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{{"r-1", "r-2"}, {"r-2", "r-1"}} {
		s := begin(t, "budget: {maxInstances: 1, maxPercent: 100}\ntempo: {default: {UpgradeTime: Immediate}}", mysql("rm-1"), mysql("rm-2"))
		for _, id := range order {
			s.receive(id, map[string]string{"r-1": `{"DBInstanceId":"rm-1"}`, "r-2": `{"kind":"sweep","select":{"DBInstanceId":["rm-2"]}}`}[id])
			s.after(time.Second)
		}
		if diff := cmp.Diff([]string{"rm-1"}, called(s.tick())); diff != "" {
			t.Errorf("received in the order %v (-want +got):\n%s", order, diff)
		}
	}
}

// Turns: of the instances of a wave, those go first whose place is first, so that no name is favoured.
func TestTheBudgetGoesByPlaceAndNotByName(t *testing.T) {
	t.Parallel()
	s := begin(t, "budget: {maxInstances: 3, maxPercent: 100}\ntempo: {default: {UpgradeTime: Immediate}}", mysqls(3)...)
	s.receive("r-1", sweepAll)
	s.open()
	s.setting.Policy.Budget.MaxInstances = 1 // since the rollout opened
	intents := s.intend()
	if len(intents) != 1 || intents[0].Call.DBInstanceID != "rm-002" {
		t.Errorf("called %v", called(intents))
	}
}

// Turns: the requests for one instance, and of the others the rollout at the front alone.
func TestOnlyTheRolloutAtTheFrontCalls(t *testing.T) {
	t.Parallel()
	s := begin(t, atOnce, mysqls(3)...)
	s.receive("r-1", advise("CVE-1", "low", `,"select":{"DBInstanceId":["rm-000"]}`))
	s.open()
	s.receive("r-2", advise("CVE-2", "critical", `,"select":{"DBInstanceId":["rm-001"]}`))
	s.receive("r-3", `{"DBInstanceId":"rm-002"}`)
	s.do(func(p *plan.Plan) {
		p.Open(p.Document.Rollout("r-3"), s.look(p.Scope(p.Document.Rollout("r-3").Request)), nil)
	})
	if got := called(s.intend()); len(got) != 1 || got[0] != "rm-002" {
		t.Errorf("while a more severe one waits %v are called", got)
	}
	s.open()
	s.land("rm-002") // it would count against the budget
	if got := called(s.intend()); len(got) != 1 || got[0] != "rm-001" {
		t.Errorf("while a more severe one is open %v are called", got)
	}
	s.record(plan.Result{Intent: plan.Intent{Rollout: "r-2", At: s.setting.Now, Call: fleet.Call{DBInstanceID: "rm-001"}}, Made: true, Fault: denied})
	if got := called(s.intend()); len(got) != 1 || got[0] != "rm-000" {
		t.Errorf("after it was halted %v are called", got)
	}
}

// Order: an instance that is in flight in one rollout is not called by another one, however severe.
func TestAnInstanceInFlightIsCalledByNobodyElse(t *testing.T) {
	t.Parallel()
	s := begin(t, atOnce, mysql("rm-1"), mysql("rm-2"))
	s.receive("r-1", advise("CVE-1", "low", ""))
	s.accept(s.tick()...)
	s.receive("r-2", advise("CVE-2", "critical", ""))
	if got := s.after(time.Minute).tick(); got != nil {
		t.Errorf("called %v", called(got))
	}
	if diff := cmp.Diff(map[string]string{"rm-1": "pending", "rm-2": "pending"}, s.states("r-2")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	s.land("rm-1", "rm-2")
	s.tick()
	if diff := cmp.Diff(map[string]string{"rm-1": "proven", "rm-2": "proven"}, s.states("r-2")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Turns: several rollouts with one instance: requests for one instance go first, so that the budget counts them; of these the first gets it, and
// the others do not wait. A rollout of a fleet does.
func TestAnInstanceIsCalledOnceInOneInvocation(t *testing.T) {
	t.Parallel()
	s := begin(t, atOnce, mysql("rm-1"), mysql("rm-2"))
	s.receive("r-1", sweepAll)
	s.receive("r-2", `{"DBInstanceId":"rm-2"}`)
	s.receive("r-3", `{"DBInstanceId":"rm-2","TargetMinorVersion":"`+newer+`"}`)
	s.open()
	if p := plan.On(s.document, s.setting); len(p.Turn()) != 1 || strings.Join(p.Turn()[0].IDs, " ") != "rm-1 rm-2" {
		t.Errorf("it looks at %+v", p.Turn())
	}
	if got := s.intend(); len(got) != 2 || got[0].Rollout != "r-2" || got[1].Call.DBInstanceID != "rm-1" {
		t.Errorf("called %+v", got)
	}
	if one, other := says(s.member("r-1", "rm-2")), says(s.member("r-3", "rm-2")); one != "pending" || other != "leftOut already_scheduled" {
		t.Errorf("the others are %s and %s", one, other)
	}
}

// Waiting: since when a member was wanted is forgotten while another rollout is at the front.
func TestWhatIsNotAtTheFrontIsNotWanted(t *testing.T) {
	t.Parallel()
	s := begin(t, atOnce, mysql("rm-1", status("Rebooting")), mysql("rm-2", status("Rebooting")))
	s.receive("r-1", advise("CVE-1", "low", ""))
	s.tick()
	if m := s.member("r-1", "rm-1"); !m.WantedSince.Equal(noon) {
		t.Fatalf("wanted since %s", m.WantedSince)
	}
	s.after(giveUp - time.Second).tick()
	if m := s.member("r-1", "rm-1"); !m.WantedSince.Equal(noon) || m.State != state.Pending {
		t.Fatalf("it is %s, wanted since %s", says(m), m.WantedSince)
	}
	s.receive("r-2", advise("CVE-2", "critical", `,"select":{"DBInstanceId":["rm-2"]}`))
	s.settle()
	if m := s.member("r-1", "rm-1"); !m.WantedSince.IsZero() {
		t.Errorf("wanted since %s", m.WantedSince)
	}
	s.receive("r-3", oneAtOnce) // which waits for nobody
	s.do(func(p *plan.Plan) {
		p.Open(p.Document.Rollout("r-3"), []fleet.Instance{mysql("rm-1")}, nil)
		p.Intend([]fleet.Instance{mysql("rm-1", fails(throttled))}, nil)
		p.Settle(nil)
	})
	if m := s.member("r-3", "rm-1"); !m.WantedSince.Equal(s.setting.Now) {
		t.Errorf("one instance is wanted since %s", m.WantedSince)
	}
}

// Turns: what has to be looked at.
func TestWhatIsLookedAtBeforeCalls(t *testing.T) {
	t.Parallel()
	s := begin(t, wide+"regions: [cn-hangzhou, cn-beijing]", mysql("rm-2"), mysql("rm-1", inRegion("cn-beijing"), env("dev")), mysql("rm-3", env("dev")), mysql("rm-4", env("dev")))
	s.receive("r-1", staged(dev))
	s.open()
	p := plan.On(s.document, s.setting)
	scopes := p.Turn()
	var got []string
	for _, scope := range scopes {
		got = append(got, strings.Join(scope.Regions, ",")+" "+strings.Join(scope.IDs, ","))
	}
	if want := "cn-beijing rm-1;cn-hangzhou rm-3,rm-4"; strings.Join(got, ";") != want {
		t.Fatalf("it looks at %v, want %s", got, want)
	}
	if since, matter := scopes[0].Tasks(mysql("rm-1")); !matter || !since.Equal(noon.Add(-7*24*time.Hour)) {
		t.Errorf("tasks matter %t since %s", matter, since)
	}
	if _, matter := scopes[0].Tasks(mysql("rm-1", status("Rebooting"))); matter {
		t.Error("the tasks of what is at work matter")
	}
	if scopes[0].Possible != nil || scopes[0].Offered != nil {
		t.Error("it looks at versions")
	}
	for name, c := range map[string]struct {
		instance fleet.Instance
		want     bool
	}{
		"of PostgreSQL, a member":            {pg("rm-1", primaryOf("rm-2")), true},
		"of PostgreSQL, without replicas":    {pg("rm-1"), false},
		"of MySQL, a member":                 {mysql("rm-1", primaryOf("rm-2")), false},
		"of MySQL, and it is no member":      {mysql("rm-1", primaryOf("rm-2", "rr-1")), true},
		"of MySQL, of one that is no member": {mysql("rm-9", primaryOf("rr-1")), false},
	} {
		if got := scopes[0].Replica(c.instance); got != c.want {
			t.Errorf("it looks at a replica %s: %t", name, got)
		}
	}
	crowd := p.Crowd()
	if diff := cmp.Diff([]string{"cn-hangzhou", "cn-beijing"}, crowd.Regions); diff != "" || crowd.IDs != nil || crowd.Possible(mysql("rm-1")) || crowd.Candidate != nil {
		t.Errorf("of the crowd (-want +got):\n%s", diff)
	}
	s.setting.Policy.Mode = policy.Off
	if p := plan.On(s.document, s.setting); p.Turn() != nil || p.Crowd().Regions != nil {
		t.Error("where nothing is called, something is looked at")
	}
	s = begin(t, wide, mysql("rm-1"))
	s.receive("r-1", oneAtOnce)
	s.open()
	if p := plan.On(s.document, s.setting); len(p.Turn()) != 1 || p.Crowd().Regions != nil || p.Turn()[0].Replica(mysql("rm-1", primaryOf("rr-1"))) {
		t.Error("for one instance no budget is counted, and no replica of MySQL is looked at")
	}
	if p := plan.On(begin(t, "").document, s.setting); p.Turn() != nil || p.Crowd().Regions != nil || p.Flights() != nil || p.Intents() != nil {
		t.Error("without a rollout something is looked at")
	}
}

// The bake counts from a late landing, too: the members of earlier waves that have failed are looked at before a wave begins.
func TestAFailedMemberOfAnEarlierWaveIsLookedAtBeforeTheNextOne(t *testing.T) {
	t.Parallel()
	s := begin(t, wide, mysql("d-1", env("e1")), mysql("d-2", env("e1")), mysql("d-3", env("e2")), mysql("d-4", env("e1"), locked), mysql("d-5", env("e2")), mysql("d-6"))
	s.receive("r-1", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"waves":[{"tags":{"env":"e1"}},{"tags":{"env":"e2"}},{"percent":100}],"bake":"24h","maxFailures":5}}`)
	s.accept(s.tick()...)
	s.change(tasks(fleet.Task{ID: "t-d-2", Status: fleet.TaskFailed}), "d-2")
	s.land("d-1")
	s.document.Remember("d-1", region).Landed = noon.Add(-time.Hour)
	s.document.Remember("d-3", region).Fail = &state.Fail{At: noon.Add(-time.Hour), Target: newer, Rollout: "r-0"} // of the wave that is next
	s.document.Remember("d-4", region).Fail = &state.Fail{At: noon.Add(-time.Hour), Target: newer, Rollout: "r-0"} // in no wave
	s.document.Remember("d-6", region).Fail = &state.Fail{At: noon.Add(-time.Hour), Target: newer, Rollout: "r-0"} // of the wave after it
	s.change(current(newer), "d-2")
	s.after(24 * time.Hour)
	if got := plan.On(s.document, s.setting).Turn(); len(got) != 1 || strings.Join(got[0].IDs, " ") != "d-2 d-3 d-5" {
		t.Errorf("it looks at %+v", got)
	}
	if got := s.tick(); got != nil || !s.document.Instance("d-2").Landed.Equal(s.setting.Now) {
		t.Errorf("after d-2 landed %v are called", called(got))
	}
	if got := called(s.after(24 * time.Hour).tick()); len(got) != 2 {
		t.Errorf("after its bake %v are called", got)
	}
}

// Replicas: at its turn a primary goes only when its replicas are proven to run its target.
func TestAPrimaryGoesOnlyWhenItsReplicasAreProven(t *testing.T) {
	t.Parallel()
	proven := func(m *state.Member) { m.State, m.End = state.Proven, &state.End{At: noon} }
	ended := func(s state.MemberState) func(*state.Member) {
		return func(m *state.Member) { m.State, m.End = s, &state.End{At: noon, Reason: "held"} }
	}
	cases := map[string]struct {
		engine  change
		replica func(*state.Member)
		seen    []fleet.Instance // of the replica, for its primary
		turn    []fleet.Instance // of the replica, for another rollout
		want    string
		says    string
	}{
		"PostgreSQL: its replica is proven, and runs the target": {postgres("cloud_essd"), proven, []fleet.Instance{pg("rr-1", current(pgNew))}, nil, "intent", ""},
		"PostgreSQL: it is proven, and does not any more":        {postgres("cloud_essd"), proven, []fleet.Instance{pg("rr-1")}, nil, "leftOut replica_first", "its replica rr-1 runs " + pgOld + ", and its upgrade would restart it"},
		"PostgreSQL: it is proven, and cannot be read":           {postgres("cloud_essd"), proven, []fleet.Instance{{ID: "rr-1", Fault: throttled}}, nil, "leftOut replica_first", "its replica rr-1 could not be read, and its upgrade would restart it"},
		"PostgreSQL: it was not read":                            {postgres("cloud_essd"), proven, nil, nil, "leftOut replica_first", "its replica rr-1 could not be read"},
		"PostgreSQL: it was read for its own turn":               {postgres("cloud_essd"), proven, nil, []fleet.Instance{pg("rr-1", current(pgNew))}, "intent", ""},
		"PostgreSQL: it has failed, and runs the target":         {postgres("cloud_essd"), ended(state.Failed), []fleet.Instance{pg("rr-1", current(pgNew))}, nil, "leftOut replica_first", "its replica rr-1 was not upgraded: failed"},
		"MySQL: its replica is proven":                           {current(older), proven, nil, nil, "intent", ""},
		"MySQL: it has failed":                                   {current(older), ended(state.Failed), nil, nil, "leftOut replica_first", "its replica rr-1 was not upgraded: failed"},
		"MySQL: it was left out on the way":                      {current(older), ended(state.LeftOut), nil, nil, "leftOut replica_first", "its replica rr-1 was not upgraded: leftOut"},
		"MySQL: it was left out from the beginning":              {current(older), func(m *state.Member) { ended(state.LeftOut)(m); m.Wave = 0 }, nil, nil, "intent", ""},
		"MySQL: a replica that is no member runs the target":     {current(older), func(m *state.Member) { proven(m); m.DBInstanceID = "rr-0" }, []fleet.Instance{mysql("rr-1", current(newer))}, nil, "intent", ""},
		"MySQL: a replica that is no member is behind":           {current(older), func(m *state.Member) { proven(m); m.DBInstanceID = "rr-0" }, []fleet.Instance{mysql("rr-1")}, nil, "leftOut replica_first", "its replica rr-1 runs rds_20240101, and is not in the rollout"},
		"MySQL: a replica that is no member was not read":        {current(older), func(m *state.Member) { proven(m); m.DBInstanceID = "rr-0" }, nil, nil, "leftOut replica_first", "its replica rr-1 could not be read, and is not in the rollout"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, atOnce, mysql("rm-1", c.engine, primaryOf("rr-1")), mysql("rr-1", c.engine, replicaOf("rm-1")), mysql("rx-1", c.engine))
			s.receive("r-1", `{"kind":"sweep","rollout":{"maxFailures":9}}`)
			s.open()
			r := s.rollout("r-1")
			c.replica(r.Member("rr-1"))
			other := r.Member("rx-1") // so that its wave has a proof
			other.State, other.End = state.Proven, &state.End{At: noon}
			primary := s.fleet[0]
			primary.Replicas = c.seen
			s.do(func(p *plan.Plan) { p.Intend(append(c.turn, primary), nil) })
			m := s.member("r-1", "rm-1")
			if says(m) != c.want || m.End != nil && !strings.Contains(m.End.Detail, c.says) {
				t.Errorf("it is %s, %+v; want %s, %q", says(m), m.End, c.want, c.says)
			}
		})
	}
}
