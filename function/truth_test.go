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

// An upgrade that somebody has scheduled in the console is waited for: nothing fails and nothing halts, although no failure is allowed.
func TestAnInstanceThatSomebodyHasScheduledIsLookedAtAgain(t *testing.T) {
	for name, c := range map[string]struct {
		scheduled time.Duration
		want      string
		says      string
	}{
		"it begins before the rollout gives up": {2 * time.Hour, "skipped up_to_date", "CurrentKernelVersion is rds_20260228"},
		"it begins much later":                  {20 * time.Hour, "skipped in_progress", "is Scheduled, with StartTime"},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, oneByOne, func(t *testing.T, w *world) {
				t.Helper()
				w.fleetOf(2)
				w.rds.Add(behind("rm-03", with(fakerds.Upgrade{Scheduled: c.scheduled})))
				w.send(`{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s","maxFailures":0}}`)
				w.pass(12 * time.Hour)
				for _, n := range w.news() {
					if n.Tag == "failed" || n.Tag == "halted" || n.Tag == "unverified" {
						t.Errorf("told %s", n)
					}
				}
				report := w.last("report")
				for _, i := range report.Data.Instances {
					if i.DBInstanceID == "rm-03" && (i.Status+" "+i.Reason != c.want || !strings.Contains(i.Detail, c.says)) {
						t.Errorf("got %s %s: %s; want %s: %s", i.Status, i.Reason, i.Detail, c.want, c.says)
					}
				}
				w.clean()
			})
		})
	}
}

// The task's end is read by its id, whatever the ids of the history look like: where they are of another form, status and version tell.
func TestAFailedTaskEndsItsInstanceAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		setup func(*fakerds.Options)
		told  string
	}{
		"its id is the answer's":    {func(*fakerds.Options) {}, "22 12:15 failed rm-1 wave 1 (RDS's task 226917711 is Failed, with StartTime 2026-11-22T12:00:00Z: NoSpace)"},
		"its id is of another form": {func(o *fakerds.Options) { o.OtherTaskIDs = true }, "22 12:35 failed rm-1 wave 1 (it came back with rds_20250531, not with rds_20260228)"},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, oneByOne, func(_ *testing.T, w *world) {
				w.rds.Add(behind("rm-1", with(fakerds.Upgrade{Fails: true, Reason: "NoSpace"})))
				w.send(sweepNow)
				if got := w.lines(6 * time.Hour); len(got) < 2 || got[1] != c.told {
					w.tb.Errorf("told %q, want %q", got, c.told)
				}
				if n := w.last("failed"); n.Data.Error.Kind != "Unproven" {
					w.tb.Errorf("the kind is %q", n.Data.Error.Kind)
				}
			}, c.setup)
		})
	}
}

// A call in an open maintenance window may begin in the next one: it is proven there, and not given up before.
func TestAnUpgradeMayBeginInTheNextMaintenanceWindow(t *testing.T) {
	for name, next := range map[string]bool{"in this one": false, "in the next one": true} {
		t.Run(name, func(t *testing.T) {
			story(t, "", func(_ *testing.T, w *world) {
				w.rds.Add(behind("rm-1", func(i *fakerds.Instance) {
					i.MaintainTime, i.Upgrade = "10:00Z-14:00Z", fakerds.Upgrade{NextWindow: next}
				}))
				w.send(`{"DBInstanceId":"rm-1","UpgradeTime":"MaintainTime"}`)
				w.pass(48 * time.Hour)
				tags := []string{}
				for _, n := range w.news() {
					tags = append(tags, n.Tag)
				}
				w.same("told", []string{"accepted", "completed", "report"}, tags)
			})
		})
	}
}

// Versions that RDS counts and does not list are told of.
func TestVersionsThatAreNotListedAreToldOf(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		t.Helper()
		for _, v := range []string{"rds_20250531", "rds_20250930", "rds_20251130", "rds_20260228"} {
			w.rds.AddVersion(fakerds.MiniVersion{MinorVersion: v})
		}
		w.fleetOf(1)
		w.send(`{"kind":"sweep","mode":"plan","schedule":{"UpgradeTime":"Immediate"}}`)
		if i := w.last("plan").Data.Instances[0]; !strings.Contains(i.Detail, "RDS lists 2 of 4 versions") {
			t.Errorf("got %s %s: %q", i.Status, i.Reason, i.Detail)
		}
	}, func(o *fakerds.Options) { o.MaxVersions = 2 })
}

// RDS restarts the replicas of a PostgreSQL primary with it: only when the request says that it is meant.
func TestASinglePrimaryRestartsItsReplicasOnlyWhenThatIsMeant(t *testing.T) {
	for request, want := range map[string][2]string{
		`{"DBInstanceId":"pg-1"}`:                     {"skipped replica_first", ""},
		`{"DBInstanceId":"pg-1","withReplicas":true}`: {"completed ", "pg-1"},
	} {
		t.Run(request, func(t *testing.T) {
			story(t, "", func(t *testing.T, w *world) {
				t.Helper()
				for _, i := range []struct{ id, primary string }{{"pg-1", ""}, {"pr-1", "pg-1"}} {
					w.rds.Add(fakerds.Instance{
						DBInstanceID: i.id, MasterInstanceID: i.primary, Engine: "PostgreSQL", EngineVersion: "15.0", DBInstanceStorageType: "general_essd",
						CurrentKernelVersion: "rds_postgres_1500_20250530", LatestKernelVersion: "rds_postgres_1500_20260130",
					})
				}
				w.send(request)
				w.pass(2 * time.Hour)
				i := w.last("report").Data.Instances[0]
				if replica, _ := w.rds.Instance("pr-1"); i.Status+" "+i.Reason != want[0] || replica.RestartedBy != want[1] {
					t.Errorf("got %s %s: %s; the replica was restarted by %q", i.Status, i.Reason, i.Detail, replica.RestartedBy)
				}
			})
		})
	}
}
