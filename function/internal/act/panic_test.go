package act_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/act"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/parallel"
	"rds-kernel-upgrade/function/internal/plan"
)

func clocked(c act.Caller, now func() time.Time) act.Calls {
	return act.Calls{Caller: c, Now: now, Workers: 1}
}

// recorder accepts every call at once, and remembers them.
type recorder struct{ calls []plan.Intent }

func (r *recorder) Upgrade(_ context.Context, c fleet.Call, may func() error) (fleet.Acceptance, error) {
	if err := may(); err != nil {
		return fleet.Acceptance{}, err
	}
	r.calls = append(r.calls, plan.Intent{Call: c})
	return acceptance(c), nil
}

const secret = "CAIS-in-a-panic"

// fragile panics in the call of the first instance, when a half of it is over.
type fragile struct {
	*caller
	first  string
	before bool // it does not ask before it panics whether the call may be made
}

func (f *fragile) Upgrade(ctx context.Context, c fleet.Call, may func() error) (fleet.Acceptance, error) {
	if c.DBInstanceID != f.first {
		return f.caller.Upgrade(ctx, c, may)
	}
	if f.before {
		time.Sleep(f.takes(c.DBInstanceID) / 2)
		panic(secret)
	}
	err := may()
	time.Sleep(f.takes(c.DBInstanceID) / 2)
	panic(fmt.Sprint(secret, err))
}

// A panic in a worker is the caller's. What is on its way is awaited, and no further call is made of any rollout.
func TestAPanicInAWorkerStopsTheWave(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		allowed int
		before  bool
		ends    map[string]int
	}{
		"in the first call, alone": {0, false, map[string]int{"in doubt": 1, "accepted": 15, panicked: 184}},
		"in a call among others":   {-1, false, map[string]int{"in doubt": 1, "accepted": 15, panicked: 184}},
		"when some calls may fail": {3, false, map[string]int{"in doubt": 1, "accepted": 15, panicked: 184}},
		"before it has asked":      {-1, true, map[string]int{"accepted": 15, panicked: 185}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				all := append(intents("a", 100, c.allowed), intents("b", 100, 5)...)
				f := &fragile{caller: newCaller(1e9, time.Second, accept), first: all[0].Call.DBInstanceID, before: c.before}
				var results []plan.Result
				calls := act.Calls{Caller: f, Now: time.Now, Workers: 16, OnPanic: func(r []plan.Result) { results = r }}
				wantPanic(t, "act_test.(*fragile)", func() { calls.Make(t.Context(), all) })
				wantEnds(t, results, c.ends)
				for n, r := range results {
					if r.Intent != all[n] || r.Fault != nil && n > 0 {
						t.Errorf("number %d is %+v", n, r)
					}
				}
				if text := fmt.Sprintf("%+v", results); strings.Contains(text, secret) {
					t.Error("the results have the panic's value")
				}
				for _, m := range f.made {
					if m.ended.IsZero() {
						t.Error("a call that was on its way was not awaited")
					}
				}
			})
		})
	}
}

// Workers that wait for the one call that is alone wait no longer when it panics.
func TestAPanicEndsTheWaitForTheCallThatIsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := intents("a", 20, 0)
		f := &fragile{caller: newCaller(1e9, time.Second, accept), first: all[0].Call.DBInstanceID}
		wantPanic(t, "act_test.(*fragile)", func() { act.Calls{Caller: f, Now: time.Now, Workers: 16}.Make(t.Context(), all) })
		if len(f.made) > 0 {
			t.Errorf("%d calls were made besides", len(f.made))
		}
	})
}

// A call that was refused by may was not sent, whatever the caller does then.
func TestAPanicAfterACallWasNotPermittedLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := intents("a", 3, 0)
		f := &fragile{caller: newCaller(1e9, time.Second, accept), first: all[0].Call.DBInstanceID}
		var results []plan.Result
		start, asked := time.Now(), 0
		calls := clocked(f, func() time.Time {
			asked++
			return start.Add(time.Duration(asked) * time.Minute)
		})
		calls.OnPanic = func(r []plan.Result) { results = r }
		all[0].Latest = start.Add(2*time.Minute + time.Second) // it has passed when the caller asks
		wantPanic(t, "act_test.(*fragile)", func() { calls.Make(t.Context(), all) })
		wantEnds(t, results, map[string]int{panicked: 3})
	})
}

// A panic after RDS has accepted leaves a doubt, too.
func TestAPanicBehindTheAnswerLeavesADoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &recorder{}
		var results []plan.Result
		calls := clocked(s, func() time.Time {
			if len(s.calls) > 0 {
				panic(secret)
			}
			return time.Now()
		})
		calls.OnPanic = func(r []plan.Result) { results = r }
		wantPanic(t, "act_test.TestAPanicBehindTheAnswerLeavesADoubt", func() { calls.Make(t.Context(), intents("a", 3, 0)) })
		wantEnds(t, results, map[string]int{"in doubt": 1, panicked: 2})
	})
}

// wantPanic wants a panic on this goroutine, with the stack of the worker and without the value.
func wantPanic(t *testing.T, where string, do func()) {
	t.Helper()
	defer func() {
		t.Helper()
		value := recover()
		kind, stack := parallel.Trace(value)
		if text := fmt.Sprintf("%v %+v %#v %s", value, value, value, stack); value == nil || kind != "string" || strings.Contains(text, secret) || !strings.Contains(stack, where) {
			t.Errorf("got a panic of type %s: %s", kind, text)
		}
	}()
	do()
}
