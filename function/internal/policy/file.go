package policy

import (
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/settings"
)

// maxPolicy is far above the page or two that a policy has.
const maxPolicy = 64 << 10

// Parse reads a policy file over the defaults. It is strict: a key that it does not know, or that has no value, is a rule that would
// silently not hold. All problems come in one error, each with line and column. zone finds a time zone by its name.
func Parse(text []byte, zone func(string) (*time.Location, error)) (Policy, error) {
	p := Default()
	if len(text) > maxPolicy {
		return p, fmt.Errorf("policy: %d bytes: want at most %d", len(text), maxPolicy)
	}
	file, err := settings.Read(text, &p)
	if err != nil {
		return p, fmt.Errorf("policy: %w", err)
	}
	p.written = !file.Empty()
	p.check(file)
	calendar := p.Windows.Calendar(zone, file.Wrong)
	if err := file.Err(); err != nil {
		return p, fmt.Errorf("policy: %w", err)
	}
	p.calendar = calendar
	return p, nil
}

const (
	leastFirst = time.Second // of verify.first
	wantFirst  = "want 1s or more: an invocation must end within verify.first of writing its intents, and with less no call would fit"
)

// check adds to the file's problems all that is wrong with the values, but for the windows.
func (p Policy) check(file *settings.File) {
	oneOf(file, "mode", string(p.Mode), string(Apply), string(Plan), string(Off))
	p.checkRegions(file)
	for severity, pace := range p.Tempo.paces() {
		if pace.UpgradeTime != "" {
			oneOf(file, "tempo."+severity+".UpgradeTime", string(pace.UpgradeTime), string(events.Immediate), string(events.MaintainTime))
		}
	}
	for _, rule := range []struct {
		path  string
		value any
		holds bool
		want  string
	}{
		{"budget.maxInstances", p.Budget.MaxInstances, p.Budget.MaxInstances >= 1, "want 1 or more"},
		{"budget.maxPercent", p.Budget.MaxPercent, p.Budget.MaxPercent > 0 && p.Budget.MaxPercent <= 100, "want more than 0, up to 100"},
		{"rate.callsPerSecond", p.Rate.CallsPerSecond, p.Rate.CallsPerSecond > 0 && p.Rate.CallsPerSecond <= maxRate, fmt.Sprintf("want more than 0, up to %d", maxRate)},
		{"verify.first", p.Verify.First, time.Duration(p.Verify.First) >= leastFirst, wantFirst},
		{"verify.giveUp", p.Verify.GiveUp, p.Verify.GiveUp > 0, "want more than 0"},
	} {
		if !rule.holds {
			file.Wrong(rule.path, fmt.Sprintf("%v: %s", rule.value, rule.want))
		}
	}
}

// oneOf adds a problem if a value is none of the words.
func oneOf(file *settings.File, path, value string, words ...string) {
	if !slices.Contains(words, value) {
		file.Wrong(path, settings.Quote(value)+": want "+settings.Listed(words, "or")+events.DidYouMean(value, words))
	}
}
