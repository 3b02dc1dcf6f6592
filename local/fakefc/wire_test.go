package fakefc_test

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/tape"
	"rds-kernel-upgrade/local/wire"
)

// transcripts gives those of testdata/wire/fc whose names begin so.
func transcripts(t *testing.T, prefix string) map[string]wire.Transcript {
	t.Helper()
	all, err := wire.Load("../../testdata/wire/fc")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]wire.Transcript{}
	for _, transcript := range all {
		if strings.HasPrefix(transcript.Name, prefix) {
			found[transcript.Name] = transcript
		}
		if transcript.Meta["source"] == "" {
			t.Errorf("%s names no source", transcript.Name)
		}
	}
	return found
}

// sample is the documented event of that name.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	_, _, body, err := transcripts(t, "event-"+name)["event-"+name].Response()
	if err != nil || len(body) == 0 {
		t.Fatalf("sample %s: %d bytes, %v", name, len(body), err)
	}
	return body
}

func TestTheFrontDoorAnswersAsDocumented(t *testing.T) {
	t.Parallel()
	found := transcripts(t, "invoke-")
	if len(found) < 7 {
		t.Fatalf("%d transcripts, want at least 7", len(found))
	}
	for name, transcript := range found {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(o *fakefc.Options) {
				if timeout, err := time.ParseDuration(transcript.Meta["timeout"]); err == nil {
					o.Timeout = timeout
				}
			})
			r, body, err := transcript.Request()
			if err != nil {
				t.Fatal(err)
			}
			acs3.Sign(r, body, caller, time.Now(), "nonce")
			w := serve(s, r.WithContext(t.Context()))
			checkAnswer(t, transcript, w.Code, w.Header(), w.Body.Bytes())
		})
	}
}

