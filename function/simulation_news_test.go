package main_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rds-kernel-upgrade/function/internal/state"
)

// readNews asks what must hold of the notifications that were published since.
func (s *theatre) readNews() {
	published := s.mns.Published(topic)
	for _, m := range published[s.drawn:] {
		n := told{Tag: m.Tag}
		if err := json.Unmarshal([]byte(m.Body), &n); err != nil {
			s.blame(8, "a notification cannot be read: %v", err)
			continue
		}
		s.watchNews(n, m.Body)
	}
	s.drawn = len(published)
}

func (s *theatre) watchNews(n told, body string) {
	again := ""
	known, found := s.bodies[n.ID]
	if found {
		again = "again "
	}
	s.tell("published %s%s of rollout %s: %s", again, n.ID[:6], n.Data.Rollout, n)
	l := s.letterOf(n.Data.Rollout)
	m := s.newest.Message(n.Data.Rollout)
	exempt := m != nil && m.Answer == state.AnswerGiven // what is only planned follows the fleet
	if found && known != body && !exempt && lasting(known) != lasting(body) {
		s.blame(8, "the notification %s was\n%s\nand is\n%s", n.ID, known, body)
	}
	s.bodies[n.ID] = body
	what := fmt.Sprintf("%s %s %s %d %s", n.Tag, n.Data.Rollout, n.Data.DBInstanceID, n.Data.Wave, n.Data.Event)
	if n.Data.DBInstanceID == "" || n.Tag == "report" || n.Tag == "halted" {
		what = fmt.Sprintf("%s %s %d %s", n.Tag, n.Data.Rollout, n.Data.Wave, n.Data.Event)
	}
	if id := s.ids[what]; id != "" && id != n.ID {
		s.blame(8, "%q is told under the ids %s and %s", what, id, n.ID)
	}
	s.ids[what] = n.ID
	switch n.Tag {
	case "completed", "failed", "unverified":
		key := n.Data.Rollout + " " + n.Data.DBInstanceID
		if before := s.tags[key]; before != "" && before != n.Tag {
			s.blame(8, "%s of rollout %s is told as %s, and was told as %s", n.Data.DBInstanceID, n.Data.Rollout, n.Tag, before)
		}
		s.tags[key] = n.Tag
	case "halted":
		s.ended[n.Data.Rollout] = "it was told as halted"
	case "report", "rejected":
		if !found {
			s.loud[n.Data.Rollout]++
		}
		s.watchAccount(n, l)
	}
}

// lasting returns what of a notification must be the same whenever it is published: all of it, if it is about one instance. A wave, a halt, a report
// and an answer also show what can change meanwhile, which is left out: the mode in force, what is in flight, and what is waited for.
func lasting(body string) string {
	var n struct {
		ID, Source, Type, Subject, Time string
		Data                            map[string]any
	}
	_ = json.Unmarshal([]byte(body), &n) // it was read before
	if n.Data["event"] == nil && slices.Contains([]any{"accepted", "completed", "failed", "unverified", "skipped"}, n.Data["status"]) {
		return body
	}
	delete(n.Data, "mode")
	if n.Data["event"] == "waiting" || n.Data["status"] == "rejected" {
		n.Time = ""
	}
	if n.Data["event"] != nil {
		delete(n.Data, "detail")
		delete(n.Data, "observedAt")
	}
	if n.Data["status"] == "halted" { // what is in flight goes on meanwhile
		delete(n.Data, "counts")
		delete(n.Data, "instances")
	}
	if n.Data["status"] == "rejected" { // of what is no request the document says nothing
		delete(n.Data, "observedAt")
		delete(n.Data, "cause")
	}
	if instances, _ := n.Data["instances"].([]any); len(instances) == 0 {
		delete(n.Data, "advisory")
		delete(n.Data, "counts")
	}
	text, _ := json.Marshal(n)
	return string(text)
}

// watchAccount asks what must hold of the account of a message.
func (s *theatre) watchAccount(n told, l *letter) {
	if l == nil {
		s.blame(9, "rollout %s has a report, and was begun by no message", n.Data.Rollout)
		return
	}
	if s.loud[l.rollout] > 1 {
		s.blame(9, "message %s has more than one account", l.id)
	}
	if l.what == "stop" {
		if n.Tag == "report" {
			s.stop(l)
		}
		return
	}
	r := s.rollouts[l.rollout]
	if r == nil || r.Live() {
		return
	}
	var seen []string
	for _, i := range n.Data.Instances {
		if slices.Contains(seen, i.DBInstanceID) {
			s.blame(10, "%s stands twice in the report of rollout %s", i.DBInstanceID, r.ID)
		}
		seen = append(seen, i.DBInstanceID)
	}
	for _, id := range s.selected[r.ID] {
		if !slices.Contains(seen, id) && !strings.HasPrefix(id, "rm-new") {
			s.blame(10, "%s was selected, and is missing in the report of rollout %s", id, r.ID)
		}
	}
}

// stop takes down that a stop was answered: nothing that it means may be called any more.
func (s *theatre) stop(l *letter) {
	for _, r := range s.newest.Rollouts {
		if strings.Contains(l.body, `"`+r.ID+`"`) {
			s.ended[r.ID] = "its stop was answered"
		}
	}
	for _, r := range s.rolloutsOf(strings.TrimSuffix(strings.TrimPrefix(l.body, `{"kind":"stop","advisory":"`), `"}`)) {
		if !s.letterOf(r.ID).sent.After(l.sent) {
			s.ended[r.ID] = "the stop of its advisory was answered"
		}
	}
}
