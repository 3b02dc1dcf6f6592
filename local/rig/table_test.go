package rig_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/rig"
)

const source = `package p

var first, table = 1, 2

var (
	none   int
	empty  = []string{}
	kinds  = map[string]kind{"A\tb": fault.Denied, ` + "`C`" + `: other}
	fields = []struct{ name string; most int; check func() }{{"a", 1, nil}, {"b", 2, func() {}}}
	words  = []string{"x", "y"}
)
`

func TestATableIsReadFromTheSource(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "p.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	for variable, want := range map[string][][]string{
		"kinds":  {{"A\tb", "Denied"}, {"C", "other"}},
		"fields": {{"a", "1", "nil"}, {"b", "2", ""}},
		"words":  {{"x"}, {"y"}},
	} {
		if diff := cmp.Diff(want, rig.Rows(t, file, variable)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", variable, diff)
		}
	}
	for _, test := range []struct{ file, variable, want string }{
		{file, "first", "no table \"first\""},
		{file, "none", "no table \"none\""},
		{file, "empty", "no table \"empty\""},
		{file, "missing", "no table \"missing\""},
		{file + "x", "kinds", "no such file"},
	} {
		said := watch(t, func(tb testing.TB) {
			tb.Helper()
			rig.Rows(tb, test.file, test.variable)
		})
		if !strings.Contains(said, test.want) {
			t.Errorf("%s: it said %q", test.variable, said)
		}
	}
}
