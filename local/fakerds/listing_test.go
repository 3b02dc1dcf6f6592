package fakerds_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakerds"
)

const (
	listing = "DescribeDBInstances"
	items   = "Items.DBInstance"
)

func TestMissingInstance(t *testing.T) {
	t.Run("is refused by the code of the action's own table, whose status is 400", func(t *testing.T) {
		newCloud(t).refused(t, describe, params("DBInstanceId", "rm-none"), 400, "InvalidDBInstanceName.NotFound")
	})
	t.Run("is an empty list when the option says so", func(t *testing.T) {
		c := newCloud(t, func(o *fakerds.Options) { o.MissingIsEmpty = true })
		if got := c.ok(t, describe, params("DBInstanceId", "rm-none")).list("Items.DBInstanceAttribute"); len(got) != 0 {
			t.Error(got)
		}
	})
	t.Run("is one in another region than the request's", func(t *testing.T) {
		c := newCloud(t)
		c.Add(mysql("rm-1"))
		c.refused(t, describe, params("DBInstanceId", "rm-1", "RegionId", "cn-beijing"), 400, "InvalidDBInstanceName.NotFound")
	})
	t.Run("is one that was removed", func(t *testing.T) {
		c := newCloud(t)
		c.Add(mysql("rm-1"), mysql("rm-2"))
		c.Remove("rm-1")
		c.refused(t, describe, params("DBInstanceId", "rm-1"), 400, "InvalidDBInstanceName.NotFound")
		if got := c.ok(t, listing, params("RegionId", "cn-hangzhou")).column(items, "DBInstanceId"); !cmp.Equal(got, []string{"rm-2"}) {
			t.Error(got)
		}
		if _, ok := c.Instance("rm-1"); ok || c.Update("rm-1", func(*fakerds.Instance) {}) {
			t.Error("still there")
		}
	})
}

// fleetOf adds rm-000 … with nothing special about them.
func fleetOf(c *cloud, n int) {
	for i := range n {
		c.Add(mysql(fmt.Sprintf("rm-%03d", i)))
	}
}

func TestPagesByNumber(t *testing.T) {
	cases := []struct {
		name        string
		params      map[string]string
		first, last string
		count, page int
	}{
		{"30 by default", nil, "rm-000", "rm-029", 30, 1},
		{"of the size asked for", params("PageSize", "100", "PageNumber", "2"), "rm-100", "rm-199", 100, 2},
		{"the last one shorter", params("PageSize", "100", "PageNumber", "3"), "rm-200", "rm-204", 5, 3},
		{"one behind the last empty", params("PageSize", "100", "PageNumber", "4"), "", "", 0, 4},
		{"the first one for the number 0, which the listing may be asked for", params("PageSize", "100", "PageNumber", "0"), "rm-000", "rm-099", 100, 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t)
			fleetOf(c, 205)
			own := params("RegionId", "cn-hangzhou")
			for name, value := range tc.params {
				own[name] = value
			}
			got := c.ok(t, listing, own)
			ids := got.column(items, "DBInstanceId")
			if len(ids) != tc.count || tc.count > 0 && (ids[0] != tc.first || ids[len(ids)-1] != tc.last) {
				t.Errorf("got %v", ids)
			}
			if got.at("PageRecordCount") != float64(tc.count) || got.at("TotalRecordCount") != 205.0 ||
				got.at("PageNumber") != float64(tc.page) || got.at("NextToken") != "" {
				t.Errorf("counters: %v %v %v %v", got.at("PageRecordCount"), got.at("TotalRecordCount"), got.at("PageNumber"), got.at("NextToken"))
			}
		})
	}
}

