package rig_test

import (
	"testing"
	"time"

	"rds-kernel-upgrade/local/rig"
)

func TestAClockStandsWhereItWasMovedTo(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	clock := rig.NewClock(noon)
	if got := clock.Now(); !got.Equal(noon) {
		t.Errorf("it stands at %s, want noon", got)
	}
	clock.Advance(time.Hour)
	if got := clock.Now(); got.Sub(noon) != time.Hour {
		t.Errorf("it stands at %s, want an hour later", got)
	}
	clock.Set(noon)
	if got := clock.Now(); !got.Equal(noon) {
		t.Errorf("it stands at %s, want noon again", got)
	}
}
