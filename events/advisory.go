package events

import (
	"encoding/json"
	"fmt"
	"time"
)

// Advisory says what is wrong with which versions, and where it is fixed.
type Advisory struct {
	ID       string     `json:"id"`
	Severity string     `json:"severity,omitempty"` // critical, high, medium or low; empty if unknown
	Summary  string     `json:"summary,omitempty"`
	Affected []Affected `json:"affected"`
}

// Affected says which versions of one engine are affected. Where Unknown is empty, one of FixedIn, Ranges and Versions is not.
type Affected struct {
	Engine        string   `json:"Engine"`                  // MySQL or PostgreSQL
	EngineVersion string   `json:"EngineVersion,omitempty"` // as RDS writes it, such as 8.0 or 15.0; empty: any
	FixedIn       string   `json:"fixedIn,omitempty"`       // a kernel version or a community version: those before it, of its own family or major, are affected
	Ranges        []Range  `json:"ranges,omitempty"`        // of community versions
	Versions      []string `json:"versions,omitempty"`      // community versions
	Unknown       string   `json:"unknown,omitempty"`       // why nothing can be compared with this entry
}

// Range is a span of community versions: from Introduced on, up to and without Fixed, or up to and with LastAffected.
// An Introduced of "0" is the beginning.
type Range struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed,omitempty"`
	LastAffected string `json:"lastAffected,omitempty"`
}

const (
	maxID      = 128
	maxSummary = 1024

	// maxNormalised bounds what a rollout has to remember of an advisory beside its instances.
	maxNormalised = 24 << 10

	wantKernel        = "want a kernel version such as rds_20260228"
	wantCommunity     = "or a community version such as 15.10 (PostgreSQL) or 8.0.36 (MySQL)"
	wantEngineVersion = "want it as RDS writes it, such as 8.0 or 15.0"
)

// Severities returns the severities of an advisory, the most severe first.
func Severities() []string { return []string{"critical", "high", "medium", "low"} }

var severities = oneOf(Severities()...)

// bulletin is an advisory in the form that is our own.
var bulletin = schema{name: "an advisory", fields: []field{
	{name: "id", check: text(identifier(1, maxID)), rule: required("id", "want what the advisory is known by, such as CVE-2026-1")},
	{name: "severity", check: text(severities)},
	{name: "summary", check: checkSummary},
	{name: "affected", check: listOf(maxAffected, `[{"Engine":"PostgreSQL","fixedIn":"15.10"}]`, affected.check), rule: required("affected", "want a list of engines and what fixes them")},
}}

var affected = schema{name: "an affected entry", fields: []field{
	{name: "Engine", check: engines, rule: required("Engine", "want MySQL or PostgreSQL")},
	{name: "EngineVersion", check: text(form(engineVersion, wantEngineVersion))},
	{name: "fixedIn", check: text(ascii(checkFixedIn)), rule: required("fixedIn", wantKernel+", "+wantCommunity)},
}}

var (
	engineVersion = lazily(`^[0-9]{1,3}(\.[0-9]{1,3}){0,2}$`)
	kernelVersion = lazily(`^[a-z][a-z0-9_]{0,54}_([0-9]{8})(_babelfish)?(_[0-9]{1,3}(\.[0-9]{1,3}){1,2})?$`)
	community     = lazily(`^[0-9]{1,4}(\.[0-9]{1,6}){1,3}$`)
)

func checkSummary(v value) {
	summary, problem := asString(v.RawMessage)
	if problem == "" {
		problem = tooLong([]byte(summary), maxSummary)
	}
	v.note(problem)
}

func checkFixedIn(value string, _ time.Time) string {
	switch kernel := kernelVersion().FindStringSubmatch(value); {
	case kernel != nil:
		if _, err := time.Parse("20060102", kernel[1]); err != nil {
			return quote(value) + " has no real date: " + wantKernel
		}
	case !community.fits(value):
		return quote(value) + " has another form: " + wantKernel + ", " + wantCommunity
	}
	return ""
}

// checkAdvisory takes an advisory in our own form or an OSV record.
func checkAdvisory(v value) {
	before, theirs := len(*v.to), isOSV(v.RawMessage)
	if theirs {
		osv.check(v)
	} else {
		bulletin.check(v)
	}
	if len(*v.to) > before {
		return
	}
	a := advisoryOf(v.RawMessage)
	if theirs {
		v.at(join(v.path, "affected"), nil).note(recordOf(v.RawMessage).unresolved(a))
	}
	normalised, _ := json.Marshal(a) // which cannot fail: it has only texts
	if len(normalised) > maxNormalised {
		v.note(fmt.Sprintf("comes to %d bytes: want at most %d, so leave out the versions that no instance has", len(normalised), maxNormalised))
	}
}

// advisoryOf gives an advisory that was checked.
func advisoryOf(text json.RawMessage) *Advisory {
	if isOSV(text) {
		return recordOf(text).advisory()
	}
	a := &Advisory{}
	unmarshal(text, a)
	a.Affected = merged(a.Affected)
	return a
}

// merged leaves out entries that say nothing new.
func merged(all []Affected) (once []Affected) {
	seen := map[string]bool{}
	for _, a := range all {
		key, _ := json.Marshal(a) // which cannot fail: it has only texts
		if !seen[string(key)] {
			seen[string(key)] = true
			once = append(once, a)
		}
	}
	return once
}
