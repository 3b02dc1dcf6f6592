package events

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// hidden returns what is wrong with a text that has an invisible character in it.
func hidden(text string) string {
	at := strings.IndexFunc(text, invisible)
	if at < 0 {
		return ""
	}
	r, size := utf8.DecodeRuneInString(text[at:])
	advice := "remove it"
	if characterOf(r).means == ' ' && at > 0 && at+size < len(text) {
		advice = "write an ordinary space, or none"
	}
	return quote(text) + " " + spot(text, at) + ": " + advice
}

// ascii adds to a check whose values are all of ASCII: it names the character that was put into a refused one in place of another.
func ascii(check func(string, time.Time) string) func(string, time.Time) string {
	return func(value string, now time.Time) string {
		problem := check(value, now)
		at := foreignIn(value)
		switch {
		case problem == "" || at < 0:
			return problem
		case lookalike(value) < 0: // a letter of another script
			return problem + "; it " + spot(value, at)
		}
		return mistaken(value)
	}
}

// identifier accepts what printable does, without the marks that a person could not tell from others: two ids that look the same would be
// two.
func identifier(least, most int) func(string, time.Time) string {
	return func(value string, now time.Time) string {
		return cmp.Or(printable(least, most)(value, now), mistaken(value))
	}
}

// mistaken returns what is wrong with a text that has a mark in place of one of ASCII.
func mistaken(text string) string {
	at := lookalike(text)
	if at < 0 {
		return ""
	}
	r, _ := utf8.DecodeRuneInString(text[at:])
	advice := "remove it"
	if c := characterOf(r); !c.quotes() {
		advice = "want the plain " + plainly(c.means)
	}
	return quote(text) + " " + spot(text, at) + ": " + advice
}

// plainly shows a character of ASCII that looks like another, with its code point.
func plainly(r rune) string { return fmt.Sprintf("%c (U+%04X)", r, r) }

// lookalike returns where the first character stands that was put in place of one of ASCII, or -1.
func lookalike(text string) int {
	return strings.IndexFunc(text, func(r rune) bool { c := characterOf(r); return c.foreign() && c.means != 0 })
}

// foreignIn returns where the first character stands that looks like another or like nothing, or -1.
func foreignIn(text string) int {
	return strings.IndexFunc(text, func(r rune) bool { return characterOf(r).foreign() })
}

// spot says which character stands at a byte of a text, and where that is for a person.
func spot(text string, at int) string {
	r, size := utf8.DecodeRuneInString(text[at:])
	c := characterOf(r).String()
	switch {
	case at == 0:
		return "begins with " + c
	case at+size == len(text):
		return "ends with " + c
	}
	return fmt.Sprintf("has %s as character %d", c, utf8.RuneCountInString(text[:at])+1)
}

// oddKey names the first character of a key that looks like another or like nothing.
func oddKey(key string) string {
	if at := foreignIn(key); at >= 0 {
		return ": the key " + spot(key, at)
	}
	return ""
}

// plain returns a text in the characters that were probably meant, and without those that have no place in a name.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		c := characterOf(r)
		switch {
		case !c.foreign() || c.means == 0 && !invisible(r):
			return r
		case c.quotes() || invisible(r):
			return -1
		}
		return c.means
	}, text)
}

// maxSkipped bounds how far opening looks.
const maxSkipped = 64

// opening returns the character that a text begins with, or the character of ASCII that was probably meant by it. Invisible ones before
// it and quotation marks that an editor put around the whole do not count. It returns 0 if there is none.
func opening(text []byte) rune {
	for range maxSkipped {
		r, size := utf8.DecodeRune(text)
		if size == 0 {
			return 0
		}
		c := characterOf(r)
		switch {
		case invisible(r), c.foreign() && c.quotes(), strings.ContainsRune(jsonBlanks, r):
			text = text[size:]
		case c.foreign() && c.means != 0:
			return c.means
		default:
			return r
		}
	}
	return 0
}
