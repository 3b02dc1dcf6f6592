package plan

import (
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// Setting is what decisions depend on besides the document and the fleet.
type Setting struct {
	Now    time.Time // in whole seconds and UTC
	Policy policy.Policy
	Region string // the function's own
	// LookEnd is when the look had ended that Settle is given, which began at Now: RDS may have been slow. A bake begins then. Zero means Now.
	LookEnd time.Time
}

// Plan is the next document in the making.
type Plan struct {
	Setting
	// Document is a copy of the one that was loaded, with all that was decided since.
	Document *state.Document

	intents []Intent
}

// On begins a plan on a document, which it leaves as it is.
func On(d *state.Document, s Setting) *Plan {
	return &Plan{Setting: s, Document: d.Clone()}
}

// Intent is a call that is about to be made. It may be made once the document that has it was written, by whoever wrote it.
type Intent struct {
	Rollout string
	Call    fleet.Call
	// At is the time of the intent. A result is of this intent and of no other.
	At time.Time
	// Latest is when the call must have been made; zero: there is no limit.
	Latest time.Time
	// Allowed is how many calls of the rollout may still fail; negative: any number.
	Allowed int
}

// Result is what became of an intent.
type Result struct {
	Intent Intent
	// Made says that RDS has answered the call, or may have received it. One that was not made waits for its turn again.
	Made bool
	// AcceptedAt is when RDS accepted the call; zero if it did not, or nobody knows.
	AcceptedAt time.Time
	Acceptance fleet.Acceptance
	// Fault is why a call was refused, or that nobody knows what became of it (InDoubt).
	Fault *fault.Error
	// Detail says why a call was not made, in words for people.
	Detail string
}

// Mark is one thing that has to be published, and the place in the document where it is noted that it was.
type Mark struct {
	What    What
	Rollout string // whose news it is
	Member  string // the instance; of WhatAccepted and WhatEnd
	Wave    int    // of WhatBegan, WhatDone, WhatAccepted and WhatEnd
	Message string // the message whose answer it is; of WhatAnswer
}

// What says which kind of news a Mark is.
type What string

// The kinds of news, in the order in which those of one rollout are published.
const (
	WhatAnswer   What = "answer"   // a message was answered, and began nothing
	WhatWaiting  What = "waiting"  // a rollout waits for another one
	WhatBegan    What = "began"    // a wave began
	WhatAccepted What = "accepted" // a call was accepted
	WhatEnd      What = "end"      // a member is proven, failed or unverified
	WhatDone     What = "done"     // a wave is proven, or out
	WhatHalted   What = "halted"   // a rollout was halted
	WhatReport   What = "report"   // a rollout has ended
)
