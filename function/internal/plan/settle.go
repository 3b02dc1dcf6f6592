package plan

import (
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/window"
)

// Settle decides what has become of what is in flight, by what was seen of the instances; then which rollouts halt or close.
func (p *Plan) Settle(seen []fleet.Instance) {
	for _, i := range seen {
		if r, m := p.Document.Flight(i.ID); m != nil && m.RegionID == i.RegionID {
			*m = p.verdict(*m, i)
			remember(p, r, m)
		}
	}
	p.Now = Later(p.LookEnd, p.Now) // what follows happens after the look
	forgetLanded(p, seen)
	conclude(p)
}

// verdict returns what a member in flight has come to, by a look at its instance. It is the only place that says so. The first line that fits
// holds:
//
//	the call  the instance, and its tasks                             becomes
//	────────  ──────────────────────────────────────────────────────  ───────────────────────────────────────────────────────────
//	any       was deleted                                             left out
//	any       could not be read                                       as it was; after verify.giveUp, and for good: unverified
//	any       runs the target, Running                                proven
//	intent    a new task, or at work since the restart may begin      called, since the intent; then as one that was called
//	intent    its tasks cannot be asked for                           as it was; verify.giveUp after it was due: unverified
//	intent    neither, for verify.first                               pending: the call was not made, as far as can be seen
//	intent    … and it was first its turn verify.giveUp ago           left out: calls that nobody answers must come to an end
//	intent    neither                                                 as it was
//	called    the call's task failed, or was cancelled                failed
//	called    Running after its task ended, or again while no task    looked at once more: the version may show later; then failed
//	          is known that has not ended
//	called    verify.giveUp after it was due: not come back           failed
//	called    … the call's task cannot be asked for                   as it was, for as long again
//	called    … a new task, and its id is not known                   failed
//	called    … nothing was seen                                      unverified
//	called    anything else                                           as it was
func (s Setting) verdict(m state.Member, i fleet.Instance) state.Member {
	call := *m.Call
	m.Call = &call
	switch {
	case gone(i):
		return leave(m, s.Now, skipf(Gone, "it was deleted while its upgrade was in flight"))
	case i.Fault != nil && (fault.Passing(i.Fault) || !s.late(m, 1)):
		return m
	case i.Fault != nil:
		return s.unproven(m, state.Unverified, "it cannot be looked at: "+i.Fault.Error())
	}
	call.Looks++
	call.Left = s.left(m, i)
	if m.State == state.Intent && (i.Proven(m.Target) || call.Left || len(newTasks(call, i)) > 0) {
		m.State, call.AcceptedAt = state.Called, call.At
	}
	switch {
	case i.Proven(m.Target):
		return proven(m, Later(s.LookEnd, s.Now), i)
	case m.State == state.Intent:
		return s.unseen(m, i)
	}
	return s.wait(m, i)
}

// gone reports whether RDS does not know the instance.
func gone(i fleet.Instance) bool { return i.Fault != nil && i.Fault.Kind == fault.NotFound }

// unseen is the verdict on a call of which nobody knows whether it was made, and of which nothing shows. An upgrade that has come to nothing shows in
// the tasks alone: where RDS could not be asked for them, the call may have been made.
func (s Setting) unseen(m state.Member, i fleet.Instance) state.Member {
	switch {
	case !i.TasksAsked && s.late(m, 1):
		return s.unproven(m, state.Unverified, "the answer to its call was lost, and RDS cannot be asked for its tasks: nobody knows whether it was called")
	case !i.TasksAsked, s.Now.Before(m.Call.At.Add(time.Duration(s.Policy.Verify.First))):
		return m
	}
	if m.WantedSince.IsZero() {
		m.WantedSince = m.Call.At
	}
	m.State, m.Call, m.Busy = state.Pending, nil, "the answer to its call was lost, and the call has shown nothing: it was not made"
	if !s.Now.Before(m.WantedSince.Add(time.Duration(s.Policy.Verify.GiveUp))) {
		return leave(m, s.Now, skipf(Unread, "it was its turn at %s, and since then no call was answered, and none has shown anything",
			Stamp(m.WantedSince)))
	}
	return m
}

// failures has the states of a task that has failed, or was cancelled, each with what is to be said of it besides.
var failures = map[fleet.TaskStatus]string{fleet.TaskFailed: "", fleet.TaskCanceled: ": somebody has cancelled it"}

// wait is the verdict on a call that was accepted. Where the id of its task is not known, the task that has failed may be another one.
func (s Setting) wait(m state.Member, i fleet.Instance) state.Member {
	c := m.Call
	task, known := callTask(*c, i)
	c.Task = ""
	more, failed := failures[task.Status]
	switch {
	case failed && c.TaskID != "":
		return s.unproven(m, state.Failed, "RDS's "+task.String()+more)
	case i.Running() && (known && !task.Open() || !known && c.Left):
		return s.cameBack(m, i)
	case !s.late(m, 1):
		c.Task = task.Pending()
		return m
	case c.TaskID != "" && !i.TasksAsked && !s.late(m, 2):
		return m
	}
	return s.expired(m, i, task)
}

