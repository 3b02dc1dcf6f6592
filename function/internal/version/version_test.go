package version_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rds-kernel-upgrade/function/internal/version"
)

func TestCompareOrdersVersionsOfOneFamilyOnly(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		a, b       string
		order      int
		comparable bool
	}{
		"an earlier date is older":                       {"rds_20240101", "rds_20260228", -1, true},
		"a later date is newer":                          {"rds_20260228", "rds_20240101", 1, true},
		"the same version is equal":                      {"rds_20260228", "rds_20260228", 0, true},
		"PostgreSQL versions compare inside their major": {"rds_postgres_1500_20240101", "rds_postgres_1500_20251130", -1, true},
		"enterprise versions compare among themselves":   {"xcluster80_20210305", "xcluster80_20200229", 1, true},
		"a family that nobody has seen yet compares too": {"duckdb_20260101", "duckdb_20260201", -1, true},
		"two majors of PostgreSQL do not compare":        {"rds_postgres_1400_20240101", "rds_postgres_1500_20240101", 0, false},
		"two families of MySQL do not compare":           {"xcluster_20200229", "xcluster80_20210305", 0, false},
		"an unknown version compares with nothing":       {"", "rds_20260228", 0, false},
		"not even with another unknown one":              {"", "", 0, false},
		"something after the date is another build":      {"rds_20240101_2", "rds_20260228", 0, false},
		"a word after the date is another build":         {"rds_20240101-babelfish", "rds_20260228", 0, false},
		"a day that does not exist is no version":        {"rds_20240230", "rds_20260228", 0, false},
		"a bare date has no family":                      {"20240101", "20260228", 0, false},
		"a dotted build of SQL Server is not understood": {"15.0.4073.23", "15.0.4198.2", 0, false},
		"upper case is not how the API writes them":      {"RDS_20240101", "RDS_20260228", 0, false},
		"a date that is too long is no date":             {"rds_202401011", "rds_20260228", 0, false},
		"nothing before the underscore is no family":     {"_20240101", "_20260228", 0, false},
		"a family does not begin with a digit":           {"8rds_20240101", "8rds_20260228", 0, false},
		"nor with an underscore":                         {"_rds_20240101", "_rds_20260228", 0, false},
		"a dash is in no family":                         {"rds-x_20240101", "rds-x_20260228", 0, false},
		"a date has digits only":                         {"rds_2024010a", "rds_20260228", 0, false},
		"a family of one letter compares":                {"r_20240101", "r_20260228", -1, true},
		"a version with a line break is not one":         {"rds_20240101\n", "rds_20260228", 0, false},

		"a community version behind the day changes nothing":     {"rds_postgres_1400_20220830_14.4", "rds_postgres_1400_20220830", 0, true},
		"nor does it decide the order":                           {"rds_postgres_1400_20220830_14.4", "rds_postgres_1400_20230330_14.2", -1, true},
		"it may have three parts":                                {"rds_postgres_1400_20220830_14.4.1", "rds_postgres_1400_20220930", -1, true},
		"babelfish is a family of its own":                       {"rds_postgres_1400_20220630_babelfish", "rds_postgres_1400_20220830", 0, false},
		"also where both have a community version":               {"rds_postgres_1400_20220630_babelfish_14.4", "rds_postgres_1400_20220830_14.4", 0, false},
		"inside which versions compare":                          {"rds_postgres_1400_20220630_babelfish_14.4", "rds_postgres_1400_20230330_babelfish", -1, true},
		"and a community version changes nothing either":         {"rds_postgres_1400_20220630_babelfish_14.4", "rds_postgres_1400_20220630_babelfish", 0, true},
		"babelfish of two majors does not compare":               {"rds_postgres_1400_20220630_babelfish", "rds_postgres_1500_20220630_babelfish", 0, false},
		"a community version of another major is another build":  {"rds_postgres_1400_20220830_15.4", "rds_postgres_1400_20220830", 0, false},
		"a number without a dot is another build":                {"rds_postgres_1400_20220830_14", "rds_postgres_1400_20220830", 0, false},
		"so is a word that nobody has documented":                {"rds_postgres_1400_20220830_ganos_14.4", "rds_postgres_1400_20220830", 0, false},
		"the community version before the edition is not a form": {"rds_postgres_1400_20220830_14.4_babelfish", "rds_postgres_1400_20220830", 0, false},
		"nothing may follow the community version":               {"rds_postgres_1400_20220830_14.4_2", "rds_postgres_1400_20220830", 0, false},
		"an empty suffix is another build":                       {"rds_postgres_1400_20220830_", "rds_postgres_1400_20220830", 0, false},
		"a community version with a letter is another build":     {"rds_postgres_1400_20220830_14.x", "rds_postgres_1400_20220830", 0, false},
		"MySQL's versions are not documented to have a suffix":   {"rds_20220731_5.7.38", "rds_20220731", 0, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			order, comparable := version.Compare(c.a, c.b)
			if comparable != c.comparable || comparable && order != c.order {
				t.Errorf("Compare(%q, %q) = %d, %v; want %d, %v", c.a, c.b, order, comparable, c.order, c.comparable)
			}
		})
	}
}

