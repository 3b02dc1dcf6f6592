package fakerds_test

import (
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
)

const upgrade = "UpgradeDBInstanceKernelVersion"

func TestUpgradeIsRefused(t *testing.T) {
	set := func(change func(*fakerds.Instance)) func(*cloud) {
		return func(c *cloud) { c.Update("rm-1", change) }
	}
	cases := []struct {
		name    string
		prepare func(*cloud)
		params  map[string]string
		status  int
		code    string
		message string
	}{
		{"to a version of another storage", func(c *cloud) {
			c.AddVersion(fakerds.MiniVersion{MinorVersion: "rds_20250101", StorageType: "local_ssd"})
		}, params("TargetMinorVersion", "rds_20250101"), 400, "InvalidMinorVerison.NotFound", "Specify minor version not founud."},
		{"of an unknown instance", nil, params("DBInstanceId", "rm-none"), 404, "InvalidDBInstanceName.NotFound", "The database instance does not exist."},
		{"of an instance in another region than the request's", nil, params("RegionId", "cn-shanghai"), 404, "InvalidDBInstanceName.NotFound", "The database instance does not exist."},
		{"to a version that does not exist", nil, params("TargetMinorVersion", "rds_20270101"), 400, "InvalidMinorVerison.NotFound", "Specify minor version not founud."},
		{"to a version of another family", func(c *cloud) {
			c.AddVersion(fakerds.MiniVersion{MinorVersion: "xcluster80_20260228"})
		}, params("TargetMinorVersion", "xcluster80_20260228"), 400, "InvalidMinorVerison.NotFound", "Specify minor version not founud."},
		{"to a version that is offline", func(c *cloud) {
			c.AddVersion(fakerds.MiniVersion{MinorVersion: "rds_20250101", StatusDesc: "Offline"})
		}, params("TargetMinorVersion", "rds_20250101"), 400, "InvalidMinorVerison.NotFound", "Specify minor version not founud."},
		{"to a version of another edition", func(c *cloud) {
			c.AddVersion(fakerds.MiniVersion{MinorVersion: "rds_20250101", NodeType: "Basic"})
		}, params("TargetMinorVersion", "rds_20250101"), 400, "InvalidMinorVerison.NotFound", "Specify minor version not founud."},
		{"without a version to start from", set(func(i *fakerds.Instance) { i.CurrentKernelVersion = "" }), nil, 400, "InstanceMissingMinorVersionAttr", "Specify instance has no minor_version attribute."},
		{"downward", func(c *cloud) { c.AddVersion(fakerds.MiniVersion{MinorVersion: "rds_20230101"}) }, params("TargetMinorVersion", "rds_20230101"), 400, "InvalidMinorVersionLowerThanInstance", "Specify minor version cannot not be lower than current instance."},
		{"to the version that it has", nil, params("TargetMinorVersion", "rds_20231231"), 400, "InvalidMinorVersionAlreadyLatest", "Minor version for instance is already the latest version."},
		{"when it has the latest", set(func(i *fakerds.Instance) { i.CurrentKernelVersion = "rds_20260228" }), nil, 400, "InvalidMinorVersionAlreadyLatest", "Minor version for instance is already the latest version."},
		{"of MariaDB", set(func(i *fakerds.Instance) { i.Engine = "MariaDB" }), nil, 400, "EngineNotSupported", "The engine does not support the operation."},
		{"of PostgreSQL on local disks", set(func(i *fakerds.Instance) { i.Engine, i.DBInstanceStorageType = "PostgreSQL", "local_ssd" }), nil, 400, "EngineNotSupported", "The engine does not support the operation."},
		{"of PostgreSQL on ephemeral disks", set(func(i *fakerds.Instance) { i.Engine, i.DBInstanceStorageType = "PostgreSQL", "ephemeral_ssd" }), nil, 400, "EngineNotSupported", "The engine does not support the operation."},
		{"of SQL Server 2017", set(func(i *fakerds.Instance) { i.Engine, i.EngineVersion = "SQLServer", "2017_ent" }), nil, 400, "EngineNotSupported", "The engine does not support the operation."},
		{"of a locked instance", set(func(i *fakerds.Instance) { i.LockMode = "LockByExpiration" }), nil, 403, "IncorrectDBInstanceLockMode", "Current DB instance lock mode does not support this operation."},
		{"of an instance that is not Running", set(func(i *fakerds.Instance) { i.DBInstanceStatus = "Rebooting" }), nil, 400, "IncorrectDBInstanceState", "The current instance state does not support this operation."},
		{"with an UpgradeTime in the wrong case", nil, params("UpgradeTime", "immediate"), 400, "InvalidSwitchMode.NotFound", "This operation is refused as InvalidSwitchMode.NotFound."},
		{"at a time that is not given", nil, params("UpgradeTime", "SpecifyTime"), 400, "RequiredParam.NotFound", "Required input param is not found."},
		{"at a malformed time", nil, params("UpgradeTime", "SpecifyTime", "SwitchTime", "2026-12-01 18:00:00"), 400, "InvalidParam", "Specified parameter SwitchTime is not valid."},
		{"at a time with another zone", nil, params("UpgradeTime", "SpecifyTime", "SwitchTime", "2026-12-01T18:00:00+08:00"), 400, "InvalidParam", "Specified parameter SwitchTime is not valid."},
		{"in the past", nil, params("UpgradeTime", "SpecifyTime", "SwitchTime", "2026-11-22T11:59:59Z"), 400, "InvalidParam", "Specified parameter SwitchTime is not valid."},
		{"as the instance was told to", set(func(i *fakerds.Instance) { i.Upgrade.Refuse = "MissingParameter.MinorVersionTag" }), nil, 400, "MissingParameter.MinorVersionTag", "You must specify the parameter MinorVersionTag."},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.Add(mysql("rm-1"))
			if tc.prepare != nil {
				tc.prepare(c)
			}
			before, _ := c.Instance("rm-1")
			own := params("DBInstanceId", "rm-1")
			for name, value := range tc.params {
				own[name] = value
			}
			got := c.refused(t, upgrade, own, tc.status, tc.code)
			if got.text("Message") != tc.message {
				t.Errorf("message %q", got.text("Message"))
			}
			c.clock.Advance(48 * time.Hour)
			if after, _ := c.Instance("rm-1"); after.CurrentKernelVersion != before.CurrentKernelVersion {
				t.Errorf("upgraded to %s all the same", after.CurrentKernelVersion)
			}
			if call := c.CallsOf(upgrade)[0]; call.Accepted || call.Code != tc.code {
				t.Errorf("log: %+v", call)
			}
		})
	}
}