// cameBack is the verdict on an upgrade that is over, by its task, or where none is known by its status, without the target. The version may be shown
// a little later than that.
func (s Setting) cameBack(m state.Member, i fleet.Instance) state.Member {
	if !m.Call.Back && !s.late(m, 1) {
		m.Call.Back = true
		return m
	}
	return s.unproven(m, state.Failed, fmt.Sprintf("it came back with %s, not with %s", i.CurrentKernelVersion, m.Target))
}

// expired is the verdict on an upgrade that has had all its time.
func (s Setting) expired(m state.Member, i fleet.Instance, task fleet.Task) state.Member {
	known := ""
	if task.ID != "" {
		known = "; RDS's " + task.String()
	}
	switch {
	case !i.Running():
		return s.unproven(m, state.Failed, fmt.Sprintf("it has not come back: DBInstanceStatus is %s%s", i.Status, known))
	case m.Call.TaskID == "" && len(newTasks(*m.Call, i)) > 0:
		return s.unproven(m, state.Failed, fmt.Sprintf("it was called, and runs %s%s", i.CurrentKernelVersion, known))
	case !m.Call.Left:
		known = ", and no restart was seen" + known
	}
	return s.unproven(m, state.Unverified, fmt.Sprintf("%s after it was due it runs %s%s", s.Policy.Verify.GiveUp, i.CurrentKernelVersion, known))
}

// late reports whether an upgrade has had all its time, so many times over.
func (s Setting) late(m state.Member, times time.Duration) bool {
	return !s.Now.Before(m.Call.Due.Add(times * time.Duration(s.Policy.Verify.GiveUp)))
}

// left reports whether the restart of a call has begun. A stopped instance proves nothing about a call of which nobody knows whether it was made.
func (s Setting) left(m state.Member, i fleet.Instance) bool {
	return m.Call.Left || !i.Running() && (m.State == state.Called || !i.Resting()) && !s.Now.Before(begins(*m.Call, i))
}

// begins returns when the restart of a call can begin: what is seen before has another reason.
func begins(c state.Call, i fleet.Instance) time.Time {
	maintenance, ok := window.ParseMaintenance(i.MaintainTime)
	switch {
	case c.UpgradeTime == events.SpecifyTime:
		return c.SwitchTime
	case c.UpgradeTime == events.MaintainTime && ok:
		from, _ := maintenance.Next(c.At)
		return from
	default:
		return c.At
	}
}

// newTasks returns the tasks that were not there when the intent was written. RDS's clock is not ours, and says nothing about it. Which tasks are
// upgrades is not documented, so any one counts: to wait in vain is better than to call twice.
func newTasks(c state.Call, i fleet.Instance) []fleet.Task {
	return slices.DeleteFunc(slices.Clone(i.Tasks), func(t fleet.Task) bool { return slices.Contains(c.TasksBefore, t.ID) })
}

// callTask returns the task of an accepted call, if RDS knows it: the one with its id. If the id is not known, the new task of the instance that
// has not ended, or else the last one.
func callTask(c state.Call, i fleet.Instance) (fleet.Task, bool) {
	if c.TaskID != "" {
		return i.Task(c.TaskID)
	}
	i.Tasks = newTasks(c, i)
	if task, open := i.OpenTask(); open || len(i.Tasks) == 0 {
		return task, open
	}
	return i.Tasks[len(i.Tasks)-1], true
}

// proven returns the member as one that runs its target.
func proven(m state.Member, now time.Time, i fleet.Instance) state.Member {
	m.State, m.End, m.Busy = state.Proven, &state.End{At: now}, ""
	if i.CurrentKernelVersion != m.Target {
		m.End.After = i.CurrentKernelVersion
	}
	return m
}

// leave returns the member as one that was left out.
func leave(m state.Member, now time.Time, why *skip) state.Member {
	m.State, m.End = state.LeftOut, &state.End{At: now, Reason: string(why.reason), Detail: why.detail}
	return m
}

// unproven returns the member as one whose upgrade failed, or was not proven.
func (s Setting) unproven(m state.Member, end state.MemberState, detail string) state.Member {
	m.State, m.End = end, &state.End{At: s.Now, Kind: fault.Unproven, Detail: detail}
	return m
}

// remember keeps that the upgrade of an instance has failed, which outlives its rollout, and forgets what nothing needs any more.
func remember(p *Plan, r *state.Rollout, m *state.Member) {
	if m.Call == nil || !m.State.Terminal() {
		return
	}
	m.Call.TasksBefore, m.Call.Task = nil, ""
	if m.State != state.Failed && m.State != state.Unverified {
		return
	}
	i := p.Document.Remember(m.DBInstanceID, m.RegionID)
	i.Fail = &state.Fail{At: p.Now, Target: m.Target, Rollout: r.ID}
}

// forgetLanded forgets the failures of instances that run the target after all. A bake begins with that.
func forgetLanded(p *Plan, seen []fleet.Instance) {
	for _, i := range seen {
		known := p.Document.Instance(i.ID)
		if known != nil && known.Fail != nil && i.Fault == nil && !i.Listed && i.Proven(known.Fail.Target) {
			known.Fail, known.Landed = nil, p.Now
		}
	}
}
