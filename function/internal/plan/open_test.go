package plan_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// openSeen opens a rollout with what was seen, or with the error of a listing.
func (s *story) openSeen(id string, seen []fleet.Instance, err error) {
	s.Helper()
	s.do(func(p *plan.Plan) { p.Open(p.Document.Rollout(id), seen, err) })
}

// Members are fixed when a rollout opens: every selected instance once, with its wave and target, or why it is left out.
func TestEverySelectedInstanceIsAMemberOnce(t *testing.T) {
	t.Parallel()
	s := begin(t, wide, mysql("rm-3", untagged), mysql("rm-2", env("dev"), func(i *fleet.Instance) { i.AutoUpgradeMinorVersion = "Auto" }), mysql("rm-1"), mysql("rm-4", current(newer)))
	s.receive("r-1", `{"kind":"advisory","advisory":{"id":"CVE-1","severity":"high","affected":[{"Engine":"MySQL","fixedIn":"`+newer+`"}]},"rollout":{"waves":[{"tags":{"env":"dev"}},{"percent":100}]}}`)
	s.after(time.Minute).open()
	member := func(id string, change func(*state.Member)) state.Member {
		m := state.Member{
			DBInstanceID: id, RegionID: region, Engine: "MySQL", EngineVersion: "8.0", Before: older, Target: newer, Verdict: "affected", State: state.Pending,
			Why: "CVE-1: rds_20240101 is older than rds_20260228",
		}
		change(&m)
		return m
	}
	out := func(reason plan.Reason, detail string) *state.End {
		return &state.End{At: noon.Add(time.Minute), Reason: string(reason), Detail: detail}
	}
	want := []state.Member{
		member("rm-1", func(m *state.Member) { m.Wave = 2 }),
		member("rm-2", func(m *state.Member) { m.Wave, m.AutoUpgradeMinorVersion = 1, "Auto" }),
		member("rm-3", func(m *state.Member) {
			m.State, m.Why, m.End = state.LeftOut, "", out(plan.NotOptedIn, "it has not the tag kernel-upgrade=auto")
		}),
		member("rm-4", func(m *state.Member) {
			m.Before, m.Target, m.Verdict = newer, "", "not_affected"
			m.State, m.Why, m.End = state.LeftOut, "", out(plan.NotAffected, "CVE-1: rds_20260228 is not older than rds_20260228")
		}),
	}
	r := s.rollout("r-1")
	if diff := cmp.Diff(want, r.Members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if r.State != state.Open || !r.Since.Equal(noon.Add(time.Minute)) || len(r.Waves) != 2 || r.Notes != nil {
		t.Errorf("got %+v", r)
	}
	s.fleet = append(s.fleet, mysql("rm-5"))
	s.tick()
	if len(s.rollout("r-1").Members) != 4 {
		t.Errorf("an instance that came later is a member: %v", s.states("r-1"))
	}
}

// Notes: what was probably not meant is kept with the rollout.
func TestARolloutKeepsItsNotes(t *testing.T) {
	t.Parallel()
	s := begin(t, wide, mysql("rm-1"))
	s.receive("r-1", staged(dev))
	s.open()
	if notes := s.rollout("r-1").Notes; len(notes) != 1 || !strings.HasPrefix(notes[0], "rollout.waves[0] (env=dev) has none") {
		t.Errorf("got %q", notes)
	}
}

// A rollout whose members have all ended is closed at once.
func TestARolloutWithNothingToDoIsClosed(t *testing.T) {
	t.Parallel()
	for name, fleet := range map[string][]fleet.Instance{"nothing is selected": nil, "all are up to date": mysqls(3, current(newer))} {
		s := begin(t, "", fleet...)
		s.receive("r-1", sweepAll)
		s.after(time.Minute).open()
		r := s.rollout("r-1")
		want := state.Last{At: noon.Add(time.Minute), Ended: state.EndedClosed, Rollout: "r-1"}
		if r.State != state.Closed || !r.Since.Equal(want.At) || s.document.Last[r.Key] != want {
			t.Errorf("%s: it is %s since %s, and its key ended %+v", name, r.State, r.Since, s.document.Last[r.Key])
		}
	}
}

// Observation: what must have been seen before members are fixed. Of a fleet a tenth may be missing; that is left out.
func TestHowMuchMustBeSeenBeforeMembersAreFixed(t *testing.T) {
	t.Parallel()
	expired := &fault.Error{Kind: fault.Expired, Message: "token"}
	many := func(n, faulty int, f *fault.Error) []fleet.Instance {
		all := mysqls(n)
		for k := range faulty {
			all[k] = mysql(all[k].ID, fails(f))
		}
		return all
	}
	const waits, refuses, opens = "waits", "refuses", "opens"
	cases := map[string]struct {
		request string
		seen    []fleet.Instance
		err     error
		first   string // at first
		later   string // at the last moment before verify.giveUp
		last    string // after verify.giveUp
		says    string
	}{
		"all of it":                                    {sweepAll, many(10, 0, nil), nil, opens, opens, opens, ""},
		"nothing is there":                             {sweepAll, nil, nil, opens, opens, opens, ""},
		"a tenth is missing":                           {sweepAll, many(10, 1, throttled), nil, opens, opens, opens, ""},
		"two of twenty are missing":                    {sweepAll, many(20, 2, throttled), nil, opens, opens, opens, ""},
		"two of nineteen are missing":                  {sweepAll, many(19, 2, throttled), nil, waits, waits, refuses, "2 of 19 instances could not be read: Throttling.User: slow down"},
		"more of them, for good":                       {sweepAll, many(10, 9, denied), nil, opens, opens, opens, ""},
		"the listing fails for now":                    {sweepAll, nil, throttled, waits, waits, refuses, "the fleet cannot be listed: Throttling.User: slow down"},
		"the listing fails, with expired keys":         {sweepAll, nil, expired, waits, waits, refuses, "token"},
		"the listing is refused for now":               {sweepAll, nil, conflict, waits, waits, refuses, "a task exists"},
		"the listing is refused for good":              {sweepAll, nil, denied, refuses, refuses, refuses, "the fleet cannot be listed: Forbidden.RAM: not authorized"},
		"the listing fails in a way that nobody knows": {sweepAll, nil, errors.New("odd"), refuses, refuses, refuses, "odd"},
		"one instance that cannot be read now":         {oneAtOnce, []fleet.Instance{mysql("rm-1", fails(throttled))}, nil, waits, waits, refuses, "1 of 1 instances could not be read"},
		"one instance that is busy when it is read":    {oneAtOnce, []fleet.Instance{mysql("rm-1", fails(conflict))}, nil, opens, opens, opens, ""},
		"one instance that does not exist":             {oneAtOnce, []fleet.Instance{mysql("rm-1", fails(missing))}, nil, opens, opens, opens, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, moment := range []struct {
				after time.Duration
				want  string
			}{{0, c.first}, {giveUp - time.Second, c.later}, {giveUp, c.last}} {
				s := begin(t, "")
				s.receive("r-1", c.request)
				if moment.after > 0 {
					s.openSeen("r-1", nil, throttled)
				}
				s.after(moment.after).openSeen("r-1", c.seen, c.err)
				r, got := s.document.Rollout("r-1"), opens
				switch {
				case r == nil:
					got = refuses
				case r.State == state.Waiting:
					got = waits
				}
				if got != moment.want {
					t.Fatalf("after %s it %s, want %s", moment.after, got, moment.want)
				}
				m := s.document.Message("r-1")
				if got == refuses && (m.Answer != state.AnswerRefused || m.Rollout != "" || !strings.Contains(m.Detail, c.says)) {
					t.Errorf("its message: %+v; want %q", m, c.says)
				}
				if got == refuses && s.document.Last[plan.KeyOf(parse(t, c.request))] != (state.Last{At: noon.Add(moment.after), Ended: state.EndedClosed}) {
					t.Errorf("its key ended: %v", s.document.Last)
				}
				if got == waits && (!r.TriedSince.Equal(noon) || r.Members != nil) || got == opens && !r.TriedSince.IsZero() {
					t.Errorf("tried since %s, with %d members", r.TriedSince, len(r.Members))
				}
			}
		})
	}
}

