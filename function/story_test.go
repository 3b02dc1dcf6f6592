package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakerds"
)

// behind is an instance of MySQL that is behind and opted in.
func behind(id string, change ...func(*fakerds.Instance)) fakerds.Instance {
	i := fakerds.Instance{
		DBInstanceID: id, CurrentKernelVersion: "rds_20250531", LatestKernelVersion: "rds_20260228", Tags: map[string]string{"kernel-upgrade": "auto"},
	}
	for _, c := range change {
		c(&i)
	}
	return i
}

func replicaOf(primary string) func(*fakerds.Instance) {
	return func(i *fakerds.Instance) { i.MasterInstanceID = primary }
}

func with(u fakerds.Upgrade) func(*fakerds.Instance) {
	return func(i *fakerds.Instance) { i.Upgrade = u }
}

// postgres makes an instance one of PostgreSQL, whose primary takes its replicas along.
func postgres(i *fakerds.Instance) {
	i.Engine, i.EngineVersion, i.CurrentKernelVersion, i.LatestKernelVersion = "PostgreSQL", "15.0", "rds_postgres_1500_20250530", "rds_postgres_1500_20260130"
	if i.MasterInstanceID == "" {
		i.ReadOnlyDBInstanceIDs = []string{"pr-1"}
	}
}

// story plays something that people can read, with every notification checked against the schema.
func story(t *testing.T, policy string, what func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	play(t, policy, func(t *testing.T, w *world) {
		t.Helper()
		w.hasty = false
		what(t, w)
		w.news()
		w.promises(t)
	})
}

// send sends a request, which has to be taken.
func (w *world) send(id, body string) {
	w.tb.Helper()
	if _, err := w.request(id, body); err != nil {
		w.tb.Fatal(err)
	}
}

// lines lets time go by, and returns what was published meanwhile, with the times.
func (w *world) lines(d time.Duration) (lines []string) {
	w.tb.Helper()
	take := func() {
		for _, n := range w.news() {
			lines = append(lines, time.Now().UTC().Format("15:04 ")+n.String())
		}
	}
	take()
	for until := time.Now().Add(d); time.Now().Before(until); take() {
		w.pass(5 * time.Minute)
	}
	return lines
}

// same compares what was published with what is wanted, line by line; a wanted line ends where it is cut.
func (w *world) same(want, got []string) {
	w.tb.Helper()
	cut := slices.Clone(got)
	for n := range min(len(want), len(cut)) {
		if strings.HasPrefix(cut[n], want[n]) {
			cut[n] = want[n]
		}
	}
	if diff := cmp.Diff(want, cut); diff != "" {
		w.tb.Errorf("published (-want +got):\n%s", diff)
	}
}

const adviseBaked = `{"kind":"advisory","advisory":` + advisoryA1 + `,"schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"1h"}}`

// otherAdvisory is one of the same severity about the same instances.
func otherAdvisory(id string) string { return strings.Replace(adviseBaked, "A-1", id, 1) }

// TestTheBakeIsKept has what began the next wave at once in the version before: the same advisory sent again during a bake of an hour, its message
// delivered again to a new process, a timer's sweep, and another advisory.
func TestTheBakeIsKept(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, c := range map[string]struct {
		happens func(w *world)
		told    []string // at once
		later   []string // after the rollout
	}{
		"when nothing else happens": {happens: func(*world) {}},
		"when the same advisory is sent again": {
			happens: func(w *world) { w.send("M2", adviseBaked) },
			told:    []string{"12:35 report map[] (the same was asked for before and is under way: 1 proven, wave 2 of 2 is next, with 1 waiting, not before 2026-11-22T13:15:00Z, when the bake ends"},
		},
		"when the message is delivered again, to a new process": {happens: func(w *world) {
			w.restart()
			w.send("M1", adviseBaked)
		}},
		"when the same advisory is sent again to a new process": {
			happens: func(w *world) {
				w.restart()
				w.send("M2", adviseBaked)
			},
			told: []string{"12:35 report map[] (the same was asked for before and is under way: "},
		},
		"when a timer's sweep comes by": {
			happens: func(w *world) {
				if _, err := w.invoke(strings.Replace(timer(), `{\"kind\":\"tick\"}`, `{\"kind\":\"sweep\",\"schedule\":{\"UpgradeTime\":\"Immediate\"}}`, 1)); err != nil {
					w.tb.Error(err)
				}
			},
			told: []string{"12:35 report map[] (a sweep begins only when no rollout is under way, and rollout " + rolloutM1 + " is: "},
		},
		"when another advisory comes by": {
			happens: func(w *world) { w.send("M2", otherAdvisory("A-2")) },
			told:    []string{"12:35 wave 0 waiting (it waits: rollout " + rolloutM1 + " (advisory A-1) goes first, because it is under way)"},
			later:   []string{"13:30 report map[skipped:2]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, oneByOne, func(t *testing.T, w *world) {
				t.Helper()
				w.rds.Add(behind("rm-1"), behind("rm-2"))
				w.send("M1", adviseBaked)
				got := w.lines(35 * time.Minute)
				c.happens(w)
				got = append(got, w.lines(4*time.Hour)...)
				want := append([]string{
					"12:00 wave 1 began", "12:00 accepted rm-1", "12:15 completed rm-1", "12:15 wave 1 proven (wave 1 of 2 is done, with 1 instance: proven 1, out 0 (failed, unverified or left alone); it bakes until 2026-11-22T13:15:00Z",
				}, c.told...)
				w.same(append(append(want,
					"13:15 wave 2 began", "13:15 accepted rm-2", "13:30 completed rm-2", "13:30 wave 2 proven", "13:30 report map[completed:2]"), c.later...), got)
			})
		})
	}
}

// TestFourAdvisoriesUnderABudgetOfOne has four advisories about the same four instances at once: never more than one of them restarts at a time,
// and each one once.
func TestFourAdvisoriesUnderABudgetOfOne(t *testing.T) {
	story(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		ids := []string{"rm-1", "rm-2", "rm-3", "rm-4"}
		for _, id := range ids {
			w.rds.Add(behind(id))
		}
		for n := range ids {
			w.send(fmt.Sprint("M", n+1), strings.Replace(otherAdvisory(fmt.Sprint("A-", n+1)), `"1h"`, `"0s"`, 1))
		}
		w.lines(6 * time.Hour)
		var free time.Time
		for _, call := range w.rds.CallsOf(upgradeCall) {
			if call.At.Before(free) {
				t.Errorf("%s was called at %s, when another one was still upgrading", call.DBInstanceID, call.At)
			}
			free = call.At.Add(7 * time.Minute)
		}
		if accepted := w.accepted(); len(accepted) != 4 || len(w.rds.CallsOf(upgradeCall)) != 4 || !w.over(t) {
			t.Errorf("called: %v; all is over: %v", accepted, w.over(t))
		}
		for rollout, report := range w.reports(t) {
			if len(report.Data.Instances) != 4 {
				t.Errorf("%s: %s", rollout, report)
			}
		}
		if reports := w.reports(t); len(reports) != 4 {
			t.Errorf("%d messages have an account", len(reports))
		}
	})
}
