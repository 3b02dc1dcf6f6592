package events

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// maxBody is the most that MNS lets a message carry.
const maxBody = 64 << 10

const (
	putHere = "put a request here, such as " + sample
	notUTF8 = "is not valid UTF-8"
)

var alphabets = []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding}

// unwrap returns the JSON text of a request from the text of a message, or says why it cannot. A request is an
// object, and no base64 begins with a brace, so the first character tells which of the two it is.
func unwrap(text []byte) ([]byte, string) {
	if problem := tooLong(text, maxBody); problem != "" {
		return nil, problem
	}
	body := trim(text)
	if len(body) == 0 {
		return nil, "is empty: " + putHere
	}
	broken := flaw.String
	if opening(body) != '{' {
		decoded, ok := fromBase64(body)
		if !ok {
			return nil, cmp.Or(notBase64(text).String(), "want a request as JSON or base64 of JSON, got "+describe(body))
		}
		text, broken = decoded, flaw.inBase64
	}
	switch {
	case !utf8.Valid(text):
		return nil, notUTF8
	case !json.Valid(trim(text)):
		return nil, broken(flawOf(text))
	}
	return trim(text), ""
}

// fromBase64 undoes base64 of an object, in either alphabet and with or without padding.
func fromBase64(text []byte) ([]byte, bool) {
	for _, alphabet := range alphabets {
		decoded, err := alphabet.AppendDecode(nil, text)
		if err == nil && opening(trim(decoded)) == '{' {
			return decoded, true
		}
	}
	return nil, false
}

// notBase64 returns the character that keeps a text from being base64 of an object, if only such characters do.
func notBase64(text []byte) flaw {
	text = withoutMark(text)
	at := foreignIn(string(text))
	if at < 0 {
		return flaw{}
	}
	if _, ok := fromBase64(trim([]byte(plain(string(text))))); !ok {
		return flaw{}
	}
	r, _ := utf8.DecodeRune(text[at:])
	return flaw{where(text, at) + " is " + characterOf(r).String(), "base64 takes only letters, digits, +, /, -, _ and ="}
}

func tooLong(text []byte, limit int) string {
	if len(text) <= limit {
		return ""
	}
	return fmt.Sprintf("is %d bytes long: want at most %d", len(text), limit)
}
