package events_test

import (
	"fmt"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
)

// places are where a SwitchTime may stand, and what an error calls them.
var places = map[string]string{
	"SwitchTime":          `{"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":%q}`,
	"schedule.SwitchTime": `{"kind":"sweep","schedule":{"UpgradeTime":"SpecifyTime","SwitchTime":%q}}`,
}

// A year that was mistyped would keep the instance from every other upgrade until then.
func TestASwitchTimeLiesWithinAYear(t *testing.T) {
	t.Parallel()
	const limit = 365 * 24 * time.Hour
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for name, c := range map[string]struct {
		now, switchTime time.Time
		ahead           string // empty: it is accepted
	}{
		"in a second":               {now, now.Add(time.Second), ""},
		"in a week":                 {now, now.AddDate(0, 0, 7), ""},
		"a second before the limit": {now, now.Add(limit - time.Second), ""},
		"at the limit":              {now, now.Add(limit), ""},
		"a second beyond the limit": {now, now.Add(limit + time.Second), "more than a year"},
		"at the limit that a fraction of a second leaves": {now.Add(time.Millisecond), now.Add(limit), ""},
		"at the limit, told in China's time":              {now.In(time.FixedZone("CST", 8*60*60)), now.Add(limit), ""},
		"a second beyond it, told in China's time":        {now.In(time.FixedZone("CST", 8*60*60)), now.Add(limit + time.Second), "more than a year"},
		"at the limit of a year with 366 days":            {at("2027-12-01T00:00:00Z"), at("2028-11-30T00:00:00Z"), ""},
		"on the 366th day of such a year":                 {at("2027-12-01T00:00:00Z"), at("2028-12-01T00:00:00Z"), "more than a year"},
		"on the day that only such a year has":            {at("2027-12-01T00:00:00Z"), at("2028-02-29T23:59:59Z"), ""},
		"in the wrong one of two years":                   {now, at("2027-12-01T18:00:00Z"), "more than a year"},
		"a second before two years":                       {now, at("2028-11-22T11:59:59Z"), "more than a year"},
		"in two years":                                    {now, at("2028-11-22T12:00:00Z"), "2 years"},
		"with two digits of the year changed over":        {now, at("2062-11-30T02:00:00Z"), "36 years"},
		"earlier in the year, decades ahead":              {now, at("2062-01-30T02:00:00Z"), "35 years"},
		"at the end of time":                              {now, at("9999-12-31T23:59:59Z"), "7973 years"},
	} {
		for path, form := range places {
			written := c.switchTime.UTC().Format("2006-01-02T15:04:05Z")
			want := "<nil>"
			if c.ahead != "" {
				want = fmt.Sprintf("request: %s: %q is %s ahead: want a time within a year (until %s); is the year mistyped?",
					path, written, c.ahead, c.now.Add(limit).UTC().Format("2006-01-02T15:04:05Z"))
			}
			if _, err := events.Parse(fmt.Appendf(nil, form, written), c.now); fmt.Sprint(err) != want {
				t.Errorf("%s: got %v, want %s", name, err, want)
			}
		}
	}
}

// What an error offers as the latest time is accepted.
func TestTheLatestTimeThatIsNamedIsAccepted(t *testing.T) {
	t.Parallel()
	for _, fraction := range []time.Duration{0, 1, 500 * time.Millisecond, time.Second - 1} {
		at := now.Add(fraction)
		for _, form := range places {
			latest := at.Add(365 * 24 * time.Hour).UTC().Format("2006-01-02T15:04:05Z")
			if _, err := events.Parse(fmt.Appendf(nil, form, latest), at); err != nil {
				t.Errorf("%s after %s: %v", latest, at, err)
			}
		}
	}
}
