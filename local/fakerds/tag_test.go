package fakerds_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakerds"
)

// resources is the head of every tag action's parameters.
func resources(ids []string, more ...string) map[string]string {
	all := params("RegionId", "cn-hangzhou", "ResourceType", "INSTANCE")
	for i, id := range ids {
		all[fmt.Sprintf("ResourceId.%d", i+1)] = id
	}
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func tagsOf(t *testing.T, c *cloud, id string) map[string]string {
	t.Helper()
	i, ok := c.Instance(id)
	if !ok {
		t.Fatalf("no %s", id)
	}
	return i.Tags
}

func TestTagging(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"), mysql("rm-2"))
	steps := []struct {
		name   string
		action string
		params map[string]string
		one    map[string]string
		two    map[string]string
	}{
		{
			"two tags on two instances", "TagResources",
			resources([]string{"rm-1", "rm-2"}, "Tag.1.Key", "env", "Tag.1.Value", "dev", "Tag.2.Key", "auto"),
			params("env", "dev", "auto", ""), params("env", "dev", "auto", ""),
		},
		{
			"the same key in another case overwrites", "TagResources",
			resources([]string{"rm-1"}, "Tag.7.Key", "ENV", "Tag.7.Value", "prod"),
			params("ENV", "prod", "auto", ""), params("env", "dev", "auto", ""),
		},
		{
			"a key is taken away in any case, from those that have it", "UntagResources",
			resources([]string{"rm-1", "rm-2"}, "TagKey.1", "env", "TagKey.2", "nothing"),
			params("auto", ""), params("auto", ""),
		},
		{
			"All counts only without keys", "UntagResources",
			resources([]string{"rm-1"}, "TagKey.1", "nothing", "All", "true"),
			params("auto", ""), params("auto", ""),
		},
		{
			"All takes everything", "UntagResources",
			resources([]string{"rm-1"}, "All", "true"),
			params(), params("auto", ""),
		},
	}
	for _, step := range steps {
		if got := c.ok(t, step.action, step.params); len(got.body) != 1 {
			t.Errorf("%s: answer %v", step.name, got.body)
		}
		if diff := cmp.Diff([]map[string]string{step.one, step.two}, []map[string]string{tagsOf(t, c, "rm-1"), tagsOf(t, c, "rm-2")}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestTaggingIsRefused(t *testing.T) {
	many := func(n int) []string {
		var ids []string
		for range n {
			ids = append(ids, "rm-1")
		}
		return ids
	}
	tags := func(n int) map[string]string {
		all := resources([]string{"rm-1"})
		for i := range n {
			all[fmt.Sprintf("Tag.%d.Key", i+1)] = fmt.Sprintf("k%d", i)
			all[fmt.Sprintf("TagKey.%d", i+1)] = fmt.Sprintf("k%d", i)
		}
		return all
	}
	one := []string{"rm-1"}
	cases := []struct {
		name, action string
		params       map[string]string
		status       int
		code         string
	}{
		{"without a region", "TagResources", resources(one, "RegionId", ""), 400, "MissingRegionId"},
		{"in a region that there is not", "TagResources", resources(one, "RegionId", "mars"), 404, "InvalidRegionId.NotFound"},
		{"without ResourceType", "TagResources", resources(one, "ResourceType", ""), 400, "MissingResourceType"},
		{"with the same member under two names", "TagResources", resources(one, "ResourceId.01", "rm-2", "Tag.1.Key", "k"), 400, "InvalidParam"},
		{"with another ResourceType", "TagResources", resources(one, "ResourceType", "instance"), 400, "InvalidParameter.ResourceType"},
		{"with a ResourceType that is not modelled", "TagResources", resources(one, "ResourceType", "CUSTOM", "Tag.1.Key", "k"), 400, "InvalidParam"},
		{"listing a ResourceType that is not modelled", "ListTagResources", resources(one, "ResourceType", "CUSTOM"), 400, "InvalidParam"},
		{"without an instance", "TagResources", resources(nil, "Tag.1.Key", "k"), 400, "MissingResourceId"},
		{"without an instance to untag", "UntagResources", resources(nil, "TagKey.1", "k"), 400, "MissingResourceId"},
		{"for 51 instances", "TagResources", resources(many(51), "Tag.1.Key", "k"), 400, "NumberExceed.ResourceIds"},
		{"for 51 instances to untag", "UntagResources", resources(many(51), "TagKey.1", "k"), 400, "NumberExceed.ResourceIds"},
		{"for 51 instances to list", "ListTagResources", resources(many(51)), 400, "NumberExceed.ResourceIds"},
		{"with ResourceId.0", "TagResources", resources(one, "ResourceId.0", "rm-1", "Tag.1.Key", "k"), 400, "InvalidParam"},
		{"with ResourceId.x", "ListTagResources", resources(one, "ResourceId.x", "rm-1"), 400, "InvalidParam"},
		{"of an unknown instance among others", "TagResources", resources([]string{"rm-1", "rm-none"}, "Tag.1.Key", "k"), 400, "InvalidDBInstanceId.NotFound"},
		{"of an unknown instance to untag", "UntagResources", resources([]string{"rm-none"}, "TagKey.1", "k"), 400, "InvalidResourceId.NotFound"},
		{"without a tag", "TagResources", resources(one), 400, "MissingParameter"},
		{"with 21 tags", "TagResources", tags(21), 400, "NumberExceed.Tags"},
		{"with 21 keys", "UntagResources", tags(21), 400, "NumberExceed.Tags"},
		{"with a value alone", "TagResources", resources(one, "Tag.1.Value", "v"), 400, "InvalidTagKey.Malformed"},
		{"with an empty key to untag", "UntagResources", resources(one, "TagKey.1", ""), 400, "InvalidTagKey.Malformed"},
		{"with TagKey.x", "UntagResources", resources(one, "TagKey.x", "k"), 400, "InvalidParam"},
		{"with nothing to untag", "UntagResources", resources(one, "All", "false"), 400, "MissingParameter"},
		{"with the same key twice", "TagResources", resources(one, "Tag.1.Key", "k", "Tag.2.Key", "K"), 400, "Duplicate.TagKey"},
		{"with a key of the system", "TagResources", resources(one, "Tag.1.Key", "Aliyun-x"), 400, "InvalidTagKey.Malformed"},
		{"with a key of another service", "TagResources", resources(one, "Tag.1.Key", "acs:x"), 400, "InvalidTagKey.Malformed"},
		{"with a value of the system", "TagResources", resources(one, "Tag.1.Key", "k", "Tag.1.Value", "aliyun"), 400, "InvalidTagValue.Malformed"},
		{"with a key of 65 characters", "TagResources", resources(one, "Tag.1.Key", strings.Repeat("é", 65)), 400, "InvalidTagKey.Malformed"},
		{"with a value of 129 characters", "TagResources", resources(one, "Tag.1.Key", "k", "Tag.1.Value", strings.Repeat("é", 129)), 400, "InvalidTagValue.Malformed"},
		{"with Tag.1.key", "TagResources", resources(one, "Tag.1.key", "k"), 400, "InvalidParam"},
		{"with Tag.Key", "TagResources", resources(one, "Tag.Key", "k"), 400, "InvalidParam"},
		{"with more tags than an instance can have", "TagResources", resources([]string{"rm-1", "rm-full"}, "Tag.1.Key", "one-more"), 400, "OperationDenied.QuotaExceed"},
		{"listing neither instances nor tags", "ListTagResources", resources(nil), 400, "BothEmpty.TagsAndResources"},
		{"listing with a wrong token", "ListTagResources", resources(one, "NextToken", "x"), 400, "InvalidParam"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			full := mysql("rm-full")
			full.Tags = map[string]string{}
			for i := range 20 {
				full.Tags[fmt.Sprintf("t%d", i)] = ""
			}
			c.Add(mysql("rm-1"), full)
			c.refused(t, tc.action, tc.params, tc.status, tc.code)
			if got := tagsOf(t, c, "rm-1"); len(got) != 0 {
				t.Errorf("tagged all the same: %v", got)
			}
		})
	}
}

func TestLongestTagsAndFiftyInstancesPass(t *testing.T) {
	c := newCloud(t)
	fleetOf(c, 50)
	var ids []string
	for _, i := range c.Instances() {
		ids = append(ids, i.DBInstanceID)
	}
	key, value := strings.Repeat("é", 64), strings.Repeat("é", 128)
	c.ok(t, "TagResources", resources(ids, "Tag.1.Key", key, "Tag.1.Value", value))
	for _, id := range ids {
		if tagsOf(t, c, id)[key] != value {
			t.Errorf("%s: %v", id, tagsOf(t, c, id))
		}
	}
}

func TestListingTags(t *testing.T) {
	c := newCloud(t)
	add := func(id string, tags map[string]string) {
		i := mysql(id)
		i.Tags = tags
		c.Add(i)
	}
	add("rm-1", params("env", "dev", "auto", "yes"))
	add("rm-2", params("env", "prod"))
	add("rm-3", nil)
	cases := []struct {
		name   string
		params map[string]string
		want   []string
	}{
		{"of instances, those that do not exist left out", resources([]string{"rm-1", "rm-2", "rm-3", "rm-none"}), []string{"rm-1 auto=yes", "rm-1 env=dev", "rm-2 env=prod"}},
		{"of instances with a tag", resources(nil, "Tag.1.Key", "env"), []string{"rm-1 auto=yes", "rm-1 env=dev", "rm-2 env=prod"}},
		{"of instances with a tag and its value", resources(nil, "Tag.1.Key", "env", "Tag.1.Value", "prod"), []string{"rm-2 env=prod"}},
		{"of instances with both tags", resources(nil, "Tag.1.Key", "ENV", "Tag.2.Key", "auto"), []string{"rm-1 auto=yes", "rm-1 env=dev"}},
		{"of instances with a value, whatever its key", resources(nil, "Tag.1.Value", "prod"), []string{"rm-2 env=prod"}},
		{"of instances with a value and another tag", resources(nil, "Tag.1.Value", "prod", "Tag.2.Key", "auto"), nil},
		{"of those among the given that have a tag", resources([]string{"rm-2"}, "Tag.1.Key", "auto"), nil},
		{"in another region", resources([]string{"rm-1"}, "RegionId", "cn-beijing"), nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := listed(c.ok(t, "ListTagResources", tc.params)); !cmp.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func listed(a answer) []string {
	var all []string
	const rows = "TagResources.TagResource"
	for i := range a.list(rows) {
		row := fmt.Sprintf("%s.%d.", rows, i)
		all = append(all, a.text(row+"ResourceId")+" "+a.text(row+"TagKey")+"="+a.text(row+"TagValue"))
	}
	return all
}

func TestListingTagsGoesOnWithAToken(t *testing.T) {
	c := newCloud(t)
	var ids []string
	for i := range 50 {
		instance := mysql(fmt.Sprintf("rm-%d", i))
		instance.Tags = params("a", "1", "b", "2", "c", "3")
		c.Add(instance)
		ids = append(ids, instance.DBInstanceID)
	}
	own, seen, pages := resources(ids), map[string]bool{}, 0
	for pages < 10 {
		got := c.ok(t, "ListTagResources", own)
		pages++
		for _, row := range listed(got) {
			seen[row] = true
		}
		if got.text("NextToken") == "" {
			break
		}
		own["NextToken"] = got.text("NextToken")
	}
	if pages != 3 || len(seen) != 150 {
		t.Errorf("%d pages, %d rows", pages, len(seen))
	}
}

func TestInstancesOfTheControlSurfaceAreCopies(t *testing.T) {
	c := newCloud(t)
	tags := params("env", "dev")
	c.Add(fakerds.Instance{DBInstanceID: "rm-1", Tags: tags, ReadOnlyDBInstanceIDs: []string{"rr-1"}})
	tags["env"] = "changed"
	got, _ := c.Instance("rm-1")
	got.Tags["env"], got.ReadOnlyDBInstanceIDs[0] = "changed", "changed"
	c.Instances()[0].Tags["env"] = "changed"
	again, _ := c.Instance("rm-1")
	if again.Tags["env"] != "dev" || again.ReadOnlyDBInstanceIDs[0] != "rr-1" {
		t.Errorf("changed through a copy: %+v", again)
	}
}
