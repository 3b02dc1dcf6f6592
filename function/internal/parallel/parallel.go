// Package parallel starts every goroutine of the function: it does many things side by side, with a bound, and waits for all of them. No
// goroutine outlives the call that started it, and none can end the process: Go ends it for a panic that its own goroutine does not
// recover, and prints the panic's value, which may hold anything. A test forbids the go statement, and what amounts to one, in all other
// files of the function.
//
// The package never retries, and it knows nothing of what it runs.
package parallel

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Do calls do(0) to do(things-1), at most workers of them at the same time and at least one, and returns when all have returned. It has no
// error: do must store its own.
//
// If one of them panics, no further one begins; those that have begun finish; and then Do itself panics, in the caller's goroutine. The
// value of that panic is not the worker's. It holds the type of the worker's value and the worker's stack (see Trace), and nothing else.
// Of several panics it is the first.
func Do(workers, things int, do func(n int)) {
	var next atomic.Int64
	var first atomic.Pointer[crash]
	work := func() {
		defer func() {
			if p := recover(); p != nil {
				first.CompareAndSwap(nil, crashOf(p))
			}
		}()
		for first.Load() == nil {
			n := int(next.Add(1)) - 1
			if n >= things {
				return
			}
			do(n)
		}
	}
	var all sync.WaitGroup
	for range min(max(1, workers), things) {
		all.Go(work)
	}
	all.Wait()
	if c := first.Load(); c != nil {
		panic(c)
	}
}

// Try is Do for things that are of use only together. It returns the first error in time, or nil. After an error no further one begins,
// and ctx ends for those that have begun.
func Try(ctx context.Context, workers, things int, do func(ctx context.Context, n int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var first atomic.Pointer[error]
	Do(workers, things, func(n int) {
		if first.Load() != nil {
			return
		}
		if err := do(ctx, n); err != nil {
			first.CompareAndSwap(nil, &err)
			cancel()
		}
	})
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}

// crash is what is kept of a panic: never its value.
type crash struct {
	kind  string // the Go type of the value
	stack string // of the goroutine that panicked
}

// crashOf must be called by the deferred function that has recovered p. A crash that comes from a Do inside another stays as it is.
func crashOf(p any) *crash {
	if c, ok := p.(*crash); ok {
		return c
	}
	return &crash{kind: fmt.Sprintf("%T", p), stack: string(debug.Stack())}
}

// String is what Go and the libraries print of a panic that nobody recovers.
func (c *crash) String() string { return "a panic of type " + c.kind }

// Trace returns the type of a panic's value and the stack on which the panic came, also where that was a worker's. It must be called by the
// deferred function that has recovered p, with p.
func Trace(p any) (kind, stack string) {
	c := crashOf(p)
	return c.kind, c.stack
}
