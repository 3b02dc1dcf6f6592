package main_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/oss"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/sts"
	"rds-kernel-upgrade/local/tape"
	"rds-kernel-upgrade/schema"
)

const (
	account = "1234567890123456"
	region  = "cn-hangzhou"
	topic   = "rds-kernel-upgrade-results"
	bucket  = "rds-kernel-upgrade-state"
	prefix  = "rds-kernel-upgrade"
)

// world is the function and the three services in one process and one virtual time: the real SDKs and signed requests, and no network. It
// is to be made inside a synctest bubble, where a rollout of days takes as long as its computing.
type world struct {
	tb       testing.TB
	keys     *sts.Keyring
	rds      *fakerds.Server
	mns      *fakemns.Server
	oss      *fakeoss.Server
	folder   string
	env      map[string]string
	function *function.Function
	log      *tape.Tape
	// before is called with each request of the function, by service; when it gives true the request gets no answer and never arrives.
	before func(service, action string) bool
	// after is called when it has been answered; when it gives true the answer is lost.
	after   func(service, action string) bool
	read    int // notifications that were looked at
	invoked int
	timeout time.Duration
	hasty   bool // notifications are not checked against the schema, which takes longer than all else
}

func newWorld(tb testing.TB, policy string, setup ...func(*fakerds.Options)) *world {
	tb.Helper()
	w := &world{tb: tb, keys: sts.NewKeyring(time.Now), log: &tape.Tape{}, folder: tb.TempDir(), timeout: 30 * time.Minute}
	w.env = map[string]string{
		"RESULT_TOPIC": topic, "STATE_BUCKET": bucket, "RDS_ENDPOINT": "http://127.0.0.1:9001", "MNS_ENDPOINT": "http://127.0.0.1:9002", "OSS_ENDPOINT": "http://127.0.0.1:9003",
	}
	options := fakerds.Options{Now: time.Now, Keys: w.keys, Account: account, Region: region, UpgradeTakes: 7 * time.Minute}
	for _, change := range setup {
		change(&options)
	}
	w.rds = fakerds.New(options)
	w.mns = fakemns.New(fakemns.Options{Now: time.Now, Keys: w.keys, Account: account, Region: region})
	tb.Cleanup(w.mns.Close)
	if err := w.mns.CreateTopic(topic); err != nil {
		tb.Fatal(err)
	}
	w.oss = fakeoss.New(fakeoss.Options{Now: time.Now, Keys: w.keys, Region: region})
	if err := w.oss.CreateBucket(bucket, fakeoss.BucketOptions{}); err != nil {
		tb.Fatal(err)
	}
	if _, err := w.store().Begin(tb.Context(), time.Now().UTC().Truncate(time.Second)); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { time.Sleep(time.Minute) }) // until the SDK's transport has ended its own goroutines
	w.policy(policy)
	return w
}

// store is the function's store of the document, as an operator's own key sees it.
func (w *world) store() *state.Store {
	w.tb.Helper()
	endpoint, err := transport.ParseEndpoint("http://127.0.0.1:9003")
	if err != nil {
		w.tb.Fatal(err)
	}
	key := w.keys.Issue(time.Hour)
	credentials := invocation.NewCredentials(key.ID, key.Secret, key.Token)
	return state.New(oss.New(transport.Over(quiet{w}), &endpoint, region, bucket, credentials), prefix, "an operator", rand.Text)
}

// document is the newest one.
func (w *world) document() *state.Document {
	w.tb.Helper()
	d, err := w.store().Load(context.Background())
	if err != nil {
		w.tb.Fatal(err)
	}
	return d
}

// quiet carries requests that are not the function's: nothing cuts or counts them.
type quiet struct{ *world }

// RoundTrip carries a request.
func (q quiet) RoundTrip(r *http.Request) (*http.Response, error) {
	_, handler := q.serviceOf(r)
	return serve(handler, r), nil
}

// policy puts another policy in force, as a deployment does: in a new process.
func (w *world) policy(text string) {
	w.tb.Helper()
	if err := os.WriteFile(filepath.Join(w.folder, "policy.yaml"), []byte(unlimited(text)), 0o600); err != nil {
		w.tb.Fatal(err)
	}
	w.restart()
}

// unlimited adds a rate to a policy that has none of its own.
func unlimited(policy string) string {
	if strings.Contains(policy, "rate:") {
		return policy
	}
	return "rate: {callsPerSecond: 100000}\n" + policy
}

// restart gives the function a new process: what it only remembered is gone.
func (w *world) restart() {
	w.function = function.New(func(name string) string { return w.env[name] }, w.folder, time.Now, w.log)
	w.function.Over(w)
}

