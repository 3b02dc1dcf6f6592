package events

import "time"

// Fleet is what a request about many instances asks for.
type Fleet struct {
	Select   Select    `json:"select,omitzero"`
	Schedule Schedule  `json:"schedule,omitzero"`
	Rollout  Rollout   `json:"rollout,omitzero"`
	Advisory *Advisory `json:"advisory,omitempty"` // of KindAdvisory
}

// Select says which instances are meant; what is left out selects all. The policy's opt-in tag is wanted besides, always.
type Select struct {
	RegionIDs       []string          `json:"RegionId,omitempty"` // empty: the function's own region
	Tags            map[string]string `json:"tags,omitempty"`     // all of them, at most 4
	ResourceGroupID string            `json:"ResourceGroupId,omitempty"`
	Engine          string            `json:"Engine,omitempty"` // MySQL or PostgreSQL
	DBInstanceIDs   []string          `json:"DBInstanceId,omitempty"`
}

// Schedule says when the upgrades happen. An empty UpgradeTime leaves it to the policy's tempo.
type Schedule struct {
	UpgradeTime UpgradeTime `json:",omitempty"`
	SwitchTime  time.Time   `json:",omitzero"` // UTC, and in the future; zero unless UpgradeTime is SpecifyTime
}

// Rollout says in which order and how carefully. What is left out is the policy's.
type Rollout struct {
	Waves       []Wave         `json:"waves,omitempty"` // empty: one of all instances
	Bake        *time.Duration `json:"bake,omitempty"`  // how long a proven wave is watched before the next; nil: the policy's tempo
	MaxFailures int            `json:"maxFailures,omitempty"`
}

// Wave is one stage of a rollout: the instances with all of the tags, or the first percent of all.
type Wave struct {
	Tags    map[string]string `json:"tags,omitempty"`
	Percent float64           `json:"percent,omitempty"` // above 0, up to 100; counts the waves before it in
}
