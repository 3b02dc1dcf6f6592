package window_test

import (
	"slices"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // the tests do not depend on the machine's zones

	"rds-kernel-upgrade/function/internal/window"
)

// must reads windows that are right.
func must(tb interface {
	Helper()
	Fatal(args ...any)
}, w window.Windows,
) *window.Calendar {
	tb.Helper()
	c, problems := read(w, time.LoadLocation)
	if problems != nil {
		tb.Fatal(problems)
	}
	return c
}

// read reads windows. It returns what is wrong with them as lines.
func read(w window.Windows, zone func(string) (*time.Location, error)) (c *window.Calendar, problems []string) {
	c = w.Calendar(zone, func(path, text string) { problems = append(problems, path+": "+text) })
	return c, problems
}

// at reads an instant.
func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// instant writes one, and nothing for the zero one.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// wallPermits is the definition of the package, read off a clock on the wall: no offsets, no transitions.
func wallPermits(w window.Windows, t time.Time) bool {
	for _, d := range w.Deny {
		if wall := t.In(zone(d.Zone)).Format("2006-01-02T15:04"); d.From <= wall && wall < d.To {
			return false
		}
	}
	return len(w.Allow) == 0 || slices.ContainsFunc(w.Allow, func(a window.Allow) bool { return wallShows(a, t) })
}

func wallShows(a window.Allow, t time.Time) bool {
	local := t.In(zone(a.Zone))
	clock, today := local.Format("15:04"), local.Weekday()
	yesterday := (today + 6) % 7
	if a.From < a.To {
		return on(a, today) && a.From <= clock && clock < a.To
	}
	return on(a, today) && a.From <= clock || on(a, yesterday) && clock < a.To
}

func on(a window.Allow, day time.Weekday) bool {
	names := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	return len(a.Days) == 0 || slices.Contains(a.Days, names[day])
}

// loaded keeps zones: to find one takes longer than to read its clock.
var loaded sync.Map

func zone(name string) *time.Location {
	if loc, ok := loaded.Load(name); ok {
		return loc.(*time.Location)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	loaded.Store(name, loc)
	return loc
}
