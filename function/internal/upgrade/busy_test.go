package upgrade_test

import (
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// taskExists is how RDS refuses a call for an instance that has an upgrade scheduled.
var taskExists = &fault.Error{Op: "rds: UpgradeDBInstanceKernelVersion rm-1", Kind: fault.Conflict, Code: "TaskExists", Message: "a task exists"}

// Whichever call says that the instance is busy: it is looked at again, it has not failed, and it does not count against maxFailures.
func TestABusyInstanceHasNeverFailed(t *testing.T) {
	t.Parallel()
	scheduled := []upgrade.Task{{ID: "t-0", Status: upgrade.TaskSucceeded}, {ID: "t-7", Status: upgrade.TaskScheduled, Start: now}}
	cases := map[string]struct {
		action string
		tasks  []upgrade.Task
		says   string
	}{
		"the upgrade call": {"Upgrade", nil, "a task exists"},
		"the upgrade call, and RDS knows of the task": {"Upgrade", scheduled, "a task exists; RDS's task t-7 is Scheduled, with StartTime 2026-11-22T12:00:00Z"},
		"the claim":            {"Tag", nil, "a task exists"},
		"the read":             {"Instance", nil, "a task exists"},
		"the list of tags":     {"Tags", nil, "a task exists"},
		"the list of versions": {"Offers", nil, "a task exists"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serving(t, member("rm-1")).fail(c.action, taskExists)
			a.tasks = c.tasks
			q := withBudget(sweep(), 10, 100)
			fleet, err := a.look(t, q.Scope())
			if err != nil {
				t.Fatal(err)
			}
			r := &upgrade.Rollout{ID: rollout, Request: q.Request}
			plan := q.Decide(fleet)
			steps, behind := upgrade.NextWave(plan)
			r.Arm(steps, behind, verifying, now)
			outcomes := a.run(rollout, now).Apply(t.Context(), plan)
			r.Note(outcomes, verifying, now)
			o := outcomes[0]
			if o.Status != upgrade.Skipped || o.Reason != upgrade.InProgress || !o.Wait || !strings.Contains(o.Detail, c.says) {
				t.Errorf("got %s %s %q, waits %t; want %q", o.Status, o.Reason, o.Detail, o.Wait, c.says)
			}
			if r.Failures() != 0 || r.Overdrawn() != "" || len(r.Flight) != 0 || a.tags["rm-1"] != "" {
				t.Errorf("failures %d, in flight %v, claim %q", r.Failures(), r.Flight, a.tags["rm-1"])
			}
		})
	}
}
