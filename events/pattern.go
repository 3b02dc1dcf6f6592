package events

import (
	"regexp"
	"sync"
)

// A pattern is a regular expression that is made at its first use: making them all would take longer than all else that happens
// between the start of the process and its first event.
type pattern func() *regexp.Regexp

func lazily(expression string) pattern {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

func (p pattern) fits(text string) bool { return p().MatchString(text) }
