package notice

import (
	"strings"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// Notification is one message on the result topic: a CloudEvent 1.0 in structured JSON.
type Notification struct {
	SpecVersion     string `json:"specversion"`
	ID              string `json:"id"` // the same whenever the same news is published again
	Source          string `json:"source"`
	Type            string `json:"type"`
	Subject         string `json:"subject,omitempty"`
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	Data            Data   `json:"data"`
}

// TypePrefix begins the type of every notification. The status follows, which is the message's tag as well.
const TypePrefix = "rds.kernelupgrade."

// Tag is what subscribers filter by.
func (n Notification) Tag() string { return strings.TrimPrefix(n.Type, TypePrefix) }

// Data is the content of a notification. The names in PascalCase are RDS's own.
type Data struct {
	Entry
	Before     string      `json:"before,omitempty"` // the kernel version before
	After      string      `json:"after,omitempty"`  // the kernel version that was proven
	AcceptedAt string      `json:"acceptedAt,omitempty"`
	ObservedAt string      `json:"observedAt"`
	Looks      int         `json:"looks,omitempty"` // how often the instance was looked at after the call
	Rollout    string      `json:"rollout"`
	Joined     string      `json:"joined,omitempty"`   // the rollout that the answer to another message is about
	Advisory   string      `json:"advisory,omitempty"` // the id of the advisory that the request is about
	Cause      state.Cause `json:"cause"`

	Event     Event          `json:"event,omitempty"`    // of a wave: what has happened
	Mode      policy.Mode    `json:"mode,omitempty"`     // of a report, a plan or a halt
	PlanHash  string         `json:"planHash,omitempty"` // of a plan
	Notes     []string       `json:"notes,omitempty"`    // of a plan or a report: what is probably not meant
	Counts    map[Status]int `json:"counts,omitzero"`    // of a report, a plan or a halt: all instances, by status
	Part      int            `json:"part,omitempty"`     // of an account that is longer than one message
	Parts     int            `json:"parts,omitempty"`    // how many there are
	Instances []Entry        `json:"instances,omitzero"` // of a report, a plan or a halt
	Rollouts  []Progress     `json:"rollouts,omitzero"`  // of the answer to a request of kind status
	Problems  []string       `json:"problems,omitempty"` // of a rejected message
}

// Status says what a notification is about, or what an instance has come to.
type Status string

// The statuses. Skipped and Pending stand in entries only; each of the others is a type of notifications, too.
const (
	Accepted   Status = "accepted"   // RDS has taken the call
	Completed  Status = "completed"  // the instance runs the target version or a newer one
	Failed     Status = "failed"     // the call was refused for good, or the upgrade ended without the target
	Unverified Status = "unverified" // the call was accepted, or may have been, and nothing proves the upgrade
	Halted     Status = "halted"     // nothing more of the rollout is called
	Rejected   Status = "rejected"   // the message is no request, or is not served
	Reported   Status = "report"     // the account of a request
	Planned    Status = "plan"       // what would be done
	WaveMoved  Status = "wave"       // a wave began or is done, or a rollout waits for its first one
	Skipped    Status = "skipped"    // it is not upgraded; see the reason
	Pending    Status = "pending"    // it has not been called yet
)

// Event says what has happened to a wave.
type Event string

// The events of waves.
const (
	EventWaiting Event = "waiting" // another rollout goes first
	EventBegan   Event = "began"   // the first instance of the wave was called
	EventProven  Event = "proven"  // each instance of the wave runs its target, or is out
)

// Error is a fault, as it is published.
type Error struct {
	Kind      fault.Kind `json:"kind"`
	Code      string     `json:"code,omitempty"`
	Message   string     `json:"message"`
	RequestID string     `json:"requestId,omitempty"`
}

// From is what notifications need besides the document.
type From struct {
	Source  string // the function's ARN
	Account string // the cloud account
	Now     time.Time
	Policy  policy.Policy
}

// subject is the rollout that notifications are about.
type subject struct {
	from     From
	document *state.Document // nil where the rollout alone is enough
	rollout  *state.Rollout
}

// notification returns a notification about the rollout without its content, of what has happened at a time. Its id is made of what names the news:
// the rollout, the instance, the status, and a version or another name that distinguishes news of the same status.
func (s subject) notification(status Status, at time.Time, instance, version string) Notification {
	if at.IsZero() {
		at = s.from.Now // the document should say when
	}
	r, cause := s.rollout, s.rollout.Cause
	cause.MessageID, cause.FCRequestID = word(cause.MessageID), word(cause.FCRequestID)
	return Notification{
		SpecVersion: "1.0", ID: plan.Digest(r.ID, instance, string(status), version), Source: s.from.Source,
		Type: TypePrefix + string(status), Time: plan.Stamp(at), DataContentType: "application/json",
		Data: Data{Entry: Entry{Status: status}, Rollout: r.ID, Advisory: word(plan.AdvisoryOf(r.Request)), ObservedAt: plan.Stamp(at), Cause: cause},
	}
}

// arn returns the name of an instance as the subject of a notification.
func (f From) arn(e Entry) string {
	return fleet.Instance{ID: e.DBInstanceID, RegionID: e.RegionID}.ARN(f.Account)
}
