package upgrade_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// A claim does not hold what was asked about the time. The request does, if it is the claim's own and about the one instance.
func TestWhatIsToldOfAClaimHasTheTimeThatItsOwnRequestAsksFor(t *testing.T) {
	t.Parallel()
	at := now.Add(2 * time.Hour)
	asked := question(single(events.Upgrade{DBInstanceID: id, UpgradeTime: events.SpecifyTime, SwitchTime: at}))
	own, other := claim(upgrade.Intent, rollout), claim(upgrade.Intent, "other")
	for name, c := range map[string]struct {
		question upgrade.Question
		claim    upgrade.Claim
		want     upgrade.Settlement
	}{
		"its own, of a single request": {asked, own, upgrade.Settlement{Claim: own, Status: upgrade.Accepted, Own: true, UpgradeTime: "SpecifyTime", SwitchTime: at}},
		"its own, of a fleet":          {sweep(), own, upgrade.Settlement{Claim: own, Status: upgrade.Accepted, Own: true}},
		"another's":                    {asked, other, upgrade.Settlement{Claim: other, Status: upgrade.Accepted}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := c.question.Decide([]upgrade.Instance{member(id, claimed(c.claim), status("Rebooting"))})[0]
			if diff := cmp.Diff(&c.want, d.Settlement); diff != "" {
				t.Errorf("settlement (-want +got):\n%s", diff)
			}
		})
	}
}
