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

// ear hears all that the function sends to RDS and MNS. What stands where credentials belong it takes for a secret; the rest must
// hold none.
type ear struct {
	mu      sync.Mutex
	secrets rig.Secrets
	said    []string
}

// belongs has, by service, where in a request a part of the credentials, or what was made with them, belongs.
var belongs = map[string]struct{ parameters, headers map[string]string }{
	"rds": {map[string]string{"AccessKeyId": "the access key's id", "SecurityToken": "the security token", "Signature": "a signature of RDS"}, nil},
	"mns": {nil, map[string]string{"Authorization": "a signature of MNS", "Security-Token": "the security token"}},
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
	return strings.Contains(r.Header.Get("Authorization"), stack.AccessKeyID+":")
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
		value := headers.Get(name)
		if _, signature, isPair := strings.Cut(value, ":"); isPair {
			value = signature
		}
		e.learn(what, value)
		headers.Del(name)
	}
	e.said = append(e.said, fmt.Sprint(r.Method, " ", r.URL.EscapedPath(), " ", parameters, headers, body))
}

func (e *ear) learn(what, secret string) {
	if secret != "" {
		e.secrets.Add(what, secret)
	}
}

// noSecrets fails if anything that has left the function holds a part of its credentials, or what was made with them: its output, its
// answers, its requests (notifications, follow-ups and claims are in them), and what has come of those.
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
	for _, queue := range []string{stack.Inbox, stack.FollowUps} {
		for _, m := range c.MNS.Messages(queue) {
			all = append(all, m.Body)
		}
	}
	for _, i := range c.RDS.Instances() {
		all = append(all, fmt.Sprint(i.Tags))
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
		"a token in a claim":                   {"rds", func(r *http.Request) { r.URL.RawQuery += "&Tag.1.Value=" + url.QueryEscape(token) }, 1},
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
			if request.service == "rds" {
				r.URL.RawQuery = url.Values{"AccessKeyId": {"STS.local-000001"}, "SecurityToken": {token}, "Signature": {signature}}.Encode()
			} else {
				r.Header.Set("Authorization", "MNS STS.local-000001:"+signature)
				r.Header.Set("Security-Token", token)
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
	said := []string{r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("Security-Token")}
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

// TestNoSecretLeavesWhereAServiceRepeatsWhatItWasAsked lets each call of the function be answered with what it has said, in every way.
func TestNoSecretLeavesWhereAServiceRepeatsWhatItWasAsked(t *testing.T) {
	t.Parallel()
	var tests []subtest
	for _, s := range stages {
		for way, answer := range waysOf(s.service, s.action) {
			tests = append(tests, subtest{fmt.Sprintf("%s at %s", way, s.name), func(t *testing.T) {
				t.Helper()
				repeatInUpgrade(t, s, way, answer)
			}})
		}
	}
	for _, m := range moments() {
		for way, answer := range waysOf(m.service, m.action()) {
			if only := []string{"DescribeDBInstances", "SendMessage (armed)", "BatchReceiveMessage", "DeleteMessage (armed)"}; slices.Contains(only, m.name) {
				tests = append(tests, subtest{fmt.Sprintf("%s at %s of a rollout", way, m.name), func(t *testing.T) {
					t.Helper()
					repeatInRollout(t, m, way, answer)
				}})
			}
		}
	}
	atOnce(t, tests)
}

// answering puts an answer in the place of a service's for one action, and counts.
func answering(service, action string, answer http.HandlerFunc, met *atomic.Int32) func(*cloud, string, http.Handler) http.Handler {
	return func(_ *cloud, s string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s != service || actionOf(r) != action || operator(r) {
				next.ServeHTTP(w, r)
				return
			}
			met.Add(1)
			answer(w, r)
		})
	}
}

// actionOf names what a request of the function asks for.
func actionOf(r *http.Request) string {
	switch {
	case r.URL.Query().Get("Action") != "":
		return r.URL.Query().Get("Action")
	case r.Method == http.MethodGet:
		return "BatchReceiveMessage"
	case r.Method == http.MethodDelete:
		return "DeleteMessage"
	case strings.HasPrefix(r.URL.Path, "/topics/"):
		return "PublishMessage"
	default:
		return "SendMessage"
	}
}

