package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
)

const (
	// oneByOne upgrades rm-3, rm-1 and rm-2 one after the other: that is their order by place.
	oneByOne  = "budget: {maxInstances: 1, maxPercent: 100}\n"
	allAtOnce = "budget: {maxInstances: 50, maxPercent: 100}\n"

	sweepNow    = `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`
	upgradeCall = "UpgradeDBInstanceKernelVersion"
)

// trio adds three instances that are behind.
func (w *world) trio() {
	w.rds.Add(behind("rm-1"), behind("rm-2"), behind("rm-3"))
}

// trioTold is what is told of a trio that goes one by one.
var trioTold = []string{
	"22 12:00 accepted rm-3 wave 1", "22 12:15 completed rm-3 wave 1",
	"22 12:15 accepted rm-1 wave 2", "22 12:30 completed rm-1 wave 2",
	"22 12:30 accepted rm-2 wave 3", "22 12:45 completed rm-2 wave 3", "22 12:45 report map[completed:3]",
}

// trioUnique is the same without the times.
var trioUnique = []string{
	"accepted rm-3 wave 1", "completed rm-3 wave 1", "accepted rm-1 wave 2", "completed rm-1 wave 2", "accepted rm-2 wave 3",
	"completed rm-2 wave 3", "report map[completed:3]",
}

// put puts a message on the follow-up queue, as anybody could who may.
func (w *world) put(body string, delay time.Duration) {
	w.tb.Helper()
	endpoint, err := transport.ParseEndpoint(w.env["MNS_ENDPOINT"])
	if err != nil {
		w.tb.Fatal(err)
	}
	client, err := mns.New(transport.Over(w), &endpoint, account, region)
	if err != nil {
		w.tb.Fatal(err)
	}
	key := w.keys.Issue(time.Hour)
	if _, err := client.Send(w.tb.Context(), invocation.NewCredentials(key.ID, key.Secret, key.Token), queue, body, delay); err != nil {
		w.tb.Fatal(err)
	}
}

// followUp gives the only message on the queue.
func (w *world) followUp() string {
	w.tb.Helper()
	all := w.mns.Messages(queue)
	if len(all) != 1 {
		w.tb.Fatalf("%d messages are on the queue", len(all))
	}
	return all[0].Body
}

// unique leaves out what was told before: a subscriber knows it by its id.
func (w *world) unique() (lines []string) {
	w.tb.Helper()
	w.read = 0
	seen := map[string]bool{}
	for _, n := range w.news() {
		if !seen[n.ID] {
			lines = append(lines, n.String())
		}
		seen[n.ID] = true
	}
	return lines
}

func TestAPlanIsAppliedAsLongAsItHolds(t *testing.T) {
	story(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		w.trio()
		const request = `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"},%s}`
		w.send(fmt.Sprintf(request, `"mode":"plan"`))
		plan := w.last("plan")
		w.same("the plan", []string{"rm-1 plan wave 2", "rm-2 plan wave 3", "rm-3 plan wave 1"}, plan.account())
		if len(w.upgradeCalls()) > 0 || len(w.mns.Messages(queue)) > 0 {
			t.Errorf("a plan makes the calls %v, and leaves %v", w.upgradeCalls(), w.mns.Messages(queue))
		}
		w.news()
		apply := fmt.Sprintf(request, `"planHash":"`+plan.Data.PlanHash+`"`)
		w.rds.Update("rm-2", func(i *fakerds.Instance) { locked(i) })
		w.send(apply)
		if n := w.last("rejected"); len(n.Data.Problems) != 1 || !strings.HasPrefix(n.Data.Problems[0], "planHash: the plan is no longer "+plan.Data.PlanHash) {
			t.Errorf("got %+v", n.Data.Problems)
		}
		w.news()
		w.rds.Update("rm-2", func(i *fakerds.Instance) { i.LockMode = "Unlock" })
		w.send(apply)
		w.same("told", trioTold, w.lines(2*time.Hour))
		w.clean()
	})
}

