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
	var live []*state.Rollout
	for _, r := range d.Rollouts {
		if r.Live() && r.Request.Fleet != nil {
			live = append(live, r)
		}
	}
	if len(live) == 0 {
		return nil
	}
	return slices.MinFunc(live, before)
}

// before orders two live rollouts.
func before(a, b *state.Rollout) int {
	return cmp.Or(
		cmp.Compare(rank(a.Severity), rank(b.Severity)),
		cmp.Compare(waits(a), waits(b)),
		sent(a).Compare(sent(b)),
		cmp.Compare(a.ID, b.ID),
	)
}

// rank is 0 for the highest severity. One that is not known is the lowest.
func rank(severity string) int {
	known := []string{"critical", "high", "medium", "low"}
	if n := slices.Index(known, severity); n >= 0 {
		return n
	}
	return len(known)
}

func waits(r *state.Rollout) int {
	if r.State == state.Waiting {
		return 1
	}
	return 0
}

// sent is when the request of a rollout was sent, or received where that is not known.
func sent(r *state.Rollout) time.Time { return SentAt(r.Published, r.Received) }

// single reports whether a rollout is a request for one instance.
func single(r *state.Rollout) bool { return r.Request.Fleet == nil }

// byTimer reports whether a timer asked for the rollout.
func byTimer(r *state.Rollout) bool { return r.Cause.Trigger == events.Timer }
