package rds_test

import (
	"fmt"
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
)

// A code that the table has means the same whatever the status: the API's statuses are not documented as fixed.
func TestACodeOfTheTableMeansTheSameWithEveryStatus(t *testing.T) {
	t.Parallel()
	longer := []answered{{403, "NoPermission.Role", fault.Denied, false}, {503, "ServiceUnavailable.Zone", fault.Unavailable, true}}
	for _, want := range append(longer, answers...) {
		if want.kind == fault.Invalid || want.code == "" || strings.HasPrefix(want.code, "Something") { // no row has it
			continue
		}
		t.Run(fmt.Sprintf("%d %s", want.status, want.code), func(t *testing.T) {
			t.Parallel()
			for _, status := range []int{400, 403, 404, 429, 500, 503} {
				s := serve(t, reply(status, fmt.Sprintf(`{"RequestId":"R-1","Code":%q,"Message":"m"}`, want.code)))
				_, err := s.client.Upgrade(t.Context(), step(), always)
				if got := fault.From(err); got.Kind != want.kind || got.Code != want.code {
					t.Errorf("with status %d: %s %q, want %s", status, got.Kind, got.Code, want.kind)
				}
			}
		})
	}
}
