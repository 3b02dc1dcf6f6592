package plan

import (
	"maps"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

const (
	// maxPause is the longest time between two looks at what is in flight.
	maxPause = time.Hour
	// foreign is how far RDS's clock may be from ours.
	foreign = 10 * time.Minute
	// history is how far back a task that has not ended is looked for. RDS knows 30 days.
	history = 7 * 24 * time.Hour
)

// Flights returns what has to be looked at now, of all rollouts: what is in flight, and due for its next look.
func (p *Plan) Flights() []fleet.Scope {
	regions := map[string][]string{}
	for _, r := range p.Document.Rollouts {
		for _, m := range r.In(state.Intent, state.Called) {
			if !p.Now.Before(nextLook(m.Call, p.Policy.Verify)) {
				regions[m.RegionID] = append(regions[m.RegionID], m.DBInstanceID)
			}
		}
	}
	return scopesOf(regions, func(i fleet.Instance) (since time.Time, matter bool) { return flightTasks(p.Document, i) })
}

// flightTasks returns since when the tasks of an instance in flight matter: until it runs the target, from shortly before the call.
func flightTasks(d *state.Document, i fleet.Instance) (since time.Time, matter bool) {
	_, m := d.Flight(i.ID)
	if m == nil || i.Proven(m.Target) {
		return time.Time{}, false
	}
	return m.Call.At.Add(-foreign), true
}

// scopesOf returns one scope for each region, with each instance once.
func scopesOf(regions map[string][]string, tasks func(fleet.Instance) (time.Time, bool)) (scopes []fleet.Scope) {
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		ids := regions[region]
		slices.Sort(ids)
		scopes = append(scopes, fleet.Scope{Regions: []string{region}, IDs: slices.Compact(ids), Tasks: tasks})
	}
	return scopes
}

// nextLook returns when to look at what a call has come to: verify.first after something can show, then with pauses that double up to an hour,
// and at the moment at which it is given up.
func nextLook(c *state.Call, v policy.Verify) time.Time {
	pause := time.Duration(v.First)
	longest := max(maxPause, pause)
	next := c.Due
	if c.AcceptedAt.IsZero() {
		next = c.At // a task of it shows at once
	}
	for range c.Looks + 1 {
		next = next.Add(pause)
		pause = min(2*pause, longest)
	}
	if late := c.Due.Add(time.Duration(v.GiveUp)); next.After(late) {
		return late
	}
	return next
}