func TestPagesByToken(t *testing.T) {
	c := newCloud(t)
	fleetOf(c, 205)
	own := params("RegionId", "cn-hangzhou", "MaxResults", "100", "PageSize", "7", "PageNumber", "9") // the last two are ignored
	var ids []string
	var sizes []int
	for range 4 {
		got := c.ok(t, listing, own)
		page := got.column(items, "DBInstanceId")
		ids, sizes = append(ids, page...), append(sizes, len(page))
		if got.text("NextToken") == "" {
			break
		}
		own["NextToken"] = got.text("NextToken")
	}
	slices.Sort(ids)
	if !cmp.Equal(sizes, []int{100, 100, 5}) || len(slices.Compact(ids)) != 205 {
		t.Errorf("pages of %v, %d different instances", sizes, len(slices.Compact(ids)))
	}
	delete(own, "MaxResults")
	own["NextToken"] = c.ok(t, listing, params("RegionId", "cn-hangzhou", "MaxResults", "1")).text("NextToken")
	if got := c.ok(t, listing, own).list(items); len(got) != 30 {
		t.Errorf("a token without MaxResults gives %d", len(got))
	}
}

func TestListingIsRefused(t *testing.T) {
	cases := []struct {
		name   string
		params map[string]string
		status int
		code   string
	}{
		{"without a region", params("RegionId", ""), 400, "MissingRegionId"},
		{"in a region that there is not", params("RegionId", "mars-north-1"), 404, "InvalidRegionId.NotFound"},
		{"with PageSize 0", params("PageSize", "0"), 400, "InvalidParam"},
		{"with PageSize 101", params("PageSize", "101"), 400, "InvalidParam"},
		{"with a page number below 0", params("PageNumber", "-1"), 400, "InvalidParam"},
		{"with a page number above the limit", params("PageNumber", "21474837"), 400, "InvalidParam"},
		{"with a page number that is none", params("PageNumber", "one"), 400, "InvalidParam"},
		{"with MaxResults 0", params("MaxResults", "0"), 400, "InvalidParam"},
		{"with MaxResults 101", params("MaxResults", "101"), 400, "InvalidParam"},
		{"with a token that was not given out", params("NextToken", "abc"), 400, "Invalid.NextToken"},
		{"with InstanceLevel 2", params("InstanceLevel", "2"), 400, "InvalidParam"},
		{"with Tags that are no JSON object", params("Tags", "env=dev"), 400, "InvalidParam"},
		{"with six Tags", params("Tags", `{"a":"","b":"","c":"","d":"","e":"","f":""}`), 400, "InvalidParam"},
		{"with a parameter that is not modelled", params("VpcId", "vpc-1"), 400, "InvalidParam"},
		{"with an engine that there is not", params("Engine", "Oracle"), 400, "InvalidParam"},
		{"with a category that there is not", params("Category", "Finance"), 400, "InvalidParam"},
		{"with a type that there is not", params("DBInstanceType", "Replica"), 400, "InvalidDBInstanceType.ValueNotSupport"},
		{"with a truth that is none, of a parameter that is not modelled", params("QueryAutoRenewal", "yes"), 400, "InvalidParam"},
		{"with an expiry that there is not, of a parameter that is not modelled", params("Expired", "maybe"), 400, "InvalidExpired.Format"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			own := params("RegionId", "cn-hangzhou")
			for name, value := range tc.params {
				own[name] = value
			}
			newCloud(t).refused(t, listing, own, tc.status, tc.code)
		})
	}
}

