package stack_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/stack"
)

// barrier stands in front of RDS: the first call of an action waits until another process makes one. Then it is open.
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
		if q := r.URL.Query(); service == "rds" {
			b.wait(r.Context(), q.Get("Action"), q.Get("AccessKeyId"))
		}
		next.ServeHTTP(w, r)
	})
}

// wait waits for the other, but less long than the function waits for an answer.
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
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
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
	var options fakefc.Options
	s.wrap = b.wrap
	s.fc = func(o *fakefc.Options) { options = *o }
	c = start(t, s)
	second, err := fakefc.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { second.Close(context.Background()) })
	if s.env["FOLLOWUP_QUEUE"] != "" { // both processes run before they are to meet: starting one may take longer than the other waits
		event := []byte(`{"kind":"follow-ups"}`)
		both(t, c.FC, event, second, event)
	}
	return c, second
}

// both gives each process an event, at the same time.
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

// messageOf is an event of the request topic, with an id of its own.
func messageOf(id, body string) []byte {
	return []byte(strings.Replace(string(topicEvent(body)), "2F5B3C082B923D4EAC694B76D9280001", id, 1))
}

// meetings are where the two meet: at the look, when both have found no claim, and when both have claimed.
var meetings = map[string][]string{
	"before they look":  {"DescribeDBInstanceAttribute"},
	"before they claim": {"TagResources"},
	"before they call":  {"TagResources", upgradeCall},
}

// TestTwoProcessesOfOneInstanceMakeOneCall lets two processes of the built binary serve one message, or two, for one instance.
func TestTwoProcessesOfOneInstanceMakeOneCall(t *testing.T) {
	t.Parallel()
	var tests []subtest
	for name, request := range requests() {
		for when, actions := range meetings {
			for _, other := range []string{"M1", "M2"} {
				tests = append(tests, subtest{fmt.Sprintf("%s, they meet %s, messages M1 and %s", name, when, other), func(t *testing.T) {
					t.Helper()
					b := &barrier{}
					b.at(actions...)
					c, second := twoWriters(t, setup{policy: quick, instance: far}, b)
					both(t, c.FC, messageOf("M1", request), second, messageOf(other, request))
					if all, accepted := c.calls(); accepted != 1 || len(actions) == 2 && all != 2 {
						t.Errorf("%d upgrade calls, %d accepted", all, accepted)
					}
					if ids := c.ids(t, "accepted"); len(ids) != 1 {
						t.Errorf("ids of accepted: %v in %s", ids, tags(c.notifications(t)))
					}
					b.opened(t)
					c.noSecrets(t)
				}})
			}
		}
	}
	atOnce(t, tests)
}

// TestTwoProcessesOfOneFleet lets one process serve the follow-up of a sweep while the other gets another sweep of the same fleet, and then
// lets them take turns.
func TestTwoProcessesOfOneFleet(t *testing.T) {
	t.Parallel()
	var tests []subtest
	for _, action := range []string{"DescribeDBInstanceAttribute", "ListTagResources", "TagResources", upgradeCall} {
		tests = append(tests, subtest{"they meet at " + action, func(t *testing.T) {
			t.Helper()
			b := &barrier{}
			c, second := twoWriters(t, rolling(members(three...)...), b)
			c.deliver(t, messageOf("M1", sweeping))
			until(t, "the first wave can be proven", c.due)
			b.at(action)
			both(t, c.FC, fakefc.TimerEvent(stack.FollowUpsTimer, time.Now(), stack.FollowUpsPayload), second, messageOf("M2", sweeping))
			c.takeTurns(t, second)
			b.opened(t)
			c.calledOnce(t, three...)
			c.toldByEither(t, three...)
			if n := len(c.accounts(t)); n != 2 {
				t.Errorf("%d requests are reported, want 2", n)
			}
			c.clean(t)
			c.explain(t)
		}})
	}
	atOnce(t, tests)
}

// toldByEither fails unless the upgrade of every instance is told, and by each rollout at most once. The rollout whose call was refused may
// tell it, too: its follow-up of before the call is served before the one of after it, and finds a task and nobody's claim.
func (c *cloud) toldByEither(t *testing.T, ids ...string) {
	t.Helper()
	rollouts := map[string]map[any]string{} // of each tag and instance: the id by rollout
	for _, n := range c.notifications(t) {
		key := fmt.Sprint(n.Tag, " of ", n.Data["DBInstanceId"])
		if rollouts[key] == nil {
			rollouts[key] = map[any]string{}
		}
		if id := rollouts[key][n.Data["rollout"]]; id != "" && id != n.ID {
			t.Errorf("%s is told by rollout %v under the ids %s and %s", key, n.Data["rollout"], id, n.ID)
		}
		rollouts[key][n.Data["rollout"]] = n.ID
	}
	for _, id := range ids {
		for _, tag := range []string{"accepted of ", "completed of "} {
			if len(rollouts[tag+id]) == 0 {
				t.Errorf("%s%s is not told", tag, id)
			}
		}
	}
}

// takeTurns lets two processes serve the timer in turn, until nothing is on the queue.
func (c *cloud) takeTurns(t *testing.T, second *fakefc.Server) {
	t.Helper()
	turns := []*fakefc.Server{c.FC, second}
	until(t, "the rollouts end", func() bool {
		if c.due() {
			if _, err := turns[0].Invoke(t.Context(), fakefc.TimerEvent(stack.FollowUpsTimer, time.Now(), stack.FollowUpsPayload)); err != nil {
				t.Fatal(err)
			}
			turns[0], turns[1] = turns[1], turns[0]
		}
		return len(c.MNS.Messages(stack.FollowUps)) == 0
	})
}
