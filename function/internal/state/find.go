package state

import (
	"slices"
	"strings"
)

// Rollout returns the rollout with an id, nil if there is none.
func (d *Document) Rollout(id string) *Rollout { return find(d.Rollouts, id) }

// Message returns the message with an id, nil if there is none.
func (d *Document) Message(id string) *Message { return find(d.Messages, id) }

func find[T entry](all []T, id string) (none T) {
	for _, e := range all {
		if _, _, known := e.place(); known == id {
			return e
		}
	}
	return none
}

// WithKey returns the rollouts that ask for the same, at most one of which is live.
func (d *Document) WithKey(key string) (all []*Rollout) {
	for _, r := range d.Rollouts {
		if r.Key == key {
			all = append(all, r)
		}
	}
	return all
}

// Instance returns what is remembered of an instance, nil if there is nothing. The instances must be in order.
func (d *Document) Instance(id string) *Instance {
	n, found := slices.BinarySearchFunc(d.Instances, id, func(i *Instance, id string) int { return strings.Compare(i.DBInstanceID, id) })
	if !found {
		return nil
	}
	return d.Instances[n]
}

// Remember returns what is remembered of an instance, for more to be written into it.
func (d *Document) Remember(id, region string) *Instance {
	known := d.Instance(id)
	if known == nil {
		known = &Instance{DBInstanceID: id, RegionID: region}
		d.Instances = append(d.Instances, known)
		slices.SortFunc(d.Instances, compare)
	}
	return known
}

// Flight returns the member that is in flight on an instance, and its rollout, nil if there is none: at most one rollout has one. The members
// must be in order.
func (d *Document) Flight(id string) (*Rollout, *Member) {
	for _, r := range d.Rollouts {
		if m := r.Member(id); m != nil && m.State.InFlight() {
			return r, m
		}
	}
	return nil, nil
}
