package fakerds_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
)

func TestTheListingFollowsTheFleet(t *testing.T) {
	t.Parallel()
	abroad := func(i *fakerds.Instance) { i.RegionID = "cn-beijing" }
	home := func(i *fakerds.Instance) { i.RegionID = "cn-hangzhou" }
	for name, c := range map[string]struct {
		change       func(c *cloud)
		here, abroad string
	}{
		"as it was added":                       {func(*cloud) {}, "rm-1 rm-2 rm-3", ""},
		"when one moves to another region":      {func(c *cloud) { c.Update("rm-2", abroad) }, "rm-1 rm-3", "rm-2"},
		"when one comes back to its old place":  {func(c *cloud) { c.Update("rm-2", abroad); c.Update("rm-2", home) }, "rm-1 rm-2 rm-3", ""},
		"when two move in the wrong order":      {func(c *cloud) { c.Update("rm-3", abroad); c.Update("rm-1", abroad) }, "rm-2", "rm-1 rm-3"},
		"when one is changed and does not move": {func(c *cloud) { c.Update("rm-1", home) }, "rm-1 rm-2 rm-3", ""},
		"when one is replaced":                  {func(c *cloud) { c.Add(mysql("rm-1")) }, "rm-1 rm-2 rm-3", ""},
		"when one is replaced by one elsewhere": {func(c *cloud) {
			i := mysql("rm-1")
			abroad(&i)
			c.Add(i)
		}, "rm-2 rm-3", "rm-1"},
		"when some are removed, and one that is not there": {func(c *cloud) { c.Remove("rm-1", "rm-9", "rm-3") }, "rm-2", ""},
		"when one is removed and added again":              {func(c *cloud) { c.Remove("rm-1"); c.Add(mysql("rm-1")) }, "rm-2 rm-3 rm-1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := newCloud(t)
			cloud.Add(mysql("rm-1"), mysql("rm-2"), mysql("rm-3"))
			c.change(cloud)
			for region, want := range map[string]string{"cn-hangzhou": c.here, "cn-beijing": c.abroad} {
				if got := strings.Join(cloud.ok(t, listing, params("RegionId", region)).column(items, "DBInstanceId"), " "); got != want {
					t.Errorf("%s has %q, want %q", region, got, want)
				}
				tagged := cloud.ok(t, "ListTagResources", params("RegionId", region, "ResourceType", "INSTANCE", "Tag.1.Key", "none"))
				if got := tagged.list("TagResources.TagResource"); len(got) != 0 {
					t.Errorf("%s has tags: %v", region, got)
				}
			}
		})
	}
}

func TestTheInstancesOfARegionAreFoundByTag(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	here, abroad := mysql("rm-1"), mysql("rm-2")
	here.Tags = map[string]string{"env": "dev"}
	abroad.Tags, abroad.RegionID = here.Tags, "cn-beijing"
	c.Add(here, abroad)
	got := c.ok(t, "ListTagResources", params("RegionId", "cn-beijing", "ResourceType", "INSTANCE", "Tag.1.Key", "env"))
	if ids := strings.Join(got.column("TagResources.TagResource", "ResourceId"), " "); ids != "rm-2" {
		t.Errorf("got %q, want rm-2", ids)
	}
}

func TestTheTasksOfInstancesStandInTheOrderOfTheFleetEachOnce(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	abroad := mysql("rm-4")
	abroad.RegionID = "cn-beijing"
	c.Add(mysql("rm-1"), mysql("rm-2"), mysql("rm-3"), abroad)
	for _, id := range []string{"rm-3", "rm-1", "rm-4", "rm-2"} {
		c.ok(t, upgrade, params("DBInstanceId", id))
	}
	for asked, want := range map[string]string{"": "rm-1 rm-2 rm-3", "rm-3,rm-9,rm-1,rm-3,rm-4": "rm-1 rm-3"} {
		got := c.ok(t, "DescribeHistoryTasks", params("RegionId", "cn-hangzhou", "InstanceId", asked,
			"FromStartTime", start.Add(-time.Hour).Format(time.RFC3339), "ToStartTime", start.Add(time.Hour).Format(time.RFC3339)))
		if ids := strings.Join(got.column("Items", "InstanceId"), " "); ids != want || got.at("TotalCount") != float64(len(strings.Fields(want))) {
			t.Errorf("%q: got %q, %v in all, want %q", asked, ids, got.at("TotalCount"), want)
		}
	}
}

func TestAnAnswerIsJSONWhateverATextHolds(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	const text = "\" \\ </script> & \u2028 \n \x00 数据库"
	i := mysql("rm-1")
	i.DBInstanceDescription = text
	c.Add(i)
	w := c.send(listing, params("RegionId", "cn-hangzhou"))
	if !json.Valid(w.Body.Bytes()) || strings.Contains(w.Body.String(), "</script>") {
		t.Errorf("got %s", w.Body)
	}
	if got := c.ok(t, listing, params("RegionId", "cn-hangzhou")).text(items + ".0.DBInstanceDescription"); got != text {
		t.Errorf("got %q", got)
	}
}
