package upgrade

import (
	"strings"
	"time"
)

// windowForm is how RDS writes a maintenance window: "18:00Z-22:00Z", in UTC, possibly across midnight.
const windowForm = "15:04Z"

// windowEnd gives the end of the maintenance window that is open at now, or else of the next one. A window
// that cannot be read may be at any time of the day, so its end is a day away.
func windowEnd(maintainTime string, now time.Time) time.Time {
	from, to, _ := strings.Cut(maintainTime, "-")
	start, err := time.Parse(windowForm, from)
	stop, err2 := time.Parse(windowForm, to)
	if err != nil || err2 != nil {
		return now.Add(24 * time.Hour)
	}
	length := stop.Sub(start)
	if length <= 0 {
		length += 24 * time.Hour
	}
	midnight := now.UTC().Truncate(24 * time.Hour)
	begin := midnight.Add(-24*time.Hour + time.Duration(start.Hour())*time.Hour + time.Duration(start.Minute())*time.Minute)
	for !now.Before(begin.Add(length)) {
		begin = begin.Add(24 * time.Hour)
	}
	return begin.Add(length)
}
