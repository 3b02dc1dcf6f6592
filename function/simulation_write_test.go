package main_test

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/version"
)

// records is what the watchers remember.
type records struct {
	newest   *state.Document
	rollouts map[string]*state.Rollout // every one that there has been, as it was seen last
	taken    map[string]int            // calls, by rollout and instance
	along    map[string]bool           // replicas that an operator has let their primary restart
	ended    map[string]string         // rollouts of which nothing may be called any more, and why
	proofs   map[string]time.Time      // the latest of an instance
	landed   map[string]time.Time      // when an instance was seen to run the target of a failure
	fails    map[string]failure        // the latest of an instance
	ends     map[string]time.Time      // the latest end of what is asked for, by key
	stops    map[string]time.Time      // the latest stop of an advisory
	selected map[string][]string       // by rollout: the instances that it had to select when it opened

	bodies map[string]string // notifications by id
	ids    map[string]string // the id of each transition
	tags   map[string]string // the end of each instance in each rollout
	loud   map[string]int    // accounts, by rollout
	drawn  int               // notifications that were read
}

// failure is a call that came to nothing.
type failure struct {
	at      time.Time
	rollout string
	target  string
}

// intent is one call that a document has announced.
type intent struct {
	rollout string
	at      time.Time
	allowed int
}

func newRecords() records {
	return records{
		rollouts: map[string]*state.Rollout{}, taken: map[string]int{}, along: map[string]bool{}, ended: map[string]string{}, proofs: map[string]time.Time{},
		landed: map[string]time.Time{}, fails: map[string]failure{}, ends: map[string]time.Time{}, stops: map[string]time.Time{}, selected: map[string][]string{},
		bodies: map[string]string{}, ids: map[string]string{}, tags: map[string]string{}, loud: map[string]int{},
	}
}

// watchDocument asks what must hold of a document that has just been written.
func (s *theatre) watchDocument(e *errand) {
	number, err := strconv.ParseInt(strings.TrimSuffix(path.Base(e.request.URL.Path), ".json"), 10, 64)
	if err != nil || number != s.newest.Number+1 {
		s.blame(16, "document %d follows document %d: %v", number, s.newest.Number, err)
	}
	next, err := state.Decode(e.body)
	if err != nil {
		s.blame(16, "document %d cannot be read: %v", number, err)
		return
	}
	prev := s.newest
	s.newest = next
	s.describe(e.visit, prev, next)
	if state.Equal(prev, next) && !prev.Old(next.Written) {
		s.blame(16, "document %d says what document %d says", number, prev.Number)
	}
	for _, r := range next.Rollouts {
		s.rollouts[r.ID] = r
		s.watchRollout(e.visit, prev.Rollout(r.ID), r)
	}
	for _, i := range next.Instances {
		if i.Landed.After(s.landed[i.DBInstanceID]) {
			s.landed[i.DBInstanceID] = i.Landed
		}
	}
	for _, r := range prev.Rollouts {
		if next.Rollout(r.ID) == nil && (r.State != state.Waiting && r.Archived.IsZero()) {
			s.blame(14, "rollout %s has left the document, and is in no archive", r.ID)
		}
	}
	s.watchIntents(e.visit, prev, next)
	s.watchMessages(prev, next)
}

// describe tells what a document changes.
func (s *theatre) describe(v *visit, prev, next *state.Document) {
	var parts []string
	for _, r := range next.Rollouts {
		old := prev.Rollout(r.ID)
		if old == nil {
			old = &state.Rollout{State: "new"}
		}
		if old.State != r.State {
			parts = append(parts, fmt.Sprintf("rollout %s (%s %s) %s→%s %s", r.ID, plan.AdvisoryOf(r.Request), r.Severity, old.State, r.State, r.Halt))
		}
		for n := range r.Members {
			m, was := &r.Members[n], old.Member(r.Members[n].DBInstanceID)
			if was == nil || was.State != m.State {
				parts = append(parts, describeMember(was, m))
			} else if was.Told != m.Told {
				parts = append(parts, m.DBInstanceID+" told "+string(m.Told))
			}
		}
	}
	for _, m := range next.Messages {
		if was := prev.Message(m.ID); was == nil || was.Answer != m.Answer {
			parts = append(parts, fmt.Sprintf("message %s %s: %s", m.ID, m.Answer, m.Detail))
		}
	}
	s.tell("%s writes document %d: %s", v.name, next.Number, strings.Join(parts, "; "))
}

func describeMember(was, m *state.Member) string {
	from := "new"
	if was != nil {
		from = string(was.State)
	}
	text := fmt.Sprintf("%s wave %d %s→%s", m.DBInstanceID, m.Wave, from, m.State)
	if m.End != nil {
		text += " (" + m.End.Reason + " " + m.End.Detail + ")"
	}
	return text
}

