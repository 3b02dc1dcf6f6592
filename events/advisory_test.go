package events_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/local/golden"
)

const publishedAdvisories = "../testdata/advisories"

// readPublished gives the records of testdata/advisories by their names.
func readPublished(tb testing.TB) map[string][]byte {
	tb.Helper()
	all := readSamples(tb, publishedAdvisories)
	maps.DeleteFunc(all, func(name string, _ []byte) bool { return strings.HasSuffix(name, ".advisory") })
	return all
}

func parseAdvisory(record string) (*events.Advisory, error) {
	r, err := events.Parse([]byte(`{"kind":"advisory","advisory":`+record+`}`), now)
	if err != nil {
		return nil, err
	}
	return r.Fleet.Advisory, nil
}

func TestMatrixOfPublishedAdvisories(t *testing.T) {
	t.Parallel()
	all := readPublished(t)
	if len(all) < 8 {
		t.Errorf("got %d records, want at least 8", len(all))
	}
	for name, record := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(publishedAdvisories, name)
			a, err := parseAdvisory(string(record))
			if err != nil {
				golden.Text(t, file+".err", []byte(err.Error()+"\n"))
				return
			}
			golden.JSON(t, file+".advisory.json", a)
		})
	}
}

func TestEveryPublishedAdvisoryHasOneResultAndItsOrigin(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(publishedAdvisories + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	all, results := readPublished(t), 0
	for _, ending := range []string{".advisory.json", ".err"} {
		files, _ := filepath.Glob(publishedAdvisories + "/*" + ending)
		for _, file := range files {
			results++
			if name := strings.TrimSuffix(filepath.Base(file), ending); all[name] == nil {
				t.Errorf("%s has no record beside it", file)
			}
		}
	}
	if results != len(all) {
		t.Errorf("%d records have %d results", len(all), results)
	}
	for name := range all {
		if !strings.Contains(string(readme), "`"+name+".json`") {
			t.Errorf("the README does not say where %s comes from", name)
		}
	}
}

// osv gives a record with what it affects.
func osv(affected string) string {
	return `{"schema_version":"1.7.0","id":"X-1","affected":[` + affected + `]}`
}

// bitnami gives an entry with one range of these events.
func bitnami(events string) string {
	return `{"package":{"ecosystem":"Bitnami","name":"postgresql"},"ranges":[{"type":"SEMVER","events":[` + events + `]}]}`
}

func TestWhatARecordSaysInVersionsOfPostgreSQL(t *testing.T) {
	t.Parallel()
	ranges := func(all ...events.Range) []events.Affected {
		return []events.Affected{{Engine: "PostgreSQL", Ranges: all}}
	}
	unknown := func(why string) []events.Affected { return []events.Affected{{Engine: "PostgreSQL", Unknown: why}} }
	const git = "the record has commits of a Git repository, and no versions"
	for name, c := range map[string]struct {
		entries string
		want    []events.Affected
	}{
		"a range ends before what fixes it": {bitnami(`{"introduced":"0"},{"fixed":"15.10"}`), ranges(events.Range{Introduced: "0", Fixed: "15.10"})},
		"a range ends with what is affected last": {
			bitnami(`{"introduced":"14.0.0"},{"last_affected":"14.0.0"}`),
			ranges(events.Range{Introduced: "14.0.0", LastAffected: "14.0.0"}),
		},
		"a range may have no end": {bitnami(`{"introduced":"15.3"}`), ranges(events.Range{Introduced: "15.3"})},
		"several spans stand in one range in the order of their versions": {
			bitnami(`{"introduced":"15.0"},{"introduced":"14"},{"fixed":"15.2"},{"fixed":"14.10"},{"introduced":"9.6.0"},{"last_affected":"9.6.24"}`),
			ranges(events.Range{Introduced: "9.6.0", LastAffected: "9.6.24"}, events.Range{Introduced: "14", Fixed: "14.10"}, events.Range{Introduced: "15.0", Fixed: "15.2"}),
		},
		"an event may be both ends": {bitnami(`{"introduced":"15.0","fixed":"15.2"}`), ranges(events.Range{Introduced: "15.0", Fixed: "15.2"})},
		"a span may begin where another ends": {
			bitnami(`{"introduced":"14.0"},{"introduced":"15.0"},{"fixed":"15"},{"fixed":"15.2"}`),
			ranges(events.Range{Introduced: "14.0", Fixed: "15"}, events.Range{Introduced: "15.0", Fixed: "15.2"}),
		},
		"what begins inside a span or ends outside of one changes nothing": {
			bitnami(`{"fixed":"13.1"},{"introduced":"14.0"},{"introduced":"14.2"},{"fixed":"14.5"},{"last_affected":"14.7"}`),
			ranges(events.Range{Introduced: "14.0", Fixed: "14.5"}),
		},
		"the ecosystem may be written small, or be in the URL alone": {
			`{"package":{"purl":"pkg:bitnami/postgresql@15.1?arch=amd64"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"15.4"}]}]}`,
			ranges(events.Range{Introduced: "0", Fixed: "15.4"}),
		},
		"equal entries are one": {bitnami(`{"introduced":"0"}`) + "," + bitnami(`{"introduced":"0"}`), ranges(events.Range{Introduced: "0"})},
		"versions may be listed": {
			`{"package":{"ecosystem":"bitnami","name":"postgres"},"versions":["15.1.0","15.2.0"]}`,
			[]events.Affected{{Engine: "PostgreSQL", Versions: []string{"15.1.0", "15.2.0"}}},
		},
		"commits beside versions say nothing more": {
			`{"package":{"ecosystem":"Bitnami","name":"postgresql"},"ranges":[{"type":"GIT","repo":"https://github.com/postgres/postgres","events":[{"introduced":"0"}]},` +
				`{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"15.4"}]}]}`,
			ranges(events.Range{Introduced: "0", Fixed: "15.4"}),
		},
		"a version with letters cannot be compared": {
			bitnami(`{"introduced":"17beta1"},{"fixed":"17.0"}`),
			unknown(`the record has the version "17beta1", which is not made of numbers alone`),
		},
		"a limit is not understood": {bitnami(`{"introduced":"0"},{"limit":"17.0"}`), unknown("the record has a range with a limit")},
		"a range that cannot be compared stands beside one that can": {
			`{"package":{"ecosystem":"Bitnami","name":"postgresql"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"limit":"9"}]},{"type":"SEMVER","events":[{"introduced":"14"}]}]}`,
			append(ranges(events.Range{Introduced: "14"}), unknown("the record has a range with a limit")...),
		},
		"an entry may name no versions":  {`{"package":{"ecosystem":"Bitnami","name":"postgresql"}}`, unknown("the record names no versions")},
		"a range may have no events":     {bitnami(""), unknown(git)},
		"what is null is not there":      {`{"package":{"ecosystem":"Bitnami","name":"postgresql","purl":null},"ranges":null,"versions":null}`, unknown("the record names no versions")},
		"a repository at GitHub":         {`{"ranges":[{"type":"GIT","repo":"https://github.com/postgres/postgres.git","events":[{"introduced":"0"}]}]}`, unknown(git)},
		"PostgreSQL's own repository":    {`{"ranges":[{"type":"GIT","repo":"https://git.postgresql.org/git/postgresql.git/","events":[]}],"versions":["REL_15_1"]}`, unknown(git)},
		"the second repository is known": {`{"ranges":[{"type":"GIT","repo":"https://github.com/a/b","events":[]},{"type":"GIT","repo":"https://github.com/Postgres/postgres","events":[]}]}`, unknown(git)},
		"three releases of a distribution are one answer": {
			`{"package":{"ecosystem":"Debian:11","name":"postgresql-13"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"13.11-0+deb11u1"}]}]},` +
				`{"package":{"ecosystem":"Debian:12","name":"postgresql-15"},"versions":["15.2-1"]},{"package":{"ecosystem":"Debian","name":"postgresql-9.6"}}`,
			unknown(`the record has versions of the packages of "Debian", not of PostgreSQL`),
		},
		"distributions write the name in their own way": {
			`{"package":{"ecosystem":"Alpine:v3.18","name":"postgresql15"}},{"package":{"ecosystem":"Ubuntu:22.04:LTS","name":"postgresql-14"}}`,
			append(unknown(`the record has versions of the packages of "Alpine", not of PostgreSQL`), unknown(`the record has versions of the packages of "Ubuntu", not of PostgreSQL`)...),
		},
		"MySQL beside PostgreSQL is unknown in what cannot be compared, and others are left out": {
			bitnami(`{"introduced":"15"}`) + `,{"package":{"ecosystem":"Ubuntu","name":"mysql-8.0"}},{"package":{"ecosystem":"Oracle","name":"mysql-community-server"}},` +
				`{"ranges":[{"type":"GIT","repo":"https://github.com/mysql/mysql-server","events":[]}]},{"package":{"ecosystem":"PyPI","name":"mysql"}},{"package":{"ecosystem":"Debian","name":"postgresql-common"}}`,
			append(ranges(events.Range{Introduced: "15"}),
				events.Affected{Engine: "MySQL", Unknown: `the record has versions of the packages of "Ubuntu", not of MySQL`},
				events.Affected{Engine: "MySQL", Unknown: `the record has versions of the packages of "Oracle", not of MySQL`},
				events.Affected{Engine: "MySQL", Unknown: git},
			),
		},
		"MySQL alone is compared in its community versions": {
			`{"package":{"ecosystem":"Bitnami","name":"mysql"},"versions":["8.0.30"],"ranges":[{"type":"SEMVER","events":[{"introduced":"8.0.0"},{"fixed":"8.0.36"}]}]}`,
			[]events.Affected{{Engine: "MySQL", Ranges: []events.Range{{Introduced: "8.0.0", Fixed: "8.0.36"}}, Versions: []string{"8.0.30"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := parseAdvisory(osv(c.entries))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, a.Affected); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestASeverityIsAWordOfTheDatabase(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]string{
		`"database_specific":{"severity":"CRITICAL"}`: "critical", `"database_specific":{"severity":"High"}`: "high",
		`"database_specific":{"severity":"moderate"}`: "medium", `"database_specific":{"severity":"Medium"}`: "medium",
		`"database_specific":{"severity":"LOW"}`: "low", `"database_specific":{"severity":"9.8"}`: "", `"database_specific":{"severity":{"v":1}}`: "",
		`"database_specific":[]`: "", `"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]`: "",
	} {
		entry := bitnami(`{"introduced":"15"}`)
		for place, record := range map[string]string{
			"record": strings.TrimSuffix(osv(entry), "}") + "," + fields + "}",
			"entry":  osv(strings.TrimSuffix(entry, "}") + "," + fields + "}"),
		} {
			if a, err := parseAdvisory(record); err != nil || a.Severity != want {
				t.Errorf("%s of the %s: got %+v, %v, want %q", fields, place, a, err, want)
			}
		}
	}
}

func TestARecordIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	record := `{"id":"X-1","summary":"` + strings.Repeat("ä", 600) + `","withdrawn":null,"details":" two  blanks ","x_new":{"a":1},"credits":7,"ClientToken":"x",
		"affected":[{"package":{"ecosystem":"Bitnami","name":"postgresql","kind":1},"ranges":[{"type":"SEMVER","events":[{"introduced":"15"}],"database_specific":{}}]}]}`
	a, err := parseAdvisory(record)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("ä", 512); a.ID != "X-1" || a.Summary != want {
		t.Errorf("got %+v, want the summary cut to 1024 bytes", a)
	}
}

// Where an entry has a field of ours it is ours, and what OSV would have is a mistake.
func TestTheShapeTellsWhoseAdvisoryItIs(t *testing.T) {
	t.Parallel()
	for advisory, want := range map[string]string{
		`{"id":"A","affected":[{"Engine":"PostgreSQL","versions":["15.1"]}]}`:                             "advisory.affected[0].versions: is not a field of an affected entry",
		`{"id":"A","affected":[{"fixedIn":"15.10","package":{"name":"postgresql"}}]}`:                     "advisory.affected[0].package: is not a field of an affected entry",
		`{"id":"A","affected":[{"package":{"name":"redis"}}]}`:                                            "names neither",
		`{"id":"A","affected":[{"versions":["15.1"]}]}`:                                                   "names neither",
		`{"id":"A","affected":[null,1,"x",["ranges"],{"ranges":[]}]}`:                                     "advisory.affected[0]: want an object, got null",
		`{"id":"A","affected":"all"}`:                                                                     "advisory.affected: want a list such as",
		`{"schema_version":"1.7.0","id":"A","affected":[{"Engine":"PostgreSQL","fixedIn":"15.10"}]}`:      "names neither",
		`{"schema_version":"1.7.0","id":"A","affected":[{"package":{"ecosystem":"x"},"versions":["1"]}]}`: "names neither",
		`{"id":"A","affected":[{"Engine":"PostgreSQL","fixedIn":"15.10"}],"affected":[{"package":{}}]}`:   "advisory.affected: is given 2 times",
		`{"id":"A","affected":[{"Engine":"PostgreSQL","fixedIn":"15.10"}]},"advisory":{}`:                 "request: advisory: is given 2 times: want it once",
	} {
		_, err := parseAdvisory(advisory)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", advisory, err, want)
		}
	}
}

func TestOurOwnAdvisoryIsKeptAsItIsWritten(t *testing.T) {
	t.Parallel()
	given := `{"id":"A 1","summary":"two\nlines","affected":[{"Engine":"PostgreSQL","EngineVersion":"15","fixedIn":"15.10"},` +
		`{"Engine":"PostgreSQL","EngineVersion":"15","fixedIn":"15.10"},{"Engine":"PostgreSQL","fixedIn":"rds_postgres_1500_20251130"},{"Engine":"MySQL","fixedIn":"xcluster80_20210305"},{"Engine":"MySQL","fixedIn":"8.0.36"},` +
		`{"Engine":"PostgreSQL","fixedIn":"rds_postgres_1400_20220830_14.4"},{"Engine":"PostgreSQL","fixedIn":"rds_postgres_1400_20220630_babelfish_14.4"}]}`
	a, err := parseAdvisory(given)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(a)
	repeated := `{"Engine":"PostgreSQL","EngineVersion":"15","fixedIn":"15.10"},`
	if want := strings.Replace(given, repeated, "", 1); string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnAdvisoryOf24KilobytesIsTheLargest(t *testing.T) {
	t.Parallel()
	record := func(n int) string {
		versions := slices.Repeat([]string{`"15.1234"`}, n) // ten bytes each, with the comma
		return `{"id":"X","affected":[{"package":{"ecosystem":"Bitnami","name":"postgresql"},"versions":[` + strings.Join(versions, ",") + `]}]}`
	}
	a, err := parseAdvisory(record(2450))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(a)
	most := 2450 + (24<<10-len(text))/10
	if _, err := parseAdvisory(record(most)); err != nil {
		t.Error(err)
	}
	if _, err := parseAdvisory(record(most + 1)); err == nil || !strings.Contains(err.Error(), "want at most 24576") {
		t.Errorf("got %v", err)
	}
}