func TestFilters(t *testing.T) {
	c := newCloud(t)
	other := fakerds.Instance{
		DBInstanceID: "pgm-2", DBInstanceDescription: "the warehouse", Engine: "PostgreSQL", EngineVersion: "14.0",
		DBInstanceStatus: "Rebooting", Category: "Basic", PayType: "Prepaid", ZoneID: "cn-hangzhou-b", ResourceGroupID: "rg-2",
		Tags: map[string]string{"env": "dev", "Team": "db"},
	}
	replica := mysql("rr-3")
	replica.MasterInstanceID = "rm-1"
	abroad := mysql("rm-4")
	abroad.RegionID = "cn-beijing"
	c.Add(mysql("rm-1"), other, replica, abroad)
	cases := []struct {
		name   string
		params map[string]string
		want   string
	}{
		{"none", nil, "rm-1 pgm-2 rr-3"},
		{"another region", params("RegionId", "cn-beijing"), "rm-4"},
		{"Engine", params("Engine", "PostgreSQL"), "pgm-2"},
		{"EngineVersion", params("EngineVersion", "8.0"), "rm-1 rr-3"},
		{"DBInstanceStatus", params("DBInstanceStatus", "Rebooting"), "pgm-2"},
		{"DBInstanceType", params("DBInstanceType", "Readonly"), "rr-3"},
		{"Category", params("Category", "Basic"), "pgm-2"},
		{"PayType", params("PayType", "Postpaid"), "rm-1 rr-3"},
		{"ZoneId", params("ZoneId", "cn-hangzhou-b"), "pgm-2"},
		{"ResourceGroupId", params("ResourceGroupId", "rg-2"), "pgm-2"},
		{"DBInstanceId", params("DBInstanceId", "rm-1"), "rm-1"},
		{"DBInstanceId that there is not", params("DBInstanceId", "rm-9"), ""},
		{"SearchKey in the id", params("SearchKey", "rr-"), "rr-3"},
		{"SearchKey in the description", params("SearchKey", "ware"), "pgm-2"},
		{"Tags", params("Tags", `{"env":"dev"}`), "pgm-2"},
		{"Tags with a key in another case", params("Tags", `{"ENV":"dev","team":"db"}`), "pgm-2"},
		{"Tags with another value", params("Tags", `{"env":"prod"}`), ""},
		{"all at once", params("Engine", "MySQL", "DBInstanceType", "Primary"), "rm-1"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			own := params("RegionId", "cn-hangzhou")
			for name, value := range tc.params {
				own[name] = value
			}
			if got := strings.Join(c.ok(t, listing, own).column(items, "DBInstanceId"), " "); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestListingHasNoKernelVersionAndNoWindow(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"))
	item := c.ok(t, listing, params("RegionId", "cn-hangzhou")).at(items + ".0").(map[string]any)
	for _, name := range []string{"CurrentKernelVersion", "LatestKernelVersion", "MaintainTime"} {
		if _, there := item[name]; there {
			t.Errorf("%s is there", name)
		}
	}
}

func TestListingShowsStatusOfNow(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"))
	c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
	if got := c.ok(t, listing, params("RegionId", "cn-hangzhou")).text(items + ".0.DBInstanceStatus"); got != "EngineVersionUpgrading" {
		t.Error(got)
	}
}

func TestListingShowsTheEndOfAnUpgradeThatNobodyElseHasLookedAt(t *testing.T) {
	for name, filter := range map[string]map[string]string{"all": nil, "by status": params("DBInstanceStatus", "Running")} {
		c := newCloud(t)
		c.Add(mysql("rm-1"))
		c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
		c.clock.Advance(time.Minute)
		own := params("RegionId", "cn-hangzhou")
		maps.Copy(own, filter)
		if got := c.ok(t, listing, own).column(items, "DBInstanceStatus"); !cmp.Equal(got, []string{"Running"}) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestInstanceLevelOneHasNoCategory(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"))
	for level, want := range map[string]string{"0": "HighAvailability", "1": ""} {
		got := c.ok(t, listing, params("RegionId", "cn-hangzhou", "InstanceLevel", level))
		if got.text(items+".0.Category") != want {
			t.Errorf("level %s: %q", level, got.text(items+".0.Category"))
		}
	}
}

func TestRegions(t *testing.T) {
	c := newCloud(t)
	const rows = "Regions.RDSRegion"
	got := c.ok(t, "DescribeRegions", params("AcceptLanguage", "en-US"))
	if ids := got.column(rows, "ZoneId"); !slices.Contains(ids, "cn-hangzhou-a") || !slices.Contains(ids, "cn-hangzhou-b") {
		t.Errorf("zones %v", ids)
	}
	if got.text(rows+".0.LocalName") != "China (Hangzhou)" || got.text(rows+".0.RegionEndpoint") != "rds.cn-hangzhou.aliyuncs.com" {
		t.Errorf("row %v", got.at(rows+".0"))
	}
	for _, own := range []map[string]string{nil, params("AcceptLanguage", "zh-CN")} {
		if name := c.ok(t, "DescribeRegions", own).text(rows + ".0.LocalName"); name != "华东 1（杭州）" {
			t.Errorf("%v: %s", own, name)
		}
	}
	c.refused(t, "DescribeRegions", params("AcceptLanguage", "fr-FR"), 404, "InvalidAcceptLanguage.NotFound")
}
