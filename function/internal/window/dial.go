package window

import "time"

// A wall time is what a clock on the wall shows, counted in seconds as if its zone were UTC: within one offset of the zone, instants
// and wall times run side by side.

// never lies after all times that count, and far enough from the end of the numbers to be reckoned with.
const never = int64(1) << 60

// dial is a window as the clock on the wall shows it. It tells whether the window is open at a wall time, and the wall time at which that
// turns.
type dial func(wall int64) (open bool, turn int64)

// hours come again on some days of the week, of which there is one at least. Their length is a day at most.
func hours(days [7]bool, from, length int64) dial {
	return func(wall int64) (open bool, turn int64) {
		for day := midnight(wall) - daySeconds; ; day += daySeconds {
			begin := day + from
			switch {
			case !days[time.Unix(day, 0).UTC().Weekday()]:
			case wall < begin:
				return false, begin
			case wall < begin+length:
				return true, begin + length
			}
		}
	}
}

// span comes once.
func span(from, to int64) dial {
	return func(wall int64) (open bool, turn int64) {
		switch {
		case wall < from:
			return false, from
		case wall < to:
			return true, to
		}
		return false, never
	}
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
	wall := wallOf(t)
	open, turn := r.dial(wall)
	return open, min(second+turn-wall, offsetEnd(t))
}

// wallOf gives what the clock on the wall shows at an instant, in the zone of t.
func wallOf(t time.Time) int64 {
	_, offset := t.Zone()
	return t.Unix() + int64(offset)
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
	return midnight(t.Unix()) + daySeconds
}

// midnight gives the beginning of a day.
func midnight(wall int64) int64 { return time.Unix(wall, 0).Truncate(24 * time.Hour).Unix() }
