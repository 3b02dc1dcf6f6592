package upgrade

import (
	"time"

	"rds-kernel-upgrade/function/internal/fault"
)

// Status is what became of an instance in a run.
type Status string

// The statuses. The first seven are also types of notifications; Skipped, Planned and Pending stand in reports only.
const (
	Accepted   Status = "accepted"   // the API has taken the call
	Completed  Status = "completed"  // the instance runs the target version or a newer one
	Failed     Status = "failed"     // the call was refused for good, or not made for good
	Unverified Status = "unverified" // the call may have been made, or was accepted, and nothing proves the upgrade
	Halted     Status = "halted"     // the kill switch is on
	Rejected   Status = "rejected"   // the message is no request
	Reported   Status = "report"     // the account of a request is closed
	Planned    Status = "plan"       // the call would be made
	Skipped    Status = "skipped"    // see the reason
	Pending    Status = "pending"    // not decided: the event is to be delivered again
)

// Acceptance is what the API answered to the call.
type Acceptance struct {
	RequestID, DBInstanceName, TaskID, TargetMinorVersion string
}

// Outcome is what a run did with one instance.
type Outcome struct {
	Instance    Instance
	Status      Status
	Reason      Reason
	Detail      string
	Rollout     string
	Target      string
	UpgradeTime string
	SwitchTime  time.Time
	AcceptedAt  time.Time
	Wave        int
	Before      string // the kernel version before, where it is known
	Looks       int    // since the call
	Told        bool   // it was published before
	Wait        bool   // the reason passes by itself
	Acceptance
	Fault *fault.Error

	// What is to be done to the claim once the notification is out (see Conclude), so that a crash in between tells it again:
	// take it off, or turn it into Becomes.
	Release bool
	Becomes *Claim
}

// inDoubt tells whether a call may have been made, and nothing shows it yet.
func (o Outcome) inDoubt() bool { return o.Status == Unverified && o.Fault != nil && o.Fault.InDoubt }

// Again gives the faults for which the event must be delivered again, nil if there are none.
func Again(outcomes []Outcome) error {
	for _, o := range outcomes {
		if o.Fault != nil && (o.Status == Pending || o.inDoubt()) {
			return o.Fault
		}
	}
	return nil
}

// closed tells whether the account of a request can be closed: nothing was left undone, and nothing is on its way.
func closed(outcomes []Outcome) bool {
	for _, o := range outcomes {
		if o.Status == Accepted || o.Status == Pending || o.inDoubt() {
			return false
		}
	}
	return true
}

// Preview gives the outcomes of a plan that is not carried out.
func Preview(decisions []Decision, rollout string) []Outcome {
	outcomes := make([]Outcome, 0, len(decisions))
	for _, d := range decisions {
		if d.Step != nil {
			o := d.Step.outcome(rollout, d.Step.Wave)
			o.Status, o.Detail = Planned, d.Step.Why
			outcomes = append(outcomes, o)
			continue
		}
		d.Settlement, d.InDoubt = nil, false // what a claim has come to is told by a run that may write claims
		outcomes = append(outcomes, d.outcome(rollout))
	}
	return outcomes
}

// Settled gives what the claims of earlier rollouts have come to. It is told under the name of the rollout that made the claim.
func Settled(decisions []Decision) []Outcome {
	var outcomes []Outcome
	for _, d := range decisions {
		if d.Settlement != nil && !d.Settlement.Own {
			outcomes = append(outcomes, d.settled())
		}
	}
	return outcomes
}

// Unproven gives what is still under way.
func (r *Rollout) Unproven() (outcomes []Outcome) {
	for _, f := range r.Flight {
		outcomes = append(outcomes, Outcome{
			Instance: Instance{ID: f.DBInstanceID, RegionID: f.RegionID}, Status: Accepted, Rollout: r.ID, Target: f.Target,
			UpgradeTime: f.UpgradeTime, SwitchTime: f.SwitchTime, AcceptedAt: f.AcceptedAt, Wave: r.Wave, Before: f.Before, Looks: f.Looks,
			Detail: f.Task, Told: true,
		})
	}
	return outcomes
}

