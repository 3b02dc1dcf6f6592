package plan

import (
	"fmt"
	"slices"
	"strings"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/version"
)

// kinship knows the choices by instance, and the replicas of each primary, as one of the two names the other.
type kinship struct {
	at       map[string]*choice
	replicas map[string][]string
}

func kinshipOf(choices []*choice) kinship {
	kin := kinship{at: make(map[string]*choice, len(choices)), replicas: map[string][]string{}}
	for _, c := range choices {
		i := c.instance
		kin.at[i.ID] = c
		if i.PrimaryID != "" {
			kin.replicas[i.PrimaryID] = append(kin.replicas[i.PrimaryID], i.ID)
		}
		if len(i.ReplicaIDs) > 0 {
			kin.replicas[i.ID] = append(kin.replicas[i.ID], i.ReplicaIDs...)
		}
	}
	for id, replicas := range kin.replicas {
		slices.Sort(replicas)
		kin.replicas[id] = slices.Compact(replicas)
	}
	return kin
}

// holdPrimaries leaves out the primaries whose replicas are neither done nor to be upgraded; one that is left out holds a primary of its own.
//
//	a replica of the primary                             the primary
//	runs the target (PostgreSQL)                         may go
//	is up_to_date or not_affected (MySQL)                may go
//	is to be upgraded, to the primary's target           goes in a later wave
//	is to be upgraded to another target (PostgreSQL)     is left out: replica_first
//	anything else                                        is left out: replica_first
//
// An upgrade of a PostgreSQL primary restarts all its replicas that are below its target. One that needs no upgrade for itself gets one for its
// primary's sake (see bringReplicas).
func (k kinship) holdPrimaries(choices []*choice) {
	for held := true; held; {
		held = false
		for _, c := range chosenOf(choices) {
			if obstacle := k.obstacle(c); obstacle != "" {
				c.skip, held = &skip{ReplicaFirst, obstacle}, true
			}
		}
	}
}

// obstacle returns which replica keeps a primary from going, "" if none does.
func (k kinship) obstacle(primary *choice) string {
	for _, id := range k.replicas[primary.instance.ID] {
		if reason := inTheWay(k.at[id], primary, id); reason != "" {
			return "its replica " + id + " " + reason
		}
	}
	return ""
}

// bringReplicas chooses the replicas that need no upgrade for themselves and that the upgrade of their PostgreSQL primary would restart: they go
// before it, to its target. Where another replica stands in the primary's way, none is brought.
func (k kinship) bringReplicas(q question, choices []*choice) {
	for _, c := range choices {
		if !c.chosen() || c.instance.Engine != fleet.PostgreSQL {
			continue
		}
		brought, blocked := map[*choice]string{}, false
		for _, id := range k.replicas[c.instance.ID] {
			if offer, found := k.at[id].broughtTo(c.target); found {
				brought[k.at[id]] = offer.Version
				continue
			}
			blocked = blocked || inTheWay(k.at[id], c, id) != ""
		}
		for r, target := range brought {
			if !blocked {
				r.at, r.skip = q.place(r.instance)
				r.target, r.why = target, "its primary "+c.instance.ID+" goes to "+c.target+" and would restart it"
			}
		}
	}
}

// broughtTo returns the listed version by which an instance reaches a target for its primary's sake, if it could be called and is left
// alone only because nothing is to be done about its version.
func (c *choice) broughtTo(target string) (fleet.Offer, bool) {
	if c == nil || c.chosen() || c.leftAlone() != "" || c.failed != nil || c.instance.Listed ||
		version.Reached(c.instance.CurrentKernelVersion, target) {
		return fleet.Offer{}, false
	}
	return c.instance.Offer(target)
}

// inTheWay returns what a replica keeps its primary waiting for, "" if nothing, or if it is to be upgraded before it.
func inTheWay(replica, primary *choice, id string) string {
	if replica == nil {
		return outside(primary, id)
	}
	if primary.instance.Engine != fleet.PostgreSQL {
		return replica.leftAlone()
	}
	i, target := replica.instance, primary.target
	switch {
	case i.Fault == nil && !i.Listed && i.Proven(target), replica.chosen() && version.Reached(replica.target, target):
		return ""
	case replica.chosen():
		return fmt.Sprintf("is to get %s, which is not its primary's target %s", replica.target, target)
	}
	if reason := replica.leftAlone(); reason != "" {
		return reason + ", and its primary's upgrade would restart it"
	}
	return fmt.Sprintf("runs %s, and the primary's upgrade to %s would restart it", i.CurrentKernelVersion, target)
}

// leftAlone returns why a replica is left alone although it may need an upgrade, "" if it is to be upgraded or needs none.
func (c *choice) leftAlone() string {
	if c.chosen() || c.skip.reason == UpToDate || c.skip.reason == NotAffected {
		return ""
	}
	return fmt.Sprintf("is left alone: %s (%s)", c.skip.reason, strings.TrimSpace(c.skip.detail))
}

// outside returns how a replica that was not selected is behind its primary's target, "" if it is not.
func outside(primary *choice, id string) string {
	for _, r := range primary.instance.Replicas {
		if r.ID == id && r.Proven(primary.target) {
			return ""
		}
		if r.ID == id && r.Fault == nil {
			return fmt.Sprintf("runs %s and is not among the selected instances: select both", r.CurrentKernelVersion)
		}
	}
	return "is not among the selected instances and could not be read: select both"
}
