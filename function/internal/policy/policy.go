// Package policy is policy.yaml: the mode, the regions, whose instances take part, the windows, the budget of a wave, the tempo of each
// severity, which versions may be targets, the rate of calls, and when to look.
//
//	policy.yaml ──Parse──▶ Policy ──Notes──▶ what is probably not meant
//
// A Policy is a value, and what it answers depends on the arguments alone. The package opens no file, reads no clock and no zone database,
// and knows nothing of instances, plans and rollouts.
package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/version"
	"rds-kernel-upgrade/function/internal/window"
)

// Policy is what a message may not ask for, and what holds when it does not say.
type Policy struct {
	Mode     Mode           `yaml:"mode"`
	Regions  []string       `yaml:"regions,omitempty"` // empty: the function's own region
	OptIn    OptIn          `yaml:"optIn"`
	Hold     Hold           `yaml:"hold"`
	Windows  window.Windows `yaml:"windows,omitempty"`
	Budget   Budget         `yaml:"budget"`
	Tempo    Tempo          `yaml:"tempo"`
	Versions Versions       `yaml:"versions"`
	Rate     Rate           `yaml:"rate"`
	Verify   Verify         `yaml:"verify"`

	calendar *window.Calendar // of Windows
	written  bool             // whether a file says anything
}

// Mode says how far a run may go.
type Mode string

// The modes, from the freest to the strictest.
const (
	Apply Mode = "apply" // make the calls
	Plan  Mode = "plan"  // publish what would be done
	Off   Mode = "off"   // the kill switch
)

// Modes returns the modes, from the freest to the strictest.
func Modes() []Mode { return []Mode{Apply, Plan, Off} }

// Stricter returns the stricter of two modes; an empty one is no mode at all.
func Stricter(a, b Mode) Mode {
	if slices.Index(Modes(), a) < slices.Index(Modes(), b) {
		return b
	}
	return a
}

// OptIn is the tag without which no request about a fleet touches an instance.
type OptIn struct {
	Tag   string `yaml:"tag"`
	Value string `yaml:"value"`
}

// Hold is the tag that keeps one instance from being touched.
type Hold struct {
	Tag string `yaml:"tag"`
}

// Refusal returns why an instance with these tags is left alone now, "" if it is not. A value that is a date, or a time in UTC, holds it until
// then; any other value, an empty one too, holds it as long as the tag is there.
func (h Hold) Refusal(tags map[string]string, now time.Time) string {
	value, held := tags[h.Tag]
	until, dated := holdTime(value)
	if !held || dated && !now.Before(until) {
		return ""
	}
	end := "the tag is removed"
	if dated {
		end = until.Format(time.RFC3339)
	}
	return fmt.Sprintf("its tag %s=%.64q holds it until %s", h.Tag, value, end)
}

// holdTime reads the value of the tag. RDS may have made it lower case.
func holdTime(value string) (until time.Time, ok bool) {
	value = strings.ToUpper(strings.TrimSpace(value))
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04Z", "2006-01-02T15:04:05Z"} {
		if until, err := time.Parse(layout, value); err == nil {
			return until, true
		}
	}
	return time.Time{}, false
}

// Budget bounds one wave.
type Budget struct {
	MaxInstances int     `yaml:"maxInstances"`
	MaxPercent   float64 `yaml:"maxPercent"` // of the instances that the rollout is to upgrade; at least one is always allowed
}

// Of returns the most instances that a wave may have, in a rollout of so many.
func (b Budget) Of(members int) int {
	return max(1, min(b.MaxInstances, int(b.MaxPercent*float64(members)/100)))
}

// Tempo is the pace of each severity.
type Tempo struct {
	Critical Pace `yaml:"critical,omitempty"`
	High     Pace `yaml:"high,omitempty"`
	Medium   Pace `yaml:"medium,omitempty"`
	Low      Pace `yaml:"low,omitempty"`
	Default  Pace `yaml:"default"` // of every other severity, of sweeps, and of what a severity leaves out
}

// paces returns what the policy says of each severity itself, by its key.
func (t Tempo) paces() map[string]Pace {
	return map[string]Pace{"critical": t.Critical, "high": t.High, "medium": t.Medium, "low": t.Low, "default": t.Default}
}

// Pace says when, and how long a proven wave is watched before the next.
type Pace struct {
	UpgradeTime events.UpgradeTime `yaml:"UpgradeTime,omitempty"`
	Bake        *Duration          `yaml:"bake,omitempty"`
}

