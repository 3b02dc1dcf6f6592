package state

import (
	"reflect"
	"strings"
	"sync"
)

// shape is what a struct looks like as a JSON object: its fields in order, by the rules of encoding/json.
type shape []field

type field struct {
	name     string
	index    int
	optional bool // it is left out when it is empty
}

// shapes has the shape of each type that was asked for.
var shapes sync.Map

func shapeOf(t reflect.Type) shape {
	if known, found := shapes.Load(t); found {
		return known.(shape) //nolint:forcetypeassert // nothing else is put in
	}
	made := shape{}
	for n := range t.NumField() {
		f := t.Field(n)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		made = append(made, field{name: name, index: n, optional: strings.HasPrefix(options, "omit")})
	}
	shapes.Store(t, made)
	return made
}

// empty reports whether a field's value is left out where it is optional.
func empty(v reflect.Value) bool {
	return v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}
