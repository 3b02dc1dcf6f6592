package advisory_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
)

const (
	affected    = advisory.Affected
	notAffected = advisory.NotAffected
	unknown     = advisory.Unknown
)

// builds are those of PostgreSQL 15 that are listed.
var builds = []advisory.Build{
	{Version: "rds_postgres_1500_20240830", Community: "15.7"},
	{Version: "rds_postgres_1500_20230330", Community: "15.2"},
	{Version: "rds_postgres_1500_20250228", Community: "15.10"},
	{Version: "rds_postgres_1500_20240530", Community: ""},
	{Version: "rds_postgres_1500_20240229", Community: "15.6"},
	{Version: "rds_postgres_1500_20240230-babelfish", Community: "15.5"},
	{Version: "rds_postgres_1500_20240331", Community: "15.6+1"},
	{Version: "rds_postgres_1400_20240401", Community: "14.11"},
}

func postgres(current string) advisory.Subject {
	return advisory.Subject{Engine: "PostgreSQL", EngineVersion: "15.0", Current: current, Builds: builds}
}

// fifteen is an instance built from a community version.
func fifteen(community string) advisory.Subject {
	s := postgres("rds_postgres_1500_20240101")
	s.Builds = []advisory.Build{{Version: s.Current, Community: community}}
	return s
}

func mysql(engineVersion, current string) advisory.Subject {
	return advisory.Subject{Engine: "MySQL", EngineVersion: engineVersion, Current: current, Builds: []advisory.Build{{Version: current}}}
}

// mysqlOf is an instance of MySQL 8.0 whose build is listed with a community version.
func mysqlOf(community string) advisory.Subject {
	s := mysql("8.0", "rds_20240101")
	s.Builds[0].Community = community
	return s
}

func about(e ...events.Affected) events.Advisory {
	return events.Advisory{ID: "CVE-2026-1", Affected: e}
}

func fixedIn(engine, engineVersion, fix string) events.Advisory {
	return about(events.Affected{Engine: engine, EngineVersion: engineVersion, FixedIn: fix})
}

func ranges(r ...events.Range) events.Advisory {
	return about(events.Affected{Engine: "PostgreSQL", Ranges: r})
}

func versions(v ...string) events.Advisory {
	return about(events.Affected{Engine: "PostgreSQL", Versions: v})
}

// published has the shape of BIT-postgresql-2024-4317: one range for each major that is maintained.
var published = ranges(
	events.Range{Introduced: "14.0.0", Fixed: "14.12.0"},
	events.Range{Introduced: "15.0.0", Fixed: "15.7.0"},
	events.Range{Introduced: "16.0.0", Fixed: "16.3.0"},
)

// upTo15_6 has the shape of records that name what is affected last.
var upTo15_6 = ranges(
	events.Range{Introduced: "13.0", LastAffected: "13.14"},
	events.Range{Introduced: "14.0", LastAffected: "14.11"},
	events.Range{Introduced: "15.0", LastAffected: "15.6"},
)

