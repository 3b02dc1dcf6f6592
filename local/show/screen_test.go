package show_test

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rds-kernel-upgrade/local/golden"
	"rds-kernel-upgrade/local/show"
)

// codes are the escape sequences that a screen may use: up some lines, clear from here, and colours.
var codes = regexp.MustCompile(`\x1b\[(\d*)([FJm])`)

// terminal does what a terminal of some height does with a text, and gives what then stands there.
func terminal(t *testing.T, text string, height int) string {
	t.Helper()
	lines, last := []string{""}, 0
	write := func(text string) {
		for n, line := range strings.Split(text, "\n") {
			if n > 0 {
				lines = append(lines, "")
			}
			lines[len(lines)-1] += line
		}
	}
	for _, at := range codes.FindAllStringSubmatchIndex(text, -1) {
		write(text[last:at[0]])
		last = at[1]
		if text[at[4]:at[5]] != "F" {
			continue
		}
		up, err := strconv.Atoi(text[at[2]:at[3]])
		if err != nil || up >= height || up >= len(lines) {
			t.Fatalf("up %d lines, on a terminal of %d with %d: %v", up, height, len(lines), err)
		}
		lines = append(lines[:len(lines)-1-up], "") // and clear to the end, which always follows
	}
	write(text[last:])
	return strings.Join(lines, "\n")
}

func TestTheScreenIsDrawnInPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ width, height, happenings int }{
		"high":         {160, 40, 12},
		"low":          {100, 14, 12},
		"ended":        {120, 20, len(story())},
		"cut-in-width": {60, 40, 14},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			b := fleet()
			s := &show.Screen{Out: &out, Board: b, Color: true, Size: func() (int, int) { return c.width, c.height }}
			play(t, b, s, c.happenings)
			if c.happenings == len(story()) {
				s.End()
			}
			golden.Text(t, "testdata/screen-"+name+".txt", []byte(terminal(t, out.String(), c.height)+"\n"))
		})
	}
}

func TestTheScreenIsNotDrawnForNothing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := fleet()
	s := &show.Screen{Out: &out, Board: b, Size: func() (int, int) { return 120, 40 }}
	play(t, b, s, 6)
	drawn := out.Len()
	at := started.Add(6 * second)
	s.Refresh(at)
	if out.Len() != drawn {
		t.Errorf("it was drawn again: %q", out.String()[drawn:])
	}
	if s.Refresh(at.Add(second)); out.Len() == drawn {
		t.Error("the time has gone on, and it was not drawn again")
	}
}
