// Package golden compares what a test got with a file of testdata, and rewrites the file when the test runs with -update (make
// golden), so that a change of behaviour is reviewed as a diff of the specification.
package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata")

// Updating tells whether the files are being rewritten.
func Updating() bool { return *update }

// JSON compares a value with the JSON in a file.
func JSON(t *testing.T, file string, got any) {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(got); err != nil {
		t.Fatal(err)
	}
	Text(t, file, text.Bytes())
}

// Text compares a text with a file.
func Text(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file) //nolint:gosec // tests name it
	if err != nil {
		t.Fatalf("%v (run the test with -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// Scenarios gives the folders of testdata/scenarios below root.
func Scenarios(t *testing.T, root string) []string {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(root, "testdata", "scenarios", "*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no scenarios below %s (%v)", root, err)
	}
	return folders
}
