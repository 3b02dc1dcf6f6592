package golden

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// clock is when the function is invoked, in a scenario that does not say so.
var clock = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// stages are what every scenario has. The first two are what it is made of; make golden writes what follows from them.
var stages = []string{"1-event.json", "fleet.json", "2-request.json", "3-plan.json", "4-outcome.json", "5-notification.json"}

// others are what a scenario may have besides: the policy in force, what surrounds the invocation (see Setting), what lies on the
// follow-up queue before it, and what lies there after it.
var others = []string{"policy.yaml", "setting.json", "follow-up.json", "6-follow-up.json"}

// Scenarios gives the folders of testdata/scenarios below root. Each is one invocation.
func Scenarios(t *testing.T, root string) []string {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(root, "testdata", "scenarios", "*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no scenarios below %s (%v)", root, err)
	}
	for _, folder := range folders {
		for _, wrong := range Wrong(folder) {
			if !*update {
				t.Errorf("%s %s", folder, wrong)
			}
		}
	}
	return folders
}

// Wrong says what a scenario lacks, and what it has that no test reads.
func Wrong(folder string) (wrong []string) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return []string{err.Error()}
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
		if !slices.Contains(stages, f.Name()) && !slices.Contains(others, f.Name()) {
			wrong = append(wrong, "has "+f.Name()+", which is no file of a scenario")
		}
	}
	for _, stage := range stages {
		if !slices.Contains(names, stage) {
			wrong = append(wrong, "lacks "+stage)
		}
	}
	return wrong
}

// Setting is what surrounds the invocation of a scenario: what its setting.json says, and otherwise the usual.
type Setting struct {
	Clock    time.Time `json:"clock"`            // when the function is invoked
	Timeout  Duration  `json:"timeout"`          // how long it may take
	Faults   []string  `json:"faults"`           // of RDS and MNS, in the form ACTION=KIND[:N]
	Receipts int       `json:"receipts"`         // how often the follow-up was received before, in vain
	Alone    bool      `json:"withoutFollowUps"` // FOLLOWUP_QUEUE is not set
	Enqueued time.Time `json:"enqueued"`         // when the follow-up was put on the queue: when it says that it was sent
	Queue    string    `json:"-"`                // what lies on the follow-up queue, "" if nothing
	Due      time.Time `json:"-"`                // when that has something to do
	Policy   string    `json:"-"`                // what policy.yaml says, "" if there is none
}

// Duration is written in the form of time.ParseDuration.
type Duration struct{ time.Duration }

// UnmarshalText reads "30s".
func (d *Duration) UnmarshalText(text []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(text))
	return err
}

// SettingOf reads what surrounds the invocation of a scenario.
func SettingOf(t *testing.T, folder string) Setting {
	t.Helper()
	s := Setting{Clock: clock, Timeout: Duration{30 * time.Minute}, Policy: read(t, folder+"/policy.yaml"), Queue: read(t, folder+"/follow-up.json")}
	if text := read(t, folder+"/setting.json"); text != "" {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			t.Fatalf("%s/setting.json: %v", folder, err)
		}
	}
	var message struct{ Sent, Next time.Time }
	_ = json.Unmarshal([]byte(s.Queue), &message) // one that is broken has no times
	s.Due = message.Next
	if s.Enqueued.IsZero() {
		s.Enqueued = message.Sent
	}
	return s
}

// read gives a file's text, "" if there is none.
func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // tests name it
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}
