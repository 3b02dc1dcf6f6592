package main_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/golden"
	"rds-kernel-upgrade/schema"
)

// TestScenarios owns the stages outcome, notification and follow-up of testdata/scenarios: one invocation of the function, over both
// services, at a fixed time.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, folder := range golden.Scenarios(t, "..") {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { newStage(t, folder).play(t) })
		})
	}
}

// stage is a world in which one scenario plays. It keeps what the function has sent, in the order in which it was answered.
type stage struct {
	*world
	folder  string
	setting golden.Setting

	mu   sync.Mutex
	sent []sent
}

// sent is one request of the function.
type sent struct {
	action string // as the service calls it
	about  string // what matters of it
	failed string // the answer, if it was no success
}

func newStage(t *testing.T, folder string) *stage {
	t.Helper()
	setting := golden.SettingOf(t, folder)
	begin := setting.Clock
	if setting.Queue != "" {
		begin = setting.Enqueued
	}
	time.Sleep(time.Until(begin))
	s := &stage{world: newWorld(t, ""), folder: folder, setting: setting}
	s.timeout = setting.Timeout.Duration
	s.prepare(t)
	if setting.Alone {
		delete(s.env, "FOLLOWUP_QUEUE")
	}
	s.policy(setting.Policy)
	s.function.Over(s)
	return s
}

// prepare brings about what the invocation finds: the fleet, the follow-up and how often it was received, the time, the faults.
func (s *stage) prepare(t *testing.T) {
	t.Helper()
	s.enqueue(t)
	time.Sleep(time.Until(s.setting.Clock))
	file, err := os.Open(s.folder + "/fleet.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if err := s.rds.Load(file); err != nil {
		t.Fatal(err)
	}
	for _, text := range s.setting.Faults {
		fault, err := faults.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		s.rds.Faults().Add(fault)
		s.mns.Faults().Add(fault)
	}
}

// enqueue sends the follow-up as the function did, and receives it in vain as often as the setting says.
func (s *stage) enqueue(t *testing.T) {
	t.Helper()
	if s.setting.Queue == "" {
		return
	}
	endpoint, err := transport.ParseEndpoint(s.env["MNS_ENDPOINT"])
	if err != nil {
		t.Fatal(err)
	}
	client, err := mns.New(transport.Over(s.world), &endpoint, account, region)
	if err != nil {
		t.Fatal(err)
	}
	key := s.keys.Issue(30 * 24 * time.Hour)
	credentials := invocation.NewCredentials(key.ID, key.Secret, key.Token)
	body := s.setting.Queue
	if compact := (&bytes.Buffer{}); json.Compact(compact, []byte(body)) == nil {
		body = compact.String()
	}
	const hop = 24 * time.Hour // the function's longest delay
	if _, err := client.Send(t.Context(), credentials, queue, body, min(hop, s.setting.Due.Sub(s.setting.Enqueued))); err != nil {
		t.Fatal(err)
	}
	for range s.setting.Receipts {
		time.Sleep(time.Until(s.mns.Messages(queue)[0].NextVisibleTime))
		if got, err := client.Receive(t.Context(), credentials, queue); err != nil || len(got) != 1 {
			t.Fatalf("received %v, %v", got, err)
		}
	}
}

// play invokes the function, and compares what came of it.
func (s *stage) play(t *testing.T) {
	t.Helper()
	event, err := os.ReadFile(s.folder + "/1-event.json")
	if err != nil {
		t.Fatal(err)
	}
	report, err := s.invoke(string(event))
	tidy := s.tidier()
	golden.JSON(t, s.folder+"/4-outcome.json", tidy(t, s.outcome(report, err)))
	golden.JSON(t, s.folder+"/5-notification.json", tidy(t, s.notifications(t)))
	switch left := s.mns.Messages(queue); len(left) {
	case 0:
		golden.None(t, s.folder+"/6-follow-up.json")
	case 1:
		golden.JSON(t, s.folder+"/6-follow-up.json", tidy(t, json.RawMessage(left[0].Body)))
	default:
		t.Errorf("%d follow-ups are left: %v", len(left), left)
	}
}

