package stack_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/stack"
)

// subtest is a test of many that are alike.
type subtest struct {
	name string
	run  func(t *testing.T)
}

// atOnce runs subtests side by side, begun in this order, more of them than there are processors: most of the time they wait.
func atOnce(t *testing.T, tests []subtest) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(32)
	for _, test := range tests {
		g.Go(func() error {
			t.Run(test.name, test.run)
			return nil
		})
	}
	_ = g.Wait() // the subtests say what is wrong
}

// TestACrashAtAnyStepIsOneRollout kills the process before or after each request that it makes in the course of a rollout; what it had
// been given comes again, from Function Compute or from the queue.
func TestACrashAtAnyStepIsOneRollout(t *testing.T) {
	t.Parallel()
	var tests []subtest
	crash := func(name, request string, ids []string, step int, after bool) {
		tests = append(tests, subtest{fmt.Sprintf("%s, step %d, after its effect %v", name, step, after), func(t *testing.T) {
			t.Helper()
			crashInRollout(t, request, ids, step, after)
		}})
	}
	for step := range crashInRollout(t, sweeping, three, 0, false) { // before a step is after the one before
		crash("a sweep in two waves", sweeping, three, step+1, true)
	}
	for step := range crashInRollout(t, plain, []string{id}, 0, false) {
		crash("an upgrade", plain, []string{id}, step+1, false)
		crash("an upgrade", plain, []string{id}, step+1, true)
	}
	if len(tests) < 60 {
		t.Errorf("there are %d places for a crash: the rollouts have not gone to their end", len(tests))
	}
	atOnce(t, tests)
}

// crashInRollout plays a rollout with a crash at a step, with none at step 0, and tells how many steps there were.
func crashInRollout(t *testing.T, request string, ids []string, step int, after bool) (steps int) {
	t.Helper()
	k := killer{steps: []int{step}, after: after}
	s := rolling(members(ids...)...)
	s.fc = func(o *fakefc.Options) { o.MaxAsyncRetries, o.RetryDelay = 4, 300*time.Millisecond }
	s.wrap = k.wrap
	c := start(t, s)
	event := topicEvent(request)
	if _, err := c.FC.InvokeAsync(stack.RequestTopic, event); err != nil {
		t.Fatal(err)
	}
	c.play(t)
	if crashes := c.crashes(); crashes != min(step, 1) && int(k.made.Load()) >= step {
		t.Errorf("the process was killed %d times", crashes)
	}
	steps = int(k.made.Load())
	c.deliver(t, event) // MNS may deliver it again when all is over
	c.play(t)
	c.upgradedOnce(t, ids...)
	if reports := c.accounts(t); len(reports) != 1 || len(reports[0].status) != len(ids) {
		t.Errorf("the reports are %+v", reports)
	}
	c.clean(t)
	c.explain(t)
	return steps
}

func (c *cloud) crashes() (n int) {
	for _, i := range c.FC.Invocations() {
		if i.End == fakefc.Crashed {
			n++
		}
	}
	return n
}
