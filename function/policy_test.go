package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/local/tape"
)

func TestThePolicyIsPrintedWithWhatIsProbablyNotMeant(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		policy      string
		out, notes  string // is in them
		exit        int
		environment map[string]string
	}{
		"the defaults":          {"", "maxInstances: 50", "", 0, nil},
		"a value of the file's": {"budget: {maxInstances: 7}\n", "maxInstances: 7", "", 0, nil},
		"the kill switch":       {"mode: off\n", "mode: \"off\"", "note: mode: off: no upgrade is made", 0, nil},
		"windows that never open": {
			"windows: {deny: [{from: \"2020-01-01T00:00\", to: \"2999-01-01T00:00\", zone: UTC}]}\n", "deny:",
			"note: windows: nothing is permitted within the next 30 days", 0, nil,
		},
		"looks that come too late":  {"verify: {first: 2d, giveUp: 1h}\n", "first: 2d", "note: verify: first (2d) is longer than giveUp (1h)", 0, nil},
		"an unknown key":            {"budgt: {maxInstances: 7}\n", "", `line 1: "budgt" is not a key: want budget, mode, optIn, rate, tempo, verify, versions or windows`, 1, nil},
		"an unknown key inside":     {"verify:\n  frist: 5m\n", "", `line 2: "frist" is not a key: want first or giveUp`, 1, nil},
		"several at once":           {"mode: on\nbudget: {maxInstances: 0, maxPercent: 101}\n", "", "budget.maxInstances: 0: want 1 or more; budget.maxPercent: 101", 1, nil},
		"a zone that is nowhere":    {"windows: {allow: [{from: \"01:00\", to: \"02:00\", zone: Asia/Shanghigh}]}\n", "", "Asia/Shanghigh", 1, nil},
		"a zone outside the folder": {"windows: {allow: [{from: \"01:00\", to: \"02:00\", zone: ../../etc/passwd}]}\n", "", "no such zone is known", 1, nil},
		"a queue that has no name":  {"", "", "FOLLOWUP_QUEUE: \"a/b\" is not a queue's name", 1, map[string]string{"FOLLOWUP_QUEUE": "a/b"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "policy.yaml"), []byte(c.policy), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, notes tape.Tape
			f := function.New(func(name string) string {
				return map[string]string{"RESULT_TOPIC": topic, "FOLLOWUP_QUEUE": c.environment["FOLLOWUP_QUEUE"]}[name]
			}, folder, time.Now, &notes)
			if exit := f.PrintPolicy(&out, &notes); exit != c.exit {
				t.Errorf("exit %d, want %d", exit, c.exit)
			}
			if !strings.Contains(out.String(), c.out) || !strings.Contains(notes.String(), c.notes) {
				t.Errorf("printed\n%s\nand noted\n%s\nwant %q and %q", out.String(), notes.String(), c.out, c.notes)
			}
		})
	}
}

// What is packed beside the binary comes before what the system may have.
func TestAZoneIsReadBesideTheBinaryFirst(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	policy := "windows: {allow: [{from: \"01:00\", to: \"02:00\", zone: Local/Packed}]}\n"
	if err := os.WriteFile(filepath.Join(folder, "policy.yaml"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(folder, "zoneinfo", "Local"), 0o700); err != nil {
		t.Fatal(err)
	}
	// A zone of the oldest form: no transition, one offset of an hour.
	zone := "TZif" + strings.Repeat("\x00", 16) + strings.Repeat("\x00", 16) + "\x00\x00\x00\x01" + "\x00\x00\x00\x04" + "\x00\x00\x0e\x10\x00\x00" + "ONE\x00"
	if err := os.WriteFile(filepath.Join(folder, "zoneinfo", "Local", "Packed"), []byte(zone), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, notes tape.Tape
	f := function.New(func(name string) string { return map[string]string{"RESULT_TOPIC": topic}[name] }, folder, time.Now, &notes)
	if exit := f.PrintPolicy(&out, &notes); exit != 0 {
		t.Errorf("exit %d: %s", exit, notes.String())
	}
}
