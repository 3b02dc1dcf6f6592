package events

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// A point is one event of a range. Where several stand at one version, a range that ends before it ends first, and one that ends
// with it ends last.
type point struct {
	version string
	what    int
}

const (
	fixed = iota
	introduced
	lastAffected
)

// plainVersion is what can be put into an order without knowing whose it is. The beginning is "0".
var plainVersion = lazily(`^[0-9]{1,9}(\.[0-9]{1,9}){0,3}$`)

// spans evaluates the events of a range as the format wants it: in the order of their versions, whatever the order in the record.
func (r osvRange) spans() ([]Range, string) {
	var points []point
	for _, e := range r.Events {
		if e.Limit != "" {
			return nil, "the record has a range with a limit"
		}
		for what, version := range []string{fixed: e.Fixed, introduced: e.Introduced, lastAffected: e.LastAffected} {
			switch {
			case version == "":
			case !plainVersion.fits(version):
				return nil, "the record has the version " + quote(version) + ", which is not made of numbers alone"
			default:
				points = append(points, point{version, what})
			}
		}
	}
	slices.SortStableFunc(points, func(a, b point) int {
		return cmp.Or(compareVersions(a.version, b.version), cmp.Compare(a.what, b.what))
	})
	return between(points), ""
}

// between pairs the points in their order. What begins inside a span or ends outside of one changes nothing.
func between(points []point) (spans []Range) {
	open := false
	for _, p := range points {
		switch {
		case p.what == introduced && !open:
			spans = append(spans, Range{Introduced: p.version})
			open = true
		case p.what == fixed && open:
			spans[len(spans)-1].Fixed = p.version
			open = false
		case p.what == lastAffected && open:
			spans[len(spans)-1].LastAffected = p.version
			open = false
		}
	}
	return spans
}

// compareVersions orders dotted numbers; what is missing at the end is 0.
func compareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		if order := cmp.Compare(part(as, i), part(bs, i)); order != 0 {
			return order
		}
	}
	return 0
}

func part(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, _ := strconv.Atoi(parts[i])
	return n
}
