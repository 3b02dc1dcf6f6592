package rig_test

import (
	"fmt"
	"strings"
	"testing"
)

// witness is a test that is watched from another: it notes what it is told instead of failing.
type witness struct {
	testing.TB
	said []string
}

func (*witness) Helper() {}

func (w *witness) Error(args ...any) { w.said = append(w.said, fmt.Sprint(args...)) }

func (w *witness) Errorf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

func (w *witness) Fatal(args ...any) {
	w.Error(args...)
	panic(w)
}

func (w *witness) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	panic(w)
}

// watch gives what a test that does this is told.
func watch(t *testing.T, do func(tb testing.TB)) string {
	t.Helper()
	w := &witness{TB: t}
	func() {
		defer func() {
			if stopped := recover(); stopped != nil && stopped != w {
				panic(stopped)
			}
		}()
		do(w)
	}()
	return strings.Join(w.said, "\n")
}

// suite is a *testing.M that does something.
type suite func() int

func (s suite) Run() int { return s() }
