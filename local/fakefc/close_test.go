package fakefc_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/tape"
)

// leaked gives the stacks of goroutines that still run this package's code.
func leaked() string {
	buffer := make([]byte, 1<<20)
	var found []string
	for stack := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
		if strings.Contains(stack, "local/fakefc.") {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}

// Not parallel: while it runs there is no other server whose goroutines could be mistaken for its own.
func TestCloseLeavesNothingBehind(t *testing.T) {
	for _, c := range []struct {
		name, start string
		before      func(t *testing.T, s *fakefc.Server)
		kills       bool // SIGTERM is not enough
	}{
		{name: "before the first event", before: func(*testing.T, *fakefc.Server) {}},
		{name: "with a frozen child", before: func(t *testing.T, s *fakefc.Server) { t.Helper(); invoke(t, s, "{}") }},
		{name: "with a dead child", before: func(t *testing.T, s *fakefc.Server) { t.Helper(); invoke(t, s, `{"do":"exit"}`) }},
		{name: "while the child starts", start: "hang", before: func(t *testing.T, s *fakefc.Server) {
			t.Helper()
			invokeAsync(t, s, "", "{}")
			waitRunning(t, s, 1)
		}},
		{name: "while an invocation runs and others wait", before: func(t *testing.T, s *fakefc.Server) {
			t.Helper()
			invoke(t, s, "{}")
			invokeAsync(t, s, "", `{"ms":60000}`)
			invokeAsync(t, s, "", `{"ms":60000}`)
			waitRunning(t, s, 2)
		}},
		{name: "while an event backs off", before: func(t *testing.T, s *fakefc.Server) {
			t.Helper()
			go func() { _, _ = s.Invoke(context.Background(), []byte(`{"ms":60000}`)) }()
			waitRunning(t, s, 1)
			invokeAsync(t, s, "", "{}")
			waitFor(t, "a refusal", func() bool { return s.Throttles() == 1 })
		}},
		{name: "while a retry is due", before: func(t *testing.T, s *fakefc.Server) {
			t.Helper()
			invokeAsync(t, s, "", `{"do":"error"}`)
			waitFor(t, "the first attempt", func() bool { return len(s.Invocations()) == 1 && s.Invocations()[0].End != fakefc.Running })
		}},
		{name: "with a child that ignores SIGTERM", start: "ignore-term", kills: true, before: func(t *testing.T, s *fakefc.Server) {
			t.Helper()
			invoke(t, s, "{}")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log tape.Tape
			var pid int
			s, err := fakefc.New(options(withOutput(&log), func(o *fakefc.Options) {
				o.Env = map[string]string{"HANDLER_START": c.start}
				o.OnStart = func(p int) { pid = p }
				o.RetryDelay, o.ThrottleDelay = time.Hour, time.Hour
			}))
			if err != nil {
				t.Fatal(err)
			}
			c.before(t, s)
			ctx := t.Context()
			if c.kills {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
			}
			begin := time.Now()
			s.Close(ctx)
			if took := time.Since(begin); took > 1500*time.Millisecond {
				t.Errorf("it took %s", took)
			}
			if c.name == "while an event backs off" {
				waitFor(t, "the end of the test's own goroutine", func() bool { return leaked() == "" })
			}
			if stacks := leaked(); stacks != "" {
				t.Errorf("goroutines are left:\n%s", stacks)
			}
			if err := syscall.Kill(pid, 0); pid != 0 && !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process %d: %v, want it to be gone", pid, err)
			}
			if strings.Contains(log.String(), "failed to get the next invoke") {
				t.Error("the child saw its runtime API go away")
			}
		})
	}
}

func TestAClosedServerTakesNoEvents(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Close(t.Context())
	if _, err := s.Invoke(t.Context(), nil); !errors.Is(err, fakefc.ErrClosed) {
		t.Errorf("Invoke: %v, want %v", err, fakefc.ErrClosed)
	}
	if _, err := s.InvokeAsync("", nil); !errors.Is(err, fakefc.ErrClosed) {
		t.Errorf("InvokeAsync: %v, want %v", err, fakefc.ErrClosed)
	}
	if w := serve(s, sign(request(t, http.MethodPost, invocations, ""), "")); w.Code != http.StatusServiceUnavailable {
		t.Errorf("front door: %d %s, want 503", w.Code, w.Body)
	}
	s.Kill() // there is no child, and that is no matter
	s.Close(t.Context())
}

func TestCloseReleasesWhoeverWaitsForATurn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	invokeAsync(t, s, "", `{"ms":60000}`)
	waitRunning(t, s, 1)
	done := make(chan error)
	go func() {
		_, err := s.Invoke(t.Context(), nil)
		done <- err
	}()
	s.Close(t.Context())
	if err := <-done; err != nil && !errors.Is(err, fakefc.ErrClosed) {
		t.Errorf("error %v, want %v or a crash", err, fakefc.ErrClosed)
	}
}
