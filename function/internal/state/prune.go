package state

import (
	"maps"
	"slices"
	"time"
)

const (
	// Keep is how long what is over stays in the document. A message that is older than 7 days is refused for its age, so that a day more is
	// enough to recognise every one that is not.
	Keep = 8 * 24 * time.Hour
	// MaxAge is how old the newest document may become before it is written anew, without a change if there is none.
	MaxAge = 24 * time.Hour
)

// Old reports whether the document must be written anew, so that the bucket's lifecycle rule does not remove it.
func (d *Document) Old(now time.Time) bool { return !now.Before(d.Written.Add(MaxAge)) }

// ToArchive returns the rollouts that are over, about which everything has been published, and that are not in the archive.
func (d *Document) ToArchive() (all []*Rollout) {
	for _, r := range d.Rollouts {
		if r.Archived.IsZero() && r.AllTold() {
			all = append(all, r)
		}
	}
	return all
}

// Prune removes what is over, and reports whether it has removed anything:
//
//	a rollout            Keep after its report was published, if it is in the archive, and its proofs are older than the longest bake
//	the end of a key     after Keep
//	a message            Keep after it was received, once it was answered and its rollout is gone
//	a late landing       after the longest bake, and after Keep
//	a failure            never: it goes when the instance is upgraded
//
// The caller knows the longest bake, of the policy and of the rollouts that have not ended.
func (d *Document) Prune(now time.Time, bake time.Duration) (removed bool) {
	size := func() int { return len(d.Rollouts) + len(d.Last) + len(d.Messages) + len(d.Instances) }
	before := size()
	over := func(at time.Time) bool { return !now.Before(at.Add(max(Keep, bake))) }
	d.Rollouts = slices.DeleteFunc(d.Rollouts, func(r *Rollout) bool {
		return !r.Archived.IsZero() && r.AllTold() && over(r.Told.Report)
	})
	maps.DeleteFunc(d.Last, func(_ string, last Last) bool { return !now.Before(last.At.Add(Keep)) })
	d.Messages = slices.DeleteFunc(d.Messages, func(m *Message) bool {
		return !m.Told.IsZero() && !now.Before(m.Received.Add(Keep)) && d.Rollout(m.Rollout) == nil
	})
	d.Instances = slices.DeleteFunc(d.Instances, func(i *Instance) bool {
		if !i.Landed.IsZero() && over(i.Landed) {
			i.Landed, removed = time.Time{}, true
		}
		return i.Fail == nil && i.Landed.IsZero()
	})
	return removed || size() != before
}