func TestWithoutAQueueThereIsOneWave(t *testing.T) {
	t.Parallel()
	t.Run("which is called", func(t *testing.T) {
		story(t, allAtOnce, func(_ *testing.T, w *world) {
			delete(w.env, "FOLLOWUP_QUEUE")
			w.restart()
			w.trio()
			w.send(sweepNow)
			w.same("told", []string{
				"22 12:00 accepted rm-1 wave 1", "22 12:00 accepted rm-2 wave 1", "22 12:00 accepted rm-3 wave 1",
				"22 12:00 report map[accepted:3]",
			}, w.lines(0))
		})
	})
	t.Run("and what needs more is rejected", func(t *testing.T) {
		story(t, oneByOne, func(t *testing.T, w *world) {
			t.Helper()
			delete(w.env, "FOLLOWUP_QUEUE")
			w.restart()
			w.trio()
			w.send(sweepNow)
			w.same("told", []string{"22 12:00 rejected"}, w.lines(0))
			w.same("problems", []string{
				"2 instances would have to wait for a later wave, and without FOLLOWUP_QUEUE there is only one: set it, or select fewer instances",
			}, w.last("rejected").Data.Problems)
			if calls := w.upgradeCalls(); len(calls) > 0 {
				t.Errorf("called: %v", calls)
			}
			w.clean()
		})
	})
}

func TestTheKillSwitch(t *testing.T) {
	t.Parallel()
	t.Run("in the middle of a rollout lets what is in flight be proven and calls nothing more", func(t *testing.T) {
		story(t, oneByOne, func(_ *testing.T, w *world) {
			w.trio()
			w.send(sweepNow)
			told := w.lines(20 * time.Minute)
			w.policy(oneByOne + "mode: off\n")
			told = append(told, w.lines(2*time.Hour)...)
			w.same("told", append(slices.Clone(trioTold[:4]),
				"22 12:30 halted map[completed:2 skipped:1] (the policy's mode is off)",
				"22 12:30 report map[completed:2 skipped:1] (the policy's mode is off)",
			), told)
			w.same("the report", []string{
				"rm-1 completed", "rm-2 skipped held: the rollout was halted: the policy's mode is off", "rm-3 completed",
			}, w.last("report").account())
			w.clean()
			w.policy(oneByOne)
			w.news()
			w.send(sweepNow)
			w.same("told of the same request again", []string{
				"22 14:20 accepted rm-2 wave 1", "22 14:35 completed rm-2 wave 1", "22 14:35 report map[completed:1 skipped:2]",
			}, w.lines(2*time.Hour))
			w.clean()
		})
	})
	t.Run("before a request about a fleet asks RDS nothing", func(t *testing.T) {
		story(t, oneByOne+"mode: off\n", func(t *testing.T, w *world) {
			t.Helper()
			w.trio()
			w.send(sweepNow)
			w.same("told", []string{
				"22 12:00 halted map[] (the policy's mode is off)", "22 12:00 report map[] (the policy's mode is off)",
			}, w.lines(0))
			if calls := w.rds.Calls(); len(calls) > 0 {
				t.Errorf("called: %v", calls)
			}
			w.clean()
		})
	})
	t.Run("before a request about one instance halts it", func(t *testing.T) {
		story(t, "mode: off\n", func(_ *testing.T, w *world) {
			w.trio()
			w.send(`{"DBInstanceId":"rm-1"}`)
			w.same("told", []string{
				"22 12:00 halted rm-1 wave 1 (the policy's mode is off)", "22 12:00 report rm-1 wave 0 map[halted:1] (the policy's mode is off)",
			}, w.lines(0))
			w.clean()
		})
	})
	t.Run("while the upgrade of one instance is under way lets it be proven", func(t *testing.T) {
		story(t, "", func(_ *testing.T, w *world) {
			w.trio()
			w.send(`{"DBInstanceId":"rm-1"}`)
			w.policy("mode: off\n")
			w.same("told", []string{
				"22 12:00 accepted rm-1 wave 1", "22 12:05 halted map[accepted:1] (the policy's mode is off)", "22 12:15 completed rm-1 wave 1",
				"22 12:15 report rm-1 wave 0 map[completed:1] (the policy's mode is off)",
			}, w.lines(time.Hour))
			w.clean()
		})
	})
}

