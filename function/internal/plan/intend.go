package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/version"
	"rds-kernel-upgrade/function/internal/window"
)

// Intend decides which members are called now, and writes that into the document. Whoever has written the document may make the calls of Intents.
// It is given the instances of Turn, and those of Crowd, as they are listed.
func (p *Plan) Intend(turn, crowd []fleet.Instance) {
	forgetLanded(p, turn)
	at := map[string]fleet.Instance{}
	for _, i := range turn {
		at[i.ID] = i
	}
	room := roomFor(p.Document, crowd)
	for _, t := range turns(p) {
		slices.SortFunc(t.members, func(a, b *state.Member) int {
			return cmp.Or(cmp.Compare(place(a.DBInstanceID), place(b.DBInstanceID)), cmp.Compare(a.DBInstanceID, b.DBInstanceID))
		})
		for _, m := range t.members {
			if i, found := at[m.DBInstanceID]; found {
				attempt{p, t.rollout, m, withReplicas(i, at)}.decide(room)
			}
		}
	}
	conclude(p)
}

// Intents returns the calls that this plan has written into the document.
func (p *Plan) Intents() []Intent { return p.intents }

// room counts what is under way against the budget: it has every instance that is in flight, or that RDS shows at work, whoever began it.
type room map[string]bool

// roomFor counts what is in flight in the document, and what RDS shows at work.
func roomFor(d *state.Document, crowd []fleet.Instance) room {
	all := room{}
	for _, r := range d.Rollouts {
		for _, m := range r.In(state.Intent, state.Called) {
			all[m.DBInstanceID] = true
		}
	}
	for _, i := range crowd {
		if i.Working() {
			all[i.ID] = true
		}
	}
	return all
}

// full reports whether a rollout may have no more instances under way. A request for one instance is an operator's own decision, which the
// budget does not hold; it counts for the others.
func (all room) full(r *state.Rollout, budget policy.Budget) bool {
	members := 0
	for n := range r.Members {
		if r.Members[n].Wave > 0 {
			members++
		}
	}
	return !single(r) && len(all) >= budget.Of(members)
}

// attempt is the turn of one member, with its instance as it was seen.
type attempt struct {
	*Plan
	rollout  *state.Rollout
	member   *state.Member
	instance fleet.Instance
}

// decide decides what happens to a member whose turn it is. The first line that fits holds:
//
//	the instance                                             the member
//	───────────────────────────────────────────────────────  ─────────────────────────────────────────────────────────────
//	was deleted; cannot be read, and that does not pass      is left out
//	cannot be read now                                       waits for verify.giveUp, then is left out
//	runs the target, Running                                 is proven, without a call
//	is of a fleet, outside of the policy's regions           is left out
//	has lost its opt-in; is held, locked or stopped          is left out
//	runs a version that does not compare with the target     is left out
//	has a target that the policy's versions.minAge refuses   is left out
//	has failed since the request                             is left out
//	has a replica that is not proven to run the target       is left out: its replicas were in earlier waves
//	is at work; has a task that has not ended; is in flight  waits for verify.giveUp, then is left out; a request for
//	in another rollout; its tasks cannot be asked for        one instance does not wait
//	has no time                                              is left out
//	anything else, and the budget is used up                 waits
//	anything else                                            is an intent, and is called
func (a attempt) decide(all room) {
	m, i := a.member, a.instance
	out, busy := a.skip(), busy(a.Document, i)
	at, none := a.question(a.rollout.Request).place(i)
	switch {
	case out != nil:
		*m = leave(*m, a.Now, out)
	case i.Fault == nil && i.Proven(m.Target):
		*m = proven(*m, a.Now, i)
	case busy != nil:
		a.wait(busy)
	case none != nil:
		*m = leave(*m, a.Now, none)
	case !all.full(a.rollout, a.Policy.Budget):
		all[m.DBInstanceID] = true
		a.intend(at)
	}
}

// skip returns why the member is left out for good, nil if it is not.
func (a attempt) skip() *skip {
	m, i := a.member, a.instance
	switch {
	case gone(i):
		return skipf(Gone, "it was deleted after the rollout had begun")
	case i.Fault != nil && !fault.Passing(i.Fault) && i.Fault.Kind != fault.Conflict:
		return skipf(Unread, "it could not be read: %v", i.Fault)
	case i.Fault != nil, i.Proven(m.Target):
		return nil
	}
	why := cmp.Or(a.skipByPolicy(), skipFailed(a.Document, a.rollout, m.DBInstanceID))
	if single(a.rollout) {
		return cmp.Or(why, skipReplicas(a.question(a.rollout.Request), i, m.Target))
	}
	return cmp.Or(why, replicaBehind(a.rollout, m, i))
}

