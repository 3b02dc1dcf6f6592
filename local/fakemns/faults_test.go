package fakemns_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/faults"
)

func TestFaultsSpeakTheServicesWords(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind          faults.Kind
		status        int
		code, message string
	}{
		{faults.Throttle, 429, "TooManyRequests", "The request is denied by cluster flow limiter for too many requests."},
		{faults.ServerError, 500, "InternalError", "Interal error."},
		{faults.TokenExpired, 403, "AccessDenied", textDenied},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			t.Parallel()
			c := start(t)
			c.Faults().Add(faults.Fault{Action: "PublishMessage", Kind: tc.kind, Times: 1})
			wantStatus(t, c.ask(t, "GET", "/topics", ""), 200, "")
			got := c.ask(t, "POST", news, message("x"))
			wantRefusal(t, got, tc.status, tc.code, tc.message)
			want := fakemns.Call{
				Action: "PublishMessage", Resource: news, At: c.now(), Status: tc.status, Code: tc.code,
				RequestID: got.text("RequestId"), BodyMD5: "F68145489CAFECC71E70013D3DAA4E3C",
			}
			if diff := cmp.Diff([]fakemns.Call{want}, c.CallsOf("PublishMessage")); diff != "" {
				t.Fatal(diff)
			}
			if len(c.Published("news")) != 0 {
				t.Fatal("published in spite of the fault")
			}
			wantStatus(t, c.ask(t, "POST", news, message("x")), 201, "")
		})
	}
}

func TestFaultsKnowEveryAction(t *testing.T) {
	t.Parallel()
	c := start(t)
	const queue, topic, sub = "/queues/inbox", "/topics/news", "/topics/news/subscriptions/s"
	for action, request := range map[string][3]string{
		"PublishMessage":            {"POST", news, message("x")},
		"SendMessage":               {"POST", inbox, message("x")},
		"BatchSendMessage":          {"POST", inbox, `<?xml version="1.0"?><!-- c --><Messages>` + message("x") + "</Messages>"},
		"ReceiveMessage":            {"GET", inbox + "?waitseconds=1", ""},
		"BatchReceiveMessage":       {"GET", inbox + "?NUMOFMESSAGES=1&waitseconds=1", ""},
		"PeekMessage":               {"GET", inbox + "?peekonly=true", ""},
		"BatchPeekMessage":          {"GET", inbox + "?numOfMessages=1&peekonly=true", ""},
		"DeleteMessage":             {"DELETE", inbox + "?ReceiptHandle=x", ""},
		"BatchDeleteMessage":        {"DELETE", inbox, "<ReceiptHandles/>"},
		"ChangeMessageVisibility":   {"PUT", inbox + "?ReceiptHandle=x&VisibilityTimeout=1", ""},
		"CreateQueue":               {"PUT", queue, "<Queue/>"},
		"SetQueueAttributes":        {"PUT", queue + "?metaoverride=true", "<Queue/>"},
		"GetQueueAttributes":        {"GET", queue, ""},
		"DeleteQueue":               {"DELETE", queue, ""},
		"ListQueue":                 {"GET", "/queues", ""},
		"CreateTopic":               {"PUT", topic, "<Topic/>"},
		"SetTopicAttributes":        {"PUT", topic + "?metaoverride=true", "<Topic/>"},
		"GetTopicAttributes":        {"GET", topic, ""},
		"DeleteTopic":               {"DELETE", topic, ""},
		"ListTopic":                 {"GET", "/topics", ""},
		"Subscribe":                 {"PUT", sub, "<Subscription/>"},
		"SetSubscriptionAttributes": {"PUT", sub + "?metaoverride=true", "<Subscription/>"},
		"GetSubscriptionAttributes": {"GET", sub, ""},
		"Unsubscribe":               {"DELETE", sub, ""},
		"ListSubscriptionByTopic":   {"GET", topic + "/subscriptions", ""},
	} {
		c.Faults().Clear()
		c.Faults().Add(faults.Fault{Action: action, Kind: faults.Throttle})
		wantStatus(t, c.ask(t, request[0], request[1], request[2]), 429, "TooManyRequests")
	}
	c.Faults().Clear()
	c.Faults().Add(faults.Fault{Action: "*", Kind: faults.Throttle})
	wantStatus(t, c.ask(t, "GET", "/nothing", ""), 429, "TooManyRequests")
}

