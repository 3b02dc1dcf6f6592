package upgrade_test

import (
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// rollout is whose plans these are.
const rollout = "0123456789abcdef"

// optedIn is what every fleet's instance needs.
var optedIn = map[string]string{"kernel-upgrade": "auto"}

// question is what a request asks on the default policy.
func question(r events.Request) upgrade.Question {
	return upgrade.Question{Request: r, Mode: upgrade.Apply, Rollout: rollout, Region: "cn-hangzhou", Policy: upgrade.DefaultPolicy(), Now: now}
}

// sweepOf asks for all that is behind. There are follow-ups, with room for many.
func sweepOf(r events.Rollout) upgrade.Question {
	q := question(events.Request{Kind: events.KindSweep, Fleet: &events.Fleet{Rollout: r}})
	q.Room = 100
	return q
}

func withAdvisory(q upgrade.Question, severity string, affected ...events.Affected) upgrade.Question {
	fleet := *q.Request.Fleet
	fleet.Advisory = &events.Advisory{ID: "CVE-2026-1", Severity: severity, Affected: affected}
	q.Request.Kind, q.Request.Fleet = events.KindAdvisory, &fleet
	return q
}

func fixedIn(engine, version string) events.Affected {
	return events.Affected{Engine: engine, FixedIn: version}
}

func withBudget(q upgrade.Question, instances int, percent float64) upgrade.Question {
	q.Policy.Budget = upgrade.Budget{MaxInstances: instances, MaxPercent: percent}
	return q
}

func withMemory(q upgrade.Question, memory *upgrade.Rollout) upgrade.Question {
	q.Memory = memory
	return q
}

// withWindows permits a few hours of some days, in a zone of its own.
func withWindows(tb testing.TB, q upgrade.Question) upgrade.Question {
	tb.Helper()
	q.Policy = policyFrom(tb, `windows: {allow: [{days: [tue, wed], from: "01:00", to: "05:00", zone: Asia/Shanghai}], deny: [{from: "2026-11-24T00:00", to: "2026-11-25T00:00", zone: Asia/Shanghai}]}`)
	return q
}

func policyFrom(tb testing.TB, text string) upgrade.Policy {
	tb.Helper()
	p, err := upgrade.ParsePolicy([]byte(text), time.LoadLocation)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
