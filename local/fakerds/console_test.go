package fakerds_test

import (
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
)

// scheduledInConsole is a cloud whose rm-1 somebody upgrades in two hours.
func scheduledInConsole(t *testing.T, change ...func(*fakerds.Options)) *cloud {
	t.Helper()
	c := newCloud(t, change...)
	if err := c.Load(strings.NewReader(`{"instances":[{"DBInstanceId":"rm-1","CurrentKernelVersion":"rds_20231231","LatestKernelVersion":"rds_20260228","upgrade":{"scheduled":"2h"}}]}`)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnUpgradeThatSomebodyElseHasScheduled(t *testing.T) {
	c := scheduledInConsole(t)
	task := func(status string) {
		t.Helper()
		got := c.ok(t, history, today("InstanceId", "rm-1"))
		if got.at("TotalCount") != 1.0 || got.text("Items.0.Status") != status || got.text("Items.0.CallerSource") != "User" ||
			got.text("Items.0.StartTime") != "2026-11-22T12:00:00Z" || !strings.Contains(got.text("Items.0.TaskDetail"), "rds_20260228") {
			t.Errorf("want one task that is %s: %v", status, got.body)
		}
	}
	wantState(t, c, "Running", "rds_20231231")
	task("Scheduled")
	for _, own := range []map[string]string{nil, params("UpgradeTime", "MaintainTime")} {
		all := params("DBInstanceId", "rm-1")
		for name, value := range own {
			all[name] = value
		}
		c.refused(t, upgrade, all, 400, "TaskExists")
	}
	c.clock.Advance(2*time.Hour - 1)
	wantState(t, c, "Running", "rds_20231231")
	c.clock.Advance(1)
	wantState(t, c, "EngineVersionUpgrading", "rds_20231231")
	task("Running")
	c.refused(t, upgrade, params("DBInstanceId", "rm-1"), 400, "IncorrectDBInstanceState")
	c.clock.Advance(3 * time.Second)
	wantState(t, c, "Running", "rds_20260228")
	task("Succeed")
	c.refused(t, upgrade, params("DBInstanceId", "rm-1"), 400, "InvalidMinorVersionAlreadyLatest")
}

func TestNobodyHasScheduledWhatThereIsNotToUpgradeTo(t *testing.T) {
	for name, change := range map[string]func(*fakerds.Instance){
		"the instance has the latest": func(i *fakerds.Instance) { i.CurrentKernelVersion = i.LatestKernelVersion },
		"it has no version":           func(i *fakerds.Instance) { i.CurrentKernelVersion, i.LatestKernelVersion = "", "" },
		"it is on local disks": func(i *fakerds.Instance) {
			*i = postgres("pgm-1")
			i.DBInstanceStorageType, i.Upgrade.Scheduled = "local_ssd", time.Hour
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			instance := mysql("rm-1")
			instance.Upgrade.Scheduled = time.Hour
			change(&instance)
			c.Add(instance)
			if got := c.ok(t, history, today()).list("Items"); len(got) != 0 {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestAPrimaryThatSomebodyUpgradesTakesItsReplicasAlong(t *testing.T) {
	c := newCloud(t)
	c.Add(family(1, of("pgm-1", func(i *fakerds.Instance) { i.Upgrade.Scheduled = time.Hour }))...)
	c.clock.Advance(time.Hour)
	if i, _ := c.Instance("pgr-1"); i.RestartedBy != "pgm-1" || i.DBInstanceStatus != "EngineVersionUpgrading" {
		t.Errorf("got %s", line(i))
	}
}

func TestAScheduledUpgradeIsCancelledFromOutside(t *testing.T) {
	t.Run("before it begins", func(t *testing.T) {
		c := scheduledInConsole(t)
		c.clock.Advance(time.Hour)
		if !c.CancelUpgrade("rm-1") || c.CancelUpgrade("rm-1") {
			t.Error("want one to cancel")
		}
		c.clock.Advance(24 * time.Hour)
		wantState(t, c, "Running", "rds_20231231")
		got := c.ok(t, history, today("Status", "Canceled"))
		if got.at("TotalCount") != 1.0 || got.text("Items.0.EndTime") != "2026-11-22T13:00:00Z" || got.text("Items.0.ReasonCode") != "" {
			t.Errorf("task %v", got.body)
		}
		c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
	})
	t.Run("not when it has begun", func(t *testing.T) {
		c := scheduledInConsole(t)
		c.clock.Advance(2 * time.Hour)
		if c.CancelUpgrade("rm-1") {
			t.Error("cancelled")
		}
		c.clock.Advance(time.Minute)
		wantState(t, c, "Running", "rds_20260228")
	})
	t.Run("not when there is none, and not of an instance that there is not", func(t *testing.T) {
		c := newCloud(t)
		c.Add(mysql("rm-1"))
		if c.CancelUpgrade("rm-1") || c.CancelUpgrade("rm-none") {
			t.Error("cancelled")
		}
	})
}
