package state

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
)

// line writes values as JSON on one line.
type line struct {
	text bytes.Buffer
	json *json.Encoder
}

func newLine() *line {
	l := &line{}
	l.json = json.NewEncoder(&l.text)
	l.json.SetEscapeHTML(false)
	return l
}

// of returns the line of a value. It lasts until the next one.
func (l *line) of(value any) ([]byte, error) {
	l.text.Reset()
	err := l.json.Encode(value)
	return bytes.TrimSuffix(l.text.Bytes(), []byte("\n")), err
}

// writing writes values as JSON in the layout of a document: the fields of a document and of a rollout on lines of their own, the entries of
// their lists and maps likewise, and all else on one line. It remembers its first error.
type writing struct {
	to   *bufio.Writer
	line *line
	err  error
}

// writeJSON writes the struct that from points to.
func writeJSON(to io.Writer, from any) error {
	w := &writing{to: bufio.NewWriter(to), line: newLine()}
	w.object(reflect.ValueOf(from).Elem(), "")
	w.text("\n")
	return errors.Join(w.err, w.to.Flush())
}

// text writes what needs no quotes.
func (w *writing) text(parts ...string) {
	for _, part := range parts {
		_, _ = w.to.WriteString(part)
	}
}

// object writes one field on each line.
func (w *writing) object(v reflect.Value, indent string) {
	separator := "{\n"
	for _, f := range shapeOf(v.Type()) {
		value := v.Field(f.index)
		if f.optional && empty(value) {
			continue
		}
		w.text(separator, indent, `  "`, f.name, `": `)
		w.field(value, indent+"  ")
		separator = ",\n"
	}
	w.text("\n", indent, "}")
}

// field writes one entry of a list or of a map on each line, a map's in the order of its keys.
func (w *writing) field(v reflect.Value, indent string) {
	switch separator := "\n" + indent + "  "; v.Kind() {
	case reflect.Slice:
		w.text("[")
		for n := range v.Len() {
			w.text(separator)
			w.value(v.Index(n), indent+"  ")
			separator = ",\n" + indent + "  "
		}
		w.text("\n", indent, "]")
	case reflect.Map:
		w.text("{")
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			w.text(separator)
			w.value(key, indent)
			w.text(": ")
			w.value(v.MapIndex(key), indent+"  ")
			separator = ",\n" + indent + "  "
		}
		w.text("\n", indent, "}")
	default:
		w.value(v, indent)
	}
}

// value writes a rollout over many lines, and everything else on one.
func (w *writing) value(v reflect.Value, indent string) {
	if v.Type() == reflect.TypeFor[*Rollout]() {
		w.object(v.Elem(), indent)
		return
	}
	if v.CanAddr() {
		v = v.Addr() // a copy of each member would be garbage
	}
	text, err := w.line.of(v.Interface())
	_, _ = w.to.Write(text)
	w.err = errors.Join(w.err, err)
}
