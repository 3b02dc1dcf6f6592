package window_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rds-kernel-upgrade/function/internal/window"
)

func TestTheMaintenanceWindowIsTheOpenOneOrElseTheNext(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, now, from, to string }{
		"before it, it is today's":          {"18:00Z-22:00Z", "2026-11-22T10:00:00Z", "2026-11-22T18:00:00Z", "2026-11-22T22:00:00Z"},
		"at its beginning it is open":       {"18:00Z-22:00Z", "2026-11-22T18:00:00Z", "2026-11-22T18:00:00Z", "2026-11-22T22:00:00Z"},
		"inside it is open":                 {"18:00Z-22:00Z", "2026-11-22T21:59:59.9Z", "2026-11-22T18:00:00Z", "2026-11-22T22:00:00Z"},
		"at its end it is tomorrow's":       {"18:00Z-22:00Z", "2026-11-22T22:00:00Z", "2026-11-23T18:00:00Z", "2026-11-23T22:00:00Z"},
		"over midnight it is yesterday's":   {"22:00Z-02:00Z", "2026-12-31T01:00:00Z", "2026-12-30T22:00:00Z", "2026-12-31T02:00:00Z"},
		"over midnight it begins today":     {"22:00Z-02:00Z", "2026-12-31T02:00:00Z", "2026-12-31T22:00:00Z", "2027-01-01T02:00:00Z"},
		"it may end with the day":           {"22:00Z-24:00Z", "2026-12-31T23:00:00Z", "2026-12-31T22:00:00Z", "2027-01-01T00:00:00Z"},
		"begin and end alike are all day":   {"18:00Z-18:00Z", "2026-11-22T10:00:00Z", "2026-11-21T18:00:00Z", "2026-11-22T18:00:00Z"},
		"a now of another zone is the same": {"18:00Z-22:00Z", "2026-11-23T03:00:00+08:00", "2026-11-22T18:00:00Z", "2026-11-22T22:00:00Z"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, ok := window.ParseMaintenance(c.text)
			from, to := m.Next(at(t, c.now))
			if !ok || instant(from) != c.from || instant(to) != c.to || m.String() != c.text {
				t.Errorf("%s (%t): %s to %s; want %s to %s", m, ok, instant(from), instant(to), c.from, c.to)
			}
		})
	}
}

func TestAMaintenanceWindowThatCannotBeReadIsNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "-", "18:00Z", "18:00-22:00", "18:00Z-22:00", "18:00-22:00Z", "24:00Z-02:00Z", "18:00Z-25:00Z", "x8:00Z-22:00Z", "8:00Z-9:00Z",
		"18:00Z-22:00Z-23:00Z", " 18:00Z-22:00Z",
	} {
		m, ok := window.ParseMaintenance(text)
		if from, to := m.Next(at(t, "2026-11-22T10:00:00Z")); ok || !from.IsZero() || !to.IsZero() {
			t.Errorf("%q is read as %v to %v", text, from, to)
		}
	}
}

func TestTheMaintenanceWindowNeverLiesBehind(t *testing.T) {
	t.Parallel()
	hour := rapid.StringMatching(`([01][0-9]|2[0-3]):[0-5][0-9]Z`)
	rapid.Check(t, func(t *rapid.T) {
		begin, end, now := hour.Draw(t, "begin"), hour.Draw(t, "end"), drawInstant(t)
		m, ok := window.ParseMaintenance(begin + "-" + end)
		from, to := m.Next(now)
		if !ok || !to.After(now) || to.Sub(from) > 24*time.Hour || !from.Before(to) || from.Sub(now) >= 24*time.Hour {
			t.Fatalf("%s at %v: %v to %v", m, now, from, to)
		}
		if from.Format("15:04Z") != begin || to.Format("15:04Z") != end {
			t.Fatalf("%s: %v to %v", m, from, to)
		}
		if again, _ := m.Next(to.Add(-1)); !again.Equal(from) {
			t.Fatalf("%s: the window of %v begins at %v before its end", m, from, again)
		}
	})
}
