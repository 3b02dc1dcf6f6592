package rig

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// NoSecret looks for secrets, as they are and as a URL writes them, in everything that an error can print.
func NoSecret(tb testing.TB, err error, secrets ...string) {
	tb.Helper()
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	for _, secret := range secrets {
		if secret == "" {
			tb.Error("a secret to look for is empty")
			continue
		}
		escaped := url.QueryEscape(secret)
		for _, form := range []string{secret, escaped, url.QueryEscape(escaped), strings.ToLower(escaped)} {
			if strings.Contains(text, form) {
				tb.Errorf("%q stands in %s", form, text)
			}
		}
	}
}
