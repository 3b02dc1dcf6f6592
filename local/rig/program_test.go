package rig_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rds-kernel-upgrade/local/rig"
)

func TestAProgramIsBuiltIntoAFolderThatIsGoneAfterwards(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nvar word = \"unset\"\n\nfunc main() { print(word) }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var program string
	code := rig.WithFolder(suite(func() int {
		out, err := exec.CommandContext(t.Context(), program).CombinedOutput()
		if err != nil || string(out) != "set" {
			t.Errorf("it printed %q: %v", out, err)
		}
		return 7
	}), func(folder string) error {
		program = filepath.Join(folder, "main")
		return rig.Build(program, source, "-ldflags=-X main.word=set")
	})
	if code != 7 {
		t.Errorf("the tests ended with 7, the run with %d", code)
	}
	if _, err := os.Stat(filepath.Dir(program)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there (%v)", err)
	}
}

func TestTestsDoNotRunWithoutWhatTheyNeed(t *testing.T) {
	t.Parallel()
	var told error
	code := rig.WithFolder(suite(func() int { t.Error("they ran"); return 0 }), func(folder string) error {
		told = rig.Build(filepath.Join(folder, "main"), "./nothing", rig.DeployFlags()...)
		return told
	})
	if code != 1 || told == nil || !strings.Contains(told.Error(), "building ./nothing: exit status 1: ") {
		t.Errorf("got %d and %v", code, told)
	}
}
