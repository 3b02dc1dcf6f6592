package plan

import (
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// Openings returns the rollouts whose members can be fixed now: every request for one instance, and the rollout at the front.
func (p *Plan) Openings() (all []*state.Rollout) {
	front := Front(p.Document)
	for _, r := range p.Document.Rollouts {
		if r.State == state.Waiting && (single(r) || r == front) && p.Policy.Mode == policy.Apply {
			all = append(all, r)
		}
	}
	return all
}

// Open fixes the members of a rollout: every selected instance, with its target and its wave, or the reason for which it is left out. err is why
// the fleet could not be listed.
func (p *Plan) Open(r *state.Rollout, seen []fleet.Instance, err error) {
	forgetLanded(p, seen)
	if why := unread(r, seen, err); why != nil {
		openLater(p, r, why)
		return
	}
	choices := choicesOf(p, r, seen)
	if want := r.Request.PlanHash; want != "" {
		if have := hashOf(choices); want != have {
			refuse(p, r, fmt.Sprintf("planHash: the plan is no longer %s but %s: the fleet has changed; send the request in mode plan again, and look at it", want, have))
			return
		}
	}
	r.State, r.Since, r.TriedSince = state.Open, p.Now, time.Time{}
	q := p.question(r.Request)
	r.Notes, r.Waves = q.notes(choices), wavesOf(choices, q)
	members := make([]state.Member, 0, len(choices))
	for _, c := range choices {
		members = append(members, memberOf(p, r, c))
	}
	r.Enrol(members)
	conclude(p)
}

// unread returns why too little was seen of a fleet to fix its members, nil if it was enough. Of a fleet, a few may be missing: they are left out.
func unread(r *state.Rollout, seen []fleet.Instance, err error) *fault.Error {
	if err != nil {
		return fault.From(err)
	}
	const few = 10 // of a hundred
	missing := 0
	var last *fault.Error
	for _, i := range seen {
		if i.Fault != nil && fault.Passing(i.Fault) {
			missing, last = missing+1, i.Fault
		}
	}
	if missing == 0 || !single(r) && missing*100 <= few*len(seen) {
		return nil
	}
	return &fault.Error{Kind: last.Kind, Message: fmt.Sprintf("%d of %d instances could not be read: %v", missing, len(seen), last)}
}

// openLater leaves a rollout waiting for a fleet that cannot be read now, for as long as verify.giveUp; or refuses it, if that does not pass.
func openLater(p *Plan, r *state.Rollout, why *fault.Error) {
	if r.TriedSince.IsZero() {
		r.TriedSince = p.Now
	}
	passing := fault.Passing(why) || why.Kind == fault.Conflict // of a list that cannot be had now
	if passing && p.Now.Before(r.TriedSince.Add(time.Duration(p.Policy.Verify.GiveUp))) {
		return
	}
	refuse(p, r, "the fleet cannot be listed: "+why.Error())
}

// refuse takes back a rollout that has no members: its message gets that as its answer.
func refuse(p *Plan, r *state.Rollout, why string) {
	p.Document.Rollouts = slices.DeleteFunc(p.Document.Rollouts, func(other *state.Rollout) bool { return other == r })
	if m := p.Document.Message(r.ID); m != nil {
		m.Answer, m.Rollout, m.Detail = state.AnswerRefused, "", why
	}
	rememberEnd(p.Document, r.Key, state.Last{At: p.Now, Ended: state.EndedClosed})
}

// memberOf returns the member of a rollout that a choice makes.
func memberOf(p *Plan, r *state.Rollout, c *choice) state.Member {
	i := c.instance
	m := state.Member{
		DBInstanceID: i.ID, RegionID: i.RegionID, Engine: i.Engine, EngineVersion: i.EngineVersion, AutoUpgradeMinorVersion: i.AutoUpgradeMinorVersion,
		Before: i.CurrentKernelVersion, Target: c.target, Verdict: c.verdict, Wave: c.wave, State: state.Pending,
	}
	switch {
	case c.chosen():
		m.Why = short(c.why, maxWhy)
		return m
	case single(r) && i.Fault != nil && i.Fault.Kind != fault.Conflict:
		m.State, m.End = state.Failed, failure(i.Fault, p.Now)
		return m
	default:
		return leave(m, p.Now, c.skip.reason, "%s", short(c.skip.detail, maxWhy))
	}
}

// failure returns the end of a member whose call, or whose look, was refused for good.
func failure(f *fault.Error, now time.Time) *state.End {
	return &state.End{At: now, Kind: f.Kind, Code: f.Code, RequestID: f.RequestID, Detail: short(f.Message, maxWhy)}
}

// wavesOf returns the waves of the choices, each with its stage in words.
func wavesOf(choices []*choice, q question) (waves []state.Wave) {
	stages := map[int]int{}
	last := 0
	for _, c := range choices { // what is left out has wave 0
		stages[c.wave], last = c.stage, max(last, c.wave)
	}
	for n := 1; n <= last; n++ {
		waves = append(waves, state.Wave{Number: n, Stage: stages[n], Why: describeStage(q, stages[n])})
	}
	return waves
}
