package main

import (
	"context"
	"io"
	"log/slog"

	"rds-kernel-upgrade/function/internal/transport"
)

// Over lets the function send its requests over another pool, so that its own time can be measured without the network's.
func (f *Function) Over(pool transport.Pool) { f.transport = transport.Over(pool) }

// Discreet is where other packages log.
func Discreet(out io.Writer) io.Writer { return discreet{out} }

// PrintPolicy is what `main policy` does.
func (f *Function) PrintPolicy(out, notes io.Writer) int { return f.printPolicy(out, notes) }

// BeginState is what `main begin` does.
func (f *Function) BeginState(getenv func(string) string, out, notes io.Writer) int {
	return f.beginState(getenv, out, notes)
}

// Handler is what the runtime calls.
func Handler(made func() *Function, log *slog.Logger) func(context.Context, []byte) (*Report, error) {
	return handler(made, log)
}
