package state

import (
	"slices"
	"time"

	"rds-kernel-upgrade/events"
)

// RolloutState says how far a rollout has come.
type RolloutState string

// The states of a rollout.
const (
	Waiting RolloutState = "waiting" // another one goes first, or its first look at the fleet is still to come
	Open    RolloutState = "open"    // its members are fixed
	Halted  RolloutState = "halted"  // nothing new is called; what is in flight is proven and published
	Closed  RolloutState = "closed"  // all its members have ended
)

// Rollout is one request on its way through the fleet. A request for one instance is a rollout with one member.
type Rollout struct {
	// ID is made of the key and the message that began the rollout. The ids of its notifications are made of it.
	ID string `json:"id"`
	// Key is the identity of what is asked for: the hash of kind, advisory and selection. A second request with this key joins the first.
	Key string `json:"key"`
	// State says how far it has come.
	State RolloutState `json:"state"`
	// Since is when it came into that state.
	Since time.Time `json:"since"`
	// Halt says why it was halted, in words for people. It remains when the rollout closes.
	Halt string `json:"halt,omitempty"`
	// Severity decides which rollout goes first: critical, high, medium, low, or empty.
	Severity string `json:"severity,omitempty"`
	// Published is when the request was sent; zero if the envelope does not say.
	Published time.Time `json:"published,omitzero"`
	// Received is when the request was first read.
	Received time.Time `json:"received"`
	// Cause is the delivery that began the rollout.
	Cause Cause `json:"cause"`
	// Request is what is asked for, checked and in its normal form.
	Request events.Request `json:"request"`
	// Notes says what in the request or in the policy was probably not meant, when the rollout opened.
	Notes []string `json:"notes,omitempty"`
	// Waves are those that are planned, in their order.
	Waves []Wave `json:"waves,omitempty"`
	// Members are all selected instances, fixed when the rollout opens. Those that are not to be upgraded are left out from the beginning.
	Members []Member `json:"members,omitempty"`
	// TriedSince is since when its fleet could not be read, of a rollout that waits for that.
	TriedSince time.Time `json:"triedSince,omitzero"`
	// Told says what of the rollout as a whole has been published.
	Told RolloutTold `json:"told,omitzero"`
	// Archived is when the rollout was written to its archive.
	Archived time.Time `json:"archived,omitzero"`
}

// Wave is a group of members that are upgraded at the same time.
type Wave struct {
	// Number counts from 1.
	Number int `json:"wave"`
	// Stage is the place in the request's list of waves that the wave is a part of, from 0.
	Stage int `json:"stage,omitempty"`
	// Why says why it is a wave of its own, in words for people.
	Why string `json:"why,omitempty"`
	// Began is when the first of its members was called.
	Began time.Time `json:"began,omitzero"`
	// Done is when the last of its members was proven, or was out.
	Done time.Time `json:"done,omitzero"`
	// Told says what of the wave has been published.
	Told WaveTold `json:"told,omitempty"`
}

// WaveTold says what of a wave has been published.
type WaveTold string

// What can have been published of a wave. The empty value is nothing.
const (
	ToldBegan WaveTold = "began"
	ToldDone  WaveTold = "done" // and that it began
)

// RolloutTold says when what was published of a rollout.
type RolloutTold struct {
	// Waiting is for the notification that it waits.
	Waiting time.Time `json:"waiting,omitzero"`
	// Halted is for the notification that it was halted.
	Halted time.Time `json:"halted,omitzero"`
	// Report is for the report, which is the last word.
	Report time.Time `json:"report,omitzero"`
}

// Live reports whether the rollout may still begin something.
func (r *Rollout) Live() bool { return r.State == Waiting || r.State == Open }

// Ended reports whether nothing can change any more: the rollout is halted or closed, and each of its members has ended.
func (r *Rollout) Ended() bool {
	return !r.Live() && r.Count(Pending, Intent, Called) == 0
}

// AllTold reports whether the rollout has ended and everything about it has been published.
func (r *Rollout) AllTold() bool {
	return r.Ended() && !r.Told.Report.IsZero() && (r.Halt == "" || !r.Told.Halted.IsZero()) &&
		!slices.ContainsFunc(r.Members, func(m Member) bool { return m.Untold() })
}
