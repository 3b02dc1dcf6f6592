package window

import (
	"slices"
	"strings"
	"time"
)

// Calendar tells what is permitted when. A nil one permits everything.
type Calendar struct {
	allow, deny []*rule
}

// endWithin is how far End looks.
const endWithin = 31 * 24 * time.Hour

// Permits tells whether something may happen at t.
func (c *Calendar) Permits(t time.Time) bool {
	permitted, _, _ := c.at(t.Unix())
	return permitted
}

// Next gives the first permitted instant from from on and before until, in whole seconds.
func (c *Calendar) Next(from, until time.Time) (time.Time, bool) {
	return c.first(true, ceiling(from), ceiling(until))
}

// End gives the end of the permitted stretch in which t lies: the first instant after it that is not permitted. It is zero if the
// stretch goes on for 31 days, and t itself if t is not permitted.
func (c *Calendar) End(t time.Time) time.Time {
	if !c.Permits(t) {
		return t
	}
	end, _ := c.first(false, t.Unix(), ceiling(t.Add(endWithin)))
	return end
}

// covers tells whether all of from up to to is permitted.
func (c *Calendar) covers(from, to time.Time) bool {
	_, ends := c.first(false, from.Unix(), ceiling(to))
	return !ends
}

// first gives the first second from from on and before until that is permitted, or that is not.
func (c *Calendar) first(permitted bool, from, until int64) (time.Time, bool) {
	for from < until {
		now, turn, _ := c.at(from)
		if now == permitted {
			return time.Unix(from, 0).UTC(), true
		}
		from = turn
	}
	return time.Time{}, false
}

// Why says in words why t is not permitted, and nothing if it is.
func (c *Calendar) Why(t time.Time) string {
	permitted, _, by := c.at(t.Unix())
	switch {
	case permitted:
		return ""
	case by != nil:
		return by.name
	}
	names := make([]string, len(c.allow))
	for i, r := range c.allow {
		names[i] = r.name
	}
	return "outside " + strings.Join(names, " and ")
}

// at tells whether a second is permitted, until when at least that holds, and by which window, nil if none is open.
//
//	a deny is open │ there are allows │ one is open │ permitted │ until                                      │ by
//	───────────────┼──────────────────┼─────────────┼───────────┼────────────────────────────────────────────┼─────────────────
//	yes            │ any              │ any         │ no        │ that deny closes                           │ that deny
//	no             │ no               │ —           │ yes       │ a deny opens                               │ —
//	no             │ yes              │ no          │ no        │ an allow opens                             │ —
//	no             │ yes              │ yes         │ yes       │ a deny opens, or all the allows open now   │ the first allow
//	               │                  │             │           │ have closed                                │ that is open
func (c *Calendar) at(second int64) (permitted bool, until int64, by *rule) {
	if c == nil {
		return true, never, nil
	}
	denied := never
	for _, r := range c.deny {
		open, turn := r.at(second)
		if open {
			return false, turn, r
		}
		denied = min(denied, turn)
	}
	if len(c.allow) == 0 {
		return true, denied, nil
	}
	opens, closes := never, second
	for _, r := range slices.Backward(c.allow) {
		if open, turn := r.at(second); open {
			closes, by = max(closes, turn), r
		} else {
			opens = min(opens, turn)
		}
	}
	if by != nil {
		return true, min(closes, denied), by
	}
	return false, opens, nil
}

// empty tells whether the calendar says nothing at all.
func (c *Calendar) empty() bool { return c == nil || len(c.allow) == 0 && len(c.deny) == 0 }

// ceiling is the first whole second that is not before t.
func ceiling(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }
