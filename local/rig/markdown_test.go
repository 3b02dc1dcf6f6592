package rig_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/rig"
)

func TestTableReadsTheOneThatIsAskedFor(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/a.md"
	text := "# A\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\nwords\n\n| key | meaning |\n|---|---|\n| `a.b` | one `c` |\n| d | |\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"a.b", "one c"}, {"d", ""}}
	if diff := cmp.Diff(want, rig.Table(t, file, "key")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := rig.Table(t, file, "x"); len(got) != 1 {
		t.Errorf("got %v, want the first table alone", got)
	}
}
