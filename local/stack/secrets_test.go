package stack_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/stack"
)

// ear hears all that the function sends to the services. What stands where credentials belong it takes for a secret; the rest must
// hold none.
type ear struct {
	mu      sync.Mutex
	secrets rig.Secrets
	said    []string
	known   map[string]bool
	lines   map[string]bool // of documents, most of which are those of the document before
}

// belongs has, by service, where in a request a part of the credentials, or what was made with them, belongs.
var belongs = map[string]struct{ parameters, headers map[string]string }{
	"rds": {map[string]string{"AccessKeyId": "the access key's id", "SecurityToken": "the security token", "Signature": "a signature of RDS"}, nil},
	"mns": {nil, map[string]string{"Authorization": "a signature of MNS", "Security-Token": "the security token"}},
	"oss": {nil, map[string]string{"Authorization": "a signature of OSS", "X-Oss-Security-Token": "the security token"}},
}

// listen stands in front of a service.
func (e *ear) listen(service string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && !operator(r) {
			e.hear(service, r, string(body))
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// operator tells whether a request is a test's own, with the account's key, and not the function's.
func operator(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Authorization"), stack.AccessKeyID)
}

func (e *ear) hear(service string, r *http.Request, body string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	parameters, headers := r.URL.Query(), r.Header.Clone()
	for name, what := range belongs[service].parameters {
		e.learn(what, parameters.Get(name))
		parameters.Del(name)
	}
	for name, what := range belongs[service].headers {
		e.learn(what, signatureOf(headers.Get(name)))
		headers.Del(name)
	}
	if service == "oss" {
		body = e.fresh(body)
	}
	e.said = append(e.said, fmt.Sprint(r.Method, " ", r.URL.EscapedPath(), " ", parameters, headers, body))
}

// signatureOf returns the signature in an Authorization header, which is MNS's or OSS's; another header's value as it is.
func signatureOf(value string) string {
	if _, signature, found := strings.Cut(value, "Signature="); found {
		return signature
	}
	if _, signature, found := strings.Cut(value, ":"); found {
		return signature
	}
	return value
}

// fresh returns the lines of a document that no document before it had.
func (e *ear) fresh(body string) string {
	var lines []string
	for line := range strings.Lines(body) {
		if !e.lines[line] {
			lines = append(lines, line)
		}
		if e.lines == nil {
			e.lines = map[string]bool{}
		}
		e.lines[line] = true
	}
	return strings.Join(lines, "")
}

func (e *ear) learn(what, secret string) {
	if secret == "" || e.known[secret] {
		return
	}
	if e.known == nil {
		e.known = map[string]bool{}
	}
	e.known[secret] = true
	e.secrets.Add(what, secret)
}

// noSecrets fails if anything that has left the function holds a part of its credentials, or what was made with them: its output, its
// answers, its requests (notifications and documents are in them), and what has come of those.
func (c *cloud) noSecrets(tb testing.TB) {
	tb.Helper()
	e := c.heard
	e.mu.Lock()
	defer e.mu.Unlock()
	key := c.Keys.Issue(time.Minute) // all keys begin alike
	e.learn("the access key's id", key.ID)
	e.learn("the access key's secret", key.Secret)
	e.learn("the security token", key.Token)
	for where, texts := range map[string][]string{"the log": {c.logs.String()}, "a request": e.said, "an answer": c.answers(), "what is left": c.left()} {
		for _, text := range texts {
			for _, leak := range e.secrets.Leaks(text) {
				tb.Errorf("%s holds %s", where, leak)
			}
		}
	}
}

func (c *cloud) answers() (all []string) {
	for _, i := range c.FC.Invocations() {
		all = append(all, i.Body+i.ErrorType)
	}
	return all
}

// left is what the function has made of the cloud.
func (c *cloud) left() (all []string) {
	for _, topic := range []string{stack.ResultTopic, stack.RequestTopic} {
		for _, m := range c.MNS.Published(topic) {
			all = append(all, m.Body+" "+m.Tag)
		}
	}
	return all
}

// The ear hears what leaves in a place that is not for it.
func TestASecretInTheWrongPlaceOfARequestIsHeard(t *testing.T) {
	t.Parallel()
	const token, signature = "CAIS-local+token/000001==", "u6gRQ/9Pgg+slbtO9ov4Tk1KqYo="
	for name, request := range map[string]struct {
		service string
		change  func(r *http.Request)
		want    int
	}{
		"where they belong, of RDS":            {"rds", func(*http.Request) {}, 0},
		"where they belong, of MNS":            {"mns", func(*http.Request) {}, 0},
		"where they belong, of OSS":            {"oss", func(*http.Request) {}, 0},
		"a token in a tag":                     {"rds", func(r *http.Request) { r.URL.RawQuery += "&Tag.1.Value=" + url.QueryEscape(token) }, 1},
		"a token in a document":                {"oss", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{\n" + token + "\n}")) }, 1},
		"a signature in an object's name":      {"oss", func(r *http.Request) { r.URL.Path = "/bucket/" + signature }, 1},
		"a token twice":                        {"rds", func(r *http.Request) { r.URL.RawQuery += "&securitytoken=" + url.QueryEscape(token) }, 1},
		"a signature in a header":              {"rds", func(r *http.Request) { r.Header.Set("X-Debug", signature) }, 1},
		"a token in a message":                 {"mns", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(token)) }, 1},
		"a token in a queue's name":            {"mns", func(r *http.Request) { r.URL.Path = "/queues/" + token }, 1},
		"a token and a signature in a message": {"mns", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(token + "\n" + signature)) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/queues/q", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			switch request.service {
			case "rds":
				r.URL.RawQuery = url.Values{"AccessKeyId": {"STS.local-000001"}, "SecurityToken": {token}, "Signature": {signature}}.Encode()
			case "mns":
				r.Header.Set("Authorization", "MNS STS.local-000001:"+signature)
				r.Header.Set("Security-Token", token)
			case "oss":
				r.Header.Set("Authorization", "OSS4-HMAC-SHA256 Credential=STS.local-000001/20261122/cn-hangzhou/oss/aliyun_v4_request,Signature="+signature)
				r.Header.Set("X-Oss-Security-Token", token)
			}
			request.change(r)
			e, passed := &ear{}, false
			e.listen(request.service, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true })).ServeHTTP(nil, r)
			if got := e.secrets.Leaks(strings.Join(e.said, "\n")); len(got) != request.want || !passed {
				t.Errorf("heard %q, passed on: %t", got, passed)
			}
		})
	}
}

