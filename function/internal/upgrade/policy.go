package upgrade

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/version"
	"rds-kernel-upgrade/function/internal/window"
)

// Policy is what a message may not ask for, and what holds when it does not say.
type Policy struct {
	Mode     Mode            `yaml:"mode"`
	OptIn    OptIn           `yaml:"optIn"`
	Windows  window.Windows  `yaml:"windows"`
	Budget   Budget          `yaml:"budget"`
	Tempo    map[string]Pace `yaml:"tempo"` // by severity, and "default"
	Versions Versions        `yaml:"versions"`
	Rate     Rate            `yaml:"rate"`
	Verify   Verify          `yaml:"verify"`

	calendar *window.Calendar // of Windows
}

// Mode says how far a run may go.
type Mode string

// The modes, from the freest to the strictest.
const (
	Apply Mode = "apply" // make the calls
	Plan  Mode = "plan"  // publish what would be done
	Off   Mode = "off"   // the kill switch
)

// OptIn is the tag without which no request about a fleet touches an instance.
type OptIn struct {
	Tag   string `yaml:"tag"`
	Value string `yaml:"value"`
}

// Budget bounds one wave.
type Budget struct {
	MaxInstances Count   `yaml:"maxInstances"`
	MaxPercent   float64 `yaml:"maxPercent"` // of the instances that the rollout is to upgrade; at least one is always allowed
}

// Count is a whole number: the YAML package by itself would cut 1.5 to 1.
type Count int

// UnmarshalYAML refuses what is no whole number.
func (c *Count) UnmarshalYAML(n *yaml.Node) error {
	whole, err := strconv.Atoi(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is not a whole number", n.Line, n.Value)
	}
	*c = Count(whole)
	return nil
}

// of gives the most instances that a wave may have, in a rollout of so many.
func (b Budget) of(members int) int {
	return max(1, min(int(b.MaxInstances), int(b.MaxPercent*float64(members)/100)))
}

// Pace says when, and how long a proven wave is watched before the next. What a severity leaves out is the default's.
type Pace struct {
	UpgradeTime events.UpgradeTime `yaml:"UpgradeTime,omitempty"`
	Bake        *Duration          `yaml:"bake,omitempty"`
}

const defaultPace = "default"

var paces = []string{"critical", "high", "medium", "low", defaultPace}

// pace gives the tempo of a severity.
func (p Policy) pace(severity string) Pace {
	pace, usual := p.Tempo[severity], p.Tempo[defaultPace]
	return Pace{cmp.Or(pace.UpgradeTime, usual.UpgradeTime), cmp.Or(pace.Bake, usual.Bake)}
}

// Versions limits what may be a target.
type Versions struct {
	MinAge Duration `yaml:"minAge"` // by the date in a version's name; critical advisories pass it
	Beta   bool     `yaml:"beta"`   // whether a version of release type BETA may be a target
}

