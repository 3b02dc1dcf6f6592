package state

import (
	"slices"
	"strings"
)

// Rollout returns the rollout with an id, nil if there is none.
func (d *Document) Rollout(id string) *Rollout {
	for _, r := range d.Rollouts {
		if r.ID == id {
			return r
		}
	}
	return nil
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

// Message returns the message with an id, nil if there is none.
func (d *Document) Message(id string) *Message {
	for _, m := range d.Messages {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// RolloutOf returns the rollout that a message began, joined or stopped, nil if there is none, or none any more.
func (d *Document) RolloutOf(message string) *Rollout {
	m := d.Message(message)
	if m == nil || m.Rollout == "" {
		return nil
	}
	return d.Rollout(m.Rollout)
}

// Instance returns what is remembered of an instance, nil if there is nothing. The instances must be in order.
func (d *Document) Instance(id string) *Instance {
	n, found := d.findInstance(id)
	if !found {
		return nil
	}
	return d.Instances[n]
}

// Remember returns what is remembered of an instance, for more to be written into it.
func (d *Document) Remember(id, region string) *Instance {
	n, found := d.findInstance(id)
	if !found {
		d.Instances = slices.Insert(d.Instances, n, &Instance{DBInstanceID: id, RegionID: region})
	}
	return d.Instances[n]
}

func (d *Document) findInstance(id string) (int, bool) {
	return slices.BinarySearchFunc(d.Instances, id, func(i *Instance, id string) int { return strings.Compare(i.DBInstanceID, id) })
}

// InFlight returns how many members of all rollouts may have a call under way.
func (d *Document) InFlight() (many int) {
	for _, r := range d.Rollouts {
		many += r.Count(Intent, Called)
	}
	return many
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
