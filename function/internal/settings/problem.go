package settings

import (
	"fmt"
	"maps"
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

// Keys returns the keys of a struct of settings, in alphabetical order.
func Keys(t reflect.Type) []string { return slices.Sorted(maps.Keys(fields(t))) }

// fields returns the place of each field of a struct that has a key.
func fields(t reflect.Type) map[string]int {
	places := map[string]int{}
	for n := range t.NumField() {
		if key, _, _ := strings.Cut(t.Field(n).Tag.Get("yaml"), ","); key != "" {
			places[key] = n
		}
	}
	return places
}

// Listed returns words as a sentence lists them: "a, b or c", where "or" is the link.
func Listed(words []string, link string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " " + link + " " + words[last]
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
