package upgrade

import (
	"context"
	"time"
)

// Prober looks for the effect of a call whose outcome is unknown. Its errors are faults; an instance that is missing is a NotFound.
type Prober interface {
	Instance(ctx context.Context, region, id string) (Instance, error)
	// Tasks returns the tasks of up to 30 instances that began at the given time or later, by instance.
	Tasks(ctx context.Context, region string, ids []string, since, now time.Time) (map[string][]Task, error)
}

// asked is how many instances one call for tasks takes.
const asked = 30

// probe reads an instance again, and asks for tasks if its status and version show nothing.
func probe(ctx context.Context, p Prober, old Instance, c Claim, now time.Time) (Instance, error) {
	i, err := p.Instance(ctx, old.RegionID, old.ID)
	if err != nil {
		return old, err
	}
	i.Claim = old.Claim
	if !i.shows(c) {
		lookForTasks(ctx, p, []*Instance{&i}, c.At, now)
	}
	return i, nil
}

// lookForTasks asks for the tasks of instances of one region since a time.
func lookForTasks(ctx context.Context, p Prober, some []*Instance, since, now time.Time) {
	list := make([]string, 0, len(some))
	for _, i := range some {
		list = append(list, i.ID)
	}
	tasks, err := p.Tasks(ctx, some[0].RegionID, list, since, now)
	for _, i := range some {
		i.Tasks, i.TasksAsked = tasks[i.ID], err == nil
	}
}
