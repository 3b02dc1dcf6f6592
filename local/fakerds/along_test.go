package fakerds_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakerds"
)

const (
	pgOld    = "rds_postgres_1500_20240830"
	pgNew    = "rds_postgres_1500_20251130"
	pgNewest = "rds_postgres_1500_20260228"
)

// family is a primary, which takes 10 s, with read-only instances, which take 20 s, 30 s and so on.
func family(replicas int, change ...func(*fakerds.Instance)) (all []fakerds.Instance) {
	for n := range replicas + 1 {
		i := postgres("pgm-1")
		if n > 0 {
			i = postgres(fmt.Sprintf("pgr-%d", n))
			i.MasterInstanceID = "pgm-1"
		}
		i.Upgrade.Takes = time.Duration(n+1) * 10 * time.Second
		for _, f := range change {
			f(&i)
		}
		all = append(all, i)
	}
	return all
}

func of(id string, change func(*fakerds.Instance)) func(*fakerds.Instance) {
	return func(i *fakerds.Instance) {
		if i.DBInstanceID == id {
			change(i)
		}
	}
}

// line says of an instance what can be seen of an upgrade, and who has restarted it.
func line(i fakerds.Instance) string {
	status := map[string]string{"Running": "runs", "EngineVersionUpgrading": "upgrading"}[i.DBInstanceStatus]
	if status == "" {
		status = i.DBInstanceStatus
	}
	text := i.DBInstanceID + " " + status + " " + strings.TrimPrefix(i.CurrentKernelVersion, "rds_postgres_1500_")
	if i.RestartedBy != "" {
		text += " restarted by " + i.RestartedBy
	}
	return text
}

// TestAnUpgradeOfAPrimaryTakesItsReplicasAlong looks at a family at times since the call.
func TestAnUpgradeOfAPrimaryTakesItsReplicasAlong(t *testing.T) {
	type look struct {
		after time.Duration
		want  string // "; " between the instances
	}
	mysqlFamily := func(i *fakerds.Instance) {
		i.Engine, i.EngineVersion, i.CurrentKernelVersion, i.LatestKernelVersion = "MySQL", "8.0", "rds_postgres_1500_20240830", "rds_postgres_1500_20251130"
	}
	upToDate := func(i *fakerds.Instance) { i.CurrentKernelVersion = pgNew }
	cases := []struct {
		name   string
		fleet  []fakerds.Instance
		target string
		looks  []look
	}{
		{"side by side, and follows them", family(2), "", []look{
			{0, "pgm-1 upgrading 20240830; pgr-1 upgrading 20240830 restarted by pgm-1; pgr-2 upgrading 20240830 restarted by pgm-1"},
			{20 * time.Second, "pgm-1 upgrading 20240830; pgr-1 runs 20251130 restarted by pgm-1; pgr-2 upgrading 20240830 restarted by pgm-1"},
			{30 * time.Second, "pgm-1 upgrading 20240830; pgr-1 runs 20251130 restarted by pgm-1; pgr-2 runs 20251130 restarted by pgm-1"},
			{40*time.Second - 1, "pgm-1 upgrading 20240830; pgr-1 runs 20251130 restarted by pgm-1; pgr-2 runs 20251130 restarted by pgm-1"},
			{40 * time.Second, "pgm-1 runs 20251130; pgr-1 runs 20251130 restarted by pgm-1; pgr-2 runs 20251130 restarted by pgm-1"},
		}},
		{"also when nobody looks before the end", family(1), "", []look{
			{time.Hour, "pgm-1 runs 20251130; pgr-1 runs 20251130 restarted by pgm-1"},
		}},
		{"only those that are below the target", family(2, of("pgr-2", upToDate)), "", []look{
			{0, "pgm-1 upgrading 20240830; pgr-1 upgrading 20240830 restarted by pgm-1; pgr-2 runs 20251130"},
			{30 * time.Second, "pgm-1 runs 20251130; pgr-1 runs 20251130 restarted by pgm-1; pgr-2 runs 20251130"},
		}},
		{"none when none is below the target", family(2, of("pgr-1", upToDate), of("pgr-2", upToDate)), "", []look{
			{10 * time.Second, "pgm-1 runs 20251130; pgr-1 runs 20251130; pgr-2 runs 20251130"},
		}},
		{"to the target that was asked for, above their own latest", family(1), pgNewest, []look{
			{time.Minute, "pgm-1 runs 20260228; pgr-1 runs 20260228 restarted by pgm-1"},
		}},
		{"not those that are stopped or locked", family(2, of("pgr-1", func(i *fakerds.Instance) { i.DBInstanceStatus = "Stopped" }),
			of("pgr-2", func(i *fakerds.Instance) { i.LockMode = "ManualLock" })), "", []look{
			{10 * time.Second, "pgm-1 runs 20251130; pgr-1 Stopped 20240830; pgr-2 runs 20240830"},
		}},
		{"and does not follow one that fails", family(2, of("pgr-1", func(i *fakerds.Instance) { i.Upgrade.Fails = true })), "", []look{
			{time.Minute, "pgm-1 runs 20240830; pgr-1 runs 20240830 restarted by pgm-1; pgr-2 runs 20251130 restarted by pgm-1"},
		}},
		{"and follows one that ends well without the version", family(1, of("pgr-1", func(i *fakerds.Instance) { i.Upgrade.Silent = true })), "", []look{
			{time.Minute, "pgm-1 runs 20251130; pgr-1 runs 20240830 restarted by pgm-1"},
		}},
		{"not in MySQL", family(1, mysqlFamily), "", []look{
			{10 * time.Second, "pgm-1 runs 20251130; pgr-1 runs 20240830"},
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.AddVersion(postgresVersion(pgOld), postgresVersion(pgNew), postgresVersion(pgNewest))
			c.Add(tc.fleet...)
			begun := c.clock.Now()
			c.ok(t, upgrade, params("DBInstanceId", "pgm-1", "TargetMinorVersion", tc.target))
			for _, look := range tc.looks {
				c.clock.Set(begun.Add(look.after))
				var got []string
				for _, i := range c.Instances() {
					got = append(got, line(i))
				}
				if diff := cmp.Diff(strings.Split(look.want, "; "), got); diff != "" {
					t.Errorf("after %s (-want +got):\n%s", look.after, diff)
				}
			}
		})
	}
}