func TestCompareIsAnOrder(t *testing.T) {
	t.Parallel()
	text := rapid.StringMatching(`(rds|xcluster80|rds_postgres_1500)_20(2[0-9])(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := text.Draw(t, "a"), text.Draw(t, "b"), text.Draw(t, "c")
		ab, known := version.Compare(a, b)
		ba, knownBack := version.Compare(b, a)
		if known != knownBack || known && ab != -ba {
			t.Fatalf("%s and %s: %d, %v but back %d, %v", a, b, ab, known, ba, knownBack)
		}
		bc, known2 := version.Compare(b, c)
		if ac, _ := version.Compare(a, c); known && known2 && ab <= 0 && bc <= 0 && ac > 0 {
			t.Fatalf("%s ≤ %s ≤ %s, but %s > %s", a, b, c, a, c)
		}
	})
}

// FuzzCompare holds that a version is the family and the day that are read from it, and that the order is one.
func FuzzCompare(f *testing.F) {
	f.Add("rds_20240101", "rds_20260228")
	f.Add("rds_postgres_1500_20251130", "")
	f.Add("rds_00000101", "rds_99991231")
	f.Add("rds_+2024011", "rds_２０２４0101")
	f.Add("rds_postgres_1400_20220630_babelfish_14.4", "rds_postgres_1400_20220830_14.4")
	f.Add("_________", "rds\x00_20240101")
	f.Add("r\xff_20240101", "rds_20240101\n")
	f.Fuzz(func(t *testing.T, a, b string) {
		order, comparable := version.Compare(a, b)
		back, comparableBack := version.Compare(b, a)
		if comparable != comparableBack || order != -back {
			t.Errorf("Compare(%q, %q) = %d, %v but back %d, %v", a, b, order, comparable, back, comparableBack)
		}
		family, known := version.Family(a)
		day, dated := version.Date(a)
		if known != dated || known && !strings.Contains("_"+a+"_", "_"+day.Format("20060102")+"_") || known && !strings.HasPrefix(a, strings.TrimSuffix(family, "_babelfish")+"_") {
			t.Errorf("%q is of the family %q (%t) and the day %v (%t)", a, family, known, day, dated)
		}
		if version.Reached(a, a) != known || comparable && version.Reached(a, b) != (order >= 0) || comparable && (order == 0) != version.Same(a, b) {
			t.Errorf("Reached(%q, %q) is %t, Compare %d, %t", a, b, version.Reached(a, b), order, comparable)
		}
	})
}

// TestAVersionIsAFamilyAndADate reads versions as their form says.
func TestAVersionIsAFamilyAndADate(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^([a-z][a-z0-9_]*)_([0-9]{8})$`)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z0-9_A-Z.-]{0,4}_?20[0-3][0-9][01][0-9][0-4][0-9a]`).Draw(t, "version")
		m := form.FindStringSubmatch(text)
		family, known := version.Family(text)
		want := false
		if m != nil {
			_, err := time.Parse("20060102", m[2])
			want = err == nil
		}
		if known != want || known && family != m[1] {
			t.Fatalf("the family of %q is %q, %t; want %q, %t", text, family, known, m, want)
		}
	})
}

func TestReachedAndDateRestOnTheSameOrder(t *testing.T) {
	t.Parallel()
	for current, want := range map[string]bool{
		"rds_20260228": true, "rds_20260301": true, "rds_20260227": false, "xcluster80_20260301": false, "": false,
	} {
		if got := version.Reached(current, "rds_20260228"); got != want {
			t.Errorf("%q has reached rds_20260228: got %t, want %t", current, got, want)
		}
	}
	if day, known := version.Date("rds_postgres_1500_20251130"); !known || day.Format("2006-01-02") != "2025-11-30" {
		t.Errorf("got %v, %t; want 2025-11-30", day, known)
	}
	if family, known := version.Family("rds_postgres_1500_20251130"); !known || family != "rds_postgres_1500" {
		t.Errorf("got %q, %t; want rds_postgres_1500", family, known)
	}
	if _, known := version.Date("15.0.4073.23"); known {
		t.Error("a dotted build has a date")
	}
}

func TestSameComparesBuildsAndNotTexts(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		a, b string
		want bool
	}{
		"one text":                          {"rds_20260228", "rds_20260228", true},
		"one text that nobody understands":  {"15.0.4073.23", "15.0.4073.23", true},
		"with and without the community's":  {"rds_postgres_1400_20220830_14.4", "rds_postgres_1400_20220830", true},
		"another day":                       {"rds_postgres_1400_20220830_14.4", "rds_postgres_1400_20220831_14.4", false},
		"another edition of the same day":   {"rds_postgres_1400_20220830_14.4", "rds_postgres_1400_20220830_babelfish_14.4", false},
		"two texts that nobody understands": {"15.0.4073.23", "15.0.4198.2", false},
		"nothing and something":             {"", "rds_20260228", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := version.Same(c.a, c.b); got != c.want || version.Same(c.b, c.a) != c.want {
				t.Errorf("Same(%q, %q): got %t, want %t", c.a, c.b, got, c.want)
			}
		})
	}
}

func TestTheCommunityVersionIsReadFromTheName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"rds_postgres_1400_20220830_14.4": "14.4", "rds_postgres_1400_20220630_babelfish_14.4": "14.4", "rds_postgres_1400_20220830": "",
		"rds_postgres_1400_20220830_15.4": "", "rds_20220731_5.7.38": "", "": "",
	} {
		if got := version.Community(text); got != want {
			t.Errorf("Community(%q): got %q, want %q", text, got, want)
		}
	}
}