// outcome is what was sent, what the function returned, and what is left on the instances.
func (s *stage) outcome(report *function.Report, err error) any {
	view := struct {
		Calls  []string          `json:"calls"`
		Report *function.Report  `json:"report,omitempty"`
		Error  string            `json:"error,omitempty"` // what Function Compute gets
		Claims map[string]string `json:"claims"`
	}{s.calls(), report, "", map[string]string{}}
	if err != nil {
		view.Error = err.Error()
	}
	for _, i := range s.rds.Instances() {
		if claim, claimed := i.Tags["kernel-upgrade-claim"]; claimed {
			view.Claims[i.DBInstanceID] = claim
		}
	}
	return view
}

// notifications are what was published, each checked as a subscriber would.
func (s *stage) notifications(t *testing.T) []json.RawMessage {
	t.Helper()
	all := []json.RawMessage{}
	for _, m := range s.mns.Published(topic) {
		if err := schema.Check([]byte(m.Body), m.Tag); err != nil {
			t.Errorf("%v\n%s", err, m.Body)
		}
		all = append(all, json.RawMessage(m.Body))
	}
	return all
}

// calls gives one line for each request that changes something. Reads that follow each other are one line together; requests that
// were made at the same time have no order, and those of one action are sorted.
func (s *stage) calls() (lines []string) {
	var run []string
	var last string
	end := func() {
		if slices.Sort(run); last == "" {
			run = counted(run)
		}
		lines, run = append(lines, run...), nil
	}
	for _, c := range s.sent {
		kind := c.action
		if c.about == "" { // it only reads
			kind = ""
		}
		if kind != last || strings.HasPrefix(kind, "SendMessage") || strings.HasPrefix(kind, "PublishMessage") {
			end()
			last = kind
		}
		run = append(run, c.String())
	}
	end()
	return lines
}

// counted makes one line of reads, "3 DescribeDBInstanceAttribute, 1 ListTagResources".
func counted(reads []string) []string {
	if len(reads) == 0 {
		return nil
	}
	count := map[string]int{}
	for _, r := range reads {
		count[r]++
	}
	var parts []string
	for _, r := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d %s", count[r], r))
	}
	return []string{strings.Join(parts, ", ")}
}

func (c sent) String() string {
	text := strings.TrimSpace(c.action + " " + c.about)
	if c.failed != "" {
		text += " → " + c.failed
	}
	return text
}

// RoundTrip carries a request to its service, and keeps it.
func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	before := s.followUps()
	answer, err := s.carry(r)
	c := sent{failed: failureOf(answer, err)}
	if r.URL.Port() == "9002" {
		c.action, c.about = ofMNS(r, body)
		if r.Method == http.MethodDelete {
			after := s.followUps()
			c.about = "follow-up " + strings.Join(slices.DeleteFunc(before, func(have string) bool { return slices.Contains(after, have) }), " ")
		}
	} else {
		c.action, c.about = ofRDS(r.URL.Query(), body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, c)
	return answer, err
}

// carry lets the request arrive, as on a connection that can be cut.
func (s *stage) carry(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		if cut := recover(); cut != nil {
			answer, err = nil, errors.New("the connection was reset")
		}
	}()
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	return s.world.RoundTrip(r)
}

// followUps are the numbers of those on the queue.
func (s *stage) followUps() (numbers []string) {
	for _, m := range s.mns.Messages(queue) {
		numbers = append(numbers, numberOf(m.Body))
	}
	return numbers
}

func numberOf(body string) string {
	var message struct{ Seq int }
	if err := json.Unmarshal([]byte(body), &message); err != nil {
		return "of no number"
	}
	return strconv.Itoa(message.Seq)
}

// refusal finds the code in an answer of either service.
var refusal = regexp.MustCompile(`"Code":"([^"]+)"|<Code>([^<]+)</Code>`)