// before are the actions that come before a step, for which there must be time.
var before = []string{
	"DescribeDBInstances", "DescribeDBInstanceAttribute", "ListTagResources", "DescribeDBMiniEngineVersions", "SendMessage", "BatchReceiveMessage",
}

// waysOf gives all ways for the actions that fail soon. Those that are tried until time is up get some of them.
func waysOf(service, action string) map[string]http.HandlerFunc {
	ways := repeating(service)
	if action != upgradeCall && !slices.Contains(before, action) {
		some := []string{"a refusal", "a refusal of the signature", "a code of it", "a request id of it", "an internal error", "headers of it"}
		maps.DeleteFunc(ways, func(way string, _ http.HandlerFunc) bool { return !slices.Contains(some, way) })
	}
	return ways
}

// hasty is a function that does not try for long: it has the time to look, or just that for a step, if the action comes behind one.
func hasty(action string) func(o *fakefc.Options) {
	return func(o *fakefc.Options) {
		if o.Timeout, o.MaxAsyncRetries = 7*time.Second, fakefc.NoRetries; slices.Contains(before, action) {
			o.Timeout = 2 * time.Second
		}
	}
}

func repeatInUpgrade(t *testing.T, s stage, way string, answer http.HandlerFunc) {
	t.Helper()
	var met atomic.Int32
	c := start(t, setup{policy: quick, instance: s.prepare, fc: hasty(s.action), wrap: answering(s.service, s.action, answer, &met)})
	event := topicEvent(`{"DBInstanceId":"` + id + `"` + s.request + `}`)
	if s.besides != nil {
		c.RDS.Faults().Add(*s.besides)
		c.deliver(t, event)
		time.Sleep(1500 * time.Millisecond) // verify.first is over, in whole seconds
	}
	c.repeated(t, &met, s.action, way, func() { c.deliver(t, event) })
	c.noSecrets(t)
}

func repeatInRollout(t *testing.T, m moment, way string, answer http.HandlerFunc) {
	t.Helper()
	var met atomic.Int32
	s := rolling(member(id))
	s.fc, s.wrap = hasty(m.action()), answering(m.service, m.action(), answer, &met)
	c := start(t, s)
	event := topicEvent(sweeping)
	c.repeated(t, &met, m.action(), way, func() {
		c.deliver(t, event)
		c.tick(t)
		c.idle(t)
	})
	c.noSecrets(t)
}

// repeated delivers an event until the answer was given, and a refusal's words were passed on (but for those of DescribeHistoryTasks:
// without its answer the function waits). On a busy machine a hasty function does not come as far each time. Without either the test
// would show nothing.
func (c *cloud) repeated(t *testing.T, met *atomic.Int32, action, way string, deliver func()) {
	t.Helper()
	said := func() bool {
		return strings.Contains(c.logs.String()+strings.Join(c.answers(), "")+strings.Join(c.left(), ""), "this is what you said")
	}
	silent := way != "a refusal" || action == "DescribeHistoryTasks"
	for range 10 {
		if deliver(); met.Load() > 0 && (silent || said()) {
			return
		}
	}
	t.Errorf("the answer was given %d times, and passed on: %t\n%s", met.Load(), said(), c.logs)
}

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
			s := rolling(member(id))
			maps.Copy(s.env, test.env)
			s.env["GOTRACEBACK"] = "all"
			s.fc = func(o *fakefc.Options) { o.OnStart = func(pid int) { pids <- pid } }
			c := start(t, s)
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
	const place = "\tplan := q.Decide(fleet)\n"
	spoilt := strings.Replace(string(text), place, place+"\t"+mistake+"\n", 1)
	spoilt = strings.Replace(spoilt, `import (`, "import (\n\t\"fmt\"", 1)
	if !strings.Contains(spoilt, mistake) {
		t.Fatalf("%s has no %q", file, place)
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
	c := start(t, setup{policy: quick, fc: func(o *fakefc.Options) { o.Binary = broken }})
	result := c.deliver(t, topicEvent(plain))
	if got := read(t, result); got.ErrorType != "Internal" || got.ErrorMessage != "panic: string; the log has the stack" {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(c.logs.String(), "goroutine") {
		t.Errorf("the log has no stack: %s", c.logs)
	}
	c.noSecrets(t)
}
