package plan

import (
	"cmp"
	"slices"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/state"
)

// Front returns the rollout of a fleet whose turn it is, nil if none is live. It alone opens and calls; the order is:
//
//	the higher severity; of equal ones, the one that is open; of those, the one that was sent earlier
//
// A request for one instance waits for nobody and is never at the front.
func Front(d *state.Document) *state.Rollout {
	live := slices.DeleteFunc(slices.Clone(d.Rollouts), func(r *state.Rollout) bool { return !r.Live() || single(r) })
	if len(live) == 0 {
		return nil
	}
	return slices.MinFunc(live, before)
}

// before orders two live rollouts.
func before(a, b *state.Rollout) int {
	states := []state.RolloutState{state.Open, state.Waiting}
	return cmp.Or(
		cmp.Compare(rank(a.Severity), rank(b.Severity)),
		cmp.Compare(slices.Index(states, a.State), slices.Index(states, b.State)),
		sent(a).Compare(sent(b)),
		cmp.Compare(a.ID, b.ID),
	)
}

// rank is 0 for the highest severity. One that is not known comes after all others.
func rank(severity string) int { return slices.Index(append(events.Severities(), severity), severity) }

// sent is when the request of a rollout was sent, or received where that is not known.
func sent(r *state.Rollout) time.Time { return SentAt(r.Published, r.Received) }

// single reports whether a rollout is a request for one instance.
func single(r *state.Rollout) bool { return r.Request.Fleet == nil }
