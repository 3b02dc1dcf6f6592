package fakerds

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// postgres begins the versions of PostgreSQL.
const postgres = "rds_postgres_"

// suffixed is a PostgreSQL version that ends in the community version it is built from.
var suffixed = regexp.MustCompile(`^(` + postgres + `\d+_\d{8}(?:_babelfish)?)_\d+\.\d+$`)

// bare returns a version without the community version that PostgreSQL's may end in: rds_postgres_1400_20220830_14.4 and
// rds_postgres_1400_20220830 name one build. Other versions are what they are.
func bare(version string) string {
	if !strings.HasPrefix(version, postgres) {
		return version
	}
	if parts := suffixed.FindStringSubmatch(version); parts != nil {
		return parts[1]
	}
	return version
}

// sameBuild reports whether two versions name one build.
func sameBuild(a, b string) bool { return a == b || bare(a) == bare(b) }

// compareVersions orders two versions of one family: rds_20231231 and rds_20260228, or 15.0.4073.23 and 15.0.4316.3.
func compareVersions(a, b string) (order int, comparable bool) {
	aFamily, aPlace := place(bare(a))
	bFamily, bPlace := place(bare(b))
	if aPlace == nil || bPlace == nil || aFamily != bFamily {
		return 0, false
	}
	return slices.Compare(aPlace, bPlace), true
}

// place returns a version's family and its place there, or no place when the version has another form. Babelfish's is a family of
// its own: rds_postgres_1400_20220630_babelfish is the build 20220630 of rds_postgres_1400_babelfish.
func place(version string) (family string, at []int) {
	if strings.Count(version, ".") == 3 {
		parts := numbers(strings.Split(version, "."))
		if parts == nil {
			return "", nil
		}
		return strconv.Itoa(parts[0]), parts
	}
	edition := ""
	if strings.HasPrefix(version, postgres) && strings.HasSuffix(version, "_babelfish") {
		edition = "_babelfish"
	}
	version = strings.TrimSuffix(version, edition)
	i := strings.LastIndex(version, "_")
	return version[:max(i, 0)] + edition, numbers([]string{version[i+1:]})
}

func numbers(parts []string) []int {
	var all []int
	for _, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		all = append(all, n)
	}
	return all
}
