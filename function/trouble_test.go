package main_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
)

// TestARequestThatArrivesAndDies has a second request come shortly before the second wave of the first one is due. Its process is killed at each
// of its requests that count, and its message is delivered again before the timer ticks, or after. In the version before the second rollout then
// told the first one's upgrade as its own.
func TestARequestThatArrivesAndDies(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, second := range map[string]string{"the same": sweepNow, "an advisory": advise} {
		for _, before := range []time.Duration{4 * time.Minute, 10 * time.Second} {
			for _, ticks := range []int{0, 1, 3} {
				t.Run(fmt.Sprintf("%s, %s before, delivered again after %d ticks", name, before, ticks), func(t *testing.T) {
					t.Parallel()
					for at, all := 0, 1; at <= all && !t.Failed(); at++ {
						play(t, oneByOne, func(t *testing.T, w *world) {
							t.Helper()
							w.rds.Add(two...)
							k := &killer{}
							k.into(w)
							d := &delivery{killer: k, ticks: ticks}
							d.send("M1", sweepNow)
							d.deliverNext(0)
							time.Sleep(5*time.Minute - before)
							k.at, k.names = []int{at}, nil
							d.send("M2", second)
							d.deliverNext(0)
							if at == 0 {
								all = len(k.names)
							}
							k.at = nil
							d.goOn(t)
							duel{messages: 2, calls: 2}.check(t, w)
							if t.Failed() {
								t.Logf("killed at %d", at)
								w.explain(t)
							}
						})
					}
				})
			}
		}
	}
}

// throttled is the way of a process whose requests of one kind are refused by flow control for a while.
type throttled struct {
	*world
	refuses func(service, action string) bool
	until   time.Time
}

// RoundTrip carries a request.
func (s throttled) RoundTrip(r *http.Request) (*http.Response, error) {
	service, _ := s.serviceOf(r)
	if time.Now().After(s.until) || !s.refuses(service, actionOf(service, r)) {
		return s.world.RoundTrip(r)
	}
	answer := &http.Response{StatusCode: http.StatusBadRequest, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{"Content-Type": {"application/json"}}}
	body := `{"Code":"Throttling.User","Message":"Request was denied due to user flow control.","RequestId":"1877241A"}`
	if service == "oss" {
		answer.StatusCode, body = 503, ossError("QpsLimitExceeded")
	}
	answer.Body = io.NopCloser(strings.NewReader(body))
	return answer, nil
}

// TestTwoProcessesOfASlowWave has a second process plan another request just before the second wave of the first one is due; it is refused by flow
// control, and the first one goes on meanwhile.
func TestTwoProcessesOfASlowWave(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, refuses := range map[string]func(service, action string) bool{
		"the documents are throttled": func(service, action string) bool { return service == "oss" && strings.HasPrefix(action, "PUT") },
		"the calls are throttled":     func(_, action string) bool { return action == upgradeCall },
		"RDS is throttled":            func(service, _ string) bool { return service == "rds" },
	} {
		for _, second := range []string{sweepNow, advise, `{"DBInstanceId":"rm-1"}`} {
			for _, storm := range []time.Duration{4 * time.Minute, 7 * time.Minute, 12 * time.Minute} {
				t.Run(fmt.Sprintf("%s for %s, %.24s", name, storm, second), func(t *testing.T) {
					t.Parallel()
					play(t, oneByOne, func(t *testing.T, w *world) {
						t.Helper()
						w.rds.Add(two...)
						d := &delivery{killer: &killer{}}
						d.into(w)
						d.send("M1", sweepNow)
						d.deliverNext(0)
						time.Sleep(5*time.Minute - time.Second)
						other := *w
						other.invoked, other.timeout = 5*byMessage, 30*time.Minute
						other.restart()
						other.function.Over(throttled{&other, refuses, time.Now().Add(storm)})
						event := w.event("M2", second)
						done := make(chan error, 1)
						go func() {
							_, err := other.deliver(event, 0)
							done <- err
						}()
						time.Sleep(time.Second)
						end := time.Now().Add(20 * time.Minute)
						d.play(5*time.Minute, func() bool { return !time.Now().Before(end) })
						if err := <-done; err != nil {
							d.queue = append(d.queue, &queued{event: event, number: 5 * byMessage, next: time.Now().Add(time.Minute), delivery: 1})
						}
						d.goOn(t)
						duel{messages: 2, calls: 2}.check(t, w)
						w.explain(t)
					})
				})
			}
		}
	}
}

func TestTheKillSwitchInTheMiddleOfARollout(t *testing.T) {
	story(t, oneByOne, func(_ *testing.T, w *world) {
		w.rds.Add(behind("rm-1"), behind("rm-2"))
		w.send("M1", sweepNow)
		got := w.lines(5 * time.Minute)
		w.env["MODE"] = "off"
		w.restart()
		w.same([]string{
			"12:00 wave 1 began", "12:00 accepted rm-1", "12:10 halted map[accepted:1 skipped:1] (the policy's mode is off)", "12:15 completed rm-1",
			"12:15 wave 1 proven", "12:15 report map[completed:1 skipped:1] (the policy's mode is off)",
		}, append(got, w.lines(2*time.Hour)...))
	})
}

