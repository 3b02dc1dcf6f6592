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
	if x.family == "" || x.family != y.family {
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
	return b.day, b.family != ""
}

// Community returns the community version that a kernel version bears in its name, "" if it bears none.
func Community(version string) string { return parse(version).community }

// build is a kernel version, taken apart.
type build struct {
	family    string // empty: it is none that is understood
	day       time.Time
	community string
}

// parse reads family_day, and for PostgreSQL family_day[_babelfish][_community]. Babelfish is an edition that has versions of its own.
func parse(version string) build {
	named, community := cutLast(version)
	if !strings.Contains(community, ".") {
		named, community = version, ""
	}
	plain, babelfish := strings.CutSuffix(named, "_babelfish")
	family, date := cutLast(plain)
	day, err := time.Parse("20060102", date)
	major, postgres := strings.CutPrefix(family, "rds_postgres_")
	if err != nil || !isFamily(family) || plain != version && !postgres || community != "" && !isCommunity(community, major) {
		return build{}
	}
	if babelfish {
		family += "_babelfish"
	}
	return build{family: family, day: day, community: community}
}

// cutLast cuts a text at its last "_".
func cutLast(text string) (before, after string) {
	at := max(0, strings.LastIndexByte(text, '_'))
	return text[:at], strings.TrimPrefix(text[at:], "_")
}

// isCommunity reports whether a text is a community version of the major that a family names: 14.4 in rds_postgres_1400.
func isCommunity(text, major string) bool {
	first, rest, _ := strings.Cut(text, ".")
	for part := range strings.SplitSeq(rest, ".") {
		if _, err := strconv.ParseUint(part, 10, 16); err != nil {
			return false
		}
	}
	return first+"00" == major
}

// isFamily reports whether a text is of lower-case letters, digits and "_", and begins with a letter.
func isFamily(text string) bool {
	const letters, others = "abcdefghijklmnopqrstuvwxyz", "0123456789_"
	return text != "" && strings.Trim(text, letters+others) == "" && strings.IndexByte(letters, text[0]) >= 0
}
