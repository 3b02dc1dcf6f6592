package policy_test

import (
	"go/build"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "rds-kernel-upgrade/"

// beneath returns what the files of a package import, tests apart: the package's own imports, and those of the module's packages below it.
func beneath(t *testing.T, pkg string) []string {
	t.Helper()
	found := map[string]bool{}
	var visit func(pkg string)
	visit = func(pkg string) {
		read, err := build.ImportDir(filepath.Join("..", "..", "..", filepath.FromSlash(pkg)), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range read.Imports {
			if inner, ours := strings.CutPrefix(name, module); ours && !found[name] {
				visit(inner)
			}
			found[name] = true
		}
	}
	visit(pkg)
	return slices.Sorted(maps.Keys(found))
}

// outside are the standard library's ways to the machine, the network and the log; each stands for the packages inside it, too.
var outside = []string{"embed", "io/fs", "io/ioutil", "log", "net", "os", "plugin", "runtime", "syscall"}

// reaches returns which of the imports do I/O.
func reaches(imports []string) (all []string) {
	for _, name := range imports {
		if slices.ContainsFunc(outside, func(o string) bool { return name == o || strings.HasPrefix(name, o+"/") }) {
			all = append(all, name)
		}
	}
	return all
}

func TestThePolicyNeedsNothingAboveItAndNoIO(t *testing.T) {
	t.Parallel()
	imports := beneath(t, "function/internal/policy")
	if got := reaches(imports); got != nil {
		t.Errorf("package policy does I/O with %q: its callers read files, and give it the time and the zones", got)
	}
	var others []string // than the standard library's
	for _, name := range imports {
		if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") || strings.HasPrefix(name, module) {
			others = append(others, name)
		}
	}
	want := []string{
		"go.yaml.in/yaml/v3", module + "events", module + "function/internal/settings", module + "function/internal/version", module + "function/internal/window",
	}
	if diff := cmp.Diff(want, others); diff != "" {
		t.Errorf("what package policy needs (-want +got):\n%s", diff)
	}
}

func TestAPackageThatDoesIOIsFound(t *testing.T) {
	t.Parallel()
	if got := reaches(beneath(t, "function/internal/transport")); !slices.Contains(got, "net/http") {
		t.Errorf("transport does I/O with %q: this test does not find what it looks for", got)
	}
}
