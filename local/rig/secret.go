package rig

import (
	"encoding/base64"
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Secrets is what must not leave the function, cut into pieces: a piece of a secret is a secret, too.
type Secrets struct {
	pieces map[int]map[string]string // by length: piece, in lower case → what it is a piece of
}

// piece is so long that none comes about by chance, and so short that every part of the credentials has some.
const piece = 12

// Add adds a secret. One that is shorter than a piece is looked for as a whole.
func (s *Secrets) Add(what, secret string) {
	length := min(piece, len(secret))
	if s.pieces == nil {
		s.pieces = map[int]map[string]string{}
	}
	if s.pieces[length] == nil {
		s.pieces[length] = map[string]string{}
	}
	for _, plain := range []string{secret, url.QueryEscape(secret)} {
		for _, form := range append(in64(plain), plain, fmt.Sprintf("%x", plain)) {
			form = strings.ToLower(form)
			for n := range max(len(form)-length+1, 0) {
				s.pieces[length][form[n:n+length]] = what
			}
		}
	}
}

// in64 gives what base64 makes of a secret inside of something longer: that depends on where it begins there.
func in64(secret string) (forms []string) {
	for before := range 3 {
		text := append(make([]byte, before), secret...)
		for _, code := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			forms = append(forms, code.EncodeToString(text)[(before*8+5)/6:len(text)*8/6])
		}
	}
	return forms
}

// Leaks says which secrets a text holds, in whatever form: as they stand, as a URL, JSON or HTML writes them, in base64 or hexadecimal
// digits, on several lines.
func (s *Secrets) Leaks(text string) []string {
	found := map[string]string{}
	for _, view := range views(text) {
		view = strings.ToLower(view)
		for length, pieces := range s.pieces {
			for n := range max(len(view)-length+1, 0) {
				if what, is := pieces[view[n:n+length]]; is && found[what] == "" {
					found[what] = fmt.Sprintf("a piece of %s, in %q", what, view[max(n-60, 0):min(n+60, len(view))])
				}
			}
		}
	}
	return slices.Sorted(maps.Values(found))
}

// views gives a text as it stands and as those see it who decode it, once and again; with and without its spaces and ends of lines.
func views(text string) (all []string) {
	for range 4 {
		all = append(all, text, strings.Join(strings.Fields(text), ""))
		plain := decoded(text)
		if plain == text {
			break
		}
		text = plain
	}
	return all
}

var (
	percents = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	unicodes = regexp.MustCompile(`\\u00[0-9A-Fa-f]{2}`)
	escapes  = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\/`, "/", `\"`, `"`, `\\`, `\`)
)

// decoded takes one layer of URL, HTML and JSON encoding off, also where the text is only partly so.
func decoded(text string) string {
	octet := func(digits string) string {
		value, _ := strconv.ParseUint(digits[len(digits)-2:], 16, 8)
		return string([]byte{byte(value)})
	}
	text = unicodes.ReplaceAllStringFunc(percents.ReplaceAllStringFunc(text, octet), octet)
	return escapes.Replace(html.UnescapeString(text))
}

// NoSecret looks for secrets in everything that an error can print.
func NoSecret(tb testing.TB, err error, secrets ...string) {
	tb.Helper()
	var s Secrets
	for n, secret := range secrets {
		if secret == "" {
			tb.Error("a secret to look for is empty")
			continue
		}
		s.Add(fmt.Sprintf("secret %d", n+1), secret)
	}
	for _, leak := range s.Leaks(fmt.Sprintf("%v %+v %#v", err, err, err)) {
		tb.Error(leak)
	}
}
