package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/events"
)

const (
	// maxWhy bounds a text that stands in the document once for each member.
	maxWhy = 400
	// maxNote bounds a note.
	maxNote = 1000
	// maxNamed bounds how many names a text lists.
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

// Stamp writes a time as RDS does; the zero time is "".
func Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// notes returns what in a request, or in the windows that hold for it, is allowed and yet probably not meant.
func (q question) notes(choices []*choice) []string {
	notes := q.Policy.ZoneNotes(q.Now)
	if len(notes) > 0 {
		for _, opening := range q.Policy.Openings(q.Now) {
			notes = append(notes, "next window: "+opening.String())
		}
	}
	notes = append(notes, emptyStages(q, choices)...)
	for n := range notes {
		notes[n] = short(notes[n], maxNote)
	}
	return notes
}

// emptyStages names the stages of the rollout that no instance is in: what was to be tried there first is not.
func emptyStages(q question, choices []*choice) (notes []string) {
	waves, places := q.waves(), placesOf(choices)
	filled := map[int]bool{}
	for _, c := range chosenOf(choices) {
		stage, _ := q.stageOf(c.instance, places)
		filled[stage] = true
	}
	for n, w := range waves {
		last := n == len(waves)-1 && w.Percent >= 100 // it takes what is left, if anything is
		if len(places) > 0 && !filled[n] && !last {
			notes = append(notes, fmt.Sprintf("rollout.waves[%d] (%s) has none of the %d instances that are to be upgraded%s",
				n, describeWave(w), len(places), namesakes(w, choices)))
		}
	}
	return notes
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
	if same := slices.DeleteFunc(slices.Clone(choices), func(c *choice) bool { return !c.instance.Has(w.Tags) }); len(same) > 0 {
		return fmt.Sprintf("; left alone, or in a stage before it, and with its tags: %d", len(same))
	}
	text := ""
	for _, key := range slices.Sorted(maps.Keys(w.Tags)) {
		values := map[string]bool{}
		for _, c := range chosenOf(choices) {
			if value, found := c.instance.Tags[key]; found {
				values[value] = true
			}
		}
		if len(values) == 0 {
			values["no value at all"] = true
		}
		text += fmt.Sprintf("; of these, %s has %s", key, listed(slices.Sorted(maps.Keys(values))))
	}
	return short(text, maxNote)
}

// listed returns the first of some names, in words.
func listed(names []string) string {
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
