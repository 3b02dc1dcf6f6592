package main_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/local/tape"
)

// environment is one that is right, but for what is changed in it.
func environment(change map[string]string) func(string) string {
	env := map[string]string{"RESULT_TOPIC": topic, "STATE_BUCKET": bucket}
	maps.Copy(env, change)
	return func(name string) string { return env[name] }
}

// printed is when the policies of these tests are printed.
var printed = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

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
		"an unknown key":            {"budgt: {maxInstances: 7}\n", "", `policy: line 1, column 1: "budgt" is not a key: want budget, hold, mode, optIn, rate, regions, tempo, verify, versions or windows, did you mean budget?`, 1, nil},
		"an unknown key inside":     {"verify:\n  frist: 5m\n", "", `policy: line 2, column 3: verify: "frist" is not a key: want first or giveUp, did you mean first?`, 1, nil},
		"several at once":           {"mode: on\nbudget: {maxInstances: 0, maxPercent: 101}\n", "", "\npolicy: line 2, column 24: budget.maxInstances: 0: want 1 or more\npolicy: line 2, column 39: budget.maxPercent: 101", 1, nil},
		"a key without a value":     {"mode:\n", "", "policy: line 1, column 6: mode: is empty: give it a value, or leave it out\n", 1, nil},
		"an item without a value":   {"windows:\n  allow:\n    - # {days: [sat]}\n", "", "policy: line 3, column 6: windows.allow[0]: is empty", 1, nil},
		"no policy at all":          {"", "", "note: policy: the file sets nothing, or there is none: everything has its default\nnote: windows: there are none", 0, nil},
		"a zone's sign":             {"windows: {allow: [{from: \"01:00\", to: \"05:00\", zone: Etc/GMT+8}]}\n", "zone: Etc/GMT+8", "note: windows.allow[0].zone: Etc/GMT+8 is 8 hours BEHIND UTC (UTC-08:00)", 0, nil},
		"an offset for a zone":      {"windows: {allow: [{from: \"01:00\", to: \"05:00\", zone: GMT+8}]}\n", "", "\"GMT+8\": no such zone is known: for UTC+08:00 write Asia/Shanghai\n", 1, nil},
		"a denial that is over":     {"windows: {deny: [{from: \"2020-01-01T00:00\", to: \"2020-01-02T00:00\", zone: UTC}]}\n", "deny:", "note: windows.deny[0]: it lies in the past", 0, nil},
		"the next windows":          {"windows: {allow: [{days: [mon], from: \"01:00\", to: \"05:00\", zone: Asia/Shanghai}]}\n", "mon", "next window: Sun 2026-11-29 17:00 UTC to Sun 2026-11-29 21:00 UTC, which is Mon 2026-11-30 01:00 +08:00 to Mon 2026-11-30 05:00 +08:00 in Asia/Shanghai\nnext window: Sun 2026-12-06 ", 0, nil},
		"a zone that is nowhere":    {"windows: {allow: [{from: \"01:00\", to: \"02:00\", zone: Asia/Shanghigh}]}\n", "", "Asia/Shanghigh", 1, nil},
		"a zone outside the folder": {"windows: {allow: [{from: \"01:00\", to: \"02:00\", zone: ../../etc/passwd}]}\n", "", "no such zone is known", 1, nil},
		"a bucket that has no name": {"", "", "STATE_BUCKET: \"a/b\": want the name of a bucket", 1, map[string]string{"STATE_BUCKET": "a/b"}},
		"regions":                   {"regions: [cn-hangzhou, cn-beijing]\n", "- cn-beijing", "", 0, nil},
		"MODE, which is stricter":   {"mode: apply\n", "mode: \"off\"", "note: mode: off: no upgrade is made", 0, map[string]string{"MODE": "off"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "policy.yaml"), []byte(c.policy), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, notes tape.Tape
			f := function.New(environment(c.environment), folder, func() time.Time { return printed }, &notes)
			if exit := f.PrintPolicy(&out, &notes); exit != c.exit {
				t.Errorf("exit %d, want %d", exit, c.exit)
			}
			if !strings.Contains(out.String(), c.out) || !strings.Contains(notes.String(), c.notes) {
				t.Errorf("printed\n%s\nand noted\n%s\nwant %q and %q", out.String(), notes.String(), c.out, c.notes)
			}
			if c.exit != 0 && out.String() != "" {
				t.Errorf("a policy that does not hold is printed: %s", out.String())
			}
			if _, err := policy.Parse([]byte(out.String()), time.LoadLocation); err != nil {
				t.Errorf("what is printed is no policy: %v", err)
			}
		})
	}
}

func TestAWrongPolicyPrintsItsProblemsAndNothingElse(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "other.yaml")
	text := "mode:\nbudget: {maxInstances: many}\n" + strings.Repeat("x: 1\n", 20)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, notes tape.Tape
	f := function.New(environment(map[string]string{"POLICY_FILE": file, "LOG_LEVEL": "loud"}), folder, func() time.Time { return printed }, &notes)
	exit := f.PrintPolicy(&out, &notes)
	lines := strings.Split(strings.TrimSpace(notes.String()), "\n")
	if exit != 1 || out.String() != "" || len(lines) != 22 {
		t.Fatalf("exit %d, printed %q, and %d lines:\n%s", exit, out.String(), len(lines), notes.String())
	}
	for n, want := range map[int]string{
		0: "policy: line 1, column 6: mode: is empty: ", 1: `policy: line 2, column 24: budget.maxInstances: "many" is not a whole number`,
		19: `policy: line 20, column 1: "x" is not a key: `, 20: "policy: and 2 more", 21: "LOG_LEVEL: ",
	} {
		if !strings.HasPrefix(lines[n], want) {
			t.Errorf("line %d: got %q, want %q", n, lines[n], want)
		}
	}
}

func TestWithoutAPolicyFileTheDefaultsAreInForceAndThatIsNoted(t *testing.T) {
	t.Parallel()
	var out, notes tape.Tape
	f := function.New(environment(nil), t.TempDir(), func() time.Time { return printed }, &notes)
	exit := f.PrintPolicy(&out, &notes)
	if p, err := policy.Parse([]byte(out.String()), time.LoadLocation); exit != 0 || err != nil || p.Mode != policy.Apply {
		t.Errorf("exit %d, printed %s: %v", exit, out.String(), err)
	}
	if !strings.HasPrefix(notes.String(), "note: policy: the file sets nothing, or there is none") {
		t.Errorf("noted %s", notes.String())
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
	f := function.New(environment(nil), folder, time.Now, &notes)
	if exit := f.PrintPolicy(&out, &notes); exit != 0 {
		t.Errorf("exit %d: %s", exit, notes.String())
	}
}
