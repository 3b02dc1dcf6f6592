package main

import (
	"context"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/transport"
)

// observer observes the fleet for one decision. It reads each instance once, unless that was long ago: of a large fleet the first one may have
// changed before the last one is read.
type observer struct {
	run    *run
	known  map[string]known[fleet.Instance]   // by id
	listed map[string]known[[]fleet.Instance] // by region: what a listing without a filter has shown
}

// known is what was seen, and when.
type known[T any] struct {
	seen T
	at   time.Time
}

// fresh is how long what was seen is taken for what is.
const fresh = time.Minute

func (r *run) observer() *observer {
	return &observer{run: r, known: map[string]known[fleet.Instance]{}, listed: map[string]known[[]fleet.Instance]{}}
}

// observe looks at what a scope says.
func (o *observer) observe(ctx context.Context, scope fleet.Scope) ([]fleet.Instance, error) {
	now := o.run.now()
	recent := o.recent(now)
	look := fleet.Observer{Reader: o.run.rds, Now: now, Workers: transport.Parallel, Known: recent}
	seen, err := look.Observe(ctx, scope)
	if err != nil {
		o.run.log.Warn("fleet", "regions", scope.Regions, "error", err.Error())
		return nil, err
	}
	for _, i := range seen {
		o.keep(now, append(slices.Clip(i.Replicas), i)...)
	}
	if len(scope.IDs) == 0 && scope.Filter.Whole() {
		for _, region := range scope.Regions {
			all := slices.DeleteFunc(slices.Clone(seen), func(i fleet.Instance) bool { return i.RegionID != region })
			o.listed[region] = known[[]fleet.Instance]{all, now}
		}
	}
	o.run.log.fleet(ctx, slices.DeleteFunc(slices.Clone(seen), func(i fleet.Instance) bool { _, known := recent[i.ID]; return known }))
	return seen, nil
}

// keep keeps what was read of instances. What was known already is not younger for that.
func (o *observer) keep(now time.Time, read ...fleet.Instance) {
	for _, i := range read {
		if i.Fault == nil && !i.Listed {
			at := now
			if before, found := o.known[i.ID]; found && now.Sub(before.at) <= fresh {
				at = before.at
			}
			o.known[i.ID] = known[fleet.Instance]{i, at}
		}
	}
}

// recent returns the instances that need not be read again.
func (o *observer) recent(now time.Time) map[string]fleet.Instance {
	recent := map[string]fleet.Instance{}
	for id, i := range o.known {
		if now.Sub(i.at) <= fresh {
			recent[id] = i.seen
		}
	}
	return recent
}

// look looks at instances by their ids: there is no listing that could fail.
func (o *observer) look(ctx context.Context, scopes []fleet.Scope) (seen []fleet.Instance) {
	for _, scope := range scopes {
		some, _ := o.observe(ctx, scope)
		seen = append(seen, some...)
	}
	return seen
}

// crowd lists what the budget counts, unless it was listed just before, and reports whether it could.
func (o *observer) crowd(ctx context.Context, scope fleet.Scope) (crowd []fleet.Instance, ok bool) {
	regions := scope.Regions
	scope.Regions = slices.DeleteFunc(slices.Clone(regions), func(region string) bool {
		listed, found := o.listed[region]
		return found && o.run.now().Sub(listed.at) <= fresh
	})
	if len(scope.Regions) > 0 {
		if _, err := o.observe(ctx, scope); err != nil {
			return nil, false
		}
	}
	for _, region := range regions {
		crowd = append(crowd, o.listed[region].seen...)
	}
	return crowd, true
}
