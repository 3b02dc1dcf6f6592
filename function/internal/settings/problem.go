package settings

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	Line, Column int
	Path         string // of the value, such as "windows.allow[0].zone"; empty: of the whole file
	Text         string
}

// String returns the problem in one line.
func (p Problem) String() string {
	text := fmt.Sprintf("line %d, column %d: ", p.Line, p.Column)
	if p.Path != "" {
		text += p.Path + ": "
	}
	return text + p.Text
}

// Problems is all that is wrong with a file, in the order of the file.
type Problems []Problem

// listed is how many problems are listed: nobody mends more at a time.
const listed = 20

// Lines returns the problems one by one; of very many the first, and how many more there are.
func (p Problems) Lines() []string {
	var lines []string
	for _, problem := range p[:min(len(p), listed)] {
		lines = append(lines, problem.String())
	}
	if more := len(p) - listed; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}

// Error returns the same in one line.
func (p Problems) Error() string { return strings.Join(p.Lines(), "; ") }

func (p Problems) sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Keys returns the keys of a struct of settings, in alphabetical order.
func Keys(t reflect.Type) []string {
	var keys []string
	for n := range t.NumField() {
		if key := keyOf(t.Field(n)); key != "" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return key
}

// fieldOf returns the field of a key, and the zero Value if there is none.
func fieldOf(v reflect.Value, key string) reflect.Value {
	for n := range v.NumField() {
		if key != "" && keyOf(v.Type().Field(n)) == key {
			return v.Field(n)
		}
	}
	return reflect.Value{}
}

// Either returns words as a choice: "a, b or c".
func Either(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// maxQuote is how many letters of a value an error repeats.
const maxQuote = 60

// Quote returns a value for an error: what does not print is escaped, and a long one is cut.
func Quote(value string) string {
	if len(value) <= maxQuote {
		return fmt.Sprintf("%q", value)
	}
	return fmt.Sprintf("%.*q…", maxQuote, value)
}