// checkAnswer compares an answer with the transcript's. Of a header that varies, only the form counts.
func checkAnswer(t *testing.T, transcript wire.Transcript, status int, header http.Header, body []byte) {
	t.Helper()
	wantStatus, wantHeader, wantBody, err := transcript.Response()
	if err != nil {
		t.Fatal(err)
	}
	if status != wantStatus {
		t.Errorf("status %d, want %d", status, wantStatus)
	}
	if diff := cmp.Diff(form(wantBody), form(body)); diff != "" {
		t.Errorf("body: %s", diff)
	}
	varies := strings.Fields(strings.ToLower(transcript.Meta["varies"]))
	for name, want := range wantHeader {
		got := header.Values(name)
		if slices.Contains(varies, strings.ToLower(name)) {
			if len(got) != 1 || got[0] == "" {
				t.Errorf("%s is %q, want one like %q", name, got, want)
			}
			continue
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// form of a body is what stays the same from one invocation to the next.
func form(body []byte) string {
	return regexp.MustCompile(`: \d+(\.\d+)?(ms|MB)`).ReplaceAllString(normalise(string(body)), ": N$2")
}

// child is the runtime of a process that hangs: the test speaks to the runtime API in its place.
type child struct {
	t      *testing.T
	server *fakefc.Server
	pid    int64
	api    string
	result chan fakefc.Result
}

func newChild(t *testing.T, event []byte) *child {
	t.Helper()
	var log tape.Tape
	c := &child{t: t, result: make(chan fakefc.Result, 1)}
	s := newServer(t, withOutput(&log), func(o *fakefc.Options) {
		o.Env = map[string]string{"HANDLER_START": "hang"}
		o.OnStart = func(pid int) { c.pid = int64(pid) }
	})
	c.server = s
	go func() {
		result, _ := s.Invoke(t.Context(), event)
		c.result <- result
	}()
	address := regexp.MustCompile(`runtime API at (.*);`)
	waitFor(t, "the address of the runtime API", func() bool {
		found := address.FindStringSubmatch(log.String())
		if found != nil {
			c.api = "http://" + found[1]
		}
		return found != nil
	})
	return c
}

// reply is an answer that has been read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (c *child) send(method, path string, body []byte) reply {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.api+path, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var b bytes.Buffer
	_, _ = b.ReadFrom(response.Body)
	return reply{response.StatusCode, response.Header, b.Bytes()}
}

// replay sends a transcript's request, with the request id of this invocation in place of the sample's.
func (c *child) replay(name, id string) {
	c.t.Helper()
	transcript := transcripts(c.t, name)[name]
	r, body, err := transcript.Request()
	if err != nil {
		c.t.Fatal(err)
	}
	path := regexp.MustCompile(`1-[0-9a-f-]{30}`).ReplaceAllString(r.URL.Path, id)
	if id != "" && !strings.Contains(path, id) {
		c.t.Fatalf("no request id in %s", r.URL.Path)
	}
	got := c.send(r.Method, path, body)
	checkAnswer(c.t, transcript, got.status, got.header, got.body)
}

func TestTheRuntimeAPIHandsOverAsDocumented(t *testing.T) {
	t.Parallel()
	c := newChild(t, []byte("hello topic"))
	c.replay("runtime-next", "")
}

func TestTheRuntimeAPITakesAResultAsDocumented(t *testing.T) {
	t.Parallel()
	c := newChild(t, []byte("hello topic"))
	next := c.send(http.MethodGet, "/2020-11-11/runtime/invocation/next", nil)
	c.replay("runtime-response", next.header.Get("x-fc-request-id"))
	if r := <-c.result; string(r.Body) != `"hello topic"` || r.ErrorType != "" || r.End != fakefc.Answered {
		t.Errorf("result %q %q %s, want the posted one", r.Body, r.ErrorType, r.End)
	}
}

func TestTheRuntimeAPITakesAnErrorAsDocumented(t *testing.T) {
	t.Parallel()
	c := newChild(t, []byte("hello topic"))
	next := c.send(http.MethodGet, "/2020-11-11/runtime/invocation/next", nil)
	c.replay("runtime-error", next.header.Get("x-fc-request-id"))
	want := `{"errorMessage":"boom","errorType":"errorString","stackTrace":[{"path":"main.go","line":40,"label":"handle"}]}`
	if r := <-c.result; string(r.Body) != want || r.ErrorType != fakefc.UnhandledInvocationError || r.End != fakefc.Answered {
		t.Errorf("result %q %q %s, want the posted one", r.Body, r.ErrorType, r.End)
	}
}

func TestTheRuntimeAPIRefuses(t *testing.T) {
	t.Parallel()
	c := newChild(t, []byte("hello topic"))
	const path = "/2020-11-11/runtime/invocation/"
	next := c.send(http.MethodGet, path+"next", nil)
	id := next.header.Get("x-fc-request-id")
	for _, refused := range []struct {
		name, method, path string
		status             int
	}{
		{"an answer to an id that was never handed over", http.MethodPost, path + "1-67318f55-1310da55-db2afabf2b30/response", 404},
		{"an error for an id that was never handed over", http.MethodPost, path + "1-67318f55-1310da55-db2afabf2b30/error", 404},
		{"next by POST", http.MethodPost, path + "next", 405},
		{"next by HEAD", http.MethodHead, path + "next", 405},
		{"response by GET", http.MethodGet, path + id + "/response", 405},
		{"error by PUT", http.MethodPut, path + id + "/error", 405},
		{"an unknown path", http.MethodPost, path + id + "/result", 404},
		{"init/error, which go1 has not", http.MethodPost, "/2020-11-11/runtime/init/error", 404},
		{"another version", http.MethodGet, "/2018-06-01/runtime/invocation/next", 404},
	} {
		if got := c.send(refused.method, refused.path, nil); got.status != refused.status {
			t.Errorf("%s: %d %s, want %d", refused.name, got.status, got.body, refused.status)
		}
	}
	if got := c.send(http.MethodPost, path+id+"/response", []byte("1")); got.status != http.StatusOK {
		t.Errorf("the first answer: %d %s, want 200", got.status, got.body)
	}
	for _, kind := range []string{"response", "error"} {
		if got := c.send(http.MethodPost, path+id+"/"+kind, []byte("2")); got.status != http.StatusBadRequest {
			t.Errorf("a second %s: %d %s, want 400", kind, got.status, got.body)
		}
	}
	if r := <-c.result; string(r.Body) != "1" {
		t.Errorf("result %q, want the first answer", r.Body)
	}
}

func TestNextIsHeldUntilTheInvocationHasEnded(t *testing.T) {
	t.Parallel()
	c := newChild(t, []byte("first"))
	const path = "/2020-11-11/runtime/invocation/"
	next := c.send(http.MethodGet, path+"next", nil)
	second := make(chan []byte, 1)
	go func() { // as the runtime does, at once
		second <- c.send(http.MethodGet, path+"next", nil).body
	}()
	invokeAsync(t, c.server, "", "second")
	select {
	case body := <-second:
		t.Errorf("%s was handed over while another invocation ran", body)
	case <-time.After(50 * time.Millisecond):
	}
	c.send(http.MethodPost, path+next.header.Get("x-fc-request-id")+"/response", []byte("1"))
	if body := <-second; string(body) != "second" {
		t.Errorf("event %q, want the second", body)
	}
}

func TestAChildThatDoesNotAskAgainIsFrozenAllTheSame(t *testing.T) {
	t.Parallel()
	c := newChild(t, []byte("first"))
	const path = "/2020-11-11/runtime/invocation/"
	next := c.send(http.MethodGet, path+"next", nil)
	c.send(http.MethodPost, path+next.header.Get("x-fc-request-id")+"/response", []byte("1"))
	answered := time.Now()
	if r := <-c.result; string(r.Body) != "1" {
		t.Errorf("result %q, want the posted one", r.Body)
	}
	if waited := time.Since(answered); waited < 50*time.Millisecond {
		t.Errorf("it was frozen after %s, want a moment for it to ask", waited)
	}
	waitFor(t, "the child to be frozen", func() bool { return stopped(t, c.pid) })
}

func TestEverySampleReachesTheFunctionUnchanged(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	found := transcripts(t, "event-")
	if len(found) < 8 {
		t.Fatalf("%d samples, want at least 8", len(found))
	}
	for name := range found {
		event := sample(t, strings.TrimPrefix(name, "event-"))
		got := decode[string](t, invoke(t, s, string(event)).Body)
		if got != string(event) {
			t.Errorf("%s arrived as %s", name, got)
		}
	}
}
