package rig_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"rds-kernel-upgrade/local/rig"
)

func TestEachMisbehaviourIsSeenAsWhatItIs(t *testing.T) {
	t.Parallel()
	raw := rig.Raw(func(r *http.Request) string {
		return "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + r.Header.Get("X-Echo") + "…"
	})
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		seen    func(rig.Answer) bool
	}{
		"it hangs up in an orderly way": {rig.HangUp(false), func(a rig.Answer) bool { return errors.Is(a.Err, io.EOF) }},
		"it hangs up with a reset":      {rig.HangUp(true), func(a rig.Answer) bool { return errors.Is(a.Err, syscall.ECONNRESET) }},
		"it never answers":              {rig.Hang, func(a rig.Answer) bool { return errors.Is(a.Err, context.DeadlineExceeded) }},
		"it says what the test wants": {raw, func(a rig.Answer) bool {
			return a.Status == 200 && a.Length == 9 && a.Body == "echoed…" && a.Err == nil
		}},
		"it answers and breaks off": {
			func(w http.ResponseWriter, r *http.Request) { r.Header.Set("X-Echo", "e"); raw(w, r) },
			func(a rig.Answer) bool {
				return a.Status == 200 && a.Body == "e…" && errors.Is(a.Err, io.ErrUnexpectedEOF)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.handler)
			defer server.Close() // waits for the handler
			patience := 10 * time.Second
			if strings.Contains(name, "never") {
				patience = 50 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader("a body"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Echo", "echoed")
			if got := rig.Send(t, r); !test.seen(got) {
				t.Errorf("the client saw %+v", got)
			}
		})
	}
}

func TestAConnectionThatCannotBeTakenOverIsAPanic(t *testing.T) {
	t.Parallel()
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("got %v", err)
		}
	}()
	rig.HangUp(false)(httptest.NewRecorder(), nil)
}

func TestNobodyListensNowhere(t *testing.T) {
	t.Parallel()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, rig.Nowhere(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := rig.Send(t, r); !errors.Is(got.Err, syscall.ECONNREFUSED) {
		t.Errorf("got %+v", got)
	}
}
