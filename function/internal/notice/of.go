package notice

import (
	"cmp"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// Of returns the notifications of one piece of news: more than one where its account is longer than a message, none if the document does not
// have it, or has it no longer. What happened and when are the document's, so the same document returns the same whenever it is asked.
func (f From) Of(d *state.Document, m plan.Mark) []Notification {
	if m.What == plan.WhatAnswer {
		return f.answer(d, d.Message(m.Message))
	}
	r := d.Rollout(m.Rollout)
	if r == nil {
		return nil
	}
	switch m.What {
	case plan.WhatWaiting:
		return f.waiting(r, plan.Front(d))
	case plan.WhatBegan:
		return f.began(r, waveOf(r, m.Wave))
	case plan.WhatDone:
		return f.done(d, r, waveOf(r, m.Wave))
	case plan.WhatAccepted:
		return f.accepted(r, r.Member(m.Member))
	case plan.WhatEnd:
		return f.end(r, r.Member(m.Member))
	case plan.WhatHalted:
		return f.halted(r)
	case plan.WhatReport:
		return f.report(r)
	}
	return nil
}

// accepted returns that the call of a member was accepted, as it was then: whatever else is known of the member by now is another notification's.
func (f From) accepted(r *state.Rollout, m *state.Member) []Notification {
	if m == nil || !m.Accepted() {
		return nil
	}
	then, call := *m, *m.Call
	call.Task, call.Looks = "", 0
	then.State, then.Call, then.End = state.Called, &call, nil
	return []Notification{f.transition(r, call.AcceptedAt, &then)}
}

// afterwards says, by engine, what a completed upgrade may leave to do by hand.
var afterwards = map[string]string{
	fleet.PostgreSQL: "where the extensions PostGIS, Ganos or TimescaleDB are installed, look whether they want ALTER EXTENSION … UPDATE in each database",
}

// end returns what a member has come to. That it was left out, or ran the target without a call, stands in the report alone.
func (f From) end(r *state.Rollout, m *state.Member) []Notification {
	proven := m != nil && m.State == state.Proven && m.Call != nil
	if m == nil || m.End == nil || !proven && m.State != state.Failed && m.State != state.Unverified {
		return nil
	}
	n := f.transition(r, m.End.At, m)
	if proven {
		n.Data.After = word(runs(m))
		n.Data.Detail = short(join(m.End.Detail, afterwards[m.Engine]), maxText)
	}
	return []Notification{n}
}

// transition returns a notification about one instance.
func (f From) transition(r *state.Rollout, at time.Time, m *state.Member) Notification {
	e := entryOf(r, m)
	n := f.notification(e.Status, r, at, m.DBInstanceID, m.Target)
	e.Wave = max(1, e.Wave)
	n.Subject, n.Data.Entry, n.Data.Before = f.arn(e), e, word(m.Before)
	if m.Call != nil {
		n.Data.AcceptedAt, n.Data.Looks = plan.Stamp(m.Call.AcceptedAt), m.Call.Looks
	}
	return n
}

// halted returns that a rollout goes no further, why, and how far it has come. It lists the instances that were called, or were to be, and
// counts all.
func (f From) halted(r *state.Rollout) []Notification {
	if r.Halt == "" {
		return nil
	}
	head := f.notification(Halted, r, r.Since, "", "")
	head.Data.Reason, head.Data.Detail = plan.Held, short(r.Halt, maxText)
	head.Data.Mode, head.Data.Counts = f.Policy.ModeOf(r.Request), countsOf(r)
	return inParts(head, slices.DeleteFunc(Entries(r), func(e Entry) bool { return e.Wave < 1 }), instancesOf)
}

// report returns the account of a rollout that has ended. Where there is only one instance, its fields stand at the top as well, so that the
// subscriber of a single upgrade need not look into the list.
func (f From) report(r *state.Rollout) []Notification {
	if !r.Ended() {
		return nil
	}
	ended := r.Since
	for n := range r.Members {
		ended = later(ended, cmp.Or(r.Members[n].End, &state.End{}).At)
	}
	return f.account(Reported, r, ended, Entries(r), "")
}

// Plan returns the notifications of a rollout that is only planned: the plan, and the report that closes the account of the request. Its pending
// members have a Call with UpgradeTime, SwitchTime and Moved, which never stands in a document. The hash is the plan's.
func (f From) Plan(r *state.Rollout, hash string) []Notification {
	entries := Entries(r)
	return append(f.account(Planned, r, f.Now, entries, hash), f.account(Reported, r, f.Now, entries, "")...)
}

// account returns an account of all instances of a rollout.
func (f From) account(status Status, r *state.Rollout, at time.Time, entries []Entry, hash string) []Notification {
	head := f.notification(status, r, at, "", "")
	switch len(entries) {
	case 0:
		head.Data.Detail = "no instance fits the selection"
	case 1:
		head.Subject, head.Data.Entry, head.Data.Status = f.arn(entries[0]), entries[0], status
	}
	head.Data.Detail = cmp.Or(short(r.Halt, maxText), head.Data.Detail)
	head.Data.Mode, head.Data.PlanHash, head.Data.Notes = f.Policy.ModeOf(r.Request), hash, shortAll(r.Notes, maxNotes)
	head.Data.Counts = countsOf(r)
	return inParts(head, entries, instancesOf)
}

func instancesOf(d *Data) *[]Entry { return &d.Instances }