// Observation: a rollout that is taken back leaves the others as they are.
func TestARolloutThatIsTakenBackLeavesTheOthers(t *testing.T) {
	t.Parallel()
	s := begin(t, "")
	for _, id := range []string{"r-1", "r-2", "r-3"} {
		s.receive(id, advise("CVE-"+id, "low", ""))
	}
	s.openSeen("r-2", nil, denied)
	if len(s.document.Rollouts) != 2 || s.document.Rollouts[0].ID != "r-1" || s.document.Rollouts[1].ID != "r-3" {
		t.Errorf("got %d rollouts", len(s.document.Rollouts))
	}
	if len(s.document.Messages) != 3 {
		t.Errorf("got %d messages", len(s.document.Messages))
	}
	s.document.Messages = nil // of a document that somebody has mended
	s.openSeen("r-1", nil, denied)
	if len(s.document.Rollouts) != 1 {
		t.Errorf("got %d rollouts", len(s.document.Rollouts))
	}
}

// planHash: the plan that was shown is begun, and no other one.
func TestARequestWithAPlanHashIsThatPlanOrNone(t *testing.T) {
	t.Parallel()
	s := begin(t, wide, mysqls(3)...)
	_, hash := plan.On(s.document, s.setting).Preview(s.message("x", noon, sweepAll), s.fleet)
	text := `{"kind":"sweep","planHash":"` + hash + `"}`
	for name, c := range map[string]struct {
		fleet []fleet.Instance
		opens bool
	}{
		"the fleet is as it was":        {mysqls(3), true},
		"one more is up to date":        {append(mysqls(2), mysql("rm-002", current(newer))), false},
		"there is an instance more":     {mysqls(4), false},
		"one has another version first": {append(mysqls(2), mysql("rm-002", current(middle))), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, wide, c.fleet...)
			s.receive("r-1", text)
			s.after(time.Hour).open()
			if opened := s.document.Rollout("r-1") != nil; opened != c.opens {
				t.Fatalf("it has opened: %t", opened)
			}
			if m := s.document.Message("r-1"); !c.opens && (m.Answer != state.AnswerRefused || !strings.HasPrefix(m.Detail, "planHash: the plan is no longer "+hash+" but ")) {
				t.Errorf("its message: %+v", m)
			}
		})
	}
}