// settled is what the claim on an instance has come to.
func (d Decision) settled() Outcome {
	claim, status := d.Settlement.Claim, d.Settlement.Status
	o := Outcome{
		Instance: d.Instance, Status: status, Rollout: claim.Rollout, Target: claim.Target, AcceptedAt: claim.At,
		UpgradeTime: d.Settlement.UpgradeTime, SwitchTime: d.Settlement.SwitchTime, Acceptance: claim.Acceptance, Wave: max(1, claim.Wave),
		Release: status == Completed && d.Step == nil, // a step's own claim takes its place
	}
	if claim.TaskID != "" {
		o.DBInstanceName = d.Instance.ID
	}
	if claim.State == Intent && status == Accepted {
		claim.State = Called
		o.Becomes = &claim
	}
	return o
}

// outcome is a decision's outcome where nothing is called.
func (d Decision) outcome(rollout string) Outcome {
	o := Outcome{Instance: d.Instance, Rollout: rollout, Target: d.Target, Wait: d.Wait}
	switch {
	case d.Past != nil:
		o = d.Past.outcome(rollout)
		o.Instance = d.Instance
		o.Release = o.Status == Completed && d.Instance.Claim != nil && d.Instance.Claim.Rollout == rollout // it could not be taken off before
		return o
	case d.Step != nil:
		o = d.Step.outcome(rollout, d.Step.Wave)
		o.Status, o.Reason, o.Detail = Pending, d.Step.Waits, d.Step.Why
		return o
	case d.Settlement != nil && d.Settlement.Own:
		o = d.settled()
		o.Reason, o.Detail = d.Skip.Reason, d.Skip.Detail // the own claim always ends in a skip
		return o
	case d.Halted:
		o.Status, o.Reason, o.Detail = Halted, Held, "the policy's mode is off"
		return o
	case d.Fault != nil:
		return o.failed(d.Fault)
	case d.InDoubt:
		o.Target = d.Instance.Claim.Target
		return o.doubt(d.Skip.Detail)
	default:
		o.Status, o.Reason, o.Detail = Skipped, d.Skip.Reason, d.Skip.Detail
		return o
	}
}

// outcome is a step's outcome before anything has happened.
func (s Step) outcome(rollout string, wave int) Outcome {
	return Outcome{
		Instance: s.Instance, Rollout: rollout, Target: s.Target, UpgradeTime: s.UpgradeTime, SwitchTime: s.SwitchTime, Wave: wave,
		Before: s.Instance.CurrentKernelVersion,
	}
}

// uncalled gives the outcome of a step for which too little time was left.
func (o Outcome) uncalled() Outcome {
	return o.failed(&fault.Error{
		Op: "upgrade: " + o.Instance.ID, Kind: fault.Unavailable,
		Message: "not called: too little time left; if this goes on, give the function a longer timeout",
	})
}

// failed returns the outcome with the fault that ended it. One that may pass leaves the step for the next delivery; a busy instance is
// looked at again, whichever call has said so.
func (o Outcome) failed(f *fault.Error) Outcome {
	o.Fault, o.Status = f, Failed
	switch {
	case fault.Passing(f):
		o.Status, o.Reason = Pending, Deadline
	case f.Kind == fault.Conflict:
		o.Status, o.Reason, o.Detail, o.Wait = Skipped, InProgress, f.Message, true
	}
	return o
}

// doubt gives the outcome of a call that may have been made and shows nothing yet.
func (o Outcome) doubt(what string) Outcome {
	o.Status, o.Detail = Unverified, what
	o.Fault = &fault.Error{Op: "upgrade: " + o.Instance.ID, Kind: fault.Unavailable, Message: what, InDoubt: true}
	return o
}
