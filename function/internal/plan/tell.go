package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rds-kernel-upgrade/function/internal/state"
)

// Unpublished returns what has to be published of a document, in the order in which it is: what happened to instances before the account that
// closes with it.
//
//	the answer to a message           when it began nothing; of a stop, when no intent of what it means is left
//	that a rollout waits              while another one is at the front
//	that a wave began, and is done    of a rollout of a fleet
//	that a call was accepted
//	the end of a member               proven by a call, failed or unverified
//	that a rollout was halted         when it has no intent left
//	its report                        when nothing of it can change any more
func Unpublished(d *state.Document) []Mark {
	all, front := answersOf(d), Front(d)
	for _, r := range d.Rollouts {
		if r.State == state.Waiting && r != front && !single(r) && r.Told.Waiting.IsZero() {
			all = append(all, Mark{What: WhatWaiting, Rollout: r.ID})
		}
		all = append(all, byWave(r)...)
		if r.Halt != "" && r.Told.Halted.IsZero() && r.Count(state.Intent) == 0 {
			all = append(all, Mark{What: WhatHalted, Rollout: r.ID})
		}
		if r.Ended() && r.Told.Report.IsZero() {
			all = append(all, Mark{What: WhatReport, Rollout: r.ID})
		}
	}
	return all
}

// answersOf returns the answers to messages that are unpublished.
func answersOf(d *state.Document) (all []Mark) {
	for _, m := range d.Messages {
		if m.Told.IsZero() && m.Answer != state.AnswerBegan && stopped(d, m.Key) {
			all = append(all, Mark{What: WhatAnswer, Message: m.ID, Rollout: m.Rollout})
		}
	}
	return all
}

// stopped reports whether no intent of what a stop means is left. A message that is none has no key, and means nothing.
func stopped(d *state.Document, key string) bool {
	return !slices.ContainsFunc(meant(d, key), func(r *state.Rollout) bool { return r.Count(state.Intent) > 0 })
}

// byWave returns what is unpublished of the waves of a rollout and of their members, one wave after the other: with a bake of 0 a wave is done and
// the next one begins at the same time.
func byWave(r *state.Rollout) []Mark {
	var began, done []Mark
	for _, w := range r.Waves {
		if !single(r) && !w.Began.IsZero() && w.Told == "" {
			began = append(began, Mark{What: WhatBegan, Rollout: r.ID, Wave: w.Number})
		}
		if !single(r) && !w.Done.IsZero() && w.Told != state.ToldDone {
			done = append(done, Mark{What: WhatDone, Rollout: r.ID, Wave: w.Number})
		}
	}
	all := slices.Concat(began, ofMembers(r), done)
	slices.SortStableFunc(all, func(a, b Mark) int { return cmp.Compare(a.Wave, b.Wave) })
	return all
}

func ofMembers(r *state.Rollout) (all []Mark) {
	for n := range r.Members {
		m := &r.Members[n]
		if m.Accepted() && m.Told == "" {
			all = append(all, Mark{What: WhatAccepted, Rollout: r.ID, Wave: m.Wave, Member: m.DBInstanceID})
		}
		if m.Untold() {
			all = append(all, Mark{What: WhatEnd, Rollout: r.ID, Wave: m.Wave, Member: m.DBInstanceID})
		}
	}
	return all
}

// Published writes down what was published, if it was not before. A halt, a stop, an end and a failure count from that moment on: what was sent
// before it, by somebody who could not know of it, does not begin them anew.
func (p *Plan) Published(marks []Mark) {
	for _, mark := range marks {
		if mark.What == WhatAnswer {
			markAnswer(p, p.Document.Message(mark.Message))
		} else if r := p.Document.Rollout(mark.Rollout); r != nil {
			markRollout(p, r, mark)
		}
	}
}

// markAnswer writes down that a message was answered; it is nil if the document has it no longer.
func markAnswer(p *Plan, m *state.Message) {
	if m == nil || !m.Told.IsZero() {
		return
	}
	m.Told = p.Now
	raiseLast(p, m.Key, "") // a stop has a key, which no rollout has
}

