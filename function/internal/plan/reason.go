package plan

// Reason says why an instance is not upgraded, in the words of notifications.
type Reason string

// The reasons.
const (
	UpToDate          Reason = "up_to_date"
	InProgress        Reason = "in_progress"
	AlreadyScheduled  Reason = "already_scheduled"
	NotRunning        Reason = "not_running"
	Locked            Reason = "locked"
	EngineUnsupported Reason = "engine_unsupported"
	NotOptedIn        Reason = "not_opted_in"
	NotAffected       Reason = "not_affected"
	UnknownVersion    Reason = "unknown_version"
	WouldDowngrade    Reason = "would_downgrade"
	VersionNotOffered Reason = "version_not_offered"
	OutsideWindow     Reason = "outside_window"
	ReplicaFirst      Reason = "replica_first"
	Unread            Reason = "unread"
	Held              Reason = "held"
	Gone              Reason = "gone"
	FailedBefore      Reason = "failed_before"
)
