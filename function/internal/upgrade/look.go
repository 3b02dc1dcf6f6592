package upgrade

import (
	"time"

	"rds-kernel-upgrade/function/internal/policy"
)

// maxLookPause is the longest time between two looks at what is in flight.
const maxLookPause = time.Hour

// shown is when something can be seen of it: of a call of which nobody knows whether it was made, a task at once.
func (f Flight) shown() time.Time {
	if f.AcceptedAt.IsZero() {
		return f.At
	}
	return f.Due
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// nextLook is when to look at what is in flight: verify.first after the first shows anything, then with pauses that double, and not
// after the time at which the first is given up.
func (r *Rollout) nextLook(v policy.Verify, now time.Time) time.Time {
	if len(r.Flight) == 0 {
		return now
	}
	first, givenUp := r.Flight[0].shown(), r.Flight[0].Due
	for _, f := range r.Flight[1:] {
		first, givenUp = earlier(first, f.shown()), earlier(givenUp, f.Due)
	}
	first, givenUp = first.Add(time.Duration(v.First)), givenUp.Add(time.Duration(v.GiveUp))
	pause := min(time.Duration(v.First)<<min(r.Looks, 10), max(maxLookPause, time.Duration(v.First)))
	next := now.Add(pause)
	if first.After(next) {
		next = first
	}
	if next.After(givenUp) && givenUp.After(now) {
		next = givenUp
	}
	return next
}
