package upgrade

import (
	"fmt"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/version"
)

// Reason says why an instance is not upgraded now.
type Reason string

// The reasons of a Skip.
const (
	UpToDate          Reason = "up_to_date"
	InProgress        Reason = "in_progress"
	AlreadyScheduled  Reason = "already_scheduled"
	NotRunning        Reason = "not_running"
	Locked            Reason = "locked"
	EngineUnsupported Reason = "engine_unsupported"
	UnknownVersion    Reason = "unknown_version"
	WouldDowngrade    Reason = "would_downgrade"
	VersionNotOffered Reason = "version_not_offered"
	Held              Reason = "held"
)

// Step is one call that is to be made.
type Step struct {
	Instance    Instance
	Target      string    // the kernel version that proves the upgrade
	Asked       string    // TargetMinorVersion as the request has it: empty means the API's latest
	UpgradeTime string    // one of the API's three values
	SwitchTime  time.Time // with SpecifyTime only
	Due         time.Time // by when the restart should have begun
}

// Skip is an instance that is left alone.
type Skip struct {
	Reason Reason
	Detail string // for people
}

// Settlement is what an earlier rollout's claim turns out to have come to.
type Settlement struct {
	Claim  Claim
	Status Status // Accepted, Completed or Unverified
	Own    bool   // the claim is this rollout's
	// UpgradeTime and SwitchTime are known where the claim is this rollout's own: the claim does not hold them.
	UpgradeTime string
	SwitchTime  time.Time
}

// Decision is what the plan says of one instance: a Step, a Skip, or the fault that kept it from being looked at;
// besides, what became of an earlier claim.
type Decision struct {
	Instance   Instance
	Target     string // the kernel version that is wanted, "" if it could not be told
	Halted     bool   // the kill switch is on
	Step       *Step
	Skip       *Skip
	Fault      *fault.Error
	Settlement *Settlement
	// InDoubt says that this rollout's own call may have been made, and that nothing shows it yet.
	InDoubt bool
}

// Question is what a plan answers. It holds all that a decision depends on, the time included.
type Question struct {
	Request events.Upgrade
	Mode    Mode
	Rollout string
	Policy  Policy
	Now     time.Time
}

// Decide makes the plan: one decision for each instance, in the fleet's order. It is pure.
func (q Question) Decide(fleet []Instance) []Decision {
	decisions := make([]Decision, 0, len(fleet))
	for _, i := range fleet {
		decisions = append(decisions, q.decide(i))
	}
	return decisions
}

// decide asks three things in turn; the first that stops the instance names the reason.
//
//	the claim on it   → see claim.go: settled, already_scheduled, in doubt, or free
//	the instance      → engine_unsupported, locked, in_progress, not_running
//	the version       → unknown_version, up_to_date, would_downgrade, version_not_offered
func (q Question) decide(i Instance) Decision {
	d := Decision{Instance: i, Fault: i.Fault, Halted: q.Mode == Off}
	if d.Halted || d.Fault != nil {
		return d
	}
	q.judge(i, &d)
	if d.Skip == nil {
		d.Skip = skipInstance(i)
	}
	d.Target = q.target(i)
	if d.Skip == nil {
		d.Skip = q.skipVersion(i, d.Target)
	}
	if d.Skip == nil {
		d.Step = &Step{
			Instance: i, Target: d.Target, Asked: q.Request.TargetMinorVersion,
			UpgradeTime: string(q.Request.UpgradeTime), SwitchTime: q.Request.SwitchTime, Due: q.due(i),
		}
	}
	return d
}

func skip(reason Reason, format string, args ...any) *Skip {
	return &Skip{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

func skipInstance(i Instance) *Skip {
	switch {
	case !i.supported():
		return skip(EngineUnsupported, "%s on %s: the call takes MySQL, and PostgreSQL on cloud disks", i.Engine, i.StorageType)
	case i.locked():
		return skip(Locked, "LockMode is %s", i.LockMode)
	case i.resting():
		return skip(NotRunning, "DBInstanceStatus is %s", i.Status)
	case !i.running():
		return skip(InProgress, "DBInstanceStatus is %s", i.Status)
	default:
		return nil
	}
}

// skipVersion compares what is with what is wanted:
//
//	current \ target    unknown   other family   older                     equal        newer
//	unknown             unknown   unknown        unknown                   unknown      unknown
//	known               unknown   unknown        asked: would_downgrade    up_to_date   asked: if offered
//	                                             latest: up_to_date                     latest: go
func (q Question) skipVersion(i Instance, target string) *Skip {
	order, comparable := version.Compare(i.CurrentKernelVersion, target)
	asked := q.Request.TargetMinorVersion != ""
	switch {
	case !comparable:
		return skip(UnknownVersion, "the order of %q and %q is not known", i.CurrentKernelVersion, target)
	case order == 0, order > 0 && !asked:
		return skip(UpToDate, "CurrentKernelVersion is %s", i.CurrentKernelVersion)
	case order > 0:
		return skip(WouldDowngrade, "CurrentKernelVersion %s is newer than %s", i.CurrentKernelVersion, target)
	case asked:
		return q.skipOffer(i, target)
	default:
		return nil
	}
}

func (q Question) skipOffer(i Instance, target string) *Skip {
	for _, offer := range i.Offers {
		switch {
		case offer.Version != target:
		case !offer.Online:
			return skip(VersionNotOffered, "%s has been taken offline", target)
		case offer.Beta && !q.Policy.Versions.Beta:
			return skip(VersionNotOffered, "%s is a beta, and the policy's versions.beta is false", target)
		default:
			return nil
		}
	}
	return skip(VersionNotOffered, "%s is not among the versions that the API offers for the instance", target)
}

// target is the version that the request names, or the latest that the instance can have.
func (q Question) target(i Instance) string {
	if q.Request.TargetMinorVersion != "" {
		return q.Request.TargetMinorVersion
	}
	return i.LatestKernelVersion
}

// due gives the time by which the restart should have begun.
func (q Question) due(i Instance) time.Time {
	switch q.Request.UpgradeTime {
	case events.SpecifyTime:
		return q.Request.SwitchTime
	case events.MaintainTime:
		return windowEnd(i.MaintainTime, q.Now)
	default:
		return q.Now
	}
}
