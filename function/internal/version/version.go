// Package version orders kernel versions. It never guesses: versions whose order is not known do not compare.
//
// A kernel version is a family and the day of its build:
//
//	rds_20260228                              family rds
//	rds_postgres_1500_20251130                family rds_postgres_1500
//	rds_postgres_1400_20220830_14.4           the same as rds_postgres_1400_20220830: one build, with its community version
//	rds_postgres_1400_20220630_babelfish_14.4 family rds_postgres_1400_babelfish, with or without the community version
//
// Days order the versions of one family and mean nothing across families. Anything else behind the day ("…_2") makes a build about
// whose order nothing is known.
package version

import (
	"strconv"
	"strings"
	"time"
)

// Compare orders two kernel versions: negative when a is older than b. comparable is false when their order is
// unknown; then the number means nothing.
func Compare(a, b string) (order int, comparable bool) {
	x, y := parse(a), parse(b)
	if !x.known || !y.known || x.family != y.family {
		return 0, false
	}
	return x.day.Compare(y.day), true
}

// Same reports whether two texts name one build: the same text, or one with the community version and one without.
func Same(a, b string) bool {
	order, comparable := Compare(a, b)
	return a == b || comparable && order == 0
}

// Reached reports whether current is the target or newer.
func Reached(current, target string) bool {
	order, comparable := Compare(current, target)
	return comparable && order >= 0
}

// Date returns the day that a kernel version bears in its name, which is the day of its build.
func Date(version string) (day time.Time, known bool) {
	b := parse(version)
	return b.day, b.known
}

// Family returns the family of a kernel version: versions of one family compare.
func Family(version string) (family string, known bool) {
	b := parse(version)
	return b.family, b.known
}

// Community returns the community version that a kernel version bears in its name, "" if it bears none.
func Community(version string) string { return parse(version).community }

// build is a kernel version, taken apart.
type build struct {
	family    string
	day       time.Time
	community string
	known     bool
}

// babelfish is the edition of PostgreSQL that has versions of its own.
const babelfish = "babelfish"

// parse reads family_day, and for PostgreSQL family_day[_babelfish][_community].
func parse(version string) build {
	parts := strings.Split(version, "_")
	at := dayIn(parts)
	if at < 1 {
		return build{}
	}
	day, err := time.Parse(dayForm, parts[at])
	b := build{family: strings.Join(parts[:at], "_"), day: day}
	b.known = err == nil && isFamily(b.family) && b.readSuffix(parts[at+1:])
	if !b.known {
		return build{}
	}
	return b
}

const dayForm = "20060102"

// dayIn returns the place of the last part of eight digits, 0 if there is none.
func dayIn(parts []string) int {
	for at := len(parts) - 1; at > 0; at-- {
		if len(parts[at]) == len(dayForm) && strings.Trim(parts[at], "0123456789") == "" {
			return at
		}
	}
	return 0
}

// readSuffix takes in what stands behind the day, and reports whether all of it is understood.
func (b *build) readSuffix(parts []string) bool {
	if len(parts) == 0 {
		return true
	}
	major, postgres := strings.CutPrefix(b.family, "rds_postgres_")
	if !postgres {
		return false
	}
	if parts[0] == babelfish {
		b.family += "_" + babelfish
		parts = parts[1:]
	}
	if len(parts) == 1 && isCommunity(parts[0], major) {
		b.community = parts[0]
		parts = nil
	}
	return len(parts) == 0
}

// isCommunity reports whether a text is a community version of the major that a family names: 14.4 in rds_postgres_1400.
func isCommunity(text, major string) bool {
	first, rest, dotted := strings.Cut(text, ".")
	if !dotted || first+"00" != major {
		return false
	}
	for part := range strings.SplitSeq(rest, ".") {
		if _, err := strconv.ParseUint(part, 10, 16); err != nil {
			return false
		}
	}
	return true
}

// isFamily reports whether a text is of lower-case letters, digits and "_", and begins with a letter.
func isFamily(text string) bool {
	const letters, others = "abcdefghijklmnopqrstuvwxyz", "0123456789_"
	return text != "" && strings.Trim(text, letters+others) == "" && strings.IndexByte(letters, text[0]) >= 0
}
