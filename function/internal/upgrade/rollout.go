package upgrade

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/version"
)

// Rollout is what a rollout has to remember between two invocations. It travels as a delayed message, the follow-up; all else is on
// the instances.
type Rollout struct {
	Kind    string         `json:"kind"` // followUp
	ID      string         `json:"rollout"`
	Seq     int            `json:"seq"` // grows with every follow-up: of two of one rollout the one with the greater counts
	Request events.Request `json:"request"`
	Region  string         `json:"region"` // the function's, where the request names none
	Cause   Cause          `json:"cause"`
	Sent    time.Time      `json:"sent"`
	Next    time.Time      `json:"next"` // when there is something to do

	Wave     int                  `json:"wave"`               // the last one that was begun
	Behind   int                  `json:"behind"`             // how many instances were to follow in later waves
	Looks    int                  `json:"looks"`              // at what is in flight, since the wave was begun
	Proven   int                  `json:"proven,omitempty"`   // instances of the wave: without any there is nothing to bake
	Flight   []Flight             `json:"flight,omitempty"`   // what is not yet proven
	Finished []Finished           `json:"finished,omitzero"`  // what has failed, or was never proven: this rollout leaves it alone
	Done     Set                  `json:"done,omitzero"`      // what is proven
	Pins     map[string]string    `json:"pins,omitempty"`     // the target of each kind of instance, once one was given it
	Waiting  time.Time            `json:"waiting,omitzero"`   // since when nothing could be called
	Busy     map[string]time.Time `json:"busy,omitempty"`     // instances that were busy when they were called, and until when others go first
	BusyWith map[string]string    `json:"busyWith,omitempty"` // what a few of them were busy with
	Unclear  map[string]time.Time `json:"unclear,omitempty"`  // instances whose calls were not made, as far as can be seen, and since when that is so
	Members  map[string][]string  `json:"members,omitempty"`  // by region: what was to be upgraded when the rollout began, if it was not too much to remember
	Doubt    time.Time            `json:"doubt,omitzero"`     // since when calls of this rollout may have been made of which it does not know
	Halt     string               `json:"halt,omitempty"`     // why nothing more is called

	armed bool // a wave was armed, and not yet noted
	stuck bool // nothing of the wave could be called, and no other would fare better
}

// Flight is one instance whose upgrade is not yet proven. One without AcceptedAt was about to be called when this was written.
type Flight struct {
	DBInstanceID string    `json:"DBInstanceId"`
	RegionID     string    `json:"RegionId"`
	Before       string    `json:"before"`
	Target       string    `json:"target"`
	UpgradeTime  string    `json:"UpgradeTime,omitempty"`
	SwitchTime   time.Time `json:"SwitchTime,omitzero"`
	At           time.Time `json:"at"` // of the intent: what shows since then may be its effect
	AcceptedAt   time.Time `json:"acceptedAt,omitzero"`
	Due          time.Time `json:"due"`
	Looks        int       `json:"looks,omitempty"`
	Left         bool      `json:"left,omitempty"` // it was seen in another status than Running
	Back         bool      `json:"back,omitempty"` // and then Running without the target
	TaskID       string    `json:"taskId,omitempty"`
	Task         string    `json:"task,omitempty"` // what RDS says of the task, while it has not begun
}

// Finished is what has become of an instance with which the rollout is through.
type Finished struct {
	DBInstanceID string `json:"DBInstanceId"`
	RegionID     string `json:"RegionId"`
	Status       Status `json:"status"`
	Reason       Reason `json:"reason,omitempty"`
	Target       string `json:"target,omitempty"`
	Detail       string `json:"detail,omitempty"`
	Wave         int    `json:"wave,omitempty"`

	Kind fault.Kind `json:"kind,omitempty"` // of what has failed
}

// followUp is the kind of a follow-up's message.
const followUp = "follow-up"

// Begin is a rollout that remembers nothing yet.
func Begin(id string, request events.Request, region string, cause Cause) *Rollout {
	return &Rollout{Kind: followUp, ID: id, Request: request, Region: region, Cause: cause}
}

// places gives those of all instances that the rollout has had to do with.
func (r *Rollout) places() []uint32 {
	all := slices.Clone(r.Done)
	for _, f := range r.Flight {
		all = append(all, place(f.DBInstanceID))
	}
	for _, f := range r.Finished {
		all = append(all, place(f.DBInstanceID))
	}
	return all
}

// past gives what this rollout has done with an instance before, nil if nothing.
func (q Question) past(i Instance) *Finished {
	if q.Memory == nil {
		return nil
	}
	for n := range q.Memory.Finished {
		if f := &q.Memory.Finished[n]; f.DBInstanceID == i.ID {
			return f
		}
	}
	pin := q.Memory.Pins[i.kind()]
	if q.Memory.Done.Has(i.ID) && (i.Listed || pin == "" || version.Reached(i.CurrentKernelVersion, pin)) {
		return &Finished{DBInstanceID: i.ID, RegionID: i.RegionID, Status: Completed, Target: pin}
	}
	return nil
}

