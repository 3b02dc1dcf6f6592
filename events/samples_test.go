package events_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/local/golden"
)

const samples = "../testdata/events"

// now is when all samples arrive.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// readSamples gives the events of a folder by their names.
func readSamples(tb testing.TB, folder string) map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no samples in %s (%v)", folder, err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = text
	}
	return all
}

// receive does with an event what the function does, and gives a line for each of its messages.
func receive(event []byte) string {
	messages, err := events.Decode(event)
	if err != nil {
		return err.Error() + "\n"
	}
	var lines strings.Builder
	for _, m := range messages {
		if m.Err == nil {
			_, m.Err = events.Parse(m.Body, now)
		}
		if m.Err == nil {
			m.Err = errors.New("ok")
		}
		lines.WriteString(m.Err.Error() + "\n")
	}
	return lines.String()
}

func TestInvalidSamplesAreRefusedWithTheTextBesideThem(t *testing.T) {
	t.Parallel()
	all := readSamples(t, samples+"/invalid")
	if len(all) < 40 {
		t.Errorf("got %d invalid samples, want at least 40", len(all))
	}
	for name, event := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(samples, "invalid", name+".err")
			got := receive(event)
			golden.Text(t, file, []byte(got))
			if strings.ReplaceAll(got, "ok\n", "") == "" {
				t.Error("nothing is refused")
			}
		})
	}
}

func TestEveryErrTextHasItsSample(t *testing.T) {
	t.Parallel()
	all := readSamples(t, samples+"/invalid")
	files, _ := filepath.Glob(samples + "/invalid/*.err")
	for _, file := range files {
		if all[strings.TrimSuffix(filepath.Base(file), ".err")] == nil {
			t.Errorf("%s has no .json beside it", file)
		}
	}
}
