package plan

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"

	"rds-kernel-upgrade/events"
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
	for _, c := range chosenOf(choices) {
		var found bool
		if c.stage, found = q.stageOf(c.instance, places); !found {
			c.skip = skipf(Held, "it is in none of the rollout's waves: add {\"percent\":100}")
		}
	}
	kin.holdPrimaries(choices)
	queue := queueOf(choices, kin)
	most := q.Policy.Budget.Of(len(places))
	for wave := 1; len(queue) > 0; wave++ {
		left := fill(queue, wave, most)
		if len(left) == len(queue) {
			left, wave = untie(queue), wave-1
		}
		queue = left
	}
}

// place returns an instance's place in the order in which rollouts take instances: the hash of its id, so that the order is always the
// same and favours no name.
func place(id string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	// FNV's last byte hardly reaches the upper bits: ids that differ in it only would stay neighbours.
	x := h.Sum32()
	x = (x ^ x>>16) * 0x85ebca6b
	x = (x ^ x>>13) * 0xc2b2ae35
	return x ^ x>>16
}

// placesOf returns the places of all that is to be upgraded, in order.
func placesOf(choices []*choice) (places []uint32) {
	for _, c := range chosenOf(choices) {
		places = append(places, place(c.instance.ID))
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// waves returns those that the request asks for, none of a request for one instance.
func (q question) waves() []events.Wave {
	return cmp.Or(q.request.Fleet, &events.Fleet{}).Rollout.Waves
}

// stageOf returns the first of the request's waves that the instance is in.
func (q question) stageOf(i fleet.Instance, places []uint32) (stage int, found bool) {
	rank, _ := slices.BinarySearch(places, place(i.ID))
	for n, w := range q.waves() {
		if len(w.Tags) > 0 && i.Has(w.Tags) || rank < int(math.Ceil(w.Percent*float64(len(places))/100)) {
			return n, true
		}
	}
	return 0, len(q.waves()) == 0
}

// queueOf returns what is to be upgraded in the order in which it goes: by stage, and inside one by place. A primary is in no earlier stage than
// its replicas.
func queueOf(choices []*choice, kin kinship) []*choice {
	queue := chosenOf(choices)
	for _, c := range queue {
		for _, id := range kin.replicas[c.instance.ID] {
			if r := kin.at[id]; r != nil && r.chosen() {
				c.replicas = append(c.replicas, r)
			}
		}
	}
	for raise(queue) {
	}
	slices.SortStableFunc(queue, func(a, b *choice) int {
		return cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(place(a.instance.ID), place(b.instance.ID)))
	})
	return queue
}

// raise puts primaries into the stages of their replicas, and returns whether it had to.
func raise(queue []*choice) (raised bool) {
	for _, c := range queue {
		for _, r := range c.replicas {
			if r.stage > c.stage {
				c.stage, raised = r.stage, true
			}
		}
	}
	return raised
}

// fill puts up to most instances of the first stage into a wave, and returns those that are left. All that must go before an instance is in an
// earlier wave.
func fill(queue []*choice, wave, most int) (left []*choice) {
	waits := func(r *choice) bool { return r.wave == 0 || r.wave == wave }
	taken := 0
	for _, c := range queue {
		if c.stage != queue[0].stage || taken == most || slices.ContainsFunc(c.replicas, waits) {
			left = append(left, c)
			continue
		}
		c.wave = wave
		taken++
	}
	return left
}

// untie leaves out what could never go first: instances that are each other's replicas. It must not keep the others waiting for ever.
func untie(queue []*choice) (left []*choice) {
	for stage := queue[0].stage; len(queue) > 0 && queue[0].stage == stage; queue = queue[1:] {
		queue[0].skip = skipf(ReplicaFirst, "its replicas wait for each other")
	}
	return queue
}
