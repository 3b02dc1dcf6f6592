package state

import (
	"slices"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/fault"
)

// maxNumber is the greatest number that a key has room for.
const maxNumber = 999_999_999_999

// check reports what is impossible in a document whose lists are in order. It holds for what is read and for what is about to be written.
func (d *Document) check() *flaw {
	if f := checkValues(d); f != nil {
		return f
	}
	if d.Version != Version {
		return flawed("is %d: want %d", d.Version, Version).in("version")
	}
	if d.Number < 1 || d.Number > maxNumber {
		return flawed("is %d: want 1 to %d", d.Number, int64(maxNumber)).in("number")
	}
	return firstOf(d.checkRollouts(), d.checkFlights(), d.checkLast(), d.checkInstances(), d.checkTasks(), checkMessages(d.Messages))
}

func (d *Document) checkRollouts() *flaw {
	ids, live := map[string]bool{}, map[string]bool{}
	for n, r := range d.Rollouts {
		f := r.check()
		switch {
		case f != nil:
		case ids[r.ID]:
			f = flawed("is %s, which another rollout has, too", quoted(r.ID)).in("id")
		case r.Live() && live[r.Key]:
			f = flawed("is %s, which another live rollout has, too", quoted(r.Key)).in("key")
		case n > 0 && compareRollouts(d.Rollouts[n-1], r) > 0:
			f = flawed("is not in order")
		}
		if f != nil {
			return f.at(n).in("rollouts")
		}
		ids[r.ID] = true
		live[r.Key] = live[r.Key] || r.Live()
	}
	return nil
}

// checkFlights finds an instance that is in flight twice.
func (d *Document) checkFlights() *flaw {
	flights := map[string]string{}
	for n, r := range d.Rollouts {
		for k := range r.Members {
			m := &r.Members[k]
			if !m.State.InFlight() {
				continue
			}
			if other := flights[m.DBInstanceID]; other != "" {
				return flawed("is %s, and %s is in flight in rollout %s, too", m.State, quoted(m.DBInstanceID), quoted(other)).
					in("state").at(k).in("members").at(n).in("rollouts")
			}
			flights[m.DBInstanceID] = r.ID
		}
	}
	return nil
}

func (d *Document) checkLast() *flaw {
	for key, last := range d.Last {
		if f := oneOf(last.Ended, EndedHalted, EndedStopped, EndedClosed).in("ended"); f != nil {
			return f.under(key).in("last")
		}
	}
	return nil
}

func (d *Document) checkInstances() *flaw {
	for n, i := range d.Instances {
		f := inOrder(d.Instances, n, func(i *Instance) string { return i.DBInstanceID }).in("DBInstanceId")
		if f == nil && i.Fail == nil && i.Landed.IsZero() {
			f = flawed("has neither fail nor landed: want one of them")
		}
		if f != nil {
			return f.at(n).in("instances")
		}
	}
	return nil
}

func (d *Document) checkTasks() *flaw {
	for n := range d.Tasks {
		if f := inOrder(d.Tasks, n, func(t *Task) string { return t.ID }); f != nil {
			return f.in("Id").at(n).in("tasks")
		}
	}
	return nil
}

func checkMessages(all []*Message) *flaw {
	ids := map[string]bool{}
	for n, m := range all {
		f := m.check()
		switch {
		case f != nil:
		case ids[m.ID]:
			f = flawed("is %s, which another message has, too", quoted(m.ID)).in("id")
		case n > 0 && compareMessages(all[n-1], m) > 0:
			f = flawed("is not in order")
		}
		if f != nil {
			return f.at(n).in("messages")
		}
		ids[m.ID] = true
	}
	return nil
}

func (m *Message) check() *flaw {
	needsRollout := m.Answer == AnswerBegan || m.Answer == AnswerJoined
	switch f := oneOf(m.Answer, AnswerBegan, AnswerJoined, AnswerRefused, AnswerStopped, AnswerGiven); {
	case f != nil:
		return f.in("answer")
	case m.Answer == AnswerStopped && m.Key == "":
		return flawed("is missing: want what was stopped").in("key")
	case needsRollout && m.Rollout == "":
		return flawed("is missing: want the one that the message %s", m.Answer).in("rollout")
	}
	return nil
}

// severities are those that a rollout may have; empty is one, too.
var severities = []string{"critical", "high", "medium", "low", ""}

// verdicts are those that an advisory may have about a member; empty is one, too.
var verdicts = []advisory.Verdict{advisory.Affected, advisory.NotAffected, advisory.Unknown, ""}

// kinds are the kinds of faults that a member may have failed with; empty is one, too.
var kinds = []fault.Kind{
	fault.Invalid, fault.Denied, fault.NotFound, fault.Conflict, fault.Throttled, fault.Unavailable, fault.Expired, fault.Internal, fault.Unproven, "",
}

// times are the values of UpgradeTime.
var times = []events.UpgradeTime{events.Immediate, events.MaintainTime, events.SpecifyTime}

// oneOf reports a value that is not among those that are known.
func oneOf[T ~string](value T, known ...T) *flaw {
	if slices.Contains(known, value) {
		return nil
	}
	return flawed("is %s: want one of %q", quoted(string(value)), known)
}

// inOrder reports an entry that does not come after the one before it.
func inOrder[T any](all []T, n int, id func(T) string) *flaw {
	if n == 0 || id(all[n-1]) < id(all[n]) {
		return nil
	}
	if id(all[n-1]) == id(all[n]) {
		return flawed("is %s, which the entry before has, too", quoted(id(all[n])))
	}
	return flawed("is %s, which is not in order", quoted(id(all[n])))
}
