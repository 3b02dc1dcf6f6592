package fakefc_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakefc"
)

// attempts is the log in short: event, retry count, error type.
func attempts(s *fakefc.Server) []string {
	var list []string
	for _, i := range s.Invocations() {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %d %s", i.Event, i.RetryCount, i.ErrorType)))
	}
	return list
}

func TestAFailedEventIsRetriedUnderTheSameRequestID(t *testing.T) {
	t.Parallel()
	const failed = fakefc.UnhandledInvocationError
	for _, c := range []struct {
		name, event string
		retries     int
		want        []string
		dropped     int
	}{
		{"three times by default", `{"do":"error"}`, 0, []string{"0 " + failed, "1 " + failed, "2 " + failed, "3 " + failed}, 4},
		{"as often as configured", `{"do":"error"}`, 1, []string{"0 " + failed, "1 " + failed}, 2},
		{"never when so configured", `{"do":"error"}`, fakefc.NoRetries, []string{"0 " + failed}, 1},
		{"until it succeeds, and the function sees the count", `{"do":"fail-until","n":2}`, 0, []string{"0 " + failed, "1 " + failed, "2"}, 0},
		{"after a crash as well", `{"do":"exit"}`, 1, []string{"0 " + failed, "1 " + failed}, 2},
		{"not after a success", `{}`, 0, []string{"0"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(o *fakefc.Options) { o.MaxAsyncRetries = c.retries })
			id := invokeAsync(t, s, "requests", c.event)
			waitIdle(t, s)
			want := make([]string, len(c.want))
			for i, w := range c.want {
				want[i] = c.event + " " + w
			}
			if diff := cmp.Diff(want, attempts(s)); diff != "" {
				t.Error(diff)
			}
			keys := map[string]bool{}
			for _, i := range s.Invocations() {
				keys[i.AccessKeyID] = true
				if i.RequestID != id || i.Trigger != "requests" || !i.Async {
					t.Errorf("attempt %+v, want request id %s, trigger requests, async", i, id)
				}
			}
			if len(keys) != len(want) {
				t.Errorf("%d attempts had %d sets of credentials", len(want), len(keys))
			}
			var dropped []fakefc.Dropped
			if c.dropped > 0 {
				dropped = []fakefc.Dropped{{
					RequestID: id, Trigger: "requests", Event: []byte(c.event), Attempts: c.dropped,
					Why: fmt.Sprintf("the function failed %d times", c.dropped),
				}}
			}
			if diff := cmp.Diff(dropped, s.Dropped()); diff != "" {
				t.Errorf("dropped: %s", diff)
			}
		})
	}
}

func TestEventsAreTakenInTheirOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var want []string
	for i := range 10 {
		invokeAsync(t, s, "", fmt.Sprintf(`"%d"`, i))
		want = append(want, fmt.Sprintf(`"%d" 0`, i))
	}
	waitIdle(t, s)
	if got := attempts(s); !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

func TestARetryLetsOthersPass(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *fakefc.Options) { o.RetryDelay = 300 * time.Millisecond })
	invokeAsync(t, s, "", `{"do":"fail-until","n":1}`)
	invokeAsync(t, s, "", `"other"`)
	waitIdle(t, s)
	want := []string{
		`{"do":"fail-until","n":1} 0 ` + fakefc.UnhandledInvocationError, `"other" 0`, `{"do":"fail-until","n":1} 1`,
	}
	if got := attempts(s); !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

func TestAThrottledEventBacksOff(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t)
	done := make(chan error, 1)
	go func() {
		_, err := s.Invoke(t.Context(), []byte(g.event()))
		done <- err
	}()
	waitRunning(t, s, 1)
	accepted := time.Now()
	invokeAsync(t, s, "", `"event"`)
	waitFor(t, "three refusals", func() bool { return s.Throttles() >= 3 })
	if waited := time.Since(accepted); waited < 30*time.Millisecond {
		t.Errorf("three refusals after %s, want the delays 10ms and 20ms between them", waited)
	}
	g.open()
	waitIdle(t, s)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	list := s.Invocations()
	if len(list) != 2 || list[1].Started.Before(list[0].Ended) || list[1].RetryCount != 0 {
		t.Errorf("attempts %+v, want the event after the invocation, with no retry counted", list)
	}
}

func TestAnEventThatIsTooOldIsDropped(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s := newServer(t, func(o *fakefc.Options) { o.Now, o.MaxAsyncEventAge = clock, time.Hour })
	g := newGate(t)
	invokeAsync(t, s, "", g.event())
	waitRunning(t, s, 1)
	id := invokeAsync(t, s, "", `"old"`)
	ahead.Store(int64(2 * time.Hour))
	g.open()
	waitIdle(t, s)
	if n := len(s.Invocations()); n != 1 {
		t.Errorf("%d attempts, want 1", n)
	}
	dropped := s.Dropped()
	if len(dropped) != 1 || dropped[0].RequestID != id || dropped[0].Attempts != 0 || !strings.HasPrefix(dropped[0].Why, "the event is 2h0m0") {
		t.Errorf("dropped %+v, want %s for its age", dropped, id)
	}
}

func TestWaitIdleEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	invokeAsync(t, s, "", `{"ms":60000}`)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.WaitIdle(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 were under way") {
		t.Errorf("error %v, want one that counts", err)
	}
}