// skipByPolicy returns why the policy, or the instance's owner, does not permit the upgrade any more, nil if both do. What was permitted when the
// rollout opened need not be now.
func (a attempt) skipByPolicy() *skip {
	m, i := a.member, a.instance
	if !single(a.rollout) && !slices.Contains(a.Policy.RegionsOf(a.Region), m.RegionID) {
		return skipf(Held, "%s is outside of the policy's regions", m.RegionID)
	}
	if s := a.question(a.rollout.Request).skipState(i); s != nil {
		return s
	}
	if _, comparable := version.Compare(i.CurrentKernelVersion, m.Target); !comparable {
		return skipf(UnknownVersion, "the order of %q and %q is not known", i.CurrentKernelVersion, m.Target)
	}
	target := m.Target
	if a.namesNone() {
		target = i.LatestKernelVersion // what RDS takes then
	}
	return refused(VersionNotOffered, a.Policy.Versions.Refusal(target, a.rollout.Severity == "critical", a.Now))
}

// namesNone reports whether the call is to name no version: the request for one instance names none.
func (a attempt) namesNone() bool {
	return single(a.rollout) && a.rollout.Request.Upgrade.TargetMinorVersion == ""
}

// withReplicas returns the instance with those of its replicas that were read for their own turn.
func withReplicas(i fleet.Instance, at map[string]fleet.Instance) fleet.Instance {
	i.Replicas = slices.Clone(i.Replicas)
	for _, id := range i.ReplicaIDs {
		if r, found := at[id]; found {
			i.Replicas = append(i.Replicas, r)
		}
	}
	return i
}

// busy returns why an instance cannot be called now although it may be later, nil if it can.
func busy(d *state.Document, i fleet.Instance) *skip {
	other, _ := d.Flight(i.ID)
	task, open := i.OpenTask()
	switch {
	case i.Fault != nil:
		return skipf(Unread, "it could not be read: %v", i.Fault)
	case other != nil:
		return skipf(AlreadyScheduled, "rollout %s has it on the way", other.ID)
	case !i.Running():
		return skipf(InProgress, "DBInstanceStatus is %s", i.Status)
	case !i.TasksAsked:
		return skipf(InProgress, "RDS could not be asked for its tasks")
	case open:
		return skipf(InProgress, "RDS's %s", task)
	default:
		return nil
	}
}

// replicaBehind returns which replica keeps a primary of a fleet from going, nil if none does. A PostgreSQL primary takes its replicas along: it
// goes only when each of them runs its target. The replicas of the rollout are in earlier waves, so they have ended. One that is not in the rollout
// ran the target when it opened, or is newer than the rollout.
func replicaBehind(r *state.Rollout, m *state.Member, i fleet.Instance) *skip {
	for _, id := range i.ReplicaIDs {
		replica, behind := r.Member(id), behind(i, id, m.Target)
		switch {
		case i.TakesReplicasAlong() && behind != "":
			return skipf(ReplicaFirst, "its replica %s %s, and its upgrade would restart it", id, behind)
		case replica == nil && behind != "":
			return skipf(ReplicaFirst, "its replica %s %s, and is not in the rollout", id, behind)
		case replica != nil && replica.Wave > 0 && replica.State != state.Proven:
			return skipf(ReplicaFirst, "its replica %s was not upgraded: %s", id, replica.State)
		}
	}
	return nil
}

// wait lets the member wait for an instance that is busy, for as long as verify.giveUp. A request for one instance does not wait: a restart that
// was asked for at night must not come in the morning.
func (a attempt) wait(busy *skip) {
	m := a.member
	if m.WantedSince.IsZero() {
		m.WantedSince = a.Now
	}
	m.Busy = short(busy.detail, maxWhy)
	if waited := a.Now.Sub(m.WantedSince); single(a.rollout) && busy.reason != Unread || waited >= time.Duration(a.Policy.Verify.GiveUp) {
		*m = leave(*m, a.Now, busy)
		if waited > 0 {
			m.End.Detail = fmt.Sprintf("it was its turn at %s, and since then it was busy: %s", Stamp(m.WantedSince), busy.detail)
		}
	}
}

// intend makes the member an intent.
func (a attempt) intend(at window.Placed) {
	r, m := a.rollout, a.member
	m.State, m.Busy = state.Intent, ""
	m.Call = &state.Call{
		At: a.Now, Due: at.Due, UpgradeTime: at.UpgradeTime, SwitchTime: at.SwitchTime, Moved: short(at.Moved, maxWhy), TasksBefore: tasksBefore(a.instance, a.Now),
	}
	for n := range r.Waves {
		if w := &r.Waves[n]; w.Number == m.Wave && w.Began.IsZero() {
			w.Began = a.Now
		}
	}
	call := fleet.Call{
		DBInstanceID: m.DBInstanceID, RegionID: m.RegionID, TargetMinorVersion: m.Target, UpgradeTime: string(at.UpgradeTime), SwitchTime: m.Call.SwitchTime,
	}
	if a.namesNone() {
		call.TargetMinorVersion = ""
	}
	a.intents = append(a.intents, Intent{Rollout: r.ID, Call: call, At: a.Now, Latest: at.Latest, Allowed: Allowed(r)})
}

// tasksBefore returns the tasks that an instance has before a call, as far as they could be taken for the call's.
func tasksBefore(i fleet.Instance, now time.Time) (ids []string) {
	for _, t := range i.Tasks {
		if t.ID != "" && (t.Start.IsZero() || t.Start.After(now.Add(-2*foreign))) {
			ids = append(ids, t.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
