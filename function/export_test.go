package main

import (
	"context"
	"io"
	"log/slog"

	"rds-kernel-upgrade/function/internal/transport"
)

// Over lets the function send its requests over another pool, so that its own time can be measured without the network's.
func (f *Function) Over(pool transport.Pool) { f.transport = transport.Over(pool) }

// Known is of how many rollouts the process knows something.
func (f *Function) Known() int { return len(f.overtaken) }

// Discreet is where other packages log.
func Discreet(out io.Writer) io.Writer { return discreet{out} }

// PrintPolicy is what `main policy` does.
func (f *Function) PrintPolicy(out, notes io.Writer) int { return f.printPolicy(out, notes) }

// Handler is what the runtime calls.
func Handler(made func() *Function, log *slog.Logger) func(context.Context, []byte) (*Report, error) {
	return handler(made, log)
}
