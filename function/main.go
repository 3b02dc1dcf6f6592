// Command main is the function: the binary that Function Compute's go1 runtime starts (handler: main). This file is its
// wiring; handler.go is what happens to an event. It opens no port and keeps no state between invocations but connections.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/function/internal/settings"
)

func main() {
	if len(os.Args) > 1 {
		os.Exit(command(os.Args[1]))
	}
	log.SetOutput(discreet{os.Stderr})
	debug.SetGCPercent(50)         // the heap is a few megabytes: collecting it twice as often keeps the process small (make bench)
	debug.SetMemoryLimit(40 << 20) // and as often as it takes where ten thousand instances fill it (make bench-fleet)
	fc.Start(handler(func() *Function { return New(os.Getenv, codeDir(), time.Now, os.Stdout) }, slog.New(slog.NewJSONHandler(os.Stdout, nil))))
}

// command does what an operator asks of the binary, and returns the exit status.
func command(name string) int {
	f := New(os.Getenv, codeDir(), time.Now, os.Stderr)
	switch name {
	case "policy":
		return f.printPolicy(os.Stdout, os.Stderr)
	case "begin":
		return f.beginState(os.Getenv, os.Stdout, os.Stderr)
	default:
		_, _ = fmt.Fprintf(os.Stderr, "%q is no command: want policy or begin; without one, Function Compute's runtime is expected\n", name)
		return 2
	}
}

// handler returns what the runtime calls for each event. The configuration is read with the first one: what is wrong with it is told then,
// and the process is ready sooner. A panic of made is an error as any other is.
func handler(made func() *Function, log *slog.Logger) func(context.Context, []byte) (*Report, error) {
	f := sync.OnceValue(made)
	return func(ctx context.Context, event []byte) (report *Report, err error) {
		defer (&run{log: journal{log}}).recover(&err)
		return f().Handle(ctx, event)
	}
}

// codeDir is where the code package was unpacked.
func codeDir() string {
	if dir := os.Getenv("FC_FUNC_CODE_PATH"); dir != "" {
		return dir
	}
	return filepath.Dir(os.Args[0])
}

// printPolicy prints the policy in force, defaults included, as a file that could stand in its place; and as notes what in it is probably
// not meant, and its next windows. What is wrong with the configuration is printed alone. It returns the exit status.
func (f *Function) printPolicy(out, notes io.Writer) int {
	if f.broken != nil {
		for _, line := range problemLines(f.broken) {
			_, _ = fmt.Fprintln(notes, line)
		}
		return 1
	}
	if err := yaml.NewEncoder(out).Encode(f.config.Policy); err != nil {
		_, _ = fmt.Fprintln(notes, err)
		return 1
	}
	for _, note := range f.config.Policy.Notes(f.now()) {
		_, _ = fmt.Fprintln(notes, "note:", note)
	}
	for _, opening := range f.config.Policy.Openings(f.now()) {
		_, _ = fmt.Fprintln(notes, "next window:", opening)
	}
	return 0
}

// problemLines returns what is wrong with the configuration, one problem a line.
func problemLines(err error) (lines []string) {
	var joined interface{ Unwrap() []error }
	var policy settings.Problems
	switch {
	case err == nil:
	case errors.As(err, &joined):
		for _, one := range joined.Unwrap() {
			lines = append(lines, problemLines(one)...)
		}
	case errors.As(err, &policy):
		for _, line := range policy.Lines() {
			lines = append(lines, "policy: "+line)
		}
	default:
		lines = []string{err.Error()}
	}
	return lines
}
