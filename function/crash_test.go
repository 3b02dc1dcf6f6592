package main_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// crash ends the process at one of its requests: this one may still arrive, and no other is sent.
type crash struct {
	mu      sync.Mutex
	at      int  // the number of the request, from 1 on
	arrives bool // it takes effect, and its answer is lost
	count   int
	dead    bool
}

func (c *crash) before(string, string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return true
	}
	c.count++
	c.dead = c.count == c.at
	return c.dead && !c.arrives
}

func (c *crash) after(string, string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

// into lets a process of a world crash.
func (c *crash) into(w *world) {
	w.before, w.after, w.timeout, w.hasty = c.before, c.after, 12*time.Second, true
}

// revive gives the world a new process if the one that it has is dead.
func (c *crash) revive(w *world) (died bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		w.restart()
	}
	died, c.dead = c.dead, false
	return died
}

// persist invokes the function as Function Compute does: what ends in an error or with the process is delivered again, a little later.
func (c *crash) persist(w *world, event string) {
	w.invoked++
	for retries := range 9 {
		_, err := w.deliver(event, retries)
		if died := c.revive(w); err == nil && !died {
			return
		}
		time.Sleep(time.Minute << retries)
	}
}

// TestAProcessMayEndAtAnyRequest ends the process at each of the requests of a rollout in turn. Whichever it is: each instance is called
// once, each transition is told, and nothing is left behind.
func TestAProcessMayEndAtAnyRequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ policy, request string }{
		"a sweep in waves": {oneByOne, `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`},
		"a sweep at once":  {allAtOnce, `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"}}`},
		"an upgrade":       {"", `{"DBInstanceId":"rm-1"}`},
	} {
		for _, arrives := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, request arrives %v", name, arrives), func(t *testing.T) {
				t.Parallel()
				for at := 1; ; at++ {
					ended := false
					t.Run(fmt.Sprint(at), func(t *testing.T) {
						quick(t, c.policy, func(t *testing.T, w *world) {
							t.Helper()
							w.rds.Add(behind("rm-1"), behind("rm-2"))
							ended = crashAt(t, w, c.request, &crash{at: at, arrives: arrives})
						})
					})
					if ended || t.Failed() {
						break
					}
				}
			})
		}
	}
}

// due gives the first run of the timer, every five minutes, at which a message can be received.
func (w *world) due() time.Time {
	next := w.mns.Messages(queue)[0].NextVisibleTime
	for _, m := range w.mns.Messages(queue) {
		if m.NextVisibleTime.Before(next) {
			next = m.NextVisibleTime
		}
	}
	if soon := time.Now().Add(5 * time.Minute); next.Before(soon) {
		next = soon
	}
	return next.Add(5*time.Minute - time.Nanosecond).Truncate(5 * time.Minute)
}

// crashAt plays a rollout whose process ends on the way, and tells whether it did not.
func crashAt(t *testing.T, w *world, request string, c *crash) (ended bool) {
	t.Helper()
	c.into(w)
	c.persist(w, w.event("M1", request))
	for steps := 0; steps < 60 && len(w.mns.Messages(queue)) > 0; steps++ {
		time.Sleep(time.Until(w.due()))
		_, _ = w.tick()
		c.revive(w)
	}
	told := w.unique()
	accepted := map[string]int{}
	for _, call := range w.rds.CallsOf(upgradeCall) {
		if call.Accepted {
			accepted[call.DBInstanceID]++
		}
	}
	wanted := []string{"rm-1", "rm-2"}
	if strings.Contains(request, "rm-1") {
		wanted = wanted[:1]
	}
	for _, id := range wanted {
		if accepted[id] != 1 {
			t.Errorf("%s was accepted %d times", id, accepted[id])
		}
		for _, tag := range []string{"accepted ", "completed "} {
			if n := len(slices.DeleteFunc(slices.Clone(told), func(l string) bool { return !strings.HasPrefix(l, tag+id) })); n != 1 {
				t.Errorf("%s%s is told %d times", tag, id, n)
			}
		}
	}
	if len(told) == 0 || !strings.HasPrefix(told[len(told)-1], "report ") {
		t.Error("the last word is no report")
	}
	w.clean()
	if t.Failed() {
		t.Logf("%s\n%s", strings.Join(told, "\n"), w.log)
	}
	return c.count < c.at
}
