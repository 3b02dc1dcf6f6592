package fleet

import (
	"fmt"

	"rds-kernel-upgrade/local/fakerds"
)

// line is what is sold: an engine in a version and an edition, and the kernel versions that there are of it, the oldest first.
type line struct {
	engine, version, edition string
	kernels                  []string
	community                []string // of PostgreSQL, the version that each is built from
	share                    int
}

// What has become of kernel versions, by their place from the newest. A beta is nobody's latest.
const (
	fromBeta    = 0
	fromOffline = 3
	fromExpired = 4
)

// lines has families as they are known from the documentation: rds_ of MySQL's own editions, xcluster_ and xcluster80_ of its enterprise
// edition, one for each major version of PostgreSQL, and SQL Server's builds. MariaDB has none.
func lines() []line {
	my57 := []string{"20220731", "20230630", "20240331", "20240930", "20250228", "20251031", "20260331"}
	my80 := []string{"20220830", "20231231", "20240731", "20250531", "20250930", "20260228", "20260430"}
	xcluster := []string{"20220330", "20230430", "20240630", "20241130", "20250330", "20251130", "20260315"}
	all := []line{
		{engine: "MySQL", version: "5.6", edition: "HighAvailability", kernels: kernels("rds", my57[:4]), share: 3},
		{engine: "MySQL", version: "5.7", edition: "Basic", kernels: kernels("rds", my57), share: 2},
		{engine: "MySQL", version: "5.7", edition: "HighAvailability", kernels: kernels("rds", my57), share: 15},
		{engine: "MySQL", version: "5.7", edition: "Finance", kernels: kernels("xcluster", xcluster), share: 2},
		{engine: "MySQL", version: "8.0", edition: "Basic", kernels: kernels("rds", my80), share: 4},
		{engine: "MySQL", version: "8.0", edition: "HighAvailability", kernels: kernels("rds", my80), share: 30},
		{engine: "MySQL", version: "8.0", edition: "Finance", kernels: kernels("xcluster80", xcluster), share: 4},
		{engine: "SQLServer", version: "2019_std_ha", edition: "HighAvailability", kernels: []string{"15.0.4073.23", "15.0.4198.2", "15.0.4316.3", "15.0.4430.1"}, share: 4},
		{engine: "SQLServer", version: "2016_std_ha", edition: "HighAvailability", share: 2},
		{engine: "MariaDB", version: "10.3", edition: "HighAvailability", share: 4},
	}
	pg := []string{"20230830", "20241230", "20250530", "20250830", "20251130", "20260228", "20260530"}
	for n, major := range []int{13, 14, 15, 16, 17} {
		of := line{engine: "PostgreSQL", version: fmt.Sprintf("%d.0", major), edition: "HighAvailability", share: 6}
		of.kernels = kernels(fmt.Sprintf("rds_postgres_%d00", major), pg)
		for minor := range pg {
			of.community = append(of.community, fmt.Sprintf("%d.%d", major, 16-3*n+minor))
		}
		all = append(all, of)
	}
	return all
}

func kernels(family string, dates []string) (all []string) {
	for _, date := range dates {
		all = append(all, family+"_"+date)
	}
	return all
}

// latest is the place of the newest that is no beta, below 0 without any.
func (l line) latest() int { return len(l.kernels) - 2 }

// versions gives all that the service offers for MySQL and PostgreSQL.
func versions() (all []fakerds.MiniVersion) {
	for _, l := range lines() {
		if l.engine != "MySQL" && l.engine != "PostgreSQL" {
			continue
		}
		for n, kernel := range l.kernels {
			all = append(all, l.offer(n, kernel))
		}
	}
	return all
}

func (l line) offer(n int, kernel string) fakerds.MiniVersion {
	v := fakerds.MiniVersion{MinorVersion: kernel, Engine: l.engine, EngineVersion: l.version, NodeType: l.edition}
	if l.community != nil {
		v.CommunityMinorVersion, v.Tag = l.community[n], "pgsql_docker_image"
	}
	switch place := len(l.kernels) - 1 - n; {
	case place == fromBeta:
		v.ReleaseType = "BETA"
	case place == fromOffline:
		v.StatusDesc = "Offline"
	case place >= fromExpired:
		v.ExpireStatus, v.ExpireDate = "expired", "20251231"
	}
	return v
}
