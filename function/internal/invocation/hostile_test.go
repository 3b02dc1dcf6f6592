package invocation_test

import (
	"fmt"
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/invocation"
)

// writings are the ways in which a byte that is no letter or digit may come back.
var writings = []string{"%[1]c", `\%[1]c`, "%%%02[1]X", "%%%02[1]x", "%%25%02[1]X", "%%2525%02[1]x", "&#%[1]d;", "&#x%02[1]X;", `\u00%02[1]x`, `\u00%02[1]X`}

// written is a secret of which each byte comes back in another way.
func written(secret string, ways []byte) string {
	var b strings.Builder
	for n, c := range []byte(secret) {
		way := byte(n)
		if len(ways) > 0 {
			way = ways[n%len(ways)]
		}
		letter := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		switch {
		case letter && way%2 == 0:
			b.WriteString(strings.ToUpper(string(rune(c))))
		case letter:
			b.WriteString(strings.ToLower(string(rune(c))))
		default:
			fmt.Fprintf(&b, writings[int(way)%len(writings)], c)
		}
	}
	return b.String()
}

// FuzzRedact holds that no text around a secret, and no way to write it, lets it through, and that what was redacted stays as it is.
func FuzzRedact(f *testing.F) {
	for n := range writings {
		f.Add("the key ", " is wrong", []byte{byte(n)})
		f.Add("Signature=", "&Version=", []byte{byte(n)})
	}
	f.Add("", "", []byte(nil))
	f.Add(token[:5], token[5:], []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add(secret[:4], secret, []byte{3})
	f.Add("MNS "+accessKeyID+":", "==", []byte{0})
	f.Add("Signature%3D", "\xff\xfe", []byte{2})
	c := invocation.NewCredentials(accessKeyID, secret, token)
	f.Fuzz(func(t *testing.T, before, after string, ways []byte) {
		for _, part := range []string{accessKeyID, secret, token} {
			text := before + written(part, ways) + after
			got := c.Redact(text)
			for _, other := range []string{accessKeyID, secret, token, written(part, ways)} {
				if strings.Contains(strings.ToLower(got), strings.ToLower(other)) {
					t.Errorf("%q stands in %q, which was %q", other, got, text)
				}
			}
			if !strings.Contains(got, "[credentials]") && len(text) <= 32<<10 {
				t.Errorf("%q became %q", text, got)
			}
			if again := c.Redact(got); again != got {
				t.Errorf("%q became %q, and that %q", text, got, again)
			}
		}
	})
}

// What is too long to be looked through is not repeated, and what is not too long is looked through to its end.
func TestOfALongTextNothingIsLeft(t *testing.T) {
	t.Parallel()
	const most = 32 << 10
	c := invocation.NewCredentials(accessKeyID, secret, token)
	rest := strings.Repeat("x", most-len(token))
	for text, want := range map[string]string{
		rest + token:                  rest + "[credentials]",
		rest + token + ".":            "a text of 32769 bytes, which is too long to be repeated",
		strings.Repeat(token, 1<<20):  "a text of 13631488 bytes, which is too long to be repeated",
		strings.Repeat("\xff", 1<<24): "a text of 16777216 bytes, which is too long to be repeated",
	} {
		if got := c.Redact(text); got != want {
			t.Errorf("%d bytes became %d, %.80q", len(text), len(got), got)
		}
	}
}
