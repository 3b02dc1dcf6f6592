package events

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Errors go into notifications and logs, so they repeat little of what arrived: at most maxQuote bytes of a text,
// and at most maxKeys keys of an object.
const (
	maxQuote = 48
	maxKeys  = 8
)

var jsonKinds = map[byte]string{
	'{': "an object", '[': "an array", '"': "a string", 't': "a boolean", 'f': "a boolean", 'n': "null",
}

// kindOf names the kind of a JSON value.
func kindOf(value []byte) string {
	if kind, ok := jsonKinds[value[0]]; ok {
		return kind
	}
	return "a number"
}

// describe says what a text is, and how it begins.
func describe(text []byte) string {
	switch {
	case len(text) == 0:
		return "nothing"
	case text[0] == '<':
		return "XML " + quote(string(text))
	case !json.Valid(text):
		return "text " + quote(string(text))
	case text[0] == 'n':
		return "null"
	}
	if content, problem := asString(text); problem == "" {
		return "a string " + quote(content)
	}
	return kindOf(text) + " " + quote(string(text))
}

// describe names an object by its shape, or else by its keys. It shows no value.
func (o object) describe() string {
	if s := shapeOf(o); s != nil {
		return s.name
	}
	if len(o) == 0 {
		return "an object without keys"
	}
	keys := make([]string, min(len(o), maxKeys))
	for i := range keys {
		keys[i] = quote(o[i].key)
	}
	more := ""
	if len(o) > maxKeys {
		more = fmt.Sprintf(" and %d more", len(o)-maxKeys)
	}
	return "an object with the keys " + strings.Join(keys, ", ") + more
}

// quote shows the beginning of a text on one line, and what is invisible in it by code points.
func quote(text string) string {
	var quoted strings.Builder
	for _, r := range strconv.Quote(cut(text, maxQuote)) {
		if invisible(r) { // and strconv takes it for one that prints
			quoted.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			quoted.WriteRune(r)
		}
	}
	if len(text) > maxQuote {
		quoted.WriteString("…")
	}
	return quoted.String()
}

// cut gives the beginning of a text, up to a number of bytes and without half a letter.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// either joins words as a sentence does.
func either(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

var plainKey = lazily(`^[A-Za-z_][A-Za-z0-9_]{0,47}$`)

// join gives the JSON path of a key.
func join(path, key string) string {
	if plainKey.fits(key) {
		return path + "." + key
	}
	return path + "[" + quote(key) + "]"
}

// asString gives the text of a JSON string, or says what else it is.
func asString(value json.RawMessage) (string, string) {
	var text string
	if err := json.Unmarshal(value, &text); err != nil || value[0] != '"' { // null would pass without an error
		return "", "want a string, got " + kindOf(value)
	}
	return text, ""
}
