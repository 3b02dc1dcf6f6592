package state

import (
	"encoding/json"
	"maps"
	"slices"

	"rds-kernel-upgrade/events"
)

// Clone returns a copy that shares nothing that can be changed with the document.
func (d *Document) Clone() *Document {
	clone := *d
	clone.Rollouts = cloneEach(d.Rollouts, (*Rollout).clone)
	clone.Last = maps.Clone(d.Last)
	clone.Instances = cloneEach(d.Instances, (*Instance).clone)
	clone.Tasks = cloneEach(d.Tasks, shallow[Task])
	clone.Messages = cloneEach(d.Messages, shallow[Message])
	return &clone
}

func (r *Rollout) clone() *Rollout {
	clone := *r
	clone.Request = cloneRequest(r.Request)
	clone.Notes = slices.Clone(r.Notes)
	clone.Waves = slices.Clone(r.Waves)
	clone.Members = slices.Clone(r.Members)
	for n := range clone.Members {
		clone.Members[n].unshare()
	}
	return &clone
}

// cloneRequest copies a request by way of its JSON, which holds all of it, whatever fields package events adds. A request whose JSON is none of
// a request's is shared: a document with it is never written.
func cloneRequest(request events.Request) events.Request {
	var clone events.Request
	text, err := json.Marshal(request)
	if err != nil || json.Unmarshal(text, &clone) != nil {
		return request
	}
	return clone
}

func (m *Member) unshare() {
	m.Call, m.End = shallow(m.Call), shallow(m.End)
	if m.Call != nil {
		m.Call.TasksBefore = slices.Clone(m.Call.TasksBefore)
	}
}

func (i *Instance) clone() *Instance {
	clone := *i
	clone.Fail = shallow(i.Fail)
	return &clone
}

// shallow returns a copy of what holds nothing that is shared.
func shallow[T any](from *T) *T {
	if from == nil {
		return nil
	}
	clone := *from
	return &clone
}

func cloneEach[T any](all []*T, clone func(*T) *T) []*T {
	if all == nil {
		return nil
	}
	clones := make([]*T, len(all))
	for n, each := range all {
		clones[n] = clone(each)
	}
	return clones
}
