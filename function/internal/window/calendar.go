package window

import (
	"strings"
	"time"
)

// Calendar tells what is permitted when. A nil one permits everything.
type Calendar struct {
	allow, deny []rule
}

// endWithin is how far End looks.
const endWithin = 31 * 24 * time.Hour

// Permits tells whether something may happen at t.
func (c *Calendar) Permits(t time.Time) bool {
	permitted, _ := c.at(t.Unix())
	return permitted
}

// Next gives the first permitted instant from from on and before until, in whole seconds.
func (c *Calendar) Next(from, until time.Time) (time.Time, bool) {
	for second := ceiling(from); second < ceiling(until); {
		permitted, turn := c.at(second)
		if permitted {
			return time.Unix(second, 0).UTC(), true
		}
		second = turn
	}
	return time.Time{}, false
}

// End gives the end of the permitted stretch in which t lies: the first instant after it that is not permitted. It is zero if the
// stretch goes on for 31 days, and t itself if t is not permitted.
func (c *Calendar) End(t time.Time) time.Time {
	if !c.Permits(t) {
		return t
	}
	end, _ := c.end(t, t.Add(endWithin))
	return end
}

// Why says in words why t is not permitted, and nothing if it is.
func (c *Calendar) Why(t time.Time) string {
	if c.Permits(t) {
		return ""
	}
	for _, r := range c.deny {
		if open, _ := r.at(t.Unix()); open {
			return r.name
		}
	}
	names := make([]string, len(c.allow))
	for i, r := range c.allow {
		names[i] = r.name
	}
	return "outside " + strings.Join(names, " and ")
}

// at tells whether a second is permitted, and until when at least that holds.
//
//	a deny is open │ there are allows │ one is open │ permitted │ until
//	───────────────┼──────────────────┼─────────────┼───────────┼────────────────────────────────────────────
//	yes            │ any              │ any         │ no        │ that deny closes
//	no             │ no               │ —           │ yes       │ a deny opens
//	no             │ yes              │ no          │ no        │ an allow opens
//	no             │ yes              │ yes         │ yes       │ a deny opens, or all the allows open now have closed
func (c *Calendar) at(second int64) (permitted bool, until int64) {
	if c == nil {
		return true, never
	}
	denied := never
	for _, r := range c.deny {
		open, turn := r.at(second)
		if open {
			return false, turn
		}
		denied = min(denied, turn)
	}
	if len(c.allow) == 0 {
		return true, denied
	}
	opens, closes := never, second
	for _, r := range c.allow {
		if open, turn := r.at(second); open {
			closes = max(closes, turn)
		} else {
			opens = min(opens, turn)
		}
	}
	if closes > second {
		return true, min(closes, denied)
	}
	return false, opens
}

// end gives the first second from from on and before until that is not permitted.
func (c *Calendar) end(from, until time.Time) (time.Time, bool) {
	for second := from.Unix(); second < ceiling(until); {
		permitted, turn := c.at(second)
		if !permitted {
			return time.Unix(second, 0).UTC(), true
		}
		second = turn
	}
	return time.Time{}, false
}

// covers tells whether all of from up to to is permitted.
func (c *Calendar) covers(from, to time.Time) bool {
	_, ends := c.end(from, to)
	return !ends
}

// empty tells whether the calendar says nothing at all.
func (c *Calendar) empty() bool { return c == nil || len(c.allow) == 0 && len(c.deny) == 0 }

// ceiling is the first whole second that is not before t.
func ceiling(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
