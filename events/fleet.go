package events

import "time"

// Fleet is what a request about many instances asks for.
type Fleet struct {
	Select   Select    `json:"select,omitzero"`
	Schedule Schedule  `json:"schedule,omitzero"`
	Rollout  Rollout   `json:"rollout,omitzero"`
	Advisory *Advisory `json:"advisory,omitempty"` // of KindAdvisory
}

// fleet gives what a request has, which was checked.
func (r *reading) fleet() *Fleet {
	f := &Fleet{}
	for _, m := range r.object {
		switch m.key {
		case "select":
			unmarshal(m.value, &f.Select)
		case "schedule":
			unmarshal(m.value, &f.Schedule)
		case "rollout":
			f.Rollout = rolloutOf(m.value)
		case "advisory":
			f.Advisory = advisoryOf(m.value)
		}
	}
	return f
}

// Select says which instances are meant; what is left out selects all. The policy's opt-in tag is wanted besides, always.
type Select struct {
	RegionIDs       []string          `json:"RegionId,omitempty"` // empty: all of the policy's regions
	Tags            map[string]string `json:"tags,omitempty"`     // all of them, at most 4
	ResourceGroupID string            `json:"ResourceGroupId,omitempty"`
	Engine          string            `json:"Engine,omitempty"` // MySQL or PostgreSQL
	DBInstanceIDs   []string          `json:"DBInstanceId,omitempty"`
}

// The engines whose kernel versions compare.
const (
	engineMySQL      = "MySQL"
	enginePostgreSQL = "PostgreSQL"
)

const (
	maxRegions   = 20
	maxInstances = 100
	maxWaves     = 20
	maxAffected  = 100

	wantResourceGroup = "want the id of a resource group, such as rg-acfm4abcd"
)

var (
	resourceGroup = lazily(`^rg-[A-Za-z0-9-]{1,61}$`)
	engines       = text(oneOf(engineMySQL, enginePostgreSQL))
)

var selection = schema{name: "select", fields: []field{
	{name: "RegionId", check: listOf(maxRegions, `["cn-hangzhou"]`, text(regions))},
	{name: "tags", check: checkTags},
	{name: "ResourceGroupId", check: text(form(resourceGroup, wantResourceGroup))},
	{name: "Engine", check: engines},
	{name: "DBInstanceId", check: listOf(maxInstances, `["rm-bp1abcd"]`, text(form(instanceID, wantInstanceID)))},
}}

// Schedule says when the upgrades happen. An empty UpgradeTime leaves it to the policy's tempo.
type Schedule struct {
	UpgradeTime UpgradeTime `json:",omitempty"`
	SwitchTime  time.Time   `json:",omitzero"` // UTC, in the future and within a year; zero unless UpgradeTime is SpecifyTime
}

var schedule = schema{name: "schedule", fields: []field{
	{name: "UpgradeTime", check: text(upgradeTimes)},
	{name: "SwitchTime", check: text(ascii(checkSwitchTime)), rule: switchTimeFitsUpgradeTime("without one")},
}}
