package main_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
)

// refusing adds instances whose upgrade calls are refused for good.
func (w *world) refusing(n int) {
	for i := range n {
		w.rds.Add(behind(fmt.Sprintf("rm-a%d", i), with(fakerds.Upgrade{Refuse: "EngineNotSupported"})))
	}
}

// A sweep in one wave whose calls are all refused: at every rate and however long a call takes, no call follows a refusal that is one too many
// but those that are then on their way.
func TestAFleetWhoseCallsAreAllRefused(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for _, c := range []struct {
		instances, allowed int
		perSecond          float64
		takes              time.Duration
	}{
		{10, 0, 2, 5 * time.Second}, // the case that failed: once ten calls, half a second apart
		{10, 0, 2, 10 * time.Millisecond},
		{40, 0, 2, 5 * time.Second}, // once sixteen
		{40, 0, 100_000, 5 * time.Second},
		{120, 0, 10, time.Second},
		{40, 1, 2, 5 * time.Second},
		{40, 3, 10, 300 * time.Millisecond},
		{40, 5, 50, 10 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%d instances, %d may fail, %v calls a second of %s", c.instances, c.allowed, c.perSecond, c.takes), func(t *testing.T) {
			t.Parallel()
			play(t, fmt.Sprintf("budget: {maxInstances: 500, maxPercent: 100}\nrate: {callsPerSecond: %v}\n", c.perSecond), func(t *testing.T, w *world) {
				t.Helper()
				w.hasty = false
				w.refusing(c.instances)
				w.rds.Faults().Add(faults.Fault{Action: upgradeCall, Kind: faults.Latency, Delay: c.takes})
				w.must(w.request("M1", fmt.Sprintf(`{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"waves":[{"percent":100}],"maxFailures":%d}}`, c.allowed)))
				w.pass(time.Hour)
				calls := w.upgrades()
				least, most := c.allowed+1, c.allowed+1+int(math.Ceil(c.perSecond*c.takes.Seconds()))
				if c.allowed == 0 {
					most = 1
				}
				if calls < least || calls > most {
					t.Errorf("%d calls were made, want %d to %d", calls, least, most)
				}
				told := map[string]int{}
				for _, n := range w.news() {
					told[n.Tag]++
				}
				if told["failed"] != calls || told["halted"] != 1 || told["report"] != 1 || told["wave"] != 2 || len(told) != 4 {
					t.Errorf("published: %v, want each of %d failures, one halt and one report", told, calls)
				}
				want := fmt.Sprintf("map[failed:%d skipped:%d]", calls, c.instances-calls)
				for _, tag := range []string{"halted", "report"} {
					if got := fmt.Sprint(w.last(tag).Data.Counts); got != want {
						t.Errorf("%s: %s, want %s", tag, got, want)
					}
				}
				for _, i := range w.last("report").Data.Instances {
					if i.Status == "skipped" && i.Reason != "held" {
						t.Errorf("got %+v", i)
					}
				}
			})
		})
	}
}

// One refusal in the middle of a wave ends it; the next request goes on with the others.
func TestARefusalInTheMiddleOfAWaveIsTheLastCall(t *testing.T) {
	t.Parallel()
	play(t, "budget: {maxInstances: 100, maxPercent: 100}\nrate: {callsPerSecond: 2}\n", func(t *testing.T, w *world) {
		t.Helper()
		w.hasty = false
		w.refusing(1)
		for n := range 20 {
			w.rds.Add(behind(fmt.Sprintf("rm-%02d", n+1)))
		}
		w.rds.Faults().Add(faults.Fault{Action: upgradeCall, Kind: faults.Latency, Delay: 1500 * time.Millisecond})
		w.must(w.request("M1", sweep))
		w.pass(time.Hour)
		counts, refused := w.last("report").Data.Counts, time.Time{}
		for _, c := range w.rds.CallsOf(upgradeCall) {
			if !c.Accepted {
				refused = c.At
			}
		}
		after := 0
		for _, c := range w.rds.CallsOf(upgradeCall) {
			if c.At.After(refused) {
				after++
			}
		}
		if after > 3 || counts["failed"] != 1 || counts["completed"] != w.upgrades()-1 || counts["skipped"] != 21-w.upgrades() {
			t.Errorf("%d calls began after the one that was refused, want at most 3; the report is %v of %d calls", after, counts, w.upgrades())
		}
		w.rds.Update("rm-a0", func(i *fakerds.Instance) { i.Upgrade = fakerds.Upgrade{} })
		w.must(w.request("M2", sweep))
		w.pass(time.Hour)
		if last := w.last("report"); last.Data.Counts["completed"] != 1+counts["skipped"] || last.Data.Counts["failed"] != 0 {
			t.Errorf("the next request ended as %s", last)
		}
	})
}

// With the default policy the upgrade of one instance waits for nothing, and a fleet's calls go side by side.
func TestWhatTheRateLimitCosts(t *testing.T) {
	t.Parallel()
	const allAtOnce = "budget: {maxInstances: 100, maxPercent: 100}\n"
	for name, c := range map[string]struct {
		policy    string
		instances int
		request   string
		most      time.Duration // from the request to the last upgrade call
	}{
		"one instance waits for nothing": {"rate: {callsPerSecond: 10}\n", 1, `{"DBInstanceId":"rm-01"}`, 0},
		"nor a fleet of one":             {"rate: {callsPerSecond: 10}\n", 1, sweep, 0},
		"a fleet takes what the rate asks for": { // 2 + 40 reads, a version, 2 reads of tasks, and 40 upgrades, the first of them alone
			allAtOnce + "rate: {callsPerSecond: 10}\n", 40, sweep, 10 * time.Second,
		},
		"without a limit sixteen go side by side": {allAtOnce, 40, sweep, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, c.policy, func(t *testing.T, w *world) {
				t.Helper()
				begun := time.Now()
				for n := range c.instances {
					w.rds.Add(behind(fmt.Sprintf("rm-%02d", n+1)))
				}
				if c.instances > 1 {
					w.rds.Faults().Add(faults.Fault{Action: upgradeCall, Kind: faults.Latency, Delay: time.Second})
				}
				w.must(w.request("M1", c.request))
				calls := w.rds.CallsOf(upgradeCall)
				last := begun
				for _, call := range calls {
					if call.At.After(last) {
						last = call.At
					}
				}
				if len(calls) != c.instances || last.Sub(begun) > c.most {
					t.Errorf("the last of %d calls was made after %s, want %d within %s", len(calls), last.Sub(begun), c.instances, c.most)
				}
			})
		})
	}
}
