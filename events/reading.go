package events

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// A reading is an object on the way from its text.
type reading struct {
	schema
	object
	path  string
	now   time.Time
	texts map[string]string // the strings that passed their check
	to    *[]Problem
}

func (s schema) reading(o object, v value) *reading {
	return &reading{schema: s, object: o, path: v.path, now: v.now, texts: map[string]string{}, to: v.to}
}

// check takes a value that is an object of the schema.
func (s schema) check(v value) {
	o, problem := readObject(v.RawMessage)
	if problem != "" {
		v.note("want an object, got " + kindOf(v.RawMessage))
		return
	}
	s.reading(o, v).readAll()
}

func (r *reading) note(key, problem string) {
	if problem != "" {
		*r.to = append(*r.to, Problem{join(r.path, key), problem})
	}
}

// readAll stops at a wrong kind: which fields a request may have depends on it.
func (r *reading) readAll() {
	for _, f := range r.fields {
		r.read(f)
		if f.name == "kind" && len(*r.to) > 0 {
			return
		}
	}
	r.refuseOthers()
	if r.rule != nil {
		if problem := r.rule(r); problem != "" {
			*r.to = append(*r.to, Problem{r.path, problem})
		}
	}
}

func (r *reading) read(f field) {
	values := r.values(f.name)
	if problem := f.belongs(r); problem != "" {
		if len(values) > 0 {
			r.note(f.name, problem)
		}
		return
	}
	if len(values) > 1 {
		r.note(f.name, fmt.Sprintf("is given %d times: want it once", len(values)))
	}
	if r.kind() == KindStop && f.inStop != nil {
		f.check = f.inStop
	}
	if len(values) == 1 && f.check != nil {
		r.take(f, values[0])
	}
	if f.rule != nil {
		r.note(f.name, f.rule(r))
	}
}

func (r *reading) take(f field, given json.RawMessage) {
	before := len(*r.to)
	f.check(value{given, join(r.path, f.name), r.now, r.to})
	if text, problem := asString(given); problem == "" && len(*r.to) == before {
		r.texts[f.name] = text
	}
}

// kind returns the kind of a request.
func (r *reading) kind() Kind {
	if r.texts["kind"] == followUps {
		return KindTick
	}
	return Kind(cmp.Or(r.texts["kind"], string(KindUpgrade)))
}

// refuseOthers refuses what is no field, once each.
func (r *reading) refuseOthers() {
	known, seen := r.fieldNames(), map[string]bool{}
	for _, m := range r.object {
		if !slices.Contains(known, m.key) && !seen[m.key] {
			seen[m.key] = true
			r.note(m.key, r.refusal(m.key, known))
		}
	}
}

func (r *reading) refusal(key string, known []string) string {
	meant := DidYouMean(key, known)
	if r.loose && meant == "" {
		return ""
	}
	return cmp.Or(neverSent[key], "is not a field of "+r.name+oddKey(key)+meant)
}
