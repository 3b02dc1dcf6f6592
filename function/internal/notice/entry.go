package notice

import (
	"cmp"
	"fmt"

	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// Entry is one instance in an account.
type Entry struct {
	DBInstanceID   string `json:"DBInstanceId,omitempty"`
	DBInstanceName string `json:"DBInstanceName,omitempty"` // the id again, where the call was accepted
	RegionID       string `json:"RegionId,omitempty"`
	Engine         string `json:"Engine,omitempty"`
	EngineVersion  string `json:"EngineVersion,omitempty"`
	// CurrentKernelVersion is what the instance runs, as far as the rollout knows.
	CurrentKernelVersion string `json:"CurrentKernelVersion,omitempty"`
	// AutoUpgradeMinorVersion is Auto where RDS upgrades the instance by itself, too.
	AutoUpgradeMinorVersion string `json:"AutoUpgradeMinorVersion,omitempty"`

	TargetMinorVersion string      `json:"TargetMinorVersion,omitempty"`
	UpgradeTime        string      `json:"UpgradeTime,omitempty"`
	SwitchTime         string      `json:"SwitchTime,omitempty"`
	TaskID             string      `json:"TaskId,omitempty"`
	RequestID          string      `json:"RequestId,omitempty"`
	Wave               int         `json:"wave,omitempty"`
	Status             Status      `json:"status"`
	Verdict            Verdict     `json:"verdict,omitempty"` // where the request has an advisory
	Reason             plan.Reason `json:"reason,omitempty"`
	Detail             string      `json:"detail,omitempty"`
	Error              *Error      `json:"error,omitempty"`
}

// Verdict says whether what an advisory is about is still in an instance.
type Verdict string

// The verdicts.
const (
	Fixed       Verdict = "fixed"        // it runs the target of the rollout
	Vulnerable  Verdict = "vulnerable"   // it is affected
	NotAffected Verdict = "not_affected" // it was not affected before the rollout either
	Unknown     Verdict = "unknown"      // the versions do not compare, or it could not be read
)

// Entries returns the members of a rollout as they stand in an account, in their order. It is the function's own answer, too.
func Entries(r *state.Rollout) []Entry {
	entries := make([]Entry, 0, len(r.Members))
	for n := range r.Members {
		entries = append(entries, entryOf(r, &r.Members[n]))
	}
	return entries
}

// entryOf returns one member of a rollout as it stands in an account.
func entryOf(r *state.Rollout, m *state.Member) Entry {
	e := Entry{
		DBInstanceID: word(m.DBInstanceID), RegionID: word(m.RegionID), Engine: word(m.Engine), EngineVersion: word(m.EngineVersion),
		CurrentKernelVersion: word(runs(m)), AutoUpgradeMinorVersion: word(m.AutoUpgradeMinorVersion), TargetMinorVersion: word(m.Target),
		Wave: m.Wave, Verdict: verdictOf(r, m),
	}
	var detail string
	e.Status, e.Reason, detail = standing(r, m)
	e.Reason, e.Detail = plan.Reason(word(string(e.Reason))), short(detail, maxText)
	if c := m.Call; c != nil {
		e.UpgradeTime, e.SwitchTime, e.TaskID = word(string(c.UpgradeTime)), plan.Stamp(c.SwitchTime), word(c.TaskID)
		if m.State == state.Called { // later the document may have it or not
			e.RequestID = word(c.RequestID)
		}
	}
	if m.Accepted() {
		e.DBInstanceName = e.DBInstanceID
	}
	if m.State == state.Failed || m.State == state.Unverified {
		e.Error = errorOf(m)
	}
	return e
}

// standing returns what a member has come to, in the words of notifications:
//
//	member                        status      reason       detail
//	────────────────────────────  ──────────  ───────────  ────────────────────────────────────────────────
//	pending, of a plan            plan                     why, and why at that time
//	pending                       pending                  what kept it from being called, or why
//	pending, no longer live       skipped     held         that the rollout was halted
//	intent                        pending     in_progress  that the outcome of the call is not known
//	called                        accepted                 why, why at that time, and the state of RDS's task
//	proven, called here           completed                of the end
//	proven, without a call        skipped     up_to_date   that it ran the version
//	failed                        failed                   of the end
//	unverified                    unverified               of the end
//	left out                      skipped     of the end   of the end
func standing(r *state.Rollout, m *state.Member) (s Status, reason plan.Reason, detail string) {
	call, end := cmp.Or(m.Call, &state.Call{}), cmp.Or(m.End, &state.End{})
	switch m.State {
	case state.Intent:
		return Pending, plan.InProgress, "the call is about to be made, or was made and its answer is not known"
	case state.Called:
		return Accepted, "", join(m.Why, call.Moved, call.Task)
	case state.Proven:
		if m.Call == nil {
			return Skipped, plan.UpToDate, cmp.Or(end.Detail, fmt.Sprintf("it ran %s when its turn came", runs(m)))
		}
		return Completed, "", end.Detail
	case state.Failed:
		return Failed, "", end.Detail
	case state.Unverified:
		return Unverified, "", end.Detail
	case state.LeftOut:
		return Skipped, plan.Reason(end.Reason), end.Detail
	}
	switch {
	case m.Call != nil:
		return Planned, "", join(m.Why, call.Moved)
	case r.Live():
		return Pending, "", cmp.Or(m.Busy, m.Why)
	default:
		return Skipped, plan.Held, "the rollout was halted: " + r.Halt
	}
}

// runs returns the kernel version that a member runs, as far as the rollout knows.
func runs(m *state.Member) string {
	if m.State != state.Proven {
		return m.Before
	}
	return cmp.Or(cmp.Or(m.End, &state.End{}).After, m.Target)
}

// verdictOf returns whether a member is still affected, "" where the request has no advisory.
func verdictOf(r *state.Rollout, m *state.Member) Verdict {
	switch {
	case plan.AdvisoryOf(r.Request) == "":
		return ""
	case m.State == state.Proven:
		return Fixed
	case m.Verdict == advisory.Affected:
		return Vulnerable
	case m.Verdict == advisory.NotAffected:
		return NotAffected
	default:
		return Unknown
	}
}

// errorOf returns why a member failed, or is unverified.
func errorOf(m *state.Member) *Error {
	end := cmp.Or(m.End, &state.End{})
	kind := fault.Unproven
	if m.State == state.Unverified && !m.Accepted() {
		kind = fault.Unavailable // nobody knows whether RDS has received the call
	}
	return &Error{
		Kind: cmp.Or(end.Kind, kind), Code: word(end.Code), Message: short(end.Detail, maxText), RequestID: word(end.RequestID),
	}
}

// countsOf counts the members of a rollout by their status.
func countsOf(r *state.Rollout) map[Status]int {
	counts := map[Status]int{}
	for n := range r.Members {
		status, _, _ := standing(r, &r.Members[n])
		counts[status]++
	}
	return counts
}