func TestJudge(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		advisory events.Advisory
		subject  advisory.Subject
		want     advisory.Verdict
		why      string
	}{
		"another engine":                                {fixedIn("MySQL", "", "rds_20260228"), postgres("rds_postgres_1500_20240229"), notAffected, "no entry is about PostgreSQL 15.0"},
		"another major of PostgreSQL":                   {fixedIn("PostgreSQL", "14.0", "14.12"), postgres("rds_postgres_1500_20240229"), notAffected, "no entry is about PostgreSQL 15.0"},
		"another version of MySQL":                      {fixedIn("MySQL", "5.7", "rds_20260228"), mysql("8.0", "rds_20240101"), notAffected, "no entry is about MySQL 8.0"},
		"an advisory without entries":                   {about(), mysql("8.0", "rds_20240101"), notAffected, "no entry is about MySQL 8.0"},
		"an entry that says nothing":                    {fixedIn("MySQL", "8.0", ""), mysql("8.0", "rds_20240101"), unknown, "the entry names no version"},
		"an entry that nothing compares with":           {about(events.Affected{Engine: "MySQL", Unknown: "a range of git commits"}), mysql("8.0", "rds_20240101"), unknown, "a range of git commits"},
		"before the kernel version of the fix":          {fixedIn("MySQL", "8.0", "rds_20260228"), mysql("8.0", "rds_20240101"), affected, "rds_20240101 is older than rds_20260228"},
		"at the kernel version of the fix":              {fixedIn("MySQL", "8.0", "rds_20260228"), mysql("8.0", "rds_20260228"), notAffected, "rds_20260228 is not older than rds_20260228"},
		"a fix of another family":                       {fixedIn("MySQL", "8.0", "rds_20260228"), mysql("8.0", "xcluster80_20260301"), unknown, "xcluster80_20260301 does not compare with rds_20260228"},
		"a kernel version that is not known":            {fixedIn("MySQL", "8.0", "rds_20260228"), mysql("8.0", ""), unknown, "an unknown kernel version does not compare with rds_20260228"},
		"MySQL of which no community version is listed": {fixedIn("MySQL", "8.0", "8.0.36"), mysql("8.0", "rds_20240101"), unknown, "rds_20240101, built from an unknown version of MySQL 8.0, may be in 8.0 up to 8.0.36, where it is fixed"},
		"MySQL before the community version of the fix": {fixedIn("MySQL", "8.0", "8.0.36"), mysqlOf("8.0.18"), affected, "8.0.18 is in 8.0 up to 8.0.36, where it is fixed"},
		"MySQL at the community version of the fix":     {fixedIn("MySQL", "", "8.0.36"), mysqlOf("8.0.36"), notAffected, "8.0.36 is not in 8.0 up to 8.0.36, where it is fixed"},
		"the fix of another series of MySQL":            {fixedIn("MySQL", "", "8.4.3"), mysqlOf("8.0.18"), notAffected, "8.0.18 is not in 8.4 up to 8.4.3, where it is fixed"},
		"a fix that contradicts its entry of MySQL":     {fixedIn("MySQL", "5.7", "8.0.36"), mysql("5.7", "rds_20240101"), unknown, "the fix 8.0.36 is not of MySQL 5.7, of which the entry is"},
		"a range of MySQL's community versions": {
			about(events.Affected{Engine: "MySQL", Ranges: []events.Range{{Introduced: "8.0.0", LastAffected: "8.0.40"}}}), mysqlOf("8.0.36"), affected, "8.0.36 is in 8.0.0 up to 8.0.40 (with)",
		},
		"the community version is in the name": {
			published, postgres("rds_postgres_1500_20230101_15.2"), affected, "15.2 is in 15.0.0 up to 15.7.0, where it is fixed",
		},
		"a build that is listed under the other form of its name": {
			published, postgres("rds_postgres_1500_20240830_15.7"), notAffected, "15.7 is in none of the affected versions",
		},
		"the name of a listed build has its community version": {
			published,
			advisory.Subject{Engine: "PostgreSQL", EngineVersion: "15.0", Current: "rds_postgres_1500_20240229", Builds: []advisory.Build{{Version: "rds_postgres_1500_20240229_15.6"}}},
			affected, "15.6 is in 15.0.0 up to 15.7.0, where it is fixed",
		},
		"babelfish is not judged by the builds beside it": {
			published, postgres("rds_postgres_1500_20240229_babelfish"), unknown,
			"rds_postgres_1500_20240229_babelfish, built from an unknown version of PostgreSQL 15.0, may be in 15.0.0 up to 15.7.0, where it is fixed",
		},
		"a fix that is no version":                   {fixedIn("PostgreSQL", "15.0", "next"), fifteen("15.6"), unknown, `the fix "next" is not a version that PostgreSQL 15.0 can be compared with`},
		"a version of an entry that cannot be read":  {fixedIn("MySQL", "eight", "rds_20260228"), mysql("8.0", "rds_20240101"), affected, "rds_20240101 is older than rds_20260228"},
		"before the community version of the fix":    {fixedIn("PostgreSQL", "15.0", "15.10"), fifteen("15.6"), affected, "15.6 is in 15 up to 15.10, where it is fixed"},
		"an entry may write 15 for 15.0":             {fixedIn("PostgreSQL", "15", "15.10"), fifteen("15.6"), affected, "15.6 is in 15 up to 15.10, where it is fixed"},
		"at the community version of the fix":        {fixedIn("PostgreSQL", "15.0", "15.10"), fifteen("15.10"), notAffected, "15.10 is not in 15 up to 15.10, where it is fixed"},
		"the fix of a later major is not this one's": {fixedIn("PostgreSQL", "", "16.3"), fifteen("15.6"), notAffected, "15.6 is not in 16 up to 16.3, where it is fixed"},
		"the fix of an earlier one is not either":    {fixedIn("PostgreSQL", "", "14.12"), fifteen("15.6"), notAffected, "15.6 is not in 14 up to 14.12, where it is fixed"},
		"a fix that contradicts its entry":           {fixedIn("PostgreSQL", "15.0", "14.12"), fifteen("15.6"), unknown, "the fix 14.12 is not of PostgreSQL 15.0, of which the entry is"},
		"before 10 a major has two parts": {
			fixedIn("PostgreSQL", "", "9.6.24"),
			advisory.Subject{Engine: "PostgreSQL", EngineVersion: "9.4", Current: "rds_postgres_0940_20200101"},
			notAffected, "rds_postgres_0940_20200101, built from an unknown version of PostgreSQL 9.4, is not in 9.6 up to 9.6.24, where it is fixed",
		},

		"in the range of its major":             {published, fifteen("15.6"), affected, "15.6 is in 15.0.0 up to 15.7.0, where it is fixed"},
		"at the beginning of a range":           {published, fifteen("15.0"), affected, "15.0 is in 15.0.0 up to 15.7.0, where it is fixed"},
		"what is fixed is not affected":         {published, fifteen("15.7"), notAffected, "15.7 is in none of the affected versions"},
		"versions are no decimal numbers":       {published, fifteen("15.10"), notAffected, "15.10 is in none of the affected versions"},
		"what is affected last is affected":     {upTo15_6, fifteen("15.6"), affected, "15.6 is in 15.0 up to 15.6 (with)"},
		"what comes after it is not":            {upTo15_6, fifteen("15.6.1"), notAffected, "15.6.1 is in none of the affected versions"},
		"0 is the beginning":                    {ranges(events.Range{Introduced: "0", Fixed: "15.7"}), fifteen("15.6"), affected, "15.6 is in all up to 15.7, where it is fixed"},
		"no end is no end":                      {ranges(events.Range{Introduced: "15.3"}), fifteen("15.6"), affected, "15.6 is in 15.3 and later"},
		"not from the beginning on":             {ranges(events.Range{Introduced: "15.7"}), fifteen("15.6"), notAffected, "15.6 is not in 15.7 and later"},
		"everything":                            {ranges(events.Range{Introduced: "0"}), postgres(""), affected, "an unknown kernel version, built from an unknown version of PostgreSQL 15.0, is in all versions"},
		"a range with two ends ends twice":      {ranges(events.Range{Introduced: "15.0", Fixed: "15.7", LastAffected: "15.5"}), fifteen("15.6"), notAffected, "15.6 is not in 15.0 up to 15.5 (with) and 15.7, where it is fixed"},
		"a range that begins with a word":       {ranges(events.Range{Introduced: "REL_15", Fixed: "15.7"}), fifteen("15.6"), unknown, "the range REL_15 up to 15.7, where it is fixed is not one of versions that can be compared"},
		"a range that begins with nothing":      {ranges(events.Range{Fixed: "15.7"}), fifteen("15.6"), unknown, "the range  up to 15.7, where it is fixed is not one of versions that can be compared"},
		"a range that ends with a word":         {ranges(events.Range{Introduced: "0", Fixed: "15.7-1.el9"}), fifteen("15.6"), unknown, "the range all up to 15.7-1.el9, where it is fixed is not one of versions that can be compared"},
		"a range whose last is a word":          {ranges(events.Range{Introduced: "0", LastAffected: "15.x"}), fifteen("15.6"), unknown, "the range all up to 15.x (with) is not one of versions that can be compared"},
		"a range that ends before it begins":    {ranges(events.Range{Introduced: "15.4", Fixed: "15.2"}), fifteen("15.6"), unknown, "the range 15.4 up to 15.2, where it is fixed is not one of versions that can be compared"},
		"a range whose last is before it":       {ranges(events.Range{Introduced: "15.4", LastAffected: "15.2"}), fifteen("15.6"), unknown, "the range 15.4 up to 15.2 (with) is not one of versions that can be compared"},
		"one of the versions":                   {versions("15.5", "15.6.0"), fifteen("15.6"), affected, "15.6 is one of those affected"},
		"none of the versions":                  {versions("15.5", "15.60"), fifteen("15.6"), notAffected, "15.6 is none of 15.5, 15.60"},
		"versions of which one is a word":       {versions("15.5", "15beta1"), fifteen("15.6"), unknown, `the version "15beta1" cannot be compared`},
		"one of the versions, a word besides":   {versions("15beta1", "15.6"), fifteen("15.6"), affected, "15.6 is one of those affected"},
		"perhaps one of the versions":           {versions("15.9"), postgres("rds_postgres_1500_20241231"), unknown, "rds_postgres_1500_20241231, built from 15.7 to 15.10, may be 15.9"},
		"surely none of the versions":           {versions("15.6"), postgres("rds_postgres_1500_20241231"), notAffected, "rds_postgres_1500_20241231, built from 15.7 to 15.10, is none of 15.6"},
		"MySQL's ranges of another version":     {about(events.Affected{Engine: "MySQL", Ranges: []events.Range{{Introduced: "8.0.0", Fixed: "8.0.37"}}}), mysql("5.7", "rds_20240101"), notAffected, "rds_20240101, built from an unknown version of MySQL 5.7, is not in 8.0.0 up to 8.0.37, where it is fixed"},
		"MySQL's ranges of its own version":     {about(events.Affected{Engine: "MySQL", Ranges: []events.Range{{Introduced: "8.0.0", Fixed: "8.0.37"}}}), mysql("8.0", "rds_20240101"), unknown, "rds_20240101, built from an unknown version of MySQL 8.0, may be in 8.0.0 up to 8.0.37, where it is fixed"},
		"one entry is enough to be affected":    {about(append(published.Affected, events.Affected{Engine: "PostgreSQL", Unknown: "git"})...), fifteen("15.6"), affected, "15.6 is in 15.0.0 up to 15.7.0, where it is fixed"},
		"one open entry leaves it open":         {about(append([]events.Affected{{Engine: "PostgreSQL", Unknown: "git"}}, published.Affected...)...), fifteen("15.7"), unknown, "git"},
		"an open entry of another major counts": {about(append([]events.Affected{{Engine: "PostgreSQL", EngineVersion: "14.0", Unknown: "git"}}, published.Affected...)...), fifteen("15.7"), notAffected, "15.7 is in none of the affected versions"},
		"a range and a version in one entry": {
			about(events.Affected{Engine: "PostgreSQL", Ranges: []events.Range{{Introduced: "15.0", Fixed: "15.3"}}, Versions: []string{"15.6"}}),
			fifteen("15.6"), affected, "15.6 is one of those affected",
		},
		"an engine version that cannot be read": {
			published,
			advisory.Subject{Engine: "PostgreSQL", EngineVersion: "", Current: "k", Builds: []advisory.Build{{Version: "k", Community: "15.6"}}},
			affected, "15.6 is in 15.0.0 up to 15.7.0, where it is fixed",
		},
		"and no build either": {
			published,
			advisory.Subject{Engine: "PostgreSQL", Current: "k"},
			unknown, "k, built from an unknown version of PostgreSQL , may be in 14.0.0 up to 14.12.0, where it is fixed",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, why := advisory.Judge(c.advisory, c.subject)
			if got != c.want || why != c.why {
				t.Errorf("%s: %s\nwant %s: %s", got, why, c.want, c.why)
			}
		})
	}
}

