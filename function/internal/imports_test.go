package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "rds-kernel-upgrade/"

// floors has the floor of each package that the function is made of. A package imports only what stands on lower floors.
var floors = map[string]int{
	"events": 0, "function/internal/fault": 0, "function/internal/version": 0, "function/internal/parallel": 0, "function/internal/invocation": 0, "function/internal/transport": 0,
	"function/internal/window": 1, "function/internal/settings": 1, "function/internal/advisory": 1, "function/internal/pace": 1,
	"function/internal/policy": 2, "function/internal/fleet": 2, "function/internal/state": 2, "function/internal/mns": 2, "function/internal/oss": 2,
	"function/internal/plan": 3, "function/internal/rds": 3,
	"function/internal/act": 4, "function/internal/notice": 4,
	"function": 5,
}

// pure are the packages that do no I/O and read no clock: what they return depends on their arguments alone. Their types may be used with the
// types of fault and of fleet, which do none either, but know how to wait.
var pure = []string{
	"events", "function/internal/advisory", "function/internal/fault", "function/internal/notice", "function/internal/plan", "function/internal/policy",
	"function/internal/settings", "function/internal/state", "function/internal/version", "function/internal/window",
}

// notPure are packages of the standard library that do I/O, or whose answers depend on something else than their arguments. Each stands for the
// packages inside it, too.
var notPure = []string{"crypto/rand", "embed", "io/fs", "io/ioutil", "log", "math/rand", "net", "os", "plugin", "runtime", "syscall", "testing", "unsafe"}

// permitted are imports that notPure would forbid, and modules of others.
var permitted = map[string][]string{
	"function/internal/fault":    {"net/http"}, // for the names of its status codes
	"function/internal/settings": {"go.yaml.in/yaml/v3"},
}

// clocks are the functions of package time that read the clock or wait.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "LoadLocation", "Local"}

// sources returns the files of a package, tests apart.
func sources(t *testing.T, pkg string) (files []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pkg), "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s has %d files, %v", pkg, len(paths), err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// imports returns what the files of a package import, each once.
func imports(t *testing.T, pkg string) (all []string) {
	t.Helper()
	for _, file := range sources(t, pkg) {
		for _, i := range file.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, path)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// upward returns the imports of a package that do not stand on a lower floor.
func upward(t *testing.T, pkg string) (all []string) {
	t.Helper()
	for _, path := range imports(t, pkg) {
		if own, ours := strings.CutPrefix(path, module); ours {
			if floor, known := floors[own]; !known || floor >= floors[pkg] {
				all = append(all, own)
			}
		}
	}
	return all
}

// impure returns the imports by which a package could do I/O, or that are none of this module's and of the standard library's.
func impure(t *testing.T, pkg string) (all []string) {
	t.Helper()
	for _, path := range imports(t, pkg) {
		host, _, _ := strings.Cut(path, "/")
		others := strings.Contains(host, ".")
		forbidden := slices.ContainsFunc(notPure, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") })
		if (others || forbidden) && !slices.Contains(permitted[pkg], path) {
			all = append(all, path)
		}
	}
	return all
}

// clockReads returns the functions of package time that a package uses to read the clock or to wait.
func clockReads(t *testing.T, pkg string) (all []string) {
	t.Helper()
	for _, file := range sources(t, pkg) {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, s.Sel.Name) {
					all = append(all, "time."+s.Sel.Name)
				}
			}
			return true
		})
	}
	return all
}

// methods returns how many methods each type of a package has. Those of an embedded type are that type's own.
func methods(t *testing.T, pkg string) map[string]int {
	t.Helper()
	many := map[string]int{}
	for _, file := range sources(t, pkg) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil {
				receiver := strings.TrimPrefix(types.ExprString(f.Recv.List[0].Type), "*")
				name, _, _ := strings.Cut(receiver, "[") // without its type parameters
				many[name]++
			}
		}
	}
	return many
}

func TestImportsPointDownwardsOnly(t *testing.T) {
	t.Parallel()
	for pkg := range floors {
		if got := upward(t, pkg); got != nil {
			t.Errorf("%s, on floor %d, imports %q, which are on no lower floor", pkg, floors[pkg], got)
		}
	}
}

func TestEveryPackageHasAFloor(t *testing.T) {
	t.Parallel()
	folders, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if _, known := floors["function/internal/"+folder.Name()]; folder.IsDir() && !known {
			t.Errorf("function/internal/%s has no floor: add it to floors", folder.Name())
		}
	}
}

func TestPurePackagesDoNoIOAndReadNoClock(t *testing.T) {
	t.Parallel()
	for _, pkg := range pure {
		if got := impure(t, pkg); got != nil {
			t.Errorf("%s imports %q: its callers do I/O for it", pkg, got)
		}
		if got := clockReads(t, pkg); got != nil {
			t.Errorf("%s uses %q: its callers give it the time", pkg, got)
		}
	}
	if got := imports(t, "events"); slices.ContainsFunc(got, func(path string) bool { return strings.HasPrefix(path, module) }) {
		t.Errorf("package events imports %q: it uses the standard library only", got)
	}
}

func TestNoTypeHasMoreThanFifteenMethods(t *testing.T) {
	t.Parallel()
	for pkg := range floors {
		for name, many := range methods(t, pkg) {
			if many > 15 {
				t.Errorf("%s.%s has %d methods: want at most 15", pkg, name, many)
			}
		}
	}
}

// TestWhatTheseTestsLookForIsFound keeps the tests above from passing because they find nothing.
func TestWhatTheseTestsLookForIsFound(t *testing.T) {
	t.Parallel()
	if got := impure(t, "function/internal/transport"); !slices.Contains(got, "net/http") {
		t.Errorf("of package transport %q was found", got)
	}
	if got := impure(t, "function/internal/rds"); !slices.ContainsFunc(got, func(path string) bool { return strings.HasPrefix(path, "github.com/aliyun/") }) {
		t.Errorf("of package rds %q was found", got)
	}
	if got := clockReads(t, "function"); got == nil {
		t.Error("of the function no clock was found")
	}
	if got := methods(t, "function/internal/state"); got["Store"] == 0 || got["keys"] == 0 {
		t.Errorf("of package state %v was found", got)
	}
}

// The local cloud stands for other people's services: it knows nothing of the function but what is published.
func TestTheLocalCloudKnowsNothingOfTheFunction(t *testing.T) {
	t.Parallel()
	root, many := filepath.Join("..", "..", "local"), 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		many++
		for _, i := range file.Imports {
			if strings.HasPrefix(i.Path.Value, `"`+module+"function") {
				t.Errorf("%s imports %s", path, i.Path.Value)
			}
		}
		return nil
	})
	if err != nil || many == 0 {
		t.Errorf("%d files, %v", many, err)
	}
}

// TestWhatIsPlayedWithoutTheRaceDetectorIsPure compares the list in the Makefile with the list here.
func TestWhatIsPlayedWithoutTheRaceDetectorIsPure(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "$(addprefix ./function/internal/,")
	list, _, found := strings.Cut(after, ")")
	var listed []string
	for _, name := range strings.Fields(list) {
		listed = append(listed, "function/internal/"+name)
	}
	want := slices.DeleteFunc(slices.Clone(pure), func(pkg string) bool { return !strings.HasPrefix(pkg, "function/") })
	if !found || !slices.Equal(listed, want) {
		t.Errorf("PLAIN in the Makefile has\n%q, and pure here is\n%q", listed, want)
	}
}
