package main_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakerds"
)

// behind is an instance of MySQL that is behind and opted in.
func behind(id string, change ...func(*fakerds.Instance)) fakerds.Instance {
	i := fakerds.Instance{
		DBInstanceID: id, CurrentKernelVersion: "rds_20250531", LatestKernelVersion: "rds_20260228", Tags: maps.Clone(optedIn),
	}
	for _, c := range change {
		c(&i)
	}
	return i
}

func tagged(key, value string) func(*fakerds.Instance) {
	return func(i *fakerds.Instance) { i.Tags[key] = value }
}

func replicaOf(primary string) func(*fakerds.Instance) {
	return func(i *fakerds.Instance) { i.MasterInstanceID = primary }
}

func in(region string) func(*fakerds.Instance) {
	return func(i *fakerds.Instance) { i.RegionID = region }
}

func with(u fakerds.Upgrade) func(*fakerds.Instance) {
	return func(i *fakerds.Instance) { i.Upgrade = u }
}

func locked(i *fakerds.Instance) { i.LockMode = "ManualLock" }

func postgres(engineVersion, current, latest string) func(*fakerds.Instance) {
	return func(i *fakerds.Instance) {
		i.Engine, i.EngineVersion, i.CurrentKernelVersion, i.LatestKernelVersion = "PostgreSQL", engineVersion, current, latest
	}
}

// account gives the instances of a report, a plan or a halt, one to a line.
func (n told) account() (lines []string) {
	for _, i := range n.Data.Instances {
		line := i.DBInstanceID + " " + i.Status
		if i.Reason != "" {
			line += " " + i.Reason
		}
		if i.Wave > 0 {
			line += fmt.Sprint(" wave ", i.Wave)
		}
		if i.Detail != "" {
			line += ": " + i.Detail
		}
		lines = append(lines, line)
	}
	return lines
}

// last gives the last notification with a tag.
func (w *world) last(tag string) told {
	w.tb.Helper()
	w.read = 0
	all := slices.DeleteFunc(w.news(), func(n told) bool { return n.Tag != tag })
	if len(all) == 0 {
		w.tb.Fatalf("no %s was published", tag)
	}
	return all[len(all)-1]
}

