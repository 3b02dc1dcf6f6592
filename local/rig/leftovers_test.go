package rig_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/rig"
)

// Not parallel, as those are not that count what the process has.
func TestWhatIsLeftBehindIsCounted(t *testing.T) {
	before := rig.Settled(t, 10*time.Millisecond)
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	go func() { <-end }()
	if now, want := rig.CountLeftovers(t), (rig.Leftovers{Goroutines: before.Goroutines + 1, Files: before.Files + 1}); now != want {
		t.Errorf("%+v, and one more of each: %+v", before, now)
	}
	for what, most := range map[string]rig.Leftovers{
		"a goroutine too many": {Goroutines: before.Goroutines, Files: before.Files + 1},
		"a file too many":      {Goroutines: before.Goroutines + 1, Files: before.Files},
	} {
		said := watch(t, func(tb testing.TB) {
			tb.Helper()
			most.Await(tb, 10*time.Millisecond)
		})
		if !strings.HasPrefix(said, "goroutines ") {
			t.Errorf("%s: it said %q", what, said)
		}
	}
	time.AfterFunc(20*time.Millisecond, func() { close(end); _ = file.Close() })
	before.Await(t, 10*time.Second)
}

func TestSettledWaitsForWhatEnds(t *testing.T) {
	before := rig.Settled(t, 10*time.Millisecond)
	end := make(chan struct{})
	for n := range 5 {
		go func() {
			select {
			case <-end:
			case <-time.After(time.Duration(n+1) * 20 * time.Millisecond):
			}
		}()
	}
	defer close(end)
	if after := rig.Settled(t, 50*time.Millisecond); after != before {
		t.Errorf("%+v, and when all had ended %+v", before, after)
	}
}
