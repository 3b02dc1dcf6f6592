package fakerds_test

import (
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
)

const history = "DescribeHistoryTasks"

// today is a time range around the tests' start.
func today(more ...string) map[string]string {
	all := params("FromStartTime", "2026-11-22T00:00:00Z", "ToStartTime", "2026-11-23T00:00:00Z")
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func TestTaskOfAnUpgrade(t *testing.T) {
	for name, end := range map[string]struct {
		upgrade fakerds.Upgrade
		status  string
	}{
		"that succeeds": {fakerds.Upgrade{}, "Succeed"},
		"that fails":    {fakerds.Upgrade{Fails: true}, "Failed"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, func(o *fakerds.Options) { o.UpgradeTakes = 100 * time.Second })
			instance := mysql("rm-1")
			instance.Upgrade = end.upgrade
			c.Add(instance)
			if got := c.ok(t, history, today()).list("Items"); len(got) != 0 {
				t.Fatalf("before: %v", got)
			}
			c.ok(t, upgrade, params("DBInstanceId", "rm-1", "UpgradeTime", "MaintainTime"))
			want := func(status string, progress, remains float64, ended string) {
				t.Helper()
				got := c.ok(t, history, today("InstanceId", "rm-1"))
				if got.text("Items.0.Status") != status || got.at("Items.0.Progress") != progress ||
					got.at("Items.0.RemainTime") != remains || got.text("Items.0.EndTime") != ended ||
					got.text("Items.0.StartTime") != "2026-11-22T12:00:00Z" || got.text("Items.0.InstanceId") != "rm-1" {
					t.Errorf("want %s %v %v %q: %v", status, progress, remains, ended, got.at("Items.0"))
				}
			}
			want("Scheduled", 0, 6*3600+100, "")
			c.clock.Advance(6*time.Hour + 25*time.Second)
			want("Running", 25, 75, "")
			c.clock.Advance(time.Hour)
			want(end.status, 100, 0, "2026-11-22T18:01:40Z")
		})
	}
}

func TestTasksAreFiltered(t *testing.T) {
	c := newCloud(t)
	abroad := mysql("rm-abroad")
	abroad.RegionID, abroad.ResourceGroupID = "cn-beijing", "rg-2"
	c.Add(mysql("rm-1"), mysql("rm-2"), abroad)
	for _, id := range []string{"rm-1", "rm-2", "rm-abroad"} {
		c.ok(t, upgrade, params("DBInstanceId", id, "UpgradeTime", map[bool]string{true: "Immediate", false: "MaintainTime"}[id == "rm-1"]))
	}
	first := c.ok(t, history, today()).text("Items.0.TaskId")
	cases := []struct {
		name   string
		params map[string]string
		want   string
	}{
		{"not at all", today(), "rm-1 rm-2 rm-abroad"},
		{"by instance", today("InstanceId", "rm-2,rm-abroad"), "rm-2 rm-abroad"},
		{"by region", today("RegionId", "cn-hangzhou"), "rm-1 rm-2"},
		{"by resource group", today("ResourceGroupId", "rg-2"), "rm-abroad"},
		{"by status", today("Status", "Running"), "rm-1"},
		{"by several statuses", today("Status", "Scheduled,Waiting"), "rm-2 rm-abroad"},
		{"by type", today("TaskType", "rds_apsaradb_upgrade"), "rm-1 rm-2 rm-abroad"},
		{"by another type", today("TaskType", "rds_apsaradb_ha"), ""},
		{"by id", today("TaskId", first), "rm-1"},
		{"by the id that the upgrade gave", today("TaskId", "226917711"), "rm-1"},
		{"by 30 ids, two of which there are", today("TaskId", strings.Repeat("1,", 28)+"226917711,226917713"), "rm-1 rm-abroad"},
		{"by the other form of an id", today("TaskId", "t-local226917711"), ""},
		{"by instance type", today("InstanceType", "Instance"), "rm-1 rm-2 rm-abroad"},
		{"by a time before", params("FromStartTime", "2026-11-20T00:00:00Z", "ToStartTime", "2026-11-22T11:59:59Z"), ""},
		{"by a time after", params("FromStartTime", "2026-11-22T12:00:01Z", "ToStartTime", "2026-11-23T00:00:00Z"), ""},
		{"by exactly the time", params("FromStartTime", "2026-11-22T12:00:00Z", "ToStartTime", "2026-11-22T12:00:00Z"), "rm-1 rm-2 rm-abroad"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got := c.ok(t, history, tc.params)
			if ids := strings.Join(got.column("Items", "InstanceId"), " "); ids != tc.want {
				t.Errorf("got %q, want %q", ids, tc.want)
			}
		})
	}
}

func TestTasksAreKept30Days(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"))
	c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
	year := params("FromStartTime", "2026-01-01T00:00:00Z", "ToStartTime", "2027-01-01T00:00:00Z")
	c.clock.Advance(30 * 24 * time.Hour)
	if got := c.ok(t, history, year).list("Items"); len(got) != 1 {
		t.Errorf("after 30 days: %v", got)
	}
	c.clock.Advance(time.Second)
	if got := c.ok(t, history, year).list("Items"); len(got) != 0 {
		t.Errorf("after more: %v", got)
	}
}