// same compares what was told with what is wanted, line by line.
func (w *world) same(what string, want, got []string) {
	w.tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// upgradeCalls gives the upgrade calls that were made, accepted or not.
func (w *world) upgradeCalls() (lines []string) {
	for _, c := range w.rds.CallsOf("UpgradeDBInstanceKernelVersion") {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", c.At.UTC().Format("02 15:04"), c.DBInstanceID, c.Params["TargetMinorVersion"], c.Params["UpgradeTime"], c.Params["SwitchTime"])))
	}
	slices.Sort(lines) // those of one wave have no order
	return lines
}

// TestStories plays rollouts in which nobody meddles, from the request to the report.
func TestStories(t *testing.T) {
	t.Parallel()
	const sweep = `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`
	cases := map[string]struct {
		policy  string
		fleet   []fakerds.Instance
		offers  []fakerds.MiniVersion
		request string
		takes   time.Duration // until the queue is empty, at least
		told    []string
		account []string // the instances of the report
		calls   []string // where they matter
	}{
		"the canary goes by tags, then a percentage, then the rest": {
			policy: "budget: {maxInstances: 50, maxPercent: 100}\n",
			fleet: []fakerds.Instance{
				behind("rm-1"), behind("rm-2", tagged("env", "dev")), behind("rm-3"), behind("rm-4"), behind("rm-5"),
			},
			request: `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"30m","waves":[{"tags":{"env":"dev"}},{"percent":40},{"percent":100}]}}`,
			takes:   4 * time.Hour,
			told: []string{
				"22 12:00 accepted rm-2 wave 1",
				"22 12:15 completed rm-2 wave 1",
				"22 12:45 accepted rm-3 wave 2",
				"22 12:45 accepted rm-5 wave 2",
				"22 13:00 completed rm-3 wave 2",
				"22 13:00 completed rm-5 wave 2",
				"22 13:30 accepted rm-1 wave 3",
				"22 13:30 accepted rm-4 wave 3",
				"22 13:45 completed rm-1 wave 3",
				"22 13:45 completed rm-4 wave 3",
				"22 13:45 report map[completed:5]",
			},
			account: []string{
				"rm-1 completed",
				"rm-2 completed",
				"rm-3 completed",
				"rm-4 completed",
				"rm-5 completed",
			},
		},
		"replicas are proven before their primaries are called": {
			policy:  "budget: {maxInstances: 50, maxPercent: 100}\n",
			fleet:   []fakerds.Instance{behind("rm-p"), behind("rr-1", replicaOf("rm-p")), behind("rr-2", replicaOf("rm-p"))},
			request: sweep, takes: 2 * time.Hour,
			told: []string{
				"22 12:00 accepted rr-1 wave 1",
				"22 12:00 accepted rr-2 wave 1",
				"22 12:15 completed rr-1 wave 1",
				"22 12:15 completed rr-2 wave 1",
				"22 12:15 accepted rm-p wave 2",
				"22 12:30 completed rm-p wave 2",
				"22 12:30 report map[completed:3]",
			},
			account: []string{
				"rm-p completed",
				"rr-1 completed",
				"rr-2 completed",
			},
		},
		"a primary whose replica is locked is left alone": {
			fleet:   []fakerds.Instance{behind("rm-p"), behind("rr-1", replicaOf("rm-p"), locked)},
			request: sweep,
			told: []string{
				"22 12:00 report map[skipped:2]",
			},
			account: []string{
				"rm-p skipped replica_first: its replica rr-1 is left alone: locked (LockMode is ManualLock)",
				"rr-1 skipped locked: LockMode is ManualLock",
			},
		},
		"no wave is larger than the budget": {
			policy:  "budget: {maxInstances: 50, maxPercent: 40}\n",
			fleet:   []fakerds.Instance{behind("rm-1"), behind("rm-2"), behind("rm-3"), behind("rm-4"), behind("rm-5")},
			request: sweep, takes: 3 * time.Hour,
			told: []string{
				"22 12:00 accepted rm-3 wave 1",
				"22 12:00 accepted rm-5 wave 1",
				"22 12:15 completed rm-3 wave 1",
				"22 12:15 completed rm-5 wave 1",
				"22 12:15 accepted rm-1 wave 2",
				"22 12:15 accepted rm-2 wave 2",
				"22 12:30 completed rm-1 wave 2",
				"22 12:30 completed rm-2 wave 2",
				"22 12:30 accepted rm-4 wave 3",
				"22 12:45 completed rm-4 wave 3",
				"22 12:45 report map[completed:5]",
			},
			account: []string{
				"rm-1 completed",
				"rm-2 completed",
				"rm-3 completed",
				"rm-4 completed",
				"rm-5 completed",
			},
		},
		"a proven wave bakes before the next one begins": {
			policy:  "budget: {maxInstances: 1, maxPercent: 100}\n",
			fleet:   []fakerds.Instance{behind("rm-1"), behind("rm-2")},
			request: `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"2d"}}`, takes: 72 * time.Hour,
			told: []string{
				"22 12:00 accepted rm-1 wave 1",
				"22 12:15 completed rm-1 wave 1",
				"24 12:15 accepted rm-2 wave 2",
				"24 12:30 completed rm-2 wave 2",
				"24 12:30 report map[completed:2]",
			},
			account: []string{
				"rm-1 completed",
				"rm-2 completed",
			},
		},
		"a rollout goes through two regions": {
			policy:  "budget: {maxInstances: 50, maxPercent: 100}\n",
			fleet:   []fakerds.Instance{behind("rm-1"), behind("rm-2", in("cn-shanghai")), behind("rm-3", in("cn-beijing"))},
			request: `{"kind":"sweep","select":{"RegionId":["cn-hangzhou","cn-shanghai"]},"schedule":{"UpgradeTime":"Immediate"}}`, takes: time.Hour,
			told: []string{
				"22 12:00 accepted rm-1 wave 1",
				"22 12:00 accepted rm-2 wave 1",
				"22 12:15 completed rm-1 wave 1",
				"22 12:15 completed rm-2 wave 1",
				"22 12:15 report map[completed:2]",
			},
			account: []string{
				"rm-1 completed",
				"rm-2 completed",
			},
		},
		"an advisory for PostgreSQL finds who is affected": {
			policy: "budget: {maxInstances: 50, maxPercent: 100}\n",
			fleet: []fakerds.Instance{
				behind("pg-old", postgres("15.0", "rds_postgres_1500_20250530", "rds_postgres_1500_20260130")),
				behind("pg-new", postgres("15.0", "rds_postgres_1500_20260130", "rds_postgres_1500_20260130")),
				behind("pg-16", postgres("16.0", "rds_postgres_1600_20250530", "rds_postgres_1600_20260130")),
				behind("pg-odd", postgres("15.0", "rds_postgres_1500_20241230", "rds_postgres_1500_20260130")),
				behind("rm-1"),
			},
			offers: []fakerds.MiniVersion{
				{MinorVersion: "rds_postgres_1500_20250530", Engine: "PostgreSQL", EngineVersion: "15.0", CommunityMinorVersion: "15.8"},
				{MinorVersion: "rds_postgres_1500_20260130", Engine: "PostgreSQL", EngineVersion: "15.0", CommunityMinorVersion: "15.10"},
			},
			request: `{"kind":"advisory","advisory":{"id":"PG-1","severity":"critical","affected":[{"Engine":"PostgreSQL","EngineVersion":"15.0","fixedIn":"15.10"}]}}`,
			takes:   time.Hour,
			told: []string{
				"22 12:00 accepted pg-odd wave 1 (PG-1: rds_postgres_1500_20241230, built from 15.8 or older, is in 15 up to 15.10, where it is fixed)",
				"22 12:00 accepted pg-old wave 1 (PG-1: 15.8 is in 15 up to 15.10, where it is fixed)",
				"22 12:15 completed pg-odd wave 1 (where the extensions PostGIS, Ganos or TimescaleDB are installed, look whether they want ALTER EXTENSION … UPDATE in each database)",
				"22 12:15 completed pg-old wave 1 (where the extensions PostGIS, Ganos or TimescaleDB are installed, look whether they want ALTER EXTENSION … UPDATE in each database)",
				"22 12:15 report map[completed:2 skipped:3]",
			},
			account: []string{
				"pg-16 skipped not_affected: PG-1 says nothing about PostgreSQL 16.0",
				"pg-new skipped not_affected: PG-1: 15.10 is not in 15 up to 15.10, where it is fixed",
				"pg-odd completed",
				"pg-old completed",
				"rm-1 skipped not_affected: PG-1 says nothing about MySQL 8.0",
			},
		},
		"an advisory for MySQL finds who is affected": {
			policy: "budget: {maxInstances: 50, maxPercent: 100}\n",
			fleet: []fakerds.Instance{
				behind("rm-old"), behind("rm-fixed", func(i *fakerds.Instance) { i.CurrentKernelVersion = "rds_20250930" }),
				behind("rm-57", func(i *fakerds.Instance) {
					i.EngineVersion, i.CurrentKernelVersion, i.LatestKernelVersion = "5.7", "rds_20250101", "rds_20260228"
				}),
				behind("rm-odd", func(i *fakerds.Instance) {
					i.CurrentKernelVersion, i.LatestKernelVersion = "xcluster80_20250101", "xcluster80_20260101"
				}),
			},
			request: `{"kind":"advisory","advisory":{"id":"MY-1","severity":"critical","affected":[{"Engine":"MySQL","EngineVersion":"8.0","fixedIn":"rds_20250930"}]}}`,
			takes:   time.Hour,
			told: []string{
				"22 12:00 accepted rm-old wave 1 (MY-1: rds_20250531 is older than rds_20250930)",
				"22 12:15 completed rm-old wave 1",
				"22 12:15 report map[completed:1 skipped:3]",
			},
			account: []string{
				"rm-57 skipped not_affected: MY-1 says nothing about MySQL 5.7",
				"rm-fixed skipped not_affected: MY-1: rds_20250930 is not older than rds_20250930",
				"rm-odd skipped unknown_version: MY-1: xcluster80_20250101 does not compare with rds_20250930",
				"rm-old completed",
			},
		},
		"a sweep takes no version that is young, beta, offline or expired": {
			fleet: []fakerds.Instance{behind("rm-1", func(i *fakerds.Instance) { i.LatestKernelVersion = "rds_20261115" }), behind("rm-2", func(i *fakerds.Instance) { i.CurrentKernelVersion = "rds_20250731" })},
			offers: []fakerds.MiniVersion{
				{MinorVersion: "rds_20250731"},
				{MinorVersion: "rds_20260331", StatusDesc: "Offline"},
				{MinorVersion: "rds_20260430", ExpireStatus: "expired"},
				{MinorVersion: "rds_20260531", ReleaseType: "BETA"},
				{MinorVersion: "rds_20261115"},
			},
			request: sweep, takes: time.Hour, calls: []string{
				"22 12:00 rm-1 rds_20260228 Immediate",
				"22 12:15 rm-2 rds_20260228 Immediate",
			},
			told: []string{
				"22 12:00 accepted rm-1 wave 1",
				"22 12:15 completed rm-1 wave 1",
				"22 12:15 accepted rm-2 wave 2",
				"22 12:30 completed rm-2 wave 2",
				"22 12:30 report map[completed:2]",
			},
			account: []string{
				"rm-1 completed",
				"rm-2 completed",
			},
		},
		"what has not opted in is not touched": {
			fleet:   []fakerds.Instance{behind("rm-1", tagged("kernel-upgrade", "no")), behind("rm-2")},
			request: sweep, takes: time.Hour,
			told: []string{
				"22 12:00 accepted rm-2 wave 1",
				"22 12:15 completed rm-2 wave 1",
				"22 12:15 report map[completed:1 skipped:1]",
			},
			account: []string{
				"rm-1 skipped not_opted_in: it has not the tag kernel-upgrade=auto",
				"rm-2 completed",
			},
		},
		"an empty selection is a report": {
			fleet:   []fakerds.Instance{behind("rm-1")},
			request: `{"kind":"sweep","select":{"tags":{"env":"nowhere"}}}`,
			told: []string{
				"22 12:00 report map[] (no instance fits the selection)",
			},
		},
		"outside the windows an upgrade at once is moved": {
			policy: "windows: {allow: [{from: \"01:00\", to: \"05:00\", zone: Asia/Shanghai}]}\n", // 17:00 to 21:00 UTC
			fleet:  []fakerds.Instance{behind("rm-1")}, request: sweep, takes: 12 * time.Hour, calls: []string{
				"22 12:00 rm-1 rds_20260228 SpecifyTime 2026-11-22T17:00:00Z",
			},
			told: []string{
				"22 12:00 accepted rm-1 wave 1 (not at once: outside 01:00-05:00 Asia/Shanghai; moved to 2026-11-22T17:00:00Z)",
				"22 17:15 completed rm-1 wave 1",
				"22 17:15 report rm-1 wave 0 map[completed:1]",
			},
			account: []string{
				"rm-1 completed",
			},
		},
		"an upgrade in the maintenance window stays there where that is permitted": {
			policy:  "windows: {allow: [{from: \"01:00\", to: \"08:00\", zone: Asia/Shanghai}]}\n",
			fleet:   []fakerds.Instance{behind("rm-1"), behind("rm-2", func(i *fakerds.Instance) { i.MaintainTime = "16:00Z-18:00Z" })},
			request: `{"kind":"sweep","schedule":{"UpgradeTime":"MaintainTime"},"rollout":{"bake":"0s"}}`, takes: 48 * time.Hour, calls: []string{
				"22 12:00 rm-1 rds_20260228 MaintainTime",
				"22 22:05 rm-2 rds_20260228 SpecifyTime 2026-11-23T17:00:00Z",
			},
			told: []string{
				"22 12:00 accepted rm-1 wave 1",
				"22 22:05 completed rm-1 wave 1",
				"22 22:05 accepted rm-2 wave 2 (the maintenance window 16:00Z-18:00Z is not wholly permitted; moved to 2026-11-23T17:00:00Z)",
				"23 17:15 completed rm-2 wave 2",
				"23 17:15 report map[completed:2]",
			},
			account: []string{
				"rm-1 completed",
				"rm-2 completed",
			},
		},
		"a denied time is passed over": {
			policy: "windows: {deny: [{from: \"2026-11-20T00:00\", to: \"2026-11-24T00:00\", zone: UTC, why: freeze}]}\n",
			fleet:  []fakerds.Instance{behind("rm-1")}, request: sweep, takes: 48 * time.Hour,
			told: []string{
				"22 12:00 accepted rm-1 wave 1 (not at once: freeze; moved to 2026-11-24T00:00:00Z)",
				"24 00:15 completed rm-1 wave 1",
				"24 00:15 report rm-1 wave 0 map[completed:1]",
			},
			account: []string{
				"rm-1 completed",
			},
		},
		"with no permitted time in 30 days an instance is left alone": {
			policy: "windows: {deny: [{from: \"2026-11-20T00:00\", to: \"2027-11-24T00:00\", zone: UTC, why: freeze}]}\n",
			fleet:  []fakerds.Instance{behind("rm-1")}, request: sweep,
			told: []string{
				"22 12:00 report rm-1 wave 0 map[skipped:1] (not at once: freeze; nothing is permitted before 2026-12-22T12:00:00Z)",
			},
			account: []string{
				"rm-1 skipped outside_window: not at once: freeze; nothing is permitted before 2026-12-22T12:00:00Z",
			},
		},
		"an upgrade in 20 days is followed over the days and proven": {
			fleet:   []fakerds.Instance{behind("rm-1")},
			request: `{"kind":"sweep","schedule":{"UpgradeTime":"SpecifyTime","SwitchTime":"2026-12-12T18:00:00Z"}}`, takes: 21 * 24 * time.Hour,
			told: []string{
				"22 12:00 accepted rm-1 wave 1",
				"12 18:15 completed rm-1 wave 1",
				"12 18:15 report rm-1 wave 0 map[completed:1]",
			},
			account: []string{
				"rm-1 completed",
			},
		},
		"one that the API refuses for good halts the rollout": {
			policy:  "budget: {maxInstances: 1, maxPercent: 100}\n",
			fleet:   []fakerds.Instance{behind("rm-1", with(fakerds.Upgrade{Refuse: "InvalidMinorVerison.NotFound"})), behind("rm-2", with(fakerds.Upgrade{Refuse: "InvalidMinorVerison.NotFound"}))},
			request: sweep, takes: time.Hour,
			told: []string{
				"22 12:00 failed rm-1 wave 1",
				"22 12:00 halted map[failed:1 skipped:1] (1 did not succeed, and the request allows 0: rm-1 failed)",
				"22 12:00 report map[failed:1 skipped:1] (1 did not succeed, and the request allows 0: rm-1 failed)",
			},
			account: []string{
				"rm-2 skipped held: the rollout was halted: 1 did not succeed, and the request allows 0: rm-1 failed",
				"rm-1 failed wave 1",
			},
		},
		"one failure that is allowed does not halt the rollout": {
			policy:  "budget: {maxInstances: 1, maxPercent: 100}\n",
			fleet:   []fakerds.Instance{behind("rm-1"), behind("rm-2", with(fakerds.Upgrade{Fails: true})), behind("rm-3")},
			request: `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s","maxFailures":1}}`, takes: 3 * time.Hour,
			told: []string{
				"22 12:00 accepted rm-3 wave 1",
				"22 12:15 completed rm-3 wave 1",
				"22 12:15 accepted rm-1 wave 2",
				"22 12:30 completed rm-1 wave 2",
				"22 12:30 accepted rm-2 wave 3",
				"22 12:45 failed rm-2 wave 3 (RDS's task 226917713 is Failed, with StartTime 2026-11-22T12:30:00Z: UpgradeCheckFailed)",
				"22 12:45 report map[completed:2 failed:1]",
			},
			account: []string{
				"rm-1 completed",
				"rm-2 failed wave 3: RDS's task 226917713 is Failed, with StartTime 2026-11-22T12:30:00Z: UpgradeCheckFailed",
				"rm-3 completed",
			},
		},
		"an instance that does not come back has failed": {
			fleet:   []fakerds.Instance{behind("rm-1", with(fakerds.Upgrade{Takes: 20 * 24 * time.Hour}))},
			request: sweep, takes: 12 * time.Hour,
			told: []string{
				"22 12:00 accepted rm-1 wave 1",
				"22 18:00 failed rm-1 wave 1 (it has not come back: DBInstanceStatus is EngineVersionUpgrading; RDS's task 226917711 is Running, with StartTime 2026-11-22T12:00:00Z)",
				"22 18:00 halted map[failed:1] (1 did not succeed, and the request allows 0: rm-1 failed)",
				"22 18:00 report rm-1 wave 1 map[failed:1] (1 did not succeed, and the request allows 0: rm-1 failed)",
			},
			account: []string{
				"rm-1 failed wave 1: it has not come back: DBInstanceStatus is EngineVersionUpgrading; RDS's task 226917711 is Running, with StartTime 2026-11-22T12:00:00Z",
			},
		},
		"an upgrade that one asks for is proven, too": {
			fleet:   []fakerds.Instance{behind("rm-1")},
			request: `{"DBInstanceId":"rm-1","UpgradeTime":"Immediate"}`, takes: time.Hour,
			told: []string{
				"22 12:00 accepted rm-1 wave 1",
				"22 12:15 completed rm-1 wave 1",
				"22 12:15 report rm-1 wave 0 map[completed:1]",
			},
			account: []string{
				"rm-1 completed",
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			story(t, c.policy, func(_ *testing.T, w *world) {
				w.rds.AddVersion(c.offers...)
				w.rds.Add(c.fleet...)
				w.send(c.request)
				w.same("told", c.told, w.lines(c.takes))
				w.same("the report", c.account, w.last("report").account())
				if c.calls != nil {
					w.same("calls", c.calls, w.upgradeCalls())
				}
				w.clean()
			})
		})
	}
}
