package fakerds

import (
	"fmt"
	"time"
)

// window is a maintenance window as the time of day, in UTC, at which it opens and how long it is open.
type window struct{ opens, lasts time.Duration }

// parseWindow reads HH:mmZ-HH:mmZ. A window that ends before it begins goes on past midnight.
func parseWindow(text string) (window, error) {
	const form = "15:04Z"
	if len(text) != len("18:00Z-22:00Z") || text[6] != '-' {
		return window{}, fmt.Errorf("MaintainTime %q is not of the form 18:00Z-22:00Z", text)
	}
	from, err1 := time.Parse(form, text[:6])
	to, err2 := time.Parse(form, text[7:])
	if err1 != nil || err2 != nil || from.Equal(to) {
		return window{}, fmt.Errorf("MaintainTime %q is not of the form 18:00Z-22:00Z", text)
	}
	lasts := to.Sub(from)
	if lasts < 0 {
		lasts += 24 * time.Hour
	}
	return window{time.Duration(from.Hour())*time.Hour + time.Duration(from.Minute())*time.Minute, lasts}, nil
}

// next returns now inside the window, and otherwise the time at which it opens next.
func (w window) next(now time.Time) time.Time {
	opens := w.nextOpening(now)
	if now.Before(opens.Add(w.lasts - 24*time.Hour)) {
		return now
	}
	return opens
}

// nextOpening returns the next time at which the window opens, whether it is open now or not.
func (w window) nextOpening(now time.Time) time.Time {
	opens := now.UTC().Truncate(24 * time.Hour).Add(w.opens)
	if !now.Before(opens) {
		opens = opens.Add(24 * time.Hour)
	}
	return opens
}
