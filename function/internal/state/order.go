package state

import (
	"cmp"
	"slices"
	"strings"
)

// Sort puts all lists of the document into the order in which they are written: rollouts and messages as they came, waves by number, all else by
// id. Where a comment says that something must be in order, this is meant; Load and Save keep it.
func (d *Document) Sort() {
	slices.SortFunc(d.Rollouts, compareRollouts)
	for _, r := range d.Rollouts {
		r.sort()
	}
	slices.SortFunc(d.Instances, func(a, b *Instance) int { return strings.Compare(a.DBInstanceID, b.DBInstanceID) })
	slices.SortFunc(d.Tasks, func(a, b *Task) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(d.Messages, compareMessages)
}

func (r *Rollout) sort() {
	slices.SortFunc(r.Waves, func(a, b Wave) int { return cmp.Compare(a.Number, b.Number) })
	sortMembers(r.Members)
}

func compareRollouts(a, b *Rollout) int {
	return cmp.Or(a.Received.Compare(b.Received), strings.Compare(a.ID, b.ID))
}

func compareMessages(a, b *Message) int {
	return cmp.Or(a.Received.Compare(b.Received), strings.Compare(a.ID, b.ID))
}
