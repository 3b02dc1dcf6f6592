package main_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
)

// mixed is a fleet of which a sweep may upgrade some: of ten instances two are of an engine that it does not upgrade, one has not opted in,
// one is stopped, one runs the latest version, and five are behind, two of them replicas.
func mixed(size int) (fleet []fakerds.Instance, behind int) {
	for n := range size {
		i := fakerds.Instance{
			DBInstanceID: fmt.Sprintf("rm-%05d", n), CurrentKernelVersion: "rds_20250531", LatestKernelVersion: "rds_20260228",
			Tags:    map[string]string{"kernel-upgrade": "auto"},
			Upgrade: fakerds.Upgrade{Takes: 3 * time.Minute},
		}
		switch n % 10 {
		case 0, 1:
			i.Engine, i.EngineVersion = "SQLServer", "2019_ent"
		case 2:
			i.Tags = map[string]string{"env": "prod"}
		case 3:
			i.DBInstanceStatus = "Stopped"
		case 4:
			i.CurrentKernelVersion = i.LatestKernelVersion
		case 6, 7:
			i.MasterInstanceID = fmt.Sprintf("rm-%05d", n/10*10+5)
			behind++
		default:
			behind++
		}
		fleet = append(fleet, i)
	}
	return fleet, behind
}

// spent is what one invocation has called, by action, after a look at each call: none is made twice.
func spent(t *testing.T, calls []fakerds.Call) map[string]int {
	t.Helper()
	counts, seen := map[string]int{}, map[string]bool{}
	for _, c := range calls {
		counts[c.Action]++
		what := c.Action
		for _, name := range slices.Sorted(maps.Keys(c.Params)) {
			if name != "SignatureNonce" && name != "Timestamp" {
				what += " " + name + "=" + c.Params[name]
			}
		}
		if seen[what] && c.Code == "" {
			t.Errorf("called twice: %s", what)
		}
		seen[what] = c.Code == ""
	}
	return counts
}

func upTo(n, each int) int { return (n + each - 1) / each }

// bound is how many calls one wave may cost: it observes size instances, upgrades so many, and takes the claims off as many of the wave before.
func bound(size, upgraded, before int) int {
	return upTo(size, 100) + size + upTo(size, 50) + 2*upTo(upgraded, 50) + upgraded + upTo(before, 50) +
		1 // the versions that are offered to the one kind of instance
}

