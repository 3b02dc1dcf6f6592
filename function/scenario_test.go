package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

	fcmessages "github.com/aliyun/fc-runtime-go-sdk/fc/messages"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/golden"
	"rds-kernel-upgrade/schema"
)

// TestScenarios owns the stages plan, outcome, notification and state of testdata/scenarios: one invocation of the function, over all three
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
	found   int64 // the number of the document that the invocation finds, 0 if there is none

	mu        sync.Mutex
	sent      []sent
	meanwhile string // the document that another invocation is still to write
}

func newStage(t *testing.T, folder string) *stage {
	t.Helper()
	setting := golden.SettingOf(t, folder)
	time.Sleep(time.Until(setting.Clock))
	s := &stage{world: newWorld(t, ""), folder: folder, setting: setting, found: 1, meanwhile: setting.Meanwhile}
	s.timeout = setting.Timeout.Duration
	s.prepareBucket(t)
	s.prepareFleet(t)
	maps.Copy(s.env, setting.Variables)
	s.policy(setting.Policy)
	s.function.Over(s)
	for _, text := range setting.Faults {
		fault, err := faults.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, service := range []*faults.Set{s.rds.Faults(), s.mns.Faults(), s.oss.Faults()} {
			service.Add(fault)
		}
	}
	return s
}

func (s *stage) prepareFleet(t *testing.T) {
	t.Helper()
	file, err := os.Open(s.folder + "/fleet.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if err := s.rds.Load(file); err != nil {
		t.Fatal(err)
	}
}

// prepareBucket puts the document into the bucket that the invocation finds. Without a state.json that is the first one.
func (s *stage) prepareBucket(t *testing.T) {
	t.Helper()
	if s.setting.State != "" || s.setting.Bucket == golden.Empty {
		s.oss.DeleteBucket(bucket)
		if err := s.oss.CreateBucket(bucket, fakeoss.BucketOptions{}); err != nil {
			t.Fatal(err)
		}
		s.found = 0
	}
	if s.setting.State != "" {
		s.found = s.put(s.setting.State)
	}
	switch s.setting.Bucket {
	case golden.Missing:
		s.oss.DeleteBucket(bucket)
	case golden.Versioned:
		if err := s.oss.SetVersioning(bucket, fakeoss.Enabled); err != nil {
			t.Fatal(err)
		}
	}
}

// put stores a document under its number. The files of scenarios leave out the nonce.
func (s *stage) put(text string) int64 {
	s.tb.Helper()
	found := regexp.MustCompile(`"number": *([0-9]+)`).FindStringSubmatch(text)
	if found == nil {
		s.tb.Fatalf("%s: a document has no number:\n%s", s.folder, text)
	}
	number, _ := strconv.ParseInt(found[1], 10, 64) // digits
	text = strings.Replace(text, `"number":`, `"nonce":"SCENARIO","number":`, 1)
	if err := s.oss.Store(bucket, s.store().Key(number), []byte(text)); err != nil {
		s.tb.Fatal(err)
	}
	return number
}

// play invokes the function, and compares what came of it.
func (s *stage) play(t *testing.T) {
	t.Helper()
	event, err := os.ReadFile(s.folder + "/1-event.json")
	if err != nil {
		t.Fatal(err)
	}
	report, err := s.invoke(string(event))
	documents := s.documents()
	tidy := s.tidier(documents)
	golden.JSON(t, s.folder+"/3-plan.json", tidy(t, s.planned(t, documents)))
	golden.JSON(t, s.folder+"/4-outcome.json", tidy(t, s.outcome(report, err)))
	golden.JSON(t, s.folder+"/5-notification.json", tidy(t, s.notifications(t)))
	s.checkState(t, documents, tidy)
}

// stored is a document as it lies in the bucket.
type stored struct {
	number   int64
	text     []byte
	document *state.Document // nil if it cannot be read
}

// documents are those from the one that the invocation has found.
func (s *stage) documents() (all []stored) {
	name := regexp.MustCompile(`/state/([0-9]+)\.json$`)
	for _, o := range s.oss.Objects(prefix + "/state/") {
		text, err := state.Unpack(o.Content)
		if err != nil {
			text = o.Content
		}
		number, _ := strconv.ParseInt(name.FindStringSubmatch(o.Key)[1], 10, 64) // digits
		document, _ := state.Decode(o.Content)                                   // one that is broken is not compared
		all = append(all, stored{number, text, document})
	}
	return all
}