func TestCallsThatAreAllRefusedStopAfterTheFirst(t *testing.T) {
	story(t, allAtOnce, func(t *testing.T, w *world) {
		t.Helper()
		for n := range 40 {
			w.rds.Add(behind(fmt.Sprintf("rm-%02d", n), with(fakerds.Upgrade{Refuse: "Forbidden.RAM"})))
		}
		w.send(sweepNow)
		w.lines(time.Hour)
		n := w.last("report")
		if calls := len(w.upgradeCalls()); calls != 1 {
			t.Errorf("%d calls were made, want 1", calls)
		}
		if n.Data.Counts["failed"]+n.Data.Counts["skipped"] != 40 || n.Data.Counts["failed"] != len(w.upgradeCalls()) {
			t.Errorf("got %v, and %d calls", n.Data.Counts, len(w.upgradeCalls()))
		}
		for _, i := range n.Data.Instances {
			if i.Status == "skipped" && i.Reason != "held" {
				t.Errorf("got %+v", i)
			}
		}
		w.clean()
	})
}

func TestOneThatNeverRestartsIsGivenUp(t *testing.T) {
	story(t, oneByOne, func(_ *testing.T, w *world) {
		w.rds.Add(behind("rm-1", with(fakerds.Upgrade{Status: "Running", Silent: true, Takes: 30 * 24 * time.Hour})))
		w.send(sweepNow)
		const why = "(1 did not succeed, and the request allows 0: rm-1 unverified)"
		w.same("told", []string{
			"22 12:00 accepted rm-1 wave 1",
			"22 18:00 unverified rm-1 wave 1 (6h after it was due it runs rds_20250531, and no restart was seen; RDS's task 226917711 is Running, with StartTime 2026-11-22T12:00:00Z)",
			"22 18:00 halted map[unverified:1] " + why, "22 18:00 report rm-1 wave 1 map[unverified:1] " + why,
		}, w.lines(8*time.Hour))
		w.clean()
	})
}

func TestTheAnswerOfACallIsLost(t *testing.T) {
	t.Parallel()
	made := slices.Clone(trioUnique)
	made[0] += " (the answer was lost; the instance shows that the call was accepted)"
	notMade := []string{ // the first wave has come to nothing
		"accepted rm-3 wave 2", "completed rm-3 wave 2", "accepted rm-1 wave 3", "completed rm-1 wave 3",
		"accepted rm-2 wave 4", "completed rm-2 wave 4", "report map[completed:3]",
	}
	for name, c := range map[string]struct {
		kind  faults.Kind
		calls int // that reach the API or the fault
		told  []string
	}{
		"and the call was made":     {faults.ResetAfter, 3, made},
		"half of it":                {faults.Truncate, 3, made},
		"all of it":                 {faults.Empty, 3, made},
		"and the call was not made": {faults.ResetBefore, 4, notMade},
		"and it is a page":          {faults.HTML, 4, notMade},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, oneByOne, func(t *testing.T, w *world) {
				t.Helper()
				w.trio()
				w.rds.Faults().Add(faults.Fault{Action: upgradeCall, Kind: c.kind, Times: 1})
				w.send(sweepNow)
				w.lines(3 * time.Hour)
				w.same("told", c.told, w.unique())
				if calls := w.upgradeCalls(); len(calls) != c.calls {
					t.Errorf("called: %v", calls)
				}
				w.clean()
			})
		})
	}
}

func TestCallsThatAreNeverAnsweredClearlyComeToAnEnd(t *testing.T) {
	story(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		w.trio()
		w.rds.Update("rm-3", func(i *fakerds.Instance) { i.Upgrade.Refuse = "InternalError" })
		w.send(sweepNow)
		w.lines(24 * time.Hour)
		n := w.last("report")
		w.same("the report", []string{"report map[failed:1 skipped:2]"}, []string{strings.SplitN(n.String(), " (", 2)[0]})
		if calls := len(w.upgradeCalls()); calls < 10 || calls > 80 {
			t.Errorf("%d calls", calls)
		}
		w.clean()
	})
}