// refuses says why a version may not be a target, "" if it may.
func (v Versions) refuses(target string, critical bool, now time.Time) string {
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

// DefaultPolicy holds when there is no policy file.
func DefaultPolicy() Policy {
	days := func(n time.Duration) *Duration { d := Duration(n * 24 * time.Hour); return &d }
	hour := Duration(time.Hour)
	return Policy{
		Mode:   Apply,
		OptIn:  OptIn{Tag: "kernel-upgrade", Value: "auto"},
		Budget: Budget{MaxInstances: 50, MaxPercent: 20},
		Tempo: map[string]Pace{
			"critical":  {events.Immediate, &hour},
			"high":      {"", days(1)},
			defaultPace: {events.MaintainTime, days(3)},
		},
		Versions: Versions{MinAge: *days(14)},
		Rate:     Rate{CallsPerSecond: 10},
		Verify:   Verify{First: Duration(5 * time.Minute), GiveUp: Duration(6 * time.Hour)},
	}
}

// A policy is a page or two; of more, and of more mistakes, nobody would make anything.
const (
	maxPolicy = 64 << 10
	maxWrong  = 20
)

// ParsePolicy reads a policy file over the defaults. It is strict: a key that it does not know is a rule that would silently not
// hold. zone finds a time zone by its name.
func ParsePolicy(text []byte, zone func(string) (*time.Location, error)) (Policy, error) {
	p := DefaultPolicy()
	if len(text) > maxPolicy {
		return p, fmt.Errorf("policy: %d bytes: want at most %d", len(text), maxPolicy)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var wrong *yaml.TypeError
	switch err := decoder.Decode(&p); {
	case errors.As(err, &wrong):
		return p, fmt.Errorf("policy: %s", explainKeys(strings.Join(wrong.Errors[:min(len(wrong.Errors), maxWrong)], "; ")))
	case err != nil && !errors.Is(err, io.EOF):
		return p, fmt.Errorf("policy: %w", err)
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return p, errors.New("policy: something stands behind it: want one document")
	}
	var closed error
	p.calendar, closed = p.Windows.Calendar(zone)
	if err := errors.Join(p.check(), closed); err != nil {
		return p, fmt.Errorf("policy: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return p, nil
}

// check says all that is wrong with the values.
func (p Policy) check() error {
	var problems []error
	for _, rule := range []struct {
		broken bool
		want   string
	}{
		{p.Mode != Apply && p.Mode != Plan && p.Mode != Off, fmt.Sprintf("mode: %q: want apply, plan or off", p.Mode)},
		{p.OptIn.Tag == "" || p.OptIn.Value == "", "optIn: want a tag and its value: requests about fleets touch no instance without it"},
		{p.Budget.MaxInstances < 1, fmt.Sprintf("budget.maxInstances: %d: want 1 or more", p.Budget.MaxInstances)},
		{!(p.Budget.MaxPercent > 0 && p.Budget.MaxPercent <= 100), fmt.Sprintf("budget.maxPercent: %v: want more than 0, up to 100", p.Budget.MaxPercent)},
		{!(p.Rate.CallsPerSecond > 0 && p.Rate.CallsPerSecond <= maxRate), fmt.Sprintf("rate.callsPerSecond: %v: want more than 0, up to %d", p.Rate.CallsPerSecond, maxRate)},
		{p.Verify.First <= 0 || p.Verify.GiveUp <= 0, "verify: first and giveUp: want more than 0"},
	} {
		if rule.broken {
			problems = append(problems, errors.New(rule.want))
		}
	}
	return errors.Join(append(problems, p.checkTempo()...)...)
}

func (p Policy) checkTempo() (problems []error) {
	for _, severity := range slices.Sorted(maps.Keys(p.Tempo)) {
		pace := p.Tempo[severity]
		if !slices.Contains(paces, severity) {
			problems = append(problems, fmt.Errorf("tempo: %q: want one of %s", severity, strings.Join(paces, ", ")))
		}
		if pace.UpgradeTime != "" && pace.UpgradeTime != events.Immediate && pace.UpgradeTime != events.MaintainTime {
			problems = append(problems, fmt.Errorf("tempo.%s.UpgradeTime: %q: want Immediate or MaintainTime", severity, pace.UpgradeTime))
		}
	}
	if usual := p.pace(defaultPace); usual.UpgradeTime == "" || usual.Bake == nil {
		problems = append(problems, errors.New("tempo.default: want an UpgradeTime and a bake"))
	}
	return problems
}

// ModeOf gives the stricter of what the policy allows and what the request asks.
func (p Policy) ModeOf(r events.Request) Mode {
	if p.Mode == Apply && r.Mode == events.Plan {
		return Plan
	}
	return p.Mode
}

// Notes says what is allowed in a policy and yet probably not meant.
func (p Policy) Notes(now time.Time) (notes []string) {
	if _, open := p.calendar.Next(now, now.Add(30*24*time.Hour)); !open {
		notes = append(notes, "windows: nothing is permitted within the next 30 days: every upgrade would be skipped as outside_window")
	}
	if p.Verify.First > p.Verify.GiveUp {
		notes = append(notes, fmt.Sprintf("verify: first (%s) is longer than giveUp (%s): upgrades would be given up before they are looked at", p.Verify.First, p.Verify.GiveUp))
	}
	if p.Mode != Apply {
		notes = append(notes, fmt.Sprintf("mode: %s: no upgrade is made", p.Mode))
	}
	return notes
}
