package upgrade

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/policy"
)

// Notes says what in a request, or in the windows that hold for it, is allowed and yet probably not meant, as the plan shows it.
func (q Question) Notes(plan []Decision) []string {
	if q.Mode == policy.Off {
		return nil
	}
	notes := q.Policy.ZoneNotes(q.Now)
	if len(notes) > 0 {
		for _, opening := range q.Policy.Openings(q.Now) {
			notes = append(notes, "next window: "+opening.String())
		}
	}
	if q.Request.Fleet != nil {
		notes = append(notes, q.emptyStages(plan)...)
	}
	for n := range notes {
		notes[n] = short(notes[n], maxProblem)
	}
	return notes
}

// emptyStages names the stages of the rollout that no instance is in: what was to be tried there first is not.
func (q Question) emptyStages(plan []Decision) (notes []string) {
	waves := q.Request.Fleet.Rollout.Waves
	members := q.membersOf(plan)
	if len(members) == 0 {
		return nil
	}
	filled := map[int]bool{}
	for _, d := range plan {
		if d.member() {
			stage, _ := q.stageOf(d.Instance, members)
			filled[stage] = true
		}
	}
	for n, w := range waves {
		last := n == len(waves)-1 && w.Percent >= 100 // it takes what is left, if anything is
		if !filled[n] && !last {
			notes = append(notes, fmt.Sprintf("rollout.waves[%d] (%s) has none of the %d instances that are to be upgraded%s", n, describeWave(w), len(members), namesakes(w, plan)))
		}
	}
	return notes
}

// member reports whether the rollout upgrades the instance, has upgraded it, or is about to.
func (d Decision) member() bool { return d.Step != nil || d.Wait || d.Alive || d.Past != nil }

func describeWave(w events.Wave) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(w.Tags)) {
		parts = append(parts, key+"="+w.Tags[key])
	}
	if w.Percent > 0 {
		parts = append(parts, fmt.Sprintf("%v %%", w.Percent))
	}
	return short(strings.Join(parts, ", "), maxDetail)
}

// maxNamed bounds how many values a note lists.
const maxNamed = 5

// namesakes says what a stage by tags may have meant: instances that have the tags and are left alone, or other values of its tags.
func namesakes(w events.Wave, plan []Decision) string {
	if len(w.Tags) == 0 {
		return "; the stages before it have them all"
	}
	same := 0
	values := map[string]map[string]bool{}
	for _, d := range plan {
		if d.Instance.has(w.Tags) {
			same++
		}
		for key := range w.Tags {
			if value, found := d.Instance.Tags[key]; found && d.member() {
				if values[key] == nil {
					values[key] = map[string]bool{}
				}
				values[key][value] = true
			}
		}
	}
	if same > 0 {
		return fmt.Sprintf("; left alone, or in a stage before it, and with its tags: %d", same)
	}
	text := ""
	for _, key := range slices.Sorted(maps.Keys(w.Tags)) {
		have := slices.Sorted(maps.Keys(values[key]))
		if more := len(have) - maxNamed; more > 0 {
			have = append(have[:maxNamed], fmt.Sprintf("and %d more", more))
		}
		if len(have) == 0 {
			have = []string{"no value at all"}
		}
		text += fmt.Sprintf("; of these, %s has %s", key, strings.Join(have, ", "))
	}
	return short(text, maxProblem)
}
