package fakefc_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/sts"
)

// refused decodes the error document, which has exactly these fields.
func refused(t *testing.T, w *httptest.ResponseRecorder) (code, message string) {
	t.Helper()
	document := decode[map[string]string](t, w.Body.Bytes())
	if keys := slices.Sorted(maps.Keys(document)); !slices.Equal(keys, []string{"Code", "Message", "RequestId"}) {
		t.Errorf("the error document has %q", keys)
	}
	if id := document["RequestId"]; id != w.Header().Get("X-Fc-Request-Id") || !requestIDForm.MatchString(id) {
		t.Errorf("request id %q in the body, %q in the header", id, w.Header().Get("X-Fc-Request-Id"))
	}
	if kind := w.Header().Get("Content-Type"); kind != "application/json" {
		t.Errorf("content type %q", kind)
	}
	return document["Code"], document["Message"]
}

func TestTheFrontDoorRefusesWhatTheCloudRefuses(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, c := range []struct {
		name, method, path, body string
		before, after            func(*http.Request) // before and after signing
		unsigned                 bool
		status                   int
		code, message            string
	}{
		{
			name: "an unknown path", path: "/2023-03-30/services", status: 400, code: "PathNotSupported",
			message: "'POST' against '/2023-03-30/services' is not supported",
		},
		{
			name: "the path of another version", path: "/2016-08-15/services/a/functions/b/invocations", status: 400, code: "PathNotSupported",
			message: "'POST' against '/2016-08-15/services/a/functions/b/invocations' is not supported",
		},
		{
			name: "another method", method: http.MethodGet, status: 400, code: "PathNotSupported",
			message: "'GET' against '" + invocations + "' is not supported",
		},
		{
			name: "no signature", unsigned: true, status: 400, code: "IncompleteSignature",
			message: "The request signature does not conform to Aliyun standards.",
		},
		{
			name: "a header changed after signing", after: set("x-acs-action", "InvokeFunction2"), status: 400, code: "SignatureDoesNotMatch",
			message: "Specified signature does not match our calculation. server StringToSign is [",
		},
		{
			name: "a body changed after signing", body: "event", after: func(r *http.Request) { r.Body = http.NoBody }, status: 400,
			code: "SignatureDoesNotMatch", message: "Specified signature does not match our calculation. server StringToSign is [",
		},
		{
			name: "a body that breaks off", after: func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)) },
			status: 400, code: "InvalidArgument", message: "the request's body cannot be read: unexpected EOF",
		},
		{
			name: "another action than the path's", before: set("x-acs-action", "GetFunction"), status: 404, code: "InvalidAction.NotFound",
			message: "Specified api is not found, please check your url and method.",
		},
		{
			name: "another version than the path's", before: set("x-acs-version", "2021-04-06"), status: 400, code: "InvalidVersion",
			message: "Specified parameter Version is not valid.",
		},
		{
			name: "an unknown function", path: "/2023-03-30/functions/other/invocations", status: 404, code: "FunctionNotFound",
			message: "function 'other' does not exist",
		},
		{
			name: "a version that was never published", path: invocations + "?qualifier=1", status: 404, code: "VersionNotFound",
			message: "version '1' of function '" + name + "' does not exist",
		},
		{
			name: "an alias that does not exist", path: invocations + "?qualifier=prod", status: 404, code: "AliasNotFound",
			message: "alias 'prod' of function '" + name + "' does not exist",
		},
		{
			name: "an invocation type that is none", before: set("x-fc-invocation-type", "Later"), status: 400, code: "InvalidArgument",
			message: "x-fc-invocation-type 'Later' is invalid: it is Sync or Async",
		},
		{
			name: "a log type that is none", before: set("x-fc-log-type", "All"), status: 400, code: "InvalidArgument",
			message: "x-fc-log-type 'All' is invalid: it is None or Tail",
		},
		{
			name: "a task id that starts with a digit", before: set("x-fc-async-task-id", "1a"), status: 400, code: "InvalidArgument",
			message: "x-fc-async-task-id '1a' is invalid: ",
		},
		{
			name: "a task id with a dot", before: set("x-fc-async-task-id", "a.b"), status: 400, code: "InvalidArgument",
			message: "x-fc-async-task-id 'a.b' is invalid: ",
		},
		{
			name: "a task id of 129 characters", before: set("x-fc-async-task-id", strings.Repeat("a", 129)), status: 400,
			code: "InvalidArgument", message: "x-fc-async-task-id 'aaa",
		},
		{
			name: "a synchronous event of more than 32 MB", body: strings.Repeat("x", 32<<20+1), status: 400, code: "EntityTooLarge",
			message: "payload size exceeds maximum allowed size (33554432 bytes)",
		},
		{
			name: "an asynchronous event of more than 128 KB", body: strings.Repeat("x", 128<<10+1), before: set("x-fc-invocation-type", "Async"),
			status: 400, code: "EntityTooLarge", message: "payload size exceeds maximum allowed size (131072 bytes)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			method, path := http.MethodPost, invocations
			if c.method != "" {
				method = c.method
			}
			if c.path != "" {
				path = c.path
			}
			r := request(t, method, path, c.body)
			if c.before != nil {
				c.before(r)
			}
			if !c.unsigned {
				sign(r, c.body)
			}
			if c.after != nil {
				c.after(r)
			}
			w := serve(s, r)
			code, message := refused(t, w)
			if w.Code != c.status || code != c.code || !strings.HasPrefix(message, c.message) {
				t.Errorf("%d %s: %s\nwant %d %s: %s", w.Code, code, message, c.status, c.code, c.message)
			}
		})
	}
	t.Cleanup(func() {
		if n := len(s.Invocations()); n != 0 {
			t.Errorf("%d attempts were made", n)
		}
	})
}

