package policy_test

import (
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/window"
)

func TestATempoIsTheSeveritysAndElseTheDefaults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		policy, severity string
		when             events.UpgradeTime
		bake             time.Duration
	}{
		"critical, as it is by default":          {"", "critical", events.Immediate, time.Hour},
		"high: only its bake is its own":         {"", "high", events.MaintainTime, 24 * time.Hour},
		"medium has none of its own":             {"", "medium", events.MaintainTime, 72 * time.Hour},
		"a sweep has no severity":                {"", "", events.MaintainTime, 72 * time.Hour},
		"one severity changes, others stay":      {"tempo: {high: {bake: 2h}}", "critical", events.Immediate, time.Hour},
		"the one that changes":                   {"tempo: {high: {bake: 2h}}", "high", events.MaintainTime, 2 * time.Hour},
		"a new one":                              {"tempo: {low: {UpgradeTime: Immediate}}", "low", events.Immediate, 72 * time.Hour},
		"a part of critical leaves the other":    {"tempo: {critical: {bake: 2h}}", "critical", events.Immediate, 2 * time.Hour},
		"and so does the other part":             {"tempo: {critical: {UpgradeTime: MaintainTime}}", "critical", events.MaintainTime, time.Hour},
		"a part of the default leaves the other": {"tempo: {default: {UpgradeTime: Immediate}}", "medium", events.Immediate, 72 * time.Hour},
		"and so does its other part":             {"tempo: {default: {bake: 2h}}", "medium", events.MaintainTime, 2 * time.Hour},
		"another default is that of those below": {"tempo: {default: {UpgradeTime: Immediate, bake: 0s}}", "medium", events.Immediate, 0},
		"and of what high leaves out":            {"tempo: {default: {UpgradeTime: Immediate, bake: 0s}}", "high", events.Immediate, 24 * time.Hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parse(t, c.policy).Pace(c.severity); got.UpgradeTime != c.when || *got.Bake != policy.Duration(c.bake) {
				t.Errorf("got %s and %s, want %s and a bake of %s", got.UpgradeTime, got.Bake, c.when, c.bake)
			}
		})
	}
}

func TestTheLongestBakeIsOfAnySeverity(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		policy string
		want   time.Duration
	}{
		"the default's, as it is by default":          {"", 3 * day},
		"a severity's":                                {"tempo: {critical: {bake: 4d}}", 4 * day},
		"that of the least severe":                    {"tempo: {low: {bake: 3d1s}}", 3*day + time.Second},
		"the default's though no severity leaves out": {"tempo: {critical: {bake: 1h}, high: {bake: 1h}, medium: {bake: 1h}, low: {bake: 1h}}", 3 * day},
		"a severity's where the default is nothing":   {"tempo: {default: {bake: 0s}}", day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parse(t, c.policy).LongestBake(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestABudgetBoundsAWaveByCountAndByPercent(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		budget        policy.Budget
		members, want int
	}{
		"20 % of 100 is 20":                    {policy.Budget{MaxInstances: 50, MaxPercent: 20}, 100, 20},
		"20 % of 1,000 is more than 50":        {policy.Budget{MaxInstances: 50, MaxPercent: 20}, 1000, 50},
		"20 % of 14 is 2.8, so 2":              {policy.Budget{MaxInstances: 50, MaxPercent: 20}, 14, 2},
		"20 % of 4 is 0.8, but one is allowed": {policy.Budget{MaxInstances: 50, MaxPercent: 20}, 4, 1},
		"of none too":                          {policy.Budget{MaxInstances: 50, MaxPercent: 20}, 0, 1},
		"100 % of 7 is 7":                      {policy.Budget{MaxInstances: 50, MaxPercent: 100}, 7, 7},
		"1 is one by one":                      {policy.Budget{MaxInstances: 1, MaxPercent: 100}, 7, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.budget.Of(c.members); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestAYoungVersionIsRefusedUnlessItIsCritical(t *testing.T) {
	t.Parallel()
	const young = "rds_20261115 is younger than the policy's versions.minAge, 14d"
	born := time.Date(2026, 11, 15, 0, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		target   string
		critical bool
		age      time.Duration
		want     string
	}{
		"a week old":                     {"rds_20261115", false, 7 * 24 * time.Hour, young},
		"a second less than 14 days old": {"rds_20261115", false, 14*24*time.Hour - time.Second, young},
		"14 days old":                    {"rds_20261115", false, 14 * 24 * time.Hour, ""},
		"a week old, and critical":       {"rds_20261115", true, 7 * 24 * time.Hour, ""},
		"of an unknown day":              {"newest", false, 0, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := policy.Default().Versions.Refusal(c.target, c.critical, born.Add(c.age)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnUpgradeIsPlacedInThePolicysWindows(t *testing.T) {
	t.Parallel()
	next := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		policy string
		when   events.UpgradeTime
		due    time.Time
		ok     bool
		why    string
	}{
		"without windows at once":      {"", events.Immediate, now, true, ""},
		"with windows in the next one": {`windows: {allow: [{from: "01:00", to: "05:00", zone: Asia/Shanghai}]}`, events.SpecifyTime, next, true, ""},
		"never":                        {`windows: {deny: [{from: "2026-11-01T00:00", to: "2027-03-01T00:00", zone: UTC, why: freeze}]}`, "", time.Time{}, false, "nothing is permitted before 2026-12-22T12:00:00Z"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, ok, why := parse(t, c.policy).Place(window.Ask{UpgradeTime: events.Immediate}, now)
			if at.UpgradeTime != c.when || !at.Due.Equal(c.due) || ok != c.ok || !strings.Contains(why, c.why) || c.why == "" && why != "" {
				t.Errorf("got %+v, %t, %q; want %s at %s, %t, %q", at, ok, why, c.when, c.due, c.ok, c.why)
			}
		})
	}
}

func TestATagHoldsAnInstanceUntilItsDateOrForGood(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	const forGood = "holds it until the tag is removed"
	for value, want := range map[string]string{
		"2026-11-23": "holds it until 2026-11-23T00:00:00Z", "2026-11-22": "", "2026-11-22T12:00": "", "2026-11-22T12:01": "holds it until 2026-11-22T12:01:00Z",
		"2026-11-22t18:30z": "holds it until 2026-11-22T18:30:00Z", "2026-11-22T12:00:01Z": "holds it until 2026-11-22T12:00:01Z", " 2026-11-23 ": "holds it until 2026-11-23",
		"": forGood, "true": forGood, "until the launch": forGood, "23.11.2026": forGood, "2026-11-31": forGood, "2026-11-21T12:00+08:00": forGood, "false": forGood,
	} {
		got := policy.Default().Hold.Refusal(map[string]string{"kernel-upgrade-hold": value}, now)
		if want == "" != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
	if got := policy.Default().Hold.Refusal(map[string]string{"kernel-upgrade": "auto"}, now); got != "" {
		t.Errorf("without the tag: %q", got)
	}
}

func TestTheStricterOfTwoModesWins(t *testing.T) {
	t.Parallel()
	for modes, want := range map[[2]policy.Mode]policy.Mode{
		{policy.Apply, ""}: policy.Apply, {policy.Apply, policy.Plan}: policy.Plan, {policy.Plan, policy.Apply}: policy.Plan, {policy.Plan, policy.Off}: policy.Off,
		{policy.Off, policy.Apply}: policy.Off, {policy.Off, ""}: policy.Off, {policy.Apply, policy.Apply}: policy.Apply,
	} {
		if got := policy.Stricter(modes[0], modes[1]); got != want {
			t.Errorf("%v: got %s, want %s", modes, got, want)
		}
	}
}
