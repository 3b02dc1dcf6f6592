package fakerds

import (
	"slices"

	"rds-kernel-upgrade/local/acs3"
)

const online = "Online"

// MiniVersion is one minor engine version that the service offers, under the names of DescribeDBMiniEngineVersions.
// Without a NodeType it is offered for every edition, and without a StorageType, which no answer has, for every storage.
type MiniVersion struct {
	MinorVersion          string `json:"MinorVersion"`
	Engine                string `json:"Engine,omitempty"`        // MySQL by default
	EngineVersion         string `json:"EngineVersion,omitempty"` // 8.0 by default
	NodeType              string `json:"NodeType,omitempty"`
	StorageType           string `json:"StorageType,omitempty"`
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
	setDefault(&v.StatusDesc, online)
	setDefault(&v.ExpireStatus, "vaild")
	setDefault(&v.ExpireDate, "20991231")
	setDefault(&v.ReleaseType, "LTS")
	setDefault(&v.ReleaseNote, "https://example.com")
	return v
}

func (v MiniVersion) isFor(i Instance) bool {
	return v.Engine == i.Engine && v.EngineVersion == i.EngineVersion && (v.NodeType == "" || v.NodeType == i.Category) &&
		(v.StorageType == "" || v.StorageType == i.DBInstanceStorageType)
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
		return sameBuild(have.MinorVersion, v.MinorVersion) && have.Engine == v.Engine &&
			have.EngineVersion == v.EngineVersion && have.NodeType == v.NodeType && have.StorageType == v.StorageType
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
	at := slices.IndexFunc(s.versions, func(v MiniVersion) bool { return v.isFor(i) && sameBuild(v.MinorVersion, version) })
	if at < 0 {
		return nil
	}
	return &s.versions[at]
}

// describeVersions is DescribeDBMiniEngineVersions: for an instance, or for an engine, edition and storage. The request has no
// page: where the items are cut, TotalCount is all that tells of the others.
func (s *Server) describeVersions(q query) (document, *acs3.Refusal) {
	of, code := s.versionsOf(q)
	if code != "" {
		return nil, q.refuse(code)
	}
	items, tag := []document{}, q.get("MinorVersionTag")
	for _, v := range s.versions {
		if !v.isFor(of) || !v.above(of) || tag != "" && v.Tag != tag {
			continue
		}
		setDefault(&v.NodeType, of.Category)
		items = append(items, v.document())
	}
	total, most := len(items), max(10, len(items))
	if s.options.MaxVersions > 0 {
		most = s.options.MaxVersions
	}
	return document{
		{"DBInstanceId", q.get("DBInstanceId")},
		{"TotalCount", total},
		{"PageNumbers", 1},
		{"MaxRecordsPerPage", most},
		{"MinorVersionItems", items[:min(total, most)]},
	}, nil
}

// above reports whether the version is in the list of an instance: in PostgreSQL's are only those above its own. Whoever asks for a
// kind of instance names no version, and gets all.
func (v MiniVersion) above(of Instance) bool {
	if of.Engine != "PostgreSQL" || of.CurrentKernelVersion == "" {
		return true
	}
	order, comparable := compareVersions(v.MinorVersion, of.CurrentKernelVersion)
	return comparable && order > 0
}

// versionsOf returns the instance that is asked about, or one such as is described, or the code of the refusal.
func (s *Server) versionsOf(q query) (of Instance, code string) {
	id := q.get("DBInstanceId")
	if id == "" {
		of, code = kindOf(q)
	} else if r := s.lookup(q, id); r != nil {
		of = r.Instance
	} else {
		code = "InvalidDBInstanceName.NotFound"
	}
	tag := q.get("MinorVersionTag")
	switch {
	case code != "":
		return Instance{}, code
	case of.Engine != "MySQL" && of.Engine != "PostgreSQL":
		return Instance{}, "EngineNotSupported"
	case id != "" && of.Engine == "PostgreSQL" && of.CurrentKernelVersion == "":
		return Instance{}, "MinorVersionAttr.NotFound"
	case tag != "" && !slices.ContainsFunc(s.versions, func(v MiniVersion) bool { return v.Tag == tag && v.isFor(of) }):
		return Instance{}, "MinorVersionTag.NotFound"
	}
	return of, ""
}

// kindOf returns an instance such as the request describes, or the code of the refusal when something is missing.
func kindOf(q query) (of Instance, code string) {
	for _, need := range []struct{ name, code string }{
		{"Engine", "MissingParameter.Engine"},
		{"EngineVersion", "MissingParameter.EngineVersion"},
		{"NodeType", "InvalidInstanceNodeType.NotFound"},
		{"StorageType", "InvalidInstanceStorageType.NotFound"},
	} {
		if q.get(need.name) == "" {
			return Instance{}, need.code
		}
	}
	return Instance{
		Engine: q.get("Engine"), EngineVersion: q.get("EngineVersion"), Category: q.get("NodeType"), DBInstanceStorageType: q.get("StorageType"),
	}, ""
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
