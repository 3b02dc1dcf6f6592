package act_test

import (
	"fmt"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/act"
)

// BenchmarkMake is the own time of a thousand calls, of one rollout or many.
func BenchmarkMake(b *testing.B) {
	for _, rollouts := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(rollouts, " rollouts"), func(b *testing.B) {
			all := intents("a", 1000, 0)
			for n := range all {
				all[n].Rollout = fmt.Sprint(n * rollouts / len(all))
			}
			b.ReportAllocs()
			for b.Loop() {
				calls := act.Calls{Caller: &recorder{}, Now: time.Now, Workers: 1}
				if len(calls.Make(b.Context(), all)) != len(all) {
					b.Fatal("a result is missing")
				}
			}
		})
	}
}
