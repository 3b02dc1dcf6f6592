package fleet_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/fleet"
	"rds-kernel-upgrade/local/sts"
)

func parsed(t *testing.T, text string) fleet.Spec {
	t.Helper()
	s, err := fleet.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func loaded(t *testing.T, file []byte) *fakerds.Server {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }
	s := fakerds.New(fakerds.Options{Now: now, Keys: sts.NewKeyring(now)})
	if err := s.Load(bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	return s
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func TestTheSameTextIsTheSameFleetByteForByte(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"gen:1000":   "6787c4c202a19e89",
		"gen:1000:1": "6787c4c202a19e89",
		"gen:1000:2": "70856a14d1f34630",
	} {
		if got := fmt.Sprintf("%x", sha256.Sum256(parsed(t, text).File()))[:16]; got != want {
			t.Errorf("%s: the fleet's hash begins with %s, want %s: what was measured with it no longer compares", text, got, want)
		}
	}
}

func TestTextsThatDescribeNoFleetAreRefused(t *testing.T) {
	t.Parallel()
	const size, seed = "want gen:N or gen:N:SEED with N from 1 to 100000", "is not a whole number from 0 on"
	for name, c := range map[string]struct{ text, want string }{
		"no number":                {"gen:", size},
		"a word":                   {"gen:many", size},
		"nobody":                   {"gen:0", size},
		"fewer than nobody":        {"gen:-3", size},
		"more than any region has": {"gen:100001", size},
		"more than a number holds": {"gen:99999999999999999999", size},
		"an empty seed":            {"gen:10:", seed},
		"a seed that is a word":    {"gen:10:x", seed},
		"something after the seed": {"gen:10:1:2", seed},
		"a file's name":            {"fleet.json", size},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := fleet.Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %+v, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestAFleetHasAsManyAsItIsToHave(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 3, 10, 999} {
		for seed := range uint64(20) {
			ids := map[string]bool{}
			for _, i := range loaded(t, fleet.Spec{Size: size, Seed: seed}.File()).Instances() {
				ids[i.DBInstanceID] = true
			}
			if len(ids) != size {
				t.Errorf("seed %d: %d instances, want %d", seed, len(ids), size)
			}
		}
	}
}

// TestALargeFleetHasSomethingOfEverything names what there must be, as field=value.
func TestALargeFleetHasSomethingOfEverything(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	all := loaded(t, parsed(t, "gen:10000").File()).Instances()
	for _, i := range all {
		for field, value := range map[string]string{
			"engine": i.Engine + " " + i.EngineVersion, "edition": i.Category, "disk": i.DBInstanceStorageType, "region": i.RegionID,
			"status": i.DBInstanceStatus, "lock": i.LockMode, "type": i.DBInstanceType, "env": i.Tags["env"], "opted in": i.Tags["kernel-upgrade"],
			"group": i.ResourceGroupID, "window": i.MaintainTime, "replicas": fmt.Sprint(len(i.ReadOnlyDBInstanceIDs)),
			"family": i.CurrentKernelVersion[:max(0, strings.LastIndex(i.CurrentKernelVersion, "_"))],
			"latest": fmt.Sprint(i.CurrentKernelVersion == i.LatestKernelVersion && i.LatestKernelVersion != ""),
		} {
			seen[field+"="+value]++
		}
	}
	for _, want := range []string{
		"engine=MySQL 5.6", "engine=MySQL 5.7", "engine=MySQL 8.0", "engine=PostgreSQL 13.0", "engine=PostgreSQL 17.0", "engine=SQLServer 2019_std_ha",
		"engine=SQLServer 2016_std_ha", "engine=MariaDB 10.3", "edition=Basic", "edition=HighAvailability", "edition=Finance",
		"disk=local_ssd", "disk=cloud_ssd", "disk=cloud_essd", "disk=cloud_essd2", "region=cn-hangzhou", "region=eu-central-1",
		"status=Stopped", "status=Rebooting", "status=DBInstanceClassChanging", "status=Restoring",
		"lock=LockByDiskQuota", "lock=LockByExpiration", "lock=ManualLock", "type=Primary", "type=Readonly", "env=dev", "env=staging", "env=prod",
		"opted in=auto", "opted in=", "group=rg-acfmorders", "window=22:00Z-02:00Z", "replicas=1", "replicas=2", "replicas=3",
		"family=rds", "family=xcluster", "family=xcluster80", "family=rds_postgres_1300", "family=rds_postgres_1700", "latest=true", "latest=false",
	} {
		if seen[want] < 20 {
			t.Errorf("%d of 10000 have %s, want 20 or more", seen[want], want)
		}
	}
	for _, most := range []string{"status=Running", "lock=Unlock", "opted in=auto"} {
		if seen[most] < len(all)*7/10 {
			t.Errorf("%d of 10000 have %s, want most", seen[most], most)
		}
	}
}

func TestAReplicaIsLikeItsPrimary(t *testing.T) {
	t.Parallel()
	primaries := map[string]fakerds.Instance{}
	for _, i := range parsed(t, "gen:5000").Instances() {
		if i.MasterInstanceID == "" {
			primaries[i.DBInstanceID] = i
			continue
		}
		of, before := primaries[i.MasterInstanceID]
		if !before {
			t.Fatalf("%s: its primary %s does not stand before it", i.DBInstanceID, i.MasterInstanceID)
		}
		same := func(i fakerds.Instance) []string {
			return []string{i.RegionID, i.Engine, i.EngineVersion, i.Category, i.LatestKernelVersion, i.ResourceGroupID, fmt.Sprint(i.Tags)}
		}
		if diff := cmp.Diff(same(of), same(i)); diff != "" {
			t.Errorf("%s (-primary +replica): %s", i.DBInstanceID, diff)
		}
	}
}

func TestTheLatestVersionOfAnInstanceMayBeItsTarget(t *testing.T) {
	t.Parallel()
	var file struct {
		Instances []fakerds.Instance
		Versions  []fakerds.MiniVersion
	}
	decode(t, parsed(t, "gen:5000").File(), &file)
	kinds := map[string]int{}
	for _, v := range file.Versions {
		kinds[v.ReleaseType+v.StatusDesc+v.ExpireStatus]++
	}
	for _, kind := range []string{"BETA", "Offline", "expired", ""} {
		if kinds[kind] == 0 {
			t.Errorf("no version is %q", kind)
		}
	}
	for _, i := range file.Instances {
		offered := func(version string) bool {
			return slices.ContainsFunc(file.Versions, func(v fakerds.MiniVersion) bool {
				plain := v.ReleaseType+v.StatusDesc+v.ExpireStatus == ""
				return v.MinorVersion == version && v.EngineVersion == i.EngineVersion && v.NodeType == i.Category && (plain || version != i.LatestKernelVersion)
			})
		}
		if i.Engine != "SQLServer" && i.Engine != "MariaDB" && (!offered(i.LatestKernelVersion) || !offered(i.CurrentKernelVersion)) {
			t.Errorf("%s %s %s: %s or %s is not offered as it should be", i.Engine, i.EngineVersion, i.Category, i.CurrentKernelVersion, i.LatestKernelVersion)
		}
	}
}

func TestAFleetOfOneRegionIsInNoOther(t *testing.T) {
	t.Parallel()
	for _, i := range (fleet.Spec{Size: 200, Seed: 1, Region: "us-east-1"}).Instances() {
		if i.RegionID != "us-east-1" || !strings.HasPrefix(i.ZoneID, "us-east-1-") {
			t.Errorf("%s is in %s", i.DBInstanceID, i.ZoneID)
		}
	}
}