func TestABuildThatIsNotListedIsJudgedByItsNeighbours(t *testing.T) {
	t.Parallel()
	introducedLate := ranges(events.Range{Introduced: "15.8", Fixed: "15.9"})
	cases := map[string]struct {
		advisory events.Advisory
		current  string
		want     advisory.Verdict
	}{
		"listed: there exactly":                             {published, "rds_postgres_1500_20240229", affected},
		"listed under a name that does not compare":         {published, "rds_postgres_1500_20240230-babelfish", affected},
		"listed without one: between its neighbours":        {published, "rds_postgres_1500_20240530", unknown},
		"listed with what is no version: anywhere":          {upTo15_6, "rds_postgres_1500_20240331", unknown},
		"between two that are affected":                     {published, "rds_postgres_1500_20231130", affected},
		"between two, the fix between them":                 {published, "rds_postgres_1500_20240601", unknown},
		"between two that are fixed":                        {published, "rds_postgres_1500_20241130", notAffected},
		"between two, both the fixed one":                   {ranges(events.Range{Introduced: "15.0", Fixed: "15.2"}), "rds_postgres_1500_20231130", notAffected},
		"between two that are free, a range between them":   {introducedLate, "rds_postgres_1500_20241130", unknown},
		"older than all, the oldest affected":               {published, "rds_postgres_1500_20221130", affected},
		"older than all, the fault introduced later":        {introducedLate, "rds_postgres_1500_20221130", notAffected},
		"older than all, the fault introduced in between":   {ranges(events.Range{Introduced: "15.1", Fixed: "15.7"}), "rds_postgres_1500_20221130", unknown},
		"newer than all, the newest fixed":                  {published, "rds_postgres_1500_20260228", notAffected},
		"newer than all, the newest affected":               {ranges(events.Range{Introduced: "15.0", Fixed: "15.12"}), "rds_postgres_1500_20260228", unknown},
		"newer than all, something introduced later":        {ranges(events.Range{Introduced: "15.12", Fixed: "15.13"}), "rds_postgres_1500_20260228", unknown},
		"newer than all, never fixed":                       {ranges(events.Range{Introduced: "15.3"}), "rds_postgres_1500_20260228", affected},
		"newer than all, something introduced in a major":   {ranges(events.Range{Introduced: "15.0", Fixed: "15.7"}, events.Range{Introduced: "16.0"}), "rds_postgres_1500_20260228", notAffected},
		"of a family of which nothing is listed":            {published, "rds_postgres_1501_20240229", unknown},
		"of no family":                                      {published, "15.6", unknown},
		"of a version that is not known":                    {published, "", unknown},
		"of a family not listed, the major in no range":     {ranges(events.Range{Introduced: "16.0", Fixed: "16.3"}), "", notAffected},
		"of a family not listed, the major all in one":      {ranges(events.Range{Introduced: "0", Fixed: "16.3"}), "", affected},
		"of a family not listed, a range up to its first":   {ranges(events.Range{Introduced: "14.0", Fixed: "15"}), "", notAffected},
		"of a family not listed, affected up to its first":  {ranges(events.Range{Introduced: "14.0", LastAffected: "15"}), "", unknown},
		"older than all, free before the oldest, affected?": {ranges(events.Range{Introduced: "15.2", Fixed: "15.3"}), "rds_postgres_1500_20221130", unknown},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, why := advisory.Judge(c.advisory, postgres(c.current)); got != c.want {
				t.Errorf("%s: %s; want %s", got, why, c.want)
			}
		})
	}
}

