package upgrade

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
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
	NotOptedIn        Reason = "not_opted_in"
	NotAffected       Reason = "not_affected"
	UnknownVersion    Reason = "unknown_version"
	WouldDowngrade    Reason = "would_downgrade"
	VersionNotOffered Reason = "version_not_offered"
	OutsideWindow     Reason = "outside_window"
	OverBudget        Reason = "over_budget"
	ReplicaFirst      Reason = "replica_first"
	Deadline          Reason = "deadline"
	Held              Reason = "held"
	Gone              Reason = "gone"
)

// Step is one call that is to be made.
type Step struct {
	Instance    Instance
	Wave        int       // 1 is the next one
	Waits       Reason    // what one of a later wave waits for
	Target      string    // the kernel version that proves the upgrade
	Asked       string    // TargetMinorVersion as it is sent: empty means the API's latest
	UpgradeTime string    // one of the API's three values
	SwitchTime  time.Time // with SpecifyTime only
	Due         time.Time // by when the restart should have begun
	Latest      time.Time // the call must be made before; zero: no limit
	Why         string    // for people: what it mends, and what was moved
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

// Decision is what the plan says of one instance: a Step, a Skip, the fault that kept it from being looked at, or what this
// rollout has done with it before; besides, what became of an earlier claim.
type Decision struct {
	Instance   Instance
	Target     string // the kernel version that is wanted, "" if it could not be told
	Halted     bool   // the kill switch is on
	Step       *Step
	Skip       *Skip
	Fault      *fault.Error
	Settlement *Settlement
	// Past is what this rollout has done with the instance.
	Past *Finished
	// InDoubt says that this rollout's own call may have been made, and that nothing shows it yet.
	InDoubt bool
	// Alive says that the instance has a claim of this rollout: it is under way.
	Alive bool
	// Wait says that the reason of the skip passes by itself, so that a rollout looks again.
	Wait bool
}

// Question is what a plan answers. It holds all that a decision depends on, the time included.
type Question struct {
	Request events.Request
	Mode    policy.Mode
	Rollout string
	Region  string // the function's, where the request names none
	Policy  policy.Policy
	Now     time.Time
	Memory  *Rollout // what the rollout remembers; nil for one that begins
	Room    int      // the most instances that a wave may have besides the budget; 0: there are no follow-ups, and only one wave
	// Doubt is the time since which calls may have been made of which no claim tells; zero: there are none.
	Doubt time.Time
}

// Decide makes the plan: one decision for each instance, in the order of region and id, whatever the fleet's. It is pure.
func (q Question) Decide(fleet []Instance) []Decision {
	decisions := make([]Decision, 0, len(fleet))
	places := newPlacing(q)
	for _, i := range fleet {
		decisions = append(decisions, q.decide(i, places))
	}
	slices.SortFunc(decisions, func(a, b Decision) int { return compareInstances(a.Instance, b.Instance) })
	if q.Request.Fleet != nil {
		q.arrange(decisions, places)
	}
	return decisions
}

// busyUntil is when an instance that was busy gets another turn.
func (q Question) busyUntil(i Instance) time.Time {
	if q.Memory == nil {
		return time.Time{}
	}
	return q.Memory.Busy[i.ID]
}

func compareInstances(a, b Instance) int {
	return cmp.Or(cmp.Compare(a.RegionID, b.RegionID), cmp.Compare(a.ID, b.ID))
}

// decide asks these things in turn; the first that stops the instance names the reason.
//
//	this rollout      → what it has come to
//	the claim on it   → see claim.go: settled, already_scheduled, in doubt, or free
//	the instance      → engine_unsupported, not_affected, not_opted_in, locked, in_progress, not_running
//	the version       → see target.go
//	its turn          → in_progress: it has just been busy, or a call may have been made of which no claim tells
//	the time          → outside_window
//
// The waves come after: replica_first, over_budget (see wave.go).
func (q Question) decide(i Instance, places *placing) Decision {
	d := Decision{Instance: i, Fault: i.Fault, Halted: q.Mode == policy.Off}
	if d.Past = q.past(i); d.Halted || d.Fault != nil || d.Past != nil {
		d.leave(q.Memory)
		return d
	}
	q.judge(i, &d)
	if d.Skip == nil {
		d.Skip, d.Wait = q.skipInstance(i, places.concerns)
	}
	aim := places.aim(i)
	if d.Target = aim.target; d.Skip == nil {
		d.Skip = aim.skip
	}
	if d.Skip == nil {
		d.Skip, d.Wait = q.skipTurn(i)
	}
	if d.Skip == nil {
		d.Step, d.Skip = places.step(i, aim)
	}
	return d
}

// leave leaves alone what somebody has deleted since the rollout began: that is no fault of the rollout's.
func (d *Decision) leave(memory *Rollout) {
	i := d.Instance
	if d.Past == nil && d.Fault != nil && d.Fault.Kind == fault.NotFound && memory.isMember(i) {
		d.Fault, d.Skip = nil, skip(Gone, "it was deleted after the rollout had begun")
	}
}

// skipTurn says why it is not the instance's turn: a call may have been made of which no claim tells, or it has just been busy.
func (q Question) skipTurn(i Instance) (s *Skip, wait bool) {
	if !q.Doubt.IsZero() && i.Claim == nil && i.taskSince(q.Doubt) {
		return skip(InProgress, "%s, and may be this request's own call: it has begun since %s; send the request again when it has ended", i.Tasks[0], stamp(q.Doubt)), false
	}
	if until := q.busyUntil(i); q.Now.Before(until) {
		return skip(InProgress, "it was busy when its turn came; others go first until %s", stamp(until)), true
	}
	return nil, false
}

func skip(reason Reason, format string, args ...any) *Skip {
	return &Skip{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// skipInstance needs no more than the listing and the tags show, so that an instance that it stops need not be read.
func (q Question) skipInstance(i Instance, concerns func(Instance) bool) (s *Skip, wait bool) {
	in := q.Policy.OptIn
	s = q.skipKind(i, concerns)
	switch {
	case s != nil:
		return s, false
	case q.Request.Fleet != nil && i.Tags[in.Tag] != in.Value:
		return skip(NotOptedIn, "it has not the tag %s=%s", in.Tag, in.Value), false
	}
	if refusal := q.Policy.Hold.Refusal(i.Tags, q.Now); refusal != "" {
		return skip(Held, "%s", refusal), false
	}
	s = skipState(i)
	return s, s != nil && s.Reason == InProgress
}

// skipKind says why a request about a fleet cannot mean an instance of this kind. The page of the listing is all that it costs.
func (q Question) skipKind(i Instance, concerns func(Instance) bool) *Skip {
	fleet := q.Request.Fleet
	switch {
	case fleet == nil:
		return nil
	case !i.supported():
		return skipState(i)
	case fleet.Advisory != nil && !concerns(i):
		return skip(NotAffected, "%s says nothing about %s %s", fleet.Advisory.ID, i.Engine, i.EngineVersion)
	default:
		return nil
	}
}

func skipState(i Instance) *Skip {
	switch {
	case !i.supported():
		return skip(EngineUnsupported, "%s on %s: the call takes MySQL, and PostgreSQL on disks that are not local", i.Engine, i.StorageType)
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

// Possible tells whether the request may mean an instance of the listing at all.
func (q Question) Possible(i Instance) bool { return q.skipKind(i, q.concerns) == nil }

// Candidate tells whether an instance of the listing has to be read: its claim has to be judged, or nothing in the listing stops it.
func (q Question) Candidate(i Instance) bool {
	if i.Claim != nil {
		return true
	}
	stopped, _ := q.skipInstance(i, q.concerns)
	return stopped == nil && i.ClaimFault == nil
}
