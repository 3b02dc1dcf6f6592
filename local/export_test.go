package main

import (
	"context"
	"io"
	"time"
)

// Run is what main does with its arguments.
func Run(ctx context.Context, out, err io.Writer, args ...string) error {
	return run(ctx, console{out: out, err: err, now: time.Now}, args)
}
