package faults_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/rig"
)

// service is a fake with one action, which counts how often it took effect.
type service struct {
	action  string
	mu      sync.Mutex
	effects int
	stopped []faults.Kind
}

func (s *service) Action(*http.Request) string { return s.action }

func (s *service) Refuse(w http.ResponseWriter, _ *http.Request, kind faults.Kind) {
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, string(kind))
}

func (s *service) Stopped(_ *http.Request, kind faults.Kind) { s.stopped = append(s.stopped, kind) }

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	s.effects++
	s.mu.Unlock()
	w.Header().Set("X-Request-Id", "1")
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, "ok")
}

func (s *service) happened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.effects
}

func serve(set *faults.Set, s *service, r *http.Request) *httptest.ResponseRecorder {
	if r == nil {
		r = httptest.NewRequest(http.MethodPost, "/", nil)
	}
	w := httptest.NewRecorder()
	set.Wrap(s, s).ServeHTTP(w, r)
	return w
}

func TestFaultsOverAConnection(t *testing.T) {
	reset := func(s rig.Answer) bool { return errors.Is(s.Err, syscall.ECONNRESET) }
	refused := func(body string) func(rig.Answer) bool {
		return func(s rig.Answer) bool { return s.Err == nil && s.Status == http.StatusBadRequest && s.Body == body }
	}
	cases := []struct {
		kind    faults.Kind
		seen    func(rig.Answer) bool
		effects int
	}{
		{faults.Throttle, refused("throttle"), 0},
		{faults.ServerError, refused("5xx"), 0},
		{faults.TokenExpired, refused("token-expired"), 0},
		{faults.HTML, func(s rig.Answer) bool {
			return s.Status == http.StatusBadGateway && s.Header.Get("Content-Type") == "text/html" && strings.Contains(s.Body, "502 Bad Gateway")
		}, 0},
		{faults.ResetBefore, reset, 0},
		{faults.ResetAfter, reset, 1},
		{faults.Hang, func(s rig.Answer) bool { return errors.Is(s.Err, context.DeadlineExceeded) }, 1},
		{faults.Truncate, func(s rig.Answer) bool {
			return s.Status == http.StatusOK && s.Length == 2 && s.Header.Get("X-Request-Id") == "1" && s.Err != nil && s.Body != "ok"
		}, 1},
		{faults.Empty, func(s rig.Answer) bool { return s.Status == http.StatusOK && s.Body == "" && s.Err == nil }, 1},
	}
	for _, tc := range cases {
		t.Run(string(tc.kind), func(t *testing.T) {
			t.Parallel()
			var set faults.Set
			s := &service{action: "A"}
			server := httptest.NewServer(set.Wrap(s, s))
			defer server.Close()
			set.Add(faults.Fault{Action: "A", Kind: tc.kind, Times: 1})
			patience := 10 * time.Second
			if tc.kind == faults.Hang {
				patience = 200 * time.Millisecond
			}
			hurried, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if got := post(hurried, t, server.URL); !tc.seen(got) {
				t.Errorf("the client saw %+v", got)
			}
			if s.happened() != tc.effects {
				t.Errorf("it happened %d times, want %d", s.happened(), tc.effects)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if got := post(ctx, t, server.URL); got.Body != "ok" || got.Err != nil {
				t.Errorf("the next call: %+v", got)
			}
		})
	}
}

func post(ctx context.Context, t *testing.T, url string) rig.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("a body"))
	if err != nil {
		t.Fatal(err)
	}
	return rig.Send(t, r)
}

func TestLatencyAddsUpAndComesBeforeAnotherFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var set faults.Set
		set.Add(
			faults.Fault{Action: "A", Kind: faults.Latency, Delay: time.Second},
			faults.Fault{Action: "*", Kind: faults.Latency, Delay: time.Minute},
			faults.Fault{Action: "B", Kind: faults.Latency, Delay: time.Hour},
			faults.Fault{Action: "A", Kind: faults.Throttle, Times: 1},
		)
		for _, want := range []string{"throttle", "ok"} {
			before := time.Now()
			if w := serve(&set, &service{action: "A"}, nil); w.Body.String() != want {
				t.Errorf("got %q, want %q", w.Body, want)
			}
			if took := time.Since(before); took != 61*time.Second {
				t.Errorf("took %s", took)
			}
		}
	})
}

func TestCallGivenUpDuringLatencyHasNoEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var set faults.Set
		set.Add(faults.Fault{Action: "A", Kind: faults.Latency, Delay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := &service{action: "A"}
		w := serve(&set, s, httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil))
		if s.effects != 0 || w.Body.Len() != 0 || len(s.stopped) != 1 || s.stopped[0] != faults.Latency {
			t.Errorf("effects %d, answer %q, stopped %v", s.effects, w.Body, s.stopped)
		}
	})
}

func TestWitnessHearsOfCallsThatNeverReachTheService(t *testing.T) {
	for kind, told := range map[faults.Kind]bool{
		faults.HTML: true, faults.ResetBefore: true, faults.Throttle: false, faults.ResetAfter: false, faults.Empty: false,
	} {
		var set faults.Set
		set.Add(faults.Fault{Action: "A", Kind: kind})
		s := &service{action: "A"}
		func() {
			defer func() { _ = recover() }() // a recorder has no connection to reset
			serve(&set, s, nil)
		}()
		if got := len(s.stopped) == 1 && s.stopped[0] == kind; got != told {
			t.Errorf("%s: told of %v", kind, s.stopped)
		}
	}
}

func TestResetWithoutAConnectionAbortsTheHandler(t *testing.T) {
	defer func() {
		if got := recover(); got != http.ErrAbortHandler { //nolint:errorlint // a panic's value, as net/http compares it
			t.Errorf("got %v", got)
		}
	}()
	var set faults.Set
	set.Add(faults.Fault{Action: "A", Kind: faults.ResetBefore})
	serve(&set, &service{action: "A"}, nil)
}

func TestControlAddress(t *testing.T) {
	var set faults.Set
	steps := []struct {
		method, body string
		status       int
		want         string
	}{
		{"GET", "", 200, "[]"},
		{"POST", "A=throttle:3", 200, `["A=throttle:3"]`},
		{"POST", "*=latency:1s", 200, `["A=throttle:3","*=latency:1s"]`},
		{"POST", "A=nonsense", 400, `unknown kind "nonsense"`},
		{"GET", "", 200, `["A=throttle:3","*=latency:1s"]`},
		{"DELETE", "", 200, "[]"},
		{"POST", "*=quota:20", 200, `["*=quota:20"]`},
		{"DELETE", "", 200, "[]"},
		{"PUT", "A=throttle", 405, "want GET, POST or DELETE"},
		{"GET", "", 200, "[]"},
	}
	for i, s := range steps {
		w := httptest.NewRecorder()
		set.ServeHTTP(w, httptest.NewRequest(s.method, "/", strings.NewReader(s.body)))
		if w.Code != s.status || !strings.Contains(w.Body.String(), s.want) {
			t.Errorf("step %d: %s %s: %d %s", i, s.method, s.body, w.Code, w.Body)
		}
	}
}
