package events

import (
	"encoding/json"
	"fmt"
	"strings"
)

// An osvRecord is what is needed of a record of the Open Source Vulnerability format (ossf.github.io/osv-schema, 1.7).
type osvRecord struct {
	ID       string        `json:"id"`
	Summary  string        `json:"summary"`
	Affected []osvAffected `json:"affected"`
	Specific osvSpecific   `json:"database_specific"`
}

type osvAffected struct {
	Package  osvPackage  `json:"package"`
	Ranges   []osvRange  `json:"ranges"`
	Versions []string    `json:"versions"`
	Specific osvSpecific `json:"database_specific"`
}

type osvPackage struct {
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
	Purl      string `json:"purl"`
}

type osvRange struct {
	Type   string     `json:"type"`
	Repo   string     `json:"repo"`
	Events []osvEvent `json:"events"`
}

type osvEvent struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
	Limit        string `json:"limit"`
}

// Each database has its own fields here, of which only the severity is understood, where it is a text and there is one.
type osvSpecific struct{ severity string }

// UnmarshalJSON is strict about the key, of which nothing else has looked at the letter case.
func (s *osvSpecific) UnmarshalJSON(text []byte) error {
	o, _ := readObject(text)
	if given := o.values("severity"); len(given) == 1 {
		s.severity, _ = asString(given[0])
	}
	return nil
}

// The schemas name all fields of the format: those without a check are not needed, and are there so that a field of the
// format is never taken for another misspelt.
var osv = schema{name: "an OSV record", loose: true, fields: []field{
	{name: "id", check: text(identifier(1, maxID)), rule: required("id", "want what the record is known by")},
	{name: "summary", check: orNull(anyText)},
	{name: "withdrawn", rule: notWithdrawn},
	{name: "affected", check: each(osvEntry.check), rule: required("affected", "want what the record affects")},
	{name: "database_specific"},
	{name: "schema_version"},
	{name: "modified"},
	{name: "published"},
	{name: "aliases"},
	{name: "upstream"},
	{name: "related"},
	{name: "details"},
	{name: "severity"},
	{name: "references"},
	{name: "credits"},
}}

var osvEntry = schema{name: "an affected entry of OSV", loose: true, fields: []field{
	{name: "package", check: orNull(osvName.check)},
	{name: "ranges", check: orNull(each(osvSpan.check))},
	{name: "versions", check: orNull(each(anyText))},
	{name: "severity"},
	{name: "database_specific"},
	{name: "ecosystem_specific"},
}}

var osvName = schema{name: "a package of OSV", loose: true, fields: []field{
	{name: "ecosystem", check: anyText}, {name: "name", check: anyText}, {name: "purl", check: orNull(anyText)},
}}

var osvSpan = schema{name: "a range of OSV", loose: true, fields: []field{
	{name: "type", check: anyText, rule: required("type", "want SEMVER, ECOSYSTEM or GIT")},
	{name: "repo", check: orNull(anyText)},
	{name: "events", check: each(osvPoint.check), rule: required("events", "want where the range begins and ends")},
	{name: "database_specific"},
}}

var osvPoint = schema{name: "an event of OSV", loose: true, fields: []field{
	{name: "introduced", check: anyText}, {name: "fixed", check: anyText}, {name: "last_affected", check: anyText}, {name: "limit", check: anyText},
}}

// orNull takes null for a field that is not there, as some databases write it.
func orNull(check func(value)) func(value) {
	return func(v value) {
		if v.RawMessage[0] != 'n' {
			check(v)
		}
	}
}

func anyText(v value) {
	_, problem := asString(v.RawMessage)
	v.note(problem)
}

// each takes lists of any number of values that pass a check.
func each(check func(value)) func(value) {
	return func(v value) {
		var elements array
		if v.RawMessage[0] != '[' {
			v.note("want a list, got " + kindOf(v.RawMessage))
			return
		}
		unmarshal(v.RawMessage, &elements)
		for i, element := range elements {
			check(v.at(fmt.Sprintf("%s[%d]", v.path, i), element))
		}
	}
}

func notWithdrawn(r *reading) string {
	for _, at := range r.values("withdrawn") {
		if at[0] != 'n' {
			return "the record was withdrawn: there is nothing to do about it"
		}
	}
	return ""
}

// isOSV tells an OSV record from an advisory of our own by its shape.
func isOSV(text json.RawMessage) bool {
	o, _ := readObject(text)
	if has("schema_version")(o) {
		return true
	}
	theirs, ours := false, false
	for _, list := range o.values("affected") {
		var entries []object
		unmarshal(list, &entries)
		for _, entry := range entries {
			theirs = theirs || has("package")(entry) || has("ranges")(entry) || has("versions")(entry)
			ours = ours || has("Engine")(entry) || has("fixedIn")(entry)
		}
	}
	return theirs && !ours
}

func recordOf(text json.RawMessage) osvRecord {
	var r osvRecord
	unmarshal(text, &r)
	return r
}

// advisory gives what of the record concerns engines of RDS.
func (r osvRecord) advisory() *Advisory {
	a := &Advisory{ID: r.ID, Severity: r.severity(), Summary: cut(r.Summary, maxSummary)}
	for _, entry := range r.Affected {
		a.Affected = append(a.Affected, entry.normalised()...)
	}
	a.Affected = merged(a.Affected)
	return a
}

// unresolved says why an advisory that a record came to is of no use.
func (r osvRecord) unresolved(a *Advisory) string {
	if len(a.Affected) == 0 {
		return "names neither MySQL nor PostgreSQL: got " + r.products()
	}
	for _, entry := range a.Affected {
		if entry.Engine != engineMySQL || entry.Unknown == "" {
			return ""
		}
	}
	return "cannot be resolved: it names MySQL alone, in no version that can be compared (" + a.Affected[0].Unknown + `): send the kernel version that has the fix, such as {"id":"CVE-2026-1","affected":[{"Engine":"MySQL","fixedIn":"rds_20260228"}]}`
}

// products lists what a record names, for those who wonder why none of it fits.
func (r osvRecord) products() string {
	var seen []string
	for _, entry := range r.Affected {
		seen = append(seen, entry.product())
	}
	if len(seen) == 0 {
		return "nothing"
	}
	more := ""
	if len(seen) > maxKeys {
		seen, more = seen[:maxKeys], fmt.Sprintf(" and %d more", len(seen)-maxKeys)
	}
	return strings.Join(seen, ", ") + more
}

// The words of databases for a severity. GitHub's has moderate for medium.
var osvSeverities = map[string]string{"critical": "critical", "high": "high", "moderate": "medium", "medium": "medium", "low": "low"}

// severity gives the word of the database, and none where there is only a vector: the policy's tempo goes by words.
func (r osvRecord) severity() string {
	given := []string{r.Specific.severity}
	for _, entry := range r.Affected {
		given = append(given, entry.Specific.severity)
	}
	for _, severity := range given {
		if word := osvSeverities[strings.ToLower(severity)]; word != "" {
			return word
		}
	}
	return ""
}
