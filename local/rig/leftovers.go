package rig

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// settling is how long Settled waits at the most for what earlier tests have left to go.
const settling = 2 * time.Second

// Leftovers are what this process has: goroutines, and open files and connections.
type Leftovers struct{ Goroutines, Files int }

// CountLeftovers counts now. It skips the test where the system does not tell the open files.
func CountLeftovers(tb testing.TB) Leftovers {
	tb.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Skip("the system does not tell open files: no /proc here")
	}
	return Leftovers{runtime.NumGoroutine(), len(open)}
}

// Settled counts until two counts, a pause apart, are the same.
func Settled(tb testing.TB, pause time.Duration) Leftovers {
	tb.Helper()
	last := CountLeftovers(tb)
	for range settling / pause {
		time.Sleep(pause)
		now := CountLeftovers(tb)
		if now == last {
			break
		}
		last = now
	}
	return last
}

// Await fails the test unless there are, within a time, no more than these.
func (l Leftovers) Await(tb testing.TB, patience time.Duration) {
	tb.Helper()
	late, look := time.NewTimer(patience), time.NewTicker(5*time.Millisecond)
	defer late.Stop()
	defer look.Stop()
	for {
		now := CountLeftovers(tb)
		if now.Goroutines <= l.Goroutines && now.Files <= l.Files {
			return
		}
		select {
		case <-look.C:
		case <-late.C:
			tb.Errorf("goroutines %d → %d, open files %d → %d", l.Goroutines, now.Goroutines, l.Files, now.Files)
			return
		}
	}
}
