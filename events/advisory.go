package events

// Advisory says what is wrong with which versions, and where it is fixed.
type Advisory struct {
	ID       string     `json:"id"`
	Severity string     `json:"severity,omitempty"` // critical, high, medium or low; empty if unknown
	Summary  string     `json:"summary,omitempty"`
	Affected []Affected `json:"affected"`
}

// Affected says which versions of one engine are affected. Where Unknown is empty, one of FixedIn, Ranges and Versions is not.
type Affected struct {
	Engine        string   `json:"Engine"`                  // MySQL or PostgreSQL
	EngineVersion string   `json:"EngineVersion,omitempty"` // as RDS writes it, such as 8.0 or 15.0; empty: any
	FixedIn       string   `json:"fixedIn,omitempty"`       // a kernel version, or for PostgreSQL a community version: all before it are affected
	Ranges        []Range  `json:"ranges,omitempty"`        // of community versions
	Versions      []string `json:"versions,omitempty"`      // community versions
	Unknown       string   `json:"unknown,omitempty"`       // why nothing can be compared with this entry
}

// Range is a span of community versions: from Introduced on, up to and without Fixed, or up to and with LastAffected.
// An Introduced of "0" is the beginning.
type Range struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed,omitempty"`
	LastAffected string `json:"lastAffected,omitempty"`
}
