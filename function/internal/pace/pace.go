// Package pace finds the rate at which the API takes calls. All calls of the process share one Limiter: it begins with the rate that the
// policy allows, goes down when the API refuses calls by flow control, whose quota others use, too, and is not documented, and comes
// up again when it takes them. It calls nobody, and it never goes over the policy's rate.
package pace

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The rate goes down to seven tenths at a refusal. While calls are taken it goes up so that it would take a minute from nothing to the
// policy's rate; where that would more than double it, it doubles. So it is slow near a quota, where too much is refused calls, and
// quick when a storm is over.
const (
	decrease = 0.7
	recovery = 60 // seconds
	// slowest is how often a call tries at least whether a storm is over.
	slowest = 30 * time.Second
	// forgotten is how long after the last refusal the rate is the policy's again. No storm that lasts is forgotten: the slowest
	// rate meets it earlier.
	forgotten = 2 * time.Minute
)

// Limiter bounds the calls of the process. It is safe for concurrent use.
type Limiter struct {
	now    func() time.Time
	most   float64 // calls per second
	turn   chan struct{}
	tokens *rate.Limiter
	even   chan struct{} // the turn of TakeEvenly
	apart  *rate.Limiter // saves nothing up, so that what TakeEvenly lets through is never together

	mu        sync.Mutex
	refused   time.Time // when the API last refused a call
	lowered   int       // how often the rate was lowered: an older call says nothing about the current rate
	throttled int       // calls
}

// New returns a limiter that allows so many calls per second, and about as many at once after a pause.
func New(perSecond float64, now func() time.Time) *Limiter {
	return &Limiter{
		now: now, most: perSecond, turn: make(chan struct{}, 1), tokens: rate.NewLimiter(rate.Limit(perSecond), atOnce(perSecond)),
		even: make(chan struct{}, 1), apart: rate.NewLimiter(rate.Limit(perSecond), together(perSecond)),
	}
}

// ErrNoTime is the error of a call for which ctx does not leave the time.
var ErrNoTime = errors.New("no time left under the rate limit")

// Take waits until a call may be made. Its only error is ErrNoTime. The caller must call done with whether the API refused the call by flow
// control.
func (l *Limiter) Take(ctx context.Context) (done func(throttled bool), err error) {
	// One waits at a time: how long a token takes is computed when the wait begins, and would be wrong for all behind when the rate changes.
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ErrNoTime
	}
	defer func() { <-l.turn }()
	l.forget()
	if l.tokens.Wait(ctx) != nil {
		return nil, ErrNoTime
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.lowered
	return func(throttled bool) { l.learn(at, throttled) }, nil
}

// TakeEvenly is Take for calls whose answers decide whether more of them may be made. They go one by one, each at the current rate after the
// one before it, and never several at once after a pause: in the time that one call takes, no more begin than the rate allows in it. The
// first of them waits for nothing for which Take would not.
//
// It calls may when all waiting is over, so that no call is made whose reason has gone meanwhile, and once before, so that nobody waits for
// such a call. The error is may's own, or ErrNoTime.
func (l *Limiter) TakeEvenly(ctx context.Context, may func() error) (done func(throttled bool), err error) {
	select {
	case l.even <- struct{}{}:
	case <-ctx.Done():
		return nil, ErrNoTime
	}
	defer func() { <-l.even }()
	if err := may(); err != nil {
		return nil, err
	}
	if done, err = l.Take(ctx); err != nil {
		return nil, err
	}
	if l.apart.Wait(ctx) != nil {
		return nil, ErrNoTime
	}
	if err := may(); err != nil {
		return nil, err
	}
	return done, nil
}

// Throttled returns how many calls the API has refused so far, and the current rate in calls per second.
func (l *Limiter) Throttled() (calls int, perSecond float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.throttled, float64(l.tokens.Limit())
}

// learn changes the rate after a call that was made when it had been lowered so often.
func (l *Limiter) learn(lowered int, throttled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if throttled {
		l.throttled++
		l.refused = l.now()
	}
	now := float64(l.tokens.Limit())
	switch {
	case lowered != l.lowered || now >= l.most && !throttled:
	case throttled:
		l.lowered++
		l.set(max(now*decrease, min(l.most, 1/slowest.Seconds())))
	default:
		l.set(min(now+min(now, l.most/recovery/now), l.most))
	}
}

// forget takes up the policy's rate again when the last refusal is long ago.
func (l *Limiter) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.refused.IsZero() && l.now().Sub(l.refused) >= forgotten {
		l.refused = time.Time{}
		l.set(l.most)
	}
}

// set changes the rate. Below the policy's no more than a tenth of a second's calls may be made at once, so that what was saved up is not
// refused, too.
func (l *Limiter) set(perSecond float64) {
	burst := perSecond
	if perSecond < l.most {
		burst /= 10
	}
	l.apart.SetLimit(rate.Limit(perSecond))
	l.apart.SetBurst(together(perSecond))
	l.tokens.SetLimit(rate.Limit(perSecond))
	l.tokens.SetBurst(atOnce(burst))
}

func atOnce(calls float64) int { return max(1, int(calls)) }

// together returns how many calls TakeEvenly lets through together: those of one millisecond. Timers are no finer, and below a thousand calls a
// second it is one.
func together(perSecond float64) int { return atOnce(perSecond / 1000) }
