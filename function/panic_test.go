package main_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/local/faults"
)

// panicked is in the value of every panic of these tests. It looks like a security token.
const panicked = "CAIS-in-a-panic"

// trap lets the function panic in one of its goroutines: where it reads the clock next, or writes a certain line of the log.
type trap struct {
	*world
	value any                    // of the panic
	call  atomic.Pointer[string] // the action after whose next answer the clock panics
	clock atomic.Bool            // it panics now
	line  atomic.Pointer[string] // the part of the log's line at which the log panics
}

// Now is the function's clock.
func (t *trap) Now() time.Time {
	if t.clock.Swap(false) {
		panic(t.value)
	}
	return time.Now()
}

// Write is the function's log.
func (t *trap) Write(line []byte) (int, error) {
	if want := t.line.Load(); want != nil && strings.Contains(string(line), *want) && t.line.CompareAndSwap(want, nil) {
		panic(t.value)
	}
	return t.log.Write(line)
}

// arm gives the function a process with a trap in it.
func (w *world) arm(value any) *trap {
	t := &trap{world: w, value: value}
	w.after = func(_, action string) bool {
		if want := t.call.Load(); want != nil && action == *want && t.call.CompareAndSwap(want, nil) {
			t.clock.Store(true)
		}
		return false
	}
	w.function = function.New(func(name string) string { return w.env[name] }, w.folder, t.Now, t)
	w.function.Over(w)
	return t
}

// throttled lets the next call of an action be refused by flow control, and the one who learns of it panic: the limiter wants the time.
func throttled(action string) func(*trap) {
	return func(t *trap) {
		t.rds.Faults().Add(faults.Fault{Action: action, Kind: faults.Throttle, Times: 1})
		t.call.Store(&action)
	}
}

// shown is a value that shows itself however it is printed.
type shown struct{ Text string }

func (s shown) Error() string  { return s.Text }
func (s shown) String() string { return s.Text }

// TestAPanicOfAWorkerIsAnErrorThatTellsNoValue lets workers panic wherever there are any. The invocation fails as any does for a bug; the same
// process serves the same event again and everything after it, and nothing is lost or done twice.
func TestAPanicOfAWorkerIsAnErrorThatTellsNoValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		value any
		set   func(t *trap)
		in    string // what the stack names, besides the worker's beginning
		own   bool   // it is the handler's own goroutine
	}{
		"in the listing of a region":    {value: panicked, set: throttled("DescribeDBInstances"), in: "upgrade.Observer.list.func"},
		"in the reader of tags":         {value: errors.New(panicked), set: throttled("ListTagResources"), in: "upgrade.Observer.tagChunk"},
		"in the reader of an instance":  {value: shown{panicked}, set: throttled("DescribeDBInstanceAttribute"), in: "upgrade.Observer.read"},
		"in the reader of the versions": {value: panicked, set: throttled("DescribeDBMiniEngineVersions"), in: "upgrade.Observer.offer"},
		"in a claim":                    {value: shown{panicked}, set: throttled("TagResources"), in: "upgrade.Run.claim.func"},
		"in an upgrade call":            {value: &shown{panicked}, set: throttled(upgradeCall), in: "upgrade.Run.call"},
		"after an accepted upgrade call": {value: panicked, set: func(t *trap) {
			t.call.Store(new(upgradeCall))
		}, in: "upgrade.Run.call"},
		"in a claim after the accepted calls": {value: fmt.Errorf("%w", errors.New(panicked)), set: func(t *trap) {
			var once sync.Once
			t.before = func(_, action string) bool {
				if action == upgradeCall {
					once.Do(func() { throttled("TagResources")(t) })
				}
				return false
			}
		}, in: "upgrade.Run.write"},
		"in publishing": {value: panicked, set: func(t *trap) {
			t.line.Store(new(`"tag":"accepted"`))
		}, in: "function.(*run).publish.func"},
		"in publishing the report, which no worker does": {value: panicked, set: func(t *trap) {
			t.line.Store(new(`"tag":"report"`))
		}, in: "function.(*run).publishOne", own: true},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, allAtOnce, func(t *testing.T, w *world) {
				t.Helper()
				w.fleetOf(30)
				w.hasty = true
				trap := w.arm(c.value)
				c.set(trap)
				event := w.event("M1", sweepNow)
				failed := 0
				if _, err := w.invoke(event); err != nil {
					failed += w.internal(t, err)
					_, err = w.deliver(event, 1) // as Function Compute does after an error
					if err != nil {
						t.Errorf("the next invocation: %v", err)
					}
				}
				for range 60 {
					time.Sleep(5 * time.Minute)
					if _, err := w.tick(); err != nil {
						failed += w.internal(t, err)
					}
				}
				if failed != 1 {
					t.Errorf("%d invocations have panicked, want 1", failed)
				}
				if line := w.panicLine(); !strings.Contains(line, fmt.Sprintf(`"type":"%T"`, c.value)) || !strings.Contains(line, c.in) || strings.Contains(line, "parallel.Do.func") == c.own {
					t.Errorf("the log does not say that a %T came in %s: %s", c.value, c.in, line)
				}
				w.toldOfThirty(t)
				w.quiet(t)
				w.clean()
			})
		})
	}
}

