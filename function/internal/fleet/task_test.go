package fleet_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fleet"
)

func TestTasksAreAskedForOnlyWhereTheyMatter(t *testing.T) {
	t.Parallel()
	since := map[string]time.Time{"rm-1": now.Add(-time.Hour), "rm-2": now, "rm-3": now, "rm-4": now, "rm-5": now.Add(-time.Hour)}
	a := serving(mysql("rm-1"), mysql("rm-2"), mysql("rm-3"), mysql("rm-4", untagged), mysql("rm-5", inRegion("cn-beijing")), mysql("rm-6"))
	a.tasks = []fleet.Task{{ID: "t-1", Status: fleet.TaskRunning}}
	s := everything("cn-hangzhou", "cn-beijing")
	s.Tasks = func(i fleet.Instance) (time.Time, bool) {
		at, matter := since[i.ID]
		return at, matter
	}
	got, err := a.look(t, s)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"rm-1 11:00:00", "rm-2,rm-3 12:00:00", "rm-5 11:00:00"} // rm-4 was only listed, rm-6 does not matter
	if diff := cmp.Diff(want, a.of("Tasks")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, i := range got {
		asked := slices.ContainsFunc(want, func(call string) bool { return strings.Contains(call, i.ID) })
		if (len(i.Tasks) == 1) != asked || i.TasksAsked != asked {
			t.Errorf("%s: %v, asked %t", i.ID, i.Tasks, i.TasksAsked)
		}
	}
}

func TestTasksAreAskedForThirtyAtATime(t *testing.T) {
	t.Parallel()
	a, s := serving(mysqls(70)...), everything()
	s.Tasks = func(fleet.Instance) (time.Time, bool) { return now, true }
	got, err := a.look(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"10 12:00:00", "30 12:00:00", "30 12:00:00"}, a.of("Tasks")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, i := range got {
		if !i.TasksAsked || i.Tasks != nil {
			t.Errorf("%s: %v, asked %t; want an answer without tasks", i.ID, i.Tasks, i.TasksAsked)
		}
	}
}

// Without an answer nothing is known about the tasks; that is no fault of the instance.
func TestTasksThatCannotBeReadAreNotAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults []error
		asked  bool
		calls  int
	}{
		"a refusal":                  {[]error{denied}, false, 1},
		"throttled once: made again": {[]error{throttled}, true, 2},
		"throttled for good":         {slices.Repeat([]error{throttled}, 20), false, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, s := serving(mysql("rm-1")).fail("Tasks", c.faults...), everything()
				s.Tasks = func(fleet.Instance) (time.Time, bool) { return now, true }
				got, err := fleet.Observer{Reader: a, Now: now, Workers: 1}.Observe(t.Context(), s)
				if err != nil || got[0].TasksAsked != c.asked || got[0].Fault != nil || len(a.of("Tasks")) != c.calls {
					t.Errorf("asked %t, fault %v, %v after %v", got[0].TasksAsked, got[0].Fault, err, a.of("Tasks"))
				}
			})
		})
	}
}

func TestATaskIsOpenUntilItHasEnded(t *testing.T) {
	t.Parallel()
	for status, want := range map[fleet.TaskStatus]struct {
		open    bool
		pending string
	}{
		fleet.TaskScheduled:  {true, "RDS's task t-1 is Scheduled"},
		fleet.TaskWaiting:    {true, "RDS's task t-1 is Waiting"},
		fleet.TaskRunning:    {true, ""},
		fleet.TaskCancelling: {true, ""},
		"":                   {true, ""},
		"Unheard":            {true, ""},
		fleet.TaskSucceeded:  {false, ""},
		fleet.TaskFailed:     {false, ""},
		fleet.TaskCanceled:   {false, ""},
	} {
		task := fleet.Task{ID: "t-1", Status: status}
		i := fleet.Instance{Tasks: []fleet.Task{{ID: "t-0", Status: fleet.TaskSucceeded}, task}}
		if got, found := i.OpenTask(); task.Open() != want.open || found != want.open || found && got != task {
			t.Errorf("%q: open %t, found %+v, %t; want %t", status, task.Open(), got, found, want.open)
		}
		if got := task.Pending(); got != want.pending {
			t.Errorf("%q: %q, want %q", status, got, want.pending)
		}
	}
}

func TestATaskIsDescribedByWhatRDSHasShown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 2, 2, 0, 0, 0, time.FixedZone("Asia/Shanghai", 8*3600))
	for want, task := range map[string]fleet.Task{
		"task 226917711 is Scheduled, with StartTime 2026-12-01T18:00:00Z":       {ID: "226917711", Status: fleet.TaskScheduled, Start: at},
		"task t-1 is Failed, with StartTime 2026-12-01T18:00:00Z: NoSpaceOnDisk": {ID: "t-1", Status: fleet.TaskFailed, Start: at, Reason: "NoSpaceOnDisk"},
		"task t-1 is Running": {ID: "t-1", Status: fleet.TaskRunning},
	} {
		if got := task.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestATaskIsFoundByItsID(t *testing.T) {
	t.Parallel()
	i := fleet.Instance{Tasks: []fleet.Task{{Status: fleet.TaskRunning}, {ID: "t-1", Reason: "the one"}}}
	for id, want := range map[string]bool{"t-1": true, "t-2": false, "": false} {
		if got, found := i.Task(id); found != want || found && got.Reason != "the one" {
			t.Errorf("%q: got %+v, %t", id, got, found)
		}
	}
}
