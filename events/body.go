package events

import (
	"encoding/base64"
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

// unwrap gives the JSON text of a request from the text of a message, or says why it cannot. A request is an
// object, and no base64 begins with a brace, so the first byte tells which of the two it is.
func unwrap(text []byte) ([]byte, string) {
	if problem := tooLong(text, maxBody); problem != "" {
		return nil, problem
	}
	body := trim(text)
	if len(body) == 0 {
		return nil, "is empty: " + putHere
	}
	if body[0] != '{' {
		decoded, ok := fromBase64(body)
		if !ok {
			return nil, "want a request as JSON or base64 of JSON, got " + describe(body)
		}
		body = decoded
	}
	if !utf8.Valid(body) {
		return nil, notUTF8
	}
	return body, ""
}

// fromBase64 undoes base64 of an object, in either alphabet and with or without padding.
func fromBase64(text []byte) ([]byte, bool) {
	for _, alphabet := range alphabets {
		decoded, err := alphabet.AppendDecode(nil, text)
		if body := trim(decoded); err == nil && len(body) > 0 && body[0] == '{' {
			return body, true
		}
	}
	return nil, false
}

func tooLong(text []byte, limit int) string {
	if len(text) <= limit {
		return ""
	}
	return fmt.Sprintf("is %d bytes long: want at most %d", len(text), limit)
}
