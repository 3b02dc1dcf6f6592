package window_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rds-kernel-upgrade/function/internal/window"
)

func every(from, to, zone string) window.Windows {
	return allowed(window.Allow{From: from, To: to, Zone: zone})
}

func TestNextIsTheFirstPermittedInstantAndEndTheLast(t *testing.T) {
	t.Parallel()
	nights := allowed(window.Allow{Days: []string{"mon", "tue"}, From: "01:00", To: "05:00", Zone: "Asia/Shanghai"})
	singles := nights
	singles.Deny = []window.Deny{{From: "2026-11-10T00:00", To: "2026-11-12T00:00", Zone: "Asia/Shanghai", Why: "11.11"}}
	weekend := allowed(window.Allow{Days: []string{"sat"}, From: "22:00", To: "06:00", Zone: "Europe/Berlin"})
	cases := map[string]struct {
		w         window.Windows
		from      string
		next, end string // the first permitted instant, and the end of its stretch
	}{
		"without windows everything is permitted, without end": {window.Windows{}, "2026-11-10T10:00:00Z", "2026-11-10T10:00:00Z", ""},
		"inside a window the first instant is now":             {nights, "2026-11-09T18:30:00Z", "2026-11-09T18:30:00Z", "2026-11-09T21:00:00Z"},
		"a window begins with its first second":                {nights, "2026-11-09T16:59:59Z", "2026-11-09T17:00:00Z", "2026-11-09T21:00:00Z"},
		"a window is over at its end":                          {nights, "2026-11-09T21:00:00Z", "2026-11-15T17:00:00Z", "2026-11-15T21:00:00Z"},
		"the next window may be days away":                     {nights, "2026-11-10T12:00:00Z", "2026-11-15T17:00:00Z", "2026-11-15T21:00:00Z"},
		"the part of a second that has begun is lost":          {nights, "2026-11-09T18:30:00.25Z", "2026-11-09T18:30:01Z", "2026-11-09T21:00:00Z"},
		"and with it the last second of a window":              {nights, "2026-11-09T20:59:59.5Z", "2026-11-15T17:00:00Z", "2026-11-15T21:00:00Z"},
		"deny beats allow":                                     {singles, "2026-11-09T18:30:00Z", "2026-11-15T17:00:00Z", "2026-11-15T21:00:00Z"},
		"a denial ends a window early": {
			window.Windows{Allow: nights.Allow, Deny: []window.Deny{{From: "2026-11-10T03:00", To: "2026-11-12T00:00", Zone: "Asia/Shanghai"}}},
			"2026-11-09T18:30:00Z", "2026-11-09T18:30:00Z", "2026-11-09T19:00:00Z",
		},
		"only denied: everything before it is permitted": {denied(singles.Deny...), "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-11-09T16:00:00Z"},
		"only denied: everything after it is permitted":  {denied(singles.Deny...), "2026-11-10T00:00:00Z", "2026-11-11T16:00:00Z", ""},
		"windows that touch are one stretch": {
			allowed(window.Allow{From: "01:00", To: "05:00", Zone: "UTC"}, window.Allow{From: "05:00", To: "06:00", Zone: "UTC"}),
			"2026-11-09T03:00:00Z", "2026-11-09T03:00:00Z", "2026-11-09T06:00:00Z",
		},
		"windows that overlap end with the later one": {
			allowed(window.Allow{From: "01:00", To: "05:00", Zone: "UTC"}, window.Allow{From: "02:00", To: "03:00", Zone: "UTC"}),
			"2026-11-09T02:30:00Z", "2026-11-09T02:30:00Z", "2026-11-09T05:00:00Z",
		},
		"a whole day every day has no end":            {every("00:00", "24:00", "Asia/Kolkata"), "2026-11-09T02:30:00Z", "2026-11-09T02:30:00Z", ""},
		"over midnight it is the first day's window":  {weekend, "2026-11-13T23:00:00Z", "2026-11-14T21:00:00Z", "2026-11-15T05:00:00Z"},
		"and still is on the second day":              {weekend, "2026-11-15T04:00:00Z", "2026-11-15T04:00:00Z", "2026-11-15T05:00:00Z"},
		"a window over the end of the year":           {every("23:00", "01:00", "Asia/Shanghai"), "2026-12-31T15:30:00Z", "2026-12-31T15:30:00Z", "2026-12-31T17:00:00Z"},
		"a denial over the end of the year":           {denied(window.Deny{From: "2026-12-31T12:00", To: "2027-01-01T12:00", Zone: "UTC"}), "2026-12-31T12:00:00Z", "2027-01-01T12:00:00Z", ""},
		"half an hour's offset":                       {every("01:00", "05:00", "Asia/Kolkata"), "2026-11-09T12:00:00Z", "2026-11-09T19:30:00Z", "2026-11-09T23:30:00Z"},
		"the night in which clocks go forward":        {weekend, "2026-03-28T12:00:00Z", "2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z"},
		"the night in which clocks go back":           {weekend, "2026-10-24T12:00:00Z", "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"},
		"an hour that is skipped never occurs":        {every("02:00", "03:00", "Europe/Berlin"), "2026-03-28T12:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T01:00:00Z"},
		"a window whose beginning is skipped":         {every("02:30", "04:00", "Europe/Berlin"), "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"},
		"an hour that occurs twice counts once":       {every("02:00", "02:30", "Europe/Berlin"), "2026-10-24T12:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"},
		"and a second time":                           {every("02:00", "02:30", "Europe/Berlin"), "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"},
		"a window that ends where clocks go back":     {every("01:00", "03:00", "Europe/Berlin"), "2026-10-24T22:00:00Z", "2026-10-24T23:00:00Z", "2026-10-25T02:00:00Z"},
		"clocks that go back half an hour":            {every("01:30", "01:45", "Australia/Lord_Howe"), "2026-04-04T14:45:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:15:00Z"},
		"clocks that go forward half an hour":         {every("02:00", "02:45", "Australia/Lord_Howe"), "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z"},
		"a day whose midnight is skipped":             {every("00:00", "00:30", "America/Sao_Paulo"), "2018-11-03T12:00:00Z", "2018-11-05T02:00:00Z", "2018-11-05T02:30:00Z"},
		"a day whose last hour comes twice":           {every("23:00", "23:30", "America/Sao_Paulo"), "2019-02-17T01:30:00Z", "2019-02-17T02:00:00Z", "2019-02-17T02:30:00Z"},
		"a denied hour that occurs twice":             {denied(window.Deny{From: "2026-11-01T01:00", To: "2026-11-01T01:30", Zone: "America/New_York"}), "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z"},
		"the last day of a leap year":                 {denied(window.Deny{From: "2028-12-01T00:00", To: "2029-01-01T00:00", Zone: "Europe/Berlin"}), "2028-12-31T12:00:00Z", "2028-12-31T23:00:00Z", ""},
		"a day that a zone has left out":              {allowed(window.Allow{Days: []string{"fri"}, From: "10:00", To: "11:00", Zone: "Pacific/Apia"}), "2011-12-29T00:00:00Z", "2012-01-05T20:00:00Z", "2012-01-05T21:00:00Z"},
		"a window before anybody counted the seconds": {allowed(window.Allow{Days: []string{"thu"}, From: "10:00", To: "11:00", Zone: "UTC"}), "1965-03-03T10:30:00Z", "1965-03-04T10:00:00Z", "1965-03-04T11:00:00Z"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calendar, from := must(t, c.w), at(t, c.from)
			next, ok := calendar.Next(from, from.AddDate(0, 0, 30))
			if instant(next) != c.next || !ok {
				t.Fatalf("Next = %s, %t; want %s", instant(next), ok, c.next)
			}
			if end := calendar.End(next); instant(end) != c.end {
				t.Errorf("End(%s) = %q; want %q", c.next, instant(end), c.end)
			}
		})
	}
}

