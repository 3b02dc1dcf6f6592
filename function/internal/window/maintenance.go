package window

import (
	"strings"
	"time"
)

// Maintenance is an instance's own window, every day in UTC.
type Maintenance struct {
	text string
	dial hours
}

// ParseMaintenance reads a window as RDS writes it: "18:00Z-22:00Z", possibly over midnight. Begin and end alike make a whole day.
func ParseMaintenance(text string) (Maintenance, bool) {
	begin, end, cut := strings.Cut(text, "-")
	begin, beginUTC := strings.CutSuffix(begin, "Z")
	end, endUTC := strings.CutSuffix(end, "Z")
	from, readable := clock(begin)
	to, readable2 := clock(end)
	if !cut || !beginUTC || !endUTC || !readable || !readable2 || from == daySeconds {
		return Maintenance{}, false
	}
	if to <= from {
		to += daySeconds
	}
	every := [7]bool{true, true, true, true, true, true, true}
	return Maintenance{text: text, dial: hours{days: every, from: from, length: to - from}}, true
}

// String is the window as RDS writes it.
func (m Maintenance) String() string { return m.text }

// Next gives the window that is open at now, or else the next one; to is the first instant after it. The zero Maintenance has none.
func (m Maintenance) Next(now time.Time) (from, to time.Time) {
	if m.dial.length == 0 {
		return time.Time{}, time.Time{}
	}
	open, turn := m.dial.at(now.Unix())
	if open {
		turn -= m.dial.length
	}
	return time.Unix(turn, 0).UTC(), time.Unix(turn+m.dial.length, 0).UTC()
}
