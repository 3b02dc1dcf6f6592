package main_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	local "rds-kernel-upgrade/local"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/show"
	"rds-kernel-upgrade/local/stack"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func upgradeCall(id string, after time.Duration) fakerds.Call {
	return fakerds.Call{Params: map[string]string{"DBInstanceId": id}, At: noon.Add(after), Status: 200, Accepted: true}
}

// note is a notification about one instance, or about none.
func note(tag, id string, wave int, after time.Duration) show.Notification {
	n := show.Notification{ID: tag + id, Type: "rds.kernelupgrade." + tag}
	n.Data.DBInstanceID, n.Data.Wave, n.Data.Observed = id, wave, noon.Add(after).Format(time.RFC3339)
	return n
}

func accountOf(tag string, statuses map[string]string) show.Notification {
	n := note(tag, "", 0, 0)
	n.Data.Counts = map[string]int{}
	for _, id := range slices.Sorted(maps.Keys(statuses)) {
		n.Data.Counts[statuses[id]]++
		n.Data.Instances = append(n.Data.Instances, show.Entry{DBInstanceID: id, Status: statuses[id]})
	}
	return n
}

// happened is a rollout that was halted, and then a refusal: a replica, its primary in the next wave, and beside it one that has failed.
func happened() local.Happened {
	rejected := note("rejected", "", 0, 0)
	rejected.Data.Problems = []string{"one", "two"}
	return local.Happened{
		At:    noon.Add(10 * time.Second),
		Fleet: []fakerds.Instance{{DBInstanceID: "rr-1", MasterInstanceID: "rm-1"}, {DBInstanceID: "rm-1"}, {DBInstanceID: "rm-2"}, {DBInstanceID: "rm-3"}},
		Calls: []fakerds.Call{upgradeCall("rr-1", 0), upgradeCall("rm-1", 5*time.Second), upgradeCall("rm-2", 5*time.Second)},
		Notes: []show.Notification{
			note("accepted", "rr-1", 1, 0), note("completed", "rr-1", 1, 3*time.Second),
			note("accepted", "rm-1", 2, 5*time.Second), note("accepted", "rm-2", 2, 5*time.Second), note("failed", "rm-2", 2, 8*time.Second),
			accountOf("halted", map[string]string{"rr-1": "completed", "rm-1": "accepted", "rm-2": "failed", "rm-3": "skipped"}),
			note("completed", "rm-1", 2, 9*time.Second),
			accountOf("report", map[string]string{"rr-1": "completed", "rm-1": "completed", "rm-2": "failed", "rm-3": "skipped"}),
			rejected,
		},
	}
}

const (
	halt   = 5
	report = 7
)

func TestTheDemonstrationSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	if err := local.Check(happened()); err != nil {
		t.Fatalf("nothing was wrong: %v", err)
	}
	for name, c := range map[string]struct {
		spoil func(h *local.Happened)
		want  string
	}{
		"a notification is missing": {func(h *local.Happened) { h.Notes = h.Notes[:8] }, "notifications are [accepted 3, completed 2, failed 1, halted 1, report 1]"},
		"an instance was called twice": {
			func(h *local.Happened) { h.Calls = append(h.Calls, upgradeCall("rm-2", 6*time.Second)) }, "calls are [rm-1 1, rm-2 2, rr-1 1]",
		},
		"an instance was called that was not accepted": {
			func(h *local.Happened) { h.Calls = append(h.Calls, upgradeCall("rm-3", 6*time.Second)) }, "calls are [rm-1 1, rm-2 1, rm-3 1, rr-1 1]",
		},
		"a call was refused": {
			func(h *local.Happened) { h.Calls[0].Accepted, h.Calls[0].Code = false, "IncorrectDBInstanceState" }, "call for rr-1 was not accepted: 200 IncorrectDBInstanceState",
		},
		"a wave began before the one before had baked": {
			func(h *local.Happened) { h.Calls[2].At = noon.Add(4 * time.Second) }, "rm-2 was called in wave 2 before rr-1 of wave 1",
		},
		"a wave began although the one before was not proven": {
			func(h *local.Happened) { h.Notes[1].Data.DBInstanceID = "rm-3" }, "rm-2 was called in wave 2 before rr-1 of wave 1",
		},
		"a primary went before its replica": {
			func(h *local.Happened) { h.Calls[1].At = noon.Add(time.Second) }, "rm-1 was called before its replica rr-1 was proven",
		},
		"a primary went although its replica is not proven": {
			func(h *local.Happened) { h.Notes[1].Data.Observed = "" }, "rm-1 was called before its replica rr-1 was proven",
		},
		"a call was made after the halt": {func(h *local.Happened) { h.Calls[2].At = noon.Add(time.Hour) }, "rm-2 was called after the halt"},
		"nothing was halted":             {func(h *local.Happened) { h.Notes = slices.Delete(h.Notes, halt, halt+1) }, "nothing was halted"},
		"nothing was told of one in flight": {
			func(h *local.Happened) { h.Notes[6].Data.DBInstanceID = "rm-3" }, "nothing was told of how rm-1 has ended",
		},
		"an instance is not in the report": {
			func(h *local.Happened) { h.Notes[report].Data.Instances = h.Notes[report].Data.Instances[1:] }, "account of report stand [rm-2 1, rm-3 1, rr-1 1]",
		},
		"an instance is in the report twice": {
			func(h *local.Happened) {
				list := &h.Notes[report].Data.Instances
				*list = append(*list, (*list)[0])
			}, "account of report stand [rm-1 2, rm-2 1, rm-3 1, rr-1 1]",
		},
		"the report's counts are others": {
			func(h *local.Happened) { h.Notes[report].Data.Counts["skipped"] = 7 }, "counts of report are [completed 2, failed 1, skipped 7]",
		},
		"the report's statuses are others": {
			func(h *local.Happened) { h.Notes[report].Data.Instances[0].Status = "skipped" }, "account of report has [completed 1, failed 1, skipped 2]",
		},
		"the halt does not count all": {func(h *local.Happened) { h.Notes[halt].Data.Counts["skipped"] = 0 }, "halt counts [3]: want [4]"},
		"a refusal names one problem": {func(h *local.Happened) { h.Notes[8].Data.Problems = []string{"one"} }, "want at least 2 problems"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := happened()
			c.spoil(&h)
			if err := local.Check(h); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestARepeatedNotificationAndThePartsOfOneCountOnce(t *testing.T) {
	t.Parallel()
	h := happened()
	whole := h.Notes[report]
	first, second := whole, whole
	first.Data.Part, first.Data.Parts, first.Data.Instances = 1, 2, whole.Data.Instances[:2]
	second.ID, second.Data.Part, second.Data.Parts, second.Data.Instances = "another", 2, 2, whole.Data.Instances[2:]
	h.Notes = slices.Concat(h.Notes[:report], []show.Notification{first, second, h.Notes[0], h.Notes[8]})
	if err := local.Check(h); err != nil {
		t.Error(err)
	}
}

// TestTheEndIsLookedAt shows that each leftover is seen beside what is wrong with a board of three instances anyway: its numbers.
func TestTheEndIsLookedAt(t *testing.T) {
	t.Parallel()
	rows := []show.Row{{ID: "rm-1", State: show.Upgraded, Version: "rds_20260228"}, {ID: "rm-2", State: show.LeftAlone, Reason: "not_opted_in"}, {ID: "rm-3"}}
	const numbers = "on the board stand [ 1, not opted in 1, upgraded 1]: want [engine unsupported 3"
	for name, c := range map[string]struct {
		instance  fakerds.Instance
		unsettled bool
		want      string
	}{
		"nothing":               {fakerds.Instance{DBInstanceID: "rm-1", CurrentKernelVersion: "rds_20260228"}, false, ""},
		"a rollout":             {fakerds.Instance{DBInstanceID: "rm-1", CurrentKernelVersion: "rds_20260228"}, true, "nothing is left to do in the document [false]: want [true]\n"},
		"another version":       {fakerds.Instance{DBInstanceID: "rm-1", CurrentKernelVersion: "rds_20250531"}, false, "the version of rm-1 is [rds_20250531]: want [rds_20260228]\n"},
		"nothing of the others": {fakerds.Instance{DBInstanceID: "rm-2", CurrentKernelVersion: "rds_20250531"}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := local.Leftovers(rows, []fakerds.Instance{c.instance}, !c.unsettled)
			if err == nil || !strings.HasPrefix(err.Error(), c.want+numbers) {
				t.Errorf("got  %v\nwant %s%s", err, c.want, numbers)
			}
		})
	}
}

func TestAFailureTellsWhatTheFunctionHasComplainedOf(t *testing.T) {
	t.Parallel()
	err := local.Complaints("FC Initialize Start\n{\"level\":\"INFO\",\"msg\":\"event\"}\n{\"level\":\"WARN\",\"msg\":\"outcome\"}\n{\"level\":\"ERROR\",\"msg\":\"notification\"}\n")
	const want = `the function's log: {"level":"WARN","msg":"outcome"}` + "\n" + `the function's log: {"level":"ERROR","msg":"notification"}`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if err := local.Complaints("{\"level\":\"INFO\"}\n"); err != nil {
		t.Errorf("got %v", err)
	}
}

// TestTheDemonstrationSeesTwoRollouts shows that each promise of the scene with two processes is looked at.
func TestTheDemonstrationSeesTwoRollouts(t *testing.T) {
	t.Parallel()
	happened := func() local.Happened {
		answer, report := note("report", "", 0, 0), accountOf("report", map[string]string{"rm-1": "completed"})
		answer.ID, answer.Data.Joined, answer.Data.Rollout, answer.Data.Cause.MessageID = "other", "r1", "r2", "M2"
		report.Data.Rollout = "r1"
		accepted := note("accepted", "rm-1", 1, 0)
		accepted.Data.Rollout = "r1"
		return local.Happened{
			At: noon, Fleet: []fakerds.Instance{{DBInstanceID: "rm-1"}}, Notes: []show.Notification{accepted, answer, report}, Second: 1,
			Archives: []stack.Archive{{Rollout: stack.Rollout{ID: "r1", Members: make([]stack.Member, 1), Told: stack.Told{Report: noon}}}},
		}
	}
	if err := local.CheckTwo(happened()); err != nil {
		t.Fatalf("nothing was wrong: %v", err)
	}
	for name, c := range map[string]struct {
		spoil func(h *local.Happened)
		want  string
	}{
		"the request has joined another rollout": {func(h *local.Happened) { h.Notes[1].Data.Joined = "r3" }, "a request has joined [r3]: want [r1]"},
		"the request was not answered":           {func(h *local.Happened) { h.Notes = slices.Delete(h.Notes, 1, 2) }, "requests that have joined [0]: want [1]"},
		"an instance is in another rollout":      {func(h *local.Happened) { h.Notes[0].Data.Rollout = "r2" }, "the rollout of rm-1 is [r2]: want [r1]"},
		"there is no report":                     {func(h *local.Happened) { h.Notes = h.Notes[:2] }, "there is no report"},
		"there is no archive":                    {func(h *local.Happened) { h.Archives = nil }, "has no archive that says so"},
		"the archive has no report":              {func(h *local.Happened) { h.Archives[0].Rollout.Told.Report = time.Time{} }, "has no archive that says so"},
		"the second process has done nothing":    {func(h *local.Happened) { h.Second = 0 }, "the second process has served nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := happened()
			c.spoil(&h)
			if err := local.CheckTwo(h); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// TestTheDemonstrationSeesWhatTheRealCloudWouldDo shows that each thing that the fleet of the story is made for is looked at.
func TestTheDemonstrationSeesWhatTheRealCloudWouldDo(t *testing.T) {
	t.Parallel()
	happened := func() local.Happened {
		report := accountOf("report", map[string]string{"rm-2": "skipped"})
		report.Data.Instances[0].Reason, report.Data.Instances[0].Detail = "replica_first", "its replica rr-2 is left alone"
		return local.Happened{
			At:    noon,
			Fleet: []fakerds.Instance{{DBInstanceID: "pg-1", DBInstanceStorageType: "general_essd"}, {DBInstanceID: "rm-2"}, {DBInstanceID: "rr-2", MasterInstanceID: "rm-2"}},
			Notes: []show.Notification{note("completed", "pg-1", 1, 0), report},
		}
	}
	if err := local.CheckReal(happened()); err != nil {
		t.Fatalf("nothing was wrong: %v", err)
	}
	for name, c := range map[string]struct {
		spoil func(h *local.Happened)
		want  string
	}{
		"a replica was restarted by its primary":    {func(h *local.Happened) { h.Fleet[2].RestartedBy = "rm-2" }, "rr-2 was restarted by the upgrade of its primary rm-2"},
		"nothing on the disk was upgraded":          {func(h *local.Happened) { h.Fleet[0].DBInstanceStorageType = "cloud_essd" }, "no PostgreSQL on general_essd was upgraded"},
		"the primary is left for another reason":    {func(h *local.Happened) { h.Notes[1].Data.Instances[0].Reason = "held" }, "has nothing about rm-2"},
		"the report does not say for which replica": {func(h *local.Happened) { h.Notes[1].Data.Instances[0].Detail = "" }, "has nothing about rm-2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := happened()
			c.spoil(&h)
			if err := local.CheckReal(h); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