// echo is all that a request says, in all the forms in which a service might repeat it.
func echo(r *http.Request) string {
	said := []string{r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("Security-Token"), r.Header.Get("X-Oss-Security-Token")}
	for _, values := range r.URL.Query() {
		said = append(said, values...)
	}
	text := strings.Join(said, " ")
	slashes := strings.ReplaceAll(text, "/", `\/`)
	return "this is what you said: " + strings.Join([]string{
		text, url.QueryEscape(text), url.QueryEscape(url.QueryEscape(text)), html.EscapeString(text), slashes, strings.ToLower(text), strings.ToUpper(text),
	}, " | ")
}

// document is an error document of a service.
func document(service string, status int, code, message, requestID string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fill := func(text string) string { return strings.ReplaceAll(text, "ECHO", echo(r)) }
		if service == "rds" {
			w.Header().Set("Content-Type", "application/json;charset=utf-8")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{
				"Code": fill(code), "Message": fill(message), "RequestId": fill(requestID), "HostId": fill("ECHO"), "Recommend": fill("ECHO"),
			})
			return
		}
		w.Header().Set("Content-Type", "text/xml;charset=utf-8")
		w.WriteHeader(status)
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName                          xml.Name `xml:"Error"`
			Code, Message, RequestId, HostId string   //nolint:revive // the service's names
		}{Code: fill(code), Message: fill(message), RequestId: fill(requestID), HostId: fill("ECHO")})
	}
}

func page(status int, header, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", header)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.ReplaceAll(text, "ECHO", echo(r)))
	}
}

