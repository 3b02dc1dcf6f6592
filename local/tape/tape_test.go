package tape_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"rds-kernel-upgrade/local/tape"
)

// It needs -race to tell all.
func TestATapeIsWrittenAndReadAtTheSameTime(t *testing.T) {
	t.Parallel()
	var written tape.Tape
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, _ = fmt.Fprintln(&written, "line")
			_ = written.String()
		})
	}
	all.Wait()
	if got := written.String(); got != strings.Repeat("line\n", 20) {
		t.Errorf("got %q", got)
	}
	written.Reset()
	_, _ = fmt.Fprint(&written, "new")
	if got := written.String(); got != "new" {
		t.Errorf("after a reset: %q", got)
	}
}
