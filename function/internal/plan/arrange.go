package plan

import (
	"cmp"
	"math"
	"slices"

	"rds-kernel-upgrade/function/internal/fleet"
)

// arrange fixes the wave of each instance that is to be upgraded, and leaves out those whose replicas stand in their way.
//
// The request's waves make stages: by tag, or by the instance's place among all that the rollout is to upgrade. A stage that is larger than the
// budget goes in several waves. A primary is in a later wave than each of its replicas.
func (q question) arrange(choices []*choice) {
	kin := kinshipOf(choices)
	kin.bringReplicas(q, choices)
	kin.holdPrimaries(choices)
	places := placesOf(choices)
	leaveOutRest(q, choices, places)
	kin.holdPrimaries(choices)
	queue := queueOf(q, choices, places, kin)
	most := q.Policy.Budget.Of(len(places))
	for wave := 1; len(queue) > 0; wave++ {
		left := fill(queue, wave, most)
		if len(left) == len(queue) {
			left, wave = untie(queue), wave-1
		}
		queue = left
	}
}

// placesOf returns the places of all that is to be upgraded, in order.
func placesOf(choices []*choice) (places []uint32) {
	for _, c := range choices {
		if c.chosen() {
			places = append(places, place(c.instance.ID))
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// leaveOutRest leaves out what is in none of the request's waves.
func leaveOutRest(q question, choices []*choice, places []uint32) {
	for _, c := range choices {
		if !c.chosen() {
			continue
		}
		if _, found := q.stageOf(c.instance, places); !found {
			c.skip = skipf(Held, "it is in none of the rollout's waves: add {\"percent\":100}")
		}
	}
}

// stageOf returns the first of the request's waves that the instance is in.
func (q question) stageOf(i fleet.Instance, places []uint32) (stage int, found bool) {
	waves := q.request.Fleet.Rollout.Waves
	if len(waves) == 0 {
		return 0, true
	}
	rank, _ := slices.BinarySearch(places, place(i.ID))
	for n, w := range waves {
		if len(w.Tags) > 0 && i.Has(w.Tags) || rank < int(math.Ceil(w.Percent*float64(len(places))/100)) {
			return n, true
		}
	}
	return 0, false
}

// queued is an instance on its way into a wave.
type queued struct {
	*choice
	place    uint32
	replicas []*queued // go before it
}

// ready reports whether all that must go before it is in an earlier wave.
func (w *queued) ready(wave int) bool {
	return !slices.ContainsFunc(w.replicas, func(r *queued) bool { return r.wave == 0 || r.wave == wave })
}

// queueOf returns what is to be upgraded in the order in which it goes: by stage, and inside one by place. A primary is in no earlier stage than
// its replicas.
func queueOf(q question, choices []*choice, places []uint32, kin kinship) []*queued {
	var queue []*queued
	at := map[string]*queued{}
	for _, c := range choices {
		if c.chosen() {
			w := &queued{choice: c, place: place(c.instance.ID)}
			w.stage, _ = q.stageOf(c.instance, places)
			queue, at[c.instance.ID] = append(queue, w), w
		}
	}
	for _, w := range queue {
		for _, id := range kin.replicas[w.instance.ID] {
			if r := at[id]; r != nil {
				w.replicas = append(w.replicas, r)
			}
		}
	}
	for raise(queue) {
	}
	slices.SortStableFunc(queue, func(a, b *queued) int { return cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(a.place, b.place)) })
	return queue
}

// raise puts primaries into the stages of their replicas, and returns whether it had to.
func raise(queue []*queued) (raised bool) {
	for _, w := range queue {
		for _, r := range w.replicas {
			if r.stage > w.stage {
				w.stage, raised = r.stage, true
			}
		}
	}
	return raised
}

// fill puts up to most instances of the first stage into a wave, and returns those that are left.
func fill(queue []*queued, wave, most int) (left []*queued) {
	stage, taken := queue[0].stage, 0
	for n, w := range queue {
		if w.stage != stage || taken == most {
			return append(left, queue[n:]...)
		}
		if !w.ready(wave) {
			left = append(left, w)
			continue
		}
		w.wave = wave
		taken++
	}
	return left
}

// untie leaves out what could never go first: instances that are each other's replicas. It must not keep the others waiting for ever.
func untie(queue []*queued) (left []*queued) {
	stage := queue[0].stage
	for _, w := range queue {
		if w.stage > stage {
			left = append(left, w)
			continue
		}
		w.skip = skipf(ReplicaFirst, "its replicas wait for each other")
	}
	return left
}