func TestTheFrontDoorKnowsKeysAndTimes(t *testing.T) {
	t.Parallel()
	o := options()
	temporary := o.Keys.Issue(time.Hour)
	expired := o.Keys.Issue(-time.Second)
	s := newServer(t, func(set *fakefc.Options) { *set = o })
	for _, c := range []struct {
		name string
		key  sts.Key
		at   time.Duration // of the signature, from now
		code string        // "" when it is let in
	}{
		{name: "the account's key", key: caller},
		{name: "a temporary key with its token", key: temporary},
		{name: "an unknown key", key: sts.Key{ID: "LTAI-other", Secret: "s"}, code: "InvalidAccessKeyId.NotFound"},
		{name: "a known key with another secret", key: sts.Key{ID: caller.ID, Secret: "s"}, code: "SignatureDoesNotMatch"},
		{name: "a temporary key without its token", key: sts.Key{ID: temporary.ID, Secret: temporary.Secret}, code: "MissingSecurityToken"},
		{name: "a token that has expired", key: expired, code: "InvalidSecurityToken.Expired"},
		{name: "a signature of 16 minutes ago", key: caller, at: -16 * time.Minute, code: "InvalidTimeStamp.Expired"},
		{name: "a signature from the future", key: caller, at: 16 * time.Minute, code: "InvalidTimeStamp.Expired"},
	} {
		r := request(t, http.MethodPost, invocations, "event")
		acs3.Sign(r, []byte("event"), c.key, time.Now().Add(c.at), "nonce of "+c.name)
		w := serve(s, r)
		if c.code == "" {
			if w.Code != http.StatusOK {
				t.Errorf("%s: %d %s, want 200", c.name, w.Code, w.Body)
			}
			continue
		}
		if code, _ := refused(t, w); code != c.code {
			t.Errorf("%s: %d %s, want %s", c.name, w.Code, w.Body, c.code)
		}
	}
}

