package stack_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/stack"
)

// A course is a rollout in which the process is killed, and how it ends whenever that happens.
type course struct {
	name    string
	setup   func() setup
	request string
	check   func(t *testing.T, c *cloud)
}

// ends fails unless these were upgraded, and the request has one report.
func ends(ids ...string) func(t *testing.T, c *cloud) {
	return func(t *testing.T, c *cloud) {
		t.Helper()
		c.upgradedOnce(t, ids...)
		c.wantAccounts(t, all("completed", ids...))
		c.clean(t)
	}
}

// courses are those that TestACrashAtAnyStepIsOneRollout does not have: a replica before its primary with a bake between them, a halt, and a
// sweep that has no follow-ups.
func courses() []course {
	replica := member("rr-one")
	replica.MasterInstanceID = "rm-primary"
	canary := member("rm-canary", "env", "dev")
	canary.Upgrade = fakerds.Upgrade{Takes: 2500 * time.Millisecond, Fails: true}
	return []course{
		{
			name: "an advisory for a primary and its replica", setup: func() setup { return rolling(member("rm-primary"), replica) },
			request: advisory, check: ends("rm-primary", "rr-one"),
		},
		{
			name: "a rollout that halts", setup: func() setup {
				s := rolling(canary, member("rm-1"))
				s.policy = strings.Replace(prompt, "giveUp: 10m", "giveUp: 5s", 1)
				return s
			},
			request: `{"kind":"sweep","rollout":{"waves":[{"tags":{"env":"dev"}},{"percent":100}],"maxFailures":0}}`, check: hasHalted,
		},
		{
			name: "a sweep without a queue", setup: func() setup {
				s := rolling(members(three...)...)
				s.env = nil
				for n := range s.fleet {
					s.fleet[n].Upgrade.Takes = time.Hour
				}
				return s
			},
			request: `{"kind":"sweep"}`, check: wasCalledOnce,
		},
	}
}

// hasHalted fails unless the canary was called once and did not succeed, nothing else was called, and that was told. A process that is gone
// while the canary restarts has not seen it restart: then that is unverified.
func hasHalted(t *testing.T, c *cloud) {
	t.Helper()
	if got := c.accepted(); !maps.Equal(got, map[string]int{"rm-canary": 1}) {
		t.Errorf("accepted calls: %v", got)
	}
	told := func(tag string) []string { return c.told(t, tag)["rm-canary"] }
	if ended := append(told("failed"), told("unverified")...); len(told("accepted")) != 1 || len(ended) != 1 || len(c.ids(t, "halted")) != 1 {
		t.Errorf("accepted %v, failed or unverified %v, halted %v: want one of each", told("accepted"), ended, c.ids(t, "halted"))
	}
	if reports := c.accounts(t); len(reports) != 1 || reports[0].status["rm-1"] != "skipped" || len(reports[0].status) != 2 {
		t.Errorf("the reports are %+v", reports)
	}
	c.clean(t)
}

// wasCalledOnce is the end of a request that nobody follows up: that the calls were accepted is told, and what comes next tells the rest.
func wasCalledOnce(t *testing.T, c *cloud) {
	t.Helper()
	want := map[string]int{}
	for _, id := range three {
		want[id] = 1
		if told := c.told(t, "accepted")[id]; len(told) != 1 {
			t.Errorf("accepted of %s has the ids %v, want one", id, told)
		}
	}
	if got := c.accepted(); !maps.Equal(got, want) {
		t.Errorf("accepted calls: %v, want %v", got, want)
	}
}

// killer kills the process at some of its requests: before they arrive, or after their effect.
type killer struct {
	steps        []int // the first request is 1
	after        bool
	made, killed atomic.Int32
}

func (k *killer) wrap(c *cloud, _ string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(k.steps, int(k.made.Add(1))) {
			next.ServeHTTP(w, r)
			return
		}
		if k.after {
			next.ServeHTTP(discard{w}, r)
		}
		k.killed.Add(1)
		c.FC.Kill()
		panic(http.ErrAbortHandler)
	})
}