// A replica is looked at alone, through the API, and shows what its primary's upgrade does to it.
func TestAReplicaShowsItsPrimarysUpgradeToWhoeverLooksAtTheReplicaAlone(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(c *cloud) string{
		"its attributes": func(c *cloud) string {
			return c.ok(t, describe, params("DBInstanceId", "pgr-1")).text("Items.DBInstanceAttribute.0.DBInstanceStatus")
		},
		"a listing of it": func(c *cloud) string {
			return c.ok(t, listing, params("RegionId", "cn-hangzhou", "DBInstanceType", "Readonly")).text(items + ".0.DBInstanceStatus")
		},
		"a listing by status": func(c *cloud) string {
			return strings.Join(c.ok(t, listing, params("RegionId", "cn-hangzhou", "DBInstanceStatus", "EngineVersionUpgrading", "DBInstanceType", "Readonly")).column(items, "DBInstanceStatus"), " ")
		},
		"its tasks": func(c *cloud) string {
			if c.ok(t, history, today("InstanceId", "pgr-1")).text("Items.0.Status") == "Running" {
				return "EngineVersionUpgrading"
			}
			return "no task"
		},
		"a call, which is refused": func(c *cloud) string {
			c.refused(t, upgrade, params("DBInstanceId", "pgr-1"), 400, "IncorrectDBInstanceState")
			return "EngineVersionUpgrading"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.Add(family(1)...)
			c.ok(t, upgrade, params("DBInstanceId", "pgm-1", "UpgradeTime", "MaintainTime"))
			c.clock.Advance(6 * time.Hour) // the window has just opened
			if got := look(c); got != "EngineVersionUpgrading" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestEachInstanceThatIsTakenAlongHasATaskOfItsOwn(t *testing.T) {
	c := newCloud(t)
	c.Add(family(2)...)
	c.ok(t, upgrade, params("DBInstanceId", "pgm-1"))
	c.clock.Advance(25 * time.Second)
	got := c.ok(t, history, today())
	for field, want := range map[string]string{
		"InstanceId": "pgm-1 pgr-1 pgr-2", "TaskId": "226917711 226917712 226917713", "Status": "Running Succeed Running",
		"Progress": "62.5 100 83.33333333333333",
	} {
		if all := strings.Join(got.column("Items", field), " "); all != want {
			t.Errorf("%s: got %q, want %q", field, all, want)
		}
	}
}

func TestAFailureOfAReplicaIsItsPrimarysReason(t *testing.T) {
	c := newCloud(t)
	c.Add(family(1, of("pgr-1", func(i *fakerds.Instance) { i.Upgrade.Fails, i.Upgrade.Reason = true, "DiskFull" }))...)
	c.ok(t, upgrade, params("DBInstanceId", "pgm-1"))
	c.clock.Advance(time.Minute)
	if got := strings.Join(c.ok(t, history, today()).column("Items", "ReasonCode"), " "); got != "DiskFull DiskFull" {
		t.Errorf("got %q", got)
	}
}

// TestWhatAReplicaIsAboutWhenItsPrimaryBegins begins with an upgrade of the replica.
func TestWhatAReplicaIsAboutWhenItsPrimaryBegins(t *testing.T) {
	cases := []struct {
		name    string
		own     map[string]string
		pause   time.Duration
		ends    time.Duration // after the primary's call
		restart string
		tasks   string
	}{
		{"an upgrade that runs there is waited for", nil, 5 * time.Second, 25 * time.Second, "", "Succeed Succeed"},
		{"an upgrade that has ended leaves nothing to do", nil, time.Minute, 10 * time.Second, "", "Succeed Succeed"},
		{
			"an upgrade that is scheduled there is cancelled", params("UpgradeTime", "MaintainTime"), 5 * time.Second, 30 * time.Second,
			"pgm-1", "Succeed Canceled Succeed",
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t)
			c.Add(family(1)...)
			own := params("DBInstanceId", "pgr-1")
			for name, value := range tc.own {
				own[name] = value
			}
			c.ok(t, upgrade, own)
			c.clock.Advance(tc.pause)
			c.ok(t, upgrade, params("DBInstanceId", "pgm-1"))
			c.clock.Advance(tc.ends - 1)
			if i, _ := c.Instance("pgm-1"); i.CurrentKernelVersion != pgOld {
				t.Error("the primary has not waited")
			}
			c.clock.Advance(1)
			primary, _ := c.Instance("pgm-1")
			replica, _ := c.Instance("pgr-1")
			if primary.CurrentKernelVersion != pgNew || replica.CurrentKernelVersion != pgNew || replica.RestartedBy != tc.restart {
				t.Errorf("got %s and %s", line(primary), line(replica))
			}
			if got := strings.Join(c.ok(t, history, today()).column("Items", "Status"), " "); got != tc.tasks {
				t.Errorf("tasks %q, want %q", got, tc.tasks)
			}
		})
	}
}

// Nobody looks between the end of a replica's own upgrade and that of its primary's.
func TestAReplicaThatWasUpgradedBeforeItsPrimaryBeginsIsLeftAlone(t *testing.T) {
	for name, own := range map[string]struct {
		upgrade fakerds.Upgrade
		tasks   string
	}{
		"after it was upgraded":     {fakerds.Upgrade{}, "Succeed Succeed"},
		"but not after it failed":   {fakerds.Upgrade{Fails: true}, "Failed Failed Failed"},
		"and not when it is silent": {fakerds.Upgrade{Silent: true}, "Succeed Succeed Succeed"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.Add(family(1, of("pgr-1", func(i *fakerds.Instance) { i.Upgrade = own.upgrade }))...)
			c.ok(t, upgrade, params("DBInstanceId", "pgr-1", "UpgradeTime", "MaintainTime"))
			c.ok(t, upgrade, params("DBInstanceId", "pgm-1", "UpgradeTime", "SpecifyTime", "SwitchTime", "2026-11-22T19:00:00Z"))
			c.clock.Advance(8 * time.Hour)
			if got := strings.Join(c.ok(t, history, today()).column("Items", "Status"), " "); got != own.tasks {
				t.Errorf("tasks %q, want %q", got, own.tasks)
			}
		})
	}
}

// The replicas that are below the target when the upgrade begins are taken along, not those that were when it was accepted.
func TestAScheduledUpgradeOfAPrimaryLooksAtItsReplicasWhenItBegins(t *testing.T) {
	c := newCloud(t)
	c.Add(family(2)...)
	c.ok(t, upgrade, params("DBInstanceId", "pgm-1", "UpgradeTime", "MaintainTime"))
	c.ok(t, upgrade, params("DBInstanceId", "pgr-1"))
	c.Remove("pgr-2")
	c.clock.Advance(time.Hour)
	c.Add(family(3)[3])
	c.clock.Advance(5*time.Hour + time.Minute)
	var got []string
	for _, i := range c.Instances() {
		got = append(got, line(i))
	}
	want := []string{"pgm-1 runs 20251130", "pgr-1 runs 20251130", "pgr-3 runs 20251130 restarted by pgm-1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
