package fakeoss_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/rig"
)

// over sends a signed request for one object through a real connection.
func (c *cloud) over(ctx context.Context, t *testing.T, server, method, body string, changes ...change) rig.Answer {
	t.Helper()
	signed := c.request(t, method, state+"/a", body, changes...)
	r, err := http.NewRequestWithContext(ctx, method, server+signed.URL.RequestURI(), strings.NewReader(body))
	must(t, err)
	r.Header = signed.Header
	return rig.Send(t, r)
}

func TestFaultsOfAPut(t *testing.T) {
	t.Parallel()
	answered := func(status int, text string) func(rig.Answer) bool {
		return func(a rig.Answer) bool { return a.Err == nil && a.Status == status && strings.Contains(a.Body, text) }
	}
	reset := func(a rig.Answer) bool { return errors.Is(a.Err, syscall.ECONNRESET) }
	for _, tc := range []struct {
		fault  faults.Kind
		seen   func(rig.Answer) bool
		stored bool
		code   string
		status int
	}{
		{faults.Throttle, answered(503, "<Code>TotalQpsLimitExceeded</Code>"), false, "throttle", 503},
		{faults.ServerError, answered(500, "<Code>InternalError</Code>"), false, "5xx", 500},
		{faults.TokenExpired, answered(403, "<Code>SecurityTokenExpired</Code>"), false, "token-expired", 403},
		{faults.HTML, answered(502, "<html>"), false, "html502", 0},
		{faults.ResetBefore, reset, false, "reset-before", 0},
		{faults.ResetAfter, reset, true, "", 200},
		{faults.Hang, func(a rig.Answer) bool { return errors.Is(a.Err, context.DeadlineExceeded) }, true, "", 200},
		{faults.Truncate, func(a rig.Answer) bool { return a.Status == 200 || a.Err != nil }, true, "", 200},
		{faults.Empty, func(a rig.Answer) bool { return a.Status == 200 && a.Err == nil && a.Header.Get("ETag") == "" }, true, "", 200},
	} {
		t.Run(string(tc.fault), func(t *testing.T) {
			t.Parallel()
			c := start(t)
			server := httptest.NewServer(c)
			defer server.Close()
			c.Faults().Add(faults.Fault{Action: "PutObject", Kind: tc.fault, Times: 1})
			patience := time.Minute
			if tc.fault == faults.Hang {
				patience = 200 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if got := c.over(ctx, t, server.URL, "PUT", "x", forbid()); !tc.seen(got) {
				t.Errorf("the client saw %+v", got)
			}
			call := c.CallsOf("PutObject")[0]
			if (c.content("a") == "x") != tc.stored || call.Code != tc.code || call.Status != tc.status || call.Key != "a" || !call.ForbidOverwrite {
				t.Errorf("stored is %q; log: %+v", c.content("a"), call)
			}
			again := c.ask(t, "PUT", state+"/a", "y", forbid())
			if tc.stored {
				again.want(t, 409, "FileAlreadyExists", "0026-00000002")
			} else {
				again.want(t, 200, "", "")
			}
		})
	}
}

func TestATruncatedObjectIsShorterThanAnnounced(t *testing.T) {
	t.Parallel()
	c := start(t)
	server := httptest.NewServer(c)
	defer server.Close()
	must(t, c.Store(state, "a", []byte("0123456789")))
	c.Faults().Add(faults.Fault{Action: "GetObject", Kind: faults.Truncate, Times: 1})
	if got := c.over(t.Context(), t, server.URL, "GET", ""); got.Err == nil || got.Length != 10 || got.Body == "0123456789" {
		t.Errorf("got %+v", got)
	}
	if got := c.over(t.Context(), t, server.URL, "GET", ""); got.Err != nil || got.Body != "0123456789" {
		t.Errorf("got %+v", got)
	}
}

func TestLatencyIsWaitedForAndACallGivenUpMeanwhileIsLogged(t *testing.T) {
	t.Parallel()
	c := start(t)
	server := httptest.NewServer(c)
	c.Faults().Add(faults.Fault{Action: "GetObject", Kind: faults.Latency, Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if got := c.over(ctx, t, server.URL, "GET", ""); !errors.Is(got.Err, context.DeadlineExceeded) {
		t.Errorf("got %+v", got)
	}
	server.Close() // waits for the handler
	if calls := c.Calls(); len(calls) != 1 || calls[0].Code != "latency" || calls[0].Status != 0 {
		t.Errorf("log: %+v", calls)
	}
}

func TestFaultsKnowEveryAction(t *testing.T) {
	t.Parallel()
	for action, request := range map[string][2]string{
		"PutObject": {"PUT", "/a"}, "GetObject": {"GET", "/a"}, "HeadObject": {"HEAD", "/a"}, "DeleteObject": {"DELETE", "/a"},
		"ListObjectsV2": {"GET", "/?list-type=2&prefix=a"}, "GetBucketVersioning": {"GET", "/?versioning"},
	} {
		c := start(t)
		c.Faults().Add(faults.Fault{Action: action, Kind: faults.Throttle})
		got := c.ask(t, request[0], state+request[1], "")
		got.want(t, 503, "TotalQpsLimitExceeded", "")
		if (action == "HeadObject") != (got.body == "") {
			t.Errorf("%s: %s", action, got.body)
		}
		c.Faults().Clear()
		c.Faults().Add(faults.Fault{Action: "Another", Kind: faults.Throttle})
		if got := c.ask(t, request[0], state+request[1], "", header("Content-Length", "0")); got.status == 503 {
			t.Errorf("%s: %s", action, got.body)
		}
	}
	c := start(t)
	c.Faults().Add(faults.Fault{Action: "*", Kind: faults.Quota, PerSecond: 1})
	c.ask(t, "GET", state+"/?versioning", "").want(t, 200, "", "")
	c.ask(t, "PUT", state+"/a?acl", "").want(t, 503, "TotalQpsLimitExceeded", "")
	c.Advance(time.Second)
	c.ask(t, "GET", state+"/?versioning", "").want(t, 200, "", "")
}

func TestFaultsAreSwitchedOverHTTPWhileItRuns(t *testing.T) {
	t.Parallel()
	c := start(t)
	control := func(method, body string) string {
		return send(t, c, httptest.NewRequestWithContext(t.Context(), method, "/_local/faults", strings.NewReader(body))).body
	}
	if got := control("POST", "PutObject=throttle:2"); got != "[\"PutObject=throttle:2\"]\n" {
		t.Fatalf("got %s", got)
	}
	c.ask(t, "PUT", state+"/a", "x").want(t, 503, "TotalQpsLimitExceeded", "")
	if got := control("GET", ""); got != "[\"PutObject=throttle:1\"]\n" {
		t.Fatalf("got %s", got)
	}
	control("DELETE", "")
	c.ask(t, "PUT", state+"/a", "x").want(t, 200, "", "")
}

func TestTheCallLogHoldsWhatHappenedAndNoSecret(t *testing.T) {
	t.Parallel()
	c := start(t)
	calls := func() string {
		return send(t, c, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_local/calls", nil)).body
	}
	if got := calls(); got != "[]\n" {
		t.Errorf("got %s", got)
	}
	c.key = c.keys.Issue(time.Hour)
	r := c.request(t, "PUT", state+"/a", "xyz", forbid())
	put := send(t, c, r)
	c.ask(t, "GET", state+"/?list-type=2&prefix=a&x-oss-security-token="+url.QueryEscape(c.key.Token), "")
	c.ask(t, "GET", state+"/b", "", without("Authorization"))
	c.ask(t, "DELETE", state+"/?acl", "")
	want := []fakeoss.Call{
		{Action: "PutObject", Bucket: state, Key: "a", At: c.Now(), Status: 200, RequestID: put.header.Get("x-oss-request-id"), AccessKeyID: c.key.ID, ForbidOverwrite: true, Bytes: 3},
		{Action: "ListObjectsV2", Bucket: state, Query: "list-type=2&prefix=a", At: c.Now(), Status: 200, AccessKeyID: c.key.ID},
		{Action: "GetObject", Bucket: state, Key: "b", At: c.Now(), Status: 403, Code: "AccessDenied"},
		{Bucket: state, Query: "acl=", At: c.Now(), Status: 501, Code: "NotImplemented", AccessKeyID: c.key.ID},
	}
	got := c.Calls()
	for i := range got[1:] {
		got[i+1].RequestID = ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var shown []fakeoss.Call
	must(t, json.Unmarshal([]byte(calls()), &shown))
	if diff := cmp.Diff(c.Calls(), shown); diff != "" {
		t.Error(diff)
	}
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	for _, secret := range []string{c.key.Secret, c.key.Token, signature} {
		if strings.Contains(calls(), secret) {
			t.Errorf("%s is in %s", secret, calls())
		}
	}
}
