// Command main is the function: the binary that Function Compute's go1 runtime starts (handler: main). This file is its
// wiring; handler.go is what happens to an event. It opens no port and keeps no state between invocations but connections.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
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
func codeDir() string { return cmp.Or(os.Getenv("FC_FUNC_CODE_PATH"), filepath.Dir(os.Args[0])) }
