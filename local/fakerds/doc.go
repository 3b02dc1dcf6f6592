// Package fakerds is a strict RDS API (version 2014-08-15) for the local cloud: an http.Handler with a fleet of
// instances behind it, a clock, faults and a call log. What the cloud refuses it refuses, in the documented words.
//
//	cloud := fakerds.New(fakerds.Options{Now: time.Now, Keys: keyring})
//	cloud.Add(fakerds.Instance{DBInstanceID: "rm-1", Engine: "MySQL", EngineVersion: "8.0",
//		CurrentKernelVersion: "rds_20231231", LatestKernelVersion: "rds_20260228"})
//	server := httptest.NewServer(cloud)
//	… call the API …
//	cloud.CallsOf("UpgradeDBInstanceKernelVersion")
//
// Requests come by GET or POST, with their parameters in the query, in a form, or in both, signed with HMAC-SHA1 (in
// parameters) or with ACS3-HMAC-SHA256 (in headers); answers are JSON or XML. Three paths are the local cloud's own,
// unsigned, and unknown to the real service: /_local/faults (see faults.Set), /_local/calls and /_local/instances.
//
// An upgrade lives by the clock alone: no goroutine, no timer. It starts at once, in the next maintenance window
// or at SwitchTime; while it runs the instance shows Options.UpgradingStatus; then it is Running with the new version.
//
// Where the documentation is silent, the fake chooses the answer that a careful client has to survive:
//   - DBInstanceStatus during a kernel upgrade is not documented: it is an option.
//   - A second upgrade while one runs gives IncorrectDBInstanceState; while one is scheduled, InvalidEVENT.
//   - SwitchTime must be in the future with UpgradeTime=SpecifyTime, and is ignored with any other, as documented.
//   - A TargetMinorVersion that is Offline counts as not found, as does one of another family of versions.
//   - DescribeHistoryTasks gives ids of its own form (t-…), not the TaskId of the upgrade's answer; the StartTime of a
//     scheduled upgrade is the time at which it was accepted; its TaskType is rds_apsaradb_upgrade.
//   - Credential errors have status 400, an unknown key 404. A request body over 1 MiB is refused with 413.
//   - Tag keys are compared without regard to case and kept as they were written.
//
// It never does what NotSupported lists, and never answers more kindly than the cloud.
package fakerds

// NotSupported lists what the fake refuses although RDS has it. An action that it does not know is refused as
// InvalidApi.NotFound; a parameter that it does not model, as InvalidParameter.
func NotSupported() []string {
	return []string{
		"every action but those of Actions",
		"DescribeDBInstances: ConnectionMode, ConnectionString, DBInstanceClass, DedicatedHostGroupId, DedicatedHostId, " +
			"Expired, Filter, InstanceNetworkType, VSwitchId, VpcId, Tag.N.key",
		"DescribeDBInstanceAttribute: Expired, several ids in one call",
		"DescribeDBMiniEngineVersions: DedicatedHostGroupId; StorageType is checked and has no influence",
		"DescribeHistoryTasks: FromExecTime, ToExecTime",
		"bearer tokens (SignatureType), RAM policies, quotas other than by a fault",
	}
}
