package upgrade

import (
	"regexp"
	"strings"
	"time"
)

// A kernel version is a family and a date: "rds_20260228" is of the family "rds", "rds_postgres_1500_20251130" of
// "rds_postgres_1500". Dates order versions inside one family and mean nothing across families. Anything after the date
// ("…_2", "…-babelfish") makes another kind of build, about whose order nothing is known.
var kernelVersion = regexp.MustCompile(`^([a-z][a-z0-9_]*)_([0-9]{8})$`)

// Compare orders two kernel versions: negative when a is older than b. comparable is false when their order is
// unknown; then the number means nothing.
func Compare(a, b string) (order int, comparable bool) {
	familyA, dateA, knownA := splitVersion(a)
	familyB, dateB, knownB := splitVersion(b)
	if !knownA || !knownB || familyA != familyB {
		return 0, false
	}
	return strings.Compare(dateA, dateB), true
}

func splitVersion(version string) (family, date string, known bool) {
	m := kernelVersion.FindStringSubmatch(version)
	if m == nil {
		return "", "", false
	}
	if _, err := time.Parse("20060102", m[2]); err != nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// reached tells whether current is the target or newer.
func reached(current, target string) bool {
	order, comparable := Compare(current, target)
	return comparable && order >= 0
}
