package notice

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// The most bytes, as JSON writes them, of …
const (
	maxWord     = 256    // a name, a version or an id
	maxText     = 1_000  // a text for people
	maxNotes    = 16_000 // all notes
	maxProblems = 40_000 // all problems
)

// word cuts a name, a version or an id.
func word(text string) string { return short(text, maxWord) }

// short cuts a text whose JSON form has more than the given number of bytes, where some characters need six.
func short(text string, most int) string {
	if 6*len(text) <= most {
		return text
	}
	cut := func(size int) string {
		part := strings.ToValidUTF8(text[:size], "")
		if size < len(text) {
			part += "…"
		}
		return part
	}
	fits := func(size int) bool { return jsonSize(cut(size)) <= most }
	if len(text) <= most && fits(len(text)) {
		return text
	}
	tooLong := sort.Search(min(len(text)-1, most)+1, func(size int) bool { return !fits(size) })
	return cut(max(0, tooLong-1))
}

// shortAll cuts each text of a list, and the list where its texts have more than the given number of bytes.
func shortAll(texts []string, most int) (all []string) {
	room := most
	for n, text := range texts {
		text = short(text, maxText)
		if room -= jsonSize(text) + 1; room < 0 {
			return append(all, fmt.Sprintf("%d more are left out", len(texts)-n))
		}
		all = append(all, text)
	}
	return all
}

// jsonSize returns how many bytes a value has as JSON.
func jsonSize(value any) int {
	text, _ := json.Marshal(value) // texts, numbers, and lists and maps of them
	return len(text)
}

// join puts texts behind one another, without the empty ones.
func join(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), "; ")
}

// instances writes a number of instances.
func instances(many int) string {
	if many == 1 {
		return "1 instance"
	}
	return fmt.Sprintf("%d instances", many)
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
