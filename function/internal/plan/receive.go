package plan

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/state"
)

// Request is a message that asks for something, read.
type Request struct {
	// ID is the message's, see MessageID.
	ID string
	// Published is when it was sent; zero if the envelope does not say.
	Published time.Time
	Cause     state.Cause
	Request   events.Request
}

const (
	// maxAge is how old a message may be. The document remembers messages a day longer.
	maxAge = 7 * 24 * time.Hour
	// maxMessages is how many messages the document holds at most, so that a flood of them does not make it too large to be read and written: what
	// comes beyond is refused, and forgotten once that was published (see Tidy). A message that was served is never forgotten early: if it were
	// delivered again, nothing would say that it had been.
	maxMessages = 5000
	// reserved is how many messages beyond that may be stops, and for how many others a flood of requests for plans leaves room: a flood must
	// keep nobody from stopping what it has begun.
	reserved = 1000
)

// Receive writes down what a message asks for, and what becomes of that. The first line that fits holds:
//
//	the message                                              becomes
//	it was received before                                   nothing: it was delivered again
//	the document has as many messages as it may hold         refused
//	it is older than 7 days                                  refused
//	it selects a region that is none of the policy's         refused
//	it is a stop                                             see stop
//	the same is waiting or open, or its halt is unpublished  joined: it begins nothing
//	it was sent before the latest end of the same            joined: it is to be sent again if it is still wanted;
//	                                                         refused, if no rollout was what ended
//	it is a sweep, and a rollout of a fleet is live          joined: it names that rollout
//	anything else                                            a rollout that waits for its turn
func (p *Plan) Receive(q Request) {
	if p.Document.Message(q.ID) != nil {
		return
	}
	m := &state.Message{ID: q.ID, Received: p.Now, Published: q.Published, Cause: q.Cause}
	p.Document.Messages = append(p.Document.Messages, m)
	m.Answer, m.Rollout, m.Detail = answerTo(p, q, m)
}

// Given writes down that a message which changes nothing was answered: from then on it was received. One that finds no place is forgotten: delivered
// again it is answered again.
func (p *Plan) Given(q Request) {
	if p.Document.Message(q.ID) != nil || len(p.Document.Messages) >= maxMessages-reserved {
		return
	}
	p.Document.Messages = append(p.Document.Messages, &state.Message{
		ID: q.ID, Received: p.Now, Published: q.Published, Cause: q.Cause, Answer: state.AnswerGiven, Told: p.Now,
	})
}

// answerTo decides what a message becomes.
func answerTo(p *Plan, q Request, m *state.Message) (a state.Answer, rollout, detail string) {
	if refusal := cmp.Or(crowded(p.Document, q.Request), p.Refusal(q)); refusal != "" {
		return state.AnswerRefused, "", refusal
	}
	if q.Request.Kind == events.KindStop {
		return stopAll(p, *q.Request.Stop, m)
	}
	key := KeyOf(q.Request)
	if r := underWay(p.Document, key); r != nil && r.Live() {
		return state.AnswerJoined, r.ID, "the same was asked for before and is under way: " + p.Progress(r)
	} else if r != nil { // whoever sent the message could not know of the halt
		return state.AnswerJoined, r.ID, "the same was halted (" + r.Halt + "), and that is being published only now: send it again if it is still wanted"
	}
	last := p.Document.Last[key]
	if stopped := p.Document.Last[advisoryKey(AdvisoryOf(q.Request))]; stopped.At.After(last.At) {
		last = stopped // by the advisory's id, whatever the selection
	}
	if !SentAt(q.Published, p.Now).Truncate(time.Second).After(last.At) {
		detail = fmt.Sprintf("the same was %s at %s, after this message was sent: send it again if it is still wanted", last.Ended, Stamp(last.At))
		if last.Rollout == "" {
			return state.AnswerRefused, "", detail
		}
		return state.AnswerJoined, last.Rollout, detail
	}
	if r := Front(p.Document); r != nil && q.Request.Kind == events.KindSweep {
		return state.AnswerJoined, r.ID, "a sweep begins only when no rollout is under way, and rollout " + r.ID + " is: " + p.Progress(r)
	}
	p.Document.Rollouts = append(p.Document.Rollouts, rolloutOf(q, state.Waiting, p.Now))
	return state.AnswerBegan, q.ID, ""
}

