package events

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// text takes strings that have nothing invisible in them and no blanks around them, and pass a check.
func text(check func(value string, now time.Time) string) func(value) {
	return func(v value) {
		text, problem := asString(v.RawMessage)
		if problem == "" {
			problem = textProblem(text, check, v.now)
		}
		v.note(problem)
	}
}

// textProblem returns what is wrong with a text by the rule of all texts and by a check, and "" if nothing is.
func textProblem(text string, check func(string, time.Time) string, now time.Time) string {
	return cmp.Or(hidden(text), blanks(text), check(text, now))
}

func blanks(text string) string {
	if text == strings.TrimSpace(text) {
		return ""
	}
	return quote(text) + " has blanks around it: want none"
}

// oneOf accepts the words as they are written.
func oneOf(words ...string) func(string, time.Time) string {
	return ascii(func(value string, _ time.Time) string {
		if slices.Contains(words, value) {
			return ""
		}
		problem := quote(value) + " is not a value: want " + either(words) + " (exact case)"
		if len(words) > 1 {
			problem += DidYouMean(value, words)
		}
		return problem
	})
}

func form(allowed pattern, want string) func(string, time.Time) string {
	return ascii(func(value string, _ time.Time) string {
		if allowed.fits(value) {
			return ""
		}
		return quote(value) + " has another form: " + want
	})
}

// printable accepts texts of a length that show as they are.
func printable(least, most int) func(string, time.Time) string {
	return func(value string, _ time.Time) string {
		switch {
		case len(value) < least:
			return "is empty"
		case len(value) > most:
			return fmt.Sprintf("is %d bytes long: want at most %d", len(value), most)
		case hidden(value) != "":
			return hidden(value)
		case strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }):
			return quote(value) + " has letters that do not print"
		}
		return ""
	}
}

// trueOrFalse takes booleans.
func trueOrFalse(v value) {
	if kind := kindOf(v.RawMessage); kind != "a boolean" {
		v.note("want true or false, got " + kind)
	}
}

// number takes numbers that read accepts; where it does not, want says what it does.
func number(accepts func(string) bool, want string) func(value) {
	return func(v value) {
		switch {
		case kindOf(v.RawMessage) != "a number":
			v.note("want " + want + ", got " + kindOf(v.RawMessage))
		case !accepts(string(v.RawMessage)):
			v.note(cut(string(v.RawMessage), maxQuote) + " is out of range: want " + want)
		}
	}
}

// listOf takes lists of 1 to most values that pass a check. Elements that stand for themselves must differ.
func listOf(most int, example string, check func(value)) func(value) {
	return func(v value) {
		elements, ok := v.elements(most, example)
		if !ok {
			return
		}
		first := map[string]int{}
		for i, element := range elements {
			e := v.at(fmt.Sprintf("%s[%d]", v.path, i), element)
			check(e)
			if text, problem := asString(element); problem == "" {
				e.note(again(first, text, i))
			}
		}
	}
}

// again says that a text stands in a list a second time.
func again(first map[string]int, text string, i int) string {
	if at, seen := first[text]; seen {
		return fmt.Sprintf("is the same as [%d]: want each once", at)
	}
	first[text] = i
	return ""
}

// elements gives those of a list of 1 to most.
func (v value) elements(most int, example string) ([]json.RawMessage, bool) {
	var elements array
	err := json.Unmarshal(v.RawMessage, &elements)
	switch {
	case v.RawMessage[0] != '[' || err != nil:
		v.note("want a list such as " + example + ", got " + kindOf(v.RawMessage))
	case len(elements) == 0:
		v.note("is empty: want a list such as " + example)
	case len(elements) > most:
		v.note(fmt.Sprintf("has more than %d elements: want at most %d", most, most))
	default:
		return elements, true
	}
	return nil, false
}

// at gives a value that stands inside this one.
func (v value) at(path string, inside json.RawMessage) value {
	return value{inside, path, v.now, v.to}
}
