package fakefc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/tape"
)

func TestAttemptsEndAsInTheCloud(t *testing.T) {
	t.Parallel()
	const exited = `^\{"errorMessage":"Process exited unexpectedly before completing request \(duration: \d+ms, maxMemoryUsage: \d+\.\d\dMB\)"\}$`
	for _, c := range []struct {
		name, start, event, body, errorType string
		binary                              string
		timeout                             time.Duration
		end                                 fakefc.End
	}{
		{name: "a result is passed on as it was posted", event: "hello topic", body: `^"hello topic"$`, end: fakefc.Answered},
		{
			name: "an error is the function's own document", event: `{"do":"error","text":"boom"}`, end: fakefc.Answered,
			body: `^\{"errorMessage":"boom","errorType":"errorString"\}$`, errorType: fakefc.UnhandledInvocationError,
		},
		{
			name: "a wrapped error has the wrapper's type", event: `{"do":"wrapped","text":"boom"}`, end: fakefc.Answered,
			body: `^\{"errorMessage":"wrapped: boom","errorType":"wrapError"\}$`, errorType: fakefc.UnhandledInvocationError,
		},
		{
			name: "an error of an own type has its name", event: `{"do":"own","text":"boom"}`, end: fakefc.Answered,
			body: `^\{"errorMessage":"boom","errorType":"ownError"\}$`, errorType: fakefc.UnhandledInvocationError,
		},
		{
			name: "a panic is an error with a stack", event: `{"do":"panic","text":"boom"}`, end: fakefc.Answered,
			body: `^\{"errorMessage":"boom","errorType":"string","stackTrace":\[\{.*\}\]\}$`, errorType: fakefc.UnhandledInvocationError,
		},
		{
			name: "an exit in the middle is an unexpected one", event: `{"do":"exit","n":3}`, end: fakefc.Crashed,
			body: `^\{"errorMessage":"Process exited unexpectedly before completing request \(duration: \d+ms, maxMemoryUsage: [1-9]\d*\.\d\dMB\)"\}$`, errorType: fakefc.UnhandledInvocationError,
		},
		{
			name: "an exit with status 0 is unexpected too", event: `{"do":"exit"}`, end: fakefc.Crashed,
			body: exited, errorType: fakefc.UnhandledInvocationError,
		},
		{
			name: "an exit at the start is the invocation's", start: "exit", event: "x", end: fakefc.Crashed,
			body: exited, errorType: fakefc.UnhandledInvocationError,
		},
		{
			name: "a process that sleeps past the deadline is killed", event: `{"ms":60000}`, timeout: time.Second, end: fakefc.TimedOut,
			body:      `^\{"errorMessage":"Function timed out after 1 seconds \(maxMemoryUsage: \d+\.\d\dMB\)"\}$`,
			errorType: fakefc.UnhandledInvocationError,
		},
		{
			name: "a process that never asks is killed", start: "hang", event: "x", timeout: time.Second, end: fakefc.NeverServed,
			body:      `^\{"errorMessage":"Function timed out after 1 seconds \(maxMemoryUsage: \d+\.\d\dMB\)"\}$`,
			errorType: fakefc.UnhandledInvocationError,
		},
		{
			name: "a handler that is missing is invalid", binary: "/nonexistent/main", event: "x", end: fakefc.NotStarted,
			body: `^\{"errorMessage":"Invalid handler 'main'","errorType":"FunctionUnhandledError: InvalidHandlerName",` +
				`"stackTrace":\["InvalidHandlerName: Invalid handler 'main'"\]\}$`,
			errorType: fakefc.UnhandledInvocationError,
		},
		{
			name: "a handler without the exec bit is invalid", binary: "doc.go", event: "x", end: fakefc.NotStarted,
			body: `^\{"errorMessage":"Invalid handler 'doc.go'",`, errorType: fakefc.UnhandledInvocationError,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(o *fakefc.Options) {
				if c.binary != "" {
					o.Binary = c.binary
				}
				if c.timeout != 0 {
					o.Timeout = c.timeout
				}
				o.Env = map[string]string{"HANDLER_START": c.start}
			})
			result := invoke(t, s, c.event)
			if !regexp.MustCompile(c.body).Match(result.Body) {
				t.Errorf("body %s, want %s", result.Body, c.body)
			}
			if result.ErrorType != c.errorType || result.End != c.end {
				t.Errorf("error type %q, end %q; want %q, %q", result.ErrorType, result.End, c.errorType, c.end)
			}
			if !requestIDForm.MatchString(result.RequestID) {
				t.Errorf("request id %q has not the cloud's form", result.RequestID)
			}
			if c.timeout != 0 && (result.Duration < c.timeout || result.Duration > c.timeout+5*time.Second) {
				t.Errorf("it took %s with a timeout of %s", result.Duration, c.timeout)
			}
		})
	}
}

