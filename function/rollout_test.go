package main_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakerds"
)

var optedIn = map[string]string{"kernel-upgrade": "auto"}

// fleetOf adds n instances of MySQL that are behind.
func (w *world) fleetOf(n int) {
	for i := range n {
		w.rds.Add(fakerds.Instance{
			DBInstanceID: fmt.Sprintf("rm-%02d", i+1), CurrentKernelVersion: "rds_20250531", LatestKernelVersion: "rds_20260228", Tags: optedIn,
		})
	}
}

// day is when the stories begin.
var day = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// story plays in a world of its own, from that day on.
func story(t *testing.T, policy string, play func(t *testing.T, w *world), setup ...func(*fakerds.Options)) {
	t.Helper()
	t.Parallel()
	quick(t, policy, play, setup...)
}

// quick is a story that others wait for.
func quick(t *testing.T, policy string, play func(t *testing.T, w *world), setup ...func(*fakerds.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(day))
		play(t, newWorld(t, policy, setup...))
	})
}

// lines are the notifications while time goes by, each with the time at which it was published.
func (w *world) lines(d time.Duration) (lines []string) {
	w.tb.Helper()
	for until := time.Now().Add(d); ; {
		for _, n := range w.news() {
			lines = append(lines, time.Now().UTC().Format("02 15:04 ")+n.String())
		}
		if !time.Now().Before(until) {
			return lines
		}
		w.pass(5 * time.Minute)
	}
}

func TestASweepGoesWaveByWaveToTheEnd(t *testing.T) {
	story(t, "budget: {maxInstances: 3, maxPercent: 50}\n", func(t *testing.T, w *world) {
		t.Helper()
		w.fleetOf(5)
		w.send(`{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"1h"}}`)
		want := []string{
			"22 12:00 accepted rm-02 wave 1", "22 12:00 accepted rm-05 wave 1", "22 12:15 completed rm-02 wave 1", "22 12:15 completed rm-05 wave 1",
			"22 13:15 accepted rm-01 wave 2", "22 13:15 accepted rm-04 wave 2", "22 13:30 completed rm-01 wave 2", "22 13:30 completed rm-04 wave 2",
			"22 14:30 accepted rm-03 wave 3", "22 14:45 completed rm-03 wave 3", "22 14:45 report map[completed:5]",
		}
		if diff := cmp.Diff(want, w.lines(5*time.Hour)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		w.clean()
	})
}

// send sends a request that must not be an error.
func (w *world) send(body string) {
	w.tb.Helper()
	if _, err := w.request(fmt.Sprintf("M%d", w.invoked+1), body); err != nil {
		w.tb.Fatal(err)
	}
}

// clean checks that nothing is left behind: no claim, no message.
func (w *world) clean() {
	w.tb.Helper()
	for _, i := range w.rds.Instances() {
		if claim, left := i.Tags["kernel-upgrade-claim"]; left {
			w.tb.Errorf("%s still has the claim %q", i.DBInstanceID, claim)
		}
	}
	for _, m := range w.mns.Messages(queue) {
		w.tb.Errorf("still on the queue: %s", m.Body)
	}
}

func TestAFailureHaltsAndTheSameRequestGoesOn(t *testing.T) {
	story(t, "budget: {maxInstances: 2, maxPercent: 100}\n", func(t *testing.T, w *world) {
		t.Helper()
		w.fleetOf(5)
		w.rds.Update("rm-01", func(i *fakerds.Instance) { i.Upgrade = fakerds.Upgrade{Silent: true} })
		const request = `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`
		w.send(request)
		for _, l := range w.lines(3 * time.Hour) {
			t.Log(l)
		}
		w.clean()
		w.rds.Update("rm-01", func(i *fakerds.Instance) { i.Upgrade = fakerds.Upgrade{} })
		w.send(request)
		for _, l := range w.lines(3 * time.Hour) {
			t.Log(l)
		}
		w.clean()
	})
}