// TestTheCallsOfARunAreCounted follows a sweep to its end. It has two waves: the primaries that have replicas wait for them.
func TestTheCallsOfARunAreCounted(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 100, 300} {
		t.Run(fmt.Sprint(size, " instances"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(day))
				w := newWorld(t, "budget: {maxInstances: 10000, maxPercent: 100}\n")
				fleet, behind := mixed(size)
				w.rds.Add(fleet...)
				w.hasty = size > 100
				if _, err := w.request("M1", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`); err != nil {
					t.Fatal(err)
				}
				first := spent(t, w.rds.Calls())
				calls := size / 10 * 4
				wantCalls(t, first, map[string]int{
					"DescribeDBInstances": upTo(size, 100), "ListTagResources": upTo(size/10*8, 50),
					"DescribeDBInstanceAttribute": size / 10 * 6, "DescribeDBMiniEngineVersions": 1,
					"TagResources": 2 * upTo(calls, 50), "UpgradeDBInstanceKernelVersion": calls,
				})
				if n := sum(first); n > bound(size, calls, 0) {
					t.Errorf("%d calls, want at most %d", n, bound(size, calls, 0))
				}
				// The next wave, when the first is proven: what was read to prove it is not read again.
				time.Sleep(10 * time.Minute)
				before := len(w.rds.Calls())
				if _, err := w.tick(); err != nil {
					t.Fatal(err)
				}
				second, rest := spent(t, w.rds.Calls()[before:]), behind-calls
				claimed := upTo(2*calls, 50) // two tags each, and a page has 50
				if calls == 4 {
					claimed = 1
				}
				wantCalls(t, second, map[string]int{
					"DescribeDBInstances": upTo(size, 100), "ListTagResources": upTo(size/10*8, 50) + claimed,
					"DescribeDBInstanceAttribute": size / 10 * 6, "DescribeDBMiniEngineVersions": 1,
					"TagResources": 2 * upTo(rest, 50), "UpgradeDBInstanceKernelVersion": rest, "UntagResources": upTo(calls, 50),
				})
				w.pass(time.Hour)
				news := w.news()
				last := news[len(news)-1]
				if got := fmt.Sprint(last.Data.Counts); last.Tag != "report" || got != fmt.Sprintf("map[completed:%d skipped:%d]", behind, size-behind) {
					t.Errorf("the end is %s", last)
				}
			})
		})
	}
}

func sum(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

func wantCalls(t *testing.T, got, want map[string]int) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("calls %v\nwant  %v", got, want)
	}
}

// TestATenMinuteThrottlingStormLosesNothing lets a storm begin in the middle of a wave: every call is refused, or all over a tenth of the
// policy's rate.
func TestATenMinuteThrottlingStormLosesNothing(t *testing.T) {
	t.Parallel()
	for name, storm := range map[string]faults.Fault{
		"no call is taken": {Action: "*", Kind: faults.Throttle},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(day))
				w := newWorld(t, "budget: {maxInstances: 100, maxPercent: 100}\nrate: {callsPerSecond: 10}\n")
				fleet, behind := mixed(1000)
				w.rds.Add(fleet...)
				w.hasty = true
				go func() {
					time.Sleep(30 * time.Second)
					w.rds.Faults().Add(storm)
					time.Sleep(10 * time.Minute)
					w.rds.Faults().Clear()
				}()
				if _, err := w.request("M1", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(day); took < 10*time.Minute {
					t.Errorf("it was over after %s: there was no storm", took)
				}
				w.pass(2 * time.Hour)
				refused, calls := 0, w.rds.Calls()
				for _, c := range calls {
					if c.Code == string(faults.Throttle) {
						refused++
					}
				}
				if wasted := 100 * float64(refused) / float64(len(calls)); refused == 0 || wasted >= 10 {
					t.Errorf("%d of %d calls were refused, want less than a tenth", refused, len(calls))
				}
				news := w.news()
				last, counts := news[len(news)-1], fmt.Sprintf("map[completed:%d skipped:%d]", behind, 1000-behind)
				if got := fmt.Sprint(last.Data.Counts); last.Tag != "report" || got != counts {
					t.Errorf("the end is %s, want a report of %s", last, counts)
				}
				if !strings.Contains(w.log.String(), `"msg":"rate"`) {
					t.Error("the log does not say that the API has refused calls")
				}
				t.Logf("%d of %d calls were refused", refused, len(calls))
			})
		})
	}
}

// Many notifications go side by side, and the report that closes with them goes behind them all.
func TestManyAreToldSideBySide(t *testing.T) {
	t.Parallel()
	for many, want := range map[int]int{20: 1, 60: 16} {
		t.Run(fmt.Sprint(many), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(day))
				w := newWorld(t, "budget: {maxInstances: 100, maxPercent: 100}\n")
				w.fleetOf(many)
				var mu sync.Mutex
				underWay, most := 0, 0
				count := func(n int) {
					mu.Lock()
					defer mu.Unlock()
					underWay += n
					most = max(most, underWay)
				}
				w.before = func(service, action string) bool {
					if service == "mns" && strings.HasPrefix(action, "POST topics/") {
						count(1)
						time.Sleep(50 * time.Millisecond)
						count(-1)
					}
					return false
				}
				w.mns.Faults().Add(faults.Fault{Action: "PublishMessage", Kind: faults.Throttle, Times: 5})
				if _, err := w.request("M1", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`); err != nil {
					t.Fatal(err)
				}
				w.pass(30 * time.Minute)
				times, last := map[string]int{}, ""
				for _, n := range w.news() {
					last = n.Tag
					times[n.Tag+" "+n.ID]++
				}
				if len(times) != 2*many+1 || slices.Max(slices.Collect(maps.Values(times))) != 1 || last != "report" {
					t.Errorf("%d different notifications, the last a %s; want %d and a report, each once: %v", len(times), last, 2*many+1, times)
				}
				if most != want {
					t.Errorf("%d were published at the same time, want %d", most, want)
				}
			})
		})
	}
}
