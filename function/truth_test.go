package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
)

// late is the event of a request that was published at a time.
func (w *world) late(id, body string, published time.Time) string {
	w.tb.Helper()
	var event map[string]any
	if err := json.Unmarshal([]byte(w.event(id, body)), &event); err != nil {
		w.tb.Fatal(err)
	}
	event["PublishTime"] = published.UnixMilli()
	text, err := json.Marshal(event)
	if err != nil {
		w.tb.Fatal(err)
	}
	return string(text)
}

// A request that comes after the upgrade that it asks for finds the instance up to date, although a task of it has begun since the request
// was published.
func TestALateRequestFindsWhatIsUpToDate(t *testing.T) {
	for name, request := range map[string]string{
		"a sweep":        sweepNow,
		"an advisory":    `{"kind":"advisory","advisory":{"id":"A-1","affected":[{"Engine":"MySQL","EngineVersion":"8.0","fixedIn":"rds_20260228"}]}}`,
		"a single one":   `{"DBInstanceId":"rm-01"}`,
		"one with a key": `{"DBInstanceId":"rm-01","TargetMinorVersion":"rds_20260228"}`,
	} {
		t.Run(name, func(t *testing.T) {
			story(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.fleetOf(1)
				published := time.Now()
				w.send(`{"DBInstanceId":"rm-01"}`)
				w.pass(time.Hour)
				w.news()
				if _, err := w.invoke(w.late("late", request, published)); err != nil {
					t.Fatal(err)
				}
				reason := "up_to_date"
				if strings.Contains(request, "advisory") {
					reason = "not_affected"
				}
				report := w.last("report")
				if len(report.Data.Instances) != 1 || report.Data.Instances[0].Reason != reason {
					t.Errorf("got %+v, want %s", report.Data.Instances, reason)
				}
				if calls := w.rds.CallsOf("DescribeHistoryTasks"); slices.ContainsFunc(calls, func(c fakerds.Call) bool { return c.At.After(published.Add(50 * time.Minute)) }) {
					t.Error("tasks were asked for of an instance that is not to be called")
				}
			})
		})
	}
}

// Tasks are asked for only of what is to be called: of a thousand instances of which a hundred are behind, not more than a hundred times.
func TestTasksAreReadOnlyOfWhatIsBehind(t *testing.T) {
	story(t, "budget: {maxInstances: 1000, maxPercent: 100}\n", func(t *testing.T, w *world) {
		t.Helper()
		w.hasty = true
		for n := range 1000 {
			i := fakerds.Instance{DBInstanceID: fmt.Sprintf("rm-%04d", n), CurrentKernelVersion: "rds_20260228", LatestKernelVersion: "rds_20260228", Tags: optedIn}
			if n%10 == 0 {
				i.CurrentKernelVersion = "rds_20250531"
			}
			w.rds.Add(i)
		}
		if _, err := w.invoke(w.late("late", sweepNow, time.Now().Add(-10*time.Minute))); err != nil {
			t.Fatal(err)
		}
		if reads, calls := len(w.rds.CallsOf("DescribeHistoryTasks")), len(w.rds.CallsOf("UpgradeDBInstanceKernelVersion")); reads == 0 || reads > 100 || calls != 100 {
			t.Errorf("%d reads of tasks and %d upgrade calls, want at most 100 reads and 100 calls", reads, calls)
		}
	})
}

// What somebody deletes on the way, in flight or before its turn, halts nothing and stands in the report once.
func TestWhatIsDeletedOnTheWayStandsInTheReportOnce(t *testing.T) {
	const byID = `"select":{"DBInstanceId":["rm-01","rm-02","rm-03","rm-04"]},`
	for name, c := range map[string]struct {
		selection string
		called    bool          // the one that is deleted is in the first wave
		after     time.Duration // the request
		want      string        // of it in the report
	}{
		"in flight":                           {"", true, time.Minute, "skipped gone"},
		"before its turn":                     {"", false, time.Minute, "skipped gone"},
		"after it was proven":                 {"", true, 20 * time.Minute, "completed "},
		"in flight, selected by its id":       {byID, true, time.Minute, "skipped gone"},
		"before its turn, selected by its id": {byID, false, time.Minute, "skipped gone"},
		"after it was proven, and by its id":  {byID, true, 20 * time.Minute, "completed "},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, "budget: {maxInstances: 2, maxPercent: 100}\n", func(t *testing.T, w *world) {
				t.Helper()
				w.fleetOf(4)
				w.send(`{"kind":"sweep",` + c.selection + `"schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"1h"}}`)
				want, deleted := map[string]string{}, ""
				for _, i := range w.rds.Instances() {
					want[i.DBInstanceID] = "completed "
					if called := strings.Contains(strings.Join(w.upgradeCalls(), " "), i.DBInstanceID); called == c.called {
						deleted = i.DBInstanceID
					}
				}
				want[deleted] = c.want
				w.pass(c.after)
				w.rds.Remove(deleted)
				w.pass(6 * time.Hour)
				got := map[string]string{}
				for _, n := range w.news() {
					if n.Tag == "halted" || n.Tag == "failed" || n.Tag == "unverified" {
						t.Errorf("told %s", n)
					}
					for _, i := range n.Data.Instances {
						got[i.DBInstanceID] += i.Status + " " + i.Reason
					}
				}
				w.same("the report", listing(want), listing(got))
			})
		})
	}
}

func listing(all map[string]string) (lines []string) {
	for _, id := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, id+" "+all[id])
	}
	return lines
}