// Arm remembers a wave that is about to be called.
func (r *Rollout) Arm(steps []Step, behind int, v policy.Verify, now time.Time) {
	r.Wave, r.Behind, r.Looks, r.armed = r.Wave+1, behind, 0, true
	r.Proven = 0
	for _, s := range steps {
		r.Flight = append(r.Flight, Flight{
			DBInstanceID: s.Instance.ID, RegionID: s.Instance.RegionID, Before: s.Instance.CurrentKernelVersion, Target: s.Target,
			UpgradeTime: s.UpgradeTime, SwitchTime: s.SwitchTime, At: now, Due: s.Due,
		})
		if r.Pins == nil {
			r.Pins = map[string]string{}
		}
		r.Pins[s.Instance.kind()] = s.Target
	}
	r.Next = now.Add(time.Duration(v.First))
}

// Note remembers what became of the instances of a wave, and when to look at them. A wave of which nothing was called has not begun:
// its instances go on waiting.
func (r *Rollout) Note(outcomes []Outcome, v policy.Verify, now time.Time) {
	before, busy := len(r.Finished), false
	for _, o := range outcomes {
		busy = r.note(o, v, now) || busy
	}
	called := len(r.Flight) > 0 || len(r.Finished) > before
	if r.armed && !called {
		r.Wave--
	}
	r.wait(called, now)
	r.stuck = r.armed && !called && !busy
	r.armed = false
	r.Next = r.nextLook(v, now)
}

// note remembers what became of one instance, and tells whether it was busy.
func (r *Rollout) note(o Outcome, v policy.Verify, now time.Time) (busy bool) {
	n := slices.IndexFunc(r.Flight, func(f Flight) bool { return f.DBInstanceID == o.Instance.ID })
	switch {
	case n < 0 || o.inDoubt(): // it may be on its way
		return false
	case o.Status == Accepted:
		r.Flight[n].AcceptedAt, r.Flight[n].TaskID = o.AcceptedAt, o.TaskID
		delete(r.Unclear, o.Instance.ID)
		delete(r.BusyWith, o.Instance.ID)
		return false
	}
	r.Flight = slices.Delete(r.Flight, n, n+1)
	if r.settle(o); o.Wait {
		r.busy(o, now, v)
	}
	return o.Wait
}

// wait remembers since when nothing could be called.
func (r *Rollout) wait(called bool, now time.Time) {
	switch {
	case called:
		r.Waiting = time.Time{}
	case r.armed && r.Waiting.IsZero():
		r.Waiting = now
	}
}

// maxBusyWith bounds of how many instances a rollout remembers what they were busy with.
const maxBusyWith = 20

// busy lets others go first for a while.
func (r *Rollout) busy(o Outcome, now time.Time, v policy.Verify) {
	maps.DeleteFunc(r.Busy, func(_ string, until time.Time) bool { return !now.Before(until) })
	if r.Busy == nil {
		r.Busy = map[string]time.Time{}
	}
	r.Busy[o.Instance.ID] = now.Add(time.Duration(v.First))
	if r.BusyWith == nil {
		r.BusyWith = map[string]string{}
	}
	if _, known := r.BusyWith[o.Instance.ID]; known || len(r.BusyWith) < maxBusyWith {
		r.BusyWith[o.Instance.ID] = short(o.Detail, maxDetail)
	}
}

// settle remembers what the rollout is through with.
func (r *Rollout) settle(o Outcome) {
	switch o.Status {
	case Completed:
		r.Done.Add(o.Instance.ID)
	case Failed, Unverified:
		r.finish(o)
	case Skipped:
		if o.Reason == Gone {
			r.finish(o)
		}
	}
}

func (r *Rollout) finish(o Outcome) {
	f := Finished{
		DBInstanceID: o.Instance.ID, RegionID: o.Instance.RegionID, Status: o.Status, Reason: o.Reason, Target: o.Target, Detail: o.Detail,
		Wave: o.Wave,
	}
	if o.Fault != nil {
		f.Kind, f.Detail = o.Fault.Kind, cmp.Or(f.Detail, o.Fault.Error())
	}
	f.Detail = short(f.Detail, maxDetail)
	r.Finished = append(r.Finished, f)
}

// outcome returns what was finished, as it stands in an account.
func (f Finished) outcome(rollout string) Outcome {
	o := Outcome{
		Instance: Instance{ID: f.DBInstanceID, RegionID: f.RegionID}, Status: f.Status, Reason: f.Reason, Detail: f.Detail, Rollout: rollout,
		Target: f.Target, Wave: f.Wave, Told: true,
	}
	if f.Status == Failed {
		o.Fault = &fault.Error{Op: "upgrade: " + f.DBInstanceID, Kind: cmp.Or(f.Kind, fault.Unproven), Message: f.Detail}
	}
	return o
}

// maxDetail bounds what is remembered of a failure.
const maxDetail = 160

// short keeps a text from filling a message, where some characters need six bytes.
func short(text string, most int) string {
	if 6*len(text) <= most {
		return text
	}
	cut := func(size int) string {
		part := strings.ToValidUTF8(text[:size], "")
		if size < len(text) {
			part += "…"
		}
		return part
	}
	fits := func(size int) bool {
		coded, _ := json.Marshal(cut(size))
		return len(coded) <= most
	}
	if len(text) <= most && fits(len(text)) {
		return text
	}
	tooLong := sort.Search(min(len(text)-1, most)+1, func(size int) bool { return !fits(size) })
	return cut(max(0, tooLong-1))
}