func TestACallThatIsThrottledIsNotMadeWhenTheWindowHasClosed(t *testing.T) {
	story(t, allAtOnce+"windows: {allow: [{from: \"20:00\", to: \"20:10\", zone: Asia/Shanghai}]}\n", func(t *testing.T, w *world) { // until 12:10 UTC
		t.Helper()
		w.rds.Add(behind("rm-1"))
		w.rds.Faults().Add(faults.Fault{Action: upgradeCall, Kind: faults.Throttle})
		w.send(sweepNow)
		for _, c := range w.rds.CallsOf(upgradeCall) {
			if c.At.After(day.Add(10 * time.Minute)) {
				t.Errorf("called at %s", c.At)
			}
		}
		w.rds.Faults().Clear()
		w.lines(30 * time.Hour)
		w.same("told", []string{
			"accepted rm-1 wave 1 (not at once: outside 20:00-20:10 Asia/Shanghai; moved to 2026-11-23T12:00:00Z)", "completed rm-1 wave 1",
			"report rm-1 wave 0 map[completed:1]",
		}, w.unique())
		w.clean()
	})
}

func TestAHaltedRolloutSeesTheCallsOfItsRequestDeliveredAgain(t *testing.T) {
	story(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		w.trio()
		w.rds.Update("rm-3", func(i *fakerds.Instance) { i.Upgrade.Silent = true })
		w.timeout = time.Minute
		event := w.event("M1", sweepNow)
		if _, err := w.invoke(event); err != nil {
			t.Fatal(err)
		}
		dead := false // the process ends when the failure has been told, and nothing else
		w.before = func(_, action string) bool {
			dead = dead || action == "DescribeDBInstances"
			return dead
		}
		for !dead {
			time.Sleep(5 * time.Minute)
			_, _ = w.tick()
		}
		w.before = nil
		w.restart()
		time.Sleep(time.Until(w.mns.Messages(queue)[0].NextVisibleTime) - time.Minute)
		if _, err := w.invoke(event); err != nil { // it goes on, as if it had been sent again
			t.Fatal(err)
		}
		w.lines(4 * time.Hour)
		const why = "(1 did not succeed, and the request allows 0: rm-3 failed)"
		w.same("told", []string{
			"accepted rm-3 wave 1", "failed rm-3 wave 1 (it came back with rds_20250531, not with rds_20260228)",
			"accepted rm-1 wave 1", "halted map[accepted:1 failed:1 skipped:1] " + why, "completed rm-1 wave 1",
			"report map[completed:1 failed:1 skipped:1] " + why,
		}, w.unique())
		w.clean()
	})
}

func TestABusyInstanceIsCalledWhenItIsFree(t *testing.T) {
	t.Parallel()
	others := []string{
		"22 12:00 accepted rm-3 wave 1", "22 12:15 completed rm-3 wave 1", "22 12:15 accepted rm-2 wave 2", "22 12:30 completed rm-2 wave 2",
	}
	for name, busy := range map[string]struct{ begins, ends func(i *fakerds.Instance) }{
		"as its status shows": {
			func(i *fakerds.Instance) { i.DBInstanceStatus = "Backingup" }, func(i *fakerds.Instance) { i.DBInstanceStatus = "Running" },
		},
		"as the API says": {
			func(i *fakerds.Instance) { i.Upgrade.Refuse = "IncorrectDBInstanceState" }, func(i *fakerds.Instance) { i.Upgrade.Refuse = "" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, oneByOne, func(_ *testing.T, w *world) {
				w.trio()
				w.rds.Update("rm-1", busy.begins)
				w.send(sweepNow)
				told := w.lines(2 * time.Hour)
				w.rds.Update("rm-1", busy.ends)
				w.same("told", append(slices.Clone(others),
					"22 14:05 accepted rm-1 wave 3", "22 14:20 completed rm-1 wave 3", "22 14:20 report map[completed:3]",
				), append(told, w.lines(2*time.Hour)...))
				w.clean()
			})
		})
	}
	t.Run("and reported when it never is", func(t *testing.T) {
		story(t, oneByOne, func(_ *testing.T, w *world) {
			w.trio()
			w.rds.Update("rm-1", func(i *fakerds.Instance) { i.DBInstanceStatus = "Backingup" })
			w.send(sweepNow)
			w.same("told", append(slices.Clone(others), "22 18:30 report map[completed:2 skipped:1]"), w.lines(9*time.Hour))
			w.same("the report", []string{
				"rm-1 skipped in_progress: DBInstanceStatus is Backingup", "rm-2 completed", "rm-3 completed",
			}, w.last("report").account())
			w.clean()
		})
	})
}

