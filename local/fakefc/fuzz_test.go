package fakefc_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"rds-kernel-upgrade/local/fakefc"
)

// FuzzFrontDoor sends signed requests of any kind to a function that cannot be started. Each is refused with the service's document, or
// is an invocation that failed.
func FuzzFrontDoor(f *testing.F) {
	f.Add("POST", invocations, "qualifier=LATEST", "Sync", "Tail", "id", "{}")
	f.Add("POST", invocations, "qualifier=1", "Async", "None", "1", "")
	f.Add("POST", invocations, "qualifier=%00", "async", "\x00", "_\n", "\xff")
	f.Add("GET", "/2023-03-30/functions/%2e%2e/invocations", "%", "", "", "", "")
	f.Add("POST", "/_local/tick/x", "", "", "", "", "")
	f.Add("CONNECT", "*", "", "", "", "", "")
	s, err := fakefc.New(options(func(o *fakefc.Options) { o.Binary, o.MaxAsyncRetries = "/nonexistent/main", fakefc.NoRetries }))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close(context.Background()) })
	f.Fuzz(func(t *testing.T, method, path, query, kind, log, task, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Method, r.URL = method, &url.URL{Path: path, RawQuery: query}
		for name, value := range map[string]string{"X-Fc-Invocation-Type": kind, "X-Fc-Log-Type": log, "X-Fc-Async-Task-Id": task} {
			r.Header[name] = []string{value}
		}
		w := serve(s, sign(r, body))
		switch {
		case w.Code >= 300 && w.Code < 400: // the mux cleans the path
		case w.Code == http.StatusAccepted, w.Code == http.StatusOK && strings.HasPrefix(path, "/_local/"):
		case w.Code == http.StatusOK:
			if w.Header().Get("X-Fc-Error-Type") == "" {
				t.Errorf("a function that cannot be started answers %q", w.Body)
			}
		case strings.HasPrefix(path, "/_local/"):
		default:
			document := map[string]string{}
			if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil || document["Code"] == "" || document["RequestId"] != w.Header().Get("X-Fc-Request-Id") {
				t.Errorf("%d %q: %v", w.Code, w.Body, err)
			}
		}
	})
}