// repeating are the ways in which a service, or what stands in front of it, answers with what it was asked.
func repeating(service string) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"a refusal":                  document(service, 400, "InvalidParameter", "ECHO", "R-1"),
		"a refusal of the signature": document(service, 400, "SignatureDoesNotMatch", "does not match. server string to sign is: ECHO", "R-1"),
		"a refusal of the token":     document(service, 403, "InvalidSecurityToken.Malformed", "ECHO", "R-1"),
		"flow control":               document(service, 429, "Throttling.User", "ECHO", "R-1"),
		"an internal error":          document(service, 500, "InternalError", "ECHO", "R-1"),
		"a code of it":               document(service, 400, "ECHO", "no", "R-1"),
		"a request id of it":         document(service, 400, "InvalidParameter", "no", "ECHO"),
		"nothing found":              document(service, 404, "InvalidDBInstanceId.NotFound", "ECHO", ""),
		"a page":                     page(502, "text/html", "<html><title>ECHO</title><pre>ECHO</pre></html>"),
		"a page of a proxy":          page(403, "text/html", "ECHO"),
		"a page that says success":   page(200, "text/html", "<html>ECHO</html>"),
		"plain text":                 page(400, "text/plain", "Authorization: ECHO"),
		"half a document":            page(400, "application/json", `{"Code":"InvalidParameter","Message":"ECHO`),
		"numbers for texts":          page(500, "application/json", `{"Code":500,"Message":"ECHO","RequestId":7}`),
		"lists for texts":            page(400, "application/json", `{"Code":["ECHO"],"Message":{"ECHO":"ECHO"}}`),
		"XML with a fault in it":     page(400, "text/xml", `<Error><Code>ECHO</Code><Message>ECHO & </Error>`),
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere?"+r.URL.RawQuery+"&"+url.QueryEscape(r.Header.Get("Authorization")))
			page(http.StatusTemporaryRedirect, "text/html", "<a>ECHO</a>")(w, r)
		},
		"no HTTP":        rig.Raw(func(r *http.Request) string { return echo(r) + "\r\n\r\n" }),
		"a status of it": rig.Raw(func(r *http.Request) string { return "HTTP/1.1 400 " + echo(r) + "\r\nContent-Length: 0\r\n\r\n" }),
		"headers of it": rig.Raw(func(r *http.Request) string {
			return "HTTP/1.1 400 Bad Request\r\n" + strings.ReplaceAll(echo(r), " | ", "\r\n") + "\r\n\r\n"
		}),
	}
}

// called are the actions of a sweep and of its proof, each with the number of answers that it is tried with.
var called = []struct {
	service, action string
	ways            int
}{
	{"rds", "DescribeDBInstances", 4},
	{"rds", "ListTagResources", 4},
	{"rds", "DescribeDBInstanceAttribute", 4},
	{"rds", "DescribeDBMiniEngineVersions", 4},
	{"rds", "DescribeHistoryTasks", 4},
	{"rds", upgradeCall, 8},
	{"oss", "GetBucketVersioning", 5},
	{"oss", "ListObjectsV2", 5},
	{"oss", "GetObject", 5},
	{"oss", "PutObject", 8},
	{"mns", "PublishMessage", 20},
}

// TestNoSecretLeavesWhereAServiceRepeatsWhatItWasAsked lets each call of the function be answered with what it has said. Each service does that in
// every way, and each action in some.
func TestNoSecretLeavesWhereAServiceRepeatsWhatItWasAsked(t *testing.T) {
	t.Parallel()
	var tests []subtest
	next := map[string]int{}
	for _, one := range called {
		all := repeating(one.service)
		ways := slices.Sorted(maps.Keys(all))
		for range one.ways {
			way := ways[next[one.service]%len(ways)]
			next[one.service]++
			tests = append(tests, subtest{fmt.Sprintf("%s at %s", way, one.action), func(t *testing.T) {
				t.Helper()
				repeat(t, one.service, one.action, way, all[way])
			}})
		}
	}
	for service, tried := range next {
		if all := len(repeating(service)); tried < all {
			t.Errorf("%s is tried with %d ways of %d", service, tried, all)
		}
	}
	atOnce(t, tests)
}