func TestAStopIsAnsweredWhenNothingIsCalledAnyMore(t *testing.T) {
	story(t, oneByOne, func(_ *testing.T, w *world) {
		w.rds.Add(behind("rm-1"), behind("rm-2"))
		w.send("M1", sweepNow)
		got := w.lines(5 * time.Minute)
		w.send("M2", `{"kind":"stop","rollout":"`+rolloutM1+`"}`)
		got = append(got, w.lines(time.Hour)...)
		w.same([]string{
			"12:00 wave 1 began", "12:00 accepted rm-1", "12:05 report map[accepted:1 skipped:1] (stopped: " + rolloutM1, "12:05 halted map[accepted:1 skipped:1] (an operator stopped it)",
			"12:15 completed rm-1", "12:15 wave 1 proven", "12:15 report map[completed:1 skipped:1] (an operator stopped it)",
		}, got)
		w.send("M3", sweepNow) // it was sent after the stop
		w.same([]string{
			"13:05 wave 1 began", "13:05 accepted rm-2", "13:20 completed rm-2", "13:20 wave 1 proven", "13:20 report map[completed:1 skipped:1]",
		}, w.lines(time.Hour))
	})
}

func TestOneThatNeverRestartsIsGivenUp(t *testing.T) {
	story(t, oneByOne, func(_ *testing.T, w *world) {
		w.rds.Add(behind("rm-1", with(fakerds.Upgrade{Status: "Running", Silent: true, Takes: 30 * 24 * time.Hour})))
		w.send("M1", sweepNow)
		const why = " (1 did not succeed, and the request allows 0: rm-1 unverified)"
		w.same([]string{
			"12:00 wave 1 began", "12:00 accepted rm-1",
			"18:00 unverified rm-1 wave 1 (6h after it was due it runs rds_20250531, and no restart was seen; RDS's task 226917711 is Running, with StartTime 2026-11-22T12:00:00Z)",
			"18:00 wave 1 proven", "18:00 halted map[unverified:1]" + why, "18:00 report rm-1 wave 1 map[unverified:1]" + why,
		}, w.lines(8*time.Hour))
	})
}

func TestTheAnswerOfACallIsLost(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, c := range map[string]struct {
		kind  faults.Kind
		calls int // that reach the API or the fault
	}{
		"and the call was made":     {faults.ResetAfter, 2},
		"half of it":                {faults.Truncate, 2},
		"all of it":                 {faults.Empty, 2},
		"and the call was not made": {faults.ResetBefore, 3},
		"and it is a page":          {faults.HTML, 3},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, oneByOne, func(t *testing.T, w *world) {
				t.Helper()
				w.rds.Add(behind("rm-1"), behind("rm-2"))
				w.rds.Faults().Add(faults.Fault{Action: upgradeCall, Kind: c.kind, Times: 1})
				w.send("M1", sweepNow)
				w.lines(3 * time.Hour)
				ending{ends: completed("rm-1", "rm-2")}.check(t, w)
				if calls := w.rds.CallsOf(upgradeCall); len(calls) != c.calls {
					t.Errorf("called: %v", calls)
				}
			})
		})
	}
}

func TestCallsThatAreAllRefusedStopAfterTheFirst(t *testing.T) {
	story(t, allAtOnce, func(t *testing.T, w *world) {
		t.Helper()
		for n := range 40 {
			w.rds.Add(behind(fmt.Sprintf("rm-%02d", n), with(fakerds.Upgrade{Refuse: "Forbidden.RAM"})))
		}
		w.send("M1", sweepNow)
		w.lines(time.Hour)
		if calls := len(w.rds.CallsOf(upgradeCall)); calls != 1 {
			t.Errorf("%d calls were made, want 1", calls)
		}
		if report := w.reports(t)[rolloutM1]; report.Data.Counts["failed"] != 1 || report.Data.Counts["skipped"] != 39 {
			t.Errorf("got %v", report)
		}
	})
}

