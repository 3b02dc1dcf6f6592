// Package act carries a plan out: it makes the calls of intents, and returns what became of each.
//
//	intents ──▶ queue ──▶ Caller ──▶ results
//	              ▲                     │
//	              └── what has failed ──┘
//
// It decides nothing about instances: plan does, and reads the results. It reads and writes no document. So its caller must be the one who
// has written the intents to the document. A call that may have taken effect is never made again here.
package act

import (
	"context"
	"time"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/parallel"
	"rds-kernel-upgrade/function/internal/plan"
)

// Caller makes the one call that changes an instance.
type Caller interface {
	// Upgrade waits for the rate limit, then asks may, and makes the call if may returns nil. If not, nothing was sent, and the error is
	// may's own. Any other error is a fault; InDoubt says whether the call may have taken effect.
	Upgrade(ctx context.Context, c fleet.Call, may func() error) (fleet.Acceptance, error)
}

// Calls makes calls side by side.
type Calls struct {
	Caller  Caller
	Now     func() time.Time
	Workers int // how many calls may be on their way at the same time; fewer than one means one
	// OnPanic receives the results when a worker has panicked, before Make itself panics. All calls that were on their way have ended by
	// then. Only those that have panicked after they may have been sent are in doubt for that. It may be nil.
	OnPanic func([]plan.Result)
}

// Make makes the calls of the intents, and returns one result for each, in their order. In that order they get their turns, too; an intent
// whose rollout has to wait lets the next ones pass. The intents of one rollout have the same Allowed.
//
// With little time left until ctx ends no call begins. A panic in a worker stops all calls that have not begun, and is then Make's own, as
// package parallel describes.
func (c Calls) Make(ctx context.Context, intents []plan.Intent) []plan.Result {
	r := &run{Calls: c, queue: newQueue(intents), reserve: c.reserve(ctx), results: make([]plan.Result, len(intents))}
	for n, i := range intents {
		r.results[n] = plan.Result{Intent: i, Detail: string(stopped)}
	}
	finished := false
	defer func() {
		if !finished && c.OnPanic != nil {
			c.OnPanic(r.results)
		}
	}()
	parallel.Do(c.Workers, len(intents), func(int) { r.one(ctx) })
	finished = true
	return r.results
}

// stepTime is what a call needs at least. With less left, none begins.
const stepTime = 3 * time.Second

// reserve returns how much of the time until ctx ends is kept free of new calls: stepTime, but never more than a quarter of what there is
// now. Policies for trials leave an invocation a second in all.
func (c Calls) reserve(ctx context.Context) time.Duration {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return 0
	}
	return min(stepTime, deadline.Sub(c.Now())/4)
}