func TestBuildsThatCannotBeBoundNothing(t *testing.T) {
	t.Parallel()
	for name, builds := range map[string][]advisory.Build{
		"community versions that go down":   {{"rds_postgres_1500_20240101", "15.6"}, {"rds_postgres_1500_20240301", "15.4"}},
		"an older build of another major":   {{"rds_postgres_1500_20240101", "14.9"}, {"rds_postgres_1500_20240301", "15.4"}},
		"a newer build of another major":    {{"rds_postgres_1500_20240101", "15.2"}, {"rds_postgres_1500_20240301", "16.1"}},
		"the very build, of another major":  {{"rds_postgres_1500_20240201", "13.6"}},
		"an only older one, another major":  {{"rds_postgres_1500_20240101", "16.0"}},
		"an only newer one, another major":  {{"rds_postgres_1500_20240301", "16"}},
		"an only newer one, below its own":  {{"rds_postgres_1500_20240301", "14.5"}},
		"the very build, with a word":       {{"rds_postgres_1500_20240201", "15.x"}, {"rds_postgres_1500_20240301", "15.4"}},
		"builds of a day that does not ...": {{"rds_postgres_1500_20240230", "15.4"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := postgres("rds_postgres_1500_20240201")
			s.Builds = builds
			got, why := advisory.Judge(ranges(events.Range{Introduced: "15.0", Fixed: "15.7"}), s)
			const want = "rds_postgres_1500_20240201, built from an unknown version of PostgreSQL 15.0, may be in 15.0 up to 15.7, where it is fixed"
			if got != unknown || why != want {
				t.Errorf("%s: %s", got, why)
			}
		})
	}
}

