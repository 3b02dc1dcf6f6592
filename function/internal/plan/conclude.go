package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// conclude brings every rollout into the state that its members and the policy put it into.
func conclude(p *Plan) {
	for _, r := range p.Document.Rollouts {
		if why := haltReason(p.Policy.Mode, r); why != "" {
			halt(p, r, why, state.EndedHalted)
		}
		if r.State == state.Halted {
			leaveRest(r, p.Now) // what has come back since it was halted, too
		}
		finishWaves(r, p.Now)
		if r.State == state.Open && r.Count(state.Pending, state.Intent, state.Called) == 0 {
			r.State, r.Since = state.Closed, p.Now
			rememberEnd(p.Document, r.Key, state.Last{At: p.Now, Ended: state.EndedClosed, Rollout: r.ID})
		}
	}
	forgetWaiting(p.Document)
}

// haltReason returns why a live rollout calls nothing more, "" if it goes on.
func haltReason(mode policy.Mode, r *state.Rollout) string {
	switch {
	case !r.Live():
		return ""
	case mode != policy.Apply:
		return fmt.Sprintf("the policy's mode is %s", mode)
	case single(r):
		return ""
	}
	return cmp.Or(overdrawn(r), hopeless(r))
}

// failed returns the members that count against maxFailures.
func failed(r *state.Rollout) []*state.Member { return r.In(state.Failed, state.Unverified) }

// Allowed returns how many calls of a rollout may still fail before it halts; negative: any number.
func Allowed(r *state.Rollout) int {
	if single(r) {
		return -1
	}
	return max(0, r.Request.Fleet.Rollout.MaxFailures-len(failed(r)))
}

// overdrawn says that more have failed than the request allows, "" if not.
func overdrawn(r *state.Rollout) string {
	all, allowed := failed(r), r.Request.Fleet.Rollout.MaxFailures
	if len(all) <= allowed {
		return ""
	}
	names := make([]string, 0, len(all))
	for _, m := range all {
		names = append(names, m.DBInstanceID+" "+string(m.State))
	}
	return fmt.Sprintf("%d did not succeed, and the request allows %d: %s", len(all), allowed, listed(names))
}

// hopeless says that a wave has ended of which no instance was proven, and that others would follow it; "" if there is none.
func hopeless(r *state.Rollout) string {
	wave, last, proven := waveAfterAll(r), 0, map[int]bool{}
	for n := range r.Members {
		if m := &r.Members[n]; m.Wave < wave { // those of wave 0 have ended, and are not proven
			last, proven[m.Wave] = max(last, m.Wave), proven[m.Wave] || m.State == state.Proven
		}
	}
	if last == 0 || proven[last] {
		return ""
	}
	return fmt.Sprintf("no instance of wave %d was upgraded, so that nothing is proven for the waves after it", last)
}

// nextWave returns the first wave that has members which wait for their turn, 0 if none does.
func nextWave(r *state.Rollout) (wave int) {
	for n := range r.Members {
		if m := &r.Members[n]; m.State == state.Pending && (wave == 0 || m.Wave < wave) {
			wave = m.Wave
		}
	}
	return wave
}

// waveAfterAll returns nextWave once every member of the waves before it has ended, else 0.
func waveAfterAll(r *state.Rollout) int {
	wave := nextWave(r)
	if slices.ContainsFunc(r.In(state.Intent, state.Called), func(m *state.Member) bool { return m.Wave < wave }) {
		return 0
	}
	return wave
}

// halt stops a live rollout: what waits for its turn is left out, and what is in flight is still proven.
func halt(p *Plan, r *state.Rollout, why string, how state.Ending) {
	r.State, r.Since, r.Halt = state.Halted, p.Now, why
	if u := r.Request.Upgrade; single(r) && len(r.Members) == 0 {
		r.Enrol([]state.Member{{DBInstanceID: u.DBInstanceID, RegionID: p.question(r.Request).region(), Wave: 1, State: state.Pending, Target: u.TargetMinorVersion}})
	}
	leaveRest(r, p.Now)
	rememberEnd(p.Document, r.Key, state.Last{At: p.Now, Ended: how, Rollout: r.ID})
}

