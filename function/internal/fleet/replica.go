package fleet

import (
	"context"
	"slices"

	"rds-kernel-upgrade/function/internal/parallel"
)

// replicas reads the read-only instances whose versions the decision about their primary needs: those that are in the fleet in their own
// place, the others as the primary's Replicas.
func (o Observer) replicas(ctx context.Context, fleet []Instance, s Scope) {
	if s.Replica == nil {
		return
	}
	places := map[string]int{}
	for n, i := range fleet {
		places[i.ID] = n
	}
	unread := unreadReplicas(fleet, places)
	parallel.Do(o.Workers, len(unread), func(n int) {
		i := &fleet[unread[n]]
		if replica := *i; o.read(ctx, &replica) { // one that cannot be read stays as it is listed: only its primary needs more of it
			*i = replica
		}
	})
	o.each(fleet, func(i *Instance) {
		if i.Listed || i.Fault != nil || !s.Replica(*i) {
			return
		}
		for _, id := range i.ReplicaIDs {
			if _, found := places[id]; !found {
				replica := Instance{ID: id, RegionID: i.RegionID}
				o.read(ctx, &replica)
				i.Replicas = append(i.Replicas, replica)
			}
		}
	})
}

// unreadReplicas returns the places in the fleet of the read-only instances that were only listed, and whose primary was read and would
// restart them.
func unreadReplicas(fleet []Instance, places map[string]int) (unread []int) {
	for _, primary := range fleet {
		if primary.Listed || primary.Fault != nil || !primary.TakesReplicasAlong() {
			continue
		}
		for _, id := range primary.ReplicaIDs {
			if n, found := places[id]; found && fleet[n].Listed && fleet[n].Fault == nil {
				unread = append(unread, n)
			}
		}
	}
	slices.Sort(unread)
	return slices.Compact(unread)
}
