package parallel_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// helper is the only file of the function that may start goroutines.
const helper = "function/internal/parallel/parallel.go"

// starts lists what starts goroutines in a file, and would run the function's own code on them.
func starts(t *testing.T, name, source string) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			all = append(all, "a go statement")
		case *ast.ImportSpec:
			if strings.HasPrefix(n.Path.Value, `"golang.org/x/sync/`) {
				all = append(all, "an import of "+n.Path.Value)
			}
		case *ast.SelectorExpr:
			if n.Sel.Name == "Go" || n.Sel.Name == "AfterFunc" {
				all = append(all, "a use of "+n.Sel.Name)
			}
		}
		return true
	})
	return all
}

func TestNoOtherFileOfTheFunctionStartsGoroutines(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	var files int
	var helpers []string
	err := filepath.WalkDir(filepath.Join(root, "function"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, what := range starts(t, path, string(source)) {
			if filepath.ToSlash(name) != helper {
				t.Errorf("%s has %s: start it with package parallel, which keeps a panic from ending the process", name, what)
			}
			helpers = append(helpers, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 || !slices.Contains(helpers, helper) {
		t.Errorf("%d files, of which %v start goroutines: this test does not find what it looks for", files, helpers)
	}
}

func TestEveryWayToStartAGoroutineIsFound(t *testing.T) {
	t.Parallel()
	for source, want := range map[string][]string{
		`import "sync"; func f() { go f() }`:                                          {"a go statement"},
		`func f() { func() { go func() { f() }() }() }`:                               {"a go statement"},
		`import "golang.org/x/sync/errgroup"; var g errgroup.Group`:                   {`an import of "golang.org/x/sync/errgroup"`},
		`import "sync"; func f() { var g sync.WaitGroup; g.Go(f) }`:                   {"a use of Go"},
		`import "sync"; func f() { var g sync.WaitGroup; start := g.Go; _ = start }`:  {"a use of Go"},
		`import "time"; func f() { time.AfterFunc(0, f) }`:                            {"a use of AfterFunc"},
		`import "context"; func f(ctx context.Context) { context.AfterFunc(ctx, f) }`: {"a use of AfterFunc"},
		`import "sync"; func f() { var m sync.Mutex; m.Lock() }`:                      nil,
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, starts(t, "x.go", fmt.Sprintf("package x; %s", source))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
