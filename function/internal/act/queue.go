package act

import (
	"slices"
	"sync"

	"rds-kernel-upgrade/function/internal/plan"
)

// queue has the intents whose turn has not come, and the gates of their rollouts. It is safe for concurrent use.
type queue struct {
	intents []plan.Intent

	mu      sync.Mutex
	changed *sync.Cond // a call has ended
	waiting []int      // the intents' numbers, in their order
	gates   map[string]*gate
	broken  bool // a worker has panicked
}

// gate keeps the calls of one rollout to the failures that are allowed.
//
//	the rollout                                    then
//	more have failed than are allowed              no further call is made; what is on its way is awaited
//	none may fail, and none was accepted so far    one call at a time: the next one is made when the answer is known
//	else                                           side by side
type gate struct {
	allowed  int // how many may fail; negative: any number
	failed   int
	inFlight int
	accepted bool // at least one was
}

func newQueue(intents []plan.Intent) *queue {
	q := &queue{intents: intents, waiting: make([]int, len(intents)), gates: map[string]*gate{}}
	q.changed = sync.NewCond(&q.mu)
	for n, i := range intents {
		q.waiting[n] = n
		if q.gates[i.Rollout] == nil {
			q.gates[i.Rollout] = &gate{allowed: i.Allowed}
		}
	}
	return q
}

// next waits until an intent may have its turn, and returns the number of the first one that may. It must be called once for each intent,
// and each turn must be over with a call of end.
func (q *queue) next() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		at := slices.IndexFunc(q.waiting, func(n int) bool { return q.gates[q.intents[n].Rollout].free() })
		if at >= 0 {
			n := q.waiting[at]
			q.waiting = slices.Delete(q.waiting, at, at+1)
			q.gates[q.intents[n].Rollout].inFlight++
			return n
		}
		q.changed.Wait()
	}
}

// end ends the turn of an intent, and remembers what became of it.
func (q *queue) end(n int, r plan.Result) {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := q.gates[q.intents[n].Rollout]
	g.inFlight--
	switch {
	case r.Fault != nil && plan.Fails(r.Fault):
		g.failed++
	case !r.AcceptedAt.IsZero():
		g.accepted = true
	}
	q.changed.Broadcast()
}

// stop makes refusal refuse every call from now on.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.broken = true
}

// refusal returns why no call of a rollout may be made now, nil if one may.
func (q *queue) refusal(rollout string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.broken:
		return stopped
	case q.gates[rollout].closed():
		return held
	default:
		return nil
	}
}

// free reports whether an intent may have its turn beside those in flight. Whether it is then called is refusal's to say.
func (g *gate) free() bool { return g.allowed != 0 || g.accepted || g.inFlight == 0 }

// closed reports whether no further call may be made.
func (g *gate) closed() bool { return g.allowed >= 0 && g.failed > g.allowed }
