package state

import (
	"cmp"
	"reflect"
	"time"
	"unicode/utf8"

	"rds-kernel-upgrade/events"
)

// checkValues looks at each value of the struct that from points to by itself: what is not optional is not empty, every text is valid UTF-8, every
// time is in UTC and can be written, and no number is negative. It does not look into the request, which belongs to package events.
func checkValues(from any) *flaw { return checkFields(reflect.ValueOf(from).Elem()) }

func checkFields(v reflect.Value) *flaw {
	for _, f := range shapeOf(v.Type()) {
		value := v.Field(f.index)
		if value.Kind() != reflect.Int && empty(value) {
			if f.optional {
				continue
			}
			return flawed("is missing").in(f.name)
		}
		if flaw := checkValue(value); flaw != nil {
			return flaw.in(f.name)
		}
	}
	return nil
}

func checkValue(v reflect.Value) *flaw {
	switch v.Kind() {
	case reflect.String:
		return checkText(v.String())
	case reflect.Int, reflect.Int64:
		if v.Int() < 0 {
			return flawed("is %d: want 0 or more", v.Int())
		}
	case reflect.Struct:
		return checkStruct(v)
	case reflect.Pointer:
		if v.IsNil() {
			return flawed("is null")
		}
		return checkValue(v.Elem())
	case reflect.Slice:
		for n := range v.Len() {
			if f := checkValue(v.Index(n)); f != nil {
				return f.at(n)
			}
		}
	case reflect.Map:
		return checkMap(v)
	}
	return nil
}

// checkStruct checks a struct, and a time as the one value that it is.
func checkStruct(v reflect.Value) *flaw {
	switch t := v.Addr().Interface().(type) {
	case *events.Request:
		return nil
	case *time.Time:
		if _, offset := t.Zone(); offset != 0 {
			return flawed("is %s: want UTC", t.Format(time.RFC3339))
		}
		if year := t.Year(); year < 0 || year > 9999 {
			return flawed("cannot be written: it is in the year %d", year)
		}
		return nil
	}
	return checkFields(v)
}

func checkMap(v reflect.Value) *flaw {
	for entries := v.MapRange(); entries.Next(); {
		key, value := entries.Key().String(), reflect.New(v.Type().Elem()).Elem()
		value.Set(entries.Value())
		if f := cmp.Or(checkText(key), checkValue(value)); f != nil {
			return f.under(key)
		}
	}
	return nil
}

func checkText(text string) *flaw {
	if text == "" {
		return flawed("is empty")
	}
	if !utf8.ValidString(text) {
		return flawed("is not valid UTF-8")
	}
	return nil
}
