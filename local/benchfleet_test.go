package main_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	local "rds-kernel-upgrade/local"
	"rds-kernel-upgrade/local/tape"
)

func TestTheFleetBenchPrintsWhatItTook(t *testing.T) {
	t.Parallel()
	var out, log tape.Tape
	if err := local.Run(t.Context(), &out, &log, "bench-fleet", "--binary", function, "--sizes", "10,200", "--latency", "1ms", "--rate", "5000", "--rollout", "20"); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), log.String())
	}
	for _, want := range []string{
		"linux/amd64", "Every call to RDS, MNS and OSS takes 1ms", "Without a limit\n", "With a limit of 5000 calls to RDS per second\n",
		"From 10 to 200 instances (20.0 ×) wall time grows", "A whole rollout over 20 instances",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	rows := regexp.MustCompile(`(?m)^ +(?:10|200) .*$`).FindAllString(out.String(), -1)
	if len(rows) != 4 {
		t.Fatalf("%d rows, want one of each size in both tables\n%s", len(rows), out.String())
	}
	for _, row := range rows {
		addsUp(t, row)
	}
	if m := regexp.MustCompile(`(\d+) instances were upgraded and proven in (\d+) waves`).FindStringSubmatch(out.String()); m == nil || m[1] == "0" || m[2] == "0" {
		t.Errorf("the rollout: %q", m)
	}
}

// addsUp wants the calls of a row to add up to their sum, and the sum to be within the bound.
func addsUp(t *testing.T, row string) {
	t.Helper()
	var n []int
	for _, cell := range strings.Fields(row)[:14] {
		number, err := strconv.Atoi(cell)
		if err != nil {
			t.Fatalf("%s: %v", row, err)
		}
		n = append(n, number)
	}
	sum, upgrades := 0, n[6]
	for _, calls := range n[1:8] {
		sum += calls
	}
	if n[12] < 10 || n[13] < 3 {
		t.Errorf("%d calls to OSS and %d writes: %s", n[12], n[13], row)
	}
	if sum != n[8] || sum > n[9] || upgrades == 0 || n[10] < upgrades || n[11] < upgrades {
		t.Errorf("the calls, %d in all, %d of them upgrades, do not fit their sum, the bound, or what was told: %s", sum, upgrades, row)
	}
}

