package plan_test

import (
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// flying is a document with one rollout of one wave, in which rm-1 is in flight since noon, and rm-2 waits in a second wave. The call was made at
// once, accepted, and its task has the id t-1.
func flying(tb testing.TB, changes ...func(*state.Member)) *story {
	tb.Helper()
	s := begin(tb, wide, mysql("rm-1", env("dev")), mysql("rm-2"))
	s.receive("r-1", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"waves":[`+dev+`],"maxFailures":5}}`)
	s.accept(s.tick()...)
	m := s.member("r-1", "rm-1")
	if m.State != state.Called || m.Call.TaskID != "t-rm-1" {
		tb.Fatalf("got %+v, %+v", m, m.Call)
	}
	m.Call.TaskID, m.Call.TasksBefore = "t-1", []string{"t-0"}
	for _, change := range changes {
		change(m)
	}
	return s
}

// anIntent is a call of which nobody knows whether it was made.
func anIntent(m *state.Member) {
	m.State, m.Call.AcceptedAt, m.Call.TaskID, m.Call.RequestID = state.Intent, time.Time{}, "", ""
}

// unnamed is a call whose task has no known id.
func unnamed(m *state.Member) { m.Call.TaskID = "" }

// left is a call after which the instance was seen in another status than Running.
func left(m *state.Member) { m.Call.Left = true }

// wantedFor is a member whose turn has come some time before the call.
func wantedFor(d time.Duration) func(*state.Member) {
	return func(m *state.Member) { m.WantedSince = noon.Add(-d) }
}

// back is a call after which the instance was seen Running again, without the target.
func back(m *state.Member) { m.Call.Back = true }

// tonight is a call for the maintenance window of 18:00 to 22:00.
func tonight(m *state.Member) {
	m.Call.UpgradeTime, m.Call.Due = events.MaintainTime, noon.Add(10*time.Hour)
}

// evening is a call for 20:00.
func evening(m *state.Member) {
	m.Call.UpgradeTime, m.Call.SwitchTime, m.Call.Due = events.SpecifyTime, noon.Add(8*time.Hour), noon.Add(8*time.Hour)
}

// verdictCase is what one look at one instance in flight comes to.
type verdictCase struct {
	call  []func(*state.Member)
	seen  []change
	after time.Duration
	want  string // its state, and the reason for which it was left out
	says  string // of its end, or of what it waits for
}

// The verdict: there are cases for each line of the table above verdict, and for each of them with an intent and a call, with tasks and without.
func TestWhatACallHasComeTo(t *testing.T) {
	t.Parallel()
	busy := status("Rebooting")
	mine := func(status fleet.TaskStatus) change {
		return tasks(task("t-0", fleet.TaskSucceeded), task("t-1", status))
	}
	failed := tasks(fleet.Task{ID: "t-1", Status: fleet.TaskFailed, Reason: "NoSpace"})
	others := func(status fleet.TaskStatus) change { return tasks(task("t-0", fleet.TaskFailed), task("t-9", status)) }
	before := tasks(task("t-0", fleet.TaskRunning))
	type member = []func(*state.Member)
	cases := map[string]verdictCase{
		// was deleted
		"a call: it was deleted":    {nil, []change{fails(missing)}, time.Minute, "leftOut gone", "it was deleted while its upgrade was in flight"},
		"an intent: it was deleted": {member{anIntent}, []change{fails(missing)}, time.Minute, "leftOut gone", "it was deleted while its upgrade was in flight"},

		// could not be read
		"a call: it cannot be read now, however long":           {nil, []change{fails(throttled)}, 100 * giveUp, "called", ""},
		"a call: it cannot be read for good, in time":           {nil, []change{fails(denied)}, giveUp - time.Second, "called", ""},
		"a call: it cannot be read for good, and time is up":    {nil, []change{fails(denied)}, giveUp, "unverified", "it cannot be looked at: Forbidden.RAM: not authorized"},
		"a call: reading it is refused, and time is up":         {nil, []change{fails(conflict)}, giveUp, "unverified", "it cannot be looked at: TaskExists"},
		"an intent: it cannot be read now, however long":        {member{anIntent}, []change{fails(throttled)}, 100 * giveUp, "intent", ""},
		"an intent: it cannot be read for good, in time":        {member{anIntent}, []change{fails(denied)}, giveUp - time.Second, "intent", ""},
		"an intent: it cannot be read for good, and time is up": {member{anIntent}, []change{fails(denied)}, giveUp, "unverified", "it cannot be looked at"},
		"an intent: what was read before the fault is no look":  {member{anIntent}, []change{fails(throttled), current(newer), busy}, time.Minute, "intent", ""},

		// runs the target, Running
		"a call: it runs the target":                      {nil, []change{current(newer)}, time.Minute, "proven", ""},
		"a call: it runs a newer version":                 {nil, []change{current("rds_20261101")}, time.Minute, "proven", ""},
		"a call: it runs the target, when time is up":     {nil, []change{current(newer)}, giveUp, "proven", ""},
		"a call: it runs the target, and its task failed": {nil, []change{current(newer), failed}, time.Minute, "proven", ""},
		"a call: it runs the target, at the second look":  {member{left, back}, []change{current(newer)}, time.Minute, "proven", ""},
		"a call: it runs the target, and is not Running":  {nil, []change{current(newer), busy}, time.Minute, "called", ""},
		"an intent: it runs the target":                   {member{anIntent}, []change{current(newer)}, time.Minute, "proven", ""},
		"an intent: it runs the target after verify.giveUp": {
			member{anIntent}, []change{current(newer), unasked}, 2 * giveUp, "proven", "",
		},

		// an intent of which something shows
		"an intent: a new task":                                    {member{anIntent}, []change{others(fleet.TaskRunning)}, time.Second, "called", ""},
		"an intent: a new task, which waits":                       {member{anIntent}, []change{others(fleet.TaskScheduled)}, time.Second, "called", "RDS's task t-9 is Scheduled"},
		"an intent: a new task, which has failed, is looked again": {member{anIntent}, []change{others(fleet.TaskFailed)}, time.Second, "called", ""},
		"an intent: it is at work":                                 {member{anIntent}, []change{busy}, time.Second, "called", ""},
		"an intent: it is at work, and no tasks can be asked for":  {member{anIntent}, []change{busy, unasked}, time.Second, "called", ""},
		"an intent: it was stopped, which shows nothing":           {member{anIntent}, []change{status("Stopped")}, time.Second, "intent", ""},
		"an intent: a task from before it shows nothing":           {member{anIntent}, []change{before}, time.Second, "intent", ""},
		"an intent for tonight: at work before shows nothing":      {member{anIntent, tonight}, []change{busy}, time.Second, "intent", ""},
		"an intent for tonight: at work in the window":             {member{anIntent, tonight}, []change{busy, unasked}, 6 * time.Hour, "called", ""},
		"an intent for tonight: a task shows at once":              {member{anIntent, tonight}, []change{others(fleet.TaskScheduled)}, time.Second, "called", "RDS's task t-9 is Scheduled"},
		"an intent: a new task, and time is up":                    {member{anIntent}, []change{others(fleet.TaskRunning)}, giveUp, "failed", "it was called, and runs rds_20240101; RDS's task t-9 is Running"},

		// an intent of which nothing shows
		"an intent: nothing, just before verify.first":            {member{anIntent}, nil, first - time.Second, "intent", ""},
		"an intent: nothing, after verify.first":                  {member{anIntent}, nil, first, "pending", "the answer to its call was lost, and the call has shown nothing: it was not made"},
		"an intent: nothing, and no tasks can be asked for":       {member{anIntent}, []change{unasked}, first, "intent", ""},
		"the same, verify.giveUp after it was due":                {member{anIntent}, []change{unasked}, giveUp, "unverified", "nobody knows whether it was called"},
		"an intent: stopped, after verify.first":                  {member{anIntent}, []change{status("Stopped")}, first, "pending", "it was not made"},
		"an intent for tonight: no task, after verify.first":      {member{anIntent, tonight}, nil, first, "pending", "it was not made"},
		"an intent for tonight: no tasks can be asked for":        {member{anIntent, tonight}, []change{unasked}, first, "intent", ""},
		"that one, just before verify.giveUp after it was due":    {member{anIntent, tonight}, []change{unasked}, 10*time.Hour + giveUp - time.Second, "intent", ""},
		"that one, verify.giveUp after it was due":                {member{anIntent, tonight}, []change{unasked}, 10*time.Hour + giveUp, "unverified", "nobody knows whether it was called"},
		"an intent: nothing, and it was wanted for long before":   {member{anIntent, wantedFor(giveUp - first)}, nil, first, "leftOut unread", "it was its turn at 2026-11-22T06:05:00Z"},
		"an intent: nothing, and it was wanted for less":          {member{anIntent, wantedFor(giveUp - first - time.Second)}, nil, first, "pending", "it was not made"},
		"an intent for 20:00: no tasks, just before verify.first": {member{anIntent, evening}, []change{unasked}, 8*time.Hour + first - time.Second, "intent", ""},

		// the call's task failed, or was cancelled
		"a call: its task has failed":                       {nil, []change{failed}, time.Minute, "failed", "RDS's task t-1 is Failed: NoSpace"},
		"a call: its task has failed, and it is at work":    {nil, []change{busy, failed}, time.Minute, "failed", "RDS's task t-1 is Failed: NoSpace"},
		"a call: its task was cancelled":                    {nil, []change{mine(fleet.TaskCanceled)}, time.Minute, "failed", "is Canceled, with StartTime 2026-11-22T12:00:00Z: somebody has cancelled it"},
		"a call: its task is being cancelled":               {nil, []change{mine(fleet.TaskCancelling)}, time.Minute, "called", ""},
		"a call: another task has failed":                   {nil, []change{others(fleet.TaskFailed)}, time.Minute, "called", ""},
		"a call without an id: a new task has failed":       {member{unnamed}, []change{others(fleet.TaskFailed)}, time.Minute, "called", ""},
		"the same, at the second look":                      {member{unnamed, back}, []change{others(fleet.TaskFailed)}, time.Minute, "failed", "it came back with rds_20240101, not with rds_20260228"},
		"a call without an id: a task from before has":      {member{unnamed}, []change{tasks(task("t-0", fleet.TaskFailed))}, time.Minute, "called", ""},
		"a call without an id: one task of two is open":     {member{unnamed, back}, []change{tasks(task("t-8", fleet.TaskFailed), task("t-9", fleet.TaskRunning), task("t-10", fleet.TaskSucceeded))}, time.Minute, "called", ""},
		"a call without an id: of two that ended, the last": {member{unnamed}, []change{tasks(task("t-8", fleet.TaskFailed), task("t-9", fleet.TaskSucceeded))}, giveUp, "failed", "not with rds_20260228"},

		// Running again without the target
		"a call: it came back without the target":              {member{left}, nil, time.Hour, "called", ""},
		"a call: it came back, at the second look":             {member{left, back}, nil, time.Hour, "failed", "it came back with rds_20240101, not with rds_20260228"},
		"a call: it came back, and no tasks can be asked for":  {member{left, back}, []change{unasked}, time.Hour, "failed", "it came back with"},
		"a call: it came back, and its task still runs":        {member{left, back}, []change{mine(fleet.TaskRunning)}, time.Hour, "called", ""},
		"a call: it came back, and its task has not begun":     {member{left, back}, []change{mine(fleet.TaskScheduled)}, time.Hour, "called", "RDS's task t-1 is Scheduled"},
		"a call: it came back, its task runs, and time is up":  {member{left}, []change{mine(fleet.TaskRunning)}, giveUp, "unverified", "6h after it was due it runs rds_20240101; RDS's task t-1 is Running, with StartTime 2026-11-22T12:00:00Z"},
		"a call: it came back at first when time is up":        {member{left}, nil, giveUp, "failed", "it came back with rds_20240101"},
		"a call: its task has ended well":                      {nil, []change{mine(fleet.TaskSucceeded)}, time.Minute, "called", ""},
		"a call: its task has ended well, at the second look":  {member{back}, []change{mine(fleet.TaskSucceeded)}, time.Hour, "failed", "it came back with rds_20240101, not with rds_20260228"},
		"a call: its task has ended well, and it is at work":   {member{back}, []change{busy, mine(fleet.TaskSucceeded)}, time.Hour, "called", ""},
		"a call: it left, and it is at work":                   {member{left}, []change{busy}, time.Hour, "called", ""},
		"a call: it left, is stopped":                          {member{left}, []change{status("Stopped")}, time.Hour, "called", ""},
		"a call for tonight: at work before is something else": {member{tonight, back}, []change{busy}, time.Hour, "called", ""},

		// verify.giveUp after it was due
		"a call: it has not come back, just before":             {member{left}, []change{busy}, giveUp - time.Second, "called", ""},
		"a call: it has not come back":                          {member{left}, []change{busy}, giveUp, "failed", "it has not come back: DBInstanceStatus is Rebooting"},
		"a call: it has not come back, and its task runs":       {nil, []change{busy, mine(fleet.TaskRunning)}, giveUp, "failed", "it has not come back: DBInstanceStatus is Rebooting; RDS's task t-1 is Running"},
		"a call: it was stopped":                                {nil, []change{status("Stopped")}, giveUp, "failed", "it has not come back: DBInstanceStatus is Stopped"},
		"a call: its tasks cannot be asked for":                 {nil, []change{unasked}, giveUp, "called", ""},
		"the same, just before twice the time":                  {nil, []change{unasked}, 2*giveUp - time.Second, "called", ""},
		"the same, after twice the time":                        {nil, []change{unasked}, 2 * giveUp, "unverified", "6h after it was due it runs rds_20240101, and no restart was seen"},
		"a call without an id: its tasks cannot be asked for":   {member{unnamed}, []change{unasked}, giveUp, "unverified", "no restart was seen"},
		"a call without an id: it has not come back":            {member{unnamed}, []change{busy, tasks(task("t-8", fleet.TaskFailed), task("t-9", fleet.TaskSucceeded))}, giveUp, "failed", "it has not come back: DBInstanceStatus is Rebooting; RDS's task t-9 is Succeed"},
		"a call without an id: a new task":                      {member{unnamed}, []change{others(fleet.TaskRunning)}, giveUp, "failed", "it was called, and runs rds_20240101; RDS's task t-9 is Running"},
		"a call without an id: a task from before":              {member{unnamed}, []change{before}, giveUp, "unverified", "no restart was seen"},
		"a call: nothing was seen, just before":                 {nil, nil, giveUp - time.Second, "called", ""},
		"a call: nothing was seen":                              {nil, nil, giveUp, "unverified", "6h after it was due it runs rds_20240101, and no restart was seen"},
		"a call: nothing was seen but that its task waits":      {nil, []change{mine(fleet.TaskWaiting)}, giveUp, "unverified", "no restart was seen; RDS's task t-1 is Waiting, with StartTime 2026-11-22T12:00:00Z"},
		"a call: its task is gone, and another one is there":    {nil, []change{others(fleet.TaskRunning)}, giveUp, "unverified", "no restart was seen"},
		"a call for tonight: verify.giveUp counts from its end": {member{tonight}, nil, 10*time.Hour + giveUp - time.Second, "called", ""},
		"a call for tonight: and then it is over":               {member{tonight}, nil, 10*time.Hour + giveUp, "unverified", "no restart was seen"},

		// anything else
		"a call: its task is Scheduled":   {nil, []change{mine(fleet.TaskScheduled)}, time.Minute, "called", "RDS's task t-1 is Scheduled, with StartTime 2026-11-22T12:00:00Z"},
		"a call: its task is Waiting":     {nil, []change{mine(fleet.TaskWaiting)}, time.Minute, "called", "RDS's task t-1 is Waiting"},
		"a call: its task is Running":     {nil, []change{mine(fleet.TaskRunning)}, time.Minute, "called", ""},
		"a call: it is Running, no task":  {nil, nil, time.Minute, "called", ""},
		"a call: it is at work":           {nil, []change{busy}, time.Minute, "called", ""},
		"a call: no tasks can be asked":   {nil, []change{unasked}, time.Minute, "called", ""},
		"a call without an id: it waits":  {member{unnamed}, []change{others(fleet.TaskScheduled)}, time.Minute, "called", "RDS's task t-9 is Scheduled"},
		"a call: only another task waits": {nil, []change{others(fleet.TaskScheduled)}, time.Minute, "called", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
}

func (c verdictCase) check(t *testing.T) {
	t.Helper()
	s := flying(t, c.call...)
	known := *s.member("r-1", "rm-1").Call
	seen := mysql("rm-1", c.seen...)
	s.after(c.after).do(func(p *plan.Plan) { p.Settle([]fleet.Instance{seen}) })
	m := s.member("r-1", "rm-1")
	if says(m) != c.want {
		t.Fatalf("it is %s (%+v), want %s", says(m), m.End, c.want)
	}
	text := m.Busy
	switch {
	case m.End != nil:
		text = m.End.Detail
	case m.Call != nil:
		text = m.Call.Task
	}
	if !strings.Contains(text, c.says) || c.says == "" && text != "" {
		t.Errorf("it says %q, want %q", text, c.says)
	}
	c.checkCall(t, m, &known, seen)
	fail := s.document.Instance("rm-1")
	if m.State == state.Failed || m.State == state.Unverified {
		if m.End.Kind != fault.Unproven && seen.Fault == nil || fail == nil || *fail.Fail != (state.Fail{At: s.setting.Now, Target: newer, Rollout: "r-1"}) {
			t.Errorf("its end is %+v, and is remembered as %+v", m.End, fail)
		}
	} else if fail != nil {
		t.Errorf("it is remembered: %+v", fail)
	}
}

// checkCall checks what is known of the call afterwards.
func (c verdictCase) checkCall(t *testing.T, m *state.Member, before *state.Call, seen fleet.Instance) {
	t.Helper()
	if m.State == state.LeftOut && m.Call == nil { // its call was not made
		return
	}
	switch m.State {
	case state.Pending:
		if m.Call != nil || m.WantedSince.After(noon) || m.WantedSince.IsZero() || m.End != nil {
			t.Errorf("it waits since %s, with %+v", m.WantedSince, m.Call)
		}
		return
	case state.Intent, state.Called:
		if len(m.Call.TasksBefore) != 1 || m.End != nil {
			t.Errorf("the tasks before its call are forgotten: %+v", m.Call)
		}
	default:
		if m.Call.TasksBefore != nil || m.Call.Task != "" || !m.End.At.Equal(noon.Add(c.after)) {
			t.Errorf("what nothing needs is kept: %+v, ended %s", m.Call, m.End.At)
		}
	}
	looks := before.Looks + 1
	if seen.Fault != nil {
		looks = before.Looks
	}
	if m.Call.Looks != looks {
		t.Errorf("it was looked at %d times, want %d", m.Call.Looks, looks)
	}
	accepted := before.AcceptedAt
	doubtful := m.State == state.Intent || m.State == state.Unverified // nobody knows whether it was called
	if before.AcceptedAt.IsZero() && !doubtful && seen.Fault == nil {
		accepted = noon // the time of the intent
	}
	if !m.Call.AcceptedAt.Equal(accepted) {
		t.Errorf("it was accepted at %s, want %s", m.Call.AcceptedAt, accepted)
	}
}

// The verdict: of a task that nobody has seen nothing is said.
func TestAnEndSaysOfTasksWhatIsKnown(t *testing.T) {
	t.Parallel()
	for want, seen := range map[string]change{
		"6h after it was due it runs rds_20240101, and no restart was seen":                                                                 tasks(),
		"6h after it was due it runs rds_20240101, and no restart was seen; RDS's task t-1 is Waiting, with StartTime 2026-11-22T12:00:00Z": tasks(task("t-1", fleet.TaskWaiting)),
	} {
		s := flying(t)
		s.after(giveUp).do(func(p *plan.Plan) { p.Settle([]fleet.Instance{mysql("rm-1", seen)}) })
		if m := s.member("r-1", "rm-1"); m.End == nil || m.End.Detail != want {
			t.Errorf("it says %+v, want %q", m.End, want)
		}
	}
}

// The verdict: what a proven instance runs is noted if it is not the target.
func TestAProvenInstanceSaysWhatItRuns(t *testing.T) {
	t.Parallel()
	for version, after := range map[string]string{newer: "", "rds_20261101": "rds_20261101"} {
		s := flying(t)
		s.change(current(version), "rm-1")
		s.after(time.Hour).settle()
		if m := s.member("r-1", "rm-1"); m.End == nil || m.End.After != after {
			t.Errorf("it runs %s: %+v", version, m.End)
		}
	}
}

// The verdict: the status shows a restart from the time on at which it can begin. What is seen before has another reason.
func TestWhatIsSeenBeforeTheRestartCanBeginIsNotTheRestart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call   func(*state.Member)
		window string
		after  time.Duration
		left   bool
	}{
		"at once":                             {func(*state.Member) {}, "18:00Z-22:00Z", 0, true},
		"before its maintenance window":       {tonight, "18:00Z-22:00Z", 6*time.Hour - time.Second, false},
		"in its maintenance window":           {tonight, "18:00Z-22:00Z", 6 * time.Hour, true},
		"in a window that was open":           {tonight, "11:00Z-13:00Z", 0, true},
		"a maintenance window that is no one": {tonight, "nightly", 0, true},
		"before its SwitchTime":               {evening, "18:00Z-22:00Z", 8*time.Hour - time.Second, false},
		"at its SwitchTime":                   {evening, "18:00Z-22:00Z", 8 * time.Hour, true},
	} {
		s := flying(t, c.call)
		s.after(c.after).do(func(p *plan.Plan) {
			p.Settle([]fleet.Instance{mysql("rm-1", status("Rebooting"), func(i *fleet.Instance) { i.MaintainTime = c.window })})
		})
		if m := s.member("r-1", "rm-1"); m.Call.Left != c.left {
			t.Errorf("%s: left %t, want %t", name, m.Call.Left, c.left)
		}
	}
}

// The verdict: a sign of the restart is remembered, and the first sight of an instance that came back is, too.
func TestWhatWasSeenIsRemembered(t *testing.T) {
	t.Parallel()
	s := flying(t)
	s.change(status("Rebooting"), "rm-1")
	s.after(time.Hour).settle()
	s.change(status("Running"), "rm-1")
	s.after(time.Hour).settle()
	if m := s.member("r-1", "rm-1"); m.State != state.Called || !m.Call.Left || !m.Call.Back || m.Call.Looks != 2 {
		t.Errorf("got %s, %+v", m.State, m.Call)
	}
	s.after(time.Hour).settle()
	if m := s.member("r-1", "rm-1"); m.State != state.Failed {
		t.Errorf("it is %s", m.State)
	}
}

// The verdict: RDS may be slow. A proof counts from when the look had ended that has shown it, and so does what follows.
func TestAProofCountsFromWhenTheLookHadEnded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ ended, want time.Duration }{
		"the look took three minutes":   {time.Hour + 3*time.Minute, time.Hour + 3*time.Minute},
		"nobody knows how long it took": {0, time.Hour},
	} {
		s := flying(t)
		s.document.Remember("rm-9", region).Fail = &state.Fail{At: noon, Target: newer, Rollout: "r-0"}
		s.change(current(newer), "rm-1")
		s.after(time.Hour).setting.LookEnd = noon.Add(c.ended)
		p := s.do(func(p *plan.Plan) { p.Settle([]fleet.Instance{s.fleet[0], mysql("rm-9", current(newer))}) })
		want := noon.Add(c.want)
		if m := s.member("r-1", "rm-1"); !m.End.At.Equal(want) || !s.document.Instance("rm-9").Landed.Equal(want) || !s.rollout("r-1").Waves[0].Done.Equal(want) || !p.Now.Equal(want) {
			t.Errorf("%s: proven at %s, landed at %s, and it is %s", name, m.End.At, s.document.Instance("rm-9").Landed, p.Now)
		}
	}
}

// The verdict: what RDS says of a task that waits is forgotten when it has begun.
func TestATaskThatHasBegunWaitsNoMore(t *testing.T) {
	t.Parallel()
	s := flying(t)
	for status, want := range map[fleet.TaskStatus]string{fleet.TaskScheduled: "RDS's task t-1 is Scheduled, with StartTime 2026-11-22T12:00:00Z", fleet.TaskRunning: "", fleet.TaskSucceeded: ""} {
		for _, before := range []string{"", "RDS's task t-1 is Waiting"} {
			s.member("r-1", "rm-1").Call.Task, s.member("r-1", "rm-1").Call.Back = before, false
			s.do(func(p *plan.Plan) { p.Settle([]fleet.Instance{mysql("rm-1", tasks(task("t-1", status)))}) })
			if got := s.member("r-1", "rm-1").Call.Task; got != want {
				t.Errorf("after %q and %s it is %q", before, status, got)
			}
		}
	}
}

// The verdict is on the member that is in flight, in its region; a look at anything else changes nothing.
func TestALookAtWhatIsNotInFlightChangesNothing(t *testing.T) {
	t.Parallel()
	for name, seen := range map[string]fleet.Instance{
		"the same id in another region": mysql("rm-1", current(newer), inRegion("cn-beijing")),
		"a member that waits":           mysql("rm-2", current(newer)),
		"an instance that is no member": mysql("rm-3", current(newer)),
	} {
		s := flying(t)
		loaded := s.document.Clone()
		s.after(time.Hour).do(func(p *plan.Plan) { p.Settle([]fleet.Instance{seen}) })
		if !state.Equal(loaded, s.document) {
			t.Errorf("%s: the document has changed", name)
		}
	}
}

// The verdict: a terminal state never changes, whatever is seen later.
func TestATerminalStateNeverChanges(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]change{
		"proven": current(newer), "left out": fails(missing), "failed": tasks(fleet.Task{ID: "t-1", Status: fleet.TaskFailed}),
	} {
		s := flying(t)
		s.after(time.Hour).do(func(p *plan.Plan) { p.Settle([]fleet.Instance{mysql("rm-1", end)}) })
		ended := *s.member("r-1", "rm-1")
		for _, later := range []change{current(newer), fails(missing), status("Rebooting"), tasks(task("t-9", fleet.TaskRunning)), current(older)} {
			s.after(time.Hour).do(func(p *plan.Plan) { p.Settle([]fleet.Instance{mysql("rm-1", later)}) })
		}
		if m := s.member("r-1", "rm-1"); says(m) != says(&ended) || !m.End.At.Equal(ended.End.At) {
			t.Errorf("%s: it became %s", name, says(m))
		}
	}
}

// The verdict: what was decided by one look is decided by the same look again, as long as it is not the second one that counts.
func TestTheSameLookTwiceComesToTheSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call []func(*state.Member)
		seen change
		want state.MemberState
	}{
		"proven":                      {nil, current(newer), state.Proven},
		"at work":                     {nil, status("Rebooting"), state.Called},
		"an intent that shows a task": {[]func(*state.Member){anIntent}, tasks(task("t-9", fleet.TaskRunning)), state.Called},
		"an intent without a sign":    {[]func(*state.Member){anIntent}, tasks(), state.Pending},
		"a task that has failed":      {nil, tasks(fleet.Task{ID: "t-1", Status: fleet.TaskFailed}), state.Failed},
	} {
		s := flying(t, c.call...)
		s.after(first)
		for range 2 {
			s.do(func(p *plan.Plan) { p.Settle([]fleet.Instance{mysql("rm-1", c.seen)}) })
			if m := s.member("r-1", "rm-1"); m.State != c.want {
				t.Errorf("%s: it is %s", name, says(m))
			}
		}
	}
}

// Looks: what is in flight is looked at verify.first after something can show, then with pauses that double up to an hour, and when it is given up.
func TestWhenACallIsLookedAt(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	looked := func(n int) func(*state.Member) { return func(m *state.Member) { m.Call.Looks = n } }
	long := func(first, giveUp time.Duration) string {
		return "verify: {first: " + first.String() + ", giveUp: " + giveUp.String() + "}\n" + wide
	}
	cases := map[string]struct {
		policy string
		call   []func(*state.Member)
		want   time.Duration // after noon
	}{
		"accepted at once":                          {"", nil, first},
		"after one look":                            {"", []func(*state.Member){looked(1)}, 3 * first},
		"after two looks":                           {"", []func(*state.Member){looked(2)}, 7 * first},
		"after three looks":                         {"", []func(*state.Member){looked(3)}, 15 * first},
		"after four: an hour later":                 {"", []func(*state.Member){looked(4)}, 15*first + hour},
		"after five: two hours later":               {"", []func(*state.Member){looked(5)}, 15*first + 2*hour},
		"when it is given up, at the latest":        {"", []func(*state.Member){looked(8)}, 15*first + 5*hour - 15*time.Minute},
		"and from then on always":                   {"", []func(*state.Member){looked(1000)}, giveUp},
		"accepted for tonight":                      {"", []func(*state.Member){tonight}, 10*hour + first},
		"accepted for 20:00":                        {"", []func(*state.Member){evening}, 8*hour + first},
		"an intent":                                 {"", []func(*state.Member){anIntent}, first},
		"an intent for tonight: a task would show":  {"", []func(*state.Member){anIntent, tonight}, first},
		"an intent for tonight, after a look":       {"", []func(*state.Member){anIntent, tonight, looked(1)}, 3 * first},
		"verify.first of two hours":                 {long(2*hour, 100*hour), nil, 2 * hour},
		"the same after two looks":                  {long(2*hour, 100*hour), []func(*state.Member){looked(2)}, 6 * hour},
		"verify.first of days, after a hundred":     {long(72*hour, 10000*hour), []func(*state.Member){looked(100)}, 101 * 72 * hour},
		"verify.giveUp before verify.first is over": {long(2*hour, hour), nil, hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := flying(t, c.call...)
			s.setting.Policy = policyOf(t, c.policy)
			for after, want := range map[time.Duration]int{c.want - time.Second: 0, c.want: 1} {
				setting := s.setting
				setting.Now = noon.Add(after)
				if scopes := plan.On(s.document, setting).Flights(); len(scopes) != want {
					t.Errorf("after %s: %d scopes, want %d", after, len(scopes), want)
				}
			}
		})
	}
}

// Looks: of all rollouts, by region, and with the tasks that matter.
func TestWhatIsLookedAtOfCalls(t *testing.T) {
	t.Parallel()
	s := begin(t, atOnce+"regions: [cn-hangzhou, cn-beijing]", mysql("rm-2"), mysql("rm-1", inRegion("cn-beijing")), mysql("rm-3"), mysql("rm-4", inRegion("cn-shanghai")))
	s.receive("r-1", sweepAll)
	intents := s.tick()
	s.receive("r-2", `{"DBInstanceId":"rm-4","RegionId":"cn-shanghai"}`)
	intents = append(intents, s.tick()...)
	if diff := len(intents); diff != 4 {
		t.Fatalf("%d are called", diff)
	}
	s.accept(intents[1:]...)
	p := plan.On(s.document, s.after(first).setting)
	scopes := p.Flights()
	var got []string
	for _, scope := range scopes {
		got = append(got, strings.Join(scope.Regions, ",")+" "+strings.Join(scope.IDs, ","))
		if scope.Candidate != nil || scope.Possible != nil || scope.Replica != nil || scope.Offered != nil || !scope.Filter.Whole() {
			t.Errorf("it looks at more: %+v", scope)
		}
	}
	if want := "cn-beijing rm-1;cn-hangzhou rm-2,rm-3;cn-shanghai rm-4"; strings.Join(got, ";") != want {
		t.Errorf("it looks at %v, want %s", got, want)
	}
	tasks := scopes[0].Tasks
	if since, matter := tasks(mysql("rm-1")); !matter || !since.Equal(noon.Add(-10*time.Minute)) {
		t.Errorf("tasks matter %t since %s", matter, since)
	}
	if _, matter := tasks(mysql("rm-1", current(newer))); matter {
		t.Error("the tasks of what is proven matter")
	}
	if _, matter := tasks(mysql("rm-9")); matter {
		t.Error("the tasks of what is not in flight matter")
	}
}
