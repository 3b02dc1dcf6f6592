package events

import "time"

// Request is what a message asks for, checked. On the wire, the fields in PascalCase are parameters of the RDS API
// and mean what they mean there; those in camelCase are this function's own:
//
//	{"DBInstanceId":"rm-bp1abcd", "UpgradeTime":"SpecifyTime", "SwitchTime":"2026-12-01T18:00:00Z",
//	 "TargetMinorVersion":"rds_20260228", "RegionId":"cn-hangzhou", "mode":"apply"}
type Request struct {
	Kind    Kind
	Mode    Mode
	Upgrade Upgrade
}

// Kind is what sort of request it is.
type Kind string

// KindUpgrade asks for the upgrade of one instance. It is meant when a request names no kind.
const KindUpgrade Kind = "upgrade"

// Mode says how far to go. An empty one leaves it to the policy.
type Mode string

// The modes that a request may ask for.
const (
	Apply Mode = "apply" // do it
	Plan  Mode = "plan"  // publish what would be done
)

// Upgrade holds the parameters of UpgradeDBInstanceKernelVersion (RDS API 2014-08-15).
type Upgrade struct {
	DBInstanceID       string
	RegionID           string // empty: the function's own region
	UpgradeTime        UpgradeTime
	SwitchTime         time.Time // UTC, and in the future; zero unless UpgradeTime is SpecifyTime
	TargetMinorVersion string    // empty: the latest
}

// UpgradeTime says when the upgrade happens.
type UpgradeTime string

// The values of UpgradeTime. Immediate is meant when a request has none, as in the API.
const (
	Immediate    UpgradeTime = "Immediate"
	MaintainTime UpgradeTime = "MaintainTime" // in the instance's own maintenance window
	SpecifyTime  UpgradeTime = "SpecifyTime"  // at SwitchTime
)
