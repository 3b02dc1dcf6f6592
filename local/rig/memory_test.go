package rig_test

import (
	"strings"
	"testing"

	"rds-kernel-upgrade/local/rig"
)

// Not parallel: it counts what the process takes.
func TestWhatIsTakenOfMemoryIsBounded(t *testing.T) {
	for name, test := range map[string]struct {
		most uint64
		want string
	}{
		"enough":     {64 << 20, ""},
		"not enough": {1 << 20, "it took "},
	} {
		said := watch(t, func(tb testing.TB) {
			tb.Helper()
			rig.Frugally(tb, test.most, func() { kept = make([]byte, 4<<20) })
		})
		if (said == "") != (test.want == "") || !strings.HasPrefix(said, test.want) {
			t.Errorf("%s: it said %q, want %q", name, said, test.want)
		}
	}
}

// kept is what is taken: what nobody keeps need not be.
var kept []byte
