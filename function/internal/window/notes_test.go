package window_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/window"
)

func TestWhatIsPermittedAndProbablyNotMeantIsNoted(t *testing.T) {
	t.Parallel()
	const shanghai, odd = "Asia/Shanghai", "Etc/GMT+8"
	night := window.Allow{From: "01:00", To: "05:00", Zone: shanghai}
	oddNight := window.Allow{From: "01:00", To: "05:00", Zone: odd}
	past := window.Deny{From: "2025-11-10T00:00", To: "2025-11-12T00:00", Zone: shanghai, Why: "11.11"}
	const anyTime = "windows: none of them holds any more, so an upgrade may begin at any time"
	const oddNote = ": Etc/GMT+8 is 8 hours BEHIND UTC (UTC-08:00), not UTC+8: its sign is reversed; for UTC+08:00 write Asia/Shanghai; " +
		"for UTC-08:00 write Pacific/Pitcairn, or America/Los_Angeles, which has summer time"
	for name, c := range map[string]struct {
		give window.Windows
		want []string
	}{
		"no windows at all":                  {window.Windows{}, []string{"windows: there are none, so an upgrade may begin at any time"}},
		"a window in a city":                 {allowed(night), nil},
		"a window in UTC":                    {every("01:00", "05:00", "UTC"), nil},
		"a denial to come":                   {denied(window.Deny{From: "2026-12-10T00:00", To: "2026-12-12T00:00", Zone: shanghai}), nil},
		"a denial that is over":              {window.Windows{Allow: []window.Allow{night}, Deny: []window.Deny{past}}, []string{"windows.deny[0]: it lies in the past (11.11): take it out"}},
		"a denial that ends now":             {window.Windows{Allow: []window.Allow{night}, Deny: []window.Deny{{From: "2026-11-28T00:00", To: "2026-11-28T20:00", Zone: shanghai}}}, []string{"windows.deny[0]: it lies in the past (denied from 2026-11-28T00:00 to 2026-11-28T20:00 Asia/Shanghai): take it out"}},
		"a denial that ends in a minute":     {window.Windows{Allow: []window.Allow{night}, Deny: []window.Deny{{From: "2026-11-28T00:00", To: "2026-11-28T20:01", Zone: shanghai}}}, nil},
		"only denials that are over":         {denied(past, past), []string{"windows.deny[0]: it lies in the past (11.11): take it out", "windows.deny[1]: it lies in the past (11.11): take it out", anyTime}},
		"one denial of two is over":          {denied(past, window.Deny{From: "2026-12-10T00:00", To: "2026-12-12T00:00", Zone: shanghai}), []string{"windows.deny[0]: it lies in the past (11.11): take it out"}},
		"nothing is permitted for a month":   {denied(window.Deny{From: "2026-11-01T00:00", To: "2027-01-01T00:00", Zone: "UTC"}), []string{"windows: nothing is permitted within the next 30 days: every upgrade would be skipped as outside_window"}},
		"a zone is noted once, of all paths": {window.Windows{Allow: []window.Allow{night, oddNight, oddNight}, Deny: []window.Deny{{From: "2026-12-10T00:00", To: "2026-12-12T00:00", Zone: odd}}}, []string{"windows.allow[1].zone, windows.allow[2].zone, windows.deny[0].zone" + oddNote}},
		"two zones are two notes":            {window.Windows{Allow: []window.Allow{oddNight, {From: "01:00", To: "05:00", Zone: "PRC"}}}, []string{"windows.allow[0].zone" + oddNote, "windows.allow[1].zone: PRC is no Area/City: its clocks are UTC+08:00 all year, without summer time; write Asia/Shanghai"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, must(t, c.give).Notes(advent)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	var none *window.Calendar
	if got := append(none.Notes(advent), none.ZoneNotes(advent)...); len(got) != 1 {
		t.Errorf("no calendar: got %q", got)
	}
}

func TestTheNextOpeningsAreInUTCAndInTheirZone(t *testing.T) {
	t.Parallel()
	const shanghai = "Asia/Shanghai"
	weekend := window.Allow{Days: []string{"sat"}, From: "22:00", To: "06:00", Zone: "Europe/Berlin"}
	for name, c := range map[string]struct {
		give window.Windows
		now  string
		want []string
	}{
		"without windows there are none": {window.Windows{}, "2026-11-28T12:00:00Z", nil},
		"the next three, each on its day": {
			allowed(window.Allow{Days: []string{"mon", "tue", "fri"}, From: "01:00", To: "05:00", Zone: shanghai}), "2026-11-28T12:00:00Z",
			[]string{
				"Sun 2026-11-29 17:00 UTC to Sun 2026-11-29 21:00 UTC, which is Mon 2026-11-30 01:00 +08:00 to Mon 2026-11-30 05:00 +08:00 in Asia/Shanghai",
				"Mon 2026-11-30 17:00 UTC to Mon 2026-11-30 21:00 UTC, which is Tue 2026-12-01 01:00 +08:00 to Tue 2026-12-01 05:00 +08:00 in Asia/Shanghai",
				"Thu 2026-12-03 17:00 UTC to Thu 2026-12-03 21:00 UTC, which is Fri 2026-12-04 01:00 +08:00 to Fri 2026-12-04 05:00 +08:00 in Asia/Shanghai",
			},
		},
		"a zone whose sign is reversed shows it": {
			every("01:00", "05:00", "Etc/GMT+8"), "2026-11-28T12:00:00Z",
			[]string{
				"Sat 2026-11-28 12:00 UTC to Sat 2026-11-28 13:00 UTC, which is Sat 2026-11-28 04:00 -08:00 to Sat 2026-11-28 05:00 -08:00 in Etc/GMT+8",
				"Sun 2026-11-29 09:00 UTC to Sun 2026-11-29 13:00 UTC, which is Sun 2026-11-29 01:00 -08:00 to Sun 2026-11-29 05:00 -08:00 in Etc/GMT+8",
				"Mon 2026-11-30 09:00 UTC to Mon 2026-11-30 13:00 UTC, which is Mon 2026-11-30 01:00 -08:00 to Mon 2026-11-30 05:00 -08:00 in Etc/GMT+8",
			},
		},
		"both offsets where the clocks change inside": {
			allowed(weekend), "2026-10-22T12:00:00Z",
			[]string{
				"Sat 2026-10-24 20:00 UTC to Sun 2026-10-25 05:00 UTC, which is Sat 2026-10-24 22:00 +02:00 to Sun 2026-10-25 06:00 +01:00 in Europe/Berlin",
				"Sat 2026-10-31 21:00 UTC to Sun 2026-11-01 05:00 UTC, which is Sat 2026-10-31 22:00 +01:00 to Sun 2026-11-01 06:00 +01:00 in Europe/Berlin",
				"Sat 2026-11-07 21:00 UTC to Sun 2026-11-08 05:00 UTC, which is Sat 2026-11-07 22:00 +01:00 to Sun 2026-11-08 06:00 +01:00 in Europe/Berlin",
			},
		},
		"of two windows each in its own zone, and what touches is one": {
			allowed(window.Allow{Days: []string{"mon"}, From: "01:00", To: "02:00", Zone: "UTC"}, window.Allow{Days: []string{"mon"}, From: "10:00", To: "11:00", Zone: shanghai}), "2026-11-28T12:00:00Z",
			[]string{
				"Mon 2026-11-30 01:00 UTC to Mon 2026-11-30 03:00 UTC",
				"Mon 2026-12-07 01:00 UTC to Mon 2026-12-07 03:00 UTC",
				"Mon 2026-12-14 01:00 UTC to Mon 2026-12-14 03:00 UTC",
			},
		},
		"a denial cuts": {
			window.Windows{Allow: []window.Allow{weekend}, Deny: []window.Deny{{From: "2026-11-29T00:00", To: "2027-01-31T00:00", Zone: "Europe/Berlin"}}},
			"2026-11-28T12:00:00Z",
			[]string{
				"Sat 2026-11-28 21:00 UTC to Sat 2026-11-28 23:00 UTC, which is Sat 2026-11-28 22:00 +01:00 to Sun 2026-11-29 00:00 +01:00 in Europe/Berlin",
				"Sat 2027-01-30 23:00 UTC to Sun 2027-01-31 05:00 UTC, which is Sun 2027-01-31 00:00 +01:00 to Sun 2027-01-31 06:00 +01:00 in Europe/Berlin",
				"Sat 2027-02-06 21:00 UTC to Sun 2027-02-07 05:00 UTC, which is Sat 2027-02-06 22:00 +01:00 to Sun 2027-02-07 06:00 +01:00 in Europe/Berlin",
			},
		},
		"what has no end is the last": {
			denied(window.Deny{From: "2026-11-28T22:00", To: "2026-11-30T00:00", Zone: shanghai}), "2026-11-28T12:00:00Z",
			[]string{
				"Sat 2026-11-28 12:00 UTC to Sat 2026-11-28 14:00 UTC, which is Sat 2026-11-28 20:00 +08:00 to Sat 2026-11-28 22:00 +08:00 in Asia/Shanghai",
				"Sun 2026-11-29 16:00 UTC and on for more than 31 days, which is Mon 2026-11-30 00:00 +08:00 and on for more than 31 days in Asia/Shanghai",
			},
		},
		"further away than a year is not looked for": {denied(window.Deny{From: "2026-01-01T00:00", To: "2028-01-01T00:00", Zone: "UTC"}), "2026-11-28T12:00:00Z", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calendar, now := must(t, c.give), at(t, c.now)
			var got []string
			for _, o := range calendar.Openings(now, 3) {
				got = append(got, fmt.Sprint(o))
				if !calendar.Permits(o.From) || !o.To.IsZero() && calendar.Permits(o.To) {
					t.Errorf("%v is not permitted", o)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestNotesLookAtNoClock(t *testing.T) {
	t.Parallel()
	c := must(t, denied(window.Deny{From: "2026-12-10T00:00", To: "2026-12-12T00:00", Zone: "EST5EDT"}))
	early, late := c.Notes(time.Date(1999, 1, 1, 0, 0, 0, 1, time.UTC)), c.Notes(time.Date(2100, 1, 1, 0, 0, 0, 1, time.UTC))
	if len(early) != 1 || len(late) != 3 {
		t.Errorf("got %q, and a century later %q", early, late)
	}
}
