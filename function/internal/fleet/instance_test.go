package fleet_test

import (
	"testing"

	"rds-kernel-upgrade/function/internal/fleet"
)

func TestAStatusIsRunningOrRestingOrWorkInProgress(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]string{
		"Running": "running", "Stopped": "resting", "Stopping": "resting", "Creating": "resting", "Deleting": "resting", "Released": "resting",
		"EngineVersionUpgrading": "working", "Rebooting": "working", "DBInstanceClassChanging": "working", "Unheard": "working",
		"": "", // nothing was seen of it
	} {
		i := fleet.Instance{Status: status}
		got := ""
		for name, is := range map[string]bool{"running": i.Running(), "resting": i.Resting(), "working": i.Working()} {
			if is {
				got += name
			}
		}
		if got != want {
			t.Errorf("%q is %q, want %q", status, got, want)
		}
	}
}

func TestALockIsAnyLockMode(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]bool{"": false, "Unlock": false, "ManualLock": true, "LockByExpiration": true, "LockByDiskQuota": true} {
		if got := (fleet.Instance{LockMode: mode}).Locked(); got != want {
			t.Errorf("%q: %t, want %t", mode, got, want)
		}
	}
}

func TestTheCallIsDocumentedForTwoEnginesAndNotForLocalDisksOfPostgreSQL(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		engine, storage string
		want            bool
	}{
		"MySQL on cloud disks":               {"MySQL", "cloud_essd", true},
		"MySQL on local disks":               {"MySQL", "local_ssd", true},
		"PostgreSQL on cloud disks":          {"PostgreSQL", "cloud_essd", true},
		"PostgreSQL on a disk not heard of":  {"PostgreSQL", "general_essd", true},
		"PostgreSQL on local disks":          {"PostgreSQL", "local_ssd", false},
		"PostgreSQL on other local disks":    {"PostgreSQL", "ephemeral_ssd", false},
		"another engine":                     {"SQLServer", "cloud_essd", false},
		"another writing of an engine":       {"mysql", "cloud_essd", false},
		"an instance of which nothing known": {"", "", false},
	} {
		if got := (fleet.Instance{Engine: c.engine, StorageType: c.storage}).Supported(); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

func TestOnlyAPostgreSQLPrimaryTakesReplicasAlong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		instance fleet.Instance
		want     bool
	}{
		"PostgreSQL with replicas":    {postgres("pg-1", primaryOf("pr-1")), true},
		"PostgreSQL without replicas": {postgres("pg-1"), false},
		"MySQL with replicas":         {mysql("rm-1", primaryOf("rr-1")), false},
	} {
		if got := c.instance.TakesReplicasAlong(); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

func TestAnUpgradeIsProvenByVersionAndStatusTogether(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status, runs, target string
		want                 bool
	}{
		"Running, at the target":         {"Running", newer, newer, true},
		"Running, above the target":      {"Running", "rds_20260531", newer, true},
		"Running, below the target":      {"Running", older, newer, false},
		"at the target, still working":   {"EngineVersionUpgrading", newer, newer, false},
		"at the target, and stopped":     {"Stopped", newer, newer, false},
		"at the target by its long name": {"Running", "rds_postgres_1500_20251130_15.15", "rds_postgres_1500_20251130", true},
		"a version that is not compared": {"Running", "xcluster80_20260301", newer, false},
		"nothing was seen":               {"", "", newer, false},
	} {
		if got := (fleet.Instance{Status: c.status, CurrentKernelVersion: c.runs}).Proven(c.target); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

func TestAnInstanceHasTagsOnlyAllTogether(t *testing.T) {
	t.Parallel()
	i := fleet.Instance{Tags: map[string]string{"env": "dev", "owner": "", "team": "a"}}
	for name, c := range map[string]struct {
		tags map[string]string
		want bool
	}{
		"none":                            {nil, true},
		"one":                             {map[string]string{"env": "dev"}, true},
		"two":                             {map[string]string{"env": "dev", "team": "a"}, true},
		"one with another value":          {map[string]string{"env": "prod", "team": "a"}, false},
		"one that is not there":           {map[string]string{"env": "dev", "zone": "b"}, false},
		"an empty value":                  {map[string]string{"owner": ""}, true},
		"an empty value that is no value": {map[string]string{"zone": ""}, false},
	} {
		if got := i.Has(c.tags); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

func TestAnARNNamesRegionAccountAndInstance(t *testing.T) {
	t.Parallel()
	const want = "acs:rds:cn-hangzhou:1234567890:dbinstance/rm-1"
	if got := mysql("rm-1").ARN("1234567890"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
