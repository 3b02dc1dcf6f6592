package state

import (
	"cmp"
	"slices"
)

// maxNumber is the greatest number that a key has room for.
const maxNumber = 999_999_999_999

// check reports what is impossible in a document whose lists are in order.
func (d *Document) check() *flaw {
	if f := cmp.Or(checkValues(d), checkVersion(d.Version)); f != nil {
		return f
	}
	if d.Number < 1 || d.Number > maxNumber {
		return flawed("is %d: want 1 to %d", d.Number, int64(maxNumber)).in("number")
	}
	return cmp.Or(
		checkList(d.Rollouts).in("rollouts"), checkLive(d.Rollouts), checkLast(d.Last),
		checkList(d.Instances).in("instances"), checkList(d.Tasks).in("tasks"), checkList(d.Messages).in("messages"),
	)
}

// checkList checks the entries of a list: each by itself, its id, which no other one has, and its place.
func checkList[T entry](all []T) *flaw {
	ids := make(map[string]bool, len(all))
	for n, e := range all {
		_, field, id := e.place()
		f := e.check()
		switch {
		case f != nil:
		case ids[id]:
			f = flawed("is %s, which another entry has, too", quoted(id)).in(field)
		case n > 0 && compare(all[n-1], e) > 0:
			f = flawed("is not in order")
		}
		if f != nil {
			return f.at(n)
		}
		ids[id] = true
	}
	return nil
}

// checkLive finds a key of two live rollouts, and an instance that is in flight twice.
func checkLive(rollouts []*Rollout) *flaw {
	keys, flights := map[string]bool{}, map[string]string{}
	for n, r := range rollouts {
		if r.Live() && keys[r.Key] {
			return flawed("is %s, which another live rollout has, too", quoted(r.Key)).in("key").at(n).in("rollouts")
		}
		keys[r.Key] = keys[r.Key] || r.Live()
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

func checkLast(ends map[string]Last) *flaw {
	for key, last := range ends {
		if f := oneOf(last.Ended, EndedHalted, EndedStopped, EndedClosed).in("ended"); f != nil {
			return f.under(key).in("last")
		}
	}
	return nil
}

func (i *Instance) check() *flaw {
	if i.Fail == nil && i.Landed.IsZero() {
		return flawed("has neither fail nor landed: want one of them")
	}
	return nil
}

func (*Task) check() *flaw { return nil }

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

// oneOf reports a value that is not among those that are known.
func oneOf[T ~string](value T, known ...T) *flaw {
	if slices.Contains(known, value) {
		return nil
	}
	return flawed("is %s: want one of %q", quoted(string(value)), append([]T{}, known...)) // a copy, so that known needs no memory of its own
}