func TestANonceIsGoodForOneRequest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	send := func() *httptest.ResponseRecorder {
		r := request(t, http.MethodPost, invocations, "event")
		acs3.Sign(r, []byte("event"), caller, time.Now(), "one nonce")
		return serve(s, r)
	}
	if w := send(); w.Code != http.StatusOK {
		t.Fatalf("the first: %d %s", w.Code, w.Body)
	}
	w := send()
	if code, _ := refused(t, w); w.Code != http.StatusBadRequest || code != "SignatureNonceUsed" {
		t.Errorf("the second: %d %s, want 400 SignatureNonceUsed", w.Code, code)
	}
}

func TestASynchronousInvocationThroughTheFrontDoor(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, c := range []struct {
		name, event, body string
		headers           map[string]string
		errorType, log    string
	}{
		{name: "with no headers at all", event: "hello topic", body: `"hello topic"`},
		{name: "in any case of letters", event: "hello topic", headers: map[string]string{"x-fc-invocation-type": "SYNC", "x-fc-log-type": "none"}, body: `"hello topic"`},
		{name: "for the version LATEST, without action and version", event: "x", headers: map[string]string{"x-acs-action": "", "x-acs-version": ""}, body: `"x"`},
		{
			name: "with the tail of the log", event: `{"do":"own","text":"no"}`, headers: map[string]string{"x-fc-log-type": "Tail"},
			body: `{"errorMessage":"no","errorType":"ownError"}`, errorType: fakefc.UnhandledInvocationError,
			log: "FC Invoke Start RequestId: ",
		},
		{name: "with a task id, which it does not need", event: "x", headers: map[string]string{"x-fc-async-task-id": "_a-1"}, body: `"x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(t, http.MethodPost, invocations+"?qualifier=LATEST", c.event)
			for name, value := range c.headers {
				r.Header.Set(name, value)
				if value == "" {
					r.Header.Del(name)
				}
			}
			w := serve(s, sign(r, c.event))
			if w.Code != http.StatusOK || w.Body.String() != c.body || w.Header().Get("X-Fc-Error-Type") != c.errorType {
				t.Errorf("%d %q %s, want 200 %q %s", w.Code, w.Header().Get("X-Fc-Error-Type"), w.Body, c.errorType, c.body)
			}
			log, err := base64.StdEncoding.DecodeString(w.Header().Get("X-Fc-Log-Result"))
			if err != nil || !strings.HasPrefix(string(log), c.log) || (c.log == "") != (len(log) == 0) {
				t.Errorf("log %q (%v), want %q", log, err, c.log)
			}
			checkHeaders(t, s, w.Header())
		})
	}
}

func checkHeaders(t *testing.T, s *fakefc.Server, h http.Header) {
	t.Helper()
	list := s.Invocations()
	last := list[len(list)-1]
	code, err := os.ReadFile(handler)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-Fc-Request-Id": last.RequestID, "X-Fc-Instance-Id": last.InstanceID, "X-Fc-Invocation-Service-Version": "LATEST",
		"X-Fc-Code-Checksum": strconv.FormatUint(crc64.Checksum(code, crc64.MakeTable(crc64.ECMA)), 10),
		"Content-Type":       "application/octet-stream",
	} {
		if got := h.Get(name); got != want || got == "" {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if ms, err := strconv.Atoi(h.Get("X-Fc-Invocation-Duration")); err != nil || ms < 0 || ms > 20000 {
		t.Errorf("X-Fc-Invocation-Duration is %q, want milliseconds", h.Get("X-Fc-Invocation-Duration"))
	}
	if mb, err := strconv.ParseFloat(h.Get("X-Fc-Max-Memory-Usage"), 64); err != nil || mb < 1 || mb > 100 {
		t.Errorf("X-Fc-Max-Memory-Usage is %q, want the megabytes of a small process", h.Get("X-Fc-Max-Memory-Usage"))
	}
}

func TestTheTailOfALogIs4KB(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := request(t, http.MethodPost, invocations, `{"do":"log","text":"x","n":9000}`)
	r.Header.Set("x-fc-log-type", "Tail")
	w := serve(s, sign(r, `{"do":"log","text":"x","n":9000}`))
	log, err := base64.StdEncoding.DecodeString(w.Header().Get("X-Fc-Log-Result"))
	want := "x\nFC Invoke End RequestId: " + w.Header().Get("X-Fc-Request-Id") + "\n"
	if err != nil || len(log) != 4096 || !strings.HasSuffix(string(log), want) {
		t.Errorf("%d bytes (%v) ending in %q, want 4096 ending in %q", len(log), err, log[max(len(log)-80, 0):], want)
	}
}

func TestAnAsynchronousInvocationThroughTheFrontDoor(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := request(t, http.MethodPost, invocations, `{"do":"fail-until","n":1}`)
	r.Header.Set("x-fc-invocation-type", "async")
	r.Header.Set("x-fc-async-task-id", "task_1")
	w := serve(s, sign(r, `{"do":"fail-until","n":1}`))
	if w.Code != http.StatusAccepted || w.Body.Len() != 0 || w.Header().Get("X-Fc-Async-Task-Id") != "task_1" {
		t.Errorf("%d %q %s, want 202, the task id, and no body", w.Code, w.Header(), w.Body)
	}
	waitIdle(t, s)
	for n, i := range s.Invocations() {
		if i.RequestID != w.Header().Get("X-Fc-Request-Id") || i.RetryCount != n || !i.Async {
			t.Errorf("attempt %d is %+v, want the request id of the answer", n, i)
		}
	}
	if n := len(s.Invocations()); n != 2 {
		t.Errorf("%d attempts, want 2", n)
	}
}

func TestASecondSynchronousInvocationIsThrottled(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	invokeAsync(t, s, "", `{"ms":60000}`)
	waitRunning(t, s, 1)
	w := serve(s, sign(request(t, http.MethodPost, invocations, ""), ""))
	if code, _ := refused(t, w); w.Code != http.StatusTooManyRequests || code != "ResourceExhausted" {
		t.Errorf("%d %s, want 429 ResourceExhausted", w.Code, code)
	}
	if s.Throttles() != 1 {
		t.Errorf("%d throttles, want 1", s.Throttles())
	}
}

func TestTheFrontDoorIsFreeAfterEachInvocation(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for i := range 3 {
		if w := serve(s, sign(request(t, http.MethodPost, invocations, ""), "")); w.Code != http.StatusOK {
			t.Errorf("invocation %d: %d %s", i, w.Code, w.Body)
		}
	}
}

func TestAClientThatGoesAwayCancelsItsInvocation(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+invocations, strings.NewReader(`{"ms":60000}`))
	if err != nil {
		t.Fatal(err)
	}
	acs3.Sign(r, []byte(`{"ms":60000}`), caller, time.Now(), "n")
	client := &http.Client{Timeout: 300 * time.Millisecond}
	if _, err := client.Do(r); err == nil { //nolint:bodyclose // there is none
		t.Fatal("the client did not give up")
	}
	waitFor(t, "the end of the attempt", func() bool { return s.Invocations()[0].End == fakefc.Canceled })
}

func TestTheControlAddressListsInvocations(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	result := invoke(t, s, "hello topic")
	w := serve(s, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_local/invocations", nil))
	var got []map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	list := s.Invocations()
	want := []map[string]any{{
		"requestId": result.RequestID, "retryCount": 0.0, "trigger": "", "async": false, "event": "hello topic", "body": `"hello topic"`,
		"errorType": "", "end": "answered", "accessKeyId": "STS.local-000001", "instanceId": result.InstanceID,
		"started": list[0].Started.Format(time.RFC3339Nano), "ended": list[0].Ended.Format(time.RFC3339Nano),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "token") {
		t.Errorf("a secret or token is in %s", w.Body)
	}
}

func TestFaultsSpeakTheServicesLanguage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var set faults.Set
	door := set.Wrap(s, s)
	for _, c := range []struct {
		kind   faults.Kind
		status int
		code   string
	}{
		{faults.Throttle, 429, "ResourceExhausted"},
		{faults.ServerError, 500, "InternalServerError"},
		{faults.TokenExpired, 400, "InvalidSecurityToken.Expired"},
	} {
		set.Add(faults.Fault{Action: "InvokeFunction", Kind: c.kind, Times: 1})
		w := serve(door, sign(request(t, http.MethodPost, invocations, ""), ""))
		if code, _ := refused(t, w); w.Code != c.status || code != c.code {
			t.Errorf("%s: %d %s, want %d %s", c.kind, w.Code, code, c.status, c.code)
		}
	}
	set.Add(faults.Fault{Action: "InvokeFunction", Kind: faults.Throttle})
	w := serve(door, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_local/invocations", nil))
	if w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != "[]" {
		t.Errorf("the control address: %d %s, want it untouched", w.Code, w.Body)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*fakefc.Options)
		want   string
	}{
		{"no name", func(o *fakefc.Options) { o.Name = "" }, "Name is empty: name the function"},
		{"no binary", func(o *fakefc.Options) { o.Binary = "" }, "Binary is empty: give the path of the go1 handler"},
		{"no account", func(o *fakefc.Options) { o.Account = "" }, "Account and Region are both needed"},
		{"no region", func(o *fakefc.Options) { o.Region = "" }, "Account and Region are both needed"},
		{"no keys", func(o *fakefc.Options) { o.Keys = nil }, "Keys is nil: give the account's keyring"},
		{"no clock", func(o *fakefc.Options) { o.Now = nil }, "Now is nil: give a clock"},
		{"half a second", func(o *fakefc.Options) { o.Timeout = time.Second / 2 }, "Timeout is 500ms: want whole seconds, 1s to 24h"},
		{"a second and a half", func(o *fakefc.Options) { o.Timeout = 3 * time.Second / 2 }, "Timeout is 1.5s: want whole seconds, 1s to 24h"},
		{"more than a day", func(o *fakefc.Options) { o.Timeout = 86401 * time.Second }, "Timeout is 24h0m1s: want whole seconds, 1s to 24h"},
		{"64 MB", func(o *fakefc.Options) { o.MemoryMB = 64 }, "MemoryMB is 64: want a multiple of 64 from 128 to 32768"},
		{"200 MB", func(o *fakefc.Options) { o.MemoryMB = 200 }, "MemoryMB is 200: want a multiple of 64 from 128 to 32768"},
		{"33 GB", func(o *fakefc.Options) { o.MemoryMB = 33792 }, "MemoryMB is 33792: want a multiple of 64 from 128 to 32768"},
		{"negative concurrency", func(o *fakefc.Options) { o.Concurrency = -1 }, "Concurrency is -1: want 1, or more in a test"},
		{"nine retries", func(o *fakefc.Options) { o.MaxAsyncRetries = 9 }, "MaxAsyncRetries is 9: want NoRetries or 1 to 8"},
		{"minus two retries", func(o *fakefc.Options) { o.MaxAsyncRetries = -2 }, "MaxAsyncRetries is -2: want NoRetries or 1 to 8"},
	} {
		if _, err := fakefc.New(options(c.change)); err == nil || err.Error() != "fakefc: "+c.want {
			t.Errorf("%s: error %v, want %s", c.name, err, c.want)
		}
	}
	_, err := fakefc.New(fakefc.Options{})
	if lines := strings.Count(fmt.Sprint(err), "\n") + 1; lines != 5 {
		t.Errorf("%d problems at once, want 5: %v", lines, err)
	}
}

func TestDefaultsAreTheClouds(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *fakefc.Options) { o.Timeout, o.MemoryMB = 0, 0 })
	got := decode[seen](t, invoke(t, s, `{"do":"context"}`).Body).Context.Function
	if got.Timeout != 3 || got.Memory != "512" {
		t.Errorf("timeout %d, memory %s; want 3 and 512", got.Timeout, got.Memory)
	}
}