// failureOf is the answer in words, "" if it was a success. That there is no message is one, too.
func failureOf(answer *http.Response, err error) string {
	if err != nil {
		return "no answer"
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	code := refusal.FindSubmatch(body)
	switch {
	case answer.StatusCode < http.StatusBadRequest:
		return ""
	case code == nil:
		return strconv.Itoa(answer.StatusCode)
	case string(code[2]) == "MessageNotExist":
		return ""
	default:
		return fmt.Sprintf("%d %s%s", answer.StatusCode, code[1], code[2])
	}
}

// ofRDS tells what a request to RDS does; nothing, of one that only reads.
func ofRDS(query url.Values, body []byte) (action, about string) {
	form, _ := url.ParseQuery(string(body))
	maps.Copy(query, form)
	switch action = query.Get("Action"); action {
	case "UpgradeDBInstanceKernelVersion":
		return action, strings.Join(strings.Fields(strings.Join([]string{
			query.Get("DBInstanceId"), query.Get("UpgradeTime"), query.Get("SwitchTime"), query.Get("TargetMinorVersion"),
		}, " ")), " ")
	case "TagResources", "UntagResources":
		var ids []string
		for name, values := range query {
			if strings.HasPrefix(name, "ResourceId.") {
				ids = append(ids, values[0])
			}
		}
		slices.Sort(ids)
		about = strings.Join(ids, " ")
		if claim := query.Get("Tag.1.Value"); claim != "" {
			about += ": " + claim
		}
		return action, about
	default:
		return action, ""
	}
}

// ofMNS tells what a request to MNS does.
func ofMNS(r *http.Request, body []byte) (action, about string) {
	var message struct {
		MessageBody, MessageTag string
		DelaySeconds            int
	}
	_ = xml.Unmarshal(body, &message) // a request without a body has nothing to tell
	switch {
	case r.Method == http.MethodGet:
		return "BatchReceiveMessage", ""
	case r.Method == http.MethodDelete:
		return "DeleteMessage", ""
	case strings.Contains(r.URL.Path, "topics/"):
		var n struct{ Subject string }
		_ = json.Unmarshal([]byte(message.MessageBody), &n) // the schema is checked later
		return "PublishMessage", strings.TrimSpace(message.MessageTag + " " + n.Subject[strings.LastIndex(n.Subject, "/")+1:])
	default:
		return "SendMessage", fmt.Sprintf("follow-up %s, to come in %s", numberOf(message.MessageBody), time.Duration(message.DelaySeconds)*time.Second)
	}
}

// tidier gives a function that replaces what is not the same in every run: request ids, which are random, and task ids, which go to
// calls that were made at the same time in any order. They get the number of their instance among those that were called.
func (s *stage) tidier() func(t *testing.T, document any) json.RawMessage {
	var pairs []string
	called := s.rds.CallsOf("UpgradeDBInstanceKernelVersion")
	rank := map[string]int{}
	for _, c := range called {
		rank[c.DBInstanceID] = 0
	}
	for n, id := range slices.Sorted(maps.Keys(rank)) {
		rank[id] = n + 1
	}
	for _, c := range s.rds.Calls() {
		n := 0
		if c.Action == "UpgradeDBInstanceKernelVersion" {
			n = rank[c.DBInstanceID]
		}
		id := fmt.Sprintf("DA2ECBA0-4745-4491-9166-%012d", n)
		if c.RequestID != "" {
			pairs = append(pairs, c.RequestID, id, claimed(c.RequestID), claimed(id))
		}
	}
	task := regexp.MustCompile(`"DBInstanceId":"([^"]+)"[^{}]*?"TaskId":"([0-9]+)"`)
	for _, m := range s.mns.Published(topic) {
		for _, found := range task.FindAllStringSubmatch(m.Body, -1) {
			if n := rank[found[1]]; n > 0 {
				pairs = append(pairs, found[2], strconv.Itoa(226917710+n))
			}
		}
	}
	replacer := strings.NewReplacer(pairs...)
	return func(t *testing.T, document any) json.RawMessage {
		t.Helper()
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(document); err != nil {
			t.Fatal(err)
		}
		return json.RawMessage(replacer.Replace(text.String()))
	}
}

// claimed is how a claim has a request id.
func claimed(id string) string { return strings.ToLower(strings.ReplaceAll(id, "-", "")) }
