package invocation_test

import (
	"encoding/json"
	"encoding/xml"
	"html"
	"net/url"
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/invocation"
)

// times applies an encoding again and again.
func times(n int, encode func(string) string) func(string) string {
	return func(text string) string {
		for range n {
			text = encode(text)
		}
		return text
	}
}

func TestRedactFindsCredentialsInEveryEncoding(t *testing.T) {
	t.Parallel()
	encodings := map[string]func(string) string{
		"plain":                     func(s string) string { return s },
		"URL-encoded":               url.QueryEscape,
		"URL-encoded twice":         times(2, url.QueryEscape),
		"URL-encoded three times":   times(3, url.QueryEscape),
		"URL-encoded in lower case": func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
		"URL-encoded as a path":     url.PathEscape,
		"in lower case":             strings.ToLower,
		"in upper case":             strings.ToUpper,
		"in JSON": func(s string) string {
			text, _ := json.Marshal(s)
			return strings.Trim(string(text), `"`)
		},
		"in JSON with escaped slashes": func(s string) string { return strings.ReplaceAll(s, "/", `\/`) },
		"in JSON with escaped signs": func(s string) string {
			return strings.NewReplacer("+", `\u002b`, "/", `\u002F`, "=", `\u003d`).Replace(s)
		},
		"in HTML": html.EscapeString,
		"in HTML with numbers": func(s string) string {
			return strings.NewReplacer("+", "&#43;", "/", "&#47;", "=", "&#x3D;").Replace(s)
		},
		"in XML": func(s string) string {
			var b strings.Builder
			_ = xml.EscapeText(&b, []byte(s))
			return b.String()
		},
	}
	c := invocation.NewCredentials(accessKeyID, secret, token)
	for name, encode := range encodings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, part := range []string{accessKeyID, secret, token} {
				got := c.Redact("before:" + encode(part) + ";after")
				if want := "before:[credentials];after"; got != want {
					t.Errorf("%q: got %q, want %q", encode(part), got, want)
				}
			}
		})
	}
}

func TestRedactHidesSignaturesAndNothingElse(t *testing.T) {
	t.Parallel()
	c := invocation.NewCredentials(accessKeyID, secret, token)
	for text, want := range map[string]string{
		"?Action=A&Signature=ltI%2FTlBB%3D&SignatureMethod=HMAC-SHA1": "?Action=A&Signature=[credentials]&SignatureMethod=HMAC-SHA1",
		"Signature%3DltI%252FTlBB%253D%26Version":                     "Signature%3D[credentials]%26Version",
		"Signature%253Dabc":                           "Signature%253D[credentials]",
		`{"Signature": "ltI/TlBB=","Code":"c"}`:       `{"Signature": "[credentials]","Code":"c"}`,
		"Signature=06563a9e1b43f5,SignedHeaders=host": "Signature=[credentials],SignedHeaders=host",
		"Authorization: MNS STS.other:u6gRQ/9Pgg+s=":  "Authorization: MNS STS.other:[credentials]",
		"MNS " + accessKeyID + ":u6gRQ/9Pgg+s=":       "MNS [credentials]:[credentials]",
		"SignatureDoesNotMatch: check your key":       "SignatureDoesNotMatch: check your key",
		"SignatureType=&SignatureVersion=1.0":         "SignatureType=&SignatureVersion=1.0",
		"send request failed, EOF, Id: MNS#5:1A2B3C4": "send request failed, EOF, Id: MNS#5:1A2B3C4",
		"rds_20260228 in cn-hangzhou":                 "rds_20260228 in cn-hangzhou",
	} {
		if got := c.Redact(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// A server may repeat the signature without a word before it.
func TestRedactHidesWhatWasMadeWithTheCredentials(t *testing.T) {
	t.Parallel()
	c := invocation.NewCredentials(accessKeyID, secret, token)
	const made = "u6gRQ/9Pgg+s="
	for _, text := range []string{made, url.QueryEscape(made), `u6gRQ\/9Pgg+s=`, `u6gRQ\\/9Pgg+s=`} {
		if got := c.Redact("%26Signature%3D"+text+" "+secret, made, ""); got != "%26Signature%3D[credentials] [credentials]" {
			t.Errorf("%s: got %s", text, got)
		}
	}
}
