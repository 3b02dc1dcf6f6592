package notice

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// waiting returns that the rollout waits for the one whose turn it is.
func (s subject) waiting(front *state.Rollout) []Notification {
	if !waits(s.rollout, front) {
		return nil
	}
	return []Notification{s.wave(plan.Later(s.rollout.Since, front.Received), EventWaiting, 0, "it waits: "+goesFirst(front, s.rollout))}
}

// waits reports whether another rollout goes first. A request for one instance waits for no rollout.
func waits(r, front *state.Rollout) bool {
	return r.Live() && r.Request.Fleet != nil && front != nil && front != r
}

// goesFirst says which rollout goes first, and why: see plan.Front.
func goesFirst(front, r *state.Rollout) string {
	why := "it was sent earlier"
	switch {
	case front.Severity != r.Severity:
		why = fmt.Sprintf("it is more severe (%s, and this one is %s)", severity(front), severity(r))
	case front.State == state.Open && r.State == state.Waiting:
		why = "it is under way"
	}
	return fmt.Sprintf("rollout %s (%s) goes first, because %s", front.ID, asked(front), why)
}

func severity(r *state.Rollout) string { return cmp.Or(r.Severity, "of unknown severity") }

// asked says what a rollout of a fleet is for.
func asked(r *state.Rollout) string {
	if id := plan.AdvisoryOf(r.Request); id != "" {
		return "advisory " + word(id)
	}
	return "a sweep"
}

// began returns that a wave began.
func (s subject) began(w state.Wave) []Notification {
	if w.Began.IsZero() {
		return nil
	}
	detail := fmt.Sprintf("%s has begun, with %s", nameOf(s.rollout, w.Number), instances(tally(s.rollout, w.Number).all))
	if w.Why != "" {
		detail += ": " + w.Why
	}
	return []Notification{s.wave(w.Began, EventBegan, w.Number, detail)}
}

// done returns that each member of a wave is proven, or is out.
func (s subject) done(w state.Wave) []Notification {
	if w.Done.IsZero() {
		return nil
	}
	return []Notification{s.wave(w.Done, EventProven, w.Number, s.doneWords(w))}
}

// wave returns a notification of type wave. The wave's number is 0 where there is none yet.
func (s subject) wave(at time.Time, event Event, number int, detail string) Notification {
	version := string(event)
	if number > 0 {
		version += " " + strconv.Itoa(number)
	}
	n := s.notification(WaveMoved, at, "", version)
	n.Data.Wave, n.Data.Event, n.Data.Detail = number, event, short(detail, maxText)
	return n
}

// doneWords says how many members of a wave are proven and how many are out, and what follows.
func (s subject) doneWords(w state.Wave) string {
	r, t := s.rollout, tally(s.rollout, w.Number)
	text := fmt.Sprintf("%s is done, with %s: proven %d, out %d (failed, unverified or left alone)", nameOf(r, w.Number), instances(t.all), t.proven, t.out)
	after := following(r, w.Number)
	switch {
	case r.Halt != "":
		return text + "; nothing follows, because the rollout was halted"
	case after == 0:
		return text + "; it was the last wave"
	case t.proven == 0:
		return text + "; nothing follows, because none was proven"
	}
	text += "; "
	if until := plan.BakeEnd(s.document, r, after, s.from.Policy); until.After(w.Done) {
		text += "it bakes until " + plan.Stamp(until) + ", then "
	}
	return text + nameOf(r, after) + " follows, as the policy's windows and budget permit"
}

// tallied is how many members of a wave have come how far.
type tallied struct{ all, proven, out int }

func tally(r *state.Rollout, number int) (t tallied) {
	for _, m := range r.Members {
		switch {
		case m.Wave != number:
			continue
		case m.State == state.Proven:
			t.proven++
		case m.State.Terminal():
			t.out++
		}
		t.all++
	}
	return t
}

// waveOf returns a wave of a rollout, the zero Wave if there is none.
func waveOf(r *state.Rollout, number int) (w state.Wave) {
	if n := slices.IndexFunc(r.Waves, func(w state.Wave) bool { return w.Number == number }); n >= 0 {
		w = r.Waves[n]
	}
	return w
}

// following returns the number of the wave that follows another one, 0 if there is none.
func following(r *state.Rollout, number int) int {
	for _, w := range r.Waves {
		if w.Number > number {
			return w.Number
		}
	}
	return 0
}

// nameOf returns "wave 2 of 4".
func nameOf(r *state.Rollout, number int) string {
	return fmt.Sprintf("wave %d of %d", number, r.Waves[len(r.Waves)-1].Number)
}
