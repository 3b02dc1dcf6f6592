package upgrade

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
)

// Notification is what subscribers of the result topic get: a CloudEvent 1.0 in structured JSON.
type Notification struct {
	SpecVersion     string `json:"specversion"`
	ID              string `json:"id"` // the same whenever the same thing is told again
	Source          string `json:"source"`
	Type            string `json:"type"`
	Subject         string `json:"subject,omitempty"`
	Time            string `json:"time"`
	DataContentType string `json:"datacontenttype"`
	Data            Data   `json:"data"`
}

// TypePrefix begins the type of every notification; the status follows, and is the message's tag as well.
const TypePrefix = "rds.kernelupgrade."

// Tag is what subscribers filter by.
func (n Notification) Tag() string { return strings.TrimPrefix(n.Type, TypePrefix) }

// Data is what a notification says. The names in PascalCase are RDS's own.
type Data struct {
	Entry
	Before     string `json:"before,omitempty"` // the kernel version before
	After      string `json:"after,omitempty"`  // the kernel version that was proven
	AcceptedAt string `json:"acceptedAt,omitempty"`
	ObservedAt string `json:"observedAt"`
	Looks      int    `json:"looks,omitempty"` // how often the instance was looked at after the call
	Rollout    string `json:"rollout"`
	Advisory   string `json:"advisory,omitempty"` // the id of the advisory that the request is about
	Cause      Cause  `json:"cause"`

	Mode      policy.Mode    `json:"mode,omitempty"`     // of a report
	PlanHash  string         `json:"planHash,omitempty"` // of a plan
	Notes     []string       `json:"notes,omitempty"`    // of a plan or a report: what is probably not meant
	Counts    map[Status]int `json:"counts,omitzero"`    // of a report, a plan or a halt: all instances, by status
	Part      int            `json:"part,omitempty"`     // of an account that is longer than one message
	Parts     int            `json:"parts,omitempty"`    // how many there are
	Instances []Entry        `json:"instances,omitzero"` // of a report, a plan or a halt
	Problems  []string       `json:"problems,omitempty"` // of a rejected message
	Message   string         `json:"message,omitempty"`  // of a follow-up that was put away: its text
}

// Entry is one instance in an account.
type Entry struct {
	DBInstanceID         string `json:"DBInstanceId,omitempty"`
	DBInstanceName       string `json:"DBInstanceName,omitempty"` // as the call's answer has it
	RegionID             string `json:"RegionId,omitempty"`
	Engine               string `json:"Engine,omitempty"`
	EngineVersion        string `json:"EngineVersion,omitempty"`
	CurrentKernelVersion string `json:"CurrentKernelVersion,omitempty"`
	// AutoUpgradeMinorVersion is Auto where RDS upgrades the instance by itself, too.
	AutoUpgradeMinorVersion string `json:"AutoUpgradeMinorVersion,omitempty"`

	TargetMinorVersion string `json:"TargetMinorVersion,omitempty"`
	UpgradeTime        string `json:"UpgradeTime,omitempty"`
	SwitchTime         string `json:"SwitchTime,omitempty"`
	TaskID             string `json:"TaskId,omitempty"`
	RequestID          string `json:"RequestId,omitempty"`
	Wave               int    `json:"wave,omitempty"`
	Status             Status `json:"status"`
	Reason             Reason `json:"reason,omitempty"`
	Detail             string `json:"detail,omitempty"`
	Error              *Error `json:"error,omitempty"`
}

// Error is a fault, as it is published.
type Error struct {
	Kind      fault.Kind `json:"kind"`
	Code      string     `json:"code,omitempty"`
	Message   string     `json:"message"`
	RequestID string     `json:"requestId,omitempty"`
}

// Cause says which delivery of which message led to this.
type Cause struct {
	Trigger     string `json:"trigger"`
	MessageID   string `json:"messageId,omitempty"`
	FCRequestID string `json:"fcRequestId"`
	RetryCount  int    `json:"retryCount"`
}

// Entry gives the outcome as it stands in an account. What the API says is as long as the API likes.
func (o Outcome) Entry() Entry {
	i := o.Instance
	e := Entry{
		DBInstanceID: word(i.ID), DBInstanceName: word(o.DBInstanceName), RegionID: word(i.RegionID),
		Engine: word(i.Engine), EngineVersion: word(i.EngineVersion), CurrentKernelVersion: word(i.CurrentKernelVersion),
		AutoUpgradeMinorVersion: word(i.AutoUpgradeMinorVersion),
		TargetMinorVersion:      word(cmp.Or(o.TargetMinorVersion, o.Target)), UpgradeTime: o.UpgradeTime, SwitchTime: stamp(o.SwitchTime),
		TaskID: word(o.TaskID), RequestID: word(o.RequestID), Wave: o.Wave, Status: o.Status, Reason: o.Reason,
		Detail: short(o.Detail, maxProblem),
	}
	if f := o.Fault; f != nil {
		e.Error = &Error{Kind: f.Kind, Code: word(f.Code), Message: short(f.Message, maxProblem), RequestID: word(f.RequestID)}
	}
	return e
}

