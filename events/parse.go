package events

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Parse checks the text of a message and gives the request in it. The error is a *Invalid with all problems: those of
// the fields in the order of the API's documentation, then the unknown fields in their own. Now decides whether
// SwitchTime lies in the future.
func Parse(body []byte, now time.Time) (Request, error) {
	if problem := tooLong(body, maxBody); problem != "" {
		return Request{}, invalid("request", Problem{"$", problem})
	}
	o, problem := readObject(body)
	if problem == "" {
		problem = notRequest(o)
	}
	if problem != "" {
		return Request{}, invalid("request", Problem{"$", problem})
	}
	r := &reading{object: o, now: now, texts: map[string]string{}}
	r.readAll()
	if len(r.problems) > 0 {
		return Request{}, invalid("request", r.problems...)
	}
	return r.request(), nil
}

// notRequest names an envelope that stands where a request should: a topic's message that reached a queue, say, with
// its own envelope around it. All its keys being "unknown fields" would be true and of no use.
func notRequest(o object) string {
	if s := shapeOf(o); s != nil && s.name != requestShape {
		return "got " + s.name + ", want " + requestShape
	}
	return ""
}

// A reading is a request on the way from its text.
type reading struct {
	object
	now      time.Time
	texts    map[string]string // the values that passed their check
	problems []Problem
}

func (r *reading) note(key, problem string) {
	if problem != "" {
		r.problems = append(r.problems, Problem{join("$", key), problem})
	}
}

// readAll stops at a wrong kind: which fields a request may have depends on it.
func (r *reading) readAll() {
	for _, f := range fields {
		r.read(f)
		if f.name == "kind" && len(r.problems) > 0 {
			return
		}
	}
	r.refuseOthers()
}

func (r *reading) read(f field) {
	values := r.values(f.name)
	if len(values) > 1 {
		r.note(f.name, fmt.Sprintf("is given %d times: want it once", len(values)))
	}
	if len(values) == 1 {
		text, problem := asString(values[0])
		if problem == "" {
			problem = cmp.Or(blanks(text), f.check(text, r.now))
		}
		if problem == "" {
			r.texts[f.name] = text
		}
		r.note(f.name, problem)
	}
	if f.rule != nil {
		r.note(f.name, f.rule(r))
	}
}

// refuseOthers refuses what is no field, once each.
func (r *reading) refuseOthers() {
	known, seen := fieldNames(), map[string]bool{}
	for _, m := range r.object {
		if !slices.Contains(known, m.key) && !seen[m.key] {
			seen[m.key] = true
			r.note(m.key, cmp.Or(neverSent[m.key], "is not a field of a request"+didYouMean(m.key, known)))
		}
	}
}

// request is called when nothing is wrong.
func (r *reading) request() Request {
	at, _ := time.Parse(switchTimeLayout, r.texts["SwitchTime"])
	return Request{
		Kind: KindUpgrade,
		Mode: Mode(r.texts["mode"]),
		Upgrade: Upgrade{
			DBInstanceID:       r.texts["DBInstanceId"],
			RegionID:           r.texts["RegionId"],
			UpgradeTime:        UpgradeTime(cmp.Or(r.texts["UpgradeTime"], string(Immediate))),
			SwitchTime:         at,
			TargetMinorVersion: r.texts["TargetMinorVersion"],
		},
	}
}

func blanks(text string) string {
	if text == strings.TrimSpace(text) {
		return ""
	}
	return quote(text) + " has blanks around it: want none"
}
