package acs3_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/acs3"
)

// FuzzSign holds that what a client signs is verified, whatever it is made of, and that nothing in it can be another without being refused.
func FuzzSign(f *testing.F) {
	f.Add("POST", "/a b/*~", "a=b&c=%00&a=", "TagResources", "body", byte(0))
	f.Add("GET", "", "=&=&%", "\x00\xff", "", byte(1))
	f.Add("", "//..//%2f", "ResourceId.10=1&ResourceId.1=2", " x ", "\xff", byte(2))
	f.Fuzz(func(t *testing.T, method, path, query, value, body string, spoil byte) {
		keys, key := keyring()
		r := &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: "127.0.0.1", Path: path, RawQuery: query}, Header: http.Header{}}
		r.Header["X-Acs-Action"] = []string{value}
		acs3.Sign(r, []byte(body), key, now, "nonce")
		if got, refusal := acs3.Verify(r, []byte(body), keys, now); refusal != nil || got != key {
			t.Fatalf("got %+v, %v", got, refusal)
		}
		switch spoil % 5 {
		case 0:
			body += "x"
		case 1:
			r.Method += "X"
		case 2:
			r.URL.Path += "/x"
		case 3:
			r.URL.RawQuery = "added=1&" + r.URL.RawQuery
		case 4:
			r.Header["X-Acs-Action"] = []string{value + "x"}
		}
		if _, refusal := acs3.Verify(r, []byte(body), keys, now); refusal == nil || refusal.Code != "SignatureDoesNotMatch" {
			t.Errorf("spoilt in way %d it gives %v", spoil%5, refusal)
		}
	})
}

// FuzzVerify holds that no header lets anybody in, and that the refusal is one that can be written.
func FuzzVerify(f *testing.F) {
	f.Add("ACS3-HMAC-SHA256 Credential=LTAI-local,SignedHeaders=host;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce,Signature=00", "2023-10-26T10:22:32Z", "")
	f.Add("ACS3-HMAC-SHA256 Credential=,SignedHeaders=,Signature=", "", "CAIS-local+token/000001==")
	f.Add("ACS3-HMAC-SM3 ", "0000-00-00T00:00:00Z", "x")
	f.Add(strings.Repeat("ACS3-HMAC-SHA256 Credential=a,", 100), "2023-10-26T10:22:32+00:00", "\x00")
	f.Fuzz(func(t *testing.T, authorization, date, token string) {
		keys, _ := keyring()
		keys.Issue(time.Hour)
		r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/"}, Host: "h", Header: http.Header{
			"Authorization": {authorization}, "X-Acs-Date": {date}, "X-Acs-Signature-Nonce": {"n"}, "X-Acs-Content-Sha256": {"0"}, "X-Acs-Security-Token": {token},
		}}
		key, refusal := acs3.Verify(r, nil, keys, now)
		if refusal == nil || key.ID != "" || refusal.Status < 400 || refusal.Status > 499 || refusal.Code == "" || refusal.Message == "" {
			t.Errorf("got %+v, %+v", key, refusal)
		}
		if id := acs3.Claimed(r); id != "" && !strings.Contains(authorization, id) {
			t.Errorf("%q claims %q", authorization, id)
		}
	})
}

// FuzzCanonicalQuery holds that two queries are written alike only if they are the same.
func FuzzCanonicalQuery(f *testing.F) {
	f.Add("a=b&a=a&c", "a=a&a=b&c=")
	f.Add("a=b%26c=d", "a=b&c=d")
	f.Add("ResourceId.1=1&ResourceId.10=2", "%7e=~&+=%20")
	f.Fuzz(func(t *testing.T, one, other string) {
		a, _ := url.ParseQuery(one)
		b, _ := url.ParseQuery(other)
		text := acs3.CanonicalQuery(a)
		if strings.ContainsFunc(text, func(r rune) bool {
			return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%=&", r)
		}) {
			t.Errorf("%q is written %q", one, text)
		}
		back, err := url.ParseQuery(text)
		if err != nil || acs3.CanonicalQuery(back) != text {
			t.Errorf("%q is written %q, and that %v, %v", one, text, back, err)
		}
		if same := fmt.Sprint(sorted(a)) == fmt.Sprint(sorted(b)); same != (text == acs3.CanonicalQuery(b)) {
			t.Errorf("%q and %q: the same: %t, written %q and %q", one, other, same, text, acs3.CanonicalQuery(b))
		}
	})
}

// sorted gives each value's name and place in an order that is always the same.
func sorted(all url.Values) (pairs []string) {
	for name, values := range all {
		for _, value := range values {
			pairs = append(pairs, fmt.Sprintf("%q=%q", name, value))
		}
	}
	slices.Sort(pairs)
	return pairs
}