// RoundTrip carries a request of the function to its service, as on a connection that can be cut.
func (w *world) RoundTrip(r *http.Request) (response *http.Response, err error) {
	defer func() {
		if cut := recover(); cut == http.ErrAbortHandler { //nolint:errorlint // that is how a handler cuts it
			response, err = nil, errors.New("the connection was reset")
		} else if cut != nil {
			panic(cut)
		}
	}()
	service, handler := w.serviceOf(r)
	action := actionOf(service, r)
	if w.before != nil && w.before(service, action) {
		return nil, fmt.Errorf("%s %s: the connection was refused", service, action)
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	answer := serve(handler, r)
	if err := r.Context().Err(); err != nil { // the fakes wait no longer than their client
		return nil, err
	}
	if w.after != nil && w.after(service, action) {
		return nil, fmt.Errorf("%s %s: the connection was reset", service, action)
	}
	return answer, nil
}

func (w *world) serviceOf(r *http.Request) (string, http.Handler) {
	switch r.URL.Port() {
	case "9002":
		return "mns", w.mns
	case "9003":
		return "oss", w.oss
	default:
		return "rds", w.rds
	}
}

// actionOf names a request as its service does, or by its method and path.
func actionOf(service string, r *http.Request) string {
	if service == "rds" {
		return r.URL.Query().Get("Action")
	}
	path := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/messages")
	if r.URL.RawQuery != "" && service == "oss" {
		path, _, _ = strings.Cut(path+"?"+r.URL.RawQuery, "=")
	}
	return r.Method + " " + path
}

func serve(handler http.Handler, r *http.Request) *http.Response {
	answer := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	handler.ServeHTTP(answer, r)
	return answer.Result()
}

// CloseIdleConnections has none to close.
func (*world) CloseIdleConnections() {}

// invoke runs the function with an event, as Function Compute does, with credentials of its own.
func (w *world) invoke(event string) (*function.Report, error) {
	w.invoked++
	return w.deliver(event, 0)
}

// deliver runs the function with the event of the last invocation, which Function Compute has tried so often before.
func (w *world) deliver(event string, retries int) (*function.Report, error) {
	key := w.keys.Issue(time.Hour)
	fc := &fccontext.FcContext{
		RequestID: w.requestID(), RetryCount: retries, Region: region, AccountId: account,
		Credentials: fccontext.Credentials{AccessKeyId: key.ID, AccessKeySecret: key.Secret, SecurityToken: key.Token},
		Function:    fccontext.Function{Name: "rds-kernel-upgrade"},
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()
	return w.function.Handle(fccontext.NewContext(ctx, fc), []byte(event))
}

// requestID is that of the last invocation.
func (w *world) requestID() string { return fmt.Sprintf("1-67318f55-%08x-db2afabf2b30", w.invoked) }

// request sends a message through the request topic.
func (w *world) request(id, body string) (*function.Report, error) {
	w.tb.Helper()
	return w.invoke(w.event(id, body))
}

// event is what Function Compute makes of a message on the request topic.
func (w *world) event(id, body string) string {
	w.tb.Helper()
	event, err := json.Marshal(map[string]any{
		"TopicOwner": account, "TopicName": "rds-kernel-upgrade-requests", "Subscriber": account, "SubscriptionName": "rds-kernel-upgrade",
		"MessageId": id, "Message": body, "MessageMD5": "D6206122A430035E4EC1463CDD704B59", "PublishTime": time.Now().UnixMilli(),
	})
	if err != nil {
		w.tb.Fatal(err)
	}
	return string(event)
}

// tick is the timer's.
func (w *world) tick() (*function.Report, error) { return w.invoke(timer()) }

// timer is the event of the timer.
func timer() string {
	return `{"triggerTime":"` + time.Now().UTC().Format(time.RFC3339) + `","triggerName":"tick","payload":"{\"kind\":\"tick\"}"}`
}

// pass lets time go by, with the timer every five minutes.
func (w *world) pass(d time.Duration) {
	w.tb.Helper()
	for until := time.Now().Add(d); time.Now().Before(until); {
		time.Sleep(5 * time.Minute)
		if _, err := w.tick(); err != nil {
			w.tb.Errorf("%s: %v", time.Now().Format(time.DateTime), err)
		}
	}
}

// told is a notification, as a subscriber reads it.
type told struct {
	Tag     string
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Data    struct {
		DBInstanceID string         `json:"DBInstanceId"`
		Status       string         `json:"status"`
		Reason       string         `json:"reason"`
		Detail       string         `json:"detail"`
		Wave         int            `json:"wave"`
		Before       string         `json:"before"`
		After        string         `json:"after"`
		AcceptedAt   string         `json:"acceptedAt"`
		Looks        int            `json:"looks"`
		Rollout      string         `json:"rollout"`
		PlanHash     string         `json:"planHash"`
		Counts       map[string]int `json:"counts"`
		Problems     []string       `json:"problems"`
		Event        string         `json:"event"`
		Joined       string         `json:"joined"`
		Notes        []string       `json:"notes"`
		Error        struct {
			Kind string `json:"kind"`
		} `json:"error"`
		Instances []struct {
			DBInstanceID string `json:"DBInstanceId"`
			Status       string `json:"status"`
			Reason       string `json:"reason"`
			Detail       string `json:"detail"`
			Verdict      string `json:"verdict"`
			Wave         int    `json:"wave"`
		} `json:"instances"`
	} `json:"data"`
}

// news gives the notifications since it was asked last. Each is checked against the schema.
func (w *world) news() (all []told) {
	w.tb.Helper()
	published := w.mns.Published(topic)
	for _, m := range published[w.read:] {
		if !w.hasty {
			if err := schema.Check([]byte(m.Body), m.Tag); err != nil {
				w.tb.Errorf("%v\n%s", err, m.Body)
			}
		}
		n := told{Tag: m.Tag}
		if err := json.Unmarshal([]byte(m.Body), &n); err != nil {
			w.tb.Fatal(err)
		}
		all = append(all, n)
	}
	w.read = len(published)
	return all
}

// String tells a notification on one line.
func (n told) String() string {
	text := n.Tag
	if n.Data.Event != "" {
		text += fmt.Sprintf(" %d %s", n.Data.Wave, n.Data.Event)
	}
	if n.Data.DBInstanceID != "" {
		text += fmt.Sprintf(" %s wave %d", n.Data.DBInstanceID, n.Data.Wave)
	}
	if n.Data.Counts != nil {
		text += fmt.Sprint(" ", n.Data.Counts)
	}
	if n.Data.Detail != "" {
		text += " (" + n.Data.Detail + ")"
	}
	return text
}
