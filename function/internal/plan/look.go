package plan

import (
	"maps"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

const (
	// maxPause is the longest time between two looks at what is in flight.
	maxPause = time.Hour
	// foreign is how far RDS's clock may be from ours.
	foreign = 10 * time.Minute
	// history is how far back a task that has not ended is looked for. RDS knows 30 days.
	history = 7 * 24 * time.Hour
)

// Flights returns what has to be looked at now, of all rollouts: what is in flight, and due for its next look.
func (p *Plan) Flights() []fleet.Scope {
	regions := map[string][]string{}
	for _, r := range p.Document.Rollouts {
		for _, m := range r.In(state.Intent, state.Called) {
			if !p.Now.Before(nextLook(m.Call, p.Policy.Verify)) {
				regions[m.RegionID] = append(regions[m.RegionID], m.DBInstanceID)
			}
		}
	}
	return scopesOf(regions, func(i fleet.Instance) (since time.Time, matter bool) { // until it runs the target, and from shortly before the call
		_, m := p.Document.Flight(i.ID)
		if m == nil || i.Proven(m.Target) {
			return time.Time{}, false
		}
		return m.Call.At.Add(-foreign), true
	})
}

// scopesOf returns one scope for each region, with each instance once.
func scopesOf(regions map[string][]string, tasks func(fleet.Instance) (time.Time, bool)) (scopes []fleet.Scope) {
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		ids := regions[region]
		slices.Sort(ids)
		scopes = append(scopes, fleet.Scope{Regions: []string{region}, IDs: slices.Compact(ids), Tasks: tasks})
	}
	return scopes
}

// nextLook returns when to look at what a call has come to: verify.first after something can show, then with pauses that double up to an hour,
// and at the moment at which it is given up.
func nextLook(c *state.Call, v policy.Verify) time.Time {
	pause := time.Duration(v.First)
	longest := max(maxPause, pause)
	next := c.Due
	if c.AcceptedAt.IsZero() {
		next = c.At // a task of it shows at once
	}
	for range c.Looks + 1 {
		next = next.Add(pause)
		pause = min(2*pause, longest)
	}
	if late := c.Due.Add(time.Duration(v.GiveUp)); next.After(late) {
		return late
	}
	return next
}

// Turn returns what has to be looked at before calls may be made: the instances whose turn it is, with their tags, their tasks and their
// replicas. If there are none, nothing can be called. A task matters that has not ended, whenever it began: it keeps the instance busy. The members
// of earlier waves that have failed are looked at, too: one that runs its target after all begins a bake.
func (p *Plan) Turn() []fleet.Scope {
	regions, all := map[string][]string{}, turns(p)
	for _, t := range all {
		for _, m := range append(failedBefore(p.Document, t), t.members...) {
			regions[m.RegionID] = append(regions[m.RegionID], m.DBInstanceID)
		}
	}
	scopes := scopesOf(regions, func(i fleet.Instance) (since time.Time, matter bool) { return p.Now.Add(-history), i.Running() })
	for n := range scopes {
		scopes[n].Replica = func(i fleet.Instance) bool { return i.TakesReplicasAlong() || hasStranger(all, i) }
	}
	return scopes
}

// hasStranger reports whether an instance has a replica that is not in its rollout.
func hasStranger(all []turn, i fleet.Instance) bool {
	return slices.ContainsFunc(all, func(t turn) bool {
		return !single(t.rollout) && t.rollout.Member(i.ID) != nil &&
			slices.ContainsFunc(i.ReplicaIDs, func(id string) bool { return t.rollout.Member(id) == nil })
	})
}

// failedBefore returns the members of earlier waves of which a failure is remembered, whichever rollout it was in.
func failedBefore(d *state.Document, t turn) (all []*state.Member) {
	for _, i := range d.Instances {
		if m := t.rollout.Member(i.DBInstanceID); i.Fail != nil && m != nil && m.Wave > 0 && m.Wave < t.members[0].Wave {
			all = append(all, m)
		}
	}
	return all
}

// Crowd returns what has to be looked at besides, so that the budget counts every upgrade, whoever began it: a listing of the policy's regions. It
// is empty where no budget holds.
func (p *Plan) Crowd() fleet.Scope {
	if !slices.ContainsFunc(turns(p), func(t turn) bool { return !single(t.rollout) }) {
		return fleet.Scope{}
	}
	return fleet.Scope{Regions: p.Policy.RegionsOf(p.Region), Possible: func(fleet.Instance) bool { return false }}
}

// turn is what a rollout may call now.
type turn struct {
	rollout *state.Rollout
	members []*state.Member
}

// turns returns the requests for one instance, each with its member, and then the rollout at the front with those of the wave that is open: the
// budget counts the others first.
func turns(p *Plan) (all []turn) {
	if p.Policy.Mode != policy.Apply {
		return nil
	}
	add := func(r *state.Rollout, wave int) {
		members := slices.DeleteFunc(r.In(state.Pending), func(m *state.Member) bool { return m.Wave != wave })
		if r.State == state.Open && len(members) > 0 {
			all = append(all, turn{r, members})
		}
	}
	for _, r := range p.Document.Rollouts {
		if single(r) {
			add(r, 1)
		}
	}
	if front := Front(p.Document); front != nil {
		add(front, openWave(p, front))
	}
	return all
}
