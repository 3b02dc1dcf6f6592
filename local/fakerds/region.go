package fakerds

import (
	"slices"
	"strings"

	"rds-kernel-upgrade/local/acs3"
)

// zone is one row of DescribeRegions.
type zone struct{ region, letter, chinese, english string }

// regions are a few of the service's, two zones each.
func regions() []zone {
	var all []zone
	for _, r := range []zone{
		{region: "cn-hangzhou", chinese: "华东 1（杭州）", english: "China (Hangzhou)"},
		{region: "cn-shanghai", chinese: "华东 2（上海）", english: "China (Shanghai)"},
		{region: "cn-beijing", chinese: "华北 2（北京）", english: "China (Beijing)"},
		{region: "cn-shenzhen", chinese: "华南 1（深圳）", english: "China (Shenzhen)"},
		{region: "cn-hongkong", chinese: "中国（香港）", english: "China (Hong Kong)"},
		{region: "ap-southeast-1", chinese: "新加坡", english: "Singapore"},
		{region: "us-east-1", chinese: "美国（弗吉尼亚）", english: "US (Virginia)"},
		{region: "eu-central-1", chinese: "德国（法兰克福）", english: "Germany (Frankfurt)"},
	} {
		for _, letter := range []string{"a", "b"} {
			r.letter = letter
			all = append(all, r)
		}
	}
	return all
}

// describeRegions is DescribeRegions: a row for each zone, named in the language asked for, Chinese by default.
func (s *Server) describeRegions(q query) (document, *acs3.Refusal) {
	language := q.get("AcceptLanguage")
	if !slices.Contains([]string{"", "zh-CN", "en-US"}, language) {
		return nil, q.refuse("InvalidAcceptLanguage.NotFound")
	}
	english := language == "en-US"
	rows := []document{}
	for _, z := range regions() {
		name, zoneName := z.chinese, z.chinese+" 可用区 "+strings.ToUpper(z.letter)
		if english {
			name, zoneName = z.english, z.english+" Zone "+strings.ToUpper(z.letter)
		}
		rows = append(rows, document{
			{"RegionId", z.region},
			{"ZoneId", z.region + "-" + z.letter},
			{"LocalName", name},
			{"ZoneName", zoneName},
			{"RegionEndpoint", "rds." + z.region + ".aliyuncs.com"},
		})
	}
	return document{{"Regions", document{{"RDSRegion", rows}}}}, nil
}
