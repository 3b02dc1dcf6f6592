package upgrade_test

import (
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/upgrade"
)

func TestATagHoldsOfTheAnswerWhatFitsAndNotOneCharacterMore(t *testing.T) {
	t.Parallel()
	const longest, task = 128, "226917711"
	for length := 40; length <= 64; length++ {
		bare := claim(upgrade.Called, rollout, func(c *upgrade.Claim) { c.Target = strings.Repeat("v", length) })
		with := bare
		with.TaskID = task
		want := bare.String()
		if len(want)+len(" "+task) <= longest {
			want += " " + task
		}
		if got := with.String(); got != want {
			t.Errorf("a target of %d characters:\ngot  %q\nwant %q", length, got, want)
		}
	}
}
