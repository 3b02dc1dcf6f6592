package main

import (
	"context"
	"time"

	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
)

// whole returns the time of the invocation, after which nothing may be under way any more: half a second before Function Compute's deadline, so that
// the answer reaches it.
func whole(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = now.Add(time.Minute)
	}
	return context.WithDeadline(ctx, deadline.Add(-500*time.Millisecond))
}

// working returns the time for looking and calling. The last quarter, 10 seconds at the most, belongs to writing and publishing.
func working(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	deadline, _ := ctx.Deadline() // whole has set one
	reserve := min(10*time.Second, deadline.Sub(now)/4)
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}

// within returns the time that is left after intents were written: all of the invocation, its requests included, ends within verify.first of that.
// After it anybody may take an intent that has shown nothing for one whose call was not made. A twentieth is left for clocks that differ, and for
// what is on its way.
func within(ctx context.Context, intents []plan.Intent, p policy.Policy) (context.Context, context.CancelFunc) {
	if len(intents) == 0 {
		return context.WithCancel(ctx)
	}
	first := time.Duration(p.Verify.First)
	return context.WithDeadline(ctx, intents[0].At.Add(first-first/20))
}
