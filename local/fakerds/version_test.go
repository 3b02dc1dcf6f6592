package fakerds_test

import (
	"strings"
	"testing"

	"rds-kernel-upgrade/local/fakerds"
)

const (
	miniVersions = "DescribeDBMiniEngineVersions"
	minorItems   = "MinorVersionItems"
)

func TestVersionsOf(t *testing.T) {
	c := newCloud(t)
	pg := fakerds.Instance{
		DBInstanceID: "pgm-1", Engine: "PostgreSQL", EngineVersion: "15.0",
		CurrentKernelVersion: "rds_postgres_1500_20240101", LatestKernelVersion: "rds_postgres_1500_20251130",
	}
	c.AddVersion(
		fakerds.MiniVersion{MinorVersion: "rds_20250101", NodeType: "Basic"},
		fakerds.MiniVersion{MinorVersion: "rds_postgres_1500_20251130", Engine: "PostgreSQL", EngineVersion: "15.0", Tag: "pgsql_docker_image", CommunityMinorVersion: "15.15"},
		fakerds.MiniVersion{MinorVersion: "rds_postgres_1500_20251130b", Engine: "PostgreSQL", EngineVersion: "15.0", Tag: "pgsql_babelfish_image"},
		fakerds.MiniVersion{MinorVersion: "rds_20250101", NodeType: "Basic", ReleaseType: "BETA"}, // in place of the first
	)
	c.Add(mysql("rm-1"), pg)
	edition := func(node string) map[string]string {
		return params("Engine", "MySQL", "EngineVersion", "8.0", "NodeType", node, "StorageType", "cloud_essd")
	}
	cases := []struct {
		name   string
		params map[string]string
		want   string
	}{
		{"an instance, whose own two are there by default", params("DBInstanceId", "rm-1"), "rds_20231231 rds_20260228"},
		{"an instance whose latest was there before", params("DBInstanceId", "pgm-1"), "rds_postgres_1500_20251130 rds_postgres_1500_20251130b"},
		{"a tag of it", params("DBInstanceId", "pgm-1", "MinorVersionTag", "pgsql_docker_image"), "rds_postgres_1500_20251130"},
		{"an edition", edition("Basic"), "rds_20250101 rds_20231231 rds_20260228"},
		{"another edition", edition("HighAvailability"), "rds_20231231 rds_20260228"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			tc.params["RegionId"] = "cn-hangzhou"
			got := c.ok(t, miniVersions, tc.params)
			if versions := strings.Join(got.column(minorItems, "MinorVersion"), " "); versions != tc.want {
				t.Errorf("got %q, want %q", versions, tc.want)
			}
			if got.at("TotalCount") != float64(len(got.list(minorItems))) || got.text("DBInstanceId") != tc.params["DBInstanceId"] {
				t.Errorf("frame: %v", got.body)
			}
		})
	}
	t.Run("defaults and given fields", func(t *testing.T) {
		got := c.ok(t, miniVersions, params("RegionId", "cn-hangzhou", "Engine", "MySQL", "EngineVersion", "8.0", "NodeType", "Basic", "StorageType", "local_ssd"))
		for field, want := range map[string]string{
			"ReleaseType": "BETA", "StatusDesc": "Online", "ExpireStatus": "vaild", "NodeType": "Basic", "IsHotfixVersion": "false",
		} {
			if value := got.text(minorItems + ".0." + field); value != want {
				t.Errorf("%s: got %s, want %s", field, value, want)
			}
		}
		if got.text(minorItems+".1.ReleaseType") != "LTS" || got.text(minorItems+".1.NodeType") != "Basic" {
			t.Errorf("second: %v", got.at(minorItems+".1"))
		}
	})
}

func TestVersionsAreRefused(t *testing.T) {
	own := func(change ...string) map[string]string {
		all := params("RegionId", "cn-hangzhou", "Engine", "MySQL", "EngineVersion", "8.0", "NodeType", "Basic", "StorageType", "cloud_essd")
		for i := 0; i < len(change); i += 2 {
			all[change[i]] = change[i+1]
		}
		return all
	}
	cases := []struct {
		name   string
		params map[string]string
		status int
		code   string
	}{
		{"without a region", own("RegionId", ""), 400, "MissingRegionId"},
		{"in a region that there is not", own("RegionId", "mars"), 404, "InvalidRegionId.NotFound"},
		{"without instance and engine", own("Engine", ""), 400, "MissingEngine"},
		{"without instance and engine version", own("EngineVersion", ""), 400, "MissingEngineVersion"},
		{"without instance and node type", own("NodeType", ""), 400, "MissingNodeType"},
		{"without instance and storage type", own("StorageType", ""), 400, "MissingStorageType"},
		{"for an edition that there is not", own("NodeType", "Huge"), 400, "InvalidParameter"},
		{"for a storage that there is not", own("StorageType", "tape"), 400, "InvalidParameter"},
		{"for SQL Server", own("Engine", "SQLServer"), 400, "EngineNotSupported"},
		{"of an unknown instance", own("DBInstanceId", "rm-none"), 404, "InvalidDBInstanceId.NotFound"},
		{"of a dedicated cluster", own("DedicatedHostGroupId", "dhg-1"), 400, "InvalidParameter"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) { newCloud(t).refused(t, miniVersions, tc.params, tc.status, tc.code) })
	}
}

func TestVersionsAreComparedByNumberAndInsideAFamily(t *testing.T) {
	cases := []struct {
		name, engine, engineVersion, current, target, code string
	}{
		{"a higher build is an upgrade although its text sorts lower", "SQLServer", "2019_ent", "15.0.4316.3", "15.0.10000.1", ""},
		{"a lower build is not", "SQLServer", "2019_ent", "15.0.10000.1", "15.0.4316.3", "InvalidMinorVersionLowerThanInstance"},
		{"another major build cannot be compared", "SQLServer", "2019_ent", "14.0.3000.1", "15.0.4316.3", "InvalidMinorVerison.NotFound"},
		{"a build with letters cannot be compared", "SQLServer", "2019_ent", "15.0.4316.3", "15.0.4316.x", "InvalidMinorVerison.NotFound"},
		{"a date with letters cannot be compared", "MySQL", "8.0", "rds_20231231", "rds_20260228b", "InvalidMinorVerison.NotFound"},
		{"another major version cannot be compared", "PostgreSQL", "15.0", "rds_postgres_1400_20220830", "rds_postgres_1500_20251130", "InvalidMinorVerison.NotFound"},
		{"a bare date is a family of its own", "PostgreSQL", "15.0", "20241230", "20251130", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t)
			c.AddVersion(fakerds.MiniVersion{MinorVersion: tc.target, Engine: tc.engine, EngineVersion: tc.engineVersion})
			c.Add(fakerds.Instance{
				DBInstanceID: "rm-1", Engine: tc.engine, EngineVersion: tc.engineVersion,
				CurrentKernelVersion: tc.current, LatestKernelVersion: tc.target,
			})
			for _, own := range []map[string]string{
				params("DBInstanceId", "rm-1", "TargetMinorVersion", tc.target), params("DBInstanceId", "rm-1"),
			} {
				if tc.code != "" {
					c.refused(t, upgrade, own, 400, tc.code)
				} else if len(c.Calls()) == 0 {
					c.ok(t, upgrade, own)
				}
			}
		})
	}
}