func TestABusyInstanceIsCalledWhenItIsFree(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, busy := range map[string]struct{ begins, ends func(i *fakerds.Instance) }{
		"as its status shows": {
			func(i *fakerds.Instance) { i.DBInstanceStatus = "Backingup" }, func(i *fakerds.Instance) { i.DBInstanceStatus = "Running" },
		},
		"as the API says": {
			func(i *fakerds.Instance) { i.Upgrade.Refuse = "IncorrectDBInstanceState" }, func(i *fakerds.Instance) { i.Upgrade.Refuse = "" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, oneByOne, func(t *testing.T, w *world) {
				t.Helper()
				w.rds.Add(behind("rm-1"))
				w.rds.Update("rm-1", busy.begins)
				w.send("M1", sweepNow)
				w.lines(2 * time.Hour)
				w.rds.Update("rm-1", busy.ends)
				w.lines(time.Hour)
				ending{ends: completed("rm-1")}.check(t, w)
			})
		})
	}
	t.Run("and is in the report if it never is", func(t *testing.T) {
		story(t, oneByOne, func(_ *testing.T, w *world) {
			w.rds.Add(behind("rm-1"))
			w.rds.Update("rm-1", func(i *fakerds.Instance) { i.DBInstanceStatus = "Backingup" })
			w.send("M1", sweepNow)
			w.same([]string{"18:00 report rm-1 wave 1 map[skipped:1] (it was its turn at 2026-11-22T12:00:00Z, and since then it was busy: DBInstanceStatus is Backingup)"},
				w.lines(9*time.Hour))
		})
	})
}

// What the bucket does not take cannot be begun, and what is under way waits for it. Nothing is lost.
func TestTheBucketIsGoneForAWhile(t *testing.T) {
	story(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"), behind("rm-2"))
		w.send("M1", sweepNow)
		w.lines(5 * time.Minute)
		w.oss.Faults().Add(faults.Fault{Action: "*", Kind: faults.ServerError})
		for range 24 {
			time.Sleep(5 * time.Minute)
			if _, err := w.tick(); err == nil {
				t.Error("the tick was acknowledged")
			}
		}
		if calls := len(w.rds.CallsOf(upgradeCall)); calls != 1 {
			t.Errorf("%d calls were made", calls)
		}
		w.oss.Faults().Clear()
		w.lines(time.Hour)
		ending{ends: completed("rm-1", "rm-2")}.check(t, w)
	})
}

// What cannot be published keeps nothing from being done, and is published later, under the same ids.
func TestTheResultTopicIsGoneForAWhile(t *testing.T) {
	story(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		w.timeout = time.Minute
		w.rds.Add(behind("rm-1"), behind("rm-2"))
		w.mns.Faults().Add(faults.Fault{Action: "*", Kind: faults.ServerError})
		if _, err := w.request("M1", sweepNow); err == nil {
			t.Error("the message was acknowledged, and nothing was published")
		}
		for range 12 {
			time.Sleep(5 * time.Minute)
			_, _ = w.tick()
		}
		if calls := len(w.rds.CallsOf(upgradeCall)); calls != 2 {
			t.Errorf("%d calls were made", calls)
		}
		w.mns.Faults().Clear()
		w.lines(10 * time.Minute)
		ending{ends: completed("rm-1", "rm-2")}.check(t, w)
	})
}

// What somebody deletes on the way halts nothing as long as another one of its wave is proven, and is in the report once.
func TestWhatIsDeletedOnTheWayIsInTheReportOnce(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, c := range map[string]struct {
		called bool          // the one that is deleted is in the first wave
		after  time.Duration // the request
		want   string
	}{
		"in flight":           {true, time.Minute, "skipped"},
		"before its turn":     {false, time.Minute, "skipped"},
		"after it was proven": {true, 20 * time.Minute, "completed"},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, "budget: {maxInstances: 2, maxPercent: 100}\n", func(t *testing.T, w *world) {
				t.Helper()
				want, deleted := map[string]string{}, ""
				for _, id := range []string{"rm-1", "rm-2", "rm-3", "rm-4"} {
					w.rds.Add(behind(id))
					want[id] = "completed"
				}
				w.send("M1", strings.Replace(sweepNow, `"0s"`, `"1h"`, 1))
				for id := range want {
					if w.accepted()[id] > 0 == c.called {
						deleted = id
					}
				}
				want[deleted] = c.want
				w.lines(c.after)
				w.rds.Remove(deleted)
				w.lines(8 * time.Hour)
				got := map[string]string{}
				for _, i := range w.reports(t)[rolloutM1].Data.Instances {
					got[i.DBInstanceID] += i.Status
				}
				if !maps.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		})
	}
}

// An upgrade may end while RDS is slow to say so. The bake begins when it was seen, and not when the look began.
func TestTheBakeBeginsWhenTheProofWasSeen(t *testing.T) {
	story(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		const takes = 5*time.Minute + 5*time.Second
		w.rds.Add(behind("rm-1", with(fakerds.Upgrade{Takes: takes})), behind("rm-2", with(fakerds.Upgrade{Takes: takes})))
		w.send("M1", sweepBaked)
		time.Sleep(5 * time.Minute)
		w.rds.Faults().Add(faults.Fault{Action: "DescribeDBInstanceAttribute", Kind: faults.Latency, Delay: 8 * time.Second})
		_, _ = w.tick()
		w.rds.Faults().Clear()
		time.Sleep(time.Until(noon.Add(10 * time.Minute)))
		_, _ = w.tick()
		w.lines(time.Hour)
		ending{ends: completed("rm-1", "rm-2"), bake: 5 * time.Minute}.check(t, w)
	})
}
