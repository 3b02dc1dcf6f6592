package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
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
	if want := r.Request.PlanHash; want != "" && want != hashOf(choices) {
		refuse(p, r, fmt.Sprintf("planHash: the plan is no longer %s but %s: the fleet has changed; send the request in mode plan again, and look at it",
			want, hashOf(choices)))
		return
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
		return leave(m, p.Now, &skip{c.skip.reason, short(c.skip.detail, maxWhy)})
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
		w := state.Wave{Number: n, Stage: stages[n]}
		if asked := q.waves(); w.Stage < len(asked) {
			w.Why = describeWave(asked[w.Stage])
		}
		waves = append(waves, w)
	}
	return waves
}

// Preview returns the rollout that a request would begin, and the hash of its plan. Its pending members have a Call that says when they would be
// called as things are now; such a rollout never stands in a document. What was seen is taken into account as Open does it, so that a plan that is
// asked for by its hash is the plan that was shown.
func (p *Plan) Preview(q Request, seen []fleet.Instance) (r *state.Rollout, hash string) {
	r = rolloutOf(q, state.Open, p.Now)
	forgetLanded(p, seen)
	choices := choicesOf(p, r, seen)
	question := p.question(q.Request)
	r.Notes, r.Waves = question.notes(choices), wavesOf(choices, question)
	for _, c := range choices {
		m := memberOf(p, r, c)
		if c.chosen() {
			m.Call = &state.Call{At: p.Now, Due: c.at.Due, UpgradeTime: c.at.UpgradeTime, SwitchTime: c.at.SwitchTime, Moved: c.at.Moved}
		}
		r.Members = append(r.Members, m)
	}
	return r, hashOf(choices)
}

// hashOf names a plan by what it would do: the same plan has the same hash.
func hashOf(choices []*choice) string {
	lines := make([]string, 0, len(choices))
	for _, c := range choices {
		line := []string{c.instance.ID, "plan", "", c.target, string(c.at.UpgradeTime), Stamp(c.at.SwitchTime), strconv.Itoa(c.wave)}
		if !c.chosen() {
			line = []string{c.instance.ID, "skipped", string(c.skip.reason), c.target, "", "", "0"}
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return Digest(lines...)
}