// word bounds a name, a version or an id.
func word(text string) string { return short(text, 256) }

// stamp writes a time as RDS does; the zero time is "".
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// Account gathers what is to be told of one request.
type Account struct {
	Source   string // the function's ARN
	Account  string // the cloud account
	Rollout  string
	Advisory string // the id of the advisory that the request is about
	Mode     policy.Mode
	Cause    Cause
	Now      time.Time
	Notes    []string // what is probably not meant in the request or the policy
}

// Notifications tells every transition once, and closes the account when nothing is left to do or to prove.
func (a Account) Notifications(outcomes []Outcome) []Notification {
	all := a.Transitions(outcomes)
	if a.Mode == policy.Plan {
		all = append(all, a.list(Planned, "", outcomes)...)
	}
	if closed(outcomes) {
		all = append(all, a.Report("", outcomes)...)
	}
	return all
}

// Transitions tells what became of instances, without closing an account.
func (a Account) Transitions(outcomes []Outcome) (all []Notification) {
	for _, o := range outcomes {
		switch {
		case o.Told, o.Status == Skipped, o.Status == Planned, o.Status == Pending:
		default:
			all = append(all, a.transition(o))
		}
	}
	return all
}

// afterwards says, by engine, what a completed upgrade may leave to do by hand.
var afterwards = map[string]string{
	postgreSQL: "where the extensions PostGIS, Ganos or TimescaleDB are installed, look whether they want ALTER EXTENSION … UPDATE in each database",
}

// transition tells what became of one instance.
func (a Account) transition(o Outcome) Notification {
	n := a.notification(o.Status, o.Rollout, o.Instance.ID, o.Target)
	n.Subject = o.Instance.ARN(a.Account)
	n.Data.Entry, n.Data.AcceptedAt, n.Data.Before, n.Data.Looks = o.Entry(), stamp(o.AcceptedAt), o.Before, o.Looks
	n.Data.Wave = max(1, o.Wave)
	switch {
	case o.Status == Completed:
		n.Data.After = o.Instance.CurrentKernelVersion
		n.Data.Detail = cmp.Or(n.Data.Detail, afterwards[o.Instance.Engine])
	case o.Status == Accepted && o.Before == "":
		n.Data.Before = before(o.Instance, o.Target)
	}
	return n
}

// Rejected tells that a message is no request. Package events bounds the number of problems and the length of
// each, so that they fit into one message.
func (a Account) Rejected(problems []string) Notification {
	n := a.notification(Rejected, a.Rollout, "", "")
	n.Data.Status, n.Data.Problems = Rejected, problems
	return n
}

// maxText bounds how much of a follow-up's text one message repeats, in bytes as JSON writes it, and maxProblem what is said of it.
const (
	maxText    = 40_000
	maxProblem = 1_000
)

// PutAway tells that a follow-up cannot be served, with its whole text, in as many parts as it takes.
func (a Account) PutAway(problem, text string) (all []Notification) {
	parts := pieces(text)
	for n, part := range parts {
		m := a.notification(Rejected, a.Rollout, "", fmt.Sprint("follow-up ", n, digest(text)))
		m.Data.Status, m.Data.Problems, m.Data.Message = Rejected, []string{short(problem, maxProblem)}, part
		if len(parts) > 1 {
			m.Data.Part, m.Data.Parts = n+1, len(parts)
		}
		all = append(all, m)
	}
	return all
}

// pieces cuts a text between characters. There is always one piece, be it empty.
func pieces(text string) (all []string) {
	text = strings.ToValidUTF8(text, "?")
	from, size := 0, 0
	for n, r := range text {
		coded, _ := json.Marshal(string(r)) // in quotes
		if size += len(coded) - 2; size > maxText {
			all, from, size = append(all, text[from:n]), n, len(coded)-2
		}
	}
	return append(all, text[from:])
}

func (a Account) notification(status Status, rollout, instance, version string) Notification {
	return Notification{
		SpecVersion: "1.0", ID: digest(rollout, instance, string(status), version), Source: a.Source,
		Type: TypePrefix + string(status), Time: a.Now.UTC().Format(time.RFC3339), DataContentType: "application/json",
		Data: Data{Rollout: rollout, Advisory: a.Advisory, ObservedAt: stamp(a.Now), Cause: a.Cause},
	}
}

// RolloutID names a rollout by what stays the same when its message is delivered again.
func RolloutID(trigger, message string) string { return digest("rollout", trigger, message)[:16] }

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
