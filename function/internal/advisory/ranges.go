package advisory

import (
	"fmt"
	"strings"

	"rds-kernel-upgrade/events"
)

// rangeOf reads a range of community versions, by the rules of OSV (https://ossf.github.io/osv-schema/, affected[].ranges[]): from introduced
// on, before fixed, up to and with last. An end that comes before the beginning is as unreadable as a word.
func rangeOf(r events.Range) (all span, ok bool) {
	all.to = endless()
	all.from, ok = parse(r.Introduced)
	if ok && r.Fixed != "" {
		all.to, ok = parse(r.Fixed)
	}
	if ok && r.LastAffected != "" {
		var last number
		if last, ok = parse(r.LastAffected); last.compare(all.to) < 0 {
			all.to, all.closed = last, true
		}
	}
	return all, ok && all.from.compare(all.to) <= 0
}

// judge gives a verdict that holds wherever in the span the version lies.
func (s span) judge(r events.Range) finding {
	all, ok := rangeOf(r)
	switch words := describe(r); {
	case !ok:
		return finding{Unknown, fmt.Sprintf("the range %s is not one of versions that can be compared", words)}
	case s.inside(all):
		return finding{Affected, s.words + " is in " + words}
	case s.outside(all):
		return finding{NotAffected, s.words + " is not in " + words}
	default:
		return finding{Unknown, s.words + " may be in " + words}
	}
}

func (s span) inside(all span) bool {
	return all.from.compare(s.from) <= 0 && (s.before(all.to) || all.closed && s.to.compare(all.to) == 0)
}

func (s span) outside(all span) bool { return s.before(all.from) || all.before(s.from) }

// judgeList judges by single versions.
func (s span) judgeList(versions []string) finding {
	open := finding{NotAffected, s.words + " is none of " + list(versions)}
	for _, text := range versions {
		n, ok := parse(text)
		switch {
		case !ok:
			open = finding{Unknown, fmt.Sprintf("the version %.*q cannot be compared", maxWord, text)}
		case !s.holds(n):
		case s.point():
			return finding{Affected, s.words + " is one of those affected"}
		default:
			open = finding{Unknown, s.words + " may be " + cut(text)}
		}
	}
	return open
}

// What an advisory says is repeated for each instance, so there are bounds to it.
const (
	maxWord  = 48
	maxWords = 8
)

// cut gives the beginning of a version.
func cut(text string) string { return fmt.Sprintf("%.*s", maxWord, text) }

// list gives the first of many versions.
func list(versions []string) string {
	var words []string
	for _, text := range versions[:min(len(versions), maxWords)] {
		words = append(words, cut(text))
	}
	if more := len(versions) - maxWords; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(words, ", "), more)
	}
	return strings.Join(words, ", ")
}

// describe puts a range in words: 15.0 up to 15.10, where it is fixed.
func describe(r events.Range) string {
	words := cut(r.Introduced)
	if words == "0" {
		words = "all"
	}
	r.Fixed, r.LastAffected = cut(r.Fixed), cut(r.LastAffected)
	switch {
	case r.Fixed != "" && r.LastAffected != "":
		return fmt.Sprintf("%s up to %s (with) and %s, where it is fixed", words, r.LastAffected, r.Fixed)
	case r.Fixed != "":
		return words + " up to " + r.Fixed + ", where it is fixed"
	case r.LastAffected != "":
		return words + " up to " + r.LastAffected + " (with)"
	case r.Introduced == "0":
		return "all versions"
	}
	return words + " and later"
}
