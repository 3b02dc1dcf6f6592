// Package settings reads a file of settings, which is YAML, over a Go value that holds the defaults. One rule holds for each key and each
// list of the value's type:
//
//   - A key that is left out keeps its default, at every depth.
//   - Nothing is empty: a key without a value, an empty text, an empty list and an empty item are errors.
//   - A key must be known, and is written once.
//   - A value is written where it holds: anchors, aliases, merge keys and tags are errors.
//
// All problems are returned at once, each with its line and column. The package opens no file, and knows nothing of what a value means:
// its user adds the problems that it finds itself, by the path of the value.
package settings

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/events"
)

// File is what was read, with the place of each value and the problems found so far.
type File struct {
	places   map[string]*yaml.Node // where each value stands
	refused  map[string]bool       // the paths of values that could not be read: nothing inside them was
	problems Problems
}

// Read reads a text over what into points to: a struct whose fields are structs, slices, pointers, texts, numbers, truth values and
// encoding.TextUnmarshalers, each with its key as yaml tag. The error is about text that is no YAML; Err returns all others.
func Read(text []byte, into any) (*File, error) {
	f := &File{places: map[string]*yaml.Node{}, refused: map[string]bool{}}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	if err := decoder.Decode(&first); errors.Is(err, io.EOF) {
		return f, nil
	} else if err != nil {
		return nil, err
	}
	if root := first.Content[0]; root.Kind != yaml.ScalarNode || root.Value != "" || decorated(root) || root.Style != 0 {
		f.read("", root, reflect.ValueOf(into).Elem())
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		f.note(&second, "", "a second document begins here: want one")
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return f, nil
}

// Empty reports whether the file sets nothing.
func (f *File) Empty() bool { return len(f.places) == 0 }

// Wrong adds a problem of the value at a path such as "windows.allow[0].zone". A value that was not read at all has its problem already.
func (f *File) Wrong(path, text string) {
	outer := path
	for outer != "" && f.places[outer] == nil {
		outer = parent(outer)
	}
	if !f.refused[outer] {
		f.note(cmp.Or(f.places[outer], &yaml.Node{}), path, text)
	}
}

// Err returns all problems, and nil if there are none.
func (f *File) Err() error {
	if len(f.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(f.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f.problems
}

func (f *File) note(at *yaml.Node, path, text string) {
	f.problems = append(f.problems, Problem{Line: at.Line, Column: at.Column, Path: path, Text: text})
}

// parent returns the path of the list or the keys in which a path lies.
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// read takes a node as the value at a path.
func (f *File) read(path string, n *yaml.Node, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		own := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			own.Elem().Set(v.Elem())
		}
		v.Set(own)
		v = own.Elem()
	}
	f.places[path] = n
	want := shapeOf(v)
	problem := refusal(n, want)
	switch {
	case problem != "":
	case want == yaml.MappingNode:
		f.readKeys(path, n, v)
	case want == yaml.SequenceNode:
		f.readItems(path, n, v)
	default:
		problem = set(v, n)
	}
	if problem != "" {
		f.refused[path] = true
		f.note(n, path, problem)
	}
}

// shapeOf returns which kind of node a value is read from.
func shapeOf(v reflect.Value) yaml.Kind {
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return yaml.ScalarNode
	}
	switch v.Kind() {
	case reflect.Struct:
		return yaml.MappingNode
	case reflect.Slice:
		return yaml.SequenceNode
	default:
		return yaml.ScalarNode
	}
}

var shapeNames = map[yaml.Kind]string{yaml.MappingNode: "keys with values", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}

// refusal returns why a node cannot be a value of a shape, whatever its text says.
func refusal(n *yaml.Node, want yaml.Kind) string {
	switch {
	case decorated(n):
		return "anchors, aliases and tags are not accepted: write the value itself"
	case n.Tag == "!!null" || n.Kind == yaml.ScalarNode && strings.TrimSpace(n.Value) == "" || n.Kind != yaml.ScalarNode && len(n.Content) == 0:
		return "is empty: give it a value, or leave it out"
	case n.Kind != want:
		return "want " + shapeNames[want] + ", got " + shapeNames[n.Kind]
	}
	return ""
}

// decorated reports whether a node is more than its text: a name for it, a reference to another, or one of YAML's types.
func decorated(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 || n.Tag == "!!merge"
}

func (f *File) readItems(path string, n *yaml.Node, v reflect.Value) {
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		f.read(fmt.Sprintf("%s[%d]", path, i), item, v.Index(i))
	}
}

func (f *File) readKeys(path string, n *yaml.Node, v reflect.Value) {
	keys, known, seen := Keys(v.Type()), fields(v.Type()), map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		field, found := known[key.Value]
		first := seen[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || decorated(key):
			f.note(key, path, "want a key, by its plain name: anchors, aliases, merge keys and tags are not accepted")
		case !found:
			want := Listed(keys, "or") + events.DidYouMean(key.Value, keys)
			f.note(key, path, fmt.Sprintf("%s is not a key: want %s", Quote(key.Value), want))
		case first > 0:
			f.note(key, join(path, key.Value), fmt.Sprintf("is given twice, first on line %d", first))
		default:
			seen[key.Value] = key.Line
			f.read(join(path, key.Value), value, v.Field(field))
		}
	}
}

func join(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }

// set gives a value what a text says, or returns what is wrong with it.
func set(v reflect.Value, n *yaml.Node) string {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(n.Value)); err != nil {
			return err.Error()
		}
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Decode(v.Addr().Interface()) != nil {
			return Quote(n.Value) + ": want true or false"
		}
	case reflect.Int, reflect.Int64:
		whole, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
		if err != nil {
			return Quote(n.Value) + " is not a whole number"
		}
		v.SetInt(whole)
	case reflect.Float64:
		number, err := strconv.ParseFloat(n.Value, 64)
		if err != nil {
			return Quote(n.Value) + " is not a number"
		}
		v.SetFloat(number)
	default:
		panic("settings: no rule for " + v.Type().String())
	}
	return ""
}
