package main_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
)

// span keeps when the requests of an invocation have ended last.
type span struct {
	sync.Mutex
	last time.Time
}

func (s *span) over() func(service, action string) bool {
	return func(string, string) bool {
		s.Lock()
		defer s.Unlock()
		s.last = time.Now()
		return false
	}
}

// TestAnInvocationEndsWithinVerifyFirstOfItsIntents lets RDS, MNS or OSS answer slowly: however long Function Compute would wait, all requests of
// the invocation end before anybody may take its intents for calls that were not made.
func TestAnInvocationEndsWithinVerifyFirstOfItsIntents(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for first, slowly := range map[time.Duration]time.Duration{5 * time.Second: 4 * time.Second, time.Minute: 9 * time.Second} {
		for name, slow := range map[string]func(w *world) (*faults.Set, string){
			"RDS answers upgrade calls slowly": func(w *world) (*faults.Set, string) { return w.rds.Faults(), upgradeCall },
			"MNS answers slowly":               func(w *world) (*faults.Set, string) { return w.mns.Faults(), "PublishMessage" },
			"OSS writes slowly":                func(w *world) (*faults.Set, string) { return w.oss.Faults(), "PutObject" },
		} {
			t.Run(fmt.Sprint(first, ", ", name), func(t *testing.T) {
				t.Parallel()
				play(t, fmt.Sprintf("budget: {maxInstances: 200, maxPercent: 100}\nverify: {first: %ds}\n", int(first.Seconds())), func(t *testing.T, w *world) {
					t.Helper()
					const size = 100
					for n := range size {
						w.rds.Add(behind(fmt.Sprintf("rm-%03d", n)))
					}
					w.timeout = 30 * time.Minute
					set, action := slow(w)
					set.Add(faults.Fault{Action: action, Kind: faults.Latency, Delay: slowly})
					s := &span{}
					w.after = s.over()
					_, err := w.request("M1", sweep)
					var intents time.Time
					for _, m := range w.document().Rollouts[0].Members {
						if m.Call != nil {
							intents = m.Call.At
						}
					}
					if took := s.last.Sub(intents); intents.IsZero() || took >= first {
						t.Errorf("the last request ended %s after the intents: %v", took, err)
					}
					set.Clear()
					for range 12 {
						time.Sleep(15 * time.Minute)
						w.must(w.tick())
					}
					for id, n := range w.accepted() {
						if n != 1 {
							t.Errorf("%s was called %d times", id, n)
						}
					}
					if counts := fmt.Sprint(w.last("report").Data.Counts); counts != fmt.Sprintf("map[completed:%d]", size) {
						t.Errorf("the report is %s", counts)
					}
				})
			})
		}
	}
}

// With little time, what is not called now is called by a later invocation.
func TestWhatThereIsNoTimeForIsCalledLater(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	const size = 120
	play(t, "budget: {maxInstances: 200, maxPercent: 100}\n", func(t *testing.T, w *world) {
		t.Helper()
		for n := range size {
			w.rds.Add(behind(fmt.Sprintf("rm-%03d", n)))
		}
		w.rds.Faults().Add(faults.Fault{Action: upgradeCall, Kind: faults.Latency, Delay: time.Second})
		w.timeout = 10 * time.Second
		w.must(w.request("M1", sweep))
		some := w.upgrades()
		if some == 0 || some == size {
			t.Errorf("%d calls were made in ten seconds", some)
		}
		if called, waiting := w.document().Rollouts[0].Count(state.Called), w.document().Rollouts[0].Count(state.Pending); called != some || waiting != size-some {
			t.Errorf("%d are called and %d wait, after %d calls", called, waiting, some)
		}
		w.pass(time.Hour)
		if counts := fmt.Sprint(w.last("report").Data.Counts); counts != fmt.Sprintf("map[completed:%d]", size) || w.upgrades() != size {
			t.Errorf("%d calls, and the report is %s", w.upgrades(), counts)
		}
	})
}

// The go1 runtime runs one invocation at a time. Where there are two, the second waits, and is an error if the first takes all the time.
func TestTwoInvocationsOfOneProcessGoOneAfterTheOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		takes time.Duration
		kind  string
	}{
		"the first ends in time": {5 * time.Second, ""},
		"the first takes all":    {9 * time.Second, "Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.rds.Add(behind("rm-1"), behind("rm-2"))
				w.rds.Faults().Add(faults.Fault{Action: "DescribeDBInstanceAttribute", Kind: faults.Latency, Delay: c.takes})
				var all sync.WaitGroup
				all.Go(func() { w.must(w.request("M1", oneUpgrade)) })
				time.Sleep(time.Second)
				synctest.Wait() // the first is under way
				w.timeout = 8 * time.Second
				second := w.event("M2", `{"DBInstanceId":"rm-2"}`)
				if c.kind == "" {
					w.timeout = time.Minute
				}
				_, err := w.invoke(second)
				if errorType(t, err) != c.kind || err != nil && !strings.Contains(err.Error(), "another invocation in this process took all the time") {
					t.Errorf("got %v", err)
				}
				all.Wait()
				w.timeout = time.Minute
				w.must(w.deliver(second, 1))
				if w.upgrades() != 2 {
					t.Errorf("%d calls", w.upgrades())
				}
			})
		})
	}
}

// The budget counts what RDS shows at work. Where that cannot be listed no wave begins, and the next tick looks again.
func TestNoWaveBeginsWhenNobodyKnowsWhatIsAtWork(t *testing.T) {
	t.Parallel()
	play(t, "budget: {maxInstances: 1, maxPercent: 100}\n", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"), behind("rm-2"))
		w.must(w.request("M1", sweep))
		w.pass(time.Hour)
		w.timeout = time.Minute
		w.before = func(_, action string) bool { return action == "DescribeDBInstances" }
		w.pass(time.Hour)
		if w.upgrades() != 1 {
			t.Errorf("%d calls, want that of the first wave", w.upgrades())
		}
		w.before = nil
		w.pass(10 * time.Minute)
		if w.upgrades() != 2 {
			t.Errorf("%d calls, want that of the second wave, too", w.upgrades())
		}
	})
}

// A rollout goes on by the ticks alone: without them nothing happens, however long it is.
func TestARolloutGoesOnByItsTicks(t *testing.T) {
	t.Parallel()
	play(t, "budget: {maxInstances: 1, maxPercent: 100}\n", func(t *testing.T, w *world) {
		t.Helper()
		w.hasty = false
		w.rds.Add(behind("rm-1"), behind("rm-2", with(fakerds.Upgrade{Takes: 20 * time.Minute})))
		w.must(w.request("M1", sweep))
		time.Sleep(24 * time.Hour)
		w.sameLines("published", []string{"wave", "accepted"}, w.statuses())
		w.must(w.tick())
		w.sameLines("published by the first tick", []string{"completed", "wave"}, w.statuses())
		w.pass(2 * time.Hour)
		w.sameLines("published by the others", []string{"wave", "accepted", "completed", "wave", "report"}, w.statuses())
	})
}