func TestTheClaimOfAnotherRollout(t *testing.T) {
	t.Parallel()
	t.Run("that was abandoned is settled, and the instance goes on", func(t *testing.T) {
		story(t, oneByOne, func(_ *testing.T, w *world) {
			w.rds.Add(behind("rm-1", tagged("kernel-upgrade-claim", "called rds_20260228 0123456789abcdef 20261110t120000z 20261110t115900z")))
			w.send(sweepNow)
			w.same("told", []string{
				"22 12:00 unverified rm-1 wave 1", "22 12:00 accepted rm-1 wave 1", "22 12:15 completed rm-1 wave 1",
				"22 12:15 report rm-1 wave 0 map[completed:1]",
			}, w.lines(time.Hour))
			w.clean()
		})
	})
	t.Run("that is alive is waited for", func(t *testing.T) {
		story(t, oneByOne, func(_ *testing.T, w *world) {
			w.rds.Add(behind("rm-1", tagged("kernel-upgrade-claim", "called rds_20251031 0123456789abcdef 20261122t115000z 20261122t115000z")), behind("rm-2"))
			w.rds.AddVersion(fakerds.MiniVersion{MinorVersion: "rds_20251031"})
			w.send(sweepNow)
			told := w.lines(time.Hour)
			w.rds.Update("rm-1", func(i *fakerds.Instance) { i.CurrentKernelVersion = "rds_20251031" })
			w.same("told", []string{
				"22 12:00 accepted rm-2 wave 1", "22 12:15 completed rm-2 wave 1",
				"22 13:05 completed rm-1 wave 1", // the other rollout's
				"22 13:05 accepted rm-1 wave 2", "22 13:20 completed rm-1 wave 2", "22 13:20 report map[completed:2]",
			}, append(told, w.lines(time.Hour)...))
			w.clean()
		})
	})
	t.Run("that is no claim holds the instance", func(t *testing.T) {
		story(t, oneByOne, func(_ *testing.T, w *world) {
			w.rds.Add(behind("rm-1", tagged("kernel-upgrade-claim", "mine")))
			w.send(sweepNow)
			w.same("told", []string{"rm-1 skipped held: tag kernel-upgrade-claim: \"mine\" is not a claim: want state, target, rollout, due and time: remove the tag, or correct it"},
				w.last("report").account())
		})
	})
}

