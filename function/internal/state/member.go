package state

import (
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/fault"
)

// MemberState says how far a member of a rollout has come.
type MemberState string

// The states of a member.
//
//	state        wave  target  call                   end                      what can have been published
//	───────────  ────  ──────  ─────────────────────  ───────────────────────  ────────────────────────────
//	pending      yes   yes     none                   none                     nothing
//	intent       yes   yes     with its time          none                     nothing
//	called       yes   yes     with acceptance        none                     acceptance
//	proven       yes   yes     if it was called here  with its time            acceptance, the end
//	failed       maybe maybe   if it was called here  with its time            acceptance, the end
//	unverified   yes   yes     with its time          with its time            acceptance, the end
//	leftOut      maybe maybe   if it was called here  with its time, a reason  acceptance, the end
const (
	Pending    MemberState = "pending"    // it waits for its wave
	Intent     MemberState = "intent"     // the call is about to be made, or nobody knows whether it was made
	Called     MemberState = "called"     // the call was accepted
	Proven     MemberState = "proven"     // the instance runs the target
	Failed     MemberState = "failed"     // the call was refused for good, or the upgrade ended without the target
	Unverified MemberState = "unverified" // the call was accepted, or may have been, and nothing proves the upgrade
	LeftOut    MemberState = "leftOut"    // it was not upgraded, for the reason in its end, which is no failure
)

// InFlight reports whether a call may be under way.
func (s MemberState) InFlight() bool { return s == Intent || s == Called }

// Terminal reports whether the state never changes any more.
func (s MemberState) Terminal() bool { return s != Pending && !s.InFlight() }

// Member is one instance of a rollout.
type Member struct {
	DBInstanceID string `json:"DBInstanceId"`
	RegionID     string `json:"RegionId"`
	Engine       string `json:"Engine,omitempty"`
	// EngineVersion is as RDS writes it, such as 8.0.
	EngineVersion string `json:"EngineVersion,omitempty"`
	// AutoUpgradeMinorVersion is Auto where RDS upgrades the instance by itself, too.
	AutoUpgradeMinorVersion string `json:"AutoUpgradeMinorVersion,omitempty"`
	// Before is the kernel version that it ran when the rollout opened.
	Before string `json:"before,omitempty"`
	// Target is the kernel version that it is to reach; empty if none could be chosen.
	Target string `json:"target,omitempty"`
	// Verdict is what the request's advisory says about the version that it ran when the rollout opened.
	Verdict advisory.Verdict `json:"verdict,omitempty"`
	// Why says what the upgrade mends, in words for people.
	Why string `json:"why,omitempty"`
	// Wave is the wave in which it is called, from 1; 0 if it had ended when the rollout opened.
	Wave int `json:"wave,omitempty"`
	// State says how far it has come.
	State MemberState `json:"state"`
	// WantedSince is since when it would have been called but was busy, or refused the call.
	WantedSince time.Time `json:"wantedSince,omitzero"`
	// Busy says what kept it from being called when its turn came last, in words for people. It is removed when it is called.
	Busy string `json:"busy,omitempty"`
	// Call is the one call that was made for it, or is about to be made.
	Call *Call `json:"call,omitempty"`
	// End is what it has come to.
	End *End `json:"end,omitempty"`
	// Told says what of it has been published.
	Told MemberTold `json:"told,omitempty"`
}

// MemberTold says what of a member has been published.
type MemberTold string

// What can have been published of a member. The empty value is nothing.
const (
	ToldAccepted MemberTold = "accepted"
	ToldEnd      MemberTold = "end" // and the acceptance, if there was one
)

// Call is one call of UpgradeDBInstanceKernelVersion. The fields in PascalCase are that action's.
type Call struct {
	// At is the time of the intent. What happens to the instance from then on may be the call's effect.
	At time.Time `json:"at"`
	// Due is by when the restart should have begun.
	Due         time.Time          `json:"due"`
	UpgradeTime events.UpgradeTime `json:"UpgradeTime"`
	SwitchTime  time.Time          `json:"SwitchTime,omitzero"`
	// TasksBefore are the ids of the instance's latest tasks, as RDS showed them before the intent. Another one has begun since then,
	// whatever RDS's clock says. Nothing needs them once the member has ended.
	TasksBefore []string `json:"tasksBefore,omitempty"`
	// AcceptedAt is when RDS accepted the call, or when the intent was written if acceptance was only seen later.
	AcceptedAt time.Time `json:"acceptedAt,omitzero"`
	TaskID     string    `json:"TaskId,omitempty"`
	// RequestID is kept until acceptance has been published: 10,000 of them would be most of a document's size.
	RequestID string `json:"RequestId,omitempty"`
	// Task is what RDS says of the call's task while it has not begun, in words for people.
	Task string `json:"task,omitempty"`
	// Moved says why the upgrade is at another time than was asked for, in words for people.
	Moved string `json:"moved,omitempty"`
	// Looks is how often the instance was looked at after the call.
	Looks int `json:"looks,omitempty"`
	// Left says that the instance was seen in another status than Running after the call.
	Left bool `json:"left,omitempty"`
	// Back says that it was seen Running after that, without the target.
	Back bool `json:"back,omitempty"`
}

// End is what a member has come to.
type End struct {
	// At is when that was seen.
	At time.Time `json:"at"`
	// After is the kernel version that a proven instance runs, if it is another one than the target.
	After string `json:"after,omitempty"`
	// Reason is the reason for which an instance was left out, as notifications write it.
	Reason string `json:"reason,omitempty"`
	// Detail explains the end to people.
	Detail string `json:"detail,omitempty"`
	// Kind is the kind of the fault of a failure.
	Kind fault.Kind `json:"kind,omitempty"`
	// Code is RDS's code for it.
	Code string `json:"code,omitempty"`
	// RequestID is the id that RDS gave to the call that it refused.
	RequestID string `json:"RequestId,omitempty"`
}

// Untold reports whether the end of a member has still to be published. That it was left out, or ran the target without a call of this
// rollout, stands in the report alone.
func (m *Member) Untold() bool {
	switch m.State {
	case Failed, Unverified:
		return m.Told != ToldEnd
	case Proven:
		return m.Call != nil && m.Told != ToldEnd
	default:
		return false
	}
}

// Accepted reports whether a call of the member is known to have been accepted.
func (m *Member) Accepted() bool { return m.Call != nil && !m.Call.AcceptedAt.IsZero() }

// Enrol fixes the members of a rollout.
func (r *Rollout) Enrol(members []Member) {
	r.Members = members
	sortMembers(r.Members)
}

// Member returns the member that is the instance with an id, nil if there is none. The members must be in order.
func (r *Rollout) Member(id string) *Member {
	n, found := slices.BinarySearchFunc(r.Members, id, func(m Member, id string) int { return strings.Compare(m.DBInstanceID, id) })
	if !found {
		return nil
	}
	return &r.Members[n]
}

// In returns the members in the given states.
func (r *Rollout) In(states ...MemberState) []*Member {
	all := make([]*Member, 0, r.Count(states...))
	for n := range r.Members {
		if slices.Contains(states, r.Members[n].State) {
			all = append(all, &r.Members[n])
		}
	}
	return all
}

// Count returns how many members are in the given states.
func (r *Rollout) Count(states ...MemberState) (many int) {
	for n := range r.Members {
		if slices.Contains(states, r.Members[n].State) {
			many++
		}
	}
	return many
}