func markRollout(p *Plan, r *state.Rollout, mark Mark) {
	switch mark.What {
	case WhatWaiting:
		r.Told.Waiting = cmp.Or(r.Told.Waiting, p.Now)
	case WhatBegan, WhatDone:
		for n := range r.Waves {
			if w := &r.Waves[n]; w.Number == mark.Wave {
				w.Told = toldWave(w.Told, mark.What)
			}
		}
	case WhatAccepted, WhatEnd:
		if m := r.Member(mark.Member); m != nil {
			markMember(p, r, m, mark.What)
		}
	case WhatHalted:
		if r.Told.Halted.IsZero() {
			r.Told.Halted = p.Now
			raiseLast(p, r.Key, r.ID)
		}
	case WhatReport:
		if r.Told.Report.IsZero() {
			r.Told.Report = p.Now
			raiseLast(p, r.Key, r.ID)
			markAnswer(p, p.Document.Message(r.ID))
		}
	}
}

// toldWave returns what has been published of a wave after one more piece of its news. That it is done counts only after that it began: else the
// document would forget to publish the beginning.
func toldWave(told state.WaveTold, what What) state.WaveTold {
	switch {
	case what == WhatBegan && told == "":
		return state.ToldBegan
	case what == WhatDone && told == state.ToldBegan:
		return state.ToldDone
	default:
		return told
	}
}

// markMember writes down what was published of a member. Its end counts only after its acceptance: else the document would forget to publish
// that. Nothing needs RDS's id of the call any more, which would be most of the document.
func markMember(p *Plan, r *state.Rollout, m *state.Member, what What) {
	if what == WhatAccepted && m.Told == "" && m.Accepted() {
		m.Told, m.Call.RequestID = state.ToldAccepted, ""
	}
	if what != WhatEnd || !m.Untold() || m.Told == "" && m.Accepted() {
		return
	}
	m.Told = state.ToldEnd
	if known := p.Document.Instance(m.DBInstanceID); known != nil && known.Fail != nil && known.Fail.Rollout == r.ID {
		known.Fail.At = p.Now
	}
}

// raiseLast moves the latest end of a key to the moment at which it was published, if that end is still the given rollout's, or nobody's.
func raiseLast(p *Plan, key, rollout string) {
	if last, found := p.Document.Last[key]; found && last.Rollout == rollout && last.At.Before(p.Now) {
		last.At = p.Now
		p.Document.Last[key] = last
	}
}

// Progress returns how far a rollout has come, and what follows, in words for people.
func (p *Plan) Progress(r *state.Rollout) string {
	flying := r.Count(state.Intent, state.Called)
	switch {
	case r.State == state.Waiting:
		if front := Front(p.Document); front != nil && front.ID != r.ID && !single(r) {
			return "it waits for rollout " + front.ID
		}
		return "it begins with the next look at the fleet"
	case r.State == state.Halted:
		return fmt.Sprintf("it was halted (%s); %d are still in flight", r.Halt, flying)
	case r.State == state.Closed:
		return "it has ended"
	case single(r):
		return fmt.Sprintf("%d in flight", flying)
	}
	parts := []string{fmt.Sprintf("%d proven", r.Count(state.Proven))}
	if flying > 0 {
		parts = append(parts, fmt.Sprintf("%d in flight", flying))
	}
	wave := nextWave(r)
	if wave == 0 {
		return strings.Join(append(parts, "no further wave follows"), ", ")
	}
	parts = append(parts, fmt.Sprintf("wave %d of %d is next, with %d waiting", wave, len(r.Waves), r.Count(state.Pending)))
	if end := BakeEnd(p.Document, r, wave, p.Policy); p.Now.Before(end) {
		parts = append(parts, "not before "+Stamp(end)+", when the bake ends")
	}
	return strings.Join(parts, ", ")
}