func TestARequestThatIsDeliveredAgainDoesNothingMore(t *testing.T) {
	t.Parallel()
	told := []string{
		"22 12:00 accepted rm-3 wave 1", "22 12:15 completed rm-3 wave 1", "22 13:15 accepted rm-1 wave 2", "22 13:30 completed rm-1 wave 2",
		"22 14:30 accepted rm-2 wave 3", "22 14:45 completed rm-2 wave 3", "22 14:45 report map[completed:3]",
	}
	for name, after := range map[string]time.Duration{
		"at once": 0, "minutes later": 10 * time.Minute, "in the bake": 40 * time.Minute, "in the second wave": 80 * time.Minute, "in the second bake": 2 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			story(t, oneByOne, func(_ *testing.T, w *world) {
				w.trio()
				event := w.event("M1", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"1h"}}`)
				got := w.twice(event, after)
				w.same("told", told, got)
				w.clean()
			})
		})
	}
	t.Run("when all is done", func(t *testing.T) {
		story(t, oneByOne, func(_ *testing.T, w *world) {
			w.trio()
			got := w.twice(w.event("M1", sweepNow), 5*time.Hour)
			w.same("told", append(slices.Clone(trioTold), "22 17:00 report map[skipped:3]"), got) // with the id of the first
			w.same("what a subscriber sees", trioUnique, w.unique())
			w.clean()
		})
	})
}

// twice delivers an event twice, and gives what is told.
func (w *world) twice(event string, after time.Duration) (told []string) {
	w.tb.Helper()
	for _, d := range []time.Duration{after, 6 * time.Hour} {
		if _, err := w.invoke(event); err != nil {
			w.tb.Error(err)
		}
		told = append(told, w.lines(d)...)
	}
	return told
}

func TestFollowUpsThatComeTwiceLateOrOutOfOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trouble func(w *world)
		more    []string // is told
	}{
		"one that could not be deleted": {func(w *world) {
			w.mns.Faults().Add(faults.Fault{Action: "DeleteMessage", Kind: faults.ServerError, Times: 200})
		}, nil},
		"twins at once": {func(w *world) { w.put(w.followUp(), 7*time.Minute) }, nil},
		"twins at once, and a new process each time": {func(w *world) {
			w.put(w.followUp(), 0)
			for range 12 {
				w.restart()
				w.lines(5 * time.Minute)
			}
		}, nil},
		"an old one between newer ones": {func(w *world) {
			body := w.followUp()
			w.lines(17 * time.Minute)
			w.put(body, 0)
		}, nil},
		"an old one between newer ones, and a new process": {func(w *world) {
			body := w.followUp()
			w.lines(17 * time.Minute)
			w.restart()
			w.put(body, 0)
		}, []string{"rejected"}},
		"an old one when all is done": {func(w *world) {
			body := w.followUp()
			w.lines(2 * time.Hour)
			w.restart()
			w.put(body, 0)
		}, []string{"rejected"}},
		"the timer is out of order for three days": {func(*world) { time.Sleep(72 * time.Hour) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, oneByOne, func(t *testing.T, w *world) {
				t.Helper()
				w.trio()
				w.send(sweepNow)
				c.trouble(w)
				w.lines(4 * time.Hour)
				told, more := w.unique(), []string(nil)
				told = slices.DeleteFunc(told, func(l string) bool {
					if l == "rejected" {
						more = append(more, l)
					}
					return l == "rejected"
				})
				w.same("told", trioUnique, told)
				w.same("rejected", c.more, more)
				if calls := w.upgradeCalls(); len(calls) != 3 {
					t.Errorf("called: %v", calls)
				}
				w.clean()
			})
		})
	}
}

// A copy that comes while the message itself still waits takes nothing from it.
func TestACopyOfAFollowUpThatStillWaits(t *testing.T) {
	story(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		w.trio()
		w.send(strings.Replace(sweepNow, `"0s"`, `"3h"`, 1))
		w.lines(time.Hour) // it bakes
		w.put(w.followUp(), 0)
		w.lines(12 * time.Hour)
		want := append([]string{}, trioUnique...)
		w.same("told", slices.Insert(want, 2, "rejected"), w.unique())
		w.clean()
	})
}

// A process lives for long, and what it knows of rollouts that are over does not grow with it.
func TestAProcessForgetsOldRollouts(t *testing.T) {
	story(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(fakerds.Instance{DBInstanceID: "rm-1", CurrentKernelVersion: "rds_20260228", LatestKernelVersion: "rds_20260228"})
		most := 0
		for n := range 1200 {
			if _, err := w.request(fmt.Sprint("M", n), `{"DBInstanceId":"rm-1"}`); err != nil {
				t.Fatal(err)
			}
			most = max(most, w.function.Known())
		}
		if known := w.function.Known(); most != 1000 || known != 200 {
			t.Errorf("it knows of %d rollouts, at most of %d; want 200, 1000", known, most)
		}
		w.same("reports", []string{"1200"}, []string{fmt.Sprint(len(w.news()))})
	})
}

func TestAPoisonousFollowUpIsPutAway(t *testing.T) {
	t.Parallel()
	t.Run("that is no JSON", func(t *testing.T) {
		story(t, oneByOne, func(_ *testing.T, w *world) {
			w.put("{nonsense", 0)
			w.lines(time.Hour)
			n := w.last("rejected")
			w.same("told", []string{"follow-up: invalid character 'n' looking for beginning of object key string", "{nonsense"}, append(n.Data.Problems, n.Data.Message))
			w.clean()
		})
	})
	t.Run("whose handling ends the process each time", func(t *testing.T) {
		story(t, oneByOne, func(t *testing.T, w *world) {
			t.Helper()
			w.trio()
			w.send(sweepNow)
			body := w.followUp()
			dead := false
			w.before = func(service, _ string) bool {
				dead = dead || service == "rds"
				return dead
			}
			w.timeout = time.Minute
			for range 4 * 60 / 5 {
				time.Sleep(5 * time.Minute)
				if _, err := w.tick(); err != nil {
					w.restart()
				}
				dead = false
			}
			n := w.last("rejected")
			w.same("problems", []string{
				"the follow-up was received 5 times, and the function ended each time before it was done; send the original request again",
			}, n.Data.Problems)
			if n.Data.Message != body {
				t.Errorf("got %q", n.Data.Message)
			}
			if left := w.mns.Messages(queue); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			w.before = nil
			w.news()
			w.send(sweepNow)
			w.same("told of the same request again", []string{
				"22 16:04 completed rm-3 wave 1", // the first rollout's
				"22 16:04 accepted rm-1 wave 1", "22 16:19 completed rm-1 wave 1", "22 16:19 accepted rm-2 wave 2",
				"22 16:34 completed rm-2 wave 2", "22 16:34 report map[completed:2 skipped:1]",
			}, w.lines(4*time.Hour))
			w.clean()
		})
	})
}

func TestWithLittleTimeTheRestGoesIntoAFollowUp(t *testing.T) {
	t.Parallel()
	for timeout, begins := range map[time.Duration]string{2 * time.Second: "22 12:25", 4 * time.Second: "22 12:25", 8 * time.Second: "22 12:00"} {
		t.Run(timeout.String()+" for all", func(t *testing.T) {
			story(t, allAtOnce, func(t *testing.T, w *world) {
				t.Helper()
				w.trio()
				w.timeout = timeout
				w.send(sweepNow)
				told := w.lines(20 * time.Minute)
				w.timeout = 30 * time.Minute
				told = append(told, w.lines(2*time.Hour)...)
				if len(told) != 7 || !strings.HasPrefix(told[0], begins) || !strings.HasSuffix(told[6], "report map[completed:3]") {
					t.Errorf("told: %v", told)
				}
				w.clean()
			})
		})
	}
	t.Run("in the middle of a wave", func(t *testing.T) {
		story(t, allAtOnce, func(t *testing.T, w *world) {
			t.Helper()
			w.fleetOf(40) // 16 calls are made at the same time
			w.timeout = 10 * time.Second
			w.rds.Faults().Add(faults.Fault{Action: upgradeCall, Kind: faults.Latency, Delay: 5 * time.Second})
			w.send(`{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s","maxFailures":1}}`) // with 0 the first call would be alone
			if n := len(w.upgradeCalls()); n != 16 {
				t.Errorf("%d calls are made before the time runs short", n)
			}
			w.lines(6 * time.Hour)
			w.same("the report", []string{"report map[completed:40]"}, []string{w.last("report").String()})
			if n := len(w.upgradeCalls()); n != 40 {
				t.Errorf("%d calls are made", n)
			}
			w.clean()
		})
	})
}

