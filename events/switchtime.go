package events

import (
	"fmt"
	"time"
)

const switchTimeLayout = "2006-01-02T15:04:05Z"

var switchTimeForm = lazily(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)

// slips are the times that a person would understand and the API would not.
var slips = []struct {
	like pattern
	text string
}{
	{lazily(`T.*[+-]\d\d(:?\d\d)?$`), "has an offset"},
	{lazily(`T.*\d[.,]\d+Z?$`), "has a fraction of a second"},
	{lazily(`T\d\d:\d\dZ$`), "has no seconds"},
	{lazily(`T\d\d:\d\d(:\d\d)?$`), "has no zone"},
	{lazily(`^\d{4}-\d\d-\d\d$`), "has no time of day"},
}

// maxAhead is how far ahead a SwitchTime may lie. The API documents no limit. This one is against a mistyped year: an upgrade that was
// accepted for a day in decades keeps the instance from every other upgrade until then.
const maxAhead = 365 * day

// checkSwitchTime takes the times after now, up to maxAhead after it.
func checkSwitchTime(value string, now time.Time) string {
	if !switchTimeForm.fits(value) {
		return quote(value) + " " + slip(value) + ": want yyyy-MM-ddTHH:mm:ssZ in UTC" + inUTC(value)
	}
	at, err := time.Parse(switchTimeLayout, value)
	if err != nil {
		return quote(value) + " is not a real date and time"
	}
	if !at.After(now) {
		return quote(value) + " is not in the future: it is now " + now.UTC().Format(switchTimeLayout)
	}
	if latest := now.Add(maxAhead); at.After(latest) {
		return quote(value) + " is " + yearsAhead(at, now.UTC()) + " ahead: want a time within a year (until " + latest.UTC().Format(switchTimeLayout) +
			"); is the year mistyped?"
	}
	return ""
}

// yearsAhead counts whole years.
func yearsAhead(at, now time.Time) string {
	years := at.Year() - now.Year()
	if at.AddDate(-years, 0, 0).Before(now) {
		years--
	}
	if years < 2 {
		return "more than a year"
	}
	return fmt.Sprintf("%d years", years)
}

func slip(value string) string {
	for _, s := range slips {
		if s.like.fits(value) {
			return s.text
		}
	}
	return "has another form"
}

// inUTC writes a complete time in the form that is wanted.
func inUTC(value string) string {
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return ""
	}
	return " (that is " + at.UTC().Format(switchTimeLayout) + ")"
}

// switchTimeFitsUpgradeTime holds the two fields together:
//
//	UpgradeTime          with SwitchTime                            without
//	SpecifyTime          accepted                                   refused: nothing says when
//	any other, or none   refused: the API would ignore it silently  accepted
//
// Nothing is said about an UpgradeTime that is wrong itself. Otherwise tells what becomes of a SwitchTime without one.
func switchTimeFitsUpgradeTime(otherwise string) func(*reading) string {
	return func(r *reading) string {
		given, upgradeTime := len(r.values("SwitchTime")) > 0, r.texts["UpgradeTime"]
		const alone = "goes only with UpgradeTime SpecifyTime, and would be ignored "
		switch {
		case upgradeTime == string(SpecifyTime) && !given:
			return "is missing: want it with UpgradeTime SpecifyTime"
		case upgradeTime == string(SpecifyTime) || !given:
			return ""
		case upgradeTime != "":
			return alone + "with " + upgradeTime
		case len(r.values("UpgradeTime")) == 0:
			return alone + otherwise
		}
		return ""
	}
}
