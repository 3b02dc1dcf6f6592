package fakerds_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakerds"
)

func TestFleetFile(t *testing.T) {
	c := newCloud(t)
	err := c.Load(strings.NewReader(`{
		"instances": [
			{"DBInstanceId": "rm-1", "CurrentKernelVersion": "rds_20231231", "LatestKernelVersion": "rds_20260228",
			 "Tags": {"env": "dev"}, "upgrade": {"takes": "90s", "status": "TRANSING", "silent": true, "fails": true, "refuse": "TaskExists", "reason": "DiskFull", "nextWindow": true, "scheduled": "2h"}},
			{"DBInstanceId": "rr-1", "MasterInstanceId": "rm-1"},
			{"DBInstanceId": "rm-2", "ReadOnlyDBInstanceIds": ["rr-2"], "RegionId": "cn-beijing"},
			{"DBInstanceId": "rr-2"}
		],
		"versions": [{"MinorVersion": "rds_20250101", "ReleaseType": "BETA"}]
	}`))
	if err != nil {
		t.Fatal(err)
	}
	plain := fakerds.Instance{
		RegionID: "cn-hangzhou", ZoneID: "cn-hangzhou-h", Engine: "MySQL", EngineVersion: "8.0", DBInstanceStatus: "Running",
		DBInstanceType: "Primary", Category: "HighAvailability", DBInstanceStorageType: "cloud_essd", AutoUpgradeMinorVersion: "Manual",
		MaintainTime: "18:00Z-22:00Z", LockMode: "Unlock", PayType: "Postpaid", CreationTime: "2024-01-01T00:00:00Z", ResourceGroupID: "rg-acfmlocal",
	}
	one, replica1, two, replica2 := plain, plain, plain, plain
	one.DBInstanceID, one.CurrentKernelVersion, one.LatestKernelVersion = "rm-1", "rds_20231231", "rds_20260228"
	one.Tags, one.ReadOnlyDBInstanceIDs = map[string]string{"env": "dev"}, []string{"rr-1"}
	one.Upgrade = fakerds.Upgrade{Takes: 90 * time.Second, Status: "TRANSING", Silent: true, Fails: true, Refuse: "TaskExists", Reason: "DiskFull", NextWindow: true, Scheduled: 2 * time.Hour}
	replica1.DBInstanceID, replica1.MasterInstanceID, replica1.DBInstanceType = "rr-1", "rm-1", "Readonly"
	two.DBInstanceID, two.RegionID, two.ZoneID, two.ReadOnlyDBInstanceIDs = "rm-2", "cn-beijing", "cn-beijing-h", []string{"rr-2"}
	replica2.DBInstanceID, replica2.MasterInstanceID, replica2.DBInstanceType = "rr-2", "rm-2", "Readonly"
	if diff := cmp.Diff([]fakerds.Instance{one, replica1, two, replica2}, c.Instances()); diff != "" {
		t.Errorf("fleet (-want +got):\n%s", diff)
	}
	got := c.ok(t, miniVersions, params("RegionId", "cn-hangzhou", "DBInstanceId", "rm-1"))
	if versions := strings.Join(got.column(minorItems, "MinorVersion"), " "); versions != "rds_20250101 rds_20231231 rds_20260228" {
		t.Errorf("versions %s", versions)
	}
}

