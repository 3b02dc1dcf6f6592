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

// Every is a timer trigger, "@every period" in the cloud's words: it ticks until ctx ends, which is no error. As in the cloud a
// tick is an asynchronous event, and does not wait for the one before. A period of 0 never ticks by itself: the
// timer is then there for POST /_local/tick/{name}.
func (s *Server) Every(ctx context.Context, name string, period time.Duration, payload string) error {
	if err := s.addTimer(name, payload); err != nil {
		return err
	}
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
