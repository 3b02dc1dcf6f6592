package plan_test

import (
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// Results: what a call has come to. There are cases for each line of the table above Record.
func TestWhatAResultComesTo(t *testing.T) {
	t.Parallel()
	refused := func(f *fault.Error) plan.Result { return plan.Result{Made: true, Fault: f} }
	expired := &fault.Error{Kind: fault.Expired, Message: "token"}
	cases := map[string]struct {
		result plan.Result
		want   string // of a member of a fleet
		one    string // of one instance; the same, if it is empty
		says   string // of its end, or of what it waits for
	}{
		"it was not made":                       {plan.Result{Detail: "too little time was left"}, "pending", "", ""},
		"it was accepted":                       {plan.Result{Made: true, AcceptedAt: noon.Add(1500 * time.Millisecond), Acceptance: fleet.Acceptance{RequestID: "C0FFEE", TaskID: "t-1"}}, "called", "", ""},
		"it was refused: the instance is busy":  {refused(conflict), "pending", "leftOut in_progress", "a task exists"},
		"it was refused: it is deleted":         {refused(missing), "leftOut gone", "", "it was deleted before its call: no such instance"},
		"it was refused for now: too many":      {refused(throttled), "pending", "", "its call was refused for now: slow down"},
		"it was refused for now: the keys":      {refused(expired), "pending", "", "its call was refused for now: token"},
		"it was refused for good":               {refused(denied), "failed", "", "not authorized"},
		"nobody knows":                          {refused(lost), "intent", "", ""},
		"nobody knows: a fault that is no such": {refused(&fault.Error{Kind: fault.Internal, InDoubt: true}), "intent", "", ""},
		"nobody says anything":                  {plan.Result{Made: true}, "intent", "", ""},
	}
	for name, c := range cases {
		for kind, text := range map[string]string{"of a fleet": sweepAll, "one instance": oneAtOnce} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				s := begin(t, atOnce, mysql("rm-1"))
				s.receive("r-1", text)
				result := c.result
				result.Intent = s.tick()[0]
				s.after(time.Minute).record(result)
				want := c.want
				if text == oneAtOnce && c.one != "" {
					want = c.one
				}
				m := s.member("r-1", "rm-1")
				text := m.Busy
				if m.End != nil {
					text = m.End.Detail
				}
				if says(m) != want || text != c.says {
					t.Fatalf("it is %s, %q; want %s, %q", says(m), text, want, c.says)
				}
				checkRecorded(t, s, m, result)
			})
		}
	}
}

func checkRecorded(t *testing.T, s *story, m *state.Member, result plan.Result) {
	t.Helper()
	fail := s.document.Instance("rm-1")
	switch m.State {
	case state.Pending:
		if m.Call != nil || m.End != nil || m.WantedSince.IsZero() != (result.Fault == nil) {
			t.Errorf("it waits since %s, with %+v", m.WantedSince, m.Call)
		}
	case state.Called:
		if !m.Call.AcceptedAt.Equal(noon.Add(time.Second)) || m.Call.TaskID != "t-1" || m.Call.RequestID != "C0FFEE" || !m.WantedSince.IsZero() {
			t.Errorf("got %+v, wanted since %s", m.Call, m.WantedSince)
		}
	case state.Failed:
		if want := (state.End{At: noon.Add(time.Minute), Kind: fault.Denied, Code: "Forbidden.RAM", RequestID: "F1A2", Detail: "not authorized"}); *m.End != want {
			t.Errorf("its end is %+v, want %+v", *m.End, want)
		}
		if fail == nil || *fail.Fail != (state.Fail{At: noon.Add(time.Minute), Target: newer, Rollout: "r-1"}) {
			t.Errorf("it is remembered as %+v", fail)
		}
		if m.Call == nil || m.Call.TasksBefore != nil || m.Accepted() {
			t.Errorf("got %+v", m.Call)
		}
	}
	if m.State != state.Failed && fail != nil {
		t.Errorf("it is remembered: %+v", fail)
	}
}

