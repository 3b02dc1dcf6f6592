package upgrade_test

import (
	"testing"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
)

func TestWhatIsInNoWaveIsLeftAloneAlsoBehindWhatIsLeftAnyway(t *testing.T) {
	t.Parallel()
	dev := events.Rollout{Waves: []events.Wave{{Tags: map[string]string{"env": "dev"}}}}
	fleet := []upgrade.Instance{
		member("rm-1", current(newer)), member("rm-2", env("prod")), member("rm-3", env("dev")), member("rm-4", env("prod")),
	}
	want := []upgrade.Reason{upgrade.UpToDate, upgrade.Held, "", upgrade.Held}
	for n, d := range sweepOf(dev).Decide(fleet) {
		checkReason(t, d, want[n])
	}
}
