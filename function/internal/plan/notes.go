package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rds-kernel-upgrade/events"
)

const (
	// maxWhy bounds a text that stands in the document once for each member.
	maxWhy = 400
	// maxNote bounds a note.
	maxNote = 1000
	// maxNamed bounds how many values a note lists.
	maxNamed = 5
)

// short cuts a text that RDS, or a request, may have made as long as it likes.
func short(text string, most int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len("…")], "") + "…"
}

// notes returns what in a request, or in the windows that hold for it, is allowed and yet probably not meant.
func (q question) notes(choices []*choice) []string {
	notes := q.Policy.ZoneNotes(q.Now)
	if len(notes) > 0 {
		for _, opening := range q.Policy.Openings(q.Now) {
			notes = append(notes, "next window: "+opening.String())
		}
	}
	if q.request.Fleet != nil {
		notes = append(notes, emptyStages(q, choices)...)
	}
	for n := range notes {
		notes[n] = short(notes[n], maxNote)
	}
	return notes
}

// emptyStages names the stages of the rollout that no instance is in: what was to be tried there first is not.
func emptyStages(q question, choices []*choice) (notes []string) {
	waves, chosen := q.request.Fleet.Rollout.Waves, placesOf(choices)
	if len(chosen) == 0 {
		return nil
	}
	filled := map[int]bool{}
	for _, c := range choices {
		if c.chosen() {
			stage, _ := q.stageOf(c.instance, chosen)
			filled[stage] = true
		}
	}
	for n, w := range waves {
		last := n == len(waves)-1 && w.Percent >= 100 // it takes what is left, if anything is
		if !filled[n] && !last {
			notes = append(notes, fmt.Sprintf("rollout.waves[%d] (%s) has none of the %d instances that are to be upgraded%s", n, describeWave(w), len(chosen), namesakes(w, choices)))
		}
	}
	return notes
}

// describeStage returns a stage of the request in words, "" if the request has none.
func describeStage(q question, n int) string {
	if q.request.Fleet == nil || n >= len(q.request.Fleet.Rollout.Waves) {
		return ""
	}
	return describeWave(q.request.Fleet.Rollout.Waves[n])
}

func describeWave(w events.Wave) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(w.Tags)) {
		parts = append(parts, key+"="+w.Tags[key])
	}
	if w.Percent > 0 {
		parts = append(parts, fmt.Sprintf("%v %%", w.Percent))
	}
	return short(strings.Join(parts, ", "), maxWhy)
}

// namesakes returns what a stage by tags may have meant: instances that have the tags and are left alone, or other values of its tags.
func namesakes(w events.Wave, choices []*choice) string {
	if len(w.Tags) == 0 {
		return "; the stages before it have them all"
	}
	same, values := 0, map[string]map[string]bool{}
	for _, c := range choices {
		if c.instance.Has(w.Tags) {
			same++
		}
		for key := range w.Tags {
			if value, found := c.instance.Tags[key]; found && c.chosen() {
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
		text += fmt.Sprintf("; of these, %s has %s", key, strings.Join(named(values[key]), ", "))
	}
	return short(text, maxNote)
}

// named returns the first of some values.
func named(values map[string]bool) []string {
	have := slices.Sorted(maps.Keys(values))
	if more := len(have) - maxNamed; more > 0 {
		have = append(have[:maxNamed], fmt.Sprintf("and %d more", more))
	}
	if len(have) == 0 {
		have = []string{"no value at all"}
	}
	return have
}