func TestTheResultTopicIsDownForAWhile(t *testing.T) {
	story(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		w.trio()
		w.timeout = time.Minute
		w.send(sweepNow)
		var down atomic.Bool
		down.Store(true)
		w.before = func(_, action string) bool { return down.Load() && strings.HasPrefix(action, "POST topics") }
		for range 30 {
			time.Sleep(5 * time.Minute)
			_, _ = w.tick() // fails
		}
		down.Store(false)
		w.lines(12 * time.Hour)
		w.same("told", trioUnique, w.unique())
		if calls := w.upgradeCalls(); len(calls) != 3 {
			t.Errorf("called: %v", calls)
		}
		w.clean()
	})
}

// later puts off what is told.
func later(told []string, by time.Duration) (all []string) {
	for _, line := range told {
		at, _ := time.Parse("02 15:04", line[:8])
		all = append(all, at.Add(by).Format("02 15:04")+line[8:])
	}
	return all
}

func TestWithTheQueueDownNothingIsCalled(t *testing.T) {
	story(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		w.trio()
		w.timeout = time.Minute
		down := true
		w.before = func(_, action string) bool { return down && action == "POST queues/"+queue }
		event := w.event("M1", sweepNow)
		if _, err := w.invoke(event); err == nil || len(w.upgradeCalls()) > 0 {
			t.Fatalf("err %v, calls %v", err, w.upgradeCalls())
		}
		w.clean()
		down = false
		time.Sleep(10*time.Minute - time.Since(day))
		if _, err := w.deliver(event, 1); err != nil {
			t.Fatal(err)
		}
		w.same("told", later(trioTold, 10*time.Minute), w.lines(2*time.Hour))
		w.clean()
	})
}

