package main_test

import (
	"slices"
	"strings"

	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// checkEnd asks what must hold when all has come to its end.
func (s *theatre) checkEnd() {
	d := s.newest
	for _, r := range d.Rollouts {
		if !r.Ended() {
			s.blame(14, "rollout %s is %s, with %d pending and %d in flight", r.ID, r.State, r.Count(state.Pending), r.Count(state.Intent, state.Called))
		}
		if r.Archived.IsZero() {
			s.blame(14, "rollout %s is not in the archive", r.ID)
		}
	}
	for _, mark := range plan.Unpublished(d) {
		s.blame(14, "unpublished: %+v", mark)
	}
	s.checkArchives()
	s.checkLetters()
	for _, i := range s.rds.Instances() {
		if i.RestartedBy != "" && !s.along[i.DBInstanceID] && len(s.foreign[i.RestartedBy]) == 0 {
			s.blame(6, "%s was restarted by the upgrade of its primary %s", i.DBInstanceID, i.RestartedBy)
		}
	}
	for key, many := range s.taken {
		rollout, id, _ := strings.Cut(key, " ")
		m := s.rollouts[rollout].Member(id)
		if many > 0 && m.State != state.LeftOut && s.tags[key] == "" {
			s.blame(8, "%s of rollout %s was called, and its end %s is not told", id, rollout, m.State)
		}
	}
}

// checkArchives asks whether each rollout that has ended can be read again.
func (s *theatre) checkArchives() {
	for id, r := range s.rollouts {
		if r.Archived.IsZero() {
			continue
		}
		var stored []byte
		for _, o := range s.oss.Objects(s.store().ArchiveKey(id)) {
			stored = o.Content
		}
		account, err := state.DecodeArchive(stored)
		if err != nil {
			s.blame(14, "rollout %s: %v", id, err)
			continue
		}
		if len(account.Rollout.Members) != len(r.Members) {
			s.blame(14, "the archive of rollout %s has other members", id)
		}
	}
}

// checkLetters asks whether each message has its account.
func (s *theatre) checkLetters() {
	for _, l := range s.letters {
		m := s.newest.Message(l.rollout)
		received := l.acknowledged || m != nil && m.Answer != state.AnswerGiven // a plan that no delivery could publish is in the queue of failures
		if many := s.loud[l.rollout]; many > 1 || many == 0 && received {
			s.blame(9, "message %s (acknowledged %t) has %d accounts", l.id, l.acknowledged, many)
		}
	}
	var known []string
	for _, m := range s.newest.Messages {
		known = append(known, m.ID)
		if m.Told.IsZero() {
			s.blame(14, "message %s is not told", m.ID)
		}
	}
	if len(slices.Compact(known)) != len(known) {
		s.blame(9, "a message stands in the document twice: %v", known)
	}
}

// inFlight returns how many members of all rollouts may have a call under way.
func inFlight(d *state.Document) (many int) {
	for _, r := range d.Rollouts {
		many += r.Count(state.Intent, state.Called)
	}
	return many
}
