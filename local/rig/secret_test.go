package rig_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"rds-kernel-upgrade/local/rig"
)

// The search itself: it is worth as much as it finds.
func TestEveryFormOfASecretIsFound(t *testing.T) {
	t.Parallel()
	const secret = "CAIS-local+token/000001=="
	var s rig.Secrets
	s.Add("the token", secret)
	quoted, _ := json.Marshal(secret)
	for name, text := range map[string]string{
		"as it is":                       secret,
		"in upper case":                  strings.ToUpper(secret),
		"in a URL":                       url.QueryEscape(secret),
		"in a URL in a URL":              url.QueryEscape(url.QueryEscape(secret)),
		"in a URL in lower case":         strings.ToLower(url.QueryEscape(secret)),
		"in JSON":                        string(quoted),
		"in JSON in JSON":                fmt.Sprintf("%q", quoted),
		"in JSON, every sign a number":   strings.NewReplacer("+", `\u002b`, "/", `\u002F`).Replace(secret),
		"in JSON, slashes escaped":       strings.ReplaceAll(secret, "/", `\/`),
		"in HTML, signs as numbers":      strings.NewReplacer("+", "&#43;", "/", "&#x2F;").Replace(secret),
		"in base64":                      base64.StdEncoding.EncodeToString([]byte(secret)),
		"in base64 behind one byte":      base64.StdEncoding.EncodeToString([]byte("x" + secret)),
		"in base64 behind two bytes":     base64.StdEncoding.EncodeToString([]byte("xy" + secret + "z")),
		"in base64 for URLs":             base64.URLEncoding.EncodeToString([]byte(">>>" + secret)),
		"of a URL in base64":             base64.StdEncoding.EncodeToString([]byte("?t=" + url.QueryEscape(secret))),
		"in base64 on two lines":         strings.Join(regexp.MustCompile(`.{1,19}`).FindAllString(base64.StdEncoding.EncodeToString([]byte(secret)), -1), "\r\n"),
		"in hexadecimal digits":          fmt.Sprintf("%x", secret),
		"in capital hexadecimal digits":  strings.ToUpper(fmt.Sprintf("%x", secret)),
		"on two lines":                   secret[:9] + "\n  " + secret[9:],
		"on two lines of a JSON text":    secret[:9] + `\n` + secret[9:],
		"one letter a line":              strings.Join(strings.Split(secret, ""), "\n"),
		"its beginning":                  "token: " + secret[:12] + "…",
		"its end":                        "…" + secret[len(secret)-12:],
		"its middle, in a URL in a text": `{"m":"…` + url.QueryEscape(secret[5:20]) + `…"}`,
	} {
		if got := s.Leaks("before " + text + " behind"); len(got) != 1 || !strings.Contains(got[0], "a piece of the token") {
			t.Errorf("%s: %q: got %q", name, text, got)
		}
	}
	for name, text := range map[string]string{
		"nothing":                "",
		"less than a piece":      secret[:11],
		"what is alike":          "CAIS token 000001, local+cloud/000001",
		"text that cannot be so": "100%, %zz, \\u00zz, &#x;, \\",
	} {
		if got := s.Leaks(text); got != nil {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestAnErrorThatHoldsASecretIsSaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ secret, text, want string }{
		"it is not there":              {"a/B=", "a/B", ""},
		"as it is":                     {"a/B=", "(a/B=)", "a piece of secret 1, in "},
		"as a URL in a URL":            {"a/B=", "a%252FB%253D", "a piece of secret 1, in "},
		"a piece of it is enough":      {"CAIS-local+token/000001==", "local+token/0", "a piece of secret 1, in "},
		"less than a piece is not":     {"CAIS-local+token/000001==", "local+token", ""},
		"there is nothing to look for": {"", "x", "a secret to look for is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := watch(t, func(tb testing.TB) {
				tb.Helper()
				rig.NoSecret(tb, errors.New(test.text), test.secret)
			})
			if (said == "") != (test.want == "") || !strings.HasPrefix(said, test.want) {
				t.Errorf("it said %q, want %q", said, test.want)
			}
		})
	}
}
