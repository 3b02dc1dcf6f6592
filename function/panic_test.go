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
	"rds-kernel-upgrade/function/internal/state"
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
		if want := t.call.Load(); want != nil && strings.HasPrefix(action, *want) && t.call.CompareAndSwap(want, nil) {
			t.clock.Store(true)
		}
		return false
	}
	w.env["LOG_LEVEL"] = "DEBUG" // each line that there can be is a place for a trap
	w.function = function.New(func(name string) string { return w.env[name] }, w.folder, t.Now, t)
	w.function.Over(w)
	return t
}

// throttledOnce lets the next call of an action be refused by flow control, and the one who learns of it panic: the limiter wants the time.
func throttledOnce(action string) func(*trap) {
	return func(t *trap) {
		t.rds.Faults().Add(faults.Fault{Action: action, Kind: faults.Throttle, Times: 1})
		t.call.Store(&action)
	}
}

// shown is a value that shows itself however it is printed.
type shown struct{ Text string }

func (s shown) Error() string  { return s.Text }
func (s shown) String() string { return s.Text }

// TestAPanicIsAnErrorThatTellsNoValue lets the function panic wherever it can: in its workers, and in the handler itself. The invocation fails as
// any does for a bug; the same process serves the same event again and everything after it, and nothing is lost or done twice.
func TestAPanicIsAnErrorThatTellsNoValue(t *testing.T) {
	t.Parallel()
	after := func(action string) func(*trap) { return func(t *trap) { t.call.Store(&action) } }
	line := func(part string) func(*trap) { return func(t *trap) { t.line.Store(&part) } }
	for name, c := range map[string]struct {
		value any
		set   func(t *trap)
		in    string // what the stack names, besides the worker's beginning
		own   bool   // it is the handler's own goroutine
	}{
		"in the listing of a region":     {value: panicked, set: throttledOnce("DescribeDBInstances"), in: "fleet.Observer.list.func"},
		"in the reader of tags":          {value: errors.New(panicked), set: throttledOnce("ListTagResources"), in: "fleet.Observer.askForTags"},
		"in the reader of an instance":   {value: shown{panicked}, set: throttledOnce("DescribeDBInstanceAttribute"), in: "fleet.Observer.read"},
		"in the reader of the versions":  {value: panicked, set: throttledOnce("DescribeDBMiniEngineVersions"), in: "fleet.Observer.offersOf"},
		"in the reader of tasks":         {value: panicked, set: throttledOnce("DescribeHistoryTasks"), in: "fleet.Observer.askForTasks"},
		"in an upgrade call":             {value: &shown{panicked}, set: throttledOnce(upgradeCall), in: "act.(*run).call"},
		"after an accepted upgrade call": {value: panicked, set: after(upgradeCall), in: "act.(*run).call"},
		"in the eleventh upgrade call": {value: panicked, set: func(t *trap) {
			var calls atomic.Int32
			t.before = func(_, action string) bool {
				if action == upgradeCall && calls.Add(1) == 11 {
					throttledOnce(upgradeCall)(t)
				}
				return false
			}
		}, in: "act.(*run).call"},
		"when the document is loaded":                    {value: fmt.Errorf("%w", errors.New(panicked)), set: after("GET " + bucket + "/" + prefix), in: "function.(*run).serve", own: true},
		"when the intents are written":                   {value: panicked, set: after("PUT"), in: "function.", own: true},
		"in the log of the plan":                         {value: panicked, set: line(`"msg":"plan"`), in: "function.journal.plan", own: true},
		"in the log of what calls have come to":          {value: panicked, set: line(`"msg":"outcome"`), in: "function.journal.results", own: true},
		"in publishing":                                  {value: panicked, set: line(`"tag":"accepted"`), in: "function.(*publisher).news.func"},
		"in publishing the report, which no worker does": {value: panicked, set: line(`"tag":"report"`), in: "function.(*publisher).send"},
		"when the rollout is put into the archive":       {value: panicked, set: line(`"msg":"archive"`), in: "function.(*documents).archive", own: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "budget: {maxInstances: 100, maxPercent: 100}\n", func(t *testing.T, w *world) {
				t.Helper()
				for n := range 30 {
					w.rds.Add(behind(fmt.Sprintf("rm-%02d", n+1)))
				}
				trap := w.arm(c.value)
				c.set(trap)
				event := w.event("M1", sweep)
				failed := 0
				if _, err := w.invoke(event); err != nil {
					failed += w.internal(t, err)
					time.Sleep(time.Minute)
					_, err = w.deliver(event, 1) // as Function Compute does after an error
					if err != nil {
						t.Errorf("the next invocation: %v", err)
					}
				}
				for range 24 {
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
				w.publishedThirty(t)
				w.silent(t)
				w.promises(t)
			})
		})
	}
}

