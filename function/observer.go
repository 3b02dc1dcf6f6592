package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/transport"
)

// observer observes the fleet for one decision. It reads each instance once, unless that was long ago: of a large fleet the first one may have
// changed before the last one is read.
type observer struct {
	run    *run
	known  map[string]fleet.Instance   // by id
	listed map[string][]fleet.Instance // by region: what a listing without a filter has shown
	at     map[string]time.Time        // when each of them was seen, by id or region
}

func newObserver(r *run) *observer {
	return &observer{run: r, known: map[string]fleet.Instance{}, listed: map[string][]fleet.Instance{}, at: map[string]time.Time{}}
}

// fresh reports whether an instance or a listing was seen less than three minutes ago, and so is taken for what is: at 50 calls a second 10,000
// instances are read in that time.
func (o *observer) fresh(name string, now time.Time) bool {
	return now.Sub(o.at[name]) <= 3*time.Minute
}

// observe looks at what a scope says.
func (o *observer) observe(ctx context.Context, scope fleet.Scope) ([]fleet.Instance, error) {
	now := o.run.now()
	maps.DeleteFunc(o.known, func(id string, _ fleet.Instance) bool { return !o.fresh(id, now) })
	look := fleet.Observer{Reader: o.run.rds, Now: now, Workers: transport.Parallel, Known: o.known}
	seen, err := look.Observe(ctx, scope)
	if err != nil {
		o.run.log.Warn("fleet", "regions", scope.Regions, "error", err.Error())
		return nil, err
	}
	o.run.log.fleet(slices.DeleteFunc(slices.Clone(seen), func(i fleet.Instance) bool { _, known := o.known[i.ID]; return known }))
	for _, i := range seen {
		o.keep(now, append(slices.Clip(i.Replicas), i)...)
	}
	if len(scope.IDs) == 0 && scope.Filter.Whole() {
		for _, region := range scope.Regions {
			o.at[region] = now
			o.listed[region] = slices.DeleteFunc(slices.Clone(seen), func(i fleet.Instance) bool { return i.RegionID != region })
		}
	}
	return seen, nil
}

// keep keeps what was read of instances. What was known already is not younger for that.
func (o *observer) keep(now time.Time, read ...fleet.Instance) {
	for _, i := range read {
		if i.Fault != nil || i.Listed {
			continue
		}
		if _, known := o.known[i.ID]; !known {
			o.at[i.ID] = now
		}
		o.known[i.ID] = i
	}
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
	now, regions := o.run.now(), scope.Regions
	scope.Regions = slices.DeleteFunc(slices.Clone(regions), func(region string) bool { return o.fresh(region, now) })
	if len(scope.Regions) > 0 {
		if _, err := o.observe(ctx, scope); err != nil {
			return nil, false
		}
	}
	for _, region := range regions {
		crowd = append(crowd, o.listed[region]...)
	}
	return crowd, true
}