// leaveRest leaves out what waits for its turn in a rollout that was halted.
func leaveRest(r *state.Rollout, now time.Time) {
	for _, m := range r.In(state.Pending) {
		why := &skip{Held, "the rollout was halted: " + r.Halt}
		if m.Busy != "" {
			why = &skip{InProgress, "the rollout was halted when it waited for its turn: " + m.Busy}
		}
		*m = leave(*m, now, why)
	}
}

// finishWaves writes down when waves were done.
func finishWaves(r *state.Rollout, now time.Time) {
	left := map[int]bool{}
	for _, m := range r.In(state.Pending, state.Intent, state.Called) {
		left[m.Wave] = true
	}
	for n := range r.Waves {
		if w := &r.Waves[n]; w.Done.IsZero() && !w.Began.IsZero() && !left[w.Number] {
			w.Done = now
		}
	}
}

// forgetWaiting forgets since when members wait, in the rollouts whose turn it is not.
func forgetWaiting(d *state.Document) {
	front := Front(d)
	for _, r := range d.Rollouts {
		if r != front && !single(r) {
			for _, m := range r.In(state.Pending) {
				m.WantedSince = time.Time{}
			}
		}
	}
}

// BakeEnd returns when all that the waves before one have proven has been running for as long as the bake is: since the latest proof of one of their
// instances, whichever rollout made it, and since the latest late landing.
func BakeEnd(d *state.Document, r *state.Rollout, wave int, p policy.Policy) time.Time {
	var from time.Time
	before := map[string]bool{}
	for n := range r.Members {
		if m := &r.Members[n]; m.Wave > 0 && m.Wave < wave {
			before[m.DBInstanceID] = true
		}
	}
	for _, other := range d.Rollouts {
		for _, m := range other.In(state.Proven) {
			if before[m.DBInstanceID] {
				from = Later(m.End.At, from)
			}
		}
	}
	for _, i := range d.Instances {
		if before[i.DBInstanceID] {
			from = Later(i.Landed, from)
		}
	}
	return from.Add(BakeOf(r, p))
}

// BakeOf returns how long what a wave of a fleet's rollout has proven must run before the next wave begins: what the request says, or
// else the policy.
func BakeOf(r *state.Rollout, p policy.Policy) time.Duration {
	if asked := r.Request.Fleet.Rollout.Bake; asked != nil {
		return *asked
	}
	if bake := p.Pace(r.Severity).Bake; bake != nil {
		return time.Duration(*bake)
	}
	return 0
}

// openWave returns the wave whose members may be called now, 0 if there is none. It is the first that has members which wait for their turn, once
// every member of the waves before it has ended and their bake is over; conclude has halted the rollout if none of them was proven.
func openWave(p *Plan, r *state.Rollout) int {
	wave := waveAfterAll(r)
	if p.Now.Before(BakeEnd(p.Document, r, wave, p.Policy)) {
		return 0
	}
	return wave
}

// Tidy removes from the document what is over and old, and is needed by no bake of the policy or of a rollout that has not ended; and, the newest
// first, what was refused because the document holds as many messages as it may, once that was published.
func (p *Plan) Tidy() {
	bake := p.Policy.LongestBake()
	for _, r := range p.Document.Rollouts {
		if !single(r) && !r.Ended() {
			bake = max(bake, BakeOf(r, p.Policy))
		}
	}
	d := p.Document
	d.Prune(p.Now, bake)
	for n := len(d.Messages) - 1; n >= 0 && len(d.Messages) > maxMessages; n-- {
		if m := d.Messages[n]; m.Answer == state.AnswerRefused && !m.Told.IsZero() {
			d.Messages = slices.Delete(d.Messages, n, n+1)
		}
	}
}