// planHash: a failure that the look at the fleet has cleared is cleared in the plan, too.
func TestAPlanIsShownAsItWouldBegin(t *testing.T) {
	t.Parallel()
	s := begin(t, wide, mysql("rm-1", current(middle)), mysql("rm-2"))
	s.document.Instances = []*state.Instance{
		{DBInstanceID: "rm-1", RegionID: region, Fail: &state.Fail{At: noon.Add(time.Minute), Target: middle, Rollout: "r-0"}},
		{DBInstanceID: "rm-2", RegionID: region, Fail: &state.Fail{At: noon.Add(time.Minute), Target: middle, Rollout: "r-0"}},
	}
	r, hash := plan.On(s.document, s.setting).Preview(s.message("x", noon, sweepAll), s.fleet)
	checkMember(t, of(t, r, "rm-1"), "")
	checkMember(t, of(t, r, "rm-2"), plan.FailedBefore)
	s.receive("r-1", `{"kind":"sweep","planHash":"`+hash+`"}`)
	s.open()
	if diff := cmp.Diff(map[string]string{"rm-1": "pending", "rm-2": "leftOut failed_before"}, s.states("r-1")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Memory of failures: who asks again, and when.
func TestAnInstanceThatHasFailedIsAskedAgainOnlyByALaterRequestOfAnOperator(t *testing.T) {
	t.Parallel()
	fail := noon.Add(-time.Hour)
	cases := map[string]struct {
		sent    time.Time
		trigger events.Trigger
		change  func(d *state.Document)
		asked   bool
	}{
		"nothing has failed":                          {noon, events.MNSTopic, func(d *state.Document) { d.Instances = nil }, true},
		"a request that was sent after it":            {fail.Add(time.Second), events.MNSTopic, nil, true},
		"one that was sent in the same second":        {fail.Add(999 * time.Millisecond), events.MNSTopic, nil, false},
		"one that was sent before it":                 {fail.Add(-time.Second), events.MNSTopic, nil, false},
		"one of which nobody knows when it was sent":  {time.Time{}, events.Direct, nil, true},
		"one that comes from the future":              {noon.Add(time.Hour), events.MNSTopic, nil, true},
		"the same, and the failure is of this second": {noon.Add(time.Hour), events.MNSTopic, func(d *state.Document) { d.Instances[0].Fail.At = noon }, false},
		"a timer's request, whenever it was sent":     {noon, events.Timer, nil, false},
		"a failure that nobody was told of":           {noon, events.MNSTopic, untold, false},
		"a failure whose rollout is gone":             {noon, events.MNSTopic, func(d *state.Document) { untold(d); d.Rollouts = nil }, true},
		"a failure whose rollout has other members":   {noon, events.MNSTopic, func(d *state.Document) { untold(d); d.Rollouts[0].Members[0].DBInstanceID = "rm-9" }, true},
		"a failure that was published":                {noon, events.MNSTopic, func(d *state.Document) { untold(d); d.Rollouts[0].Members[0].Told = state.ToldEnd }, true},
	}
	for name, c := range cases {
		for _, text := range []string{advised("low"), oneAtOnce} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := begin(t, "", mysql("rm-1"))
				s.document.Instances = []*state.Instance{{DBInstanceID: "rm-1", RegionID: region, Fail: &state.Fail{At: fail, Target: newer, Rollout: "r-0"}}}
				if c.change != nil {
					c.change(s.document)
				}
				q := s.message("r-1", c.sent, text)
				q.Cause.Trigger = c.trigger
				s.do(func(p *plan.Plan) { p.Receive(q) })
				s.open()
				want := "leftOut failed_before"
				if c.asked {
					want = "pending"
				}
				m := s.member("r-1", "rm-1")
				if says(m) != want {
					t.Fatalf("it is %s, want %s", says(m), want)
				}
				if detail := "its upgrade to rds_20260228 did not succeed in rollout r-0 at "; !c.asked && !strings.HasPrefix(m.End.Detail, detail) {
					t.Errorf("it says %q", m.End.Detail)
				}
			})
		}
	}
}

