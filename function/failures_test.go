package main_test

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
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
// but those that are then in the air.
func TestAFleetWhoseCallsAreAllRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		instances, allowed int
		perSecond          float64
		takes              time.Duration
	}{
		{10, 0, 2, 5 * time.Second}, // once ten calls, half a second apart
		{10, 0, 2, 10 * time.Millisecond},
		{40, 0, 2, 5 * time.Second}, // once sixteen
		{40, 0, 100_000, 5 * time.Second},
		{120, 0, 10, time.Second},
		{40, 1, 2, 5 * time.Second},
		{40, 3, 10, 300 * time.Millisecond},
		{40, 5, 50, 10 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%d instances, %d may fail, %v calls a second of %s", c.instances, c.allowed, c.perSecond, c.takes), func(t *testing.T) {
			story(t, fmt.Sprintf("budget: {maxInstances: 500, maxPercent: 100}\nrate: {callsPerSecond: %v}\n", c.perSecond), func(t *testing.T, w *world) {
				t.Helper()
				w.refusing(c.instances)
				w.rds.Faults().Add(faults.Fault{Action: upgradeCall, Kind: faults.Latency, Delay: c.takes})
				w.send(fmt.Sprintf(`{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"waves":[{"percent":100}],"maxFailures":%d}}`, c.allowed))
				w.lines(time.Hour)
				calls := len(w.upgradeCalls())
				least, most := c.allowed+1, c.allowed+1+int(math.Ceil(c.perSecond*c.takes.Seconds()))
				if c.allowed == 0 {
					most = 1
				}
				if calls < least || calls > most {
					t.Errorf("%d calls were made, want %d to %d", calls, least, most)
				}
				w.read = 0
				told := map[string]int{}
				for _, n := range w.news() {
					told[n.Tag]++
				}
				if told["failed"] != calls || told["halted"] != 1 || told["report"] != 1 || len(told) != 3 {
					t.Errorf("told: %v, want each of %d failures, then one halt and one report", told, calls)
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
				w.clean()
			})
		})
	}
}

// One refusal in the middle of a wave ends it; the next request goes on with the others.
func TestARefusalInTheMiddleOfAWaveIsTheLastCall(t *testing.T) {
	story(t, allAtOnce+"rate: {callsPerSecond: 2}\n", func(t *testing.T, w *world) {
		t.Helper()
		w.refusing(1)
		w.fleetOf(20)
		w.rds.Faults().Add(faults.Fault{Action: upgradeCall, Kind: faults.Latency, Delay: 1500 * time.Millisecond})
		w.send(sweepNow)
		w.lines(time.Hour)
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
		if after > 3 || counts["failed"] != 1 || counts["completed"] != len(w.upgradeCalls())-1 || counts["skipped"] != 21-len(w.upgradeCalls()) {
			t.Errorf("%d calls began after the one that was refused, want at most 3; the report is %v of %d calls", after, counts, len(w.upgradeCalls()))
		}
		w.clean()
	})
}

// With the default policy the upgrade of one instance waits for nothing, and a fleet's calls go side by side.
func TestWhatTheRateLimitCosts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy    string
		instances int
		request   string
		most      time.Duration // from the request to the last upgrade call
	}{
		"one instance waits for nothing": {"rate: {callsPerSecond: 10}\n", 1, `{"DBInstanceId":"rm-01"}`, 0},
		"nor a fleet of one":             {"rate: {callsPerSecond: 10}\n", 1, sweepNow, 0},
		"a fleet takes what the rate asks for": { // 2 + 40 reads, a version, 4 writes of tags and 40 upgrades, of which a second's calls go at once
			allAtOnce + "rate: {callsPerSecond: 10}\n", 40, sweepNow, 10 * time.Second,
		},
		"without a limit sixteen go side by side": {allAtOnce, 40, sweepNow, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(day))
				w := newWorld(t, c.policy)
				w.fleetOf(c.instances)
				if c.instances > 1 {
					w.rds.Faults().Add(faults.Fault{Action: upgradeCall, Kind: faults.Latency, Delay: time.Second})
				}
				w.send(c.request)
				calls := w.rds.CallsOf(upgradeCall)
				last := day
				for _, call := range calls {
					if call.At.After(last) {
						last = call.At
					}
				}
				if len(calls) != c.instances || last.Sub(day) > c.most {
					t.Errorf("the last of %d calls was made after %s, want %d within %s", len(calls), last.Sub(day), c.instances, c.most)
				}
			})
		})
	}
}