// repeat lets an action be answered with what it has said, twice: in a request, and in the tick after it.
func repeat(t *testing.T, service, action, way string, answer http.HandlerFunc) {
	t.Helper()
	var met atomic.Int32
	c := start(t, setup{fc: hasty, wrap: func(_ *cloud, s string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s != service || actionOf(s, r) != action || operator(r) {
				next.ServeHTTP(w, r)
				return
			}
			met.Add(1)
			answer(w, r)
		})
	}})
	said := func() bool {
		return way != "a refusal" || strings.Contains(c.logs.String()+strings.Join(c.answers(), "")+strings.Join(c.left(), ""), "this is what you said")
	}
	event := topicEvent(sweeping)
	until(t, "the answer is given, and a refusal's words are passed on", func() bool { // on a busy machine a hasty function does not come as far each time
		c.deliver(t, event)
		c.deliver(t, ticking())
		return met.Load() > 0 && said()
	})
	c.noSecrets(t)
}

// hasty is a function that does not try for long.
func hasty(o *fakefc.Options) { o.Timeout = max(2*time.Second, (10 * unit).Truncate(time.Second)) }

// TestNoSecretLeavesAProcessThatIsMadeToTell asks the process, and the libraries in it, for more than they say by themselves.
func TestNoSecretLeavesAProcessThatIsMadeToTell(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env map[string]string
		do  func(t *testing.T, c *cloud, pid int)
	}{
		"the SDKs are to print what they send": {env: map[string]string{"DEBUG": "sdk,tea,credential,signer"}},
		"each of them alone":                   {env: map[string]string{"DEBUG": "sdk"}},
		"with other words between":             {env: map[string]string{"DEBUG": "a,tea,b"}},
		"the credentials' library":             {env: map[string]string{"DEBUG": "credential"}},
		"the environment has keys of its own":  {env: map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI-other", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "other"}},
		"it is ended with its stacks printed": {do: func(t *testing.T, c *cloud, pid int) {
			t.Helper()
			_, _ = syscall.Kill(pid, syscall.SIGCONT), syscall.Kill(pid, syscall.SIGQUIT)
			until(t, "the stacks are printed", func() bool { return strings.Contains(c.logs.String(), "goroutine 1") })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pids := make(chan int, 4)
			env := map[string]string{"GOTRACEBACK": "all"}
			maps.Copy(env, test.env)
			c := start(t, setup{env: env, fc: func(o *fakefc.Options) { o.OnStart = func(pid int) { pids <- pid } }})
			c.deliver(t, topicEvent(plain))
			c.deliver(t, topicEvent(sweeping))
			if test.do != nil {
				test.do(t, c, <-pids)
			}
			c.noSecrets(t)
		})
	}
}

// TestNoSecretLeavesAPanic builds the function with a mistake in it: a panic whose value is the credentials.
func TestNoSecretLeavesAPanic(t *testing.T) {
	t.Parallel()
	const mistake = `panic(fmt.Sprint(r.invocation.Credentials.Reveal()))`
	folder := t.TempDir()
	file, err := filepath.Abs("../../function/handler.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// It happens where the function decides, after the look at the state.
	place := regexp.MustCompile(`(?m)^func \(r \*run\) decide\(.*\{\n`)
	spoilt := place.ReplaceAllString(string(text), "$0\t"+mistake+"\n")
	spoilt = strings.Replace(spoilt, `import (`, "import (\n\t\"fmt\"", 1)
	if !strings.Contains(spoilt, mistake) {
		t.Fatalf("%s has no %s", file, place)
	}
	overlay, _ := json.Marshal(map[string]any{"Replace": map[string]string{file: filepath.Join(folder, "handler.go")}})
	for name, text := range map[string][]byte{"handler.go": []byte(spoilt), "overlay.json": overlay} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	broken := filepath.Join(folder, "main")
	if err := rig.Build(broken, "../../function", append(rig.DeployFlags(), "-overlay="+filepath.Join(folder, "overlay.json"))...); err != nil {
		t.Fatal(err)
	}
	c := start(t, setup{fc: func(o *fakefc.Options) { o.Binary = broken }})
	result := c.deliver(t, topicEvent(plain))
	if got := read(t, result); got.ErrorType != "Internal" || got.ErrorMessage != "panic: string; the log has the stack" {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(c.logs.String(), "goroutine") {
		t.Errorf("the log has no stack: %s", c.logs)
	}
	c.noSecrets(t)
}
