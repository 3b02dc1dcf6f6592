package fleet

import "time"

// Call has the parameters of one call of UpgradeDBInstanceKernelVersion, and the region to which it goes.
type Call struct {
	DBInstanceID, RegionID string
	TargetMinorVersion     string    // as RDS lists it; empty: the latest one
	UpgradeTime            string    // Immediate, MaintainTime or SpecifyTime
	SwitchTime             time.Time // with SpecifyTime only
}

// Acceptance is what RDS answers to a call that it accepts.
type Acceptance struct {
	RequestID, DBInstanceName, TaskID, TargetMinorVersion string
}
