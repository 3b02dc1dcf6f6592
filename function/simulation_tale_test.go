package main_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"pgregory.net/rapid"

	"rds-kernel-upgrade/local/fakerds"
)

// tale is one random story, drawn before it is played. Equal tales are played nearly the same way: the function's pauses before it tries again
// are random.
type tale struct {
	fleet   []fakerds.Instance
	policy  taleSetting
	script  []deed
	trouble float64       // how likely a request of the function gets into trouble
	lost    float64       // how likely a tick is lost
	timeout time.Duration // of one invocation
	slow    time.Duration // how long a request takes at most, when all is well
	crowded float64       // how likely RDS refuses an upgrade call by flow control
	otherID bool          // RDS's task history has ids of another form than its answers
	seed    uint64        // what chance follows from
}

// taleSetting is a policy that can change in the middle of a tale.
type taleSetting struct {
	most    int
	percent float64
	windows string
	giveUp  time.Duration
	tempo   string
	mode    string // of the environment
}

const taleWindows = `windows:
  allow: [{days: [mon, tue, wed, fri, sun], from: "20:00", to: "06:00", zone: Asia/Shanghai}]
  deny: [{from: "2026-11-23T23:00", to: "2026-11-24T12:00", zone: Asia/Shanghai, why: release}]
`

// shortWindows close again before much can be done.
const shortWindows = `windows:
  allow:
  - {from: "20:00", to: "20:07", zone: Asia/Shanghai}
  - {from: "21:01", to: "21:11", zone: Asia/Shanghai}
  - {from: "22:03", to: "22:11", zone: Asia/Shanghai}
  - {from: "23:04", to: "00:41", zone: Asia/Shanghai}
  - {from: "05:04", to: "05:26", zone: Asia/Shanghai}
`

// text returns the policy as its file has it.
func (p taleSetting) text() string {
	text := fmt.Sprintf("regions: [cn-hangzhou, cn-shanghai]\nbudget: {maxInstances: %d, maxPercent: %v}\nverify: {first: 5m, giveUp: %s}\n%s", p.most, p.percent, p.giveUp, p.tempo)
	return text + p.windows
}

// dice draw what belongs to one part of a tale. They do not depend on the other parts, so that a tale with fewer of them is the same story.
type dice struct{ *rand.Rand }

