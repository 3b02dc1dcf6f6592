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

// stages are the files that every scenario has. An author writes the first two, and make golden writes the others.
var stages = []string{"1-event.json", "fleet.json", "2-request.json", "3-plan.json", "4-outcome.json", "5-notification.json"}

// others are the files that a scenario may have besides: the policy in force, what surrounds the invocation (see Setting), the document that the
// invocation finds, the document that another invocation writes meanwhile, and the document that the invocation leaves, if it writes one.
var others = []string{"policy.yaml", "setting.json", "state.json", "meanwhile.json", "6-state.json"}

// Scenarios returns the folders of testdata/scenarios below root. Each is one invocation.
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

// Wrong returns what a scenario lacks, and which files it has that no test reads.
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
	Clock     time.Time         `json:"clock"`       // when the function is invoked
	Timeout   Duration          `json:"timeout"`     // how long it may take
	Faults    []string          `json:"faults"`      // of RDS, MNS and OSS, in the form ACTION=KIND[:N]
	Bucket    Bucket            `json:"bucket"`      // what is wrong with the bucket
	Variables map[string]string `json:"environment"` // of the function, besides those that are required
	State     string            `json:"-"`           // the document that the invocation finds; "" for the first one, which holds nothing
	Meanwhile string            `json:"-"`           // the document that another invocation writes just before this one writes; "" for none
	Policy    string            `json:"-"`           // what policy.yaml says, "" if there is none
}

// Bucket says what is wrong with the bucket in which the document lies.
type Bucket string

// What can be wrong with a bucket. The empty value is nothing.
const (
	Empty     Bucket = "empty"     // it has no document
	Missing   Bucket = "missing"   // there is no bucket
	Versioned Bucket = "versioned" // it has versioning
)

// Duration is written in the form of time.ParseDuration.
type Duration struct{ time.Duration }

// UnmarshalText reads "30s".
func (d *Duration) UnmarshalText(text []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(text))
	return err
}

// SettingOf returns what surrounds the invocation of a scenario.
func SettingOf(t *testing.T, folder string) Setting {
	t.Helper()
	s := Setting{
		Clock: clock, Timeout: Duration{30 * time.Minute},
		Policy: read(t, folder+"/policy.yaml"), State: read(t, folder+"/state.json"), Meanwhile: read(t, folder+"/meanwhile.json"),
	}
	if text := read(t, folder+"/setting.json"); text != "" {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			t.Fatalf("%s/setting.json: %v", folder, err)
		}
	}
	if !slices.Contains([]Bucket{"", Empty, Missing, Versioned}, s.Bucket) {
		t.Fatalf("%s/setting.json: bucket is %q: want %s, %s or %s", folder, s.Bucket, Empty, Missing, Versioned)
	}
	return s
}

// read returns a file's text, "" if there is none.
func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // tests name it
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}