// forbidden is a world whose RDS lets nobody look at an instance.
type forbidden struct{ *world }

func (f forbidden) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("Action") != "DescribeDBInstanceAttribute" {
		return f.world.RoundTrip(r)
	}
	answer := httptest.NewRecorder()
	answer.Header().Set("Content-Type", "application/json;charset=utf-8")
	answer.WriteHeader(http.StatusForbidden)
	_, _ = answer.WriteString(`{"RequestId":"A5409D02-D661-4BF3-8F3D-0A814D0574E8","HostId":"rds.aliyuncs.com","Code":"Forbidden.RAM","Message":"User not authorized to operate on the specified resource."}`)
	return answer.Result(), nil
}

func TestOneThatNobodyMayLookAtIsGivenUp(t *testing.T) {
	story(t, oneByOne, func(_ *testing.T, w *world) {
		w.trio()
		w.send(sweepNow)
		w.function.Over(forbidden{w})
		w.lines(8 * time.Hour)
		const why = "(1 did not succeed, and the request allows 0: rm-3 unverified)"
		w.same("told", []string{
			"accepted rm-3 wave 1",
			"unverified rm-3 wave 1 (it cannot be looked at: rds: DescribeDBInstanceAttribute rm-3: Forbidden.RAM: User not authorized to operate on the specified resource. (request A5409D02-D661-4BF3-8F3D-0A814D0574E8))",
			"failed rm-1 wave 1", "failed rm-2 wave 1", "halted map[failed:2 unverified:1] " + why, "report map[failed:2 unverified:1] " + why,
		}, w.unique())
		w.function.Over(w)
		w.send(sweepNow)
		w.same("told of the same request again", []string{
			"22 20:00 completed rm-3 wave 1", // the first rollout's, after all
			"22 20:00 accepted rm-1 wave 1", "22 20:15 completed rm-1 wave 1", "22 20:15 accepted rm-2 wave 2",
			"22 20:30 completed rm-2 wave 2", "22 20:30 report map[completed:2 skipped:1]",
		}, w.lines(3*time.Hour))
		w.clean()
	})
}

func TestAnUpgradeThatOneAsksForIsFollowedToItsEnd(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.trio()
		w.send(`{"DBInstanceId":"rm-1"}`)
		w.lines(time.Hour)
		n := w.last("completed").Data
		if n.Before != "rds_20250531" || n.After != "rds_20260228" || n.AcceptedAt != "2026-11-22T12:00:00Z" || n.Looks != 2 {
			text, _ := json.Marshal(n)
			t.Errorf("got %s", text)
		}
	})
}

func TestEveryStepIsTakenByANewProcess(t *testing.T) {
	story(t, oneByOne, func(_ *testing.T, w *world) {
		w.trio()
		w.send(sweepNow)
		told := w.lines(0)
		for range 24 {
			w.restart()
			told = append(told, w.lines(5*time.Minute)...)
		}
		w.same("told", trioTold, told)
		w.clean()
	})
}
