package advisory_test

import (
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/advisory"
)

func TestTheFirstEightVersionsAreNamedAndTheOthersCounted(t *testing.T) {
	t.Parallel()
	all := []string{"15.11", "15.12", "15.13", "15.14", "15.15", "15.16", "15.17", "15.18", "15.19"}
	const eight = "15.2 is none of 15.11, 15.12, 15.13, 15.14, 15.15, 15.16, 15.17, 15.18"
	for many, want := range map[int]string{8: eight, 9: eight + " and 1 more"} {
		_, why := advisory.Judge(versions(all[:many]...), fifteen("15.2"))
		if !strings.HasSuffix(why, want) {
			t.Errorf("of %d versions: got %q, want %q at the end", many, why, want)
		}
	}
}