func TestTheFleetBenchPrintsForADocument(t *testing.T) {
	t.Parallel()
	var out, log tape.Tape
	err := local.Run(t.Context(), &out, &log, "bench-fleet", "--binary", function, "--sizes", "10", "--latency", "1ms", "--rollout", "0", "--markdown")
	if err != nil || !strings.Contains(out.String(), "| instances N | pages |") || !strings.Contains(out.String(), "### Without a limit\n\n|") ||
		strings.Contains(out.String(), "whole rollout") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestTheFleetBenchSeesAFunctionThatDoesNothing(t *testing.T) {
	t.Parallel()
	var out tape.Tape
	err := local.Run(t.Context(), &out, &out, "bench-fleet", "--binary", bare, "--sizes", "10", "--latency", "1ms", "--rollout", "0")
	if err == nil || !strings.Contains(err.Error(), "10 instances: there is no document") {
		t.Errorf("got %v", err)
	}
}

func TestABarThatIsMissedIsNamed(t *testing.T) {
	t.Parallel()
	const second = time.Second
	good := local.Measured{Size: 1000, Upgraded: 100, RDS: 1000, MNS: 200, Wall: 5 * second, Peak: 30_000_000}
	for name, c := range map[string]struct {
		limited bool
		change  func(m *local.Measured)
		want    string
	}{
		"none":               {false, func(*local.Measured) {}, ""},
		"none under a limit": {true, func(*local.Measured) {}, ""},
		"exactly eight times faster than 60 s of calls": {false, func(m *local.Measured) { m.Wall = 7500 * time.Millisecond }, ""},
		"not eight times faster":                        {false, func(m *local.Measured) { m.Wall = 8 * second }, "without a limit, 1000 instances: 7.50 × faster than one call after another; the bar is 8"},
		"a small fleet, which cannot be":                {false, func(m *local.Measured) { m.Size, m.Wall, m.RDS = 999, 60*second, 999 }, ""},
		"slower than the limit asks for":                {true, func(m *local.Measured) { m.Wall = 6 * second }, "with a limit of 200 calls to RDS per second, 1000 instances: 1.20 × the time that the limit asks for; the bar is 1.15"},
		"as slow as is allowed":                         {true, func(m *local.Measured) { m.Wall = 5750 * time.Millisecond }, ""},
		"as many calls as the bound":                    {false, func(m *local.Measured) { m.RDS = 10 + 1000 + 20 + 100 + 7 }, ""},
		"one call more than the bound":                  {false, func(m *local.Measured) { m.RDS = 10 + 1000 + 20 + 100 + 7 + 1 }, "1138 calls to RDS; the bound is 1137"},
		"a bound with rests": {false, func(m *local.Measured) {
			m.Size, m.Upgraded, m.RDS = 101, 51, 2+101+3+51+7+1
		}, "165 calls to RDS; the bound is 164"},
		"as many writes as are allowed":            {false, func(m *local.Measured) { m.Writes = 6 + 2 }, ""},
		"one write more":                           {false, func(m *local.Measured) { m.Writes = 6 + 2 + 1 }, "9 writes of the document; the bar is 8"},
		"too large a document":                     {false, func(m *local.Measured) { m.Bytes = 300_001 }, "a document of 300.0 KB; the bar is 300"},
		"too much memory, however small the fleet": {true, func(m *local.Measured) { m.Size, m.RDS, m.Peak = 10, 10, 64_000_001 }, "10 instances: a peak of 64.0 MB; the bar is 64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := good
			c.change(&run)
			if got := local.Missed(c.limited, good, run); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestARunThatDidNotGoWellIsNoMeasurement(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		calls, accepted int
		names           map[string]int
		well            bool
	}{
		"all is told":                   {2, 2, map[string]int{"accepted": 2, "completed": 2, "report": 1}, true},
		"a report in parts":             {2, 2, map[string]int{"completed": 2, "report": 3}, true},
		"a call was made twice":         {3, 2, map[string]int{"completed": 2, "report": 1}, false},
		"one accepted call is not told": {2, 2, map[string]int{"completed": 1, "report": 1}, false},
		"one is told that was not made": {2, 2, map[string]int{"completed": 3, "report": 1}, false},
		"there is no report":            {2, 2, map[string]int{"completed": 2}, false},
		"one has failed besides":        {2, 2, map[string]int{"completed": 2, "failed": 1, "report": 1}, false},
		"it was halted":                 {2, 2, map[string]int{"completed": 2, "halted": 1, "report": 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := local.WentWell(c.calls, c.accepted, c.names); (err == nil) != c.well {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWrongWordsToTheFleetBenchAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ flag, value, want string }{
		"no size":                  {"--sizes", "", "want whole numbers"},
		"a size of nothing":        {"--sizes", "0", "want whole numbers"},
		"sizes that do not grow":   {"--sizes", "100,100", "growing"},
		"a size that is a word":    {"--sizes", "10,many", "want whole numbers"},
		"no latency":               {"--latency", "0s", "want more than 0"},
		"no rate":                  {"--rate", "0", "want more than 0"},
		"a rate that is no number": {"--rate", "NaN", "want more than 0"},
		"less than no rollout":     {"--rollout", "-1", "want 0 or more"},
		"no function":              {"--binary", "nowhere", "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out tape.Tape
			if err := local.Run(t.Context(), &out, &out, "bench-fleet", c.flag, c.value); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTheFunctionIsMeasuredAsItIsDeployed(t *testing.T) {
	t.Parallel()
	manifest, err := os.ReadFile("../s.yaml")
	if err != nil {
		t.Fatal(err)
	}
	timeout, memory := local.Deployed()
	for _, want := range []string{fmt.Sprintf("\n      timeout: %.0f\n", timeout.Seconds()), fmt.Sprintf("\n      memorySize: %d\n", memory)} {
		if !strings.Contains(string(manifest), want) {
			t.Errorf("s.yaml has no %q", strings.TrimSpace(want))
		}
	}
}

func TestAGeneratedFleetIsServed(t *testing.T) {
	t.Parallel()
	_, rds, _ := served(t, "--fleet", "gen:250:7", "--fault", "rds:*=quota:1000")
	answer := get(t, rds+"/_local/instances")
	if got := strings.Count(answer, `"DBInstanceId"`); got < 250 || !strings.Contains(get(t, rds+"/_local/faults"), `["*=quota:1000"]`) {
		t.Errorf("%d ids, and the faults are %s", got, get(t, rds+"/_local/faults"))
	}
}
