package events

import (
	"regexp"
	"sync"
)

// A pattern is a regular expression that is made at its first use. Those that count repetitions are slow to make, and a process would
// otherwise make all of them before it asks for its first event.
type pattern func() *regexp.Regexp

func lazily(expression string) pattern {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

func (p pattern) fits(text string) bool { return p().MatchString(text) }
