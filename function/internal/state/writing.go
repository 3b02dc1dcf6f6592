package state

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"strings"
)

// writing writes values as JSON in the layout of a document: the fields of a document and of a rollout on lines of their own, the entries of
// their lists and maps likewise, and all else on one line.
type writing struct {
	to   *bufio.Writer
	line bytes.Buffer
	json *json.Encoder
}

// writeJSON writes the struct that from points to, without the fields that are named.
func writeJSON(to io.Writer, from any, without ...string) error {
	w := &writing{to: bufio.NewWriter(to)}
	w.json = json.NewEncoder(&w.line)
	w.json.SetEscapeHTML(false)
	if f := w.object(reflect.ValueOf(from).Elem(), "", without...); f != nil {
		return f
	}
	w.text("\n")
	return w.to.Flush()
}

// text writes what needs no quotes. The writer remembers an error until it is flushed.
func (w *writing) text(parts ...string) {
	for _, part := range parts {
		_, _ = w.to.WriteString(part)
	}
}

// object writes one field on each line.
func (w *writing) object(v reflect.Value, indent string, without ...string) *flaw {
	separator := "{\n"
	for _, f := range shapeOf(v.Type()) {
		value := v.Field(f.index)
		if f.optional && empty(value) || slices.Contains(without, f.name) {
			continue
		}
		w.text(separator, indent, `  "`, f.name, `": `)
		if flaw := w.field(value, indent+"  "); flaw != nil {
			return flaw.in(f.name)
		}
		separator = ",\n"
	}
	w.text("\n", indent, "}")
	return nil
}

func (w *writing) field(v reflect.Value, indent string) *flaw {
	switch v.Kind() {
	case reflect.Slice:
		return w.list(v, indent)
	case reflect.Map:
		return w.pairs(v, indent)
	default:
		return w.value(v, indent)
	}
}

// list writes one entry on each line.
func (w *writing) list(v reflect.Value, indent string) *flaw {
	separator := "[\n"
	for n := range v.Len() {
		w.text(separator, indent, "  ")
		if f := w.value(v.Index(n), indent+"  "); f != nil {
			return f.at(n)
		}
		separator = ",\n"
	}
	w.text("\n", indent, "]")
	return nil
}

// pairs writes one entry on each line, in the order of the keys.
func (w *writing) pairs(v reflect.Value, indent string) *flaw {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	separator := "{\n"
	for _, key := range keys {
		w.text(separator, indent, "  ")
		_ = w.compact(key.String()) // a text can always be written
		w.text(": ")
		if f := w.value(v.MapIndex(key), indent+"  "); f != nil {
			return f.under(key.String())
		}
		separator = ",\n"
	}
	w.text("\n", indent, "}")
	return nil
}

// value writes a rollout over many lines, and everything else on one.
func (w *writing) value(v reflect.Value, indent string) *flaw {
	if v.Type() == reflect.TypeFor[*Rollout]() {
		return w.object(v.Elem(), indent)
	}
	if v.CanAddr() && v.Kind() == reflect.Struct {
		return w.compact(v.Addr().Interface()) // a copy of each member would be garbage
	}
	return w.compact(v.Interface())
}

func (w *writing) compact(value any) *flaw {
	w.line.Reset()
	if err := w.json.Encode(value); err != nil {
		return flawed("cannot be written: %v", err)
	}
	_, _ = w.to.Write(bytes.TrimSuffix(w.line.Bytes(), []byte("\n")))
	return nil
}