// Results: one that is of another intent, or that comes too late, changes nothing.
func TestAResultIsOfItsIntentAlone(t *testing.T) {
	t.Parallel()
	accepted := func(i plan.Intent) plan.Result {
		return plan.Result{Intent: i, Made: true, AcceptedAt: noon.Add(time.Minute)}
	}
	for name, c := range map[string]struct {
		change func(s *story, i *plan.Intent)
		want   string
	}{
		"it is its own":               {func(*story, *plan.Intent) {}, "called"},
		"another time":                {func(_ *story, i *plan.Intent) { i.At = i.At.Add(time.Second) }, "intent"},
		"another instance":            {func(_ *story, i *plan.Intent) { i.Call.DBInstanceID = "rm-9" }, "intent"},
		"another rollout":             {func(_ *story, i *plan.Intent) { i.Rollout = "r-9" }, "intent"},
		"a rollout that is gone":      {func(s *story, _ *plan.Intent) { s.document.Rollouts[0].ID = "r-9" }, "intent"},
		"it has been proven since":    {func(s *story, _ *plan.Intent) { s.land("rm-1") }, "proven"},
		"it has been called since":    {func(s *story, _ *plan.Intent) { s.change(status("Rebooting")); s.after(time.Hour).settle() }, "called"},
		"it waits for its turn again": {func(s *story, _ *plan.Intent) { s.after(first).settle() }, "pending"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, atOnce, mysql("rm-1"), mysql("rm-2"))
			s.receive("r-1", `{"kind":"sweep","select":{"DBInstanceId":["rm-1"]}}`)
			intent := s.tick()[0]
			c.change(s, &intent)
			before := s.document.Clone()
			s.record(accepted(intent))
			if got := says(&s.document.Rollouts[0].Members[0]); got != c.want {
				t.Errorf("it is %s, want %s", got, c.want)
			}
			if c.want != "called" && !state.Equal(before, s.document) {
				t.Error("the document has changed")
			}
		})
	}
	s := begin(t, atOnce, mysql("rm-1"))
	s.receive("r-1", sweepAll)
	intent := s.tick()[0]
	s.record(accepted(intent))
	before := s.document.Clone()
	if s.record(accepted(intent), plan.Result{Intent: intent, Made: true, Fault: denied}); !state.Equal(before, s.document) {
		t.Error("a second result has changed the document")
	}
}

// Waiting: an instance that refuses calls is wanted since the first one, and left out after verify.giveUp.
func TestAnInstanceThatRefusesCallsIsLeftOutAfterAWhile(t *testing.T) {
	t.Parallel()
	for f, want := range map[*fault.Error]string{conflict: "leftOut in_progress", throttled: "leftOut unread"} {
		s := begin(t, atOnce, mysql("rm-1"))
		s.receive("r-1", sweepAll)
		for n := range 7 {
			intents := s.tick()
			if len(intents) != 1 {
				t.Fatalf("after %d hours %d are called: %v", n, len(intents), s.states("r-1"))
			}
			s.record(plan.Result{Intent: intents[0], Made: true, Fault: f})
			s.after(time.Hour)
		}
		if got := says(s.member("r-1", "rm-1")); got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
	}
	s := begin(t, atOnce, mysql("rm-1"))
	s.receive("r-1", sweepAll)
	for range 7 {
		s.record(plan.Result{Intent: s.tick()[0], Made: true, Fault: conflict})
		s.accept(s.tick()...)
		s.after(6 * time.Hour)
		m := s.member("r-1", "rm-1")
		if m.State != state.Called || !m.WantedSince.IsZero() {
			t.Fatalf("it is %s, wanted since %s", says(m), m.WantedSince)
		}
		m.State, m.Call = state.Pending, nil // of a document that somebody has mended
	}
}

// Failures: a call that is refused for good halts the rollout in the same write.
func TestARefusedCallHaltsInTheSameWrite(t *testing.T) {
	t.Parallel()
	s := begin(t, atOnce, mysqls(3)...)
	s.receive("r-1", sweepAll)
	intents := s.tick()
	s.record(plan.Result{Intent: intents[0], Made: true, Fault: denied}, plan.Result{Intent: intents[1]}, plan.Result{Intent: intents[2], Made: true, Fault: lost})
	r := s.rollout("r-1")
	counts := [3]int{r.Count(state.Failed), r.Count(state.LeftOut), r.Count(state.Intent)}
	if r.State != state.Halted || counts != [3]int{1, 1, 1} {
		t.Errorf("it is %s: %v", r.State, s.states("r-1"))
	}
}

// One instance: its rollout is neither halted by a failure nor held by a gate.
func TestOneInstanceThatFailsClosesItsRollout(t *testing.T) {
	t.Parallel()
	s := begin(t, "", mysql("rm-1"))
	s.receive("r-1", oneAtOnce)
	s.record(plan.Result{Intent: s.tick()[0], Made: true, Fault: denied})
	if r := s.rollout("r-1"); r.State != state.Closed || r.Halt != "" {
		t.Errorf("it is %s: %s", r.State, r.Halt)
	}
	s = begin(t, "", mysql("rm-1"))
	q := s.message("r-1", noon, oneAtOnce)
	q.Cause.Trigger = events.Direct
	s.do(func(p *plan.Plan) { p.Receive(q) })
	s.accept(s.tick()...)
	s.land("rm-1")
	if r := s.rollout("r-1"); r.State != state.Closed || says(s.member("r-1", "rm-1")) != "proven" {
		t.Errorf("it is %s: %v", r.State, s.states("r-1"))
	}
}
