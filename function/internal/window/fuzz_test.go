package window_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/window"
)

// FuzzParseMaintenance holds that what is read is written again as it was, and that the next window is never far and never behind.
func FuzzParseMaintenance(f *testing.F) {
	for _, text := range []string{"18:00Z-22:00Z", "22:00Z-02:00Z", "00:00Z-24:00Z", "24:00Z-00:00Z", "18:00Z-18:00Z", "18:00-22:00", "", "-", "18:00Z-22:00Z-", "١٨:00Z-22:00Z", "+1:00Z-22:00Z"} {
		f.Add(text, int64(1795348800))
	}
	f.Add("18:00Z-22:00Z", int64(-62135596800))
	f.Add("18:00Z-22:00Z", int64(253402300799))
	f.Fuzz(func(t *testing.T, text string, second int64) {
		m, ok := window.ParseMaintenance(text)
		now := bounded(second)
		from, to := m.Next(now)
		if !ok {
			if m.String() != "" || !from.IsZero() || !to.IsZero() {
				t.Errorf("%q is refused and yet %v to %v", text, from, to)
			}
			return
		}
		if m.String() != text || len(text) != len("18:00Z-22:00Z") || from.Format("15:04Z") != text[:6] {
			t.Errorf("%q is read as %v, from %v", text, m, from)
		}
		if !to.After(now) || to.Sub(from) > 24*time.Hour || !from.Before(to) || from.Sub(now) >= 24*time.Hour {
			t.Errorf("%q at %v: %v to %v", text, now, from, to)
		}
	})
}

// bounded gives an instant of the years 1 to 9999.
func bounded(second int64) time.Time {
	const first, all = -62135596800, 62135596800 + 253402300800
	return time.Unix(first+((second-first)%all+all)%all, 0).UTC()
}

// FuzzCalendar holds that windows are refused with their place, or else that Next, End and Why agree with Permits, and Place with all of them.
func FuzzCalendar(f *testing.F) {
	f.Add("mon,tue", "01:00", "05:00", "Asia/Shanghai", "2026-11-10T00:00", "2026-11-12T00:00", "UTC", "18:00Z-22:00Z", int64(1795348800))
	f.Add("", "22:00", "06:00", "Europe/Berlin", "2026-10-25T02:00", "2026-10-25T03:00", "Europe/Berlin", "", int64(1793059200))
	f.Add("sat", "00:00", "24:00", "UTC", "0000-01-01T00:00", "9999-12-31T23:59", "UTC", "00:00Z-00:00Z", int64(253402300799))
	f.Add("fri", "10:00", "10:00", "Pacific/Apia", "2011-12-29T00:00", "2011-12-31T00:00", "Pacific/Apia", "10:00Z-11:00Z", int64(1325116800))
	f.Add("sun,sun", "24:00", "00:00", "Local", "2026-02-29T00:00", "2026-02-28T00:00", "../etc/passwd", "x", int64(0))
	f.Add("mon,", "1:00", "25:00", "Asia/Shanghai\x00", "10000-01-01T00:00", "", "", "\xff", int64(-1))
	f.Fuzz(func(t *testing.T, days, from, to, zone, denyFrom, denyTo, denyZone, own string, second int64) {
		w := window.Windows{}
		if from+to != "" {
			a := window.Allow{From: from, To: to, Zone: zone}
			if days != "" {
				a.Days = strings.Split(days, ",")
			}
			w.Allow = append(w.Allow, a)
		}
		if denyFrom+denyTo != "" {
			w.Deny = append(w.Deny, window.Deny{From: denyFrom, To: denyTo, Zone: denyZone})
		}
		c, problems := read(w, known)
		for _, problem := range problems {
			if !strings.HasPrefix(problem, "windows.allow[0].") && !strings.HasPrefix(problem, "windows.deny[0].") {
				t.Errorf("%+v: %s", w, problem)
			}
		}
		if problems != nil {
			return
		}
		checkCalendar(t, c, bounded(second))
		checkPlace(t, c, own, bounded(second))
	})
}

// known finds zones without asking the file system.
func known(name string) (*time.Location, error) {
	switch name {
	case "UTC", "Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia":
		return zone(name), nil
	case "odd":
		return time.FixedZone(name, -(23*60*60 + 59*60 + 59)), nil
	}
	return nil, errors.New("unknown")
}

func checkCalendar(t *testing.T, c *window.Calendar, now time.Time) {
	t.Helper()
	permitted := c.Permits(now)
	if (c.Why(now) == "") != permitted {
		t.Errorf("at %v permitted: %t, but the reason is %q", now, permitted, c.Why(now))
	}
	next, ok := c.Next(now, now.AddDate(0, 0, 30))
	if ok && (next.Before(now) || !c.Permits(next)) || permitted != (ok && next.Equal(now)) {
		t.Errorf("at %v permitted: %t, but the next is %v, %t", now, permitted, next, ok)
	}
	if ok && next.After(now) && c.Permits(next.Add(-time.Second)) {
		t.Errorf("after %v the next is %v, but a second before that is permitted", now, next)
	}
	end := c.End(now)
	if !end.IsZero() && (c.Permits(end) || end.Before(now) || permitted && !c.Permits(end.Add(-time.Second))) {
		t.Errorf("the end of %v is %v", now, end)
	}
}

func checkPlace(t *testing.T, c *window.Calendar, own string, now time.Time) {
	t.Helper()
	for _, a := range []window.Ask{
		{UpgradeTime: events.Immediate}, {UpgradeTime: events.MaintainTime, MaintainTime: own}, {UpgradeTime: events.SpecifyTime, SwitchTime: now.Add(time.Hour)},
	} {
		p, ok, why := c.Place(a, now)
		switch {
		case ok == (why != ""):
			t.Errorf("%+v at %v: %+v, %t, %q", a, now, p, ok, why)
		case ok && p.UpgradeTime == events.SpecifyTime && (!c.Permits(p.SwitchTime) || p.SwitchTime.Before(now)):
			t.Errorf("%+v at %v: %+v", a, now, p)
		case ok && p.UpgradeTime == events.Immediate && !c.Permits(now):
			t.Errorf("%+v at %v: %+v", a, now, p)
		}
	}
}