// watchRollout asks what must hold between two versions of a rollout; was is nil if it is new.
func (s *theatre) watchRollout(v *visit, was, r *state.Rollout) {
	if was == nil {
		s.watchBegin(r)
		was = &state.Rollout{State: state.Waiting}
	}
	order := map[state.RolloutState]int{state.Waiting: 0, state.Open: 1, state.Halted: 2, state.Closed: 2}
	if order[r.State] < order[was.State] || order[was.State] == 2 && r.State != was.State {
		s.blame(8, "rollout %s was %s, and is %s", r.ID, was.State, r.State)
	}
	if !r.Live() && was.Live() {
		s.ends[r.Key] = r.Since
	}
	if was.State == state.Waiting && r.State == state.Open {
		s.watchOpening(v, r)
	}
	for n := range r.Members {
		m := &r.Members[n]
		old := was.Member(m.DBInstanceID)
		if old == nil {
			old = &state.Member{State: state.Pending}
			if was.State != state.Waiting {
				s.blame(10, "%s has come to rollout %s after it opened", m.DBInstanceID, r.ID)
			}
		}
		s.watchMember(r, old, m)
	}
	if len(r.Members) < len(was.Members) {
		s.blame(10, "rollout %s has lost members", r.ID)
	}
}

// watchMember asks what must hold between two versions of a member.
func (s *theatre) watchMember(r *state.Rollout, was, m *state.Member) {
	id := m.DBInstanceID
	if was.State.Terminal() && (was.State != m.State || !was.End.At.Equal(m.End.At) || was.End.Detail != m.End.Detail) {
		s.blame(8, "%s of rollout %s was %s at %s, and is %s at %s", id, r.ID, was.State, was.End.At, m.State, m.End.At)
	}
	if was.Told != m.Told && (was.Told == state.ToldEnd || m.Told == "") {
		s.blame(8, "%s of rollout %s was told %q, and is told %q", id, r.ID, was.Told, m.Told)
	}
	if was.State == m.State || !m.State.Terminal() {
		return
	}
	switch m.State {
	case state.Proven:
		if i, found := s.rds.Instance(id); found && !version.Reached(i.CurrentKernelVersion, m.Target) {
			s.blame(8, "%s of rollout %s is proven, and runs %s", id, r.ID, i.CurrentKernelVersion)
		}
		if m.End.At.After(s.proofs[id]) {
			s.proofs[id] = m.End.At
		}
	case state.Failed, state.Unverified:
		if m.Call != nil {
			s.fails[id] = failure{m.End.At, r.ID, m.Target}
		}
	}
}

// watchMessages asks what must hold of the answers to messages.
func (s *theatre) watchMessages(prev, next *state.Document) {
	for _, m := range next.Messages {
		was := prev.Message(m.ID)
		if was == nil {
			if m.Answer == state.AnswerStopped {
				s.stops[m.Key] = m.Received
			}
			continue
		}
		refused := was.Answer == state.AnswerBegan && m.Answer == state.AnswerRefused
		if was.Answer != m.Answer && !refused || was.Answer == m.Answer && was.Detail != m.Detail {
			s.blame(9, "the answer to message %s was %s %q, and is %s %q", m.ID, was.Answer, was.Detail, m.Answer, m.Detail)
		}
	}
}

// letterOf returns the message that began, or would have begun, a rollout.
func (s *theatre) letterOf(rollout string) *letter {
	for _, l := range s.letters {
		if l.rollout == rollout {
			return l
		}
	}
	return nil
}

// watchBegin asks whether a message may begin a rollout.
func (s *theatre) watchBegin(r *state.Rollout) {
	l := s.letterOf(r.ID)
	if l == nil {
		s.blame(9, "rollout %s was begun by no message", r.ID)
		return
	}
	sent := l.sent.UTC().Truncate(time.Second)
	if ended, found := s.ends[r.Key]; found && !sent.After(ended) {
		s.blame(11, "rollout %s was sent at %s, and the same has ended at %s", r.ID, sent, ended)
	}
	if stopped, found := s.stops["advisory "+plan.AdvisoryOf(r.Request)]; found && !sent.After(stopped) {
		s.blame(12, "rollout %s was sent at %s, and its advisory was stopped at %s", r.ID, sent, stopped)
	}
	if time.Since(l.sent) > 7*24*time.Hour+time.Minute {
		s.blame(11, "rollout %s was sent at %s", r.ID, sent)
	}
	if l.timer != (r.Cause.Trigger == events.Timer) {
		s.blame(11, "rollout %s does not know who has asked for it", r.ID)
	}
}
