package state

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Sort puts all lists of the document into the order in which they are written: rollouts and messages as they came, waves by number, all else by
// id. Where a comment says that something must be in order, this is meant; Load and Save keep it.
func (d *Document) Sort() {
	slices.SortFunc(d.Rollouts, compare)
	for _, r := range d.Rollouts {
		r.sort()
	}
	slices.SortFunc(d.Instances, compare)
	slices.SortFunc(d.Tasks, compare)
	slices.SortFunc(d.Messages, compare)
}

func (r *Rollout) sort() {
	slices.SortFunc(r.Waves, func(a, b Wave) int { return cmp.Compare(a.Number, b.Number) })
	sortMembers(r.Members)
}

func sortMembers(all []Member) {
	slices.SortFunc(all, func(a, b Member) int { return strings.Compare(a.DBInstanceID, b.DBInstanceID) })
}

// entry is an entry of a list that is kept in order.
type entry interface {
	// place returns when the entry came, where that decides about its place, and its id, which decides then, with the field that holds it.
	place() (at time.Time, field, id string)
	// check reports what is impossible in it, whatever the other entries are.
	check() *flaw
}

func (r *Rollout) place() (at time.Time, field, id string) { return r.Received, "id", r.ID }

func (m *Message) place() (at time.Time, field, id string) { return m.Received, "id", m.ID }

func (m *Member) place() (at time.Time, field, id string) { //nolint:unparam // of an entry
	return at, "DBInstanceId", m.DBInstanceID
}

func (i *Instance) place() (at time.Time, field, id string) { //nolint:unparam // of an entry
	return at, "DBInstanceId", i.DBInstanceID
}

func (t *Task) place() (at time.Time, field, id string) { //nolint:unparam // of an entry
	return at, "Id", t.ID
}

// compare returns a negative number if a comes before b, and a positive one if it comes after it.
func compare[T entry](a, b T) int {
	atA, _, idA := a.place()
	atB, _, idB := b.place()
	return cmp.Or(atA.Compare(atB), strings.Compare(idA, idB))
}
