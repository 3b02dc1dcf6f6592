package state

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// reading reads JSON into Go values, more strictly than encoding/json does: field names count letter by letter and stand once, what is not
// optional is there, nothing is null, and every time is in UTC. Its syntax was checked before.
type reading struct {
	text   []byte
	at     int
	common common
}

// readJSON reads a text into the value that into points to.
func readJSON(text []byte, into any) *flaw {
	if !utf8.Valid(text) {
		return flawed("is not valid UTF-8")
	}
	if !json.Valid(text) {
		return flawed("is not JSON, or is cut off")
	}
	r := &reading{text: text}
	return r.value(reflect.ValueOf(into).Elem())
}

func (r *reading) value(v reflect.Value) *flaw {
	r.blanks()
	if r.text[r.at] == 'n' {
		return flawed("is null: leave it out instead")
	}
	if into, own := v.Addr().Interface().(json.Unmarshaler); own {
		return r.own(into)
	}
	switch v.Kind() {
	case reflect.Struct:
		return r.object(v)
	case reflect.Slice:
		return r.list(v)
	case reflect.Map:
		return r.pairs(v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return r.value(v.Elem())
	case reflect.String:
		return r.string(v)
	case reflect.Int, reflect.Int64:
		return r.whole(v)
	case reflect.Bool:
		return r.other(v.Addr().Interface(), "true or false")
	default:
		return r.other(v.Addr().Interface(), "a number")
	}
}

// own reads a value that reads itself, as a time does.
func (r *reading) own(into json.Unmarshaler) *flaw {
	t, isTime := into.(*time.Time)
	if !isTime {
		return r.other(into, "another form")
	}
	raw := r.raw()
	if t.UnmarshalJSON(raw) != nil || !bytes.HasSuffix(raw, []byte(`Z"`)) || t.IsZero() {
		return flawed("is %s: want a time in UTC such as \"2026-12-01T18:00:00Z\"", kindOf(raw))
	}
	return nil
}

func (r *reading) other(into any, want string) *flaw {
	if raw := r.raw(); json.Unmarshal(raw, into) != nil {
		return flawed("is %s: want %s", kindOf(raw), want)
	}
	return nil
}

func (r *reading) string(v reflect.Value) *flaw {
	raw := r.raw()
	if raw[0] != '"' {
		return flawed("is %s: want a text", kindOf(raw))
	}
	v.SetString(r.common.unquote(raw))
	return nil
}

func (r *reading) whole(v reflect.Value) *flaw {
	raw := r.raw()
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || v.OverflowInt(n) {
		return flawed("is %s: want a whole number", kindOf(raw))
	}
	v.SetInt(n)
	return nil
}

func (r *reading) list(v reflect.Value) *flaw {
	if r.text[r.at] != '[' {
		return flawed("is %s: want a list", kindOf(r.raw()))
	}
	v.Grow(r.length())
	r.at++
	for n := 0; r.more(']', n == 0); n++ {
		v.Grow(1)
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		if f := r.value(v.Index(n)); f != nil {
			return f.at(n)
		}
	}
	return nil
}

func (r *reading) pairs(v reflect.Value) *flaw {
	if r.text[r.at] != '{' {
		return flawed("is %s: want an object", kindOf(r.raw()))
	}
	v.Set(reflect.MakeMap(v.Type()))
	r.at++
	for first := true; r.more('}', first); first = false {
		key := unquote(r.key())
		name := reflect.ValueOf(key).Convert(v.Type().Key())
		if v.MapIndex(name).IsValid() {
			return flawed("is given twice").under(key)
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if f := r.value(value); f != nil {
			return f.under(key)
		}
		v.SetMapIndex(name, value)
	}
	return nil
}

func (r *reading) object(v reflect.Value) *flaw {
	if r.text[r.at] != '{' {
		return flawed("is %s: want an object", kindOf(r.raw()))
	}
	fields, seen := shapeOf(v.Type()), uint64(0)
	r.at++
	for first := true; r.more('}', first); first = false {
		key := r.key()
		n, known := fields.find(key[1 : len(key)-1])
		if !known {
			return flawed("is not a field that this version knows").in(unquote(key))
		}
		if seen&(1<<n) != 0 {
			return flawed("is given twice").in(fields[n].name)
		}
		seen |= 1 << n
		if f := r.value(v.Field(fields[n].index)); f != nil {
			return f.in(fields[n].name)
		}
	}
	for n, f := range fields {
		if !f.optional && seen&(1<<n) == 0 {
			return flawed("is missing").in(f.name)
		}
	}
	return nil
}
