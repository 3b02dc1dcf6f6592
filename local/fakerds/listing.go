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
	if refusal := s.region(q); refusal != nil {
		return nil, refusal
	}
	level, refusal := q.number("InstanceLevel", 0, 1, 0)
	if refusal != nil {
		return nil, refusal
	}
	page, refusal := instancePage(q)
	if refusal != nil {
		return nil, refusal
	}
	found, refusal := s.matching(q)
	if refusal != nil {
		return nil, refusal
	}
	items := []document{}
	for _, i := range found[page.from(len(found)):page.to(len(found))] {
		items = append(items, i.summary(level == 0))
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
		size, refusal := q.number("MaxResults", 1, 100, 30)
		if refusal != nil {
			return page{}, refusal
		}
		return tokenPage(q, size)
	}
	size, refusal := q.number("PageSize", 1, 100, 30)
	if refusal != nil {
		return page{}, refusal
	}
	return numberedPage(q, size)
}

func numberedPage(q query, size int) (page, *acs3.Refusal) {
	number, refusal := q.number("PageNumber", 1, 1<<30, 1)
	return page{start: (number - 1) * size, size: size}, refusal
}

// tokenPage starts where the token says; without one, at the beginning.
func tokenPage(q query, size int) (page, *acs3.Refusal) {
	token := q.get("NextToken")
	if token == "" {
		return page{size: size, byToken: true}, nil
	}
	text, err := base64.URLEncoding.DecodeString(token)
	start, ok := strings.CutPrefix(string(text), "next:")
	n, err2 := strconv.Atoi(start)
	if err != nil || err2 != nil || !ok || n < 0 {
		return page{}, invalid("NextToken")
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
func (s *Server) matching(q query) ([]Instance, *acs3.Refusal) {
	tags, refusal := tagFilter(q.get("Tags"))
	if refusal != nil {
		return nil, refusal
	}
	var found []Instance
	for _, id := range s.order {
		r := s.fleet[id]
		r.settle(q.now)
		if r.fits(q) && r.hasTags(tags) {
			found = append(found, r.Instance)
		}
	}
	return found, nil
}

func (i Instance) fits(q query) bool {
	for _, filter := range []struct{ parameter, value string }{
		{"RegionId", i.RegionID},
		{"DBInstanceId", i.DBInstanceID},
		{"Engine", i.Engine},
		{"EngineVersion", i.EngineVersion},
		{"DBInstanceStatus", i.DBInstanceStatus},
		{"DBInstanceType", i.DBInstanceType},
		{"Category", i.Category},
		{"PayType", i.PayType},
		{"ZoneId", i.ZoneID},
		{"ResourceGroupId", i.ResourceGroupID},
	} {
		if want := q.get(filter.parameter); want != "" && want != filter.value {
			return false
		}
	}
	key := q.get("SearchKey")
	return strings.Contains(i.DBInstanceID, key) || strings.Contains(i.DBInstanceDescription, key)
}

// tagFilter reads Tags, a JSON object of at most five pairs.
func tagFilter(text string) (map[string]string, *acs3.Refusal) {
	if text == "" {
		return nil, nil
	}
	var tags map[string]string
	if err := json.Unmarshal([]byte(text), &tags); err != nil {
		return nil, refuse("Tag.InvalidTagsParamter")
	}
	if len(tags) > 5 {
		return nil, refuse("Tag.Allow5TagInfos")
	}
	return tags, nil
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