// play plays a course in which the process is killed at some of its requests, and gives how many it has made.
func (o course) play(t *testing.T, arrives bool, steps ...int) (made int) {
	t.Helper()
	k := killer{steps: steps, after: arrives}
	s := o.setup()
	s.fc = func(f *fakefc.Options) { f.MaxAsyncRetries, f.RetryDelay = 6, 300*time.Millisecond }
	s.wrap = k.wrap
	c := start(t, s)
	if _, err := c.FC.InvokeAsync(stack.RequestTopic, topicEvent(o.request)); err != nil {
		t.Fatal(err)
	}
	c.play(t)
	o.check(t, c)
	if int(k.killed.Load()) != len(steps) && int(k.made.Load()) > slices.Max(append(steps, 0)) {
		t.Errorf("the process was killed %d times, want %d", k.killed.Load(), len(steps))
	}
	c.explain(t)
	return int(k.made.Load())
}

// TestACrashAtAnyStepOfOtherCourses kills the process at each request. Killed before a request arrives it has done what it had done when it
// was killed after the one before, so that only the first is tried both ways.
func TestACrashAtAnyStepOfOtherCourses(t *testing.T) {
	t.Parallel()
	var tests []subtest
	for _, o := range courses() {
		made := o.play(t, false)
		tests = append(tests, subtest{o.name + ", before step 1", func(t *testing.T) { t.Helper(); o.play(t, false, 1) }})
		for step := 1; step <= made; step++ {
			tests = append(tests, subtest{fmt.Sprintf("%s, after step %d", o.name, step), func(t *testing.T) { t.Helper(); o.play(t, true, step) }})
		}
	}
	if len(tests) < 50 {
		t.Errorf("there are %d places for a crash: the rollouts have not gone to their end", len(tests))
	}
	atOnce(t, tests)
}

// TestTwoCrashesInOneRollout kills the process twice, each time at any step: what recovers from a crash may crash.
func TestTwoCrashesInOneRollout(t *testing.T) {
	t.Parallel()
	const pairs, within = 16, 40
	random := rand.New(rand.NewPCG(1, 0))
	sweep := course{setup: func() setup { return rolling(members(three...)...) }, request: sweeping, check: ends(three...)}
	var tests []subtest
	for range pairs {
		first, arrives := 1+random.IntN(within), random.IntN(2) == 0
		second := first + 1 + random.IntN(within/2)
		tests = append(tests, subtest{fmt.Sprintf("steps %d and %d, after their effect %v", first, second, arrives), func(t *testing.T) {
			t.Helper()
			sweep.play(t, arrives, first, second)
		}})
	}
	atOnce(t, tests)
}

// TestAProcessThatEndsWhileItIsFrozenIsNotMissed kills the process after every invocation.
func TestAProcessThatEndsWhileItIsFrozenIsNotMissed(t *testing.T) {
	t.Parallel()
	for _, o := range append(courses(), course{"a sweep in two waves", func() setup { return rolling(members(three...)...) }, sweeping, ends(three...)}) {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			c := start(t, o.setup())
			event := topicEvent(o.request)
			for range 2 { // it is delivered twice
				c.deliver(t, event)
				c.FC.Kill()
			}
			until(t, "the rollout ends", func() bool {
				if c.due() {
					c.tick(t)
					c.idle(t)
					c.FC.Kill()
				}
				return len(c.MNS.Messages(stack.FollowUps)) == 0
			})
			o.check(t, c)
			processes := map[string]bool{}
			for _, i := range c.FC.Invocations() {
				if i.End != fakefc.Answered {
					t.Errorf("it was not frozen when it ended: %s", i.End)
				}
				processes[i.InstanceID] = true
			}
			if len(processes) != len(c.FC.Invocations()) {
				t.Errorf("%d processes for %d invocations", len(processes), len(c.FC.Invocations()))
			}
			c.explain(t)
		})
	}
}
