package upgrade

import (
	"cmp"
	"math"
	"slices"
)

// arrange gives each step of a fleet its wave, and takes the step from an instance whose replicas stand in its way.
//
//	replica of the primary is                     the primary
//	done, up_to_date or not_affected              may go (PostgreSQL: if it runs the primary's target)
//	a step, or under way                          goes in a later wave than the replica
//	waiting (busy, in progress)                   waits too: replica_first
//	left alone for another reason, or not read    is left alone: replica_first
//
// An upgrade of a PostgreSQL primary restarts all its replicas that are below its target. So a replica of it that runs the target, or is
// to get it, never stands in its way, and every other one does; one that needs no upgrade for itself gets one for its primary's sake.
//
// The request's waves make stages: by tag, or by the instance's place among all that the rollout is to upgrade. A stage that is larger
// than the budget goes in several waves.
func (q Question) arrange(decisions []Decision, places *placing) {
	all := kinshipOf(decisions)
	all.bringReplicas(decisions, places)
	for all.holdPrimaries(decisions) { // one that is held holds a primary of its own
	}
	members := q.membersOf(decisions)
	if q.leaveOut(decisions, members) {
		for all.holdPrimaries(decisions) {
		}
	}
	most := q.Policy.Budget.Of(len(members))
	if q.Room > 0 {
		most = min(most, q.Room)
	}
	queue := q.stage(decisions, members, all)
	wave := 1
	if q.Room > 0 && q.underWay(decisions) { // no wave begins before the one before is proven
		wave = 2
	}
	for len(queue) > 0 {
		left := fill(queue, wave, most)
		if wave++; len(left) == len(queue) {
			left, wave = untie(queue), wave-1
		}
		queue = left
	}
}

// waiting is a step on its way into a wave.
type waiting struct {
	decision *Decision
	step     *Step
	stage    int
	place    uint32
	replicas []*waiting // go before it
}

// ready tells whether all that must go before it is in an earlier wave.
func (w *waiting) ready(wave int) bool {
	return !slices.ContainsFunc(w.replicas, func(r *waiting) bool { return r.step.Wave == 0 || r.step.Wave == wave })
}

// fill lets up to most steps of the first stage into a wave, and gives those that are left. It takes them out of the queue in place.
func fill(queue []*waiting, wave, most int) (left []*waiting) {
	stage, taken, passed, n := queue[0].stage, 0, 0, 0
	for ; n < len(queue) && queue[n].stage == stage && taken < most; n++ {
		w := queue[n]
		if w.ready(wave) {
			w.step.Wave = wave
			taken++
			continue
		}
		w.step.Waits = ReplicaFirst
		queue[passed] = w
		passed++
	}
	copy(queue[n-passed:n], queue[:passed])
	return queue[n-passed:]
}

// untie leaves alone what could never go first: instances that are each other's replicas. It must not keep the others waiting for ever.
func untie(queue []*waiting) (left []*waiting) {
	stage := queue[0].stage
	for _, w := range queue {
		if w.stage > stage {
			left = append(left, w)
			continue
		}
		w.decision.Step, w.decision.Skip = nil, skip(ReplicaFirst, "its replicas wait for each other")
	}
	return left
}

// stage puts the steps in the order in which they go: by stage, and inside one by place. A primary is in no earlier stage than its
// replicas.
func (q Question) stage(decisions []Decision, members []uint32, all kinship) []*waiting {
	var queue []*waiting
	at := map[string]*waiting{}
	for n := range decisions {
		d := &decisions[n]
		if d.Step == nil {
			continue
		}
		d.Step.Wave, d.Step.Waits = 0, OverBudget
		w := &waiting{decision: d, step: d.Step, stage: q.stageAfter(d.Instance, members, all), place: place(d.Instance.ID)}
		queue, at[d.Instance.ID] = append(queue, w), w
	}
	for _, w := range queue {
		for _, id := range all.replicas[w.decision.Instance.ID] {
			if r := at[id]; r != nil {
				w.replicas = append(w.replicas, r)
			}
		}
	}
	for raise(queue) {
	}
	slices.SortStableFunc(queue, func(a, b *waiting) int { return cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(a.place, b.place)) })
	return queue
}

// stageAfter gives the stage of an instance, or that of a replica of it that was to go before: also when that is done, so that the stages
// stay what they were.
func (q Question) stageAfter(i Instance, members []uint32, all kinship) int {
	stage, _ := q.stageOf(i, members)
	for _, id := range all.replicas[i.ID] {
		if r := all.at[id]; r != nil && (r.Past != nil || r.Alive) {
			of, _ := q.stageOf(r.Instance, members)
			stage = max(stage, of)
		}
	}
	return stage
}

// raise puts primaries into the stages of their replicas, and tells whether it had to.
func raise(queue []*waiting) (raised bool) {
	for _, w := range queue {
		for _, r := range w.replicas {
			if r.stage > w.stage {
				w.stage, raised = r.stage, true
			}
		}
	}
	return raised
}

// leaveOut takes the step from what is in none of the request's waves, and tells whether there was any.
func (q Question) leaveOut(decisions []Decision, members []uint32) (left bool) {
	for n := range decisions {
		d := &decisions[n]
		if d.Step == nil {
			continue
		}
		if _, found := q.stageOf(d.Instance, members); !found {
			d.Step, d.Skip, left = nil, skip(Held, "it is in none of the rollout's waves: add {\"percent\":100}"), true
		}
	}
	return left
}

// stageOf gives the first of the request's waves that the instance is in.
func (q Question) stageOf(i Instance, members []uint32) (stage int, found bool) {
	waves := q.Request.Fleet.Rollout.Waves
	if len(waves) == 0 {
		return 0, true
	}
	rank, _ := slices.BinarySearch(members, place(i.ID))
	for n, w := range waves {
		if len(w.Tags) > 0 && i.has(w.Tags) || rank < int(math.Ceil(w.Percent*float64(len(members))/100)) {
			return n, true
		}
	}
	return 0, false
}

func (i Instance) has(tags map[string]string) bool {
	for key, value := range tags {
		if i.Tags[key] != value {
			return false
		}
	}
	return true
}

// membersOf gives the places of all instances that the rollout upgrades: those that are done, under way and to come. It does not
// change while they move from one to the other.
func (q Question) membersOf(decisions []Decision) []uint32 {
	var members []uint32
	if q.Memory != nil {
		members = q.Memory.places()
	}
	for _, d := range decisions {
		if d.Step != nil || d.Wait || d.Alive {
			members = append(members, place(d.Instance.ID))
		}
	}
	slices.Sort(members)
	return slices.Compact(members)
}

// underWay tells whether the rollout still has something to prove.
func (q Question) underWay(decisions []Decision) bool {
	return q.Memory != nil && len(q.Memory.Flight) > 0 || slices.ContainsFunc(decisions, func(d Decision) bool { return d.Alive })
}
