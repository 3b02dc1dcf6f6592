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

// Apply carries out the decisions: settle, claim, call. Every instance has an outcome of this rollout; an earlier
// rollout's claim may add one of its own.
func (r Run) Apply(ctx context.Context, decisions []Decision) []Outcome {
	var outcomes []Outcome
	var steps []Step
	for _, d := range decisions {
		settled := d.Settlement != nil
		if settled {
			outcomes = append(outcomes, r.settle(ctx, d))
		}
		switch own := settled && d.Settlement.Claim.Rollout == r.Rollout; {
		case d.Step != nil:
			steps = append(steps, *d.Step)
		case own && d.Skip != nil:
			last := &outcomes[len(outcomes)-1]
			last.Reason, last.Detail = d.Skip.Reason, d.Skip.Detail
		default:
			outcomes = append(outcomes, d.outcome(r.Rollout))
		}
	}
	for wave := range slices.Chunk(steps, tagged) {
		outcomes = append(outcomes, r.upgrade(ctx, wave)...)
	}
	return outcomes
}

// settle tells what became of an earlier claim. Its notification goes out under the rollout that made the claim.
func (r Run) settle(ctx context.Context, d Decision) Outcome {
	claim := d.Settlement.Claim
	o := Outcome{
		Instance: d.Instance, Status: d.Settlement.Status, Rollout: claim.Rollout, Target: claim.Target,
		UpgradeTime: d.Settlement.UpgradeTime, SwitchTime: d.Settlement.SwitchTime,
		AcceptedAt: claim.At, Acceptance: claim.Acceptance, Release: d.Settlement.Status == Completed,
	}
	if claim.TaskID != "" {
		o.DBInstanceName = d.Instance.ID
	}
	if claim.State == Intent && o.Status == Accepted {
		claim.State = Called
		r.write(ctx, []Instance{d.Instance}, claim.String())
	}
	return o
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