func TestUpgradeIsAccepted(t *testing.T) {
	cases := []struct {
		name           string
		instance       fakerds.Instance
		target, expect string
	}{
		{"to the latest version when none is named", mysql("rm-1"), "", "rds_20260228"},
		{"to the version that is named", mysql("rm-1"), "rds_20260228", "rds_20260228"},
		{"to a version between", mysql("rm-1"), "rds_20250101", "rds_20250101"},
		{"of PostgreSQL on cloud disks", fakerds.Instance{
			DBInstanceID: "rm-1", Engine: "PostgreSQL", EngineVersion: "14.0",
			CurrentKernelVersion: "rds_postgres_1400_20220830", LatestKernelVersion: "rds_postgres_1400_20251130",
		}, "", "rds_postgres_1400_20251130"},
		{"of PostgreSQL on general_essd", fakerds.Instance{
			DBInstanceID: "rm-1", Engine: "PostgreSQL", EngineVersion: "14.0", DBInstanceStorageType: "general_essd",
			CurrentKernelVersion: "rds_postgres_1400_20220830", LatestKernelVersion: "rds_postgres_1400_20251130",
		}, "", "rds_postgres_1400_20251130"},
		{"of SQL Server 2019, whose versions are numbers", fakerds.Instance{
			DBInstanceID: "rm-1", Engine: "SQLServer", EngineVersion: "2019_ent",
			CurrentKernelVersion: "15.0.4073.23", LatestKernelVersion: "15.0.4316.3",
		}, "", "15.0.4316.3"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.AddVersion(fakerds.MiniVersion{MinorVersion: "rds_20250101"})
			c.Add(tc.instance)
			got := c.ok(t, upgrade, params("DBInstanceId", "rm-1", "TargetMinorVersion", tc.target, "RegionId", "cn-hangzhou"))
			if got.text("DBInstanceName") != "rm-1" || got.text("TargetMinorVersion") != tc.expect || got.at("TaskId") != "226917711" {
				t.Errorf("answer %v", got.body)
			}
			wantState(t, c, "EngineVersionUpgrading", tc.instance.CurrentKernelVersion)
			c.clock.Advance(3*time.Second - 1)
			wantState(t, c, "EngineVersionUpgrading", tc.instance.CurrentKernelVersion)
			c.clock.Advance(1)
			wantState(t, c, "Running", tc.expect)
			if call := c.Calls()[0]; !call.Accepted || call.DBInstanceID != "rm-1" || call.Code != "" {
				t.Errorf("log: %+v", call)
			}
		})
	}
}

