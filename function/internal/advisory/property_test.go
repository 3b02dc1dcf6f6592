package advisory_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
)

// flaw is what is wrong with PostgreSQL 15.<minor>, in numbers: a truth that needs no reading of versions.
type flaw struct{ from, fixed, last int } // fixed and last of -1 are none

func (f flaw) hits(minor int) bool {
	return minor >= f.from && (f.fixed < 0 || minor < f.fixed) && (f.last < 0 || minor <= f.last)
}

func (f flaw) written() events.Range {
	r := events.Range{Introduced: fmt.Sprintf("15.%d", f.from)}
	if f.fixed >= 0 {
		r.Fixed = fmt.Sprintf("15.%d.0", f.fixed)
	}
	if f.last >= 0 {
		r.LastAffected = fmt.Sprintf("15.%d", f.last)
	}
	return r
}

// history is all builds of a family, of which the API lists some.
type history struct {
	minors []int // of the builds, one each month
	listed []advisory.Build
}

func (history) version(i int) string {
	return fmt.Sprintf("rds_postgres_1500_20%02d%02d01", 20+i/12, i%12+1)
}

func drawHistory(t *rapid.T) (h history) {
	t.Helper()
	h.minors = rapid.SliceOfN(rapid.IntRange(0, 14), 1, 14).Draw(t, "minors")
	slices.Sort(h.minors)
	for i, minor := range h.minors {
		switch rapid.IntRange(0, 3).Draw(t, "listing") {
		case 0:
			h.listed = append(h.listed, advisory.Build{Version: h.version(i)})
		case 1, 2:
			h.listed = append(h.listed, advisory.Build{Version: h.version(i), Community: fmt.Sprintf("15.%d", minor)})
		}
	}
	h.listed = rapid.Permutation(h.listed).Draw(t, "order")
	return h
}

func drawFlaws(t *rapid.T) (flaws []flaw, a events.Advisory) {
	t.Helper()
	for range rapid.IntRange(1, 3).Draw(t, "flaws") {
		f := flaw{rapid.IntRange(0, 12).Draw(t, "from"), -1, -1}
		end := f.from + rapid.IntRange(0, 6).Draw(t, "length")
		switch rapid.IntRange(0, 2).Draw(t, "end") {
		case 0:
			f.fixed = end
		case 1:
			f.last = end
		}
		flaws = append(flaws, f)
	}
	split := rapid.IntRange(0, len(flaws)).Draw(t, "split")
	for _, part := range [][]flaw{flaws[:split], flaws[split:]} {
		e := events.Affected{Engine: "PostgreSQL", EngineVersion: rapid.SampledFrom([]string{"", "15", "15.0"}).Draw(t, "engineVersion")}
		for _, f := range part {
			e.Ranges = append(e.Ranges, f.written())
		}
		if len(part) > 0 {
			a.Affected = append(a.Affected, e)
		}
	}
	return flaws, a
}

func TestAVerdictIsTheTruthOrUnknown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		flaws, a := drawFlaws(t)
		i := rapid.IntRange(0, len(h.minors)-1).Draw(t, "current")
		s := advisory.Subject{Engine: "PostgreSQL", EngineVersion: "15.0", Current: h.version(i), Builds: h.listed}
		truth := notAffected
		if slices.ContainsFunc(flaws, func(f flaw) bool { return f.hits(h.minors[i]) }) {
			truth = affected
		}
		got, why := advisory.Judge(a, s)
		if got != unknown && got != truth || why == "" {
			t.Fatalf("%+v, %+v: %s (%s); the truth is %s", a, s, got, why, truth)
		}
		known := slices.ContainsFunc(h.listed, func(b advisory.Build) bool { return b.Version == s.Current && b.Community != "" })
		if known && got != truth {
			t.Fatalf("%+v, %+v: %s (%s), though the community version is listed; want %s", a, s, got, why, truth)
		}
		if !advisory.Concerns(a, "PostgreSQL", "15.0") && got != notAffected {
			t.Fatalf("%+v, %+v: %s (%s), though it does not concern the major", a, s, got, why)
		}
		if fixes := advisory.Fixes(a, s, s.Current); fixes != (got == notAffected) {
			t.Fatalf("%+v, %+v: Fixes is %t, but the verdict is %s", a, s, fixes, got)
		}
	})
}

func TestTheOrderOfBuildsAndEntriesDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		_, a := drawFlaws(t)
		s := advisory.Subject{Engine: "PostgreSQL", EngineVersion: "15.0", Current: h.version(rapid.IntRange(0, 13).Draw(t, "current")), Builds: h.listed}
		before, _ := advisory.Judge(a, s)
		s.Builds = rapid.Permutation(s.Builds).Draw(t, "builds")
		a.Affected = rapid.Permutation(a.Affected).Draw(t, "entries")
		if after, why := advisory.Judge(a, s); after != before {
			t.Fatalf("%+v, %+v: %s (%s); before %s", a, s, after, why, before)
		}
	})
}

// FuzzJudge holds that no text breaks the rules that hold for all: no panic, always a reason, and Concerns rules out what it says.
func FuzzJudge(f *testing.F) {
	f.Add("PostgreSQL", "15.0", "rds_postgres_1500_20240101", "15.6", "15.10", "15.0", "15.7")
	f.Add("MySQL", "8.0", "rds_20240101", "", "rds_20260228", "0", "")
	f.Add("PostgreSQL", "", "", "99999999999999999999", ".", "4294967295", "-1")
	f.Fuzz(func(t *testing.T, engine, engineVersion, current, community, fix, from, to string) {
		a := about(
			events.Affected{Engine: engine, EngineVersion: engineVersion, FixedIn: fix},
			events.Affected{Engine: engine, Ranges: []events.Range{{Introduced: from, Fixed: to}, {Introduced: from, LastAffected: to}}, Versions: []string{from, to}},
		)
		s := advisory.Subject{Engine: engine, EngineVersion: engineVersion, Current: current, Builds: []advisory.Build{{Version: current, Community: community}}}
		v, why := advisory.Judge(a, s)
		if why == "" || v != affected && v != notAffected && v != unknown {
			t.Errorf("%q: %q", v, why)
		}
		if v != notAffected && !advisory.Concerns(a, engine, engineVersion) {
			t.Errorf("%s: %s, though it does not concern the engine", v, why)
		}
	})
}
