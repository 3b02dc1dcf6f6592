package rds_test

import (
	"slices"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
)

// A code that the table has means the same whatever the status: the API's statuses are not documented as fixed.
func TestACodeOfTheTableMeansTheSameWithEveryStatus(t *testing.T) {
	t.Parallel()
	refused := refuser(t)
	longer := []answered{{403, "NoPermission.Role", fault.Denied, false}, {503, "ServiceUnavailable.Zone", fault.Unavailable, true}}
	for _, want := range slices.Concat(longer, named) {
		for _, status := range []int{400, 429, 503} { // one of each kind that the status alone would give
			if got := refused(status, want.code); got.Kind != want.kind || got.Code != want.code {
				t.Errorf("with status %d: %s %q, want %s", status, got.Kind, got.Code, want.kind)
			}
		}
	}
}