// wantState looks at rm-1 through the API and from behind.
func wantState(t *testing.T, c *cloud, status, version string) {
	t.Helper()
	got := c.ok(t, describe, params("DBInstanceId", "rm-1"))
	const item = "Items.DBInstanceAttribute.0."
	if got.text(item+"DBInstanceStatus") != status || got.text(item+"CurrentKernelVersion") != version {
		t.Errorf("%s: got %s %s, want %s %s", c.clock.Now().Format(time.TimeOnly),
			got.text(item+"DBInstanceStatus"), got.text(item+"CurrentKernelVersion"), status, version)
	}
	if i, _ := c.Instance("rm-1"); i.DBInstanceStatus != status || i.CurrentKernelVersion != version {
		t.Errorf("from behind: got %s %s, want %s %s", i.DBInstanceStatus, i.CurrentKernelVersion, status, version)
	}
}

func TestUpgradeStartsWhenItWasAskedTo(t *testing.T) {
	day := func(clock string) time.Time {
		at, err := time.Parse("2006-01-02 15:04:05", clock)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	cases := []struct {
		name, window, now string
		params            map[string]string
		starts            string
	}{
		{"at once by default", "18:00Z-22:00Z", "2026-11-22 12:00:00", nil, "2026-11-22 12:00:00"},
		{"at once", "18:00Z-22:00Z", "2026-11-22 12:00:00", params("UpgradeTime", "Immediate"), "2026-11-22 12:00:00"},
		{"at once, whatever SwitchTime says", "18:00Z-22:00Z", "2026-11-22 12:00:00", params("UpgradeTime", "Immediate", "SwitchTime", "nonsense"), "2026-11-22 12:00:00"},
		{"in the window later today", "18:00Z-22:00Z", "2026-11-22 12:00:00", params("UpgradeTime", "MaintainTime"), "2026-11-22 18:00:00"},
		{"in tomorrow's window when today's is over", "01:00Z-02:00Z", "2026-11-22 02:00:00", params("UpgradeTime", "MaintainTime"), "2026-11-23 01:00:00"},
		{"at once inside the window", "10:00Z-14:00Z", "2026-11-22 12:00:00", params("UpgradeTime", "MaintainTime"), "2026-11-22 12:00:00"},
		{"at once after midnight in a window that began before it", "22:00Z-02:00Z", "2026-11-22 01:59:59", params("UpgradeTime", "MaintainTime"), "2026-11-22 01:59:59"},
		{"at once at the very moment at which the window opens", "12:00Z-13:00Z", "2026-11-22 12:00:00", params("UpgradeTime", "MaintainTime"), "2026-11-22 12:00:00"},
		{"tomorrow at the very moment at which the window closes", "11:00Z-12:00Z", "2026-11-22 12:00:00", params("UpgradeTime", "MaintainTime"), "2026-11-23 11:00:00"},
		{"in the evening when a window over midnight is closed", "22:00Z-02:00Z", "2026-11-22 02:00:00", params("UpgradeTime", "MaintainTime"), "2026-11-22 22:00:00"},
		{"at SwitchTime", "18:00Z-22:00Z", "2026-11-22 12:00:00", params("UpgradeTime", "SpecifyTime", "SwitchTime", "2026-11-25T03:00:00Z"), "2026-11-25 03:00:00"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.clock.Set(day(tc.now))
			instance := mysql("rm-1")
			instance.MaintainTime = tc.window
			c.Add(instance)
			own := params("DBInstanceId", "rm-1")
			for name, value := range tc.params {
				own[name] = value
			}
			c.ok(t, upgrade, own)
			starts := day(tc.starts)
			if c.clock.Now().Before(starts) {
				c.clock.Set(starts.Add(-time.Second))
				wantState(t, c, "Running", "rds_20231231")
			}
			c.clock.Set(starts)
			wantState(t, c, "EngineVersionUpgrading", "rds_20231231")
			c.clock.Advance(3 * time.Second)
			wantState(t, c, "Running", "rds_20260228")
		})
	}
}