func TestNextLooksNoFurtherThanItIsTold(t *testing.T) {
	t.Parallel()
	c := must(t, every("01:00", "05:00", "UTC"))
	from, begin := at(t, "2026-11-09T05:00:00Z"), at(t, "2026-11-10T01:00:00Z")
	if got, ok := c.Next(from, begin); ok || !got.IsZero() {
		t.Errorf("got %v, %t; want nothing before the window begins", got, ok)
	}
	if got, ok := c.Next(from, begin.Add(1)); !ok || !got.Equal(begin) {
		t.Errorf("got %v, %t; want %v", got, ok, begin)
	}
	if _, ok := c.Next(begin, begin); ok {
		t.Error("got an instant of no time at all")
	}
	always := must(t, denied(window.Deny{From: "2000-01-01T00:00", To: "2999-01-01T00:00", Zone: "Europe/Berlin"}))
	if _, ok := always.Next(from, from.AddDate(100, 0, 0)); ok {
		t.Error("got an instant of a century that is denied")
	}
}

func TestWhySaysWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	w := window.Windows{
		Allow: []window.Allow{
			{Days: []string{"mon", "tue"}, From: "01:00", To: "05:00", Zone: "Asia/Shanghai"},
			{From: "12:00", To: "13:00", Zone: "UTC"},
		},
		Deny: []window.Deny{
			{From: "2026-12-24T00:00", To: "2026-12-27T00:00", Zone: "UTC"},
			{From: "2026-11-10T00:00", To: "2026-11-12T00:00", Zone: "Asia/Shanghai", Why: "11.11"},
		},
	}
	c := must(t, w)
	for moment, want := range map[string]string{
		"2026-11-09T18:00:00Z": "11.11",
		"2026-12-24T12:30:00Z": "denied from 2026-12-24T00:00 to 2026-12-27T00:00 UTC",
		"2026-11-20T11:00:00Z": "outside mon,tue 01:00-05:00 Asia/Shanghai and 12:00-13:00 UTC",
		"2026-11-20T12:00:00Z": "",
	} {
		if got := c.Why(at(t, moment)); got != want {
			t.Errorf("Why(%s) = %q; want %q", moment, got, want)
		}
		if got := c.Permits(at(t, moment)); got != (want == "") {
			t.Errorf("Permits(%s) = %t, but the reason is %q", moment, got, want)
		}
	}
}

