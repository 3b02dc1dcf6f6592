package upgrade

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// Claims is what Apply needs to write claims.
type Claims interface {
	Tag(ctx context.Context, region string, ids []string, key, value string) error
	Untag(ctx context.Context, region string, ids []string, key string) error
}

// Caller makes the one call that changes an instance.
type Caller interface {
	Upgrade(ctx context.Context, s Step) (Acceptance, error)
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
	Now     func() time.Time
	Log     *slog.Logger
	// Deadline bounds what must still be done for a call that was made. The context of Apply ends earlier, so that no step
	// begins that could not finish, and time is left for publishing.
	Deadline time.Time
}

// tagged is how many instances one tag call takes.
const tagged = 50

// stepTime is what one step needs at least. With less left, none is begun.
const stepTime = 3 * time.Second

// Apply carries out the decisions: claim, call, look. Every instance has one outcome. What earlier rollouts have come to must be told
// before (see Settled): a step's claim takes the place of theirs.
func (r Run) Apply(ctx context.Context, decisions []Decision) []Outcome {
	var outcomes []Outcome
	var steps []Step
	for _, d := range decisions {
		if d.Step != nil {
			steps = append(steps, *d.Step)
			continue
		}
		outcomes = append(outcomes, d.outcome(r.Rollout))
	}
	for wave := range slices.Chunk(steps, tagged) {
		outcomes = append(outcomes, r.upgrade(ctx, wave)...)
	}
	return outcomes
}

// upgrade claims up to 50 instances, calls them one after another, and writes down which calls were accepted.
func (r Run) upgrade(ctx context.Context, steps []Step) []Outcome {
	at := r.Now()
	refused := r.claim(ctx, steps, at)
	outcomes := make([]Outcome, 0, len(steps))
	for _, s := range steps {
		o := s.outcome(r.Rollout)
		if f := refused[s.Instance.ID]; f != nil {
			o = o.failed(f)
		} else {
			o = r.call(ctx, s, o, at)
		}
		outcomes = append(outcomes, o)
	}
	r.noteAccepted(ctx, steps, outcomes, at)
	return outcomes
}
