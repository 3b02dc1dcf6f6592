package fakerds_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
)

const (
	miniVersions = "DescribeDBMiniEngineVersions"
	minorItems   = "MinorVersionItems"
)

// postgres is an instance of PostgreSQL 15 on general_essd that runs the second of three builds.
func postgres(id string) fakerds.Instance {
	return fakerds.Instance{
		DBInstanceID: id, Engine: "PostgreSQL", EngineVersion: "15.0", DBInstanceStorageType: "general_essd",
		CurrentKernelVersion: "rds_postgres_1500_20240830", LatestKernelVersion: "rds_postgres_1500_20251130",
	}
}

// postgresVersion is an offer for PostgreSQL 15.
func postgresVersion(version string, change ...func(*fakerds.MiniVersion)) fakerds.MiniVersion {
	v := fakerds.MiniVersion{MinorVersion: version, Engine: "PostgreSQL", EngineVersion: "15.0", Tag: "pgsql_docker_image"}
	for _, f := range change {
		f(&v)
	}
	return v
}

func TestVersionsOf(t *testing.T) {
	c := newCloud(t)
	c.AddVersion(
		fakerds.MiniVersion{MinorVersion: "rds_20250101", NodeType: "Basic"},
		postgresVersion("rds_postgres_1500_20230830"), postgresVersion("rds_postgres_1500_20240830"), postgresVersion("rds_postgres_1500_20251130"),
		postgresVersion("rds_postgres_1500_20260228", func(v *fakerds.MiniVersion) { v.Tag, v.ReleaseType = "pgsql_test_image", "BETA" }),
		postgresVersion("rds_postgres_1500_20251130_babelfish", func(v *fakerds.MiniVersion) { v.Tag = "pgsql_babelfish_image" }),
		postgresVersion("rds_postgres_1500_20260530", func(v *fakerds.MiniVersion) { v.StorageType = "local_ssd" }),
		fakerds.MiniVersion{MinorVersion: "rds_20250101", NodeType: "Basic", ReleaseType: "BETA"}, // in place of the first
	)
	babelfish := postgres("pgm-babelfish")
	babelfish.CurrentKernelVersion, babelfish.LatestKernelVersion = "rds_postgres_1500_20240830_babelfish_15.8", "rds_postgres_1500_20251130_babelfish"
	local := postgres("pgm-local")
	local.DBInstanceStorageType = "local_ssd"
	serverless := mysql("rm-serverless")
	serverless.Category = "serverless_basic"
	c.Add(mysql("rm-1"), postgres("pgm-1"), babelfish, local, serverless)
	edition := func(node string) map[string]string {
		return params("Engine", "MySQL", "EngineVersion", "8.0", "NodeType", node, "StorageType", "cloud_essd")
	}
	disk := func(storage string) map[string]string {
		return params("Engine", "PostgreSQL", "EngineVersion", "15.0", "NodeType", "HighAvailability", "StorageType", storage)
	}
	const whole = "rds_postgres_1500_20230830 rds_postgres_1500_20240830 rds_postgres_1500_20251130 rds_postgres_1500_20260228 rds_postgres_1500_20251130_babelfish"
	cases := []struct {
		name   string
		params map[string]string
		want   string
	}{
		{"an instance, whose own two are there by default", params("DBInstanceId", "rm-1"), "rds_20231231 rds_20260228"},
		{"an instance of MySQL whose category is no node type", params("DBInstanceId", "rm-serverless"), "rds_20231231 rds_20260228"},
		{"an instance of PostgreSQL, only those above its own", params("DBInstanceId", "pgm-1"), "rds_postgres_1500_20251130 rds_postgres_1500_20260228"},
		{"a tag of it", params("DBInstanceId", "pgm-1", "MinorVersionTag", "pgsql_docker_image"), "rds_postgres_1500_20251130"},
		{"an instance of another family", params("DBInstanceId", "pgm-babelfish"), "rds_postgres_1500_20251130_babelfish"},
		{"an instance on a storage that has a version of its own", params("DBInstanceId", "pgm-local"), "rds_postgres_1500_20251130 rds_postgres_1500_20260228 rds_postgres_1500_20260530"},
		{"a kind of PostgreSQL, all of them", disk("general_essd"), whole},
		{"a kind on another storage", disk("local_ssd"), whole + " rds_postgres_1500_20260530"},
		{"a kind whose instances brought no version", params("Engine", "PostgreSQL", "EngineVersion", "16.0", "NodeType", "cluster", "StorageType", "cloud_essd2"), ""},
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

func TestVersionsOfAKindAreThoseThatItsInstancesBring(t *testing.T) {
	c := newCloud(t)
	if err := c.Load(strings.NewReader(`{"instances":[{"DBInstanceId":"pgm-1","Engine":"PostgreSQL","EngineVersion":"15.0","Category":"HighAvailability",
		"CurrentKernelVersion":"rds_postgres_1500_20240830_15.8","LatestKernelVersion":"rds_postgres_1500_20251130"}]}`)); err != nil {
		t.Fatal(err)
	}
	got := c.ok(t, miniVersions, params("RegionId", "cn-hangzhou", "Engine", "PostgreSQL", "EngineVersion", "15.0", "NodeType", "HighAvailability", "StorageType", "cloud_essd"))
	if versions := strings.Join(got.column(minorItems, "MinorVersion"), " "); versions != "rds_postgres_1500_20240830_15.8 rds_postgres_1500_20251130" {
		t.Errorf("got %q", versions)
	}
}

func TestVersionsHaveTheCommunityVersionOfTheFleetFileForEachEngine(t *testing.T) {
	c := newCloud(t)
	c.AddVersion(fakerds.MiniVersion{MinorVersion: "rds_20260228", CommunityMinorVersion: "8.0.44"})
	c.Add(mysql("rm-1"))
	if got := c.ok(t, miniVersions, params("RegionId", "cn-hangzhou", "DBInstanceId", "rm-1")).column(minorItems, "CommunityMinorVersion"); got[0] != "8.0.44" {
		t.Errorf("got %q", got)
	}
}

func TestTotalCountTellsOfVersionsThatAreNotGiven(t *testing.T) {
	for name, test := range map[string]struct{ most, items, perPage int }{
		"all of them without a limit": {0, 12, 12},
		"all of them below the limit": {20, 12, 20},
		"all of them at the limit":    {12, 12, 12},
		"the first of them beyond it": {5, 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, func(o *fakerds.Options) { o.MaxVersions = test.most })
			for n := range 12 {
				c.AddVersion(fakerds.MiniVersion{MinorVersion: fmt.Sprintf("rds_202501%02d", n+1)})
			}
			got := c.ok(t, miniVersions, params("RegionId", "cn-hangzhou", "Engine", "MySQL", "EngineVersion", "8.0", "NodeType", "Basic", "StorageType", "cloud_essd"))
			if len(got.list(minorItems)) != test.items || got.at("TotalCount") != 12.0 || got.at("MaxRecordsPerPage") != float64(test.perPage) || got.at("PageNumbers") != 1.0 {
				t.Errorf("%d items, frame %v", len(got.list(minorItems)), got.body)
			}
		})
	}
}

