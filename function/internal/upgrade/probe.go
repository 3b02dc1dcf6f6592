package upgrade

import (
	"context"
	"time"
)

// Prober looks for the effect of a call whose outcome is unknown.
type Prober interface {
	Instance(ctx context.Context, region, id string) (Instance, error)
	TaskSince(ctx context.Context, region, id string, since, now time.Time) (bool, error)
}

// probe reads an instance again, and asks for tasks if its status and version show nothing.
func probe(ctx context.Context, p Prober, old Instance, c Claim, now time.Time) (Instance, error) {
	i, err := p.Instance(ctx, old.RegionID, old.ID)
	if err != nil {
		return old, err
	}
	i.Claim = old.Claim
	if !i.shows(c) {
		i.lookForTask(ctx, p, c.At, now)
	}
	return i, nil
}

// lookForTask asks the API for a task since a claim was written, unless the instance itself shows the call's effect.
func (i *Instance) lookForTask(ctx context.Context, p Prober, since, now time.Time) {
	if i.Claim != nil && i.shows(*i.Claim) {
		return
	}
	seen, err := p.TaskSince(ctx, i.RegionID, i.ID, since, now)
	i.TaskSeen, i.TasksAsked = seen, err == nil
}
