package upgrade_test

import (
	"fmt"
	"testing"

	"rds-kernel-upgrade/function/internal/upgrade"
)

// BenchmarkDecideTenThousand is the plan of a large fleet.
func BenchmarkDecideTenThousand(b *testing.B) {
	fleet := make([]upgrade.Instance, 10_000)
	for n := range fleet {
		fleet[n] = mysql(func(i *upgrade.Instance) { i.ID = fmt.Sprintf("rm-%05d", n) })
	}
	q := upgrade.Question{Request: single(immediate()), Rollout: "r", Policy: upgrade.DefaultPolicy(), Now: now}
	b.ReportAllocs()
	for b.Loop() {
		if len(q.Decide(fleet)) != len(fleet) {
			b.Fatal("an instance is missing")
		}
	}
}