// untold is a rollout in which rm-1 has failed, which was not published.
func untold(d *state.Document) {
	r := &state.Rollout{
		ID: "r-0", Key: "k", State: state.Closed, Since: noon.Add(-time.Hour), Received: noon.Add(-2 * time.Hour), Cause: state.Cause{Trigger: events.MNSTopic, FCRequestID: "1"},
		Request: events.Request{Kind: events.KindSweep, Fleet: &events.Fleet{}},
	}
	r.Enrol([]state.Member{{DBInstanceID: "rm-1", RegionID: region, Wave: 1, State: state.Failed, Target: newer, End: &state.End{At: noon.Add(-time.Hour)}}})
	d.Rollouts = append(d.Rollouts, r)
}

// Memory of failures: it is cleared, and a bake begins, when the instance is seen to run the target after all. Only a whole look counts.
func TestAFailureIsForgottenWhenTheInstanceRunsTheTarget(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change change
		want   bool
	}{
		"it runs the target":                  {current(newer), true},
		"it runs a newer version":             {current("rds_20260901"), true},
		"it runs the target, and not Running": {func(i *fleet.Instance) { i.CurrentKernelVersion, i.Status = newer, "Rebooting" }, false},
		"it does not":                         {current(middle), false},
		"it was only listed":                  {func(i *fleet.Instance) { i.CurrentKernelVersion, i.Listed = newer, true }, false},
		"it could not be read now":            {func(i *fleet.Instance) { i.CurrentKernelVersion, i.Fault = newer, denied }, false},
	} {
		steps := map[string]func(s *story){
			"when it is looked at": func(s *story) { s.do(func(p *plan.Plan) { p.Settle(s.fleet) }) },
			"when a rollout opens": func(s *story) { s.receive("r-1", sweepAll); s.open() },
			"before it is called":  func(s *story) { s.do(func(p *plan.Plan) { p.Intend(s.fleet, nil) }) },
			"with another one's eye": func(s *story) {
				s.fleet = append(mysqls(2), s.fleet...)
				s.do(func(p *plan.Plan) { p.Settle(s.fleet) })
			},
		}
		for when, step := range steps {
			s := begin(t, "", mysql("rm-1", c.change))
			s.document.Instances = []*state.Instance{{DBInstanceID: "rm-1", RegionID: region, Fail: &state.Fail{At: noon.Add(time.Hour), Target: newer, Rollout: "r-0"}}}
			step(s.after(time.Minute))
			i := s.document.Instance("rm-1")
			if landed := i.Fail == nil && i.Landed.Equal(noon.Add(time.Minute)); landed != c.want || !landed && (i.Fail == nil || !i.Landed.IsZero()) {
				t.Errorf("%s, %s: %+v", name, when, i)
			}
		}
	}
}

