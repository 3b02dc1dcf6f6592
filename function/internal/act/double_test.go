package act_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/act"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/plan"
)

func refusal(kind fault.Kind, code string) error {
	return &fault.Error{Op: "rds: x", Kind: kind, Code: code, Message: "no"}
}

var (
	throttled = refusal(fault.Throttled, "Throttling.User")
	denied    = refusal(fault.Denied, "Forbidden.RAM")
	expired   = refusal(fault.Expired, "InvalidSecurityToken.Expired")
	busy      = refusal(fault.Conflict, "IncorrectDBInstanceState")
	deleted   = refusal(fault.NotFound, "InvalidDBInstanceId.NotFound")
	unsent    = &fault.Error{Kind: fault.Unavailable, Message: "connection refused"}
	lost      = &fault.Error{Kind: fault.Unavailable, Message: "the answer was lost", InDoubt: true}
	broken    = &fault.Error{Kind: fault.Internal, Message: "the answer is no JSON", InDoubt: true}
)

// caller is RDS behind the rate limit, with calls that take their time. It remembers each of them.
type caller struct {
	limit  *pace.Limiter
	takes  func(id string) time.Duration
	answer func(n int, id string) error // to the nth call, from 0 on; it may panic

	mu   sync.Mutex
	made []*made // in the order in which they began
}

// made is a call that was made.
type made struct {
	id           string
	begun, ended time.Time
	err          error
}

func newCaller(perSecond float64, takes time.Duration, answer func(n int, id string) error) *caller {
	return &caller{limit: pace.New(perSecond, time.Now), takes: func(string) time.Duration { return takes }, answer: answer}
}

func (c *caller) Upgrade(ctx context.Context, call fleet.Call, may func() error) (fleet.Acceptance, error) {
	learn, err := c.limit.TakeEvenly(ctx, may)
	switch {
	case errors.Is(err, pace.ErrNoTime):
		return fleet.Acceptance{}, &fault.Error{Op: "rds: x", Kind: fault.Unavailable, Message: "not called: " + err.Error()}
	case err != nil:
		return fleet.Acceptance{}, fmt.Errorf("rds: %w", err)
	}
	c.mu.Lock()
	n, m := len(c.made), &made{id: call.DBInstanceID, begun: time.Now()}
	c.made = append(c.made, m)
	c.mu.Unlock()
	select {
	case <-time.After(c.takes(call.DBInstanceID)):
		m.err = c.answer(n, call.DBInstanceID)
	case <-ctx.Done():
		m.err = lost
	}
	m.ended = time.Now()
	learn(m.err != nil && fault.From(m.err).Kind == fault.Throttled)
	if m.err != nil {
		return fleet.Acceptance{}, m.err
	}
	return acceptance(call), nil
}

// acceptance is the answer to a call that is accepted.
func acceptance(c fleet.Call) fleet.Acceptance {
	return fleet.Acceptance{RequestID: "request " + c.DBInstanceID, DBInstanceName: c.DBInstanceID, TaskID: "task " + c.DBInstanceID, TargetMinorVersion: "rds_20260228"}
}

// make carries intents out with the real clock, which is virtual in a bubble, and checks what holds for all results.
func (c *caller) make(ctx context.Context, t *testing.T, workers int, intents []plan.Intent) []plan.Result {
	t.Helper()
	results := act.Calls{Caller: c, Now: time.Now, Workers: workers}.Make(ctx, intents)
	c.check(t, intents, results)
	return results
}

// check compares results with the calls that were made.
func (c *caller) check(t *testing.T, intents []plan.Intent, results []plan.Result) {
	t.Helper()
	if len(results) != len(intents) {
		t.Fatalf("%d results for %d intents", len(results), len(intents))
	}
	calls := map[string][]*made{}
	for _, m := range c.made {
		calls[m.id] = append(calls[m.id], m)
	}
	for n, r := range results {
		if r.Intent != intents[n] {
			t.Errorf("result %d (-want +got):\n%s", n, cmp.Diff(intents[n], r.Intent))
		}
		c.checkOne(t, r, calls[r.Intent.Call.DBInstanceID])
	}
}

