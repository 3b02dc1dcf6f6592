package upgrade

import (
	"context"
	"sync"
	"sync/atomic"

	"rds-kernel-upgrade/function/internal/fault"
)

// gate keeps the calls of one wave to the failures that are allowed. All chunks of the wave share one.
//
//	the wave                                       then
//	more have failed than are allowed              no further call is made; what is on its way is awaited
//	none may fail, and none was accepted so far    one call at a time: the next one is made when the answer is known
//	else                                           side by side
type gate struct {
	allowed int // how many may fail; negative: any number
	failed  atomic.Int64
	broken  atomic.Bool // a call has panicked

	places chan struct{} // has the calls that are on their way: no more than workers, whichever chunk they are of

	alone chan struct{} // has the one call at a time
	side  chan struct{} // closed when calls may be made side by side
	open  func()        // closes side
}

func newGate(allowed, workers int) *gate {
	g := &gate{allowed: allowed, places: make(chan struct{}, max(1, workers)), alone: make(chan struct{}, 1), side: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.side) })
	if allowed != 0 {
		g.open()
	}
	return g
}

// enter waits until a call may be on its way beside those that are. leave is to be called with what it has come to. When ctx ends there is
// nothing left to wait for: the call will not be made.
func (g *gate) enter(ctx context.Context) (leave func(Status)) {
	select {
	case <-g.side:
		return g.note
	case <-ctx.Done():
		return g.note
	case g.alone <- struct{}{}:
		return func(s Status) {
			g.note(s)
			<-g.alone
		}
	}
}

// note remembers what became of a call. One that has panicked has no status.
func (g *gate) note(s Status) {
	switch s {
	case Accepted:
		g.open()
	case Failed:
		g.failed.Add(1)
	case "":
		g.broken.Store(true)
	}
}

// closed reports whether no further call may be made.
func (g *gate) closed() bool {
	return g.broken.Load() || g.allowed >= 0 && g.failed.Load() > int64(g.allowed)
}

// unmade is why a call is not made. It makes the step's outcome.
type unmade struct{ outcome func(Outcome) Outcome }

func (*unmade) Error() string { return "the call is not made" }

// refusal returns why the call of a step may not be made now, nil if it may.
func (r Run) refusal(ctx context.Context, s Step) *unmade {
	switch {
	case r.short(ctx):
		return &unmade{Outcome.uncalled}
	case r.gate.closed():
		return &unmade{Outcome.held}
	case !s.Latest.IsZero() && !r.Now().Before(s.Latest):
		return &unmade{Outcome.late}
	default:
		return nil
	}
}

// held is the outcome of a step that is not called because of others.
func (o Outcome) held() Outcome {
	o.Status, o.Reason, o.Detail = Pending, Held, "not called: more calls have failed than the request allows"
	return o
}

// late is the outcome of a step whose turn came too late.
func (o Outcome) late() Outcome {
	o = o.failed(&fault.Error{
		Op: "upgrade: " + o.Instance.ID, Kind: fault.Unavailable, Message: "not called: the time that is permitted has passed before its turn came",
	})
	o.Reason = OutsideWindow
	return o
}
