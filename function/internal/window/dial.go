package window

import "time"

// A wall time is what a clock on the wall shows, counted in seconds as if its zone were UTC: within one offset of the zone, instants
// and wall times run side by side.

// never lies after all times that count, and far enough from the end of the numbers to be reckoned with.
const never = int64(1) << 60

// dial is a window as the clock on the wall shows it.
type dial interface {
	// at tells whether the window is open at a wall time, and the wall time at which that turns.
	at(wall int64) (open bool, turn int64)
}

// hours come again on some days of the week. Their length is a day at most.
type hours struct {
	days         [7]bool // at least one
	from, length int64
}

func (h hours) at(wall int64) (open bool, turn int64) {
	for day := floorDay(wall) - 1; ; day++ {
		begin := day*daySeconds + h.from
		switch {
		case !h.days[weekday(day)]:
		case wall < begin:
			return false, begin
		case wall < begin+h.length:
			return true, begin + h.length
		}
	}
}

// span comes once.
type span struct{ from, to int64 }

func (s span) at(wall int64) (open bool, turn int64) {
	switch {
	case wall < s.from:
		return false, s.from
	case wall < s.to:
		return true, s.to
	}
	return false, never
}

// rule is a window in its zone.
type rule struct {
	path string // in the policy
	name string
	zone *time.Location
	dial dial
}

// at tells whether the window is open at an instant, and until when at least that holds. Where the zone's offset changes, the wall
// has to be looked at anew.
func (r rule) at(second int64) (open bool, until int64) {
	t := time.Unix(second, 0).In(r.zone)
	_, offset := t.Zone()
	wall := second + int64(offset)
	open, turn := r.dial.at(wall)
	return open, min(second+turn-wall, offsetEnd(t))
}

// offsetEnd gives the second until which at least the zone's offset stays. Where a zone goes by a rule that comes again every year,
// time.ZoneBounds takes all years to have 365 days, so that on the last day of a leap year its end is past; that day ends in UTC.
func offsetEnd(t time.Time) int64 {
	_, end := t.ZoneBounds()
	switch {
	case end.IsZero():
		return never
	case end.After(t):
		return end.Unix()
	}
	return (floorDay(t.Unix()) + 1) * daySeconds
}

// floorDay counts days from 1970-01-01 on, also backwards.
func floorDay(wall int64) int64 {
	day := wall / daySeconds
	if wall%daySeconds < 0 {
		day--
	}
	return day
}

// weekday is that of a day so counted; the first was a Thursday.
func weekday(day int64) int64 { return ((day+4)%7 + 7) % 7 }
