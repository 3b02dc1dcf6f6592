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
	s := subject{f, d, d.Rollout(m.Rollout)}
	if s.rollout == nil {
		return nil
	}
	switch m.What {
	case plan.WhatWaiting:
		return s.waiting(plan.Front(d))
	case plan.WhatBegan:
		return s.began(waveOf(s.rollout, m.Wave))
	case plan.WhatDone:
		return s.done(waveOf(s.rollout, m.Wave))
	case plan.WhatAccepted:
		return s.accepted(s.rollout.Member(m.Member))
	case plan.WhatEnd:
		return s.end(s.rollout.Member(m.Member))
	case plan.WhatHalted:
		return s.halted()
	case plan.WhatReport:
		return s.report()
	}
	return nil
}

// accepted returns that the call of a member was accepted, as it was then: whatever else is known of the member by now is another notification's.
func (s subject) accepted(m *state.Member) []Notification {
	if m == nil || !m.Accepted() {
		return nil
	}
	then, call := *m, *m.Call
	call.Task, call.Looks = "", 0
	then.State, then.Call, then.End = state.Called, &call, nil
	return []Notification{s.transition(call.AcceptedAt, &then)}
}

// afterwards says, by engine, what a completed upgrade may leave to do by hand.
var afterwards = map[string]string{
	fleet.PostgreSQL: "where the extensions PostGIS, Ganos or TimescaleDB are installed, look whether they want ALTER EXTENSION … UPDATE in each database",
}

// end returns what a member has come to. That it was left out, or ran the target without a call, stands in the report alone.
func (s subject) end(m *state.Member) []Notification {
	proven := m != nil && m.State == state.Proven && m.Call != nil
	if m == nil || m.End == nil || !proven && m.State != state.Failed && m.State != state.Unverified {
		return nil
	}
	n := s.transition(m.End.At, m)
	if proven {
		n.Data.After, n.Data.Detail = word(runs(m)), short(join(m.End.Detail, afterwards[m.Engine]), maxText)
	}
	return []Notification{n}
}

// transition returns a notification about one instance.
func (s subject) transition(at time.Time, m *state.Member) Notification {
	e := entryOf(s.rollout, m)
	n := s.notification(e.Status, at, m.DBInstanceID, m.Target)
	e.Wave = max(1, e.Wave)
	n.Subject, n.Data.Entry, n.Data.Before = s.from.arn(e), e, word(m.Before)
	if m.Call != nil {
		n.Data.AcceptedAt, n.Data.Looks = plan.Stamp(m.Call.AcceptedAt), m.Call.Looks
	}
	return n
}

// halted returns that the rollout goes no further, why, and how far it has come. It lists the instances that were called, or were to be, and
// counts all.
func (s subject) halted() []Notification {
	if s.rollout.Halt == "" {
		return nil
	}
	head := s.notification(Halted, s.rollout.Since, "", "")
	head.Data.Reason, head.Data.Detail = plan.Held, short(s.rollout.Halt, maxText)
	head.Data.Mode, head.Data.Counts = s.from.Policy.ModeOf(s.rollout.Request), countsOf(s.rollout)
	return inParts(head, slices.DeleteFunc(Entries(s.rollout), func(e Entry) bool { return e.Wave < 1 }), instancesOf)
}

// report returns the account of the rollout once it has ended. Where there is only one instance, its fields stand at the top as well, so that the
// subscriber of a single upgrade need not look into the list.
func (s subject) report() []Notification {
	if !s.rollout.Ended() {
		return nil
	}
	ended := s.rollout.Since
	for _, m := range s.rollout.Members {
		ended = plan.Later(ended, cmp.Or(m.End, &state.End{}).At)
	}
	return s.account(Reported, ended, "", Entries(s.rollout))
}

// Plan returns the notifications of a rollout that is only planned: the plan, and the report that closes the account of the request. Its pending
// members have a Call with UpgradeTime, SwitchTime and Moved, which never stands in a document. The hash is the plan's.
func (f From) Plan(r *state.Rollout, hash string) []Notification {
	s := subject{from: f, rollout: r}
	entries := Entries(r)
	return append(s.account(Planned, f.Now, hash, entries), s.account(Reported, f.Now, "", entries)...)
}

// account returns an account of all instances of the rollout, which the entries describe.
func (s subject) account(status Status, at time.Time, hash string, entries []Entry) []Notification {
	r, head := s.rollout, s.notification(status, at, "", "")
	switch len(entries) {
	case 0:
		head.Data.Detail = "no instance fits the selection"
	case 1:
		head.Subject, head.Data.Entry, head.Data.Status = s.from.arn(entries[0]), entries[0], status
	}
	head.Data.Counts, head.Data.Detail = countsOf(r), cmp.Or(short(r.Halt, maxText), head.Data.Detail)
	head.Data.Mode, head.Data.PlanHash, head.Data.Notes = s.from.Policy.ModeOf(r.Request), hash, shortAll(r.Notes, maxNotes)
	return inParts(head, entries, instancesOf)
}

func instancesOf(d *Data) *[]Entry { return &d.Instances }
