package window

import (
	"strings"
	"time"
)

// Maintenance is an instance's own window, every day in UTC.
type Maintenance struct {
	text     string
	from, to int64 // seconds of the day, to possibly of the next one
}

// ParseMaintenance reads a window as RDS writes it: "18:00Z-22:00Z", possibly over midnight. Begin and end alike make a whole day.
func ParseMaintenance(text string) (Maintenance, bool) {
	both, utc := strings.CutSuffix(text, "Z")
	begin, end, _ := strings.Cut(both, "Z-")
	from, readable := clock(begin)
	to, readable2 := clock(end)
	if !utc || !readable || !readable2 || from == daySeconds {
		return Maintenance{}, false
	}
	if to <= from {
		to += daySeconds
	}
	return Maintenance{text: text, from: from, to: to}, true
}

// String is the window as RDS writes it.
func (m Maintenance) String() string { return m.text }

// Next gives the window that is open at now, or else the next one; to is the first instant after it. The zero Maintenance has none.
func (m Maintenance) Next(now time.Time) (from, to time.Time) {
	if m.text == "" {
		return time.Time{}, time.Time{}
	}
	end := midnight(now.Unix()-m.to) + daySeconds + m.to
	return time.Unix(end-m.to+m.from, 0).UTC(), time.Unix(end, 0).UTC()
}
