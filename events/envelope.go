package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxName bounds what a message is called by, since notifications repeat it. MNS and Function Compute allow less.
const maxName = 256

// An envelope is an object that a trigger made. Its methods read the values and collect what is wrong with them.
type envelope struct {
	object
	path     string // where the object stands in the event
	text     []byte // the whole object, as it arrived
	problems []Problem
}

func (e *envelope) note(key, problem string) {
	e.problems = append(e.problems, Problem{join(e.path, key), problem})
}

// value gives the value of a key that must be there, once.
func (e *envelope) value(key string) (json.RawMessage, bool) {
	values := e.values(key)
	switch len(values) {
	case 0:
		e.note(key, "is missing")
	case 1:
		return values[0], true
	default:
		e.note(key, fmt.Sprintf("is given %d times: want it once", len(values)))
	}
	return nil, false
}

// string gives the value of a key that must be a string.
func (e *envelope) string(key string) (string, bool) {
	value, ok := e.value(key)
	if !ok {
		return "", false
	}
	text, problem := asString(value)
	if problem != "" {
		e.note(key, problem)
	}
	return text, problem == ""
}

// name gives the value of a key that names something. It goes into logs and notifications as it is.
func (e *envelope) name(key string) string {
	text, ok := e.string(key)
	if !ok {
		return ""
	}
	if problem := printable(1, maxName)(text, time.Time{}); problem != "" {
		e.note(key, problem)
		return ""
	}
	return text
}

// body gives the request in the value of a key.
func (e *envelope) body(key string) []byte {
	if len(e.values(key)) == 0 {
		e.note(key, "is missing: "+putHere)
		return nil
	}
	text, ok := e.string(key)
	if !ok {
		return nil
	}
	body, problem := unwrap([]byte(text))
	if problem != "" {
		e.note(key, problem)
	}
	return body
}

// time gives the time in the value of a key: in milliseconds since 1970, as a number or a string, or as text. Nothing that cannot be
// missed depends on it, so what cannot be read is no time.
func (e *envelope) time(key string) time.Time {
	values := e.values(key)
	if len(values) != 1 {
		return time.Time{}
	}
	text := strings.Trim(string(values[0]), `"`)
	at, err := time.Parse(time.RFC3339, text)
	if ms, wrong := strconv.ParseInt(text, 10, 64); wrong == nil && ms > 0 {
		at, err = time.UnixMilli(ms), nil
	}
	if at = at.UTC(); err != nil || at.Year() < 1970 || at.Year() > 9999 { // others could not be written as JSON
		return time.Time{}
	}
	return at
}

// child gives the envelope inside the value of a key. Its problems are to be adopted.
func (e *envelope) child(key string) (*envelope, bool) {
	value, ok := e.value(key)
	if !ok {
		return nil, false
	}
	o, problem := readObject(value)
	if problem != "" {
		e.note(key, problem)
	}
	return &envelope{object: o, path: join(e.path, key)}, problem == ""
}

// only refuses every other key.
func (e *envelope) only(keys ...string) {
	for _, m := range e.object {
		if !slices.Contains(keys, m.key) {
			e.note(m.key, "is not known here"+oddKey(m.key)+": want only "+strings.Join(keys, ", "))
		}
	}
}
