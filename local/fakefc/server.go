package fakefc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"rds-kernel-upgrade/local/acs3"
)

// ErrClosed is returned for events that come after Close.
var ErrClosed = errors.New("fakefc: the server is closed")

// Server is the platform of one function. As an http.Handler it is the front door.
type Server struct {
	o        Options
	mux      *http.ServeMux
	nonces   *acs3.Nonces
	checksum func() string // computed when it is first asked for: reading the whole binary takes longer than starting it
	journal  *sharedWriter
	queue    *queue
	slots    chan struct{} // holds one element for each invocation that runs
	starting sync.Mutex    // held while a child starts, so that two invocations do not start two
	life     context.Context
	end      context.CancelFunc
	work     sync.WaitGroup // everything that Close waits for

	mu          sync.Mutex
	closed      bool
	instance    *instance // the latest child, dead or alive; nil before the first event
	invocations []*Invocation
	throttles   int
	timers      map[string]string // payload by name
}

// New makes a server. The child is started by the first event, not here.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Server{
		o: o, nonces: acs3.NewNonces(o.Now), checksum: sync.OnceValue(func() string { return checksum(o.Binary) }), journal: &sharedWriter{out: o.Stdout},
		queue: newQueue(), slots: make(chan struct{}, o.Concurrency), timers: map[string]string{},
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.mux = s.routes()
	for range o.Concurrency {
		s.work.Go(func() { s.drain(s.life) })
	}
	return s, nil
}

// Invoke runs the function synchronously. Unlike the front door, which answers 429 while an invocation runs, it waits
// for its turn. When ctx ends during the run the child is killed, as the cloud does when the caller hangs up.
// A function error is in the Result; the error is for what never came to run.
func (s *Server) Invoke(ctx context.Context, event []byte) (Result, error) {
	if len(event) > maxSyncEvent {
		return Result{}, fmt.Errorf("fakefc: %w", entityTooLarge(maxSyncEvent))
	}
	if !s.enter() {
		return Result{}, ErrClosed
	}
	defer s.work.Done()
	select {
	case s.slots <- struct{}{}:
	case <-s.life.Done():
		return Result{}, ErrClosed
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	defer s.release()
	return s.attempt(ctx, delivery{id: s.newRequestID(), event: event}), nil
}

// InvokeAsync puts an event into the queue of asynchronous invocations, in the name of a trigger ("" for none), and gives
// the request id that all its attempts will have.
func (s *Server) InvokeAsync(trigger string, event []byte) (requestID string, err error) {
	if len(event) > maxAsyncEvent {
		return "", fmt.Errorf("fakefc: %w", entityTooLarge(maxAsyncEvent))
	}
	if !s.enter() {
		return "", ErrClosed
	}
	defer s.work.Done()
	id := s.newRequestID()
	s.queue.accept(delivery{id: id, trigger: trigger, event: event, async: true, accepted: s.o.Now()})
	return id, nil
}

// enter counts the caller among what Close waits for. It says false when the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Add(1)
	}
	return !s.closed
}

// tryAcquire takes the right to run one invocation, or counts a throttled one.
func (s *Server) tryAcquire() bool {
	select {
	case s.slots <- struct{}{}:
		return true
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.throttles++
		return false
	}
}

func (s *Server) release() { <-s.slots }

// Throttles tells how often an invocation met the limit of Concurrency: at the front door, where it was refused, or
// in the asynchronous queue, where it backed off.
func (s *Server) Throttles() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.throttles
}

// WaitIdle waits until every asynchronous event is done or dropped.
func (s *Server) WaitIdle(ctx context.Context) error { return s.queue.waitIdle(ctx) }

// Dropped gives the asynchronous events that were given up.
func (s *Server) Dropped() []Dropped { return s.queue.lost() }

// Kill ends the child with SIGKILL, as a crash of the instance would, and waits for its end.
func (s *Server) Kill() {
	s.mu.Lock()
	child := s.instance
	s.mu.Unlock()
	if child != nil {
		child.kill()
		<-child.exited
	}
}

// Close takes no more events, ends the child (SIGCONT, SIGTERM, and SIGKILL when ctx ends or two seconds
// later), and only then the runtime API that the child polls. An invocation that runs ends as in a crash. Close
// returns when no process and no goroutine is left.
func (s *Server) Close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	child := s.instance
	s.mu.Unlock()
	s.end()
	if child != nil {
		child.stop(ctx)
	}
	s.work.Wait()
}