// checkState compares the newest document, without its nonce. There is no file if the invocation has written none.
func (s *stage) checkState(t *testing.T, documents []stored, tidy func(*testing.T, any) json.RawMessage) {
	t.Helper()
	file := s.folder + "/6-state.json"
	if len(documents) == 0 || documents[len(documents)-1].number == s.found {
		golden.None(t, file)
		return
	}
	last := documents[len(documents)-1]
	if last.document == nil {
		t.Fatalf("the document that is left cannot be read:\n%s", last.text)
	}
	golden.Text(t, file, withoutNonce.ReplaceAll(tidy(t, last.text), nil))
}

var withoutNonce = regexp.MustCompile(`(?m)^  "nonce": .*\n`)

// outcome is what was sent, and what the function returned.
func (s *stage) outcome(report *function.Report, err error) any {
	view := struct {
		Calls  []string         `json:"calls"`
		Report *function.Report `json:"report,omitempty"`
		Error  string           `json:"error,omitempty"` // what Function Compute gets
	}{s.calls(), report, ""}
	var failure fcmessages.InvokeResponse_Error
	if errors.As(err, &failure) {
		view.Error = failure.Type + ": " + failure.Message
	} else if err != nil {
		view.Error = err.Error()
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

// tidier returns a function that replaces what is not the same in every run: request ids, which are random, and task ids, which go to calls
// that were made at the same time in any order. They are given to the instances that were called, in the order of these.
func (s *stage) tidier(documents []stored) func(t *testing.T, document any) json.RawMessage {
	var pairs []string
	for id, shown := range s.requestIDs() {
		pairs = append(pairs, id, shown)
	}
	for id, shown := range s.taskIDs(documents) {
		pairs = append(pairs, id, shown)
	}
	replacer := strings.NewReplacer(pairs...)
	return func(t *testing.T, document any) json.RawMessage {
		t.Helper()
		text, ok := document.([]byte)
		if !ok {
			var encoded bytes.Buffer
			encoder := json.NewEncoder(&encoded)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(document); err != nil {
				t.Fatal(err)
			}
			text = encoded.Bytes()
		}
		return json.RawMessage(otherRequest.ReplaceAllString(replacer.Replace(string(text)), "request 6B02D9400000000000000001"))
	}
}

// otherRequest finds the request ids of MNS and OSS, which count all requests before.
var otherRequest = regexp.MustCompile(`request [0-9A-F]{24}\b`)

// requestIDs returns what is shown for each request id of RDS. The instances that were called have one each.
func (s *stage) requestIDs() map[string]string {
	rank := map[string]int{}
	for _, c := range s.rds.CallsOf("UpgradeDBInstanceKernelVersion") {
		rank[c.DBInstanceID] = 0
	}
	for n, id := range slices.Sorted(maps.Keys(rank)) {
		rank[id] = n + 1
	}
	shown := map[string]string{}
	for _, c := range s.rds.Calls() {
		n := 0
		if c.Action == "UpgradeDBInstanceKernelVersion" {
			n = rank[c.DBInstanceID]
		}
		if c.RequestID != "" {
			shown[c.RequestID] = fmt.Sprintf("DA2ECBA0-4745-4491-9166-%012d", n)
		}
	}
	return shown
}

// taskIDs returns what is shown for the id of each task that the invocation has begun.
func (s *stage) taskIDs(documents []stored) map[string]string {
	at := map[string]string{} // the task, by instance
	before := map[string]bool{}
	for n, d := range documents {
		if d.document == nil {
			continue
		}
		for _, r := range d.document.Rollouts {
			for k := range r.Members {
				m := &r.Members[k]
				switch {
				case m.Call == nil || m.Call.TaskID == "":
				case n == 0:
					before[m.Call.TaskID] = true
				case !before[m.Call.TaskID]:
					at[m.DBInstanceID] = m.Call.TaskID
				}
			}
		}
	}
	shown, ids := map[string]string{}, slices.Sorted(maps.Values(at))
	for n, instance := range slices.Sorted(maps.Keys(at)) {
		shown[at[instance]] = ids[n]
	}
	return shown
}
