// Package golden compares what a test got with a file of testdata, and rewrites the file when the test runs with -update (make
// golden), so that a change of behaviour is reviewed as a diff of the specification.
package golden

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"slices"
	"strings"
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
	if diff := cmp.Diff(slices.Collect(strings.Lines(string(want))), slices.Collect(strings.Lines(string(got)))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// None tells that there is nothing of which the file would speak.
func None(t *testing.T, file string) {
	t.Helper()
	if *update {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Errorf("%s is there, and there is nothing of which it speaks", file)
	}
}
