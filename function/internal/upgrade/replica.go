package upgrade

import (
	"fmt"
	"slices"
	"strings"

	"rds-kernel-upgrade/function/internal/version"
)

// kinship knows the decisions by instance, and the replicas of each primary, as one of the two names the other.
type kinship struct {
	at       map[string]*Decision
	replicas map[string][]string
}

func kinshipOf(decisions []Decision) kinship {
	all := kinship{at: make(map[string]*Decision, len(decisions)), replicas: map[string][]string{}}
	for n := range decisions {
		i := &decisions[n].Instance
		all.at[i.ID] = &decisions[n]
		if i.PrimaryID != "" {
			all.replicas[i.PrimaryID] = append(all.replicas[i.PrimaryID], i.ID)
		}
		if len(i.ReplicaIDs) > 0 {
			all.replicas[i.ID] = append(all.replicas[i.ID], i.ReplicaIDs...)
		}
	}
	for id, replicas := range all.replicas {
		slices.Sort(replicas)
		all.replicas[id] = slices.Compact(replicas)
	}
	return all
}

// holdPrimaries takes the step from the primaries whose replicas are neither done nor to be upgraded, and tells whether there were any.
func (k kinship) holdPrimaries(decisions []Decision) (held bool) {
	for n := range decisions {
		d := &decisions[n]
		if d.Step == nil {
			continue
		}
		for _, id := range k.replicas[d.Instance.ID] {
			if reason, wait := inTheWay(k.at[id], d, id); reason != "" {
				d.Step, d.Wait, held = nil, wait, true
				d.Skip = skip(ReplicaFirst, "its replica %s %s", id, reason)
				break
			}
		}
	}
	return held
}

// bringReplicas gives a step to the replicas that need none for themselves and that the upgrade of their PostgreSQL primary would
// restart: they go before it, to its target. Where another replica stands in the primary's way, none is brought.
func (k kinship) bringReplicas(decisions []Decision, places *placing) {
	for n := range decisions {
		d := &decisions[n]
		if d.Step == nil || d.Instance.Engine != postgreSQL {
			continue
		}
		brought := map[*Decision]Offer{}
		blocked := false
		for _, id := range k.replicas[d.Instance.ID] {
			r := k.at[id]
			if offer, found := r.broughtTo(d.Step.Target); found {
				brought[r] = offer
				continue
			}
			reason, _ := inTheWay(r, d, id)
			blocked = blocked || reason != ""
		}
		for r, offer := range brought {
			if !blocked {
				r.Target = offer.Version
				r.Step, r.Skip = places.step(r.Instance, aim{
					target: offer.Version, asked: offer.Version, why: "its primary " + d.Instance.ID + " goes to " + d.Step.Target + " and would restart it",
				})
			}
		}
	}
}

// broughtTo returns the listed version by which an instance reaches a target for its primary's sake, if it could be called and is left
// alone only since nothing is to be done about its version.
func (d *Decision) broughtTo(target string) (Offer, bool) {
	if d == nil || d.Step != nil || d.Fault != nil || d.Past != nil || d.Alive || d.Instance.Listed || d.Skip == nil {
		return Offer{}, false
	}
	needsNone := d.Skip.Reason == UpToDate || d.Skip.Reason == NotAffected
	if !needsNone || version.Reached(d.Instance.CurrentKernelVersion, target) {
		return Offer{}, false
	}
	return d.Instance.offer(target)
}

const postgreSQL = "PostgreSQL"

// inTheWay says what a replica keeps its primary waiting for, "" if nothing, or if it is to be upgraded before it.
func inTheWay(replica *Decision, primary *Decision, id string) (reason string, wait bool) {
	if replica == nil {
		return primary.unselected(id), false
	}
	if primary.Instance.Engine != postgreSQL {
		return replica.standsInTheWay()
	}
	i, target := replica.Instance, primary.Step.Target
	switch {
	case replica.Fault == nil && !i.Listed && i.proven(target):
		return "", false
	case replica.Step != nil && !version.Reached(replica.Step.Target, target):
		return fmt.Sprintf("is to get %s, which is not its primary's target %s", replica.Step.Target, target), false
	}
	switch reason, wait = replica.standsInTheWay(); {
	case reason != "":
		return reason + ", and its primary's upgrade would restart it", wait
	case replica.Step != nil:
		return "", false
	}
	return fmt.Sprintf("runs %s, and the primary's upgrade to %s would restart it", i.CurrentKernelVersion, target), false
}

// standsInTheWay says why a replica of the fleet is neither done nor to be upgraded, "" if it is.
func (d *Decision) standsInTheWay() (reason string, wait bool) {
	switch {
	case d.Past != nil && d.Past.Status != Completed:
		return "has not been upgraded: " + string(d.Past.Status), false
	case d.Past != nil, d.Step != nil:
		return "", false
	case d.Fault != nil:
		return "could not be read: " + d.Fault.Error(), true
	case d.Alive && d.Settlement != nil && d.Settlement.Status == Completed:
		return "", false
	case d.Alive:
		return "is under way", true
	case d.Skip.Reason == UpToDate, d.Skip.Reason == NotAffected:
		return "", false
	default:
		return fmt.Sprintf("is left alone: %s (%s)", d.Skip.Reason, strings.TrimSpace(d.Skip.Detail)), d.Wait
	}
}

// unselected says whether a replica that was not selected is behind its primary's target.
func (d *Decision) unselected(id string) string {
	for _, r := range d.Instance.Replicas {
		if r.ID == id && r.proven(d.Step.Target) {
			return ""
		}
		if r.ID == id && r.Fault == nil {
			return fmt.Sprintf("runs %s and is not among the selected instances: select both", r.CurrentKernelVersion)
		}
	}
	return "is not among the selected instances and could not be read: select both"
}
