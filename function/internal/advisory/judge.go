// Package advisory judges whether an advisory concerns an instance.
//
// It compares and never guesses. An advisory speaks of kernel versions, which compare inside one family only, or of community versions,
// of which an instance's own follows from the builds that RDS lists. Where that leaves the answer open the verdict is Unknown, and an
// instance of unknown verdict is nothing to upgrade. The package asks no API; what it judges by is given to it.
package advisory

import (
	"fmt"
	"slices"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/version"
)

// Verdict says whether an advisory concerns an instance.
type Verdict string

// The verdicts.
const (
	Affected    Verdict = "affected"
	NotAffected Verdict = "not_affected"
	Unknown     Verdict = "unknown"
)

// Build is a kernel version that the API lists, and the community version that it is built from; empty if that is not known.
type Build struct {
	Version, Community string
}

// Subject is what is known of an instance.
type Subject struct {
	Engine, EngineVersion string
	Current               string  // its kernel version
	Builds                []Build // those listed for its kind of instance
}

const postgreSQL = "PostgreSQL"

// Concerns tells whether the advisory can affect any instance of the engine and its version. If it cannot, Judge gives NotAffected
// whatever else is known of an instance, so that nothing more needs to be read.
func Concerns(a events.Advisory, engine, engineVersion string) bool {
	v, _ := Judge(a, Subject{Engine: engine, EngineVersion: engineVersion})
	return v != NotAffected
}

// Judge gives the verdict, and why in words. One entry that is surely about the subject makes it Affected; else one that leaves it
// open makes it Unknown.
func Judge(a events.Advisory, s Subject) (v Verdict, why string) {
	c := spanOf(s)
	var all []finding
	for _, e := range a.Affected {
		if about(e, s) {
			all = append(all, findings(e, s, c)...)
		}
	}
	if len(all) == 0 {
		return NotAffected, fmt.Sprintf("no entry is about %s %s", s.Engine, s.EngineVersion)
	}
	return decide(all, c.words)
}

// Fixes tells whether the kernel version target is surely free of what the advisory is about.
func Fixes(a events.Advisory, s Subject, target string) bool {
	s.Current = target
	v, _ := Judge(a, s)
	return v == NotAffected
}

// finding is what one statement of an advisory says about the subject.
type finding struct {
	verdict Verdict
	why     string
}

// decide takes the first finding of the weightiest kind.
func decide(all []finding, words string) (v Verdict, why string) {
	for _, v := range []Verdict{Affected, Unknown} {
		if n := slices.IndexFunc(all, func(f finding) bool { return f.verdict == v }); n >= 0 {
			return v, all[n].why
		}
	}
	if len(all) == 1 {
		return NotAffected, all[0].why
	}
	return NotAffected, words + " is in none of the affected versions"
}

// about tells whether an entry may be about the subject's engine and major. A version that cannot be read may be any.
func about(e events.Affected, s Subject) bool {
	named, readable := major(e.Engine, e.EngineVersion)
	own, readable2 := major(s.Engine, s.EngineVersion)
	return e.Engine == s.Engine && (!readable || !readable2 || named.compare(own) == 0)
}

// findings are those of all that one entry states.
func findings(e events.Affected, s Subject, c span) (all []finding) {
	if e.Unknown != "" {
		return []finding{{Unknown, e.Unknown}}
	}
	if e.FixedIn != "" {
		all = append(all, judgeFix(e, s, c))
	}
	for _, r := range e.Ranges {
		all = append(all, c.judge(r))
	}
	if len(e.Versions) > 0 {
		all = append(all, c.judgeList(e.Versions))
	}
	if len(all) == 0 {
		all = append(all, finding{Unknown, "the entry names no version"})
	}
	return all
}

// judgeFix reads FixedIn:
//
//	FixedIn is                       │ compared with
//	─────────────────────────────────┼────────────────────────────────────────────────────────────────────────
//	a kernel version                 │ Current, if of the same family; another family is Unknown
//	a community version              │ the community version, from the beginning of FixedIn's major on (15 for
//	                                 │ PostgreSQL, 8.0 for MySQL). Another major is not concerned; if the entry
//	                                 │ names that one, it is Unknown
//	anything else                    │ nothing: Unknown
func judgeFix(e events.Affected, s Subject, c span) finding {
	if _, kernel := version.Date(e.FixedIn); kernel {
		return judgeKernel(e.FixedIn, s)
	}
	first, readable := major(s.Engine, e.FixedIn)
	if !readable {
		return finding{Unknown, fmt.Sprintf("the fix %q is not a version that %s %s can be compared with", e.FixedIn, s.Engine, s.EngineVersion)}
	}
	if named, ok := major(s.Engine, e.EngineVersion); ok && named.compare(first) != 0 {
		return finding{Unknown, fmt.Sprintf("the fix %s is not of %s %s, of which the entry is", e.FixedIn, s.Engine, e.EngineVersion)}
	}
	return c.judge(events.Range{Introduced: first.String(), Fixed: e.FixedIn})
}

func judgeKernel(fix string, s Subject) finding {
	switch order, comparable := version.Compare(s.Current, fix); {
	case !comparable:
		return finding{Unknown, s.name() + " does not compare with " + fix}
	case order < 0:
		return finding{Affected, s.name() + " is older than " + fix}
	}
	return finding{NotAffected, s.name() + " is not older than " + fix}
}
