package upgrade

import (
	"context"
	"log/slog"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
)

// claim writes the intent on every instance of a wave. An instance whose tag could not be written is not called; its fault
// is in the result.
func (r Run) claim(ctx context.Context, steps []Step, at time.Time) map[string]*fault.Error {
	refused := map[string]*fault.Error{}
	for value, instances := range r.byClaim(steps, Claim{State: Intent, At: at}) {
		err := Retry(ctx, func() error {
			return r.API.Tag(ctx, instances[0].RegionID, ids(instances), ClaimTag, value)
		})
		if err == nil {
			continue
		}
		for _, i := range instances {
			refused[i.ID] = fault.From(err)
		}
	}
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
	for value, instances := range r.byClaim(accepted, Claim{State: Called, At: at, Acceptance: answer}) {
		r.write(ctx, instances, value)
	}
}

// byClaim groups the instances that get the same claim. All of a wave share the latest due time, so that as
// many as possible do.
func (r Run) byClaim(steps []Step, c Claim) map[string][]Instance {
	for _, s := range steps {
		if s.Due.After(c.Due) {
			c.Due = s.Due
		}
	}
	groups := map[string][]Instance{}
	for _, s := range steps {
		c.Target, c.Rollout = s.Target, r.Rollout
		groups[c.String()] = append(groups[c.String()], s.Instance)
	}
	return groups
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

// Conclude does to the claim what the outcome says, once that outcome is told.
func (r Run) Conclude(ctx context.Context, o Outcome) {
	if o.Release {
		r.release(ctx, o.Instance)
	}
	if o.Becomes != nil {
		r.write(ctx, []Instance{o.Instance}, o.Becomes.String())
	}
}

// release takes the claim off an instance whose upgrade is proven or was refused.
func (r Run) release(ctx context.Context, i Instance) {
	ctx, cancel := r.finishing(ctx)
	defer cancel()
	err := Retry(ctx, func() error { return r.API.Untag(ctx, i.RegionID, []string{i.ID}, ClaimTag) })
	if err != nil {
		r.Log.LogAttrs(ctx, slog.LevelError, "claim", slog.String("DBInstanceId", i.ID), slog.String("error", err.Error()))
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