// Pace returns the pace of a severity. What the policy leaves out there is the default's.
func (p Policy) Pace(severity string) Pace {
	pace := p.Tempo.paces()[severity]
	return Pace{cmp.Or(pace.UpgradeTime, p.Tempo.Default.UpgradeTime), cmp.Or(pace.Bake, p.Tempo.Default.Bake)}
}

// LongestBake returns the longest bake of any severity, the default's included.
func (p Policy) LongestBake() time.Duration {
	longest := *p.Tempo.Default.Bake
	for _, severity := range events.Severities() {
		longest = max(longest, *p.Pace(severity).Bake)
	}
	return time.Duration(longest)
}

// Versions limits what may be a target.
type Versions struct {
	MinAge Duration `yaml:"minAge"` // by the date in a version's name; critical advisories pass it
	Beta   bool     `yaml:"beta"`   // whether a version of release type BETA may be a target
}

// Refusal returns why the age of a version keeps it from being a target, "" if it does not.
func (v Versions) Refusal(target string, critical bool, now time.Time) string {
	made, known := version.Date(target)
	if age := now.Sub(made); known && !critical && age < time.Duration(v.MinAge) {
		return fmt.Sprintf("%s is younger than the policy's versions.minAge, %s", target, v.MinAge)
	}
	return ""
}

// maxRate stands for no limit: a call takes longer than a nanosecond.
const maxRate = 1_000_000_000

// Rate bounds all RDS calls of the process together.
type Rate struct {
	CallsPerSecond float64 `yaml:"callsPerSecond"`
}

// Verify says when to look, and when to believe that nothing has happened.
type Verify struct {
	First  Duration `yaml:"first"`  // the first look after a call, and how long a call of unknown outcome must have shown nothing before it is made again
	GiveUp Duration `yaml:"giveUp"` // how long after its due time an accepted upgrade may take to be proven
}

// Default returns the policy that holds when there is no policy file.
func Default() Policy {
	days := func(n time.Duration) *Duration { d := Duration(n * 24 * time.Hour); return &d }
	hour := Duration(time.Hour)
	return Policy{
		Mode:   Apply,
		OptIn:  OptIn{Tag: "kernel-upgrade", Value: "auto"},
		Hold:   Hold{Tag: "kernel-upgrade-hold"},
		Budget: Budget{MaxInstances: 50, MaxPercent: 20},
		Tempo: Tempo{
			Critical: Pace{events.Immediate, &hour},
			High:     Pace{"", days(1)},
			Default:  Pace{events.MaintainTime, days(3)},
		},
		Versions: Versions{MinAge: *days(14)},
		Rate:     Rate{CallsPerSecond: 10},
		Verify:   Verify{First: Duration(5 * time.Minute), GiveUp: Duration(6 * time.Hour)},
	}
}

// ModeOf returns the stricter of what the policy allows and what the request asks.
func (p Policy) ModeOf(r events.Request) Mode {
	return Stricter(p.Mode, Mode(r.Mode))
}

// Notes returns what is allowed in a policy and yet probably not meant.
func (p Policy) Notes(now time.Time) (notes []string) {
	if !p.written {
		notes = append(notes, "policy: the file sets nothing, or there is none: everything has its default")
	}
	notes = append(notes, p.calendar.Notes(now)...)
	if p.Verify.First > p.Verify.GiveUp {
		notes = append(notes, fmt.Sprintf("verify: first (%s) is longer than giveUp (%s): upgrades would be given up before they are looked at", p.Verify.First, p.Verify.GiveUp))
	}
	if p.Mode != Apply {
		notes = append(notes, fmt.Sprintf("mode: %s: no upgrade is made", p.Mode))
	}
	return notes
}

// Place returns when an upgrade may be, as near to what is asked as the windows permit. ok is false, and why says so in words, if nothing is
// permitted within 30 days of now.
func (p Policy) Place(ask window.Ask, now time.Time) (at window.Placed, ok bool, why string) {
	return p.calendar.Place(ask, now)
}

// ZoneNotes returns a note on each time zone of the windows that is not what it seems to be.
func (p Policy) ZoneNotes(now time.Time) []string { return p.calendar.ZoneNotes(now) }

// Openings returns the next three stretches of time in which an upgrade may begin; none where the policy has no windows.
func (p Policy) Openings(now time.Time) []window.Opening { return p.calendar.Openings(now, 3) }
