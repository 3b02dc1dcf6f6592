package upgrade

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// arrange gives each step of a fleet its wave, and takes the step from an instance whose replicas stand in its way.
//
//	replica of the primary is                     the primary
//	done, up_to_date or not_affected              may go
//	a step, or under way                          goes in a later wave than the replica
//	waiting (busy, in progress)                   waits too: replica_first
//	left alone for another reason, or not read    is left alone: replica_first
//
// The request's waves make stages: by tag, or by the instance's place among all that the rollout is to upgrade. A stage that is larger
// than the budget goes in several waves.
func (q Question) arrange(decisions []Decision) {
	all := kinshipOf(decisions)
	for all.holdPrimaries(decisions) { // one that is held holds a primary of its own
	}
	members := q.membersOf(decisions)
	if q.leaveOut(decisions, members) {
		for all.holdPrimaries(decisions) {
		}
	}
	most := q.Policy.Budget.of(len(members))
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

// kinship knows the decisions by instance, and the replicas of each primary, as one of the two names the other.
type kinship struct {
	at       map[string]*Decision
	replicas map[string][]string
}

func kinshipOf(decisions []Decision) kinship {
	all := kinship{at: make(map[string]*Decision, len(decisions)), replicas: map[string][]string{}}
	for n := range decisions {
		i := &decisions[n].Instance
		all.at[i.ID] = &decisions[n]
		if i.PrimaryID != "" {
			all.replicas[i.PrimaryID] = append(all.replicas[i.PrimaryID], i.ID)
		}
		if len(i.ReplicaIDs) > 0 {
			all.replicas[i.ID] = append(all.replicas[i.ID], i.ReplicaIDs...)
		}
	}
	for id, replicas := range all.replicas {
		slices.Sort(replicas)
		all.replicas[id] = slices.Compact(replicas)
	}
	return all
}

// holdPrimaries takes the step from the primaries whose replicas are neither done nor to be upgraded, and tells whether there were any.
func (k kinship) holdPrimaries(decisions []Decision) (held bool) {
	for n := range decisions {
		d := &decisions[n]
		if d.Step == nil {
			continue
		}
		for _, id := range k.replicas[d.Instance.ID] {
			if reason, wait := inTheWay(k.at[id], d, id); reason != "" {
				d.Step, d.Wait, held = nil, wait, true
				d.Skip = skip(ReplicaFirst, "its replica %s %s", id, reason)
				break
			}
		}
	}
	return held
}

// inTheWay says what a replica keeps its primary waiting for, "" if nothing, or if it is to be upgraded before it.
func inTheWay(replica *Decision, primary *Decision, id string) (reason string, wait bool) {
	switch {
	case replica == nil:
		return primary.unselected(id), false
	case replica.Past != nil && replica.Past.Status != Completed:
		return "has not been upgraded: " + string(replica.Past.Status), false
	case replica.Past != nil, replica.Step != nil:
		return "", false
	case replica.Fault != nil:
		return "could not be read: " + replica.Fault.Error(), true
	case replica.Alive && replica.Settlement != nil && replica.Settlement.Status == Completed:
		return "", false
	case replica.Alive:
		return "is under way", true
	case replica.Skip.Reason == UpToDate, replica.Skip.Reason == NotAffected:
		return "", false
	default:
		return fmt.Sprintf("is left alone: %s (%s)", replica.Skip.Reason, strings.TrimSpace(replica.Skip.Detail)), replica.Wait
	}
}

// unselected says whether a replica that was not selected is behind its primary's target.
func (d *Decision) unselected(id string) string {
	for _, r := range d.Instance.Replicas {
		if r.ID == id && r.proven(d.Step.Target) {
			return ""
		}
		if r.ID == id && r.Fault == nil {
			return fmt.Sprintf("runs %s and is not among the selected instances: select both", r.CurrentKernelVersion)
		}
	}
	return "is not among the selected instances and could not be read: select both"
}
