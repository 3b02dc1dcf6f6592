package notice

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// answer returns the answer to a message that began nothing: it joined a rollout, was refused, or stopped something. The account of one that
// began a rollout is the rollout's report.
func (f From) answer(d *state.Document, m *state.Message) []Notification {
	if m == nil {
		return nil
	}
	about := cmp.Or(d.Rollout(m.Rollout), &state.Rollout{})
	asker := &state.Rollout{ID: m.ID, Cause: m.Cause, Request: about.Request}
	var n Notification
	switch m.Answer {
	case state.AnswerRefused:
		n = f.rejected(asker, m.Received, []string{m.Detail})
	case state.AnswerJoined, state.AnswerStopped:
		n = f.note(asker, m.Received, cmp.Or(m.Detail, "it was "+string(m.Answer)))
		if m.Answer == state.AnswerStopped {
			n.Data.Counts = countsOf(about)
		}
	default:
		return nil
	}
	n.Data.Joined = m.Rollout
	return []Notification{n}
}

// note returns a report without instances.
func (f From) note(r *state.Rollout, at time.Time, detail string) Notification {
	n := subject{from: f, rollout: r}.notification(Reported, at, "", "")
	n.Data.Detail, n.Data.Mode = short(detail, maxText), f.Policy.ModeOf(events.Request{})
	n.Data.Counts, n.Data.Instances = map[Status]int{}, []Entry{}
	return n
}

// Rejected returns that a message is no request, or cannot be served, and all that is wrong with it. The rollout is what the message would have
// begun.
func (f From) Rejected(rollout string, cause state.Cause, problems []string) Notification {
	return f.rejected(&state.Rollout{ID: rollout, Cause: cause}, f.Now, problems)
}

func (f From) rejected(r *state.Rollout, at time.Time, problems []string) Notification {
	n := subject{from: f, rollout: r}.notification(Rejected, at, "", "")
	n.Data.Problems = shortAll(slices.DeleteFunc(slices.Clone(problems), func(p string) bool { return p == "" }), maxProblems)
	if len(n.Data.Problems) == 0 {
		n.Data.Problems = []string{"it is not served, and no reason is known"}
	}
	return n
}

// Progress is how far one rollout has come.
type Progress struct {
	Rollout      string             `json:"rollout"`
	State        state.RolloutState `json:"state"`
	Since        string             `json:"since"` // when it came into that state
	Kind         events.Kind        `json:"kind"`
	DBInstanceID string             `json:"DBInstanceId,omitempty"` // of kind upgrade
	Advisory     string             `json:"advisory,omitempty"`
	Severity     string             `json:"severity,omitempty"`
	Wave         int                `json:"wave,omitempty"`  // the latest that has begun
	Waves        int                `json:"waves,omitempty"` // the number of the last one
	Counts       map[Status]int     `json:"counts"`          // all instances, by status
	Detail       string             `json:"detail"`
}

// Status returns the answer to a request of kind status: what is under way, what waits, and what is halted, in the order of the document. The
// rollout is what names the request.
func (f From) Status(rollout string, cause state.Cause, d *state.Document) []Notification {
	front := plan.Front(d)
	list := []Progress{}
	many := map[state.RolloutState]int{}
	for _, r := range d.Rollouts {
		if r.State != state.Closed {
			list = append(list, subject{f, d, r}.progress(front))
			many[r.State]++
		}
	}
	detail := "no rollout is under way, and none waits"
	if len(list) > 0 {
		detail = fmt.Sprintf("rollouts: %d under way, %d waiting, %d halted", many[state.Open], many[state.Waiting], many[state.Halted])
	}
	head := f.note(&state.Rollout{ID: rollout, Cause: cause}, f.Now, detail)
	return inParts(head, list, func(d *Data) *[]Progress { return &d.Rollouts })
}

func (s subject) progress(front *state.Rollout) Progress {
	r := s.rollout
	p := Progress{
		Rollout: r.ID, State: r.State, Since: plan.Stamp(cmp.Or(r.Since, s.from.Now)), Kind: r.Request.Kind, DBInstanceID: word(r.Request.Upgrade.DBInstanceID),
		Advisory: word(plan.AdvisoryOf(r.Request)), Severity: r.Severity, Wave: current(r).Number, Counts: countsOf(r),
		Detail: short(s.progressWords(front), maxText),
	}
	if len(r.Waves) > 0 {
		p.Waves = r.Waves[len(r.Waves)-1].Number
	}
	return p
}

// current returns the latest wave that has begun, the zero Wave if none has.
func current(r *state.Rollout) (latest state.Wave) {
	for _, w := range r.Waves {
		if !w.Began.IsZero() {
			latest = w
		}
	}
	return latest
}

// progressWords says how far the rollout has come, and what it waits for.
func (s subject) progressWords(front *state.Rollout) string {
	r, wave, text := s.rollout, current(s.rollout), "no wave has begun"
	switch {
	case r.State == state.Halted:
		return fmt.Sprintf("halted: %s; in flight: %d", r.Halt, r.Count(state.Intent, state.Called))
	case r.State == state.Waiting:
		text = "it has not looked at its instances yet"
	case !wave.Done.IsZero():
		text = s.doneWords(wave)
	case wave.Number > 0:
		t := tally(r, wave.Number)
		text = fmt.Sprintf("%s is under way, with %s: proven %d, out %d", nameOf(r, wave.Number), instances(t.all), t.proven, t.out)
	}
	if waits(r, front) {
		text = join(text, goesFirst(front, r))
	}
	return text
}
