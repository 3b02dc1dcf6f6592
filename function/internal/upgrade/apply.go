package upgrade

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/parallel"
)

// Claims is what Apply needs to write claims.
type Claims interface {
	Tag(ctx context.Context, region string, ids []string, key, value string) error
	Untag(ctx context.Context, region string, ids []string, key string) error
}

// Caller makes the one call that changes an instance.
type Caller interface {
	// Upgrade waits for the rate limit, then asks may, and makes the call if may returns nil. If not, nothing was sent, and the error is
	// may's own. Any other error is a fault; InDoubt says whether the call may have taken effect.
	Upgrade(ctx context.Context, s Step, may func() error) (Acceptance, error)
}

// API is the part of the RDS API that Apply needs.
type API interface {
	Claims
	Caller
	Prober
}

// Run carries out a plan.
type Run struct {
	API     API
	Rollout string
	Wave    int // the number of the wave that is called
	Now     func() time.Time
	Log     *slog.Logger
	Workers int // how many calls are made at the same time
	Allowed int // how many may fail before no more calls are made; negative: any number
	// Deadline bounds what must still be done for a call that was made. The context of Apply ends earlier, so that no step
	// begins that could not finish, and time is left for publishing.
	Deadline time.Time

	gate *gate // of the wave that is called
}

// tagged is how many instances one tag call takes.
const tagged = 50

// stepTime is what one step needs at least. With less left, none is begun.
const stepTime = 3 * time.Second

// Apply carries out the decisions of the next wave: claim, call, look. Every instance has one outcome. What earlier rollouts have come to
// must be told before (see Settled): a step's claim takes the place of theirs.
func (r Run) Apply(ctx context.Context, decisions []Decision) []Outcome {
	r.gate = newGate(r.Allowed, r.Workers)
	var outcomes []Outcome
	var steps []Step
	for _, d := range decisions {
		if d.Step != nil && d.Step.Wave == 1 {
			steps = append(steps, *d.Step)
			continue
		}
		o := d.outcome(r.Rollout)
		if d.Step != nil {
			o.Wave += r.Wave - 1
		}
		outcomes = append(outcomes, o)
	}
	return append(outcomes, r.upgradeAll(ctx, steps)...)
}

// begun is how many instances at the most are claimed and not yet called: a crash leaves them in doubt.
const begun = 4 * tagged

// upgradeAll upgrades 50 instances at a time, several fifties side by side. They share the workers for their calls, so that the last fifty has
// all of them. Of many those stand together that get the same claim: one
// call writes it.
func (r Run) upgradeAll(ctx context.Context, steps []Step) []Outcome {
	if len(steps) > tagged {
		slices.SortStableFunc(steps, func(a, b Step) int {
			return cmp.Or(cmp.Compare(a.Instance.RegionID, b.Instance.RegionID), cmp.Compare(a.Target, b.Target))
		})
	}
	chunks := slices.Collect(slices.Chunk(steps, tagged))
	outcomes := make([][]Outcome, len(chunks))
	side := max(1, min(len(chunks), begun/tagged, r.Workers))
	r.Workers /= side // for the claims
	parallel.Do(side, len(chunks), func(n int) {
		defer func() {
			if outcomes[n] == nil { // it panics: the other chunks call no more
				r.gate.note("")
			}
		}()
		outcomes[n] = r.upgrade(ctx, chunks[n])
	})
	all := slices.Concat(outcomes...)
	slices.SortFunc(all, func(a, b Outcome) int { return compareInstances(a.Instance, b.Instance) })
	return all
}

// upgrade claims up to 50 instances, calls them, and writes down which calls were accepted. A panic leaves the claims as a killed process
// does: whoever meets them next knows that the calls may have been made.
func (r Run) upgrade(ctx context.Context, steps []Step) []Outcome {
	at := r.Now()
	outcomes := make([]Outcome, len(steps))
	for n, s := range steps {
		outcomes[n] = s.outcome(r.Rollout, r.Wave)
	}
	if no := r.refusal(ctx, Step{}); no != nil {
		for n := range outcomes {
			outcomes[n] = no.outcome(outcomes[n])
		}
		return outcomes
	}
	refused := r.claim(ctx, steps, at)
	for n, s := range steps {
		if f := refused[s.Instance.ID]; f != nil {
			outcomes[n] = outcomes[n].failed(f)
			r.gate.note(outcomes[n].Status)
		}
	}
	parallel.Do(cap(r.gate.places), len(steps), func(n int) {
		r.gate.places <- struct{}{}
		defer func() { <-r.gate.places }()
		if refused[steps[n].Instance.ID] == nil {
			outcomes[n] = r.call(ctx, steps[n], outcomes[n], at)
		}
	})
	r.releaseAll(ctx, outcomes, refused)
	r.noteAccepted(ctx, steps, outcomes, at)
	return outcomes
}

// short tells whether too little time is left to begin a step.
func (r Run) short(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	return bounded && deadline.Sub(r.Now()) < stepTime
}

// releaseAll takes the claims off the instances whose calls were refused or not made, 50 at a time.
func (r Run) releaseAll(ctx context.Context, outcomes []Outcome, refused map[string]*fault.Error) {
	free := map[string][]Instance{}
	for _, o := range outcomes {
		claimed := refused[o.Instance.ID] == nil
		if claimed && (o.Status == Failed || o.Status == Pending || o.Status == Skipped) {
			free[o.Instance.RegionID] = append(free[o.Instance.RegionID], o.Instance)
		}
	}
	for _, region := range slices.Sorted(maps.Keys(free)) {
		r.release(ctx, free[region])
	}
}
