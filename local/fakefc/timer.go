package fakefc

import (
	"context"
	"fmt"
	"time"
)

// Tick fires a timer trigger now.
func (s *Server) Tick(name, payload string) (requestID string, err error) {
	return s.InvokeAsync(name, TimerEvent(name, s.o.Now(), payload))
}

// AddTimer is a timer trigger, "@every period" in the cloud's words: it ticks in the background until the server is closed. As in
// the cloud a tick is an asynchronous event, and does not wait for the one before. A period of 0 never ticks by itself: the
// timer is then there for POST /_local/tick/{name}. There may be as many as there are names.
func (s *Server) AddTimer(name string, period time.Duration, payload string) error {
	if !s.enter() {
		return ErrClosed
	}
	if err := s.addTimer(name, payload); err != nil {
		s.work.Done()
		return err
	}
	go func() {
		defer s.work.Done()
		_ = s.every(s.life, name, period, payload) // it fails only when the server is closed
	}()
	return nil
}

// Every is a timer trigger like AddTimer's that is there while the call lasts: until ctx ends, which is no error.
func (s *Server) Every(ctx context.Context, name string, period time.Duration, payload string) error {
	if err := s.addTimer(name, payload); err != nil {
		return err
	}
	return s.every(ctx, name, period, payload)
}

// every drives a timer that addTimer has added.
func (s *Server) every(ctx context.Context, name string, period time.Duration, payload string) error {
	defer s.removeTimer(name)
	var ticks <-chan time.Time
	if period > 0 {
		var stop func()
		ticks, stop = s.o.Ticker(period)
		defer stop()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks:
			if _, err := s.Tick(name, payload); err != nil {
				return err
			}
		}
	}
}

func (s *Server) addTimer(name, payload string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.timers[name]; taken || name == "" {
		return fmt.Errorf("fakefc: timer %q: a timer needs a name that no other has", name)
	}
	s.timers[name] = payload
	return nil
}

func (s *Server) removeTimer(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.timers, name)
}