func throw(seed uint64, part string, n int) dice {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, part, n)
	return dice{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// once reports something that happens once in so many times.
func (d dice) once(in int) bool { return d.IntN(in) == 0 }

// one returns one of the values.
func one[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }

// Which instances and which deeds a tale has is drawn by rapid, which can leave them out again when a tale fails. All else follows from the seed.
const (
	mostInstances = 12
	mostDeeds     = 26
)

func drawTale(t *rapid.T) tale {
	seed := rapid.Uint64().Draw(t, "seed")
	roll := throw(seed, "tale", 0)
	d := tale{
		seed: seed,
		policy: taleSetting{
			most: 1 + roll.IntN(4), percent: one(roll, 100.0, 100, 50, 30, 10), windows: one(roll, "", "", "", "", taleWindows, shortWindows), giveUp: time.Duration(1+roll.IntN(6)) * time.Hour,
			tempo: one(
				roll,
				"tempo: {critical: {UpgradeTime: Immediate, bake: 0s}, default: {UpgradeTime: Immediate, bake: 30m}}\n",
				"tempo: {critical: {UpgradeTime: Immediate, bake: 1h}, default: {UpgradeTime: MaintainTime, bake: 2h}}\n",
			),
		},
		trouble: rapid.SampledFrom([]float64{0, 0.003, 0.01, 0.03}).Draw(t, "trouble"),
		lost:    one(roll, 0, 0.05, 0.3),
		timeout: one(roll, 10*time.Minute, 10*time.Minute, time.Minute, 20*time.Second, 6*time.Second),
		slow:    one(roll, 20*time.Millisecond, 20*time.Millisecond, time.Second, 4*time.Second),
		crowded: one(roll, 0, 0, 0, 0.3, 0.8),
		otherID: roll.once(2),
	}
	for n, there := range rapid.SliceOfN(rapid.Bool(), mostInstances, mostInstances).Draw(t, "instances") {
		if there || n == 0 {
			d.fleet = append(d.fleet, drawInstance(throw(seed, "instance", n), n, d.fleet))
		}
	}
	for n, there := range rapid.SliceOfN(rapid.Bool(), mostDeeds, mostDeeds).Draw(t, "deeds") {
		if there || n == 0 {
			d.script = append(d.script, drawDeed(throw(seed, "deed", n), n))
		}
	}
	return d
}

// drawInstance draws an instance, possibly a replica of one that was drawn before.
func drawInstance(d dice, n int, before []fakerds.Instance) fakerds.Instance {
	i := fakerds.Instance{
		DBInstanceID: fmt.Sprintf("rm-%02d", n), RegionID: one(d, "cn-hangzhou", "cn-shanghai"),
		CurrentKernelVersion: one(d, "rds_20250531", "rds_20250531", "rds_20250531", "rds_20250531", "rds_20250930", "rds_20260228"),
		LatestKernelVersion:  "rds_20260228", MaintainTime: one(d, "18:00Z-22:00Z", "15:00Z-16:00Z", "23:00Z-01:00Z"),
		Tags: map[string]string{"env": one(d, "dev", "prod"), "kernel-upgrade": "auto"},
		Upgrade: fakerds.Upgrade{
			Takes:  one(d, 7*time.Minute, 7*time.Minute, time.Minute, 40*time.Minute, 5*time.Hour),
			Silent: d.once(12), Fails: d.once(12),
			Status:     one(d, "", "", "", "TRANSING", "Running"),
			NextWindow: d.once(4),
		},
	}
	if d.once(10) {
		i.Upgrade.Refuse = one(d, refusals...)
	}
	if d.once(15) {
		i.Upgrade.Scheduled = one(d, 40*time.Minute, 30*time.Hour)
	}
	if d.once(10) {
		i.DBInstanceStatus = one(d, "Stopped", "Backingup")
	}
	drawEngine(d, &i, before)
	if d.once(12) {
		delete(i.Tags, "kernel-upgrade")
	}
	if d.once(15) {
		i.Tags["kernel-upgrade-hold"] = one(d, "2026-11-24", "the auditors", "")
	}
	if d.once(20) {
		i.LockMode = "ManualLock"
	}
	return i
}

func drawEngine(d dice, i *fakerds.Instance, before []fakerds.Instance) {
	primary := fakerds.Instance{}
	if len(before) > 0 && d.once(3) {
		primary = one(d, before...)
	}
	if primary.MasterInstanceID != "" {
		primary = fakerds.Instance{}
	}
	if d.once(4) && primary.DBInstanceID == "" || primary.Engine == "PostgreSQL" {
		i.Engine, i.EngineVersion = "PostgreSQL", "15.0"
		i.CurrentKernelVersion = one(d, "rds_postgres_1500_20250530", "rds_postgres_1500_20250530", "rds_postgres_1500_20250830", "rds_postgres_1500_20260130")
		i.LatestKernelVersion = "rds_postgres_1500_20260130"
		i.DBInstanceStorageType = one(d, "cloud_essd", "cloud_essd", "cloud_essd", "general_essd", "local_ssd")
	}
	if primary.DBInstanceID != "" {
		i.MasterInstanceID, i.RegionID, i.DBInstanceStorageType = primary.DBInstanceID, primary.RegionID, primary.DBInstanceStorageType
	}
}

// refusals are what RDS may answer to every upgrade call of an instance: what lasts, what passes, what is unclear.
var refusals = []string{"InvalidMinorVerison.NotFound", "Forbidden.RAM", "IncorrectDBInstanceState", "TaskExists", "Throttling.User", "InternalError"}

// taleVersions are those that RDS offers besides each instance's latest: one that is too young, one that is no longer offered, one that has
// expired, and a beta.
var taleVersions = []fakerds.MiniVersion{
	{MinorVersion: "rds_20250531"},
	{MinorVersion: "rds_20250930"},
	{MinorVersion: "rds_20260228"},
	{MinorVersion: "rds_20261120"},
	{MinorVersion: "rds_20260401", StatusDesc: "Offline"},
	{MinorVersion: "rds_20260501", ExpireStatus: "expired"},
	{MinorVersion: "rds_20260601", ReleaseType: "BETA"},
	{MinorVersion: "rds_postgres_1500_20250530", Engine: "PostgreSQL", EngineVersion: "15.0", CommunityMinorVersion: "15.8"},
	{MinorVersion: "rds_postgres_1500_20250830", Engine: "PostgreSQL", EngineVersion: "15.0", CommunityMinorVersion: "15.10"},
	{MinorVersion: "rds_postgres_1500_20260130", Engine: "PostgreSQL", EngineVersion: "15.0", CommunityMinorVersion: "15.13"},
}
