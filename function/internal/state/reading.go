package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"time"
)

// reading reads JSON into Go values, more strictly than encoding/json does: field names count letter by letter and stand once, what is not
// optional is there, nothing is null, and every time is in UTC. Its syntax was checked before.
type reading struct {
	*json.Decoder
	text []byte
	line *line
}

// readJSON reads a text, which must be JSON, into the value that into points to.
func readJSON(text []byte, into any) *flaw {
	return newReading(text, newLine()).value(reflect.ValueOf(into).Elem())
}

func newReading(text []byte, line *line) *reading {
	return &reading{json.NewDecoder(bytes.NewReader(text)), text, line}
}

const blanks = " \t\r\n:,"

func (r *reading) value(v reflect.Value) *flaw {
	rest := bytes.TrimLeft(r.text[r.InputOffset():], blanks)
	if rest[0] == 'n' {
		return flawed("is null: leave it out instead")
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		return r.value(v.Elem())
	}
	into := v.Addr().Interface()
	if t, isTime := into.(*time.Time); isTime {
		if r.Decode(t) != nil || t.Location() != time.UTC || t.IsZero() {
			return flawed("is %s: want a time in UTC such as \"2026-12-01T18:00:00Z\"", kindOf(rest))
		}
		return nil
	}
	switch string(rest[:1]) + v.Kind().String() {
	case "[slice":
		return r.list(v)
	case "{map":
		return r.pairs(v)
	case "{struct":
		if m, isMember := into.(*Member); isMember {
			return r.member(m)
		}
		return r.object(v)
	}
	if r.Decode(into) != nil {
		return flawed("is %s: want %s", kindOf(rest), wants[v.Kind()])
	}
	return nil
}

// member reads a member, of which there may be thousands. In one that looks as it would be written, there is nothing to find.
func (r *reading) member(m *Member) *flaw {
	from := r.InputOffset()
	err := r.Decode(m)
	text := bytes.Trim(r.text[from:r.InputOffset()], blanks)
	if written, _ := r.line.of(m); err == nil && bytes.Equal(text, written) {
		return nil
	}
	*m = Member{}
	return newReading(text, r.line).object(reflect.ValueOf(m).Elem())
}

func (r *reading) list(v reflect.Value) *flaw {
	_, _ = r.Token()
	for n := 0; r.More(); n++ {
		if n == v.Cap() {
			v.Grow(n + 1) // twice as many: room for the members is most of what reading takes
		}
		v.SetLen(n + 1)
		if f := r.value(v.Index(n)); f != nil {
			return f.at(n)
		}
	}
	_, _ = r.Token()
	return nil
}

// keys returns the keys of the object that begins here. The caller reads the value of each one.
func (r *reading) keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		_, _ = r.Token()
		for r.More() {
			key, _ := r.Token()
			if !yield(fmt.Sprint(key)) {
				return
			}
		}
		_, _ = r.Token()
	}
}

func (r *reading) pairs(v reflect.Value) *flaw {
	v.Set(reflect.MakeMap(v.Type()))
	for key := range r.keys() {
		name, value := reflect.ValueOf(key), reflect.New(v.Type().Elem()).Elem()
		if v.MapIndex(name).IsValid() {
			return flawed("is given twice").under(key)
		}
		if f := r.value(value); f != nil {
			return f.under(key)
		}
		v.SetMapIndex(name, value)
	}
	return nil
}

func (r *reading) object(v reflect.Value) *flaw {
	fields, seen := shapeOf(v.Type()), map[string]bool{}
	for key := range r.keys() {
		n := slices.IndexFunc(fields, func(f field) bool { return f.name == key })
		switch {
		case n < 0:
			return flawed("is not a field that this version knows").in(key)
		case seen[key]:
			return flawed("is given twice").in(key)
		}
		seen[key] = true
		if f := r.value(v.Field(fields[n].index)); f != nil {
			return f.in(key)
		}
	}
	for _, f := range fields {
		if !f.optional && !seen[f.name] {
			return flawed("is missing").in(f.name)
		}
	}
	return nil
}

// kindOf describes a value that is not what was wanted.
func kindOf(text []byte) string {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	switch token, _ := d.Token(); token := token.(type) {
	case string:
		return "the text " + quoted(token)
	case json.Number:
		return "the number " + string(token[:min(len(token), 40)])
	case bool:
		return fmt.Sprint(token)
	}
	if text[0] == '[' {
		return "a list"
	}
	return "an object"
}

// wants describes the values of a kind.
var wants = map[reflect.Kind]string{
	reflect.String: "a text", reflect.Int: "a whole number", reflect.Int64: "a whole number", reflect.Float64: "a number",
	reflect.Bool: "true or false", reflect.Slice: "a list", reflect.Map: "an object", reflect.Struct: "an object",
}
