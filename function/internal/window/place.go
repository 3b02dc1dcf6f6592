package window

import (
	"fmt"
	"time"

	"rds-kernel-upgrade/events"
)

// Ask is when an upgrade is wished for.
type Ask struct {
	UpgradeTime  events.UpgradeTime // empty: Immediate, as in the API
	SwitchTime   time.Time          // of SpecifyTime
	MaintainTime string             // the instance's own window, as RDS writes it
}

// Placed is when an upgrade may be.
type Placed struct {
	UpgradeTime events.UpgradeTime
	SwitchTime  time.Time // of SpecifyTime only, in whole seconds and UTC
	Due         time.Time // the end of the last time at which the restart may begin
	Latest      time.Time // the call must be made before this; zero: at any time
	Moved       string    // in words, if it is not what was wished; else empty
}

const (
	// placeWithin is how far away a moved upgrade may be.
	placeWithin = 30 * 24 * time.Hour
	// lead is how far a moved instant lies from now at least. How near a SwitchTime may be is not documented.
	lead = 5 * time.Minute
	// anyWindow is when a maintenance window that cannot be read has surely been open, and the next one too.
	anyWindow = 48 * time.Hour
	// soon is how long after it was planned a call is made at the latest: an invocation ends before.
	soon = time.Hour
)

// Place finds when an upgrade may be. It keeps what is permitted; what is not becomes SpecifyTime at the first instant that is:
//
//	asked        │ stays if permitted                       │ else the first permitted instant
//	─────────────┼──────────────────────────────────────────┼──────────────────────────────────────────────────────────────────
//	Immediate    │ now                                      │ from 5 minutes after now on
//	SpecifyTime  │ SwitchTime                               │ after SwitchTime (if that is past: from 5 minutes after now on)
//	MaintainTime │ the whole of the next window; if it is   │ of the instance's window from 5 minutes after now on; if none is: of
//	             │ open now, its rest and the one after it  │ any time, since then the policy's windows alone can hold
//
// A MaintainTime that cannot be read may be any time of the day, so it stays only if the calendar is empty. ok is false, and why says
// so in words, if nothing is permitted within 30 days of now.
func (c *Calendar) Place(a Ask, now time.Time) (p Placed, ok bool, why string) {
	f := finder{c, now}
	switch {
	case a.UpgradeTime == events.SpecifyTime && c.Permits(a.SwitchTime):
		return specify(a.SwitchTime, ""), true, ""
	case a.UpgradeTime == events.SpecifyTime:
		return f.move("not at "+stamp(a.SwitchTime)+": "+c.Why(a.SwitchTime), a.SwitchTime)
	case a.UpgradeTime == events.MaintainTime:
		return f.maintenance(a.MaintainTime)
	case c.Permits(now):
		return Placed{UpgradeTime: events.Immediate, Due: now, Latest: c.End(now)}, true, ""
	default:
		return f.move("not at once: "+c.Why(now), time.Time{})
	}
}

// finder finds when an upgrade that is planned now may be.
type finder struct {
	calendar *Calendar
	now      time.Time
}

func (f finder) maintenance(text string) (Placed, bool, string) {
	m, readable := ParseMaintenance(text)
	if !readable && f.calendar.empty() {
		return Placed{UpgradeTime: events.MaintainTime, Due: f.now.Add(anyWindow)}, true, ""
	}
	if !readable {
		return f.move(fmt.Sprintf("the maintenance window %q cannot be read", text), time.Time{})
	}
	if p, stays := f.stay(m); stays {
		return p, true, ""
	}
	if at, ok := f.nextIn(m); ok {
		return specify(at, moved("the maintenance window "+text+" is not wholly permitted", at)), true, ""
	}
	return f.move("no time in the maintenance window "+text+" is permitted, so the policy's windows alone hold", time.Time{})
}

// stay keeps an upgrade in the instance's own window. RDS does not say what becomes of a call that is made while the window is open: it
// may begin in what is left of the window, or in the next one.
//
//	the window            │ must be permitted                    │ called before      │ Due
//	──────────────────────┼──────────────────────────────────────┼────────────────────┼───────────────────────
//	opens later           │ all of it                            │ it opens           │ its end
//	opens soon            │ all of it, and if the next one is    │ it closes          │ the end of the next one
//	                      │ not permitted                        │ it opens           │ its end
//	is open               │ the rest of it and all of the next   │ it closes          │ the end of the next one
func (f finder) stay(m Maintenance) (Placed, bool) {
	from, to := m.Next(f.now)
	nextFrom, nextTo := m.Next(to)
	both := f.calendar.covers(nextFrom, nextTo)
	p := Placed{UpgradeTime: events.MaintainTime, Due: nextTo, Latest: to}
	if from.After(f.now) {
		if !both || from.Sub(f.now) > soon {
			p.Due, p.Latest = to, from
		}
		return p, f.calendar.covers(from, to)
	}
	return p, both && f.calendar.covers(f.now, to)
}

// nextIn gives the first instant that lies both in the calendar and in the instance's own window.
func (f finder) nextIn(m Maintenance) (time.Time, bool) {
	for from, until := f.now.Add(lead), f.now.Add(placeWithin); from.Before(until); {
		begin, end := m.Next(from)
		if begin.Before(from) {
			begin = from
		}
		if at, ok := f.calendar.Next(begin, end); ok {
			return at, at.Before(until)
		}
		from = end
	}
	return time.Time{}, false
}

// move takes the first permitted instant at any time of the day: from a time on, or if that is past, from 5 minutes after now on.
func (f finder) move(reason string, from time.Time) (Placed, bool, string) {
	if from.Before(f.now) {
		from = f.now.Add(lead)
	}
	at, ok := f.calendar.Next(from, f.now.Add(placeWithin))
	if !ok {
		return Placed{}, false, reason + "; nothing is permitted before " + stamp(f.now.Add(placeWithin))
	}
	return specify(at, moved(reason, at)), true, ""
}

func specify(at time.Time, moved string) Placed {
	at = at.UTC().Truncate(time.Second)
	return Placed{UpgradeTime: events.SpecifyTime, SwitchTime: at, Due: at, Latest: at, Moved: moved}
}

func moved(reason string, at time.Time) string { return reason + "; moved to " + stamp(at) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
