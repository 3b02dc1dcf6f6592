package plan

import (
	"strconv"
	"strings"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/state"
)

// Preview returns the rollout that a request would begin, and the hash of its plan. Its pending members have a Call that says when they would be
// called as things are now; such a rollout never stands in a document. What was seen is taken into account as Open does it, so that a plan that is
// asked for by its hash is the plan that was shown.
func (p *Plan) Preview(q Request, seen []fleet.Instance) (r *state.Rollout, hash string) {
	r = &state.Rollout{
		ID: q.ID, Key: KeyOf(q.Request), State: state.Open, Since: p.Now, Severity: severityOf(q.Request), Published: q.Published, Received: p.Now,
		Cause: q.Cause, Request: q.Request,
	}
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
		line := []string{c.instance.ID, "skipped", "", c.target, "", "", "0"}
		if c.chosen() {
			line = []string{c.instance.ID, "plan", "", c.target, string(c.at.UpgradeTime), switchTime(c.at.UpgradeTime, stamp(c.at.SwitchTime)), strconv.Itoa(c.wave)}
		} else {
			line[2] = string(c.skip.reason)
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return Digest(lines...)
}

func switchTime(t events.UpgradeTime, at string) string {
	if t != events.SpecifyTime {
		return ""
	}
	return at
}