func TestFaultsAreSwitchedOverHTTPWhileItRuns(t *testing.T) {
	t.Parallel()
	c := start(t)
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	control := func(method, body string) string {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/_local/faults", strings.NewReader(body))
		must(t, err)
		resp, err := server.Client().Do(r)
		must(t, err)
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		must(t, err)
		return string(text)
	}
	if got := control("POST", "PublishMessage=throttle:2"); got != "[\"PublishMessage=throttle:2\"]\n" {
		t.Fatalf("got %s", got)
	}
	wantStatus(t, c.ask(t, "POST", news, message("x")), 429, "TooManyRequests")
	if got := control("GET", ""); got != "[\"PublishMessage=throttle:1\"]\n" {
		t.Fatalf("got %s", got)
	}
	control("DELETE", "")
	wantStatus(t, c.ask(t, "POST", news, message("x")), 201, "")
}

func TestResetAfterTheEffectHasTheEffect(t *testing.T) {
	t.Parallel()
	c := start(t)
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	for kind, published := range map[faults.Kind]int{faults.ResetAfter: 1, faults.ResetBefore: 0} {
		before := len(c.Published("news"))
		c.Faults().Add(faults.Fault{Action: "PublishMessage", Kind: kind, Times: 1})
		r := c.request(t, "POST", news, message("x"))
		out, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+news, strings.NewReader(message("x")))
		must(t, err)
		out.Header = r.Header
		if resp, err := server.Client().Do(out); err == nil {
			_ = resp.Body.Close()
			t.Fatalf("%s: got an answer", kind)
		}
		if got := len(c.Published("news")) - before; got != published {
			t.Fatalf("%s: %d published, want %d", kind, got, published)
		}
	}
}

func TestCallLog(t *testing.T) {
	t.Parallel()
	c := start(t)
	if calls := c.Calls(); len(calls) != 0 {
		t.Fatalf("calls before any: %v", calls)
	}
	c.key = c.keys.Issue(time.Hour)
	ok := c.ask(t, "POST", news, message("x"))
	c.ask(t, "DELETE", inbox+"?ReceiptHandle=1-MS0xLTEtMQ==", "")
	c.ask(t, "GET", "/queues", "", tamper("Authorization", "MNS testid:AAAA"))
	c.ask(t, "GET", "/nothing", "")
	want := []fakemns.Call{
		{Action: "PublishMessage", Resource: news, At: c.now(), Status: 201, RequestID: ok.header.Get("x-mns-request-id"), AccessKeyID: c.key.ID, BodyMD5: "F68145489CAFECC71E70013D3DAA4E3C"},
		{Action: "DeleteMessage", Resource: inbox, At: c.now(), Status: 404, Code: "MessageNotExist", AccessKeyID: c.key.ID},
		{Action: "ListQueue", Resource: "/queues", At: c.now(), Status: 403, Code: "AccessDenied"},
		{Resource: "/nothing", At: c.now(), Status: 400, Code: "InvalidRequestURL", AccessKeyID: c.key.ID},
	}
	calls := c.Calls()
	for i := range calls[1:] {
		calls[i+1].RequestID = ""
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Fatal(diff)
	}
}

func TestCallLogOverHTTPHoldsNoSecret(t *testing.T) {
	t.Parallel()
	c := start(t)
	get := func(method string) reply {
		return c.send(t, httptest.NewRequestWithContext(t.Context(), method, "/_local/calls", nil))
	}
	if got := get("GET"); got.body != "[]\n" || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %v %q", got.header, got.body)
	}
	c.key = c.keys.Issue(time.Hour)
	r := c.request(t, "POST", news, message("x"))
	c.send(t, r)
	got := get("GET")
	var calls []fakemns.Call
	must(t, json.Unmarshal([]byte(got.body), &calls))
	if diff := cmp.Diff(c.Calls(), calls); diff != "" || len(calls) != 1 {
		t.Fatal(diff)
	}
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), ":")
	for _, secret := range []string{c.key.Secret, c.key.Token, signature} {
		if strings.Contains(got.body, secret) {
			t.Fatalf("%s is in %s", secret, got.body)
		}
	}
	if got := get("DELETE"); got.status != 405 {
		t.Fatalf("got %d", got.status)
	}
}
