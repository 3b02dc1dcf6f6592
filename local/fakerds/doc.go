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
// Parameters, limits, fields of the answers and error codes are those of the service's own metadata, of which testdata/api/rds.json
// has the facts: a test compares them. A parameter that is not documented is not read, but for RegionId, which stands for the address
// that the request is sent to. An answer with a code that is documented neither for its action nor for nearly every action, nor was seen
// elsewhere, is a panic.
//
// An upgrade lives by the clock alone: no goroutine, no timer. It starts at once, in the next maintenance window
// or at SwitchTime; while it runs the instance shows Options.UpgradingStatus; then it is Running with the new version.
//
// Documented, and so here:
//   - The versions listed for a PostgreSQL instance are those above its own; by engine, edition and storage the list is whole. The
//     request has no page: TotalCount may be above the items that are given (Options.MaxVersions).
//   - A PostgreSQL primary on cloud disks first upgrades, side by side, all its read-only instances that are below the target. Each has a
//     task of its own and takes as long as its own upgrades do; Instance.RestartedBy names the primary. For other engines
//     nothing of the kind is documented: there the primary goes alone.
//   - A PostgreSQL version is named with the community version behind it or without. The name that is offered is the one that is shown.
//   - A failed task has a ReasonCode (Upgrade.Reason). PostgreSQL on cloud disks upgrades itself by default (AutoUpgradeMinorVersion).
//
// Where the documentation is silent, the fake chooses the answer that a careful client has to survive:
//   - DBInstanceStatus during a kernel upgrade is not documented: it is an option. A primary shows it from the beginning of its task, also
//     while its read-only instances are upgraded.
//   - A second upgrade while one runs gives IncorrectDBInstanceState; while one is scheduled, TaskExists, whose meaning is only its name.
//   - An instance that there is not is InvalidDBInstanceName.NotFound, as each action's own table has it, with the status that it has there,
//     and not InvalidDBInstanceId.NotFound, which nearly every action has. The tables of the tag actions have neither: there
//     TagResources has the latter, and UntagResources InvalidResourceId.NotFound.
//   - A value that is not taken is InvalidParam, and Param.Invalid in DescribeHistoryTasks, where the action has no code of its own for it;
//     an absent SwitchTime is RequiredParam.NotFound. A misspelt member of a list (Tag.1.key) is refused, not ignored.
//   - SwitchTime must be in the future with UpgradeTime=SpecifyTime, and is ignored with any other, as documented.
//   - MaintainTime in an open window begins at once, or with Upgrade.NextWindow in the next one.
//   - A TargetMinorVersion that is Offline counts as not found, as does one of another family of versions.
//   - Of the read-only instances that a primary takes along, those stay that are stopped, busy or locked; an upgrade that is scheduled for
//     one is cancelled, and one that runs there is waited for. If one of them fails, the primary fails with its reason.
//   - DescribeHistoryTasks gives the TaskId of the upgrade's answer, or with Options.OtherTaskIDs ids of another form; the StartTime of a
//     scheduled upgrade is the time at which it was accepted, its status Options.ScheduledStatus; its TaskType is rds_apsaradb_upgrade.
//   - An instance may have 20 tags; another page says 10. A tag that is wanted without a key fits any key.
//   - The page 0 of a listing, which the limits allow, is the first. A PostgreSQL instance without a version has no list of versions.
//   - Credential errors have status 400, an unknown key 404. A request body over 1 MiB is refused with 413.
//   - Tag keys are compared without regard to case and kept as they were written.
//
// It never does what NotSupported lists, and never answers more kindly than the cloud.
package fakerds

// NotSupported lists what the fake refuses although RDS has it. An action that it does not know is refused as
// InvalidApi.NotFound; a parameter that it does not model, as InvalidParam.
func NotSupported() []string {
	return []string{
		"every action but those of Actions",
		"DescribeDBInstances: ClientToken, ConnectionMode, ConnectionString, DBInstanceClass, DedicatedHostGroupId, DedicatedHostId, " +
			"Expired, Filter, InstanceNetworkType, QueryAutoRenewal, VSwitchId, VpcId, proxyId",
		"DescribeDBInstanceAttribute: Expired, several ids in one call",
		"DescribeDBMiniEngineVersions: DedicatedHostGroupId",
		"DescribeHistoryTasks: FromExecTime, ToExecTime",
		"tags of other resources than instances",
		"bearer tokens (SignatureType), RAM policies, quotas other than by a fault",
	}
}
