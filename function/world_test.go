package main_test

import (
	"context"
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
	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/sts"
	"rds-kernel-upgrade/local/tape"
	"rds-kernel-upgrade/schema"
)

const queue = "rds-kernel-upgrade-follow-ups"

// world is the function and both services in one process and one virtual time: the real SDKs and signed requests, and no network. It
// is to be made inside a synctest bubble, where a rollout of days takes as long as its computing.
type world struct {
	tb       testing.TB
	keys     *sts.Keyring
	rds      *fakerds.Server
	mns      *fakemns.Server
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
		"RESULT_TOPIC": topic, "FOLLOWUP_QUEUE": queue, "RDS_ENDPOINT": "http://127.0.0.1:9001", "MNS_ENDPOINT": "http://127.0.0.1:9002",
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
	if err := w.mns.CreateQueue(queue, func(q *fakemns.QueueAttributes) {
		q.VisibilityTimeout, q.MessageRetentionPeriod = 31*60, 7*24*60*60
	}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { time.Sleep(time.Minute) }) // until the SDK's transport has ended its own goroutines
	w.policy(policy)
	return w
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
	service, action, handler := "rds", r.URL.Query().Get("Action"), http.Handler(w.rds)
	if r.URL.Port() == "9002" {
		service, handler = "mns", w.mns
		action = r.Method + " " + strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/messages")
	}
	if w.before != nil && w.before(service, action) {
		return nil, fmt.Errorf("%s %s: the connection was refused", service, action)
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	answer := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	handler.ServeHTTP(answer, r)
	if w.after != nil && w.after(service, action) {
		return nil, fmt.Errorf("%s %s: the connection was reset", service, action)
	}
	return answer.Result(), nil
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
		RequestID: fmt.Sprintf("1-67318f55-%08x-db2afabf2b30", w.invoked), RetryCount: retries, Region: region, AccountId: account,
		Credentials: fccontext.Credentials{AccessKeyId: key.ID, AccessKeySecret: key.Secret, SecurityToken: key.Token},
		Function:    fccontext.Function{Name: "rds-kernel-upgrade"},
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()
	return w.function.Handle(fccontext.NewContext(ctx, fc), []byte(event))
}

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

// tick is the timer followUps.
func (w *world) tick() (*function.Report, error) { return w.invoke(timer()) }

// timer is the event of the timer followUps.
func timer() string {
	return `{"triggerTime":"` + time.Now().UTC().Format(time.RFC3339) + `","triggerName":"followUps","payload":"{\"kind\":\"follow-ups\"}"}`
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
		Message      string         `json:"message"`
		Notes        []string       `json:"notes"`
		Error        struct {
			Kind string `json:"kind"`
		} `json:"error"`
		Instances []struct {
			DBInstanceID string `json:"DBInstanceId"`
			Status       string `json:"status"`
			Reason       string `json:"reason"`
			Detail       string `json:"detail"`
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
