package rig_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"rds-kernel-upgrade/local/rig"
)

// It needs -race to tell all.
func TestATapeIsWrittenAndReadAtTheSameTime(t *testing.T) {
	t.Parallel()
	var tape rig.Tape
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, _ = fmt.Fprintln(&tape, "line")
			_ = tape.String()
		})
	}
	all.Wait()
	if got := tape.String(); got != strings.Repeat("line\n", 20) {
		t.Errorf("got %q", got)
	}
	tape.Reset()
	_, _ = fmt.Fprint(&tape, "new")
	if got := tape.String(); got != "new" {
		t.Errorf("after a reset: %q", got)
	}
}
