package plan

import (
	"cmp"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

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
	if len(d.Instances) == 0 {
		return nil
	}
	for n := range t.rollout.Members {
		m := &t.rollout.Members[n]
		if known := d.Instance(m.DBInstanceID); m.Wave > 0 && m.Wave < t.members[0].Wave && known != nil && known.Fail != nil {
			all = append(all, m)
		}
	}
	return all
}

// Crowd returns what has to be looked at besides, so that the budget counts every upgrade, whoever began it: a listing of the policy's regions. It
// is empty where no budget holds.
func (p *Plan) Crowd() fleet.Scope {
	for _, t := range turns(p) {
		if !single(t.rollout) {
			return fleet.Scope{Regions: p.Policy.RegionsOf(p.Region), Possible: func(fleet.Instance) bool { return false }}
		}
	}
	return fleet.Scope{}
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
	front := Front(p.Document)
	for _, r := range p.Document.Rollouts {
		wave := 1
		switch {
		case r.State != state.Open, !single(r) && r != front:
			continue
		case r == front:
			wave = openWave(p, r)
		}
		t := turn{rollout: r}
		for _, m := range r.In(state.Pending) {
			if m.Wave == wave {
				t.members = append(t.members, m)
			}
		}
		if len(t.members) > 0 {
			all = append(all, t)
		}
	}
	slices.SortStableFunc(all, func(a, b turn) int { return cmp.Compare(waitsForNobody(b), waitsForNobody(a)) })
	return all
}

// waitsForNobody is 1 of a request for one instance, else 0.
func waitsForNobody(t turn) int {
	if single(t.rollout) {
		return 1
	}
	return 0
}
