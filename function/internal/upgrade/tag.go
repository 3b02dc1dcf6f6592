package upgrade

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/parallel"
)

// claim writes the intent on every instance of a wave. An instance whose tag could not be written is not called; its fault
// is in the result.
func (r Run) claim(ctx context.Context, steps []Step, at time.Time) map[string]*fault.Error {
	var mu sync.Mutex
	refused := map[string]*fault.Error{}
	r.eachClaim(steps, Claim{State: Intent, At: at}, func(instances []Instance, value string) {
		err := Retry(ctx, func() error {
			return r.API.Tag(ctx, instances[0].RegionID, ids(instances), ClaimTag, value)
		})
		if err == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, i := range instances {
			refused[i.ID] = fault.From(err)
		}
	})
	return refused
}

// noteAccepted turns the intent into "called" where the call was accepted. What the API answered is in the claim only when the
// instance is alone: one tag call writes one value.
func (r Run) noteAccepted(ctx context.Context, steps []Step, outcomes []Outcome, at time.Time) {
	var accepted []Step
	var answer Acceptance
	for n, o := range outcomes {
		if o.Status == Accepted {
			accepted, answer = append(accepted, steps[n]), o.Acceptance
		}
	}
	if len(accepted) > 1 {
		answer = Acceptance{}
	}
	r.eachClaim(accepted, Claim{State: Called, At: at, Acceptance: answer}, func(instances []Instance, value string) {
		r.write(ctx, instances, value)
	})
}

// eachClaim groups the instances that get the same claim, and writes each one, several at the same time. All of a wave share the latest
// due time, so that as many as possible do.
func (r Run) eachClaim(steps []Step, c Claim, write func(instances []Instance, value string)) {
	type owned struct{ region, value string }
	for _, s := range steps {
		if s.Due.After(c.Due) {
			c.Due = s.Due
		}
	}
	groups := map[owned][]Instance{}
	for _, s := range steps {
		c.Target, c.Rollout, c.Wave = s.Target, r.Rollout, r.Wave
		group := owned{s.Instance.RegionID, c.String()}
		groups[group] = append(groups[group], s.Instance)
	}
	keys := slices.Collect(maps.Keys(groups))
	parallel.Do(r.Workers, len(keys), func(n int) { write(groups[keys[n]], keys[n].value) })
}

// write is for claims that must not be lost and may be late: it has until the run's deadline. Without it the
// claim stays "intent", which the next run meets with caution.
func (r Run) write(ctx context.Context, instances []Instance, value string) {
	ctx, cancel := r.finishing(ctx)
	defer cancel()
	err := Retry(ctx, func() error {
		return r.API.Tag(ctx, instances[0].RegionID, ids(instances), ClaimTag, value)
	})
	if err != nil {
		r.Log.LogAttrs(ctx, slog.LevelError, "claim", slog.Any("DBInstanceId", ids(instances)), slog.String("error", err.Error()))
	}
}

// Conclude does to the claims what the outcomes say, once those are told.
func (r Run) Conclude(ctx context.Context, outcomes []Outcome) {
	proven := map[string][]Instance{}
	for _, o := range outcomes {
		if o.Release {
			proven[o.Instance.RegionID] = append(proven[o.Instance.RegionID], o.Instance)
		}
		if o.Becomes != nil {
			r.write(ctx, []Instance{o.Instance}, o.Becomes.String())
		}
	}
	for _, region := range slices.Sorted(maps.Keys(proven)) {
		r.release(ctx, proven[region])
	}
}

// release takes the claims off instances of one region, 50 at a time.
func (r Run) release(ctx context.Context, instances []Instance) {
	ctx, cancel := r.finishing(ctx)
	defer cancel()
	for chunk := range slices.Chunk(instances, tagged) {
		err := Retry(ctx, func() error { return r.API.Untag(ctx, chunk[0].RegionID, ids(chunk), ClaimTag) })
		if err != nil {
			r.Log.LogAttrs(ctx, slog.LevelError, "claim", slog.Any("DBInstanceId", ids(chunk)), slog.String("error", err.Error()))
		}
	}
}

// finishing gives the time that is left for what must still be done.
func (r Run) finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithDeadline(context.WithoutCancel(ctx), r.Deadline)
}

func ids(instances []Instance) []string {
	list := make([]string, 0, len(instances))
	for _, i := range instances {
		list = append(list, i.ID)
	}
	return list
}