// checkOne compares a result with the calls of its instance: all but the last were surely refused.
func (c *caller) checkOne(t *testing.T, r plan.Result, calls []*made) {
	t.Helper()
	want := plan.Result{Intent: r.Intent}
	if len(calls) > 0 {
		for _, m := range calls[:len(calls)-1] {
			if m.err == nil || !fault.Retryable(m.err) || fault.From(m.err).InDoubt {
				t.Errorf("%s was called again after %v", m.id, m.err)
			}
		}
		last := calls[len(calls)-1]
		want.Made = true
		if last.err == nil {
			want.AcceptedAt, want.Acceptance = last.ended.UTC(), acceptance(r.Intent.Call)
		} else {
			want.Fault = fault.From(last.err)
		}
	}
	if !want.Made || r.Fault != nil && r.Fault.Kind == fault.Unavailable { // the limiter may have had no time for another try
		want.Made, want.Fault, want.Detail = r.Made, r.Fault, r.Detail
	}
	if r != want { // cmp.Diff takes a hundred times as long
		if diff := cmp.Diff(want, r); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r.Intent.Call.DBInstanceID, diff)
		}
	}
	if unmade := r.Detail != ""; unmade == r.Made {
		t.Errorf("%s: made %t, and the detail is %q", r.Intent.Call.DBInstanceID, r.Made, r.Detail)
	}
}

// most returns how many calls were in flight at the same time.
func (c *caller) most() (most int) {
	for _, m := range c.made {
		inside := 0
		for _, other := range c.made {
			if !other.begun.After(m.begun) && other.ended.After(m.begun) {
				inside++
			}
		}
		most = max(most, inside)
	}
	return most
}

// ids returns the instances in the order in which they were called.
func (c *caller) ids() (all []string) {
	for _, m := range c.made {
		all = append(all, m.id)
	}
	return all
}

// intents returns so many intents of one rollout.
func intents(rollout string, n, allowed int) []plan.Intent {
	all := make([]plan.Intent, n)
	for k := range all {
		all[k] = plan.Intent{Rollout: rollout, Call: fleet.Call{DBInstanceID: fmt.Sprintf("rm-%s-%03d", rollout, k), RegionID: "cn-hangzhou", UpgradeTime: "Immediate"}, Allowed: allowed}
	}
	return all
}

// accept accepts every call.
func accept(int, string) error { return nil }

// accepting accepts the first calls and refuses the others for good.
func accepting(first int) func(n int, id string) error {
	return func(n int, _ string) error {
		if n < first {
			return nil
		}
		return denied
	}
}

// answering returns these answers to the first calls and accepts the others.
func answering(first ...error) func(n int, id string) error {
	return func(n int, _ string) error {
		if n < len(first) {
			return first[n]
		}
		return nil
	}
}

// The details of intents that were not called.
const (
	tooShort = "not called: too little time was left"
	tooMany  = "not called: more calls have failed than the request allows"
	tooLate  = "not called: the time that is permitted had passed before its turn came"
	panicked = "not called: a panic has stopped all calls"
)

// ends counts what has become of intents.
func ends(results []plan.Result) map[string]int {
	counts := map[string]int{}
	for _, r := range results {
		switch {
		case !r.Made:
			counts[r.Detail]++
		case r.Fault == nil:
			counts["accepted"]++
		case r.Fault.InDoubt:
			counts["in doubt"]++
		default:
			counts["refused"]++
		}
	}
	return counts
}

// wantEnds compares what has become of intents; a want of 0 is as good as none.
func wantEnds(t *testing.T, results []plan.Result, want map[string]int) {
	t.Helper()
	for end, n := range want {
		if n == 0 {
			delete(want, end)
		}
	}
	if diff := cmp.Diff(want, ends(results)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// of returns the results of one rollout.
func of(rollout string, results []plan.Result) []plan.Result {
	return slices.DeleteFunc(slices.Clone(results), func(r plan.Result) bool { return r.Intent.Rollout != rollout })
}