func TestAPostgreSQLInstanceWithoutAVersionHasNoList(t *testing.T) {
	c := newCloud(t)
	instance := postgres("pgm-1")
	instance.CurrentKernelVersion = ""
	c.Add(instance)
	c.refused(t, miniVersions, params("RegionId", "cn-hangzhou", "DBInstanceId", "pgm-1"), 400, "MinorVersionAttr.NotFound")
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
		{"without instance and engine", own("Engine", ""), 400, "MissingParameter.Engine"},
		{"without instance and engine version", own("EngineVersion", ""), 400, "MissingParameter.EngineVersion"},
		{"without instance and node type", own("NodeType", ""), 400, "InvalidInstanceNodeType.NotFound"},
		{"without instance and storage type", own("StorageType", ""), 404, "InvalidInstanceStorageType.NotFound"},
		{"for an edition that there is not", own("NodeType", "Huge"), 400, "InvalidInstanceNodeType.NotFound"},
		{"for a category that is no node type", own("NodeType", "serverless_basic"), 400, "InvalidInstanceNodeType.NotFound"},
		{"for a storage that there is not", own("StorageType", "tape"), 404, "InvalidInstanceStorageType.NotFound"},
		{"for SQL Server", own("Engine", "SQLServer"), 400, "EngineNotSupported"},
		{"for an engine version that there is not", own("EngineVersion", "8"), 400, "InvalidVersion"},
		{"for a tag that no version has", own("MinorVersionTag", "pgsql_docker_image"), 400, "MinorVersionTag.NotFound"},
		{"of an unknown instance", own("DBInstanceId", "rm-none"), 400, "InvalidDBInstanceName.NotFound"},
		{"of a dedicated cluster", own("DedicatedHostGroupId", "dhg-1"), 400, "InvalidParam"},
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
		{"babelfish is a family of its own", "PostgreSQL", "14.0", "rds_postgres_1400_20220630", "rds_postgres_1400_20220830_babelfish_14.4", "InvalidMinorVerison.NotFound"},
		{"babelfish is compared inside it", "PostgreSQL", "14.0", "rds_postgres_1400_20220630_babelfish", "rds_postgres_1400_20220830_babelfish_14.4", ""},
		{"a lower build of it is lower", "PostgreSQL", "14.0", "rds_postgres_1400_20220830_babelfish_14.4", "rds_postgres_1400_20220630_babelfish", "InvalidMinorVersionLowerThanInstance"},
		{"a community version behind it does not count", "PostgreSQL", "14.0", "rds_postgres_1400_20220630_14.9", "rds_postgres_1400_20220830_14.4", ""},
		{"both forms name one build", "PostgreSQL", "14.0", "rds_postgres_1400_20220830", "rds_postgres_1400_20220830_14.4", "InvalidMinorVersionAlreadyLatest"},
		{"both forms name one build of babelfish", "PostgreSQL", "14.0", "rds_postgres_1400_20220830_babelfish_14.4", "rds_postgres_1400_20220830_babelfish", "InvalidMinorVersionAlreadyLatest"},
		{"MySQL has no such form", "MySQL", "8.0", "rds_20231231", "rds_20260228_8.4", "InvalidMinorVerison.NotFound"},
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

func TestAVersionIsAskedForInEitherFormAndShownAsItIsOffered(t *testing.T) {
	for name, test := range map[string]struct{ offered, latest, asked string }{
		"the longer is offered, and asked for":             {"rds_postgres_1500_20251130_15.15", "rds_postgres_1500_20251130", "rds_postgres_1500_20251130_15.15"},
		"the longer is offered, the bare is asked for":     {"rds_postgres_1500_20251130_15.15", "rds_postgres_1500_20251130", "rds_postgres_1500_20251130"},
		"the longer is offered, the latest is asked for":   {"rds_postgres_1500_20251130_15.15", "rds_postgres_1500_20251130", ""},
		"the bare is offered, the longer is asked for":     {"rds_postgres_1500_20251130", "rds_postgres_1500_20251130_15.15", "rds_postgres_1500_20251130_15.15"},
		"the longer of babelfish, the bare is asked for":   {"rds_postgres_1500_20251130_babelfish_15.15", "rds_postgres_1500_20251130_babelfish", "rds_postgres_1500_20251130_babelfish"},
		"the bare one of babelfish, the longer, as latest": {"rds_postgres_1500_20251130_babelfish", "rds_postgres_1500_20251130_babelfish_15.15", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			instance := postgres("rm-1")
			instance.LatestKernelVersion = test.latest
			if strings.Contains(test.offered, "babelfish") {
				instance.CurrentKernelVersion = "rds_postgres_1500_20240830_babelfish_15.8"
			}
			c.AddVersion(postgresVersion(test.offered))
			c.Add(instance)
			got := c.ok(t, upgrade, params("DBInstanceId", "rm-1", "TargetMinorVersion", test.asked))
			if got.text("TargetMinorVersion") != test.offered {
				t.Errorf("answer %v", got.body)
			}
			c.clock.Advance(time.Minute)
			wantState(t, c, "Running", test.offered)
			for _, again := range []string{test.offered, test.latest} {
				c.refused(t, upgrade, params("DBInstanceId", "rm-1", "TargetMinorVersion", again), 400, "InvalidMinorVersionAlreadyLatest")
			}
		})
	}
}

func TestAnOfferReplacesTheSameBuildInItsOtherForm(t *testing.T) {
	c := newCloud(t)
	c.AddVersion(postgresVersion("rds_postgres_1500_20251130"), postgresVersion("rds_postgres_1500_20251130_15.15"))
	c.Add(postgres("pgm-1"))
	got := c.ok(t, miniVersions, params("RegionId", "cn-hangzhou", "DBInstanceId", "pgm-1")).column(minorItems, "MinorVersion")
	if strings.Join(got, " ") != "rds_postgres_1500_20251130_15.15" {
		t.Errorf("got %q", got)
	}
}