func TestANilCalendarPermitsEverything(t *testing.T) {
	t.Parallel()
	var c *window.Calendar
	now := at(t, "2026-11-09T18:00:00Z")
	next, ok := c.Next(now, now.Add(1))
	if !c.Permits(now) || c.Why(now) != "" || !c.End(now).IsZero() || !ok || !next.Equal(now) {
		t.Errorf("Permits %t, Why %q, End %v, Next %v %t; want all permitted", c.Permits(now), c.Why(now), c.End(now), next, ok)
	}
}

func TestAStretchThatIsNotPermittedEndsAtOnce(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-11-09T18:00:00Z")
	if got := must(t, every("01:00", "05:00", "UTC")).End(now); !got.Equal(now) {
		t.Errorf("got %v; want %v", got, now)
	}
}

func TestEndLooks31Days(t *testing.T) {
	t.Parallel()
	c := must(t, denied(window.Deny{From: "2026-12-10T18:00", To: "2026-12-11T00:00", Zone: "UTC"}))
	for from, want := range map[string]string{
		"2026-11-09T18:00:00Z": "", "2026-11-09T18:00:01Z": "2026-12-10T18:00:00Z", "2026-11-09T17:59:59Z": "",
	} {
		if got := instant(c.End(at(t, from))); got != want {
			t.Errorf("End(%s) = %q; want %q", from, got, want)
		}
	}
}

// transitions are days around which the clocks of the zones below change, and the end of a year.
var transitions = []time.Time{
	time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), // New York
	time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC), // Berlin
	time.Date(2026, 4, 4, 12, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 12, 0, 0, 0, time.UTC), // Lord Howe
	time.Date(2018, 11, 4, 0, 0, 0, 0, time.UTC), time.Date(2019, 2, 17, 0, 0, 0, 0, time.UTC), // São Paulo
	time.Date(2026, 12, 31, 18, 0, 0, 0, time.UTC), time.Date(2028, 12, 31, 6, 0, 0, 0, time.UTC),
}

var zones = []string{
	"UTC", "Asia/Shanghai", "Asia/Kolkata", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo",
}

// drawWindows gives windows in whole minutes, those to deny around an instant.
func drawWindows(t *rapid.T, around time.Time) (w window.Windows) {
	t.Helper()
	hour := rapid.StringMatching(`([01][0-9]|2[0-3]):([0-5][0-9]|00|30)`)
	days := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}), 0, 7, rapid.ID[string])
	for range rapid.IntRange(0, 3).Draw(t, "allows") {
		from := hour.Draw(t, "from")
		w.Allow = append(w.Allow, window.Allow{
			Days: days.Draw(t, "days"), From: from, Zone: rapid.SampledFrom(zones).Draw(t, "zone"),
			To: rapid.OneOf(hour, rapid.Just("24:00")).Filter(func(to string) bool { return to != from }).Draw(t, "to"),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "denies") {
		begin := around.Add(time.Duration(rapid.IntRange(-3000, 3000).Draw(t, "begin")) * time.Minute)
		end := begin.Add(time.Duration(rapid.IntRange(1, 4000).Draw(t, "length")) * time.Minute)
		w.Deny = append(w.Deny, window.Deny{
			From: begin.Format("2006-01-02T15:04"), To: end.Format("2006-01-02T15:04"), Zone: rapid.SampledFrom(zones).Draw(t, "zone"),
		})
	}
	return w
}

func drawInstant(t *rapid.T) time.Time {
	t.Helper()
	day := rapid.SampledFrom(transitions).Draw(t, "around")
	return day.Add(time.Duration(rapid.IntRange(-48*3600, 48*3600).Draw(t, "second")) * time.Second)
}

func TestTheCalendarIsWhatTheClockOnTheWallShows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := drawInstant(t)
		w := drawWindows(t, from)
		c, until := must(t, w), from.Add(3*24*time.Hour)
		next, ok := c.Next(from, until)
		first, found := from, false
		for ; first.Before(until) && !found; first = scan(first) {
			if c.Permits(first) != wallPermits(w, first) {
				t.Fatalf("%v: Permits(%v) = %t", w, first, c.Permits(first))
			}
			if found = wallPermits(w, first); found {
				break
			}
		}
		if ok != found || ok && !next.Equal(first) {
			t.Fatalf("%v: Next(%v) = %v, %t; want %v, %t", w, from, next, ok, first, found)
		}
		if ok {
			checkEnd(t, w, c, next)
		}
	})
}

func checkEnd(t *rapid.T, w window.Windows, c *window.Calendar, from time.Time) {
	t.Helper()
	last, limit := from, from.Add(3*24*time.Hour)
	for last.Before(limit) && wallPermits(w, last) {
		last = scan(last)
	}
	end := c.End(from)
	if last.Before(limit) && !end.Equal(last) || !last.Before(limit) && !end.IsZero() && end.Before(limit) {
		t.Fatalf("%v: End(%v) = %v; want %v", w, from, c.End(from), last)
	}
}

// scan goes on to the next full minute.
func scan(t time.Time) time.Time { return t.Truncate(time.Minute).Add(time.Minute) }
