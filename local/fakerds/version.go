package fakerds

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"rds-kernel-upgrade/local/acs3"
)

// MiniVersion is one minor engine version that the service offers, under the names of DescribeDBMiniEngineVersions.
// Without a NodeType it is offered for every edition.
type MiniVersion struct {
	MinorVersion          string `json:"MinorVersion"`
	Engine                string `json:"Engine,omitempty"`        // MySQL by default
	EngineVersion         string `json:"EngineVersion,omitempty"` // 8.0 by default
	NodeType              string `json:"NodeType,omitempty"`
	StatusDesc            string `json:"StatusDesc,omitempty"`   // Online by default
	ExpireStatus          string `json:"ExpireStatus,omitempty"` // vaild by default: the service spells it so
	ExpireDate            string `json:"ExpireDate,omitempty"`   // yyyyMMdd
	ReleaseType           string `json:"ReleaseType,omitempty"`  // LTS by default
	IsHotfixVersion       bool   `json:"IsHotfixVersion,omitempty"`
	ReleaseNote           string `json:"ReleaseNote,omitempty"`
	CommunityMinorVersion string `json:"CommunityMinorVersion,omitempty"`
	Tag                   string `json:"Tag,omitempty"`
}

func (v MiniVersion) withDefaults() MiniVersion {
	setDefault(&v.Engine, "MySQL")
	setDefault(&v.EngineVersion, "8.0")
	setDefault(&v.StatusDesc, "Online")
	setDefault(&v.ExpireStatus, "vaild")
	setDefault(&v.ExpireDate, "20991231")
	setDefault(&v.ReleaseType, "LTS")
	setDefault(&v.ReleaseNote, "https://example.com")
	return v
}

func (v MiniVersion) isFor(i Instance) bool {
	return v.Engine == i.Engine && v.EngineVersion == i.EngineVersion && (v.NodeType == "" || v.NodeType == i.Category)
}

// AddVersion adds minor engine versions to those that the service offers, in place of the same ones.
func (s *Server) AddVersion(versions ...MiniVersion) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range versions {
		s.addVersion(v.withDefaults())
	}
}

func (s *Server) addVersion(v MiniVersion) {
	same := func(have MiniVersion) bool {
		return have.MinorVersion == v.MinorVersion && have.Engine == v.Engine &&
			have.EngineVersion == v.EngineVersion && have.NodeType == v.NodeType
	}
	if i := slices.IndexFunc(s.versions, same); i >= 0 {
		s.versions[i] = v
		return
	}
	s.versions = append(s.versions, v)
}

// bringVersions offers an instance's current and latest version, unless the latest is offered already.
func (s *Server) bringVersions(i Instance) {
	if i.LatestKernelVersion == "" || s.known(i, i.LatestKernelVersion) != nil {
		return
	}
	for _, version := range []string{i.CurrentKernelVersion, i.LatestKernelVersion} {
		if version != "" && s.known(i, version) == nil {
			v := MiniVersion{MinorVersion: version, Engine: i.Engine, EngineVersion: i.EngineVersion}
			s.addVersion(v.withDefaults())
		}
	}
}

func (s *Server) known(i Instance, version string) *MiniVersion {
	at := slices.IndexFunc(s.versions, func(v MiniVersion) bool { return v.MinorVersion == version && v.isFor(i) })
	if at < 0 {
		return nil
	}
	return &s.versions[at]
}

func (s *Server) offered(i Instance, version string) bool {
	v := s.known(i, version)
	return v != nil && v.StatusDesc == "Online"
}

// describeVersions is DescribeDBMiniEngineVersions: for an instance, or for an engine and edition.
func (s *Server) describeVersions(q query) (document, *acs3.Refusal) {
	if refusal := s.region(q); refusal != nil {
		return nil, refusal
	}
	of, refusal := s.versionsOf(q)
	if refusal != nil {
		return nil, refusal
	}
	if of.Engine != "MySQL" && of.Engine != "PostgreSQL" {
		return nil, refuse("EngineNotSupported")
	}
	items := []document{}
	for _, v := range s.versions {
		if v.isFor(of) && (q.get("MinorVersionTag") == "" || v.Tag == q.get("MinorVersionTag")) {
			setDefault(&v.NodeType, of.Category)
			items = append(items, v.document())
		}
	}
	return document{
		{"DBInstanceId", q.get("DBInstanceId")},
		{"TotalCount", len(items)},
		{"PageNumbers", 1},
		{"MaxRecordsPerPage", max(10, len(items))}, // the request has no page parameters, so all stand on one page
		{"MinorVersionItems", items},
	}, nil
}

// versionsOf gives the instance that is asked about, or one such as is described.
func (s *Server) versionsOf(q query) (Instance, *acs3.Refusal) {
	if id := q.get("DBInstanceId"); id != "" {
		r := s.lookup(q, id)
		if r == nil {
			return Instance{}, refuse("InvalidDBInstanceId.NotFound")
		}
		return r.Instance, nil
	}
	for _, name := range []string{"Engine", "EngineVersion", "NodeType", "StorageType"} {
		if q.get(name) == "" {
			return Instance{}, missing(name)
		}
	}
	if !slices.Contains([]string{"Basic", "HighAvailability", "Finance"}, q.get("NodeType")) {
		return Instance{}, invalid("NodeType")
	}
	storage := []string{"local_ssd", "cloud_ssd", "cloud_essd", "cloud_essd2", "cloud_essd3"}
	if !slices.Contains(storage, q.get("StorageType")) {
		return Instance{}, invalid("StorageType")
	}
	return Instance{Engine: q.get("Engine"), EngineVersion: q.get("EngineVersion"), Category: q.get("NodeType")}, nil
}

func (v MiniVersion) document() document {
	return document{
		{"MinorVersion", v.MinorVersion},
		{"Engine", v.Engine},
		{"EngineVersion", v.EngineVersion},
		{"NodeType", v.NodeType},
		{"StatusDesc", v.StatusDesc},
		{"ExpireStatus", v.ExpireStatus},
		{"ExpireDate", v.ExpireDate},
		{"ReleaseType", v.ReleaseType},
		{"IsHotfixVersion", v.IsHotfixVersion},
		{"ReleaseNote", v.ReleaseNote},
		{"CommunityMinorVersion", v.CommunityMinorVersion},
		{"Tag", v.Tag},
	}
}

// compareVersions orders two versions of one family: rds_20231231 and rds_20260228, or 15.0.4073.23 and 15.0.4316.3.
func compareVersions(a, b string) (order int, comparable bool) {
	if strings.Count(a, ".") == 3 && strings.Count(b, ".") == 3 {
		as, aOK := numbers(strings.Split(a, "."))
		bs, bOK := numbers(strings.Split(b, "."))
		return slices.Compare(as, bs), aOK && bOK && as[0] == bs[0]
	}
	aFamily, aDate := cutLast(a)
	bFamily, bDate := cutLast(b)
	as, aOK := numbers([]string{aDate})
	bs, bOK := numbers([]string{bDate})
	if !aOK || !bOK || aFamily != bFamily {
		return 0, false
	}
	return cmp.Compare(as[0], bs[0]), true
}

func cutLast(version string) (family, date string) {
	i := strings.LastIndex(version, "_")
	return version[:max(i, 0)], version[i+1:]
}

func numbers(parts []string) ([]int, bool) {
	var all []int
	for _, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false
		}
		all = append(all, n)
	}
	return all, true
}
