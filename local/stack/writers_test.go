package stack_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"rds-kernel-upgrade/local/fakefc"
)

// barrier stands in front of the services: the first call of an action waits until another process makes one. Then it is open.
type barrier struct {
	mu   sync.Mutex
	meet map[string]*meeting // by action
}

// meeting is one action of a barrier.
type meeting struct {
	waits string        // the key of the one that waits
	met   chan struct{} // closed when the other has come
}

// at puts the barrier up.
func (b *barrier) at(actions ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.meet = map[string]*meeting{}
	for _, action := range actions {
		b.meet[action] = &meeting{met: make(chan struct{})}
	}
}

func (b *barrier) wrap(_ *cloud, service string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.wait(r.Context(), actionOf(service, r), keyOf(r))
		next.ServeHTTP(w, r)
	})
}

// keyOf returns the security token of a request: each invocation has its own.
func keyOf(r *http.Request) string {
	return cmp.Or(r.URL.Query().Get("SecurityToken"), r.Header.Get("X-Oss-Security-Token"), r.Header.Get("Security-Token"))
}

// wait waits for the other, but not longer than the function waits for an answer.
func (b *barrier) wait(ctx context.Context, action, key string) {
	b.mu.Lock()
	m := b.meet[action]
	switch {
	case m == nil || m.open():
	case m.waits == "":
		m.waits = key
	case m.waits != key:
		close(m.met)
	}
	b.mu.Unlock()
	if m == nil {
		return
	}
	select {
	case <-m.met:
	case <-ctx.Done():
	}
}

func (m *meeting) open() bool {
	select {
	case <-m.met:
		return true
	default:
		return false
	}
}

// opened fails the test unless the two have met everywhere.
func (b *barrier) opened(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for action, m := range b.meet {
		if !m.open() {
			t.Errorf("they have not met at %s: nothing was shown", action)
		}
	}
}

// twoWriters is a cloud with a second process of the function, as there would be without reservedConcurrency: 1.
func twoWriters(t *testing.T, s setup, b *barrier) (c *cloud, second *fakefc.Server) {
	t.Helper()
	s.wrap = b.wrap
	c = start(t, s)
	second, err := c.Another()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { second.Close(context.Background()) })
	both(t, c.FC, ticking(), second, ticking()) // both processes run before they are to meet
	return c, second
}

// both gives each process an event, at the same time. One may find that the other has written too often meanwhile, and leave the rest to the next
// tick: that is an error to Function Compute, which would deliver the event again.
func both(t *testing.T, first *fakefc.Server, event []byte, second *fakefc.Server, other []byte) {
	t.Helper()
	var g errgroup.Group
	invoke := func(s *fakefc.Server, event []byte) {
		g.Go(func() error {
			result, err := s.Invoke(context.Background(), event)
			if err == nil && result.End != fakefc.Answered {
				err = fmt.Errorf("an invocation %s", result.End)
			}
			return err
		})
	}
	invoke(first, event)
	invoke(second, other)
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// TestTwoProcessesMakeOneCall lets two processes of the built binary serve one message, or two that ask for the same, over one document.
func TestTwoProcessesMakeOneCall(t *testing.T) {
	t.Parallel()
	var tests []subtest
	for _, action := range []string{"GetObject", "DescribeDBInstanceAttribute", "PutObject"} {
		for _, other := range []string{"M1", "M2"} {
			tests = append(tests, subtest{fmt.Sprintf("they meet at %s, messages M1 and %s", action, other), func(t *testing.T) {
				t.Helper()
				b := &barrier{}
				c, second := twoWriters(t, setup{}, b)
				b.at(action)
				both(t, c.FC, messageOf("M1", plain), second, messageOf(other, plain))
				b.opened(t)
				c.playWith(t, func() { both(t, c.FC, ticking(), second, ticking()) })
				c.upgradedOnce(t, id)
				c.wantAccounts(t, all("completed", id))
				if n := len(c.joined(t)); n != map[string]int{"M1": 0, "M2": 1}[other] {
					t.Errorf("%d requests were told that they have joined", n)
				}
				c.clean(t)
				c.explain(t)
			}})
		}
	}
	atOnce(t, tests)
}

// TestTwoProcessesOfOneFleet lets two processes serve everything at the same time: an advisory, the same again, a sweep, and each tick.
func TestTwoProcessesOfOneFleet(t *testing.T) {
	t.Parallel()
	c, second := twoWriters(t, setup{fleet: advised()}, &barrier{})
	both(t, c.FC, messageOf("M1", advisory), second, messageOf("M2", advisory))
	both(t, c.FC, messageOf("M3", sweeping), second, messageOf("M1", advisory))
	c.playWith(t, func() { both(t, c.FC, ticking(), second, ticking()) })
	c.upgradedOnce(t, affected...)
	want := all("completed", affected...)
	maps.Copy(want, all("skipped", "rm-fixed", "rm-closed", "pgm-other"))
	c.wantAccounts(t, want)
	if n := len(c.joined(t)); n != 2 {
		t.Errorf("%d requests were told that a rollout is under way, want 2", n)
	}
	c.inOrder(t)
	c.clean(t)
	c.explain(t)
}
