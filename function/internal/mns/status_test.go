package mns_test

import (
	"fmt"
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
)

// A code that the table has, or one that says "Expired", means the same whatever the status.
func TestACodeOfTheTableMeansTheSameWithEveryStatus(t *testing.T) {
	t.Parallel()
	for _, want := range answers {
		listed := want.kind != fault.Invalid && want.code != "" && want.code != "SomethingNew"
		if !listed && !strings.Contains(want.code, "Expired") {
			continue
		}
		t.Run(fmt.Sprintf("%d %s", want.status, want.code), func(t *testing.T) {
			t.Parallel()
			for _, status := range []int{400, 403, 404, 429, 500, 503} {
				s := serve(t, reply(status, refusal(want.code, "m")))
				_, err := publish(t.Context(), s.client)
				if got := fault.From(err); got.Kind != want.kind || got.Code != want.code {
					t.Errorf("with status %d: %s %q, want %s", status, got.Kind, got.Code, want.kind)
				}
			}
		})
	}
}