// internal checks that an invocation ended as one does for a bug, and counts it.
func (w *world) internal(t *testing.T, err error) int {
	t.Helper()
	if err == nil || errorType(t, err) != "Internal" || !strings.Contains(err.Error(), "the log has the stack") {
		t.Errorf("got %v, want an error of type Internal", err)
		return 0
	}
	if strings.Contains(err.Error(), panicked) {
		t.Errorf("the error has the value: %v", err)
	}
	return 1
}

// toldOfThirty checks that each of thirty instances was called once and told of, to the end.
func (w *world) toldOfThirty(t *testing.T) {
	t.Helper()
	accepted, ids := w.accepted(), map[string]bool{}
	if len(accepted) != 30 || slices.Max(slices.Collect(maps.Values(accepted))) != 1 {
		t.Errorf("accepted calls: %v, want one of each of 30", accepted)
	}
	w.read = 0
	ended := map[string]bool{}
	for _, n := range w.news() {
		ids[n.Tag+" "+n.ID] = true
		if n.Tag == "completed" {
			ended[n.Data.DBInstanceID] = true
		}
	}
	if got := fmt.Sprint(w.last("report").Data.Counts); got != "map[completed:30]" || len(ended) != 30 || len(ids) != 61 {
		t.Errorf("the report is %s; %d have an end, in %d notifications that differ; want 30 completed, and 61", got, len(ended), len(ids))
	}
}

// panicLine is what the log says of a panic.
func (w *world) panicLine() string {
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, `"msg":"panic"`) {
			return line
		}
	}
	return "nothing"
}

// quiet checks that the value of the panic is nowhere.
func (w *world) quiet(t *testing.T) {
	t.Helper()
	all := map[string]string{"the log": w.log.String()}
	for n, m := range w.mns.Published(topic) {
		all[fmt.Sprint("notification ", n)] = m.Body
	}
	for n, m := range w.mns.Messages(queue) {
		all[fmt.Sprint("message ", n)] = m.Body
	}
	for _, i := range w.rds.Instances() {
		all["the tags of "+i.DBInstanceID] = fmt.Sprint(i.Tags)
	}
	for what, text := range all {
		if strings.Contains(text, panicked) {
			t.Errorf("the value is in %s: %s", what, text)
		}
	}
}

// The handler's own goroutine is no different, before the first message as well.
func TestAPanicBeforeTheFirstMessageIsAnErrorToo(t *testing.T) {
	t.Parallel()
	t.Run("while a wrong configuration is told", func(t *testing.T) {
		story(t, "nonsense: true\n", func(t *testing.T, w *world) {
			t.Helper()
			w.arm(shown{panicked}).line.Store(new(`"msg":"notification"`))
			_, err := w.invoke(w.event("M1", sweepNow))
			w.internal(t, err)
			w.quiet(t)
			if _, err := w.invoke(w.event("M1", sweepNow)); errorType(t, err) != "Invalid" {
				t.Errorf("the next invocation: %v", err)
			}
		})
	})
	t.Run("while the function is made", func(t *testing.T) {
		t.Parallel()
		var log strings.Builder
		handle := function.Handler(func() *function.Function { panic(shown{panicked}) }, slog.New(slog.NewJSONHandler(&log, nil)))
		for range 2 {
			_, err := handle(t.Context(), nil)
			if errorType(t, err) != "Internal" || strings.Contains(err.Error()+log.String(), panicked) || !strings.Contains(log.String(), `"type":"main_test.shown"`) {
				t.Errorf("got %v and %s", err, log.String())
			}
		}
	})
}

// TestNothingOfAPanicIsOnStandardError runs some of the tests above in a process of their own, to see all that it prints.
func TestNothingOfAPanicIsOnStandardError(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAPanic/^(in_(the_reader_of_an_instance|a_claim|an_upgrade_call|publishing)|while_.*)$", "-test.v").CombinedOutput()
	if err != nil || strings.Contains(string(out), panicked) || !strings.Contains(string(out), "PASS: TestAPanicOfAWorkerIsAnErrorThatTellsNoValue/in_a_claim ") {
		t.Errorf("%v: %s", err, out)
	}
}