// What the calls have come to until a worker panics is written down before the invocation fails: none of it is in doubt but the call that
// panicked.
func TestAPanicInACallLosesNoOtherResult(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(*trap)
		want map[state.MemberState]int
	}{
		"after it was accepted, alone": {func(t *trap) { t.call.Store(new(upgradeCall)) }, map[state.MemberState]int{state.Intent: 1, state.Pending: 29}},
		"after it was accepted, beside others": {func(t *trap) {
			var calls atomic.Int32
			t.before = func(_, action string) bool {
				if action == upgradeCall && calls.Add(1) == 10 {
					t.call.Store(new(upgradeCall))
				}
				return false
			}
		}, nil},
		"when what has become of them is written down": {func(t *trap) { t.line.Store(new(`"msg":"outcome"`)) }, map[state.MemberState]int{state.Intent: 30}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "budget: {maxInstances: 100, maxPercent: 100}\n", func(t *testing.T, w *world) {
				t.Helper()
				for n := range 30 {
					w.rds.Add(behind(fmt.Sprintf("rm-%02d", n+1)))
				}
				c.set(w.arm(panicked))
				_, err := w.request("M1", sweep)
				w.internal(t, err)
				r, accepted := w.document().Rollouts[0], len(w.accepted())
				if c.want == nil {
					c.want = map[state.MemberState]int{state.Intent: 1, state.Called: accepted - 1, state.Pending: 30 - accepted}
				}
				for s, n := range c.want {
					if r.Count(s) != n {
						t.Errorf("%d members are %s, want %d; %d calls were accepted", r.Count(s), s, n, accepted)
					}
				}
				w.pass(3 * time.Hour)
				w.publishedThirty(t)
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

// publishedThirty checks that each of thirty instances was called once, and published to the end.
func (w *world) publishedThirty(t *testing.T) {
	t.Helper()
	accepted := w.accepted()
	if len(accepted) != 30 || slices.Max(slices.Collect(maps.Values(accepted))) != 1 {
		t.Errorf("accepted calls: %v, want one of each of 30", accepted)
	}
	w.read = 0
	ended := map[string]bool{}
	for _, n := range w.news() {
		if n.Tag == "completed" {
			ended[n.Data.DBInstanceID] = true
		}
	}
	if got := fmt.Sprint(w.last("report").Data.Counts); got != "map[completed:30]" || len(ended) != 30 {
		t.Errorf("the report is %s; %d have an end", got, len(ended))
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

// silent checks that the value of the panic is nowhere.
func (w *world) silent(t *testing.T) {
	t.Helper()
	all := map[string]string{"the log": w.log.String()}
	for n, m := range w.mns.Published(topic) {
		all[fmt.Sprint("notification ", n)] = m.Body
	}
	for _, o := range w.oss.Objects("") {
		text, err := state.Unpack(o.Content)
		if err != nil {
			t.Error(err)
		}
		all[o.Key] = string(text)
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
	t.Run("while a wrong configuration is published", func(t *testing.T) {
		t.Parallel()
		play(t, "nonsense: true\n", func(t *testing.T, w *world) {
			t.Helper()
			w.arm(shown{panicked}).line.Store(new(`"msg":"notification"`))
			_, err := w.invoke(w.event("M1", sweep))
			w.internal(t, err)
			w.silent(t)
			if _, err := w.invoke(w.event("M1", sweep)); errorType(t, err) != "Invalid" {
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

// The function is made once, with the first event, and serves all that follow.
func TestTheFunctionIsMadeWithTheFirstEvent(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		var once sync.Once
		handle := function.Handler(func() *function.Function {
			once.Do(func() { w.rds.Add(behind("rm-1")) })
			return w.function
		}, slog.New(slog.DiscardHandler))
		if len(w.rds.Instances()) != 0 {
			t.Error("it is made too early")
		}
		for range 2 {
			if _, err := handle(t.Context(), nil); err == nil || len(w.rds.Instances()) != 1 {
				t.Errorf("without Function Compute's context: %v", err)
			}
		}
	})
}

// TestNothingOfAPanicIsOnStandardError runs some of the tests above in a process of their own, to see all that it prints.
func TestNothingOfAPanicIsOnStandardError(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAPanic/^(in_(the_reader_of_an_instance|an_upgrade_call|publishing)|while_.*)$", "-test.v").CombinedOutput()
	if err != nil || strings.Contains(string(out), panicked) || !strings.Contains(string(out), "PASS: TestAPanicIsAnErrorThatTellsNoValue/in_an_upgrade_call ") {
		t.Errorf("%v: %s", err, out)
	}
}