func TestTasksComeInPages(t *testing.T) {
	c := newCloud(t)
	fleetOf(c, 25)
	for _, i := range c.Instances() {
		c.ok(t, upgrade, params("DBInstanceId", i.DBInstanceID))
	}
	for page, want := range map[string]int{"1": 10, "3": 5, "4": 0} {
		got := c.ok(t, history, today("PageNumber", page))
		if len(got.list("Items")) != want || got.at("TotalCount") != 25.0 || got.at("PageSize") != 10.0 {
			t.Errorf("page %s: %d of %v", page, len(got.list("Items")), got.at("TotalCount"))
		}
	}
}

func TestTasksAreRefused(t *testing.T) {
	ids := strings.Repeat("rm-1,", 30) + "rm-1"
	cases := []struct {
		name   string
		params map[string]string
		status int
		code   string
	}{
		{"without FromStartTime", today("FromStartTime", ""), 400, "MissingFromStartTime"},
		{"without ToStartTime", today("ToStartTime", ""), 400, "MissingToStartTime"},
		{"with a time in minutes", today("FromStartTime", "2026-11-22T00:00Z"), 400, "Param.Invalid"},
		{"with an end in minutes", today("ToStartTime", "2026-11-23T00:00Z"), 400, "Param.Invalid"},
		{"with the end before the beginning", today("ToStartTime", "2026-11-21T00:00:00Z"), 400, "Param.Invalid.TimeEndBeforeStart"},
		{"with 9 on a page", today("PageSize", "9"), 400, "Param.Invalid"},
		{"with 101 on a page", today("PageSize", "101"), 400, "Param.Invalid"},
		{"with page 0", today("PageNumber", "0"), 400, "Param.Invalid"},
		{"with 31 instances", today("InstanceId", ids), 400, "Param.Invalid"},
		{"with 31 ids", today("TaskId", ids), 400, "Param.Invalid"},
		{"with a status that there is not, beside one that there is", today("Status", "Running,Done"), 400, "Param.Invalid"},
		{"with another instance type", today("InstanceType", "Proxy"), 400, "Param.Invalid"},
		{"in a region that there is not", today("RegionId", "mars"), 404, "InvalidRegionId.NotFound"},
		{"with a filter that is not modelled", today("FromExecTime", "5"), 400, "InvalidParam"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) { newCloud(t).refused(t, history, tc.params, tc.status, tc.code) })
	}
}

func TestTheIDOfATaskIsThatOfTheAnswerOrOfAnotherForm(t *testing.T) {
	for name, test := range map[string]struct {
		other bool
		want  string
	}{
		"that of the answer": {false, "226917711"},
		"another form":       {true, "t-local226917711"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, func(o *fakerds.Options) { o.OtherTaskIDs = test.other })
			c.Add(mysql("rm-1"))
			answered := c.ok(t, upgrade, params("DBInstanceId", "rm-1")).text("TaskId")
			if got := c.ok(t, history, today("TaskId", test.want)); got.at("TotalCount") != 1.0 || got.text("Items.0.TaskId") != test.want {
				t.Errorf("by its id: %v", got.body)
			}
			if got := c.ok(t, history, today("TaskId", answered)); got.at("TotalCount") != map[bool]float64{false: 1, true: 0}[test.other] {
				t.Errorf("by the id of the answer: %v", got.body)
			}
		})
	}
}

func TestATaskThatWaitsForItsTimeIsScheduledOrWaiting(t *testing.T) {
	for want, own := range map[string]map[string]string{
		"Scheduled": params("UpgradeTime", "MaintainTime"),
		"Waiting":   params("UpgradeTime", "SpecifyTime", "SwitchTime", "2026-11-25T03:00:00Z"),
	} {
		c := newCloud(t, func(o *fakerds.Options) { o.ScheduledStatus = strings.TrimPrefix(want, "Scheduled") })
		c.Add(mysql("rm-1"))
		own["DBInstanceId"] = "rm-1"
		c.ok(t, upgrade, own)
		if got := c.ok(t, history, today("Status", want)); got.at("TotalCount") != 1.0 || got.text("Items.0.Status") != want {
			t.Errorf("%s: %v", want, got.body)
		}
	}
}

func TestATaskThatFailsHasAReason(t *testing.T) {
	for name, test := range map[string]struct {
		how  string
		want string
	}{
		"the default":              {`"fails":true`, "UpgradeCheckFailed"},
		"that of the fleet file":   {`"fails":true,"reason":"DiskFull"`, "DiskFull"},
		"none when it ends well":   {`"reason":"DiskFull"`, ""},
		"none when it ends silent": {`"silent":true`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			if err := c.Load(strings.NewReader(`{"instances":[{"DBInstanceId":"rm-1","CurrentKernelVersion":"rds_20231231","LatestKernelVersion":"rds_20260228","upgrade":{` + test.how + `}}]}`)); err != nil {
				t.Fatal(err)
			}
			c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
			if got := c.ok(t, history, today()).text("Items.0.ReasonCode"); got != "" {
				t.Errorf("while it runs: %q", got)
			}
			c.clock.Advance(time.Minute)
			if got := c.ok(t, history, today()).text("Items.0.ReasonCode"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
