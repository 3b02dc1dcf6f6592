package window

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Windows is the policy's word about time, as its file has it.
type Windows struct {
	Allow []Allow `yaml:"allow,omitempty"`
	Deny  []Deny  `yaml:"deny,omitempty"`
}

// Allow is a window that comes again every week.
type Allow struct {
	Days []string `yaml:"days,omitempty,flow"` // mon to sun, on which it begins; empty: every day
	From string   `yaml:"from"`                // 15:04
	To   string   `yaml:"to"`                  // 15:04 or 24:00, and without it; before From: on the next day
	Zone string   `yaml:"zone"`                // an IANA name, such as Asia/Shanghai
}

// Deny is a time at which nothing may happen.
type Deny struct {
	From string `yaml:"from"` // 2006-01-02T15:04
	To   string `yaml:"to"`   // the same, and without it
	Zone string `yaml:"zone"`
	Why  string `yaml:"why,omitempty"` // for people
}

const daySeconds = 24 * 60 * 60

// dayNames stand in the order of time.Weekday.
var dayNames = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Calendar reads the windows. zone finds a zone by its name, as time.LoadLocation does. wrong takes each problem with the path of its
// value in the policy, such as "windows.allow[0].zone"; if there is any, the calendar must not be asked.
func (w Windows) Calendar(zone func(name string) (*time.Location, error), wrong func(path, text string)) *Calendar {
	c, r := &Calendar{}, &reader{zone: zone, report: wrong}
	for i, a := range w.Allow {
		r.path = fmt.Sprintf("windows.allow[%d]", i)
		c.allow = append(c.allow, &rule{path: r.path, name: a.String(), zone: r.location(a.Zone), dial: r.hours(a)})
	}
	for i, d := range w.Deny {
		r.path = fmt.Sprintf("windows.deny[%d]", i)
		c.deny = append(c.deny, &rule{path: r.path, name: d.String(), zone: r.location(d.Zone), dial: r.span(d)})
	}
	return c
}

// String is the window in words.
func (a Allow) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s-%s %s", strings.Join(a.Days, ","), a.From, a.To, a.Zone))
}

// String is the reason, or else the time.
func (d Deny) String() string {
	if d.Why != "" {
		return d.Why
	}
	return fmt.Sprintf("denied from %s to %s %s", d.From, d.To, d.Zone)
}

// reader reads the window at a path, and reports what is wrong with it.
type reader struct {
	zone   func(name string) (*time.Location, error)
	report func(path, text string)
	path   string
}

func (r *reader) wrong(key, value, want string) {
	text := fmt.Sprintf("%.60q: %s", value, want)
	if value == "" {
		text = "is missing: " + want
	}
	r.report(r.path+"."+key, text)
}

// location refuses the names that mean the machine's zone, or UTC where none was meant.
func (r *reader) location(name string) *time.Location {
	if name == "" || strings.EqualFold(name, "Local") || name == "localtime" {
		r.wrong("zone", name, "want the name of a zone, such as Asia/Shanghai")
		return nil
	}
	zone, err := r.zone(name)
	if err != nil {
		r.wrong("zone", name, "no such zone is known: "+meant(name))
	}
	return zone
}

func (r *reader) hours(a Allow) dial {
	from, ok := clock(a.From)
	if ok = ok && from < daySeconds; !ok {
		r.wrong("from", a.From, "want a time from 00:00 to 23:59")
	}
	to, ok2 := clock(a.To)
	if !ok2 {
		r.wrong("to", a.To, "want a time from 00:00 to 24:00")
	}
	if ok && ok2 && from == to {
		r.wrong("to", a.To, "the window has no length: a whole day is from 00:00 to 24:00")
	}
	if to <= from {
		to += daySeconds
	}
	return hours(r.days(a.Days), from, to-from)
}

func (r *reader) days(names []string) (days [7]bool) {
	if len(names) == 0 {
		names = dayNames[:]
	}
	for i, name := range names {
		day := slices.Index(dayNames[:], name)
		switch key := fmt.Sprintf("days[%d]", i); {
		case day < 0:
			r.wrong(key, name, "want mon, tue, wed, thu, fri, sat or sun")
		case days[day]:
			r.wrong(key, name, "stands there twice")
		default:
			days[day] = true
		}
	}
	return days
}

func (r *reader) span(d Deny) dial {
	from, ok := date(d.From)
	if !ok {
		r.wrong("from", d.From, "want a time such as 2026-11-10T00:00")
	}
	to, ok2 := date(d.To)
	if !ok2 {
		r.wrong("to", d.To, "want a time such as 2026-11-12T00:00")
	}
	if ok && ok2 && to <= from {
		r.wrong("to", d.To, "want a time after "+d.From)
	}
	return span(from, to)
}

// date reads 2006-01-02T15:04 as a wall time.
func date(text string) (wall int64, ok bool) {
	const form = "2006-01-02T15:04"
	t, err := time.Parse(form, text)
	return t.Unix(), err == nil && len(text) == len(form)
}

// clock reads 00:00 to 24:00 as seconds of a day.
func clock(text string) (seconds int64, ok bool) {
	if text == "24:00" {
		return daySeconds, true
	}
	return date("1970-01-01T" + text)
}