func TestWhyNamesTheNeighbours(t *testing.T) {
	t.Parallel()
	for current, want := range map[string]string{
		"rds_postgres_1500_20231130": "rds_postgres_1500_20231130, built from 15.2 to 15.6, is in 15.0.0 up to 15.7.0, where it is fixed",
		"rds_postgres_1500_20221130": "rds_postgres_1500_20221130, built from 15.2 or older, is in 15.0.0 up to 15.7.0, where it is fixed",
		"rds_postgres_1500_20260228": "rds_postgres_1500_20260228, built from 15.10 or newer, is in none of the affected versions",
	} {
		if _, why := advisory.Judge(published, postgres(current)); why != want {
			t.Errorf("got  %s\nwant %s", why, want)
		}
	}
}

func TestConcernsRulesOutWhatNeedsNoLookingAt(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		advisory              events.Advisory
		engine, engineVersion string
		want                  bool
	}{
		"another engine":                       {published, "MySQL", "8.0", false},
		"a major in one of the ranges":         {published, "PostgreSQL", "15.0", true},
		"a major in none of the ranges":        {published, "PostgreSQL", "12.0", false},
		"a kernel version, any engine version": {fixedIn("MySQL", "", "rds_20260228"), "MySQL", "8.0", true},
		"a kernel version of another version":  {fixedIn("MySQL", "5.7", "rds_20260228"), "MySQL", "8.0", false},
		"15 and 15.0 are one major":            {fixedIn("PostgreSQL", "15", "15.10"), "PostgreSQL", "15.0", true},
		"a community version's own major":      {fixedIn("PostgreSQL", "", "15.10"), "PostgreSQL", "15.0", true},
		"a community version's other major":    {fixedIn("PostgreSQL", "", "15.10"), "PostgreSQL", "14.0", false},
		"what cannot be compared may concern":  {about(events.Affected{Engine: "MySQL", Unknown: "git"}), "MySQL", "8.0", true},
		"versions of another major":            {versions("14.1", "14.2"), "PostgreSQL", "15.0", false},
		"versions of its major":                {versions("14.1", "15.2"), "PostgreSQL", "15.0", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := advisory.Concerns(c.advisory, c.engine, c.engineVersion); got != c.want {
				t.Errorf("got %t; want %t", got, c.want)
			}
		})
	}
}

func TestFixesOnlyWhatIsSurelyFree(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		advisory events.Advisory
		subject  advisory.Subject
		target   string
		want     bool
	}{
		"the fix itself":             {fixedIn("MySQL", "8.0", "rds_20260228"), mysql("8.0", "rds_20240101"), "rds_20260228", true},
		"an older one":               {fixedIn("MySQL", "8.0", "rds_20260228"), mysql("8.0", "rds_20240101"), "rds_20260227", false},
		"one of another family":      {fixedIn("MySQL", "8.0", "rds_20260228"), mysql("8.0", "rds_20240101"), "xcluster80_20260301", false},
		"a build with the fix":       {published, postgres("rds_postgres_1500_20230330"), "rds_postgres_1500_20240830", true},
		"a build without it":         {published, postgres("rds_postgres_1500_20230330"), "rds_postgres_1500_20240229", false},
		"a build that is not listed": {published, postgres("rds_postgres_1500_20230330"), "rds_postgres_1500_20240601", false},
		"no target at all":           {published, postgres("rds_postgres_1500_20230330"), "", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := advisory.Fixes(c.advisory, c.subject, c.target); got != c.want {
				t.Errorf("got %t; want %t", got, c.want)
			}
		})
	}
}

// A reason stands in the account of every instance, so an advisory of 24 KB must not be repeated there.
func TestAReasonRepeatsLittleOfTheAdvisory(t *testing.T) {
	t.Parallel()
	long, many := strings.Repeat("\u0080", 11_000), make([]string, 3_000)
	for n := range many {
		many[n] = fmt.Sprintf("15.%d", 100+n)
	}
	for name, c := range map[string]struct {
		advisory events.Advisory
		want     string
	}{
		"thousands of versions":              {versions(many...), "15.2 is none of 15.100, 15.101, 15.102, 15.103, 15.104, 15.105, 15.106, 15.107 and 2992 more"},
		"eight versions are all named":       {versions(many[:8]...), "is none of 15.100, 15.101, 15.102, 15.103, 15.104, 15.105, 15.106, 15.107"},
		"a long version":                     {versions(long), `the version "` + strings.Repeat(`\u0080`, 48) + `" cannot be compared`},
		"a long version of numbers":          {versions("15.2" + strings.Repeat(".0", 11_000)), "is one of those affected"},
		"a long version that is not the one": {versions("15.3" + strings.Repeat(".0", 11_000)), "is none of 15.3" + strings.Repeat(".0", 22)},
		"a range with a long beginning":      {ranges(events.Range{Introduced: long}), "the range " + strings.Repeat("\u0080", 48) + " and later is not one"},
		"a range with a long end":            {ranges(events.Range{Introduced: "0", Fixed: long}), "the range all up to " + strings.Repeat("\u0080", 48) + ", where it is fixed"},
		"a range with a long last":           {ranges(events.Range{Introduced: "0", LastAffected: long}), "the range all up to " + strings.Repeat("\u0080", 48) + " (with)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, why := advisory.Judge(c.advisory, fifteen("15.2"))
			if coded, _ := json.Marshal(why); !strings.Contains(why, c.want) || len(coded) > 600 {
				t.Errorf("got %d bytes, %.200s; want %s", len(coded), why, c.want)
			}
		})
	}
}
