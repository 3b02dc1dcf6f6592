package events

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Rollout says in which order and how carefully. What is left out is the policy's.
type Rollout struct {
	Waves       []Wave         `json:"waves,omitempty"` // empty: one of all instances
	Bake        *time.Duration `json:"bake,omitempty"`  // how long a proven wave is watched before the next; nil: the policy's tempo
	MaxFailures int            `json:"maxFailures,omitempty"`
}

// Wave is one stage of a rollout: the instances with all of the tags, or the first percent of all.
type Wave struct {
	Tags    map[string]string `json:"tags,omitempty"`
	Percent float64           `json:"percent,omitempty"` // above 0, up to 100; counts the waves before it in
}

const (
	maxBake     = 30 * 24 * time.Hour
	maxFailures = 1000
	lastWave    = `{"percent":100}`
)

var rollout = schema{name: "rollout", fields: []field{
	{name: "waves", check: checkWaves},
	{name: "bake", check: text(ascii(checkBake))},
	{name: "maxFailures", check: number(isFailures, "a whole number from 0 to 1000")},
}}

var wave = schema{name: "a wave", rule: exactlyOne("tags", "percent"), fields: []field{
	{name: "tags", check: checkTags},
	{name: "percent", check: number(isPercent, "a number above 0, up to 100")},
}}

// rolloutOf gives a rollout that was checked.
func rolloutOf(text json.RawMessage) Rollout {
	var wire struct {
		Waves       []Wave  `json:"waves"`
		Bake        *string `json:"bake"`
		MaxFailures int     `json:"maxFailures"`
	}
	unmarshal(text, &wire)
	r := Rollout{Waves: wire.Waves, MaxFailures: wire.MaxFailures}
	if wire.Bake != nil {
		bake, _ := ParseDuration(*wire.Bake)
		r.Bake = &bake
	}
	return r
}

func checkBake(value string, _ time.Time) string {
	bake, err := ParseDuration(value)
	switch {
	case err != nil:
		return err.Error()
	case bake > maxBake:
		return quote(value) + " is longer than 30d: want 0s to 30d"
	}
	return ""
}

func isFailures(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n >= 0 && n <= maxFailures
}

func isPercent(text string) bool {
	percent, err := strconv.ParseFloat(text, 64)
	return err == nil && percent > 0 && percent <= 100
}

// exactlyOne wants one of two fields.
func exactlyOne(a, b string) func(*reading) string {
	return func(r *reading) string {
		switch len(r.values(a)) + len(r.values(b)) {
		case 0:
			return "has neither " + a + " nor " + b + ": want one of them"
		case 1:
			return ""
		}
		return "has more than one of " + a + " and " + b + ": want one of them"
	}
}

// checkWaves looks at the waves together when each is right by itself.
func checkWaves(v value) {
	before := len(*v.to)
	listOf(maxWaves, `[{"percent":10},`+lastWave+`]`, wave.check)(v)
	if len(*v.to) > before {
		return
	}
	var waves []Wave
	unmarshal(v.RawMessage, &waves)
	percent := 0.0
	for i, w := range waves {
		v.at(fmt.Sprintf("%s[%d]", v.path, i), nil).note(afterPercent(w, percent))
		percent = max(percent, w.Percent)
	}
	if percent < 100 {
		v.note("do not reach all instances: add " + lastWave + " as the last")
	}
}

// afterPercent says what is wrong with a wave after others that have taken a percentage of all.
func afterPercent(w Wave, before float64) string {
	switch {
	case before == 100:
		return "comes after " + lastWave + ", which leaves nothing for it: leave it out, or put it before"
	case w.Percent > 0 && w.Percent <= before:
		return fmt.Sprintf("has the percent %v after %v: want them to grow, since each counts the waves before it in", w.Percent, before)
	}
	return ""
}

// unmarshal decodes what was checked.
func unmarshal(text json.RawMessage, into any) {
	_ = json.Unmarshal(text, into) // what the checks let pass fits
}
