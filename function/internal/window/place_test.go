package window_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/window"
)

// placement is a Placed in words, and the reason where there is none.
type placement struct{ UpgradeTime, SwitchTime, Due, Latest, Moved, Why string }

func place(c *window.Calendar, a window.Ask, now time.Time) placement {
	p, ok, why := c.Place(a, now)
	if !ok && p != (window.Placed{}) {
		why += "; and yet there is a placement"
	}
	return placement{string(p.UpgradeTime), instant(p.SwitchTime), instant(p.Due), instant(p.Latest), p.Moved, why}
}

func TestAnUpgradeIsPlacedWhereItIsPermitted(t *testing.T) {
	t.Parallel()
	nights := every("01:00", "05:00", "Asia/Shanghai") // 17:00Z-21:00Z
	noons := every("12:00", "13:00", "UTC")
	monday := allowed(window.Allow{Days: []string{"mon"}, From: "18:00", To: "22:00", Zone: "UTC"})
	shut := denied(window.Deny{From: "2026-11-01T00:00", To: "2027-11-01T00:00", Zone: "UTC", Why: "freeze"})
	maintain := func(text string) window.Ask { return window.Ask{UpgradeTime: events.MaintainTime, MaintainTime: text} }
	specify := func(text string) window.Ask {
		return window.Ask{UpgradeTime: events.SpecifyTime, SwitchTime: at(t, text)}
	}
	immediate := window.Ask{UpgradeTime: events.Immediate}
	cases := map[string]struct {
		w    window.Windows
		ask  window.Ask
		now  string
		want placement
	}{
		"without windows at once is at once":       {window.Windows{}, immediate, "2026-11-22T10:00:00Z", placement{"Immediate", "", "2026-11-22T10:00:00Z", "", "", ""}},
		"no wish is at once":                       {window.Windows{}, window.Ask{}, "2026-11-22T10:00:00Z", placement{"Immediate", "", "2026-11-22T10:00:00Z", "", "", ""}},
		"at once must be called before the end":    {nights, immediate, "2026-11-22T20:59:00Z", placement{"Immediate", "", "2026-11-22T20:59:00Z", "2026-11-22T21:00:00Z", "", ""}},
		"at once outside waits for the window":     {nights, immediate, "2026-11-22T10:00:00Z", placement{"SpecifyTime", "2026-11-22T17:00:00Z", "2026-11-22T17:00:00Z", "2026-11-22T17:00:00Z", "not at once: outside 01:00-05:00 Asia/Shanghai; moved to 2026-11-22T17:00:00Z", ""}},
		"what is moved is 5 minutes away at least": {nights, immediate, "2026-11-22T16:57:30Z", placement{"SpecifyTime", "2026-11-22T17:02:30Z", "2026-11-22T17:02:30Z", "2026-11-22T17:02:30Z", "not at once: outside 01:00-05:00 Asia/Shanghai; moved to 2026-11-22T17:02:30Z", ""}},
		"nothing permitted at once within 30 days": {shut, immediate, "2026-11-22T10:00:00Z", placement{Why: "not at once: freeze; nothing is permitted before 2026-12-22T10:00:00Z"}},

		"a time inside stays": {nights, specify("2026-11-25T02:30:00+08:00"), "2026-11-22T10:00:00Z", placement{"SpecifyTime", "2026-11-24T18:30:00Z", "2026-11-24T18:30:00Z", "2026-11-24T18:30:00Z", "", ""}},
		"a time has whole seconds only": {
			window.Windows{},
			window.Ask{UpgradeTime: events.SpecifyTime, SwitchTime: at(t, "2026-11-24T18:30:00.5Z")},
			"2026-11-22T10:00:00Z",
			placement{"SpecifyTime", "2026-11-24T18:30:00Z", "2026-11-24T18:30:00Z", "2026-11-24T18:30:00Z", "", ""},
		},
		"a time outside moves to the next window":     {nights, specify("2026-11-24T21:00:00Z"), "2026-11-22T10:00:00Z", placement{"SpecifyTime", "2026-11-25T17:00:00Z", "2026-11-25T17:00:00Z", "2026-11-25T17:00:00Z", "not at 2026-11-24T21:00:00Z: outside 01:00-05:00 Asia/Shanghai; moved to 2026-11-25T17:00:00Z", ""}},
		"a time outside may move near to now":         {nights, specify("2026-11-22T16:59:00Z"), "2026-11-22T16:58:00Z", placement{"SpecifyTime", "2026-11-22T17:00:00Z", "2026-11-22T17:00:00Z", "2026-11-22T17:00:00Z", "not at 2026-11-22T16:59:00Z: outside 01:00-05:00 Asia/Shanghai; moved to 2026-11-22T17:00:00Z", ""}},
		"a time that is past is not moved to another": {nights, specify("2026-11-21T16:00:00Z"), "2026-11-22T18:00:00Z", placement{"SpecifyTime", "2026-11-22T18:05:00Z", "2026-11-22T18:05:00Z", "2026-11-22T18:05:00Z", "not at 2026-11-21T16:00:00Z: outside 01:00-05:00 Asia/Shanghai; moved to 2026-11-22T18:05:00Z", ""}},
		"a time inside may be far away":               {nights, specify("2027-03-01T18:00:00Z"), "2026-11-22T10:00:00Z", placement{"SpecifyTime", "2027-03-01T18:00:00Z", "2027-03-01T18:00:00Z", "2027-03-01T18:00:00Z", "", ""}},
		"a time outside may not be far away":          {nights, specify("2027-03-01T10:00:00Z"), "2026-11-22T10:00:00Z", placement{Why: "not at 2027-03-01T10:00:00Z: outside 01:00-05:00 Asia/Shanghai; nothing is permitted before 2026-12-22T10:00:00Z"}},

		"without windows the instance's own holds":    {window.Windows{}, maintain("18:00Z-22:00Z"), "2026-11-22T10:00:00Z", placement{"MaintainTime", "", "2026-11-22T22:00:00Z", "2026-11-22T18:00:00Z", "", ""}},
		"late in it the next one may be meant":        {window.Windows{}, maintain("18:00Z-22:00Z"), "2026-11-22T21:59:59Z", placement{"MaintainTime", "", "2026-11-23T22:00:00Z", "2026-11-22T22:00:00Z", "", ""}},
		"and so an hour before it, for a late call":   {window.Windows{}, maintain("18:00Z-22:00Z"), "2026-11-22T17:00:00Z", placement{"MaintainTime", "", "2026-11-23T22:00:00Z", "2026-11-22T22:00:00Z", "", ""}},
		"earlier a call is before it":                 {window.Windows{}, maintain("18:00Z-22:00Z"), "2026-11-22T16:59:59Z", placement{"MaintainTime", "", "2026-11-22T22:00:00Z", "2026-11-22T18:00:00Z", "", ""}},
		"an hour before, and the next one denied":     {monday, maintain("18:00Z-22:00Z"), "2026-11-23T17:30:00Z", placement{"MaintainTime", "", "2026-11-23T22:00:00Z", "2026-11-23T18:00:00Z", "", ""}},
		"without windows it need not be read":         {window.Windows{}, maintain("at night"), "2026-11-22T10:00:00Z", placement{"MaintainTime", "", "2026-11-24T10:00:00Z", "", "", ""}},
		"with windows it must be read":                {nights, maintain("at night"), "2026-11-22T10:00:00Z", placement{"SpecifyTime", "2026-11-22T17:00:00Z", "2026-11-22T17:00:00Z", "2026-11-22T17:00:00Z", `the maintenance window "at night" cannot be read; moved to 2026-11-22T17:00:00Z`, ""}},
		"an own window inside stays":                  {nights, maintain("18:00Z-20:00Z"), "2026-11-22T10:00:00Z", placement{"MaintainTime", "", "2026-11-22T20:00:00Z", "2026-11-22T18:00:00Z", "", ""}},
		"an own window inside that is open stays":     {nights, maintain("18:00Z-20:00Z"), "2026-11-22T19:00:00Z", placement{"MaintainTime", "", "2026-11-23T20:00:00Z", "2026-11-22T20:00:00Z", "", ""}},
		"if only the next is inside, call before it":  {monday, maintain("18:00Z-22:00Z"), "2026-11-23T10:00:00Z", placement{"MaintainTime", "", "2026-11-23T22:00:00Z", "2026-11-23T18:00:00Z", "", ""}},
		"if only the open one is inside, RDS may not": {monday, maintain("18:00Z-22:00Z"), "2026-11-23T19:00:00Z", placement{"SpecifyTime", "2026-11-23T19:05:00Z", "2026-11-23T19:05:00Z", "2026-11-23T19:05:00Z", "the maintenance window 18:00Z-22:00Z is not wholly permitted; moved to 2026-11-23T19:05:00Z", ""}},
		"what is left of an open one must be inside":  {every("20:00", "18:30", "UTC"), maintain("18:00Z-22:00Z"), "2026-11-23T18:10:00Z", placement{"SpecifyTime", "2026-11-23T18:15:00Z", "2026-11-23T18:15:00Z", "2026-11-23T18:15:00Z", "the maintenance window 18:00Z-22:00Z is not wholly permitted; moved to 2026-11-23T18:15:00Z", ""}},
		"even if all of the one after it is":          {denied(window.Deny{From: "2026-11-22T19:00", To: "2026-11-22T20:00", Zone: "UTC"}), maintain("18:00Z-22:00Z"), "2026-11-22T18:10:00Z", placement{"SpecifyTime", "2026-11-22T18:15:00Z", "2026-11-22T18:15:00Z", "2026-11-22T18:15:00Z", "the maintenance window 18:00Z-22:00Z is not wholly permitted; moved to 2026-11-22T18:15:00Z", ""}},
		"what is left of it counts, not what is past": {denied(window.Deny{From: "2026-11-22T18:00", To: "2026-11-22T19:00", Zone: "UTC"}), maintain("18:00Z-22:00Z"), "2026-11-22T19:00:00Z", placement{"MaintainTime", "", "2026-11-23T22:00:00Z", "2026-11-22T22:00:00Z", "", ""}},
		"where both windows meet":                     {nights, maintain("20:00Z-23:00Z"), "2026-11-22T10:00:00Z", placement{"SpecifyTime", "2026-11-22T20:00:00Z", "2026-11-22T20:00:00Z", "2026-11-22T20:00:00Z", "the maintenance window 20:00Z-23:00Z is not wholly permitted; moved to 2026-11-22T20:00:00Z", ""}},
		"they may meet on another day":                {monday, maintain("21:00Z-23:00Z"), "2026-11-24T10:00:00Z", placement{"SpecifyTime", "2026-11-30T21:00:00Z", "2026-11-30T21:00:00Z", "2026-11-30T21:00:00Z", "the maintenance window 21:00Z-23:00Z is not wholly permitted; moved to 2026-11-30T21:00:00Z", ""}},
		"where they do not meet the policy's hold":    {noons, maintain("18:00Z-22:00Z"), "2026-11-22T10:00:00Z", placement{"SpecifyTime", "2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z", "no time in the maintenance window 18:00Z-22:00Z is permitted, so the policy's windows alone hold; moved to 2026-11-22T12:00:00Z", ""}},
		"nothing permitted in the own window either":  {shut, maintain("18:00Z-22:00Z"), "2026-11-22T10:00:00Z", placement{Why: "no time in the maintenance window 18:00Z-22:00Z is permitted, so the policy's windows alone hold; nothing is permitted before 2026-12-22T10:00:00Z"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, place(must(t, c.w), c.ask, at(t, c.now))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestANilCalendarPlacesWhatIsAsked(t *testing.T) {
	t.Parallel()
	want := placement{"MaintainTime", "", "2026-11-24T10:00:00Z", "", "", ""}
	got := place(nil, window.Ask{UpgradeTime: events.MaintainTime}, at(t, "2026-11-22T10:00:00Z"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func drawAsk(t *rapid.T, now time.Time) window.Ask {
	t.Helper()
	return window.Ask{
		UpgradeTime:  rapid.SampledFrom([]events.UpgradeTime{events.Immediate, events.MaintainTime, events.SpecifyTime}).Draw(t, "upgradeTime"),
		SwitchTime:   now.Add(time.Duration(rapid.IntRange(-3600, 40*24*3600).Draw(t, "switchTime")) * time.Second),
		MaintainTime: rapid.StringMatching(`([01][0-9]|2[0-3]):[03]0Z-([01][0-9]|2[0-3]):[03]0Z|`).Draw(t, "maintainTime"),
	}
}

// within tells whether all minutes from from up to to are permitted.
func within(w window.Windows, from, to time.Time) bool {
	for ; from.Before(to); from = scan(from) {
		if !wallPermits(w, from) {
			return false
		}
	}
	return true
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestNothingIsEverPlacedOutside(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := drawInstant(t)
		w, a := drawWindows(t, now), drawAsk(t, now)
		p, ok, why := must(t, w).Place(a, now)
		inside := true
		switch m, readable := window.ParseMaintenance(a.MaintainTime); {
		case !ok:
			if why == "" {
				t.Fatalf("%v, %v: no placement, and no reason", w, a)
			}
		case p.UpgradeTime == events.SpecifyTime:
			inside = wallPermits(w, p.SwitchTime) && p.Due.Equal(p.SwitchTime) && p.Latest.Equal(p.SwitchTime)
		case p.UpgradeTime == events.Immediate:
			inside = wallPermits(w, now) && p.SwitchTime.IsZero() && p.Due.Equal(now)
		case readable: // a call just before Latest, too, gets a window that is wholly permitted
			called := maxTime(now, p.Latest.Add(-time.Second))
			from, to := m.Next(called)
			last := to
			inside = within(w, maxTime(from, now), to)
			if !called.Before(from) { // it may begin in the next window
				last = to.AddDate(0, 0, 1)
				inside = inside && within(w, from.AddDate(0, 0, 1), last)
			}
			inside = inside && p.Due.Equal(last)
		default:
			inside = len(w.Allow)+len(w.Deny) == 0
		}
		if !inside {
			t.Fatalf("%v, %+v at %v: %+v", w, a, now, p)
		}
	})
}

func TestWhatIsPlacedStaysWhenItIsAskedFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := drawInstant(t)
		w, a := drawWindows(t, now), drawAsk(t, now)
		c := must(t, w)
		first, ok, _ := c.Place(a, now)
		if !ok {
			return
		}
		again, ok, why := c.Place(window.Ask{UpgradeTime: first.UpgradeTime, SwitchTime: first.SwitchTime, MaintainTime: a.MaintainTime}, now)
		first.Moved = ""
		if diff := cmp.Diff(first, again); !ok || diff != "" {
			t.Fatalf("%v, %+v: %s (-first +again):\n%s", w, a, why, diff)
		}
	})
}

func TestNothingEarlierWasPermitted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := drawInstant(t)
		w, a := drawWindows(t, now), drawAsk(t, now)
		p, ok, _ := must(t, w).Place(a, now)
		if ok && p.Moved == "" {
			return
		}
		from, until := now.Add(5*time.Minute), now.Add(30*24*time.Hour)
		if a.UpgradeTime == events.SpecifyTime && !a.SwitchTime.Before(now) {
			from = a.SwitchTime
		}
		if ok {
			until = p.SwitchTime
		}
		if p.Moved != "" && from.After(until) {
			t.Fatalf("%v, %+v at %v: moved to %v, which is too near", w, a, now, until)
		}
		m, readable := window.ParseMaintenance(a.MaintainTime)
		own := a.UpgradeTime == events.MaintainTime && readable && strings.Contains(p.Moved, "not wholly")
		for ; from.Before(until); from = scan(from) {
			if own {
				if begin, _ := m.Next(from); begin.After(from) {
					continue
				}
			}
			if wallPermits(w, from) {
				t.Fatalf("%v, %+v at %v: %v is permitted, but got %+v", w, a, now, from, p)
			}
		}
	})
}

func BenchmarkPlace(b *testing.B) {
	w := window.Windows{
		Allow: []window.Allow{
			{Days: []string{"mon", "tue"}, From: "01:00", To: "05:00", Zone: "America/New_York"},
			{Days: []string{"sat"}, From: "22:00", To: "06:00", Zone: "Europe/Berlin"},
		},
		Deny: []window.Deny{{From: "2026-11-10T00:00", To: "2026-11-12T00:00", Zone: "Asia/Shanghai", Why: "11.11"}},
	}
	c, now := must(b, w), time.Date(2026, 11, 10, 18, 0, 0, 0, time.UTC)
	b.Run("next", func(b *testing.B) {
		for b.Loop() {
			c.Next(now, now.AddDate(0, 0, 30))
		}
	})
	b.Run("maintenance windows that never meet", func(b *testing.B) {
		for b.Loop() {
			c.Place(window.Ask{UpgradeTime: events.MaintainTime, MaintainTime: "12:00Z-13:00Z"}, now)
		}
	})
}
