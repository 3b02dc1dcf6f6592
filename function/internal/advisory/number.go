package advisory

import (
	"slices"
	"strconv"
	"strings"
)

// number is a community version, such as 15.10. Parts that are missing count as 0.
type number []uint64

// parse reads parts of digits only: about the order of anything else nothing is known.
func parse(text string) (n number, ok bool) {
	for part := range strings.SplitSeq(text, ".") {
		digits, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return nil, false
		}
		n = append(n, digits)
	}
	return n, true
}

// compare is negative when n is older than m.
func (n number) compare(m number) int { return slices.Compare(n.trimmed(), m.trimmed()) }

// trimmed is the number without the zeros at its end.
func (n number) trimmed() number {
	for len(n) > 0 && n[len(n)-1] == 0 {
		n = n[:len(n)-1]
	}
	return n
}

// major cuts an engine version down to what its kernel versions have in common: 15 for PostgreSQL 15.0, two parts for PostgreSQL
// before 10 (9.4) and for MySQL (8.0).
func major(engine, engineVersion string) (n number, ok bool) {
	n, ok = parse(engineVersion)
	parts := 2
	if engine == postgreSQL && ok && n[0] >= 10 {
		parts = 1
	}
	return n[:min(parts, len(n))], ok
}

// next is the major that follows: the end of this one.
func (n number) next() number {
	after := slices.Clone(n)
	after[len(after)-1]++
	return after
}

// String is the number as versions are written.
func (n number) String() string {
	parts := make([]string, len(n))
	for i, part := range n {
		parts[i] = strconv.FormatUint(part, 10)
	}
	return strings.Join(parts, ".")
}
