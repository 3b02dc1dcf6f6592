package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
)

// WithFolder runs the tests after something has been put into a folder for them, and gives their exit code. The folder is removed
// behind them.
func WithFolder(tests Tests, prepare func(folder string) error) int {
	folder, err := os.MkdirTemp("", "rig")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := prepare(folder); err != nil {
		fmt.Fprintf(os.Stderr, "preparing the tests: %v\n", err)
		return 1
	}
	return tests.Run()
}

// Build builds a program for this machine, without cgo. What is in the repository may belong to somebody else, so git is not asked.
func Build(out, pkg string, flags ...string) error {
	args := slices.Concat([]string{"build", "-buildvcs=false", "-o", out}, flags, []string{pkg})
	command := exec.CommandContext(context.Background(), "go", args...) //nolint:gosec // tests name what they build
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", pkg, err, text)
	}
	return nil
}

// DeployFlags are the flags with which a handler is built for Function Compute.
func DeployFlags() []string {
	return []string{
		"-tags=nethttpomithttp2", "-trimpath", "-ldflags=-s -w",
		"-gcflags=github.com/...=-l", "-gcflags=golang.org/...=-l", "-gcflags=go.yaml.in/...=-l",
		"-gcflags=rds-kernel-upgrade/...=-l",
	}
}
