package fakerds

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"rds-kernel-upgrade/local/acs3"
)

// describeInstances is DescribeDBInstances: a page of the instances that fit all filters. The listing has no
// kernel version and no maintenance window; those are the attributes'.
func (s *Server) describeInstances(q query) (document, *acs3.Refusal) {
	page, refusal := instancePage(q)
	if refusal != nil {
		return nil, refusal
	}
	found, refusal := s.matching(q)
	if refusal != nil {
		return nil, refusal
	}
	items := []document{}
	for _, r := range found[page.from(len(found)):page.to(len(found))] {
		s.settle(r, q.now)
		items = append(items, r.summary(q.number("InstanceLevel", 0) == 0))
	}
	return document{
		{"PageNumber", page.number()},
		{"PageRecordCount", len(items)},
		{"TotalRecordCount", len(found)},
		{"NextToken", page.next(len(found))},
		{"Items", document{{"DBInstance", items}}},
	}, nil
}

// page is a part of a list, by its number or by a token.
type page struct {
	start, size int
	byToken     bool
}

// instancePage reads PageNumber and PageSize, or MaxResults and NextToken, which win when they are there.
func instancePage(q query) (page, *acs3.Refusal) {
	if q.get("MaxResults") != "" || q.get("NextToken") != "" {
		return tokenPage(q, q.number("MaxResults", 30), q.refuse("Invalid.NextToken"))
	}
	return numberedPage(q, q.number("PageSize", 30)), nil
}

// numberedPage takes page 0, which the listing may be asked for, for the first.
func numberedPage(q query, size int) page {
	number := min(max(q.number("PageNumber", 1), 1), 1<<30)
	return page{start: (number - 1) * size, size: size}
}

// tokenPage starts where the token says; without one, at the beginning. A token that was not given out is refused as the caller says.
func tokenPage(q query, size int, wrong *acs3.Refusal) (page, *acs3.Refusal) {
	token := q.get("NextToken")
	if token == "" {
		return page{size: size, byToken: true}, nil
	}
	text, err := base64.URLEncoding.DecodeString(token)
	start, ok := strings.CutPrefix(string(text), "next:")
	n, err2 := strconv.Atoi(start)
	if err != nil || err2 != nil || !ok || n < 0 {
		return page{}, wrong
	}
	return page{start: n, size: size, byToken: true}, nil
}

func (p page) from(total int) int { return min(p.start, total) }

func (p page) to(total int) int { return min(p.start+p.size, total) }

func (p page) number() int { return p.start/p.size + 1 }

func (p page) next(total int) string {
	if !p.byToken || p.to(total) == total {
		return ""
	}
	return base64.URLEncoding.EncodeToString([]byte("next:" + strconv.Itoa(p.to(total))))
}

// matching gives the instances of the region that fit the request's filters.
func (s *Server) matching(q query) ([]*record, *acs3.Refusal) {
	tags, ok := tagFilter(q.get("Tags"))
	if !ok {
		return nil, q.invalid("Tags")
	}
	region, filters := s.fleet.byRegion[q.get("RegionId")], q.filters()
	if len(tags) == 0 && len(filters) == 0 {
		return region, nil
	}
	var found []*record
	for _, r := range region {
		s.settle(r, q.now)
		unfit := func(f filter) bool { return !f.fits(&r.Instance) }
		if !slices.ContainsFunc(filters, unfit) && r.hasTags(tags) {
			found = append(found, r)
		}
	}
	return found, nil
}

// filter is a parameter of a listing that leaves instances out.
type filter struct {
	parameter string
	value     func(*Instance) string
	want      string
}

func (f filter) fits(i *Instance) bool {
	if f.value == nil { // SearchKey
		return strings.Contains(i.DBInstanceID, f.want) || strings.Contains(i.DBInstanceDescription, f.want)
	}
	return f.value(i) == f.want
}

// filters gives those that the request has, besides the region and the tags.
func (q query) filters() []filter {
	given := []filter{
		{parameter: "DBInstanceId", value: func(i *Instance) string { return i.DBInstanceID }},
		{parameter: "Engine", value: func(i *Instance) string { return i.Engine }},
		{parameter: "EngineVersion", value: func(i *Instance) string { return i.EngineVersion }},
		{parameter: "DBInstanceStatus", value: func(i *Instance) string { return i.DBInstanceStatus }},
		{parameter: "DBInstanceType", value: func(i *Instance) string { return i.DBInstanceType }},
		{parameter: "Category", value: func(i *Instance) string { return i.Category }},
		{parameter: "PayType", value: func(i *Instance) string { return i.PayType }},
		{parameter: "ZoneId", value: func(i *Instance) string { return i.ZoneID }},
		{parameter: "ResourceGroupId", value: func(i *Instance) string { return i.ResourceGroupID }},
		{parameter: "SearchKey"},
	}
	for n := range given {
		given[n].want = q.get(given[n].parameter)
	}
	return slices.DeleteFunc(given, func(f filter) bool { return f.want == "" })
}

// tagFilter reads Tags, a JSON object of at most five pairs.
func tagFilter(text string) (tags map[string]string, ok bool) {
	if text == "" {
		return nil, true
	}
	err := json.Unmarshal([]byte(text), &tags)
	return tags, err == nil && len(tags) <= 5
}

func (i Instance) hasTags(want map[string]string) bool {
	for key, value := range want {
		have, ok := i.tag(key)
		if !ok || i.Tags[have] != value {
			return false
		}
	}
	return true
}

func (i Instance) summary(withCategory bool) document {
	d := document{
		{"DBInstanceId", i.DBInstanceID},
		{"DBInstanceDescription", i.DBInstanceDescription},
		{"Engine", i.Engine},
		{"EngineVersion", i.EngineVersion},
		{"DBInstanceStatus", i.DBInstanceStatus},
		{"DBInstanceType", i.DBInstanceType},
		{"Category", i.Category},
		{"DBInstanceStorageType", i.DBInstanceStorageType},
		{"LockMode", i.LockMode},
		{"LockReason", i.LockReason},
		{"PayType", i.PayType},
		{"CreateTime", i.CreationTime},
		{"RegionId", i.RegionID},
		{"ZoneId", i.ZoneID},
		{"ResourceGroupId", i.ResourceGroupID},
		{"MasterInstanceId", i.MasterInstanceID},
		{"ReadOnlyDBInstanceIds", i.replicas()},
	}
	if withCategory {
		return d
	}
	return slices.DeleteFunc(d, func(e element) bool { return e.name == "Category" })
}