// Openings: every request for one instance, and of the others the one at the front; none where the policy does not apply.
func TestWhichRolloutsOpen(t *testing.T) {
	t.Parallel()
	openings := func(s *story) (ids []string) {
		for _, r := range plan.On(s.document, s.setting).Openings() {
			ids = append(ids, r.ID)
		}
		return ids
	}
	s := begin(t, "", mysqls(2)...)
	s.receive("r-1", advise("CVE-1", "low", ""))
	s.receive("r-2", advise("CVE-2", "high", ""))
	s.receive("r-3", `{"DBInstanceId":"rm-000"}`)
	s.receive("r-4", `{"DBInstanceId":"rm-001"}`)
	if diff := cmp.Diff([]string{"r-2", "r-3", "r-4"}, openings(s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, mode := range []policy.Mode{policy.Plan, policy.Off} {
		s.setting.Policy.Mode = mode
		if got := openings(s); got != nil {
			t.Errorf("in mode %s: %v", mode, got)
		}
	}
	s.setting.Policy.Mode = policy.Apply
	s.open()
	if got := openings(s); got != nil {
		t.Errorf("while they are open: %v", got)
	}
}

// Order: the higher severity, then the one that is open, then the one that was sent earlier. A request for one instance is never at the front.
func TestWhoseTurnItIs(t *testing.T) {
	t.Parallel()
	rollout := func(id, severity string, s state.RolloutState, sent, received time.Duration) *state.Rollout {
		r := &state.Rollout{ID: id, Severity: severity, State: s, Received: noon.Add(received), Request: events.Request{Kind: events.KindSweep, Fleet: &events.Fleet{}}}
		if sent != 0 {
			r.Published = noon.Add(sent)
		}
		return r
	}
	one := rollout("one", "", state.Open, -time.Hour, 0)
	one.Request = events.Request{Kind: events.KindUpgrade}
	const hour = time.Hour
	for name, c := range map[string]struct {
		want     string
		rollouts []*state.Rollout
	}{
		"nobody":                                      {"", nil},
		"the only one":                                {"a", []*state.Rollout{rollout("a", "low", state.Waiting, 0, 0)}},
		"critical before high":                        {"b", []*state.Rollout{rollout("a", "high", state.Open, 0, 0), rollout("b", "critical", state.Waiting, 0, 0)}},
		"high before medium":                          {"b", []*state.Rollout{rollout("a", "medium", state.Open, 0, 0), rollout("b", "high", state.Waiting, 0, 0)}},
		"medium before low":                           {"b", []*state.Rollout{rollout("a", "low", state.Open, 0, 0), rollout("b", "medium", state.Waiting, 0, 0)}},
		"low before one that is not known":            {"b", []*state.Rollout{rollout("a", "", state.Open, 0, 0), rollout("b", "low", state.Waiting, 0, 0)}},
		"the one that is open before an earlier one":  {"b", []*state.Rollout{rollout("a", "low", state.Waiting, -hour, 0), rollout("b", "low", state.Open, -time.Minute, 0)}},
		"of two that wait, the one sent earlier":      {"b", []*state.Rollout{rollout("a", "low", state.Waiting, -time.Minute, 0), rollout("b", "low", state.Waiting, -hour, 0)}},
		"where that is not known, received earlier":   {"b", []*state.Rollout{rollout("a", "low", state.Waiting, 0, 0), rollout("b", "low", state.Waiting, 0, -time.Minute)}},
		"sent in the future counts as when received":  {"b", []*state.Rollout{rollout("a", "low", state.Waiting, 2*hour, hour), rollout("b", "low", state.Waiting, 3*hour, time.Minute)}},
		"of two that are the same, by the id":         {"a", []*state.Rollout{rollout("b", "low", state.Waiting, 0, 0), rollout("a", "low", state.Waiting, 0, 0)}},
		"one that was halted is passed":               {"b", []*state.Rollout{rollout("a", "critical", state.Halted, 0, 0), rollout("b", "low", state.Waiting, 0, 0)}},
		"one that has ended is passed":                {"b", []*state.Rollout{rollout("a", "critical", state.Closed, 0, 0), rollout("b", "low", state.Waiting, 0, 0)}},
		"a request for one instance is passed":        {"b", []*state.Rollout{one, rollout("b", "low", state.Waiting, 0, 0)}},
		"with requests for single instances, nobody":  {"", []*state.Rollout{one}},
		"with halted ones alone, nobody":              {"", []*state.Rollout{rollout("a", "low", state.Halted, 0, 0)}},
		"severity before both: open, and the earlier": {"c", []*state.Rollout{rollout("a", "low", state.Open, 0, 0), rollout("b", "low", state.Waiting, -hour, 0), rollout("c", "medium", state.Waiting, 0, 0)}},
	} {
		got := ""
		if r := plan.Front(&state.Document{Rollouts: c.rollouts}); r != nil {
			got = r.ID
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Observation: what a request wants to be seen.
func TestWhatARequestWantsToSee(t *testing.T) {
	t.Parallel()
	setting := begin(t, "regions: [cn-hangzhou, cn-beijing, cn-shanghai]").setting
	scope := setting.Scope(parse(t, `{"kind":"sweep","select":{"RegionId":["cn-beijing","cn-shanghai"],"tags":{"env":"dev"},"ResourceGroupId":"rg-1","Engine":"MySQL","DBInstanceId":["rm-7"]}}`))
	want := fleet.Scope{
		Regions: []string{"cn-beijing", "cn-shanghai"}, IDs: []string{"rm-7"},
		Filter: fleet.Filter{Engine: "MySQL", ResourceGroupID: "rg-1", Tags: map[string]string{"env": "dev"}},
	}
	if !scope.Replica(mysql("rm-1")) || scope.Tasks != nil {
		t.Error("a request about a fleet looks at all replicas, and at no tasks")
	}
	scope.Possible, scope.Candidate, scope.Offered, scope.Replica = nil, nil, nil, nil
	if diff := cmp.Diff(want, scope); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"cn-hangzhou", "cn-beijing", "cn-shanghai"}, setting.Scope(parse(t, sweepAll)).Regions); diff != "" {
		t.Errorf("without a region (-want +got):\n%s", diff)
	}
	fix := setting.Scope(parse(t, advised("high")))
	sweep := setting.Scope(parse(t, sweepAll))
	for name, c := range map[string]struct {
		instance                                             fleet.Instance
		possible, candidate, offeredToSweep, offeredToAdvice bool
	}{
		"nothing stops it":              {mysql("rm-1"), true, true, true, true},
		"it runs the latest":            {mysql("rm-1", current(newer)), true, true, false, true},
		"not opted in":                  {mysql("rm-1", untagged), true, false, false, false},
		"another engine":                {mysql("rm-1", engine("MariaDB")), false, false, false, false},
		"an engine that is not in it":   {pg("rm-1"), false, false, true, false},
		"locked":                        {mysql("rm-1", locked), true, false, false, false},
		"busy":                          {mysql("rm-1", status("Rebooting")), true, true, true, true},
		"stopped":                       {mysql("rm-1", status("Stopped")), true, false, false, false},
		"held until its tag is removed": {mysql("rm-1", hold("yes")), true, false, false, false},
	} {
		got := []bool{fix.Possible(c.instance), fix.Candidate(c.instance), sweep.Offered(c.instance), fix.Offered(c.instance)}
		if diff := cmp.Diff([]bool{c.possible, c.candidate, c.offeredToSweep, c.offeredToAdvice}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Observation: what a request for one instance wants to be seen.
func TestWhatARequestForOneInstanceWantsToSee(t *testing.T) {
	t.Parallel()
	setting := begin(t, "").setting
	plain, together := setting.Scope(parse(t, oneAtOnce)), setting.Scope(parse(t, `{"DBInstanceId":"rm-1","RegionId":"cn-beijing","withReplicas":true,"TargetMinorVersion":"`+newer+`"}`))
	if plain.Regions[0] != region || together.Regions[0] != "cn-beijing" || plain.IDs[0] != "rm-1" || plain.Candidate != nil || plain.Possible != nil {
		t.Errorf("got %+v, %+v", plain, together)
	}
	primary := pg("rm-1", primaryOf("rr-1"))
	if !plain.Replica(primary) || plain.Replica(pg("rm-1")) || plain.Replica(mysql("rm-1", primaryOf("rr-1"))) || together.Replica(primary) {
		t.Error("the replicas of a PostgreSQL primary are looked at, unless their restart is meant")
	}
	if plain.Offered(mysql("rm-1")) || !together.Offered(mysql("rm-1")) || together.Offered(mysql("rm-1", engine("MariaDB"))) {
		t.Error("versions are wanted where one is asked for")
	}
	for name, c := range map[string]struct {
		instance fleet.Instance
		want     bool
	}{
		"it may be called at once":    {mysql("rm-1"), true},
		"it is up to date":            {mysql("rm-1", current(newer)), false},
		"it is locked":                {mysql("rm-1", locked), false},
		"it is busy":                  {mysql("rm-1", status("Rebooting")), false},
		"its replicas are behind":     {primary, false},
		"its engine is not supported": {mysql("rm-1", engine("MariaDB")), false},
	} {
		if since, matter := plain.Tasks(c.instance); matter != c.want || !since.Equal(noon.Add(-7*24*time.Hour)) {
			t.Errorf("%s: its tasks matter %t since %s", name, matter, since)
		}
	}
}
