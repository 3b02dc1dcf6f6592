package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// jsonBlanks are the blanks that JSON allows between its parts.
const jsonBlanks = " \t\r\n"

// A flaw is what keeps a text from being JSON.
type flaw struct {
	seen   string // which character, and where
	advice string // what to write instead; empty if no other character was meant
}

func (f flaw) String() string {
	switch {
	case f.seen == "":
		return ""
	case f.advice == "":
		return "is broken JSON: " + f.seen
	}
	return f.seen + ": " + f.advice
}

// inBase64 says the same of what was decoded.
func (f flaw) inBase64() string {
	return strings.TrimSuffix("is base64 of broken JSON: "+f.seen+": "+f.advice, ": ")
}

// wanted says what encoding/json wants in words for those who do not read parsers. What is not here says enough by itself.
var wanted = []struct{ context, want string }{
	{"looking for beginning of object key string", ", where a key in straight quotes is wanted"},
	{"looking for beginning of value", ", where a value is wanted"},
	{"after object key:value pair", ", where a comma or } is wanted"},
	{"after object key", ", where a colon is wanted"},
	{"after array element", ", where a comma or ] is wanted"},
	{"after top-level value", " after the end of the JSON text"},
	{"in string literal", " inside a string, where it has to be escaped"},
	{"exceeded max depth", ", nested deeper than JSON is read"},
}

// flawOf returns the first flaw of a text that is not JSON. A byte order mark at the beginning does not count as a character.
func flawOf(text []byte) flaw {
	text = bytes.TrimRight(withoutMark(text), jsonBlanks)
	var whole json.RawMessage
	syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(text, &whole))
	if !ok {
		return flaw{}
	}
	_, context, found := strings.Cut(syntax.Error(), "' ") // the end of "invalid character 'x' looking for …"
	if !found {
		_, size := utf8.DecodeLastRune(text)
		return flaw{seen: "it ends after " + where(text, len(text)-size) + ", before it is complete" + unended(text, len(text))}
	}
	context = strings.TrimPrefix(context, "' ") // of a space
	at := int(syntax.Offset) - 1                // of the byte that was read last
	r, size := utf8.DecodeRune(text[at:])
	if r == utf8.RuneError && size == 1 {
		return flaw{seen: where(text, at) + " is not valid UTF-8"}
	}
	c := characterOf(r)
	seen := where(text, at) + " is " + c.String()
	switch advice := c.inJSON(context); {
	case advice != "" && at == 0 && c.quotes(): // around the whole
		return flaw{seen, "remove it"}
	case advice != "":
		return flaw{seen, advice}
	}
	return flaw{seen: seen + inWords(context) + unended(text, at)}
}

func inWords(context string) string {
	for _, w := range wanted {
		if context == w.context {
			return w.want
		}
	}
	return " " + context
}

// inJSON says what to write for a character that JSON has no use for.
func (c character) inJSON(context string) string {
	switch {
	case c.quotes() && (c.foreign() || strings.HasPrefix(context, "looking for beginning")):
		return `JSON takes only the straight quote "`
	case !c.foreign():
		return ""
	case c.means == ' ':
		return "JSON takes only the ordinary space (U+0020)"
	case invisible(c.rune):
		return "remove it"
	case c.means != 0:
		return "JSON takes only the plain " + plainly(c.means)
	}
	return ""
}

// unended names a quotation mark that was meant to end the last string before a place in a text, and did not.
func unended(text []byte, end int) string {
	start, inside := end, false
	for i := 0; i < end; i++ {
		switch text[i] {
		case '"':
			if inside = !inside; inside {
				start = i
			}
		case '\\':
			i++
		}
	}
	at := bytes.IndexFunc(text[start:end], func(r rune) bool { return characterOf(r).means == '"' })
	if at < 0 {
		return ""
	}
	r, _ := utf8.DecodeRune(text[start+at:])
	return "; " + where(text, start+at) + " is " + characterOf(r).String() + `, which does not end a string: JSON takes only the straight quote "`
}

// where says which character of a text stands at a byte, as a person counts: by lines if there are several.
func where(text []byte, at int) string {
	before := text[:max(at, 0)]
	line := bytes.LastIndexByte(before, '\n') + 1
	n := utf8.RuneCount(before[line:]) + 1
	if !bytes.Contains(bytes.TrimRight(text, jsonBlanks), []byte("\n")) {
		return fmt.Sprintf("character %d", n)
	}
	return fmt.Sprintf("character %d of line %d", n, bytes.Count(before, []byte("\n"))+1)
}

// trim takes the blanks of JSON off both ends, and the byte order mark that some editors put before a text.
func trim(text []byte) []byte {
	return bytes.Trim(withoutMark(bytes.Trim(text, jsonBlanks)), jsonBlanks)
}

func withoutMark(text []byte) []byte {
	if rest, found := bytes.CutPrefix(bytes.TrimLeft(text, jsonBlanks), []byte("\ufeff")); found {
		return rest
	}
	return text
}
