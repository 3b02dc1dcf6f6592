// Package version orders kernel versions. It knows no engine, and it never guesses: versions whose order is not known do not compare.
package version

import (
	"strings"
	"time"
)

// Compare orders two kernel versions: negative when a is older than b. comparable is false when their order is
// unknown; then the number means nothing.
func Compare(a, b string) (order int, comparable bool) {
	familyA, dateA, knownA := split(a)
	familyB, dateB, knownB := split(b)
	if !knownA || !knownB || familyA != familyB {
		return 0, false
	}
	return dateA.Compare(dateB), true
}

// Reached tells whether current is the target or newer.
func Reached(current, target string) bool {
	order, comparable := Compare(current, target)
	return comparable && order >= 0
}

// Date gives the day that a kernel version bears in its name, which is when it was made.
func Date(version string) (day time.Time, known bool) {
	_, day, known = split(version)
	return day, known
}

// Family gives what stands before the date: versions of one family compare.
func Family(version string) (family string, known bool) {
	family, _, known = split(version)
	return family, known
}

// split takes a kernel version apart. It is a family and a date: "rds_20260228" is of the family "rds",
// "rds_postgres_1500_20251130" of "rds_postgres_1500". Dates order versions inside one family and mean nothing across families.
// Anything after the date ("…_2", "…-babelfish") makes another kind of build, about whose order nothing is known.
func split(version string) (family string, day time.Time, known bool) {
	const form = "20060102"
	end := len(version) - len(form) - 1
	if end < 1 || version[end] != '_' || !isFamily(version[:end]) {
		return "", time.Time{}, false
	}
	day, err := time.Parse(form, version[end+1:])
	return version[:end], day, err == nil
}

// isFamily tells whether a text is of lower-case letters, digits and "_", and begins with a letter.
func isFamily(text string) bool {
	const letters, others = "abcdefghijklmnopqrstuvwxyz", "0123456789_"
	return strings.Trim(text, letters+others) == "" && strings.IndexByte(letters, text[0]) >= 0
}
