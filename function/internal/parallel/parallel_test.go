package parallel_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/parallel"
)

// secret is in the values of panics.
const secret = "CAIS-in-a-panic"

func TestEachThingIsDoneOnceAndNoMoreAtTheSameTimeThanThereAreWorkers(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{-1, 0, 1, 2, 16, 200} {
		for _, things := range []int{0, 1, 5, 100} {
			t.Run(fmt.Sprint(workers, " workers, ", things, " things"), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var mu sync.Mutex
					times, inside, most := make([]int, things), 0, 0
					count := func(n int) {
						mu.Lock()
						defer mu.Unlock()
						inside += n
						most = max(most, inside)
					}
					start := time.Now()
					parallel.Do(workers, things, func(n int) {
						count(1)
						defer count(-1)
						time.Sleep(time.Second)
						times[n]++
					})
					for n, k := range times {
						if k != 1 {
							t.Errorf("number %d was done %d times", n, k)
						}
					}
					want := min(max(1, workers), things)
					if most != want {
						t.Errorf("%d at the same time, want %d", most, want)
					}
					if took := time.Since(start); things > 0 && took != time.Duration((things+want-1)/want)*time.Second {
						t.Errorf("it took %s", took)
					}
				})
			})
		}
	}
}

// told is a value that shows itself however it is printed.
type told struct{ What string }

func (v told) Error() string    { return v.What }
func (v told) String() string   { return v.What }
func (v told) GoString() string { return v.What }

// panics are what may happen to a worker, by the type of the value.
var panics = map[string]func(){
	"string":                      explodeWithText,
	"*errors.errorString":         func() { panic(errors.New(secret)) },
	"*fmt.wrapError":              func() { panic(fmt.Errorf("%w", errors.New(secret))) },
	"parallel_test.told":          func() { panic(told{secret}) },
	"*runtime.PanicNilError":      func() { panic(nil) },
	"runtime.plainError":          func() { maps.Copy(map[string]int(nil), map[string]int{secret: 1}) },
	"*runtime.TypeAssertionError": func() { var v any = told{secret}; _ = v.(fmt.Formatter) },
}

func explodeWithText() { panic(secret) }

// caught returns what reaches the caller when do runs.
func caught(do func()) (value any, kind, stack string) {
	defer func() {
		value = recover()
		if value != nil {
			kind, stack = parallel.Trace(value)
		}
	}()
	do()
	return nil, "", ""
}

func TestAPanicReachesTheCallerWithoutItsValue(t *testing.T) {
	t.Parallel()
	for kind, explode := range panics {
		for how, do := range map[string]func(){
			"in a worker": func() {
				parallel.Do(4, 9, func(n int) {
					if n == 5 {
						explode()
					}
				})
			},
			"in a worker of a worker": func() { parallel.Do(2, 2, func(int) { parallel.Do(2, 2, func(int) { explode() }) }) },
			"in a thing that can fail": func() {
				_ = parallel.Try(context.Background(), 2, 2, func(context.Context, int) error { explode(); return nil })
			},
		} {
			t.Run(kind+" "+how, func(t *testing.T) {
				t.Parallel()
				value, got, stack := caught(do)
				if value == nil || got != kind {
					t.Fatalf("the caller got a panic of type %q, want %q", got, kind)
				}
				if !strings.Contains(stack, "parallel_test.") || !strings.Contains(stack, "parallel_test.go:") || !strings.Contains(stack, "created by ") {
					t.Errorf("the stack is not the worker's: %s", stack)
				}
				text := stack
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
					text += fmt.Sprintf(verb, value)
				}
				if err, ok := value.(error); ok {
					t.Errorf("the value is an error, which may be unwrapped: %v", err)
				}
				if strings.Contains(text, secret) {
					t.Errorf("the value is told: %s", text)
				}
			})
		}
	}
}

func TestTheStackIsTheOneOfTheWorkerThatPanicked(t *testing.T) {
	t.Parallel()
	_, _, stack := caught(func() { parallel.Do(2, 2, func(int) { parallel.Do(1, 1, func(int) { explodeWithText() }) }) })
	if !strings.Contains(stack, "parallel_test.explodeWithText") {
		t.Errorf("it does not name who panicked: %s", stack)
	}
	_, kind, stack := caught(explodeWithText) // on the caller's own goroutine
	if kind != "string" || !strings.Contains(stack, "parallel_test.explodeWithText") {
		t.Errorf("%s does not name who panicked: %s", kind, stack)
	}
}

func TestAfterAPanicWhatHasBegunFinishesAndNothingElseBegins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var begun, finished atomic.Int64
		value, _, _ := caught(func() {
			parallel.Do(4, 100, func(n int) {
				begun.Add(1)
				if n == 2 {
					time.Sleep(time.Second)
					panic(secret)
				}
				time.Sleep(3 * time.Second)
				finished.Add(1)
			})
		})
		if value == nil || begun.Load() != 4 || finished.Load() != 3 {
			t.Errorf("%v after %d had begun and %d finished; want a panic after 4 and 3", value, begun.Load(), finished.Load())
		}
	})
}

func TestTheFirstErrorEndsTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first, begun, start := errors.New("the first"), atomic.Int64{}, time.Now()
		err := parallel.Try(t.Context(), 3, 100, func(ctx context.Context, n int) error {
			begun.Add(1)
			if n == 1 {
				time.Sleep(time.Second)
				return first
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Hour):
				return nil
			}
		})
		if took := time.Since(start); !errors.Is(err, first) || begun.Load() != 3 || took != time.Second {
			t.Errorf("%v after %s, when %d had begun; want the first error after a second, when 3 had", err, took, begun.Load())
		}
	})
}

func TestThingsWithoutAnErrorAreAllDone(t *testing.T) {
	t.Parallel()
	var done atomic.Int64
	if err := parallel.Try(t.Context(), 3, 100, func(context.Context, int) error { done.Add(1); return nil }); err != nil || done.Load() != 100 {
		t.Errorf("%v after %d, want no error after 100", err, done.Load())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := parallel.Try(ended, 3, 100, func(ctx context.Context, _ int) error { return ctx.Err() }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v: what was not done must have an error", err)
	}
}

// unrecovered is set for a process that is to end by a worker's panic.
const unrecovered = "PARALLEL_TEST_UNRECOVERED"

// TestAPanicThatNobodyRecoversPrintsNoValue lets a process of its own end by one.
func TestAPanicThatNobodyRecoversPrintsNoValue(t *testing.T) {
	if os.Getenv(unrecovered) != "" {
		parallel.Do(2, 2, func(int) { panic(told{secret}) })
	}
	t.Parallel()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), unrecovered+"=1")
	out, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "panic: a panic of type parallel_test.told") || strings.Contains(string(out), secret) {
		t.Errorf("%v: %s", err, out)
	}
}