// rolloutOf returns the rollout that a message begins, without its members.
func rolloutOf(q Request, s state.RolloutState, now time.Time) *state.Rollout {
	return &state.Rollout{
		ID: q.ID, Key: KeyOf(q.Request), State: s, Since: now, Severity: advisoryOf(q.Request).Severity, Published: q.Published, Received: now,
		Cause: q.Cause, Request: q.Request,
	}
}

// crowded returns why a message finds no place in the document, "" if it does. The message itself is already among those that it counts.
func crowded(d *state.Document, r events.Request) string {
	most := maxMessages
	if r.Kind == events.KindStop {
		most += reserved
	}
	if len(d.Messages) <= most {
		return ""
	}
	return fmt.Sprintf("too many requests: the document holds %d of the last days, which is the most: send this one again later, and ask for many instances with one request", most)
}

// Refusal returns why a request is not served, "" if it is.
func (s Setting) Refusal(q Request) string {
	if sent := SentAt(q.Published, s.Now); s.Now.Sub(sent) > maxAge {
		return "the message was sent at " + Stamp(sent) + ", more than 7 days ago: send it again if it is still wanted"
	}
	if q.Request.Fleet == nil {
		return ""
	}
	_, refusal := s.Policy.SelectRegions(q.Request.Fleet.Select.RegionIDs, s.Region)
	return refusal
}

// SentAt returns when a message was sent, as far as that can be believed: one that was sent after it was read has met a wrong clock.
func SentAt(published, read time.Time) time.Time {
	if published.IsZero() || published.After(read) {
		return read
	}
	return published
}

// underWay returns the rollout of a key that another request joins, nil if there is none.
func underWay(d *state.Document, key string) *state.Rollout {
	for _, r := range d.WithKey(key) {
		if r.Live() || r.State == state.Halted && r.Told.Halted.IsZero() {
			return r
		}
	}
	return nil
}

// advisoryKey is the key of all that is asked for by reason of an advisory.
func advisoryKey(id string) string { return "advisory " + id }

// rolloutKey is the key of one rollout.
func rolloutKey(id string) string { return "rollout " + id }

// meant returns the rollouts that a stop's key means.
func meant(d *state.Document, key string) (all []*state.Rollout) {
	for _, r := range d.Rollouts {
		if key == rolloutKey(r.ID) || key == advisoryKey(AdvisoryOf(r.Request)) {
			all = append(all, r)
		}
	}
	return all
}

// stopAll halts every live rollout that it means. It also ends what it means when there is nothing yet, so that a message that is still on its way
// begins nothing. It is answered when no intent of what it means is left: then nothing is called any more.
func stopAll(p *Plan, s events.Stop, m *state.Message) (a state.Answer, rollout, detail string) {
	if s.Rollout != "" && p.Document.Rollout(s.Rollout) == nil {
		return state.AnswerRefused, "", "there is no rollout " + s.Rollout + ": send {\"kind\":\"status\"} for those that there are"
	}
	if m.Key = rolloutKey(s.Rollout); s.Rollout == "" {
		m.Key = advisoryKey(s.Advisory)
		rememberEnd(p.Document, m.Key, state.Last{At: p.Now, Ended: state.EndedStopped})
	}
	var stopped []string
	for _, r := range meant(p.Document, m.Key) {
		rollout = r.ID
		if r.Live() {
			halt(p, r, "an operator stopped it", state.EndedStopped)
			stopped = append(stopped, r.ID)
		}
	}
	if len(stopped) == 0 {
		return state.AnswerStopped, rollout, "nothing that it means was under way; what was sent before it begins nothing"
	}
	return state.AnswerStopped, rollout, "stopped: " + strings.Join(stopped, ", ") + "; nothing more is called, and what is in flight is proven and published"
}

// rememberEnd remembers the latest end of a key.
func rememberEnd(d *state.Document, key string, last state.Last) {
	if d.Last == nil {
		d.Last = map[string]state.Last{}
	}
	d.Last[key] = last
}

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
