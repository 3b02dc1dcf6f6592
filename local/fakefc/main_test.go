package fakefc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/sts"
	"rds-kernel-upgrade/local/tape"
)

const (
	account = "1234567890123456"
	region  = "cn-hangzhou"
	name    = "rds-kernel-upgrade"
)

var (
	handler string // the built test function
	caller  = sts.Key{ID: "LTAI-local", Secret: "local-secret"}
	nonces  atomic.Int64
)

func TestMain(m *testing.M) {
	os.Exit(rig.WithFolder(m, func(folder string) error {
		handler = filepath.Join(folder, "main")
		return rig.Build(handler, "./testdata/handler")
	}))
}

// options are those of a server that works; a test changes what it is about.
func options(changes ...func(*fakefc.Options)) fakefc.Options {
	o := fakefc.Options{
		Name: name, Binary: handler, Account: account, Region: region, Now: time.Now, MemoryMB: 128,
		Timeout: 20 * time.Second, Keys: sts.NewKeyring(time.Now, caller),
		RetryDelay: 10 * time.Millisecond, ThrottleDelay: 10 * time.Millisecond,
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

func newServer(t *testing.T, changes ...func(*fakefc.Options)) *fakefc.Server {
	t.Helper()
	s, err := fakefc.New(options(changes...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) }) // t.Context() has ended by then
	return s
}

func invoke(t *testing.T, s *fakefc.Server, event string) fakefc.Result {
	t.Helper()
	result, err := s.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func invokeAsync(t *testing.T, s *fakefc.Server, trigger, event string) (requestID string) {
	t.Helper()
	id, err := s.InvokeAsync(trigger, []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func waitIdle(t *testing.T, s *fakefc.Server) {
	t.Helper()
	if err := s.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// counts are what the test function returns.
type counts struct{ Served, Most, Pid int64 }

func decode[T any](t *testing.T, body []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// waitFor polls for what happens in another process.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// waitRunning waits until an attempt has started.
func waitRunning(t *testing.T, s *fakefc.Server, n int) {
	t.Helper()
	waitFor(t, "an invocation that runs", func() bool {
		list := s.Invocations()
		return len(list) >= n && list[n-1].End == fakefc.Running
	})
}

// gate is an event that runs until it is opened.
type gate struct {
	t    *testing.T
	file string
}

func newGate(t *testing.T) gate {
	t.Helper()
	return gate{t, filepath.Join(t.TempDir(), "open")}
}

func (g gate) event() string { return fmt.Sprintf(`{"do":"wait","file":%q}`, g.file) }

func (g gate) open() {
	g.t.Helper()
	if err := os.WriteFile(g.file, nil, 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func withOutput(o *tape.Tape) func(*fakefc.Options) {
	return func(options *fakefc.Options) { options.Stdout = o }
}

// request is one to the front door, not yet signed.
func request(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("x-acs-action", "InvokeFunction")
	r.Header.Set("x-acs-version", "2023-03-30")
	return r
}

func sign(r *http.Request, body string) *http.Request {
	acs3.Sign(r, []byte(body), caller, time.Now(), fmt.Sprint("nonce-", nonces.Add(1)))
	return r
}

func serve(s http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

const invocations = "/2023-03-30/functions/" + name + "/invocations"

var requestIDForm = regexp.MustCompile(`^1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{12}$`)