func TestANewChildFollowsOneThatEnded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(t *testing.T, s *fakefc.Server)
	}{
		{"by itself", func(t *testing.T, s *fakefc.Server) { t.Helper(); invoke(t, s, `{"do":"exit"}`) }},
		{"killed between invocations", func(_ *testing.T, s *fakefc.Server) { s.Kill() }},
		{"killed at the deadline", func(t *testing.T, s *fakefc.Server) { t.Helper(); invoke(t, s, `{"ms":60000}`) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var pids []int
			s := newServer(t, func(o *fakefc.Options) {
				o.Timeout = time.Second
				o.OnStart = func(pid int) { pids = append(pids, pid) }
			})
			first := decode[counts](t, invoke(t, s, "{}").Body)
			second := decode[counts](t, invoke(t, s, "{}").Body)
			c.end(t, s)
			third := invoke(t, s, "{}")
			reborn := decode[counts](t, third.Body)
			if second.Pid != first.Pid || second.Served != 2 {
				t.Errorf("the second invocation ran in process %d as its number %d, want %d and 2", second.Pid, second.Served, first.Pid)
			}
			if reborn.Pid == first.Pid || reborn.Served != 1 {
				t.Errorf("after the end process %d served its number %d, want a new process and 1", reborn.Pid, reborn.Served)
			}
			if want := []int{int(first.Pid), int(reborn.Pid)}; !slices.Equal(pids, want) {
				t.Errorf("OnStart was told of %v, want %v", pids, want)
			}
			list := s.Invocations()
			if list[0].InstanceID == third.InstanceID || list[0].InstanceID != list[1].InstanceID {
				t.Errorf("instances %q, %q, … %q: want the new child to have an id of its own", list[0].InstanceID, list[1].InstanceID, third.InstanceID)
			}
		})
	}
}

func TestTheProcessSurvivesAPanic(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	invoke(t, s, `{"do":"panic","text":"boom"}`)
	if got := decode[counts](t, invoke(t, s, "{}").Body); got.Served != 2 {
		t.Errorf("served %d, want 2: the runtime keeps the process", got.Served)
	}
}

func TestAKillWhileItRunsIsACrash(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	done := make(chan fakefc.Result)
	go func() {
		result, _ := s.Invoke(t.Context(), []byte(`{"ms":60000}`))
		done <- result
	}()
	waitRunning(t, s, 1)
	waitFor(t, "the end of the attempt", func() bool { s.Kill(); return s.Invocations()[0].End != fakefc.Running })
	if result := <-done; result.End != fakefc.Crashed {
		t.Errorf("it ended as %q, want %q", result.End, fakefc.Crashed)
	}
}

func TestACallerWhoHangsUpCostsTheChildItsLife(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, start string }{
		{"while it runs", ""},
		{"while the child starts", "hang"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var pid int
			s := newServer(t, func(o *fakefc.Options) {
				o.Env = map[string]string{"HANDLER_START": c.start}
				o.OnStart = func(p int) { pid = p }
			})
			ctx, hangUp := context.WithCancel(t.Context())
			go func() {
				waitRunning(t, s, 1)
				hangUp()
			}()
			result, err := s.Invoke(ctx, []byte(`{"ms":60000}`))
			if err != nil {
				t.Fatal(err)
			}
			want := regexp.MustCompile(`^\{"errorMessage":"Invocation canceled by client \(duration: \d+ms, maxMemoryUsage: \d+\.\d\dMB\)"\}$`)
			if result.End != fakefc.Canceled || !want.Match(result.Body) {
				t.Errorf("end %q, body %s; want %q and %s", result.End, result.Body, fakefc.Canceled, want)
			}
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process %d: %v, want it to be gone", pid, err)
			}
		})
	}
}

func TestInvocationsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		concurrency int
		most        int64
	}{
		{"one at a time is the rule of go1", 0, 1},
		{"four side by side with the test's switch", 4, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(o *fakefc.Options) { o.Concurrency = c.concurrency })
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() { invokeAsync(t, s, "", `{"ms":40}`) })
			}
			group.Wait()
			waitIdle(t, s)
			got := decode[counts](t, invoke(t, s, "{}").Body)
			if got.Most != c.most || got.Served != 11 {
				t.Errorf("%d of %d ran side by side, want %d of 11", got.Most, got.Served, c.most)
			}
			if s.Throttles() != 0 {
				t.Errorf("%d throttles, want none: the queue's events wait for each other", s.Throttles())
			}
		})
	}
}

