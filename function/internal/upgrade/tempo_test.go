package upgrade_test

import (
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// TestATempoMakesTheStepAndTheBake looks at what a policy does to a step and to a bake.
func TestATempoMakesTheStepAndTheBake(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		policy, severity string
		when             events.UpgradeTime
		bake             time.Duration
	}{
		"critical, as it is by default":  {"", "critical", events.Immediate, time.Hour},
		"high: only its bake is its own": {"", "high", events.MaintainTime, 24 * time.Hour},
		"medium has none of its own":     {"", "medium", events.MaintainTime, 72 * time.Hour},
		"another one":                    {"tempo: {low: {UpgradeTime: Immediate, bake: 0s}}", "low", events.Immediate, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := withAdvisory(sweep(), c.severity, fixedIn("MySQL", newer))
			q.Policy = policyFrom(t, c.policy)
			if d := q.Decide([]upgrade.Instance{member(id)})[0]; d.Step == nil || d.Step.UpgradeTime != string(c.when) {
				t.Errorf("got %+v, %+v; want %s", d.Step, d.Skip, c.when)
			}
			r := upgrade.Begin(rollout, q.Request, "", upgrade.Cause{})
			r.Behind, r.Proven = 1, 1
			if goesOn := r.GoesOn(q.Policy, true, now); goesOn != (c.bake == 0) || !goesOn && r.Next.Sub(now) != c.bake {
				t.Errorf("goes on %t, next in %s; want a bake of %s", goesOn, r.Next.Sub(now), c.bake)
			}
		})
	}
}
