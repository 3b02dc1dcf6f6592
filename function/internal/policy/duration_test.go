package policy_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rds-kernel-upgrade/function/internal/policy"
)

func TestADurationReadsWhatItPrints(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 90 * time.Second: "1m30s", 5 * time.Minute: "5m", 10 * time.Minute: "10m", time.Hour: "1h", 10 * time.Hour: "10h",
		time.Hour + 10*time.Minute: "1h10m", time.Hour + time.Second: "1h0m1s", 24 * time.Hour: "1d", 14 * 24 * time.Hour: "14d", 36 * time.Hour: "1d12h",
		24*time.Hour + time.Second: "1d1s", 250 * time.Millisecond: "250ms", 1500 * time.Millisecond: "1.5s",
	} {
		if got := policy.Duration(d).String(); got != want {
			t.Errorf("%s is printed as %q, want %q", d, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]time.Duration{1, time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "unit")
		d := policy.Duration(unit * time.Duration(rapid.Int64Range(0, int64(5000*24*time.Hour)/int64(unit)).Draw(t, "count")))
		text, err := d.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back policy.Duration
		if err := back.UnmarshalText(text); err != nil || back != d {
			t.Fatalf("%d is printed as %q and read as %d, %v", d, text, back, err)
		}
	})
}
