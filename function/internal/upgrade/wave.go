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
	q.holdPrimaries(decisions)
	members := q.membersOf(decisions)
	most := q.Policy.Budget.of(len(members))
	if q.Room > 0 {
		most = min(most, q.Room)
	}
	queue := q.stage(decisions, members)
	wave := 1
	if q.Room > 0 && q.underWay(decisions) { // no wave begins before the one before is proven
		wave = 2
	}
	for ; len(queue) > 0; wave++ {
		queue = fill(queue, wave, most)
	}
}

// waiting is a step on its way into a wave.
type waiting struct {
	step     *Step
	stage    int
	place    uint32
	replicas []*Step // go before it
}

// fill lets up to most steps of the first stage into a wave, and gives those that are left.
func fill(queue []waiting, wave, most int) (left []waiting) {
	stage, taken := queue[0].stage, 0
	for _, w := range queue {
		first := !slices.ContainsFunc(w.replicas, func(r *Step) bool { return r.Wave == 0 || r.Wave == wave })
		if w.stage == stage && taken < most && first {
			w.step.Wave = wave
			taken++
			continue
		}
		left = append(left, w)
	}
	return left
}

// stage puts the steps in the order in which they go: by stage, and inside one by place. A primary is in no earlier stage than its
// replicas. A step that belongs to no stage is left alone.
func (q Question) stage(decisions []Decision, members []uint32) []waiting {
	var queue []waiting
	at := map[*Step]int{}
	for n := range decisions {
		d := &decisions[n]
		if d.Step == nil {
			continue
		}
		stage, found := q.stageOf(d.Instance, members)
		if !found {
			d.Step, d.Skip = nil, skip(Held, "it is in none of the rollout's waves: add {\"percent\":100}")
			continue
		}
		d.Step.Wave, at[d.Step] = 0, stage
		queue = append(queue, waiting{step: d.Step, stage: stage, place: place(d.Instance.ID)})
	}
	replicas := replicaSteps(decisions)
	for n := range queue {
		queue[n].replicas = replicas[queue[n].step.Instance.ID]
		for _, r := range queue[n].replicas {
			queue[n].stage = max(queue[n].stage, at[r])
		}
	}
	slices.SortStableFunc(queue, func(a, b waiting) int { return cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(a.place, b.place)) })
	return queue
}

// stageOf gives the first of the request's waves that the instance is in.
func (q Question) stageOf(i Instance, members []uint32) (stage int, found bool) {
	waves := q.Request.Fleet.Rollout.Waves
	if len(waves) == 0 {
		return 0, true
	}
	rank, _ := slices.BinarySearch(members, place(i.ID))
	for n, w := range waves {
		if len(w.Tags) > 0 && i.has(w.Tags) || rank < int(math.Ceil(w.Percent/100*float64(len(members)))) {
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

func replicaSteps(decisions []Decision) map[string][]*Step {
	steps := map[string][]*Step{}
	for n := range decisions {
		if s := decisions[n].Step; s != nil && s.Instance.PrimaryID != "" {
			steps[s.Instance.PrimaryID] = append(steps[s.Instance.PrimaryID], s)
		}
	}
	return steps
}

// holdPrimaries takes the step from the primaries whose replicas are neither done nor to be upgraded.
func (q Question) holdPrimaries(decisions []Decision) {
	at := map[string]*Decision{}
	byPrimary := map[string][]string{}
	for n := range decisions {
		d := &decisions[n]
		at[d.Instance.ID] = d
		if d.Instance.PrimaryID != "" {
			byPrimary[d.Instance.PrimaryID] = append(byPrimary[d.Instance.PrimaryID], d.Instance.ID)
		}
	}
	for n := range decisions {
		d := &decisions[n]
		if d.Step == nil {
			continue
		}
		replicas := slices.Concat(d.Instance.ReplicaIDs, byPrimary[d.Instance.ID])
		slices.Sort(replicas)
		for _, id := range slices.Compact(replicas) {
			if reason, wait := inTheWay(at[id], d, id); reason != "" {
				d.Step, d.Wait = nil, wait
				d.Skip = skip(ReplicaFirst, "its replica %s %s", id, reason)
				break
			}
		}
	}
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