func TestPostgreSQLOnCloudDisksUpgradesItselfByDefault(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*fakerds.Instance)
		want   string
	}{
		"PostgreSQL":                            {func(i *fakerds.Instance) { i.DBInstanceStorageType = "" }, "Auto"},
		"PostgreSQL on general_essd":            {func(*fakerds.Instance) {}, "Auto"},
		"PostgreSQL on local disks":             {func(i *fakerds.Instance) { i.DBInstanceStorageType = "local_ssd" }, "Manual"},
		"PostgreSQL where it was turned off":    {func(i *fakerds.Instance) { i.AutoUpgradeMinorVersion = "Manual" }, "Manual"},
		"MySQL":                                 {func(i *fakerds.Instance) { i.Engine = "MySQL" }, "Manual"},
		"MySQL, which is what an instance is":   {func(i *fakerds.Instance) { i.Engine = "" }, "Manual"},
		"MySQL where it was turned on, as told": {func(i *fakerds.Instance) { i.Engine, i.AutoUpgradeMinorVersion = "MySQL", "Auto" }, "Auto"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			instance := postgres("rm-1")
			test.change(&instance)
			c.Add(instance)
			if got := c.ok(t, describe, params("DBInstanceId", "rm-1")).text("Items.DBInstanceAttribute.0.AutoUpgradeMinorVersion"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestFleetFileIsReadBackAsItWasWritten(t *testing.T) {
	c := newCloud(t)
	instance := mysql("rm-1")
	instance.Upgrade = fakerds.Upgrade{Takes: 90 * time.Second, Silent: true, Scheduled: time.Hour, NextWindow: true, Reason: "DiskFull"}
	c.Add(instance, mysql("rm-2"))
	text, err := json.Marshal(map[string]any{"instances": c.Instances()})
	if err != nil {
		t.Fatal(err)
	}
	again := newCloud(t)
	if err := again.Load(strings.NewReader(string(text))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Instances(), again.Instances()); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}

func TestWrongFleetFiles(t *testing.T) {
	cases := []struct{ name, file, want string }{
		{"no JSON", `instances:`, "invalid character"},
		{"an unknown section", `{"instance":[]}`, `unknown field "instance"`},
		{"an unknown field", `{"instances":[{"DBInstanceId":"rm-1","Motor":"MySQL"}]}`, `unknown field "Motor"`},
		{"an unknown field of upgrade", `{"instances":[{"DBInstanceId":"rm-1","upgrade":{"slow":true}}]}`, `unknown field "slow"`},
		{"a duration without a unit", `{"instances":[{"DBInstanceId":"rm-1","upgrade":{"takes":"3"}}]}`, `takes "3" is not a duration`},
		{"a duration below zero", `{"instances":[{"DBInstanceId":"rm-1","upgrade":{"takes":"-3s"}}]}`, `takes "-3s" is not a duration`},
		{"a wrong time until an upgrade begins", `{"instances":[{"DBInstanceId":"rm-1","upgrade":{"scheduled":"soon"}}]}`, `scheduled "soon" is not a duration`},
		{"a code of another action", `{"instances":[{"DBInstanceId":"rm-1","upgrade":{"refuse":"InvalidEVENT"}}]}`, `rm-1: upgrade: refuse "InvalidEVENT"`},
		{"the code of a parameter that is missing, which is any name", `{"instances":[{"DBInstanceId":"rm-1","upgrade":{"refuse":"Missing*"}}]}`, `rm-1: upgrade: refuse "Missing*"`},
		{"a code that is not known", `{"instances":[{"DBInstanceId":"rm-1","upgrade":{"refuse":"Nope"}}]}`, `rm-1: upgrade: refuse "Nope"`},
		{"an unknown field of a version", `{"versions":[{"Version":"x"}]}`, `unknown field "Version"`},
		{"no id", `{"instances":[{"Engine":"MySQL"}]}`, "an instance has no DBInstanceId"},
		{"an id twice", `{"instances":[{"DBInstanceId":"rm-1"},{"DBInstanceId":"rm-1"}]}`, "rm-1 stands there twice"},
		{"an engine that there is not", `{"instances":[{"DBInstanceId":"rm-1","Engine":"Oracle"}]}`, `rm-1: Engine "Oracle"`},
		{"a window without zone", `{"instances":[{"DBInstanceId":"rm-1","MaintainTime":"18:00-22:00"}]}`, `MaintainTime "18:00-22:00" is not of the form`},
		{"a window that is no time", `{"instances":[{"DBInstanceId":"rm-1","MaintainTime":"18:00Z-25:00Z"}]}`, `MaintainTime "18:00Z-25:00Z" is not of the form`},
		{"a window that is never open", `{"instances":[{"DBInstanceId":"rm-1","MaintainTime":"18:00Z-18:00Z"}]}`, `MaintainTime "18:00Z-18:00Z" is not of the form`},
		{"something behind the value", `{"instances":[]} {}`, "something follows the JSON value"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t)
			err := c.Load(strings.NewReader(tc.file))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if len(c.Instances()) != 0 {
				t.Errorf("added all the same: %v", c.Instances())
			}
		})
	}
}

func TestFleetFileThatCannotBeRead(t *testing.T) {
	broken := errors.New("broken")
	if err := newCloud(t).Load(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestAddPanicsOnAnInstanceThatCannotBe(t *testing.T) {
	defer func() {
		if got := recover(); got != "fakerds: an instance has no DBInstanceId" {
			t.Errorf("got %v", got)
		}
	}()
	newCloud(t).Add(fakerds.Instance{})
}

func TestAddPutsAnInstanceInPlaceOfTheSame(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"), mysql("rm-2"))
	c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
	c.Add(mysql("rm-1"))
	wantState(t, c, "Running", "rds_20231231")
	if got := c.Instances(); len(got) != 2 || got[0].DBInstanceID != "rm-1" {
		t.Errorf("fleet %v", got)
	}
}

func TestUpdateChangesAnInstanceButNotItsID(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"))
	if !c.Update("rm-1", func(i *fakerds.Instance) { i.DBInstanceID, i.DBInstanceStatus = "rm-x", "Stopped" }) {
		t.Fatal("not found")
	}
	wantState(t, c, "Stopped", "rds_20231231")
}

func TestActionsAndNotSupported(t *testing.T) {
	want := []string{
		"DescribeDBInstanceAttribute", "DescribeDBInstances", "DescribeDBMiniEngineVersions", "DescribeHistoryTasks", "DescribeRegions",
		"ListTagResources", "TagResources", "UntagResources", "UpgradeDBInstanceKernelVersion",
	}
	if diff := cmp.Diff(want, fakerds.Actions()); diff != "" {
		t.Error(diff)
	}
	if len(fakerds.NotSupported()) == 0 {
		t.Error("nothing is not supported?")
	}
}
