package pace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/pace"
)

var (
	throttled   = &fault.Error{Kind: fault.Throttled, Code: "Throttling.User"}
	unavailable = &fault.Error{Kind: fault.Unavailable, Message: "503"}
	lost        = &fault.Error{Kind: fault.Unavailable, Message: "connection reset", InDoubt: true}
	denied      = &fault.Error{Kind: fault.Denied, Code: "Forbidden.RAM"}
	errForeign  = errors.New("not a fault")
)

// retry is one of the ways to repeat a call.
type retry func(ctx context.Context, call func() (int, error)) (int, error)

func TestACallIsRepeatedAsItsErrorAllows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		retry  retry
		errors []error // of the tries in their order; the last one repeats
		calls  int     // within a minute; 0: more than ten
		want   error
	}{
		"a success is not repeated":                               {pace.Retry[int], []error{nil}, 1, nil},
		"a throttled call is repeated until it succeeds":          {pace.Retry[int], []error{throttled, throttled, nil}, 3, nil},
		"an unavailable service is called again":                  {pace.Retry[int], []error{unavailable, nil}, 2, nil},
		"a call of unknown outcome is repeated where it may be":   {pace.Retry[int], []error{lost, nil}, 2, nil},
		"a refusal for good is not repeated":                      {pace.Retry[int], []error{denied}, 1, denied},
		"a refusal for good ends the repetition":                  {pace.Retry[int], []error{throttled, denied}, 2, denied},
		"an error that is no fault is not repeated":               {pace.Retry[int], []error{errForeign}, 1, errForeign},
		"a call that stays throttled is repeated until ctx ends":  {pace.Retry[int], []error{throttled}, 0, throttled},
		"few: a throttled call is repeated until it succeeds":     {pace.RetryFew[int], []error{throttled, throttled, nil}, 3, nil},
		"few: a refusal for good is not repeated":                 {pace.RetryFew[int], []error{denied}, 1, denied},
		"few: a call that stays throttled is made eight times":    {pace.RetryFew[int], []error{throttled}, 8, throttled},
		"few: a call that stays in doubt is made eight times":     {pace.RetryFew[int], []error{lost}, 8, lost},
		"refused: a throttled call is repeated until it succeeds": {pace.RetryRefused[int], []error{throttled, unavailable, nil}, 3, nil},
		"refused: a call of unknown outcome is not repeated":      {pace.RetryRefused[int], []error{throttled, lost}, 2, lost},
		"refused: a refusal for good is not repeated":             {pace.RetryRefused[int], []error{denied}, 1, denied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				calls := 0
				value, err := c.retry(ctx, func() (int, error) {
					calls++
					return calls, c.errors[min(calls, len(c.errors))-1]
				})
				if err != c.want { //nolint:errorlint // it must be the call's own error, as it is
					t.Errorf("got %v, want %v", err, c.want)
				}
				if value != calls {
					t.Errorf("got the value of call %d of %d", value, calls)
				}
				if calls != c.calls && (c.calls > 0 || calls <= 10) {
					t.Errorf("%d calls, want %d (0: more than ten)", calls, c.calls)
				}
			})
		})
	}
}

// The pauses are random; their bounds are not.
func TestThePausesDoubleUpToABound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			last, gaps := time.Now(), []time.Duration{}
			_, _ = pace.RetryFew(t.Context(), func() (int, error) {
				gaps, last = append(gaps, time.Since(last)), time.Now()
				return 0, throttled
			})
			bound := 250 * time.Millisecond
			for n, gap := range gaps[1:] {
				if gap > 2*bound {
					t.Fatalf("pause %d took %s, want at most %s", n+1, gap, 2*bound)
				}
				bound = min(2*bound, 5*time.Second)
			}
		}
	})
}

func TestFewTriesTakeAtMost36Seconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			start := time.Now()
			_, _ = pace.RetryFew(t.Context(), func() (int, error) { return 0, throttled })
			if took := time.Since(start); took > 36*time.Second {
				t.Fatalf("it took %s", took)
			}
		}
	})
}

func TestNoCallIsMadeAfterTheContextHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		_, err := pace.Retry(ctx, func() (int, error) {
			calls++
			cancel()
			return 0, unavailable
		})
		if err != error(unavailable) || calls != 1 { //nolint:errorlint // it must be the call's own error, as it is
			t.Errorf("%d calls, %v; want one call and its own error, not the context's", calls, err)
		}
	})
}
