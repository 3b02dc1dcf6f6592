package plan

import (
	"fmt"
	"strings"

	"rds-kernel-upgrade/function/internal/state"
)

// Progress returns how far a rollout has come, and what follows, in words for people.
func (p *Plan) Progress(r *state.Rollout) string {
	switch r.State {
	case state.Waiting:
		if front := Front(p.Document); front != nil && front.ID != r.ID && !single(r) {
			return "it waits for rollout " + front.ID
		}
		return "it begins with the next look at the fleet"
	case state.Halted:
		return fmt.Sprintf("it was halted (%s); %d are still in flight", r.Halt, r.Count(state.Intent, state.Called))
	case state.Closed:
		return "it has ended"
	}
	return underWayIn(p, r)
}

// underWayIn returns the same of a rollout that is open.
func underWayIn(p *Plan, r *state.Rollout) string {
	if single(r) {
		return fmt.Sprintf("%d in flight", r.Count(state.Intent, state.Called))
	}
	parts := []string{fmt.Sprintf("%d proven", r.Count(state.Proven))}
	if flying := r.Count(state.Intent, state.Called); flying > 0 {
		parts = append(parts, fmt.Sprintf("%d in flight", flying))
	}
	wave := nextWave(r)
	if wave == 0 {
		return strings.Join(append(parts, "no further wave follows"), ", ")
	}
	parts = append(parts, fmt.Sprintf("wave %d of %d is next, with %d waiting", wave, len(r.Waves), r.Count(state.Pending)))
	if from := bakedFrom(p.Document, r, wave); p.Now.Before(from.Add(BakeOf(r, p.Policy))) {
		parts = append(parts, "not before "+stamp(from.Add(BakeOf(r, p.Policy)))+", when the bake ends")
	}
	return strings.Join(parts, ", ")
}