func TestSecondUpgrade(t *testing.T) {
	t.Run("is refused while the first is running", func(t *testing.T) {
		c := newCloud(t)
		c.Add(mysql("rm-1"))
		c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
		c.refused(t, upgrade, params("DBInstanceId", "rm-1"), 400, "IncorrectDBInstanceState")
	})
	t.Run("is refused while the first is running, even if the status does not show it", func(t *testing.T) {
		c := newCloud(t, func(o *fakerds.Options) { o.UpgradingStatus = "Running" })
		c.Add(mysql("rm-1"))
		c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
		c.refused(t, upgrade, params("DBInstanceId", "rm-1"), 400, "IncorrectDBInstanceState")
	})
	t.Run("is refused while the first is scheduled", func(t *testing.T) {
		c := newCloud(t)
		c.Add(mysql("rm-1"))
		c.ok(t, upgrade, params("DBInstanceId", "rm-1", "UpgradeTime", "MaintainTime"))
		c.refused(t, upgrade, params("DBInstanceId", "rm-1"), 400, "TaskExists")
	})
	t.Run("is refused as the latest when the first has ended", func(t *testing.T) {
		c := newCloud(t)
		c.Add(mysql("rm-1"))
		c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
		c.clock.Advance(time.Minute)
		c.refused(t, upgrade, params("DBInstanceId", "rm-1"), 400, "InvalidMinorVersionAlreadyLatest")
	})
}

func TestUpgradeGoesAsTheInstanceSays(t *testing.T) {
	t.Run("longer, under another status", func(t *testing.T) {
		c := newCloud(t)
		instance := mysql("rm-1")
		instance.Upgrade = fakerds.Upgrade{Takes: time.Hour, Status: "Rebooting"}
		c.Add(instance)
		c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
		c.clock.Advance(time.Hour - time.Second)
		wantState(t, c, "Rebooting", "rds_20231231")
		c.clock.Advance(time.Second)
		wantState(t, c, "Running", "rds_20260228")
	})
	for name, how := range map[string]fakerds.Upgrade{
		"silently, with the version unchanged": {Silent: true},
		"into a failure":                       {Fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.Add(mysql("rm-1"))
			c.Update("rm-1", func(i *fakerds.Instance) { i.Upgrade = how })
			c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
			wantState(t, c, "EngineVersionUpgrading", "rds_20231231")
			c.clock.Advance(time.Minute)
			wantState(t, c, "Running", "rds_20231231")
			c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
		})
	}
	t.Run("as the options say", func(t *testing.T) {
		c := newCloud(t, func(o *fakerds.Options) {
			o.UpgradeTakes, o.UpgradingStatus, o.NumericTaskID = time.Minute, "TRANSING", true
		})
		c.Add(mysql("rm-1"), mysql("rm-2"))
		if got := c.ok(t, upgrade, params("DBInstanceId", "rm-1")).at("TaskId"); got != 226917711.0 {
			t.Errorf("TaskId %v (%T)", got, got)
		}
		c.clock.Advance(59 * time.Second)
		wantState(t, c, "TRANSING", "rds_20231231")
		w := c.send(upgrade, params("DBInstanceId", "rm-2", "Format", "XML"))
		if !strings.Contains(w.Body.String(), "<TaskId>226917712</TaskId>") {
			t.Error(w.Body)
		}
	})
}

func TestAnUpgradeThatIsAcceptedInAnOpenWindowMayBeginInTheNextOne(t *testing.T) {
	for name, test := range map[string]struct{ window, begins string }{
		"when the window is open":                       {"10:00Z-14:00Z", "2026-11-23 10:00:00"},
		"at the very moment at which it opens":          {"12:00Z-14:00Z", "2026-11-23 12:00:00"},
		"when one over midnight is open in its evening": {"11:00Z-10:00Z", "2026-11-23 11:00:00"},
		"when one over midnight is open in its morning": {"22:00Z-13:00Z", "2026-11-22 22:00:00"},
		"not when it was accepted before it opens":      {"18:00Z-22:00Z", "2026-11-22 18:00:00"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			if err := c.Load(strings.NewReader(`{"instances":[{"DBInstanceId":"rm-1","CurrentKernelVersion":"rds_20231231","LatestKernelVersion":"rds_20260228",
				"MaintainTime":"` + test.window + `","upgrade":{"nextWindow":true}}]}`)); err != nil {
				t.Fatal(err)
			}
			c.ok(t, upgrade, params("DBInstanceId", "rm-1", "UpgradeTime", "MaintainTime"))
			begins, err := time.Parse(time.DateTime, test.begins)
			if err != nil {
				t.Fatal(err)
			}
			c.clock.Set(begins.Add(-time.Second))
			wantState(t, c, "Running", "rds_20231231")
			c.clock.Set(begins)
			wantState(t, c, "EngineVersionUpgrading", "rds_20231231")
		})
	}
}
