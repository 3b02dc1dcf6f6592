package advisory

import (
	"cmp"
	"fmt"
	"math"

	"rds-kernel-upgrade/function/internal/version"
)

// span is all that a community version can be: from from on, up to to, and with to if it is closed.
type span struct {
	from, to number
	closed   bool
	words    string
}

// endless is after all versions.
func endless() number { return number{math.MaxUint64} }

// spanOf gives what the subject's community version can be. RDS builds the versions of a family one after another, so that the
// community version never goes down inside a family, and the builds that are listed bound those that are not:
//
//	Current is            │ of its family are listed    │ its community version lies
//	──────────────────────┼─────────────────────────────┼─────────────────────────────────────────
//	named or listed with  │ any                         │ there exactly
//	one                   │                             │
//	not, or without one   │ an older and a newer build  │ between theirs, both included
//	                      │ a newer one only            │ from the beginning of the major up to it
//	                      │ an older one only           │ from it to the end of the major
//	                      │ none                        │ anywhere in the major
//
// The verdict holds for the whole span, or else is Unknown:
//
//	the span lies               │ verdict
//	────────────────────────────┼─────────────
//	wholly in one range         │ Affected
//	wholly outside all of them  │ NotAffected
//	otherwise                   │ Unknown
//
// What cannot be (a version outside the major, a newer build of an older version) or cannot be read bounds nothing.
func spanOf(s Subject) span {
	whole := wholeMajor(s)
	older, newer := s.neighbours()
	from, hasFrom := parse(older)
	to, hasTo := parse(newer)
	bounded := whole
	if hasFrom {
		bounded.from, bounded.words = from, s.name()+", built from "+older+" or newer,"
	}
	if hasTo {
		bounded.to, bounded.closed, bounded.words = to, true, s.name()+", built from "+newer+" or older,"
	}
	if hasFrom && hasTo {
		bounded.words = fmt.Sprintf("%s, built from %s to %s,", s.name(), older, newer)
	}
	if bounded.point() {
		bounded.words = newer
	}
	if !whole.holds(bounded.from) || hasTo && !whole.holds(to) || bounded.from.compare(bounded.to) > 0 {
		return whole
	}
	return bounded
}

// wholeMajor is all of the subject's major, or all versions if it has none that can be read.
func wholeMajor(s Subject) span {
	words := fmt.Sprintf("%s, built from an unknown version of %s %s,", s.name(), s.Engine, s.EngineVersion)
	if m, ok := major(s.Engine, s.EngineVersion); ok {
		return span{from: m, to: m.next(), words: words}
	}
	return span{from: number{0}, to: endless(), words: words}
}

func (s Subject) name() string {
	if s.Current == "" {
		return "an unknown kernel version"
	}
	return s.Current
}

// neighbours gives the community versions of the nearest builds that are not newer, and not older, than Current. What has no
// community version that can be read is no neighbour, but for Current itself, of which nothing else tells more.
func (s Subject) neighbours() (older, newer string) {
	var below, above Build
	if named := version.Community(s.Current); named != "" {
		return named, named
	}
	for _, b := range s.Builds {
		b.Community = cmp.Or(b.Community, version.Community(b.Version))
		if version.Same(b.Version, s.Current) && b.Community != "" {
			return b.Community, b.Community
		}
		if _, readable := parse(b.Community); !readable {
			continue
		}
		order, comparable := version.Compare(b.Version, s.Current)
		switch {
		case !comparable:
		case order < 0 && !version.Reached(below.Version, b.Version):
			below = b
		case order > 0 && (above.Version == "" || version.Reached(above.Version, b.Version)):
			above = b
		}
	}
	return below.Community, above.Community
}

// point tells whether only one version is possible.
func (s span) point() bool { return s.closed && s.from.compare(s.to) == 0 }

// holds tells whether the version may be n.
func (s span) holds(n number) bool { return s.from.compare(n) <= 0 && !s.before(n) }

// before tells whether the version surely lies before n.
func (s span) before(n number) bool {
	order := s.to.compare(n)
	return order < 0 || order == 0 && !s.closed
}
