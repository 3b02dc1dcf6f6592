package window

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Notes returns what a policy may say about time and probably does not mean, each with its path in the policy.
func (c *Calendar) Notes(now time.Time) []string {
	if c.empty() {
		return []string{"windows: there are none, so an upgrade may begin at any time"}
	}
	notes := append(c.ZoneNotes(now), c.pastNotes(now)...)
	if _, open := c.Next(now, now.Add(placeWithin)); !open {
		notes = append(notes, "windows: nothing is permitted within the next 30 days: every upgrade would be skipped as outside_window")
	}
	return notes
}

// ZoneNotes says of each zone that is not what it seems to be what it is.
func (c *Calendar) ZoneNotes(now time.Time) (notes []string) {
	if c.empty() {
		return nil
	}
	paths := map[string][]string{}
	for _, r := range slices.Concat(c.allow, c.deny) {
		note := zoneNote(r.zone, now)
		if note != "" && paths[note] == nil {
			notes = append(notes, note)
		}
		paths[note] = append(paths[note], r.path+".zone")
	}
	for i, note := range notes {
		notes[i] = strings.Join(paths[note], ", ") + ": " + note
	}
	return notes
}

func (c *Calendar) pastNotes(now time.Time) (notes []string) {
	for _, r := range c.deny {
		if _, turn := r.dial(wallOf(now.In(r.zone))); turn == never {
			notes = append(notes, fmt.Sprintf("%s: it lies in the past (%s): take it out", r.path, r.name))
		}
	}
	if len(c.allow) == 0 && len(notes) == len(c.deny) {
		notes = append(notes, "windows: none of them holds any more, so an upgrade may begin at any time")
	}
	return notes
}

// Opening is a stretch of time in which an upgrade may begin.
type Opening struct {
	From, To time.Time      // To is the first instant after it; zero: it goes on for more than 31 days
	Zone     *time.Location // of the window in the policy that opens it; where all is permitted that is not denied, of the first denial
}

// openWithin is how far Openings looks.
const openWithin = 366 * 24 * time.Hour

// Openings returns the next stretches of time that are permitted, so many at most and within a year. The first begins now if now
// is permitted. A calendar without windows has none: any time is permitted.
func (c *Calendar) Openings(now time.Time, most int) (openings []Opening) {
	if c.empty() {
		return nil
	}
	until := now.Add(openWithin)
	for begin, ok := c.Next(now, until); ok && len(openings) < most; begin, ok = c.Next(now, until) {
		_, _, by := c.at(begin.Unix())
		if by == nil {
			by = c.deny[0]
		}
		now = c.End(begin)
		openings = append(openings, Opening{From: begin, To: now, Zone: by.zone})
		if now.IsZero() {
			break
		}
	}
	return openings
}

// String returns the opening in UTC and in its zone.
func (o Opening) String() string {
	text := o.in(time.UTC)
	if name := o.Zone.String(); name != "UTC" {
		text += ", which is " + o.in(o.Zone) + " in " + name
	}
	return text
}

func (o Opening) in(zone *time.Location) string {
	layout := "Mon 2006-01-02 15:04 -07:00"
	if zone == time.UTC {
		layout = "Mon 2006-01-02 15:04 UTC"
	}
	from := o.From.In(zone).Format(layout)
	if o.To.IsZero() {
		return from + " and on for more than 31 days"
	}
	return from + " to " + o.To.In(zone).Format(layout)
}
