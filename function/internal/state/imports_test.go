package state_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// permitted are the packages that this one uses beside the standard library.
var permitted = map[string]bool{"rds-kernel-upgrade/events": true, "rds-kernel-upgrade/function/internal/fault": true}

// forbidden are parts of the standard library by which the package could do I/O or read a clock.
var forbidden = map[string]bool{"os": true, "net": true, "net/http": true, "os/exec": true, "io/fs": true, "syscall": true, "crypto/rand": true, "math/rand/v2": true}

func TestThePackageUsesTheStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			own := strings.Contains(strings.SplitN(path, "/", 2)[0], ".") || strings.HasPrefix(path, "rds-kernel-upgrade/")
			if own && !permitted[path] || forbidden[path] {
				t.Errorf("%s imports %s", file, path)
			}
		}
	}
}
