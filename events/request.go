package events

import "time"

// Request is what a message asks for, checked. On the wire, the fields in PascalCase are parameters of the RDS API
// and mean what they mean there; those in camelCase are this function's own:
//
//	{"DBInstanceId":"rm-bp1abcd", "UpgradeTime":"SpecifyTime", "SwitchTime":"2026-12-01T18:00:00Z",
//	 "TargetMinorVersion":"rds_20260228", "RegionId":"cn-hangzhou", "withReplicas":true, "mode":"apply"}
//	{"kind":"sweep", "select":{"RegionId":["cn-hangzhou"],"tags":{"env":"prod"}}, "schedule":{"UpgradeTime":"MaintainTime"},
//	 "rollout":{"waves":[{"tags":{"env":"dev"}},{"percent":10},{"percent":100}],"bake":"24h","maxFailures":0}}
//	{"kind":"advisory", "advisory":{"id":"CVE-2026-1","severity":"critical","affected":[
//	 {"Engine":"PostgreSQL","EngineVersion":"15.0","fixedIn":"15.10"}]}, "mode":"plan"}
//	{"kind":"tick"}
//	{"kind":"status"}
//	{"kind":"stop", "rollout":"a7dc258ff8bf0089"}
//	{"kind":"stop", "advisory":"CVE-2026-1"}
//
// {"kind":"follow-ups"} is the old form of a tick, and is still understood.
//
// Its JSON form is the one in which a rollout remembers its request; Parse reads the form above.
type Request struct {
	Kind     Kind    `json:"kind"`
	Mode     Mode    `json:"mode,omitempty"`
	PlanHash string  `json:"planHash,omitempty"` // apply only if this is still the plan
	Upgrade  Upgrade `json:"upgrade,omitzero"`   // of KindUpgrade
	Fleet    *Fleet  `json:"fleet,omitempty"`    // of KindAdvisory and KindSweep
	Stop     *Stop   `json:"stop,omitempty"`     // of KindStop
}

// Kind is what sort of request it is.
type Kind string

// The kinds of requests. KindUpgrade is meant when a request names none.
const (
	KindUpgrade  Kind = "upgrade"  // one instance
	KindAdvisory Kind = "advisory" // every selected instance that an advisory affects
	KindSweep    Kind = "sweep"    // every selected instance that is behind its latest eligible version
	KindTick     Kind = "tick"     // go on with what is due
	KindStatus   Kind = "status"   // report what is under way and what waits; read-only
	KindStop     Kind = "stop"     // call no more instances of one rollout, or of the rollouts of one advisory
)

// followUps is the name that KindTick had before. A timer may still send it.
const followUps = "follow-ups"

// Mode says how far to go. An empty one leaves it to the policy.
type Mode string

// The modes that a request may ask for.
const (
	Apply Mode = "apply" // do it
	Plan  Mode = "plan"  // publish what would be done
)

// Upgrade holds the parameters of UpgradeDBInstanceKernelVersion (RDS API 2014-08-15), and what the function has to know besides.
type Upgrade struct {
	DBInstanceID       string      `json:"DBInstanceId,omitempty"`
	RegionID           string      `json:"RegionId,omitempty"` // empty: the function's own region
	UpgradeTime        UpgradeTime `json:",omitempty"`
	SwitchTime         time.Time   `json:",omitzero"`  // UTC, in the future and within a year; zero unless UpgradeTime is SpecifyTime
	TargetMinorVersion string      `json:",omitempty"` // empty: the latest

	// WithReplicas says that it is meant: the upgrade of a PostgreSQL primary restarts all of its read-only instances first.
	WithReplicas bool `json:"withReplicas,omitempty"`
}

// UpgradeTime says when the upgrade happens.
type UpgradeTime string

// The values of UpgradeTime. Immediate is meant when a request has none, as in the API.
const (
	Immediate    UpgradeTime = "Immediate"
	MaintainTime UpgradeTime = "MaintainTime" // in the instance's own maintenance window
	SpecifyTime  UpgradeTime = "SpecifyTime"  // at SwitchTime
)