func TestInvokeGivesUpWaitingWithItsContext(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	invokeAsync(t, s, "", `{"ms":60000}`)
	waitRunning(t, s, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.Invoke(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want %v", err, context.DeadlineExceeded)
	}
	if n := len(s.Invocations()); n != 1 {
		t.Errorf("%d attempts, want 1", n)
	}
}

func TestTheLogHasEachAttempt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	before := time.Now()
	result := invoke(t, s, "hello topic")
	got := s.Invocations()
	if len(got) != 1 || got[0].Started.Before(before) || got[0].Ended.Before(got[0].Started) {
		t.Fatalf("log %+v, want one attempt after %s", got, before)
	}
	want := fakefc.Invocation{
		RequestID: result.RequestID, Event: "hello topic", Body: `"hello topic"`, End: fakefc.Answered,
		AccessKeyID: "STS.local-000001", InstanceID: result.InstanceID, Started: got[0].Started, Ended: got[0].Ended,
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	got[0].Event = "changed"
	if s.Invocations()[0].Event != "hello topic" {
		t.Error("the log can be changed from outside")
	}
}

func TestTheLogLinesOfAnInvocationAreItsOwn(t *testing.T) {
	t.Parallel()
	var all tape.Tape
	s := newServer(t, withOutput(&all))
	first := invoke(t, s, `{"do":"log","text":"one","n":1}`)
	second := invoke(t, s, `{"do":"log","text":"two","n":1}`)
	third := invoke(t, s, `{"do":"exit"}`)
	for _, c := range []struct {
		name, log, want string
	}{
		{"a cold start", string(first.Log), "the process starts\nFC Invoke Start RequestId: ID\none\nFC Invoke End RequestId: ID\n"},
		{"a warm one", string(second.Log), "FC Invoke Start RequestId: ID\ntwo\nFC Invoke End RequestId: ID\n"},
		{"a crash", string(third.Log), "FC Invoke Start RequestId: ID\ngoodbye\nFC Invoke End RequestId: ID, " +
			"Error: Process exited unexpectedly before completing request (duration: Nms, maxMemoryUsage: NMB)\n"},
	} {
		if diff := cmp.Diff(c.want, normalise(c.log)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	if want := string(first.Log) + string(second.Log) + string(third.Log); all.String() != want {
		t.Errorf("Stdout has %q, want %q", all.String(), want)
	}
}

// normalise replaces what differs from run to run.
func normalise(text string) string {
	text = regexp.MustCompile(`1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{12}`).ReplaceAllString(text, "ID")
	return regexp.MustCompile(`\d+(\.\d+)?(ms|MB)`).ReplaceAllString(text, "N$2")
}

func TestALongLogIsKeptInPart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	invoke(t, s, "{}")
	result := invoke(t, s, `{"do":"log","text":"0123456789abcdef","n":131072}`) // 2 MiB
	if n := len(result.Log); n > 1<<20 || n < 1<<19 {
		t.Errorf("%d bytes of log, want at most 1 MiB", n)
	}
	if !bytes.HasSuffix(result.Log, []byte("FC Invoke End RequestId: "+result.RequestID+"\n")) {
		t.Error("the end of the log is missing")
	}
	if again := invoke(t, s, `{"do":"log","text":"one","n":1}`); !strings.HasPrefix(string(again.Log), "FC Invoke Start") {
		t.Errorf("the next log begins with %.40q", again.Log)
	}
}

func TestWhatAnInvocationLeavesBehindGoesWithTheChild(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	pid := decode[int](t, invoke(t, s, `{"do":"descendant"}`).Body)
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("process %d: %v, want it to run", pid, err)
	}
	invoke(t, s, `{"do":"exit"}`)
	waitFor(t, "the end of the descendant", func() bool { return gone(pid) })
}

// gone is also true of a process that waits for a parent to read its status.
func gone(pid int) bool {
	status, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "stat"))
	return err != nil || strings.Contains(string(status), ") Z ")
}

func TestOversizeEventsAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if _, err := s.Invoke(t.Context(), make([]byte, 32<<20+1)); err == nil || !strings.Contains(err.Error(), "EntityTooLarge") {
		t.Errorf("sync: error %v, want EntityTooLarge", err)
	}
	if _, err := s.InvokeAsync("t", make([]byte, 128<<10+1)); err == nil || !strings.Contains(err.Error(), "EntityTooLarge") {
		t.Errorf("async: error %v, want EntityTooLarge", err)
	}
	if result := invoke(t, s, `"`+strings.Repeat("x", 1<<20)+`"`); len(result.Body) < 1<<20 {
		t.Errorf("an event of 1 MiB came back as %d bytes", len(result.Body))
	}
}
