package invocation

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

const hidden = "[credentials]"

// signed finds signatures: as parameters, URL-encoded or not, as JSON, and as MNS's header has them. They are no part of
// the credentials, but made with them.
var signed = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(\bSignature(?:=|%(?:25)*3D|":\s*")|\bMNS [^\s:"]+:)(?:[A-Za-z0-9+/=]|%(?:25)*(?:2B|2F|3D))+`)
})

// maxText bounds what is repeated of a service's words. To look through the longest answer would take seconds, which no deadline would
// end, and a part of it may end in a part of a secret.
const maxText = 32 << 10

// Redact removes every part of the credentials, and every signature, from a text that a service has sent. Of one that is longer than
// any message nothing is left. made is what was made with the credentials for this request: its signature.
func (c Credentials) Redact(text string, made ...string) string {
	if len(text) > maxText {
		return fmt.Sprintf("a text of %d bytes, which is too long to be repeated", len(text))
	}
	accessKeyID, secret, token := c.Reveal()
	for _, part := range append(made, token, secret, accessKeyID) {
		if part != "" && strings.Contains(strings.ToLower(text), core(part)) { // to look for all encodings takes a hundred times as long
			text = encodings(part).ReplaceAllString(text, hidden)
		}
	}
	return signed().ReplaceAllString(text, "${1}"+hidden)
}

// core returns the longest piece of a secret that is the same in every encoding, in lower case.
func core(secret string) (longest string) {
	for piece := range strings.FieldsFuncSeq(strings.ToLower(secret), func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
		if len(piece) > len(longest) {
			longest = piece
		}
	}
	return longest
}

// encodings matches a secret as it may come back: plain, URL-encoded any number of times (a string to sign has it
// twice), as JSON and HTML write it, in upper or lower case.
func encodings(secret string) *regexp.Regexp {
	var pattern strings.Builder
	pattern.WriteString("(?i)")
	for _, c := range []byte(secret) {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			pattern.WriteByte(c)
			continue
		}
		fmt.Fprintf(&pattern, `(?:\\*%s|%%(?:25)*%02x|&#%d;|&#x%02[3]x;|\\+u00%02[3]x)`, regexp.QuoteMeta(string(rune(c))), c, c)
	}
	return regexp.MustCompile(pattern.String())
}
