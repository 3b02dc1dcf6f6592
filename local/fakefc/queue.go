package fakefc

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Dropped is an asynchronous event that was given up.
type Dropped struct {
	RequestID string
	Trigger   string
	Event     []byte
	Attempts  int
	Why       string
}

// queue holds the asynchronous events, in the order of their arrival. A retry goes to the end when it is due.
type queue struct {
	mu      sync.Mutex
	waiting []delivery
	open    int           // accepted, and neither done nor dropped
	idle    chan struct{} // closed while open is 0
	filled  chan struct{} // has an element when something waits
	dropped []Dropped
}

func newQueue() *queue {
	q := &queue{idle: make(chan struct{}), filled: make(chan struct{}, 1)}
	close(q.idle)
	return q
}

func (q *queue) accept(d delivery) {
	q.mu.Lock()
	if q.open == 0 {
		q.idle = make(chan struct{})
	}
	q.open++
	q.mu.Unlock()
	q.push(d)
}

func (q *queue) push(d delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, d)
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// pop waits for the first event. It says false when ctx ends.
func (q *queue) pop(ctx context.Context) (delivery, bool) {
	for {
		if d, ok := q.first(); ok {
			return d, true
		}
		select {
		case <-q.filled:
		case <-ctx.Done():
			return delivery{}, false
		}
	}
}

func (q *queue) first() (delivery, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return delivery{}, false
	}
	d := q.waiting[0]
	q.waiting = q.waiting[1:]
	if len(q.waiting) > 0 {
		q.signal() // for the next worker
	}
	return d, true
}

// settle closes the account of an event.
func (q *queue) settle(lost ...Dropped) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped = append(q.dropped, lost...)
	if q.open--; q.open == 0 {
		close(q.idle)
	}
}

func (q *queue) lost() []Dropped {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.dropped)
}

func (q *queue) waitIdle(ctx context.Context) error {
	q.mu.Lock()
	idle, open := q.idle, q.open
	q.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("fakefc: of the asynchronous events %d were under way: %w", open, ctx.Err())
	}
}

// drain is one worker of the queue. There are as many as invocations may run, so that events wait for each other in
// order, and are throttled only by what did not come through the queue.
func (s *Server) drain(ctx context.Context) {
	for {
		d, ok := s.queue.pop(ctx)
		if !ok {
			return
		}
		s.deliver(ctx, d)
	}
}

// deliver makes one attempt, when it is admitted, and sees to what follows from it.
func (s *Server) deliver(ctx context.Context, d delivery) {
	if !s.admit(ctx, d) {
		return
	}
	result := s.attempt(context.WithoutCancel(ctx), d)
	s.release()
	switch {
	case result.ErrorType == "":
		s.queue.settle()
	case d.retry == s.o.MaxAsyncRetries:
		s.drop(d, d.retry+1, fmt.Sprintf("the function failed %d times", d.retry+1))
	default:
		d.retry++
		s.work.Go(func() {
			if pause(ctx, s.o.RetryDelay) {
				s.queue.push(d)
			}
		})
	}
}

// admit takes a slot for the event, backing off as long as there is none ("Retry policy": from 0.5 s, doubled each
// time). It drops an event that has become too old.
func (s *Server) admit(ctx context.Context, d delivery) bool {
	for delay := s.o.ThrottleDelay; ; delay *= 2 {
		if age := s.o.Now().Sub(d.accepted); age > s.o.MaxAsyncEventAge {
			s.drop(d, d.retry, fmt.Sprintf("the event is %s old, more than %s", age, s.o.MaxAsyncEventAge))
			return false
		}
		if s.tryAcquire() {
			return true
		}
		if !pause(ctx, delay) {
			return false
		}
	}
}

func (s *Server) drop(d delivery, attempts int, why string) {
	s.queue.settle(Dropped{RequestID: d.id, Trigger: d.trigger, Event: d.event, Attempts: attempts, Why: why})
}

// pause says false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
