package rig

import (
	"runtime"
	"testing"
)

// Frugally wants something done in so many bytes of memory, counted without what is freed on the way. Tests that use it are not parallel: it
// counts what the process takes.
func Frugally(tb testing.TB, most uint64, do func()) {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > most {
		tb.Errorf("it took %d bytes of memory, want at most %d", taken, most)
	}
}
