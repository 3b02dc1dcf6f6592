package main_test

import (
	"fmt"
	"time"
)

// deed is one thing that happens.
type deed struct {
	after  time.Duration // the deed before it
	what   string
	who    int             // the number of an instance, or of a rollout
	n      int             // a choice, by the deed
	text   string          // of a request
	copies []time.Duration // when the message is delivered, after it was sent
	then   *deed           // of an ambush: what happens when the next intents are written, while they are carried out
}

// pauses lie between two deeds: much happens at once.
var pauses = []time.Duration{
	0, 0, time.Second, 20 * time.Second, 2 * time.Minute, 6 * time.Minute, 7 * time.Minute, 15 * time.Minute, 40 * time.Minute, 3 * time.Hour, 9 * time.Hour,
}

// deliveries say when a message comes: mostly at once and once.
var deliveries = [][]time.Duration{
	{0},
	{0},
	{0},
	{0, 0},
	{0, 30 * time.Second},
	{0, 17 * time.Minute, 5 * time.Hour},
	{3 * time.Hour},
	{10 * time.Minute, 11 * time.Hour},
	{0, 26 * time.Hour},
}

// deeds are what can happen.
var deeds = []string{
	"advisory", "advisory", "advisory", "advisory", "sweep", "sweep", "nightly", "one", "one", "again", "again", "again", "stop",
	"policy", "mode", "restart", "second", "second", "second", "kill", "storm", "storm", "ambush", "ambush", "ambush", "ambush",
	"hold", "release", "opt", "lock", "reboot", "backup", "stop instance", "delete", "add", "by hand", "by hand", "schedule", "cancel", "refuse", "quality",
}

func drawDeed(d dice, n int) deed {
	next := deed{after: one(d, pauses...), what: one(d, deeds...), who: d.IntN(mostInstances), n: d.IntN(12)}
	if n == 0 {
		next.what = one(d, "advisory", "advisory", "sweep")
	}
	switch next.what {
	case "advisory", "sweep", "nightly", "one":
		next.text = drawRequest(d, next.what)
		next.copies = one(d, deliveries...)
	case "again", "stop":
		next.copies = one(d, deliveries...)
	case "ambush":
		next.then = &deed{
			what: one(d, "stop", "stop", "again", "tick", "tick", "kill", "by hand", "schedule", "delete", "hold", "mode"), after: time.Duration(d.IntN(3000)) * time.Millisecond,
			who: next.who, n: d.IntN(12), copies: []time.Duration{0},
		}
	}
	return next
}

// advisories are those that there are. All of them want what the fleet has not.
var advisories = []string{
	`{"id":"SEC-1","severity":"critical","affected":[{"Engine":"MySQL","EngineVersion":"8.0","fixedIn":"rds_20250930"}]}`,
	`{"id":"SEC-2","severity":"high","affected":[{"Engine":"MySQL","EngineVersion":"8.0","fixedIn":"rds_20260228"}]}`,
	`{"id":"SEC-3","severity":"low","affected":[{"Engine":"MySQL","EngineVersion":"8.0","fixedIn":"rds_20260228"},{"Engine":"PostgreSQL","EngineVersion":"15.0","fixedIn":"15.13"}]}`,
	`{"id":"SEC-4","severity":"critical","affected":[{"Engine":"PostgreSQL","EngineVersion":"15.0","fixedIn":"15.10"}]}`,
	`{"id":"SEC-5","severity":"high","affected":[{"Engine":"MySQL","EngineVersion":"8.0","fixedIn":"rds_20250930"},{"Engine":"PostgreSQL","EngineVersion":"15.0","fixedIn":"15.10"}]}`,
}

func drawRequest(d dice, what string) string {
	schedule := one(
		d, `{"UpgradeTime":"Immediate"}`, `{"UpgradeTime":"Immediate"}`, `{"UpgradeTime":"Immediate"}`, `{}`, `{"UpgradeTime":"MaintainTime"}`,
		`{"UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-24T15:00:00Z"}`,
	)
	if what == "one" {
		target := one(d, ``, ``, `"TargetMinorVersion":"rds_20250930",`, `"withReplicas":true,`, `"TargetMinorVersion":"rds_20260228",`)
		text := fmt.Sprintf(`{%s"DBInstanceId":"$id","RegionId":"$region"`, target)
		if schedule == "{}" {
			return text + "}"
		}
		return text + "," + schedule[1:]
	}
	rollout := fmt.Sprintf(
		`{%s"bake":"%s","maxFailures":%d}`,
		one(d, ``, ``, `"waves":[{"tags":{"env":"dev"}},{"percent":100}],`, `"waves":[{"percent":30},{"percent":60},{"percent":100}],`),
		one(d, "0s", "30m", "30m", "4h", "24h"), d.IntN(3),
	)
	if d.once(5) {
		rollout = `{}`
	}
	choice := one(
		d, `{}`, `{}`, `{}`, `{"RegionId":["cn-hangzhou","cn-shanghai"]}`, `{"RegionId":["cn-shanghai"]}`, `{"tags":{"env":"dev"}}`,
		`{"DBInstanceId":["rm-00","rm-01","rm-02"]}`,
	)
	if d.once(20) {
		choice = `{"RegionId":["cn-beijing"]}`
	}
	kind := `"kind":"sweep"`
	if what == "advisory" {
		kind = `"kind":"advisory","advisory":` + one(d, advisories...)
	}
	return fmt.Sprintf(`{%s,"select":%s,"schedule":%s,"rollout":%s}`, kind, choice, schedule, rollout)
}
