package acs3_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/sts"
)

var now = time.Date(2023, 10, 26, 10, 22, 32, 0, time.UTC)

// The fixed example of "Request syntax and signature method V3".
func TestPublishedExample(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://ecs.cn-shanghai.aliyuncs.com/?"+
		"ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-acs-action", "RunInstances")
	r.Header.Set("x-acs-version", "2014-05-26")
	key := sts.Key{ID: "YourAccessKeyId", Secret: "YourAccessKeySecret"}
	acs3.Sign(r, nil, key, now, "3156853299f313e23d1673dc12e1703d")
	want := "ACS3-HMAC-SHA256 Credential=YourAccessKeyId," +
		"SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version," +
		"Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// keyring has one long-term key.
func keyring() (*sts.Keyring, sts.Key) {
	key := sts.Key{ID: "LTAI-local", Secret: "local-secret"}
	return sts.NewKeyring(func() time.Time { return now }, key), key
}

// signed is a request as a server sees it, with everything that a signature can cover.
func signed(key sts.Key, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://rds.aliyuncs.com/a%20b/*~?ResourceId.10=x+y&ResourceId.1=%2B&Empty=&ResourceId.1=%20", strings.NewReader(body))
	r.Header.Set("x-acs-action", "TagResources")
	r.Header.Set("x-acs-version", "2014-08-15")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	acs3.Sign(r, []byte(body), key, now, "nonce")
	return r
}

func TestSignedRequestIsVerified(t *testing.T) {
	keys, key := keyring()
	for name, key := range map[string]sts.Key{"long-term key": key, "temporary key": keys.Issue(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			r := signed(key, "A=1&B=2")
			got, refusal := acs3.Verify(r, []byte("A=1&B=2"), keys, now)
			if refusal != nil || got != key {
				t.Errorf("got %+v, %v", got, refusal)
			}
			if acs3.Claimed(r) != key.ID {
				t.Errorf("claims %s", acs3.Claimed(r))
			}
		})
	}
}

func TestClientsHostIsTheURLsUnlessItIsSet(t *testing.T) {
	keys, key := keyring()
	for host, want := range map[string]string{"": "127.0.0.1:9001", "rds.aliyuncs.com": "rds.aliyuncs.com"} {
		r := &http.Request{Method: http.MethodGet, Host: host, Header: http.Header{}, URL: &url.URL{Scheme: "http", Host: "127.0.0.1:9001"}}
		acs3.Sign(r, nil, key, now, "nonce")
		if r.Host != want {
			t.Errorf("host %s, want %s", r.Host, want)
		}
		if _, refusal := acs3.Verify(r, nil, keys, now); refusal != nil {
			t.Error(refusal)
		}
	}
}

func TestRefusals(t *testing.T) {
	auth := func(old, replacement string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, replacement, 1))
		}
	}
	drop := func(name string) func(*http.Request) { return func(r *http.Request) { r.Header.Del(name) } }
	put := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	const incomplete = "The request signature does not conform to Aliyun standards."
	cases := []struct {
		name          string
		spoil         func(*http.Request)
		status        int
		code, message string
	}{
		{"no Authorization", drop("Authorization"), 400, "IncompleteSignature", incomplete},
		{"another scheme", put("Authorization", "Basic abc"), 400, "IncompleteSignature", incomplete},
		{"another algorithm of the family", auth("ACS3-HMAC-SHA256", "ACS3-HMAC-SM3"), 400, "InvalidSignatureMethod", "Specified signature method is not valid."},
		{"no Credential", auth("Credential=LTAI-local,", ""), 400, "IncompleteSignature", incomplete},
		{"an empty Credential", auth("LTAI-local", ""), 400, "IncompleteSignature", incomplete},
		{"an empty list of headers", func(r *http.Request) {
			before, rest, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
			_, after, _ := strings.Cut(rest, ",")
			r.Header.Set("Authorization", before+"SignedHeaders=,"+after)
		}, 400, "IncompleteSignature", incomplete},
		{"an empty Signature", func(r *http.Request) {
			before, _, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", before+"Signature=")
		}, 400, "IncompleteSignature", incomplete},
		{"a part too many", auth(",Signature=", ",More=1,Signature="), 400, "IncompleteSignature", incomplete},
		{"host not signed", auth("host;", ""), 400, "IncompleteSignature", incomplete},
		{"content-type not signed", auth("content-type;", ""), 400, "IncompleteSignature", incomplete},
		{"an x-acs header not signed", put("x-acs-extra", "1"), 400, "IncompleteSignature", incomplete},
		{"a header signed that is not there", drop("x-acs-version"), 400, "IncompleteSignature", incomplete},
		{"signed headers out of order", auth("host;x-acs-action", "x-acs-action;host"), 400, "IncompleteSignature", incomplete},
		{"another key in x-acs-accesskey-id", func(r *http.Request) {
			r.Header.Set("x-acs-accesskey-id", "LTAI-other")
			auth("host;", "host;x-acs-accesskey-id;")(r)
		}, 400, "IncompleteSignature", incomplete},
		{"no date", drop("x-acs-date"), 400, "MissingHeader", "Specified header x-acs-date is mandatory for this action."},
		{"no nonce", drop("x-acs-signature-nonce"), 400, "MissingHeader", "Specified header x-acs-signature-nonce is mandatory for this action."},
		{"no body hash", drop("x-acs-content-sha256"), 400, "MissingHeader", "Specified header x-acs-content-sha256 is mandatory for this action."},
		{"a malformed date", put("x-acs-date", "Thu, 26 Oct 2023 10:22:32 GMT"), 400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."},
		{"an old date", put("x-acs-date", "2023-10-26T10:07:31Z"), 400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."},
		{"a date to come", put("x-acs-date", "2023-10-26T10:37:33Z"), 400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."},
		{"an unknown key", auth("LTAI-local", "LTAI-nobody"), 404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."},
		{"another signature", auth("Signature=", "Signature=0"), 400, "SignatureDoesNotMatch", ""},
		{"another query", func(r *http.Request) { r.URL.RawQuery = "ResourceId.1=rm-2" }, 400, "SignatureDoesNotMatch", ""},
		{"another path", func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/other", "" }, 400, "SignatureDoesNotMatch", ""},
		{"another method", func(r *http.Request) { r.Method = http.MethodPut }, 400, "SignatureDoesNotMatch", ""},
		{"another host", func(r *http.Request) { r.Host = "mns.aliyuncs.com" }, 400, "SignatureDoesNotMatch", ""},
		{"another header value", put("x-acs-action", "UntagResources"), 400, "SignatureDoesNotMatch", ""},
		{"another date within the limits", put("x-acs-date", "2023-10-26T10:22:31Z"), 400, "SignatureDoesNotMatch", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			keys, key := keyring()
			r := signed(key, "A=1")
			tc.spoil(r)
			_, refusal := acs3.Verify(r, []byte("A=1"), keys, now)
			if refusal == nil || refusal.Status != tc.status || refusal.Code != tc.code {
				t.Fatalf("got %+v, want %d %s", refusal, tc.status, tc.code)
			}
			if tc.message != "" && refusal.Message != tc.message {
				t.Errorf("message %q", refusal.Message)
			}
			if !strings.HasPrefix(refusal.Error(), tc.code+": ") {
				t.Errorf("error %q", refusal.Error())
			}
		})
	}
}

func TestRefusedTokens(t *testing.T) {
	keys, long := keyring()
	temporary, other := keys.Issue(time.Hour), keys.Issue(time.Hour)
	cases := []struct {
		name          string
		key           sts.Key
		expire        bool
		code, message string
	}{
		{"none with a temporary key", sts.Key{ID: temporary.ID, Secret: temporary.Secret}, false, "MissingSecurityToken", "SecurityToken is mandatory for this action."},
		{"one that nobody issued", sts.Key{ID: temporary.ID, Secret: temporary.Secret, Token: "forged"}, false, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed."},
		{"one of another key", sts.Key{ID: long.ID, Secret: long.Secret, Token: other.Token}, false, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey."},
		{"one that has run out", temporary, true, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired."},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if tc.expire {
				keys.ExpireAll()
			}
			_, refusal := acs3.Verify(signed(tc.key, ""), nil, keys, now)
			if refusal == nil || refusal.Status != 400 || refusal.Code != tc.code || refusal.Message != tc.message {
				t.Errorf("got %+v", refusal)
			}
		})
	}
}

func TestBodyIsSigned(t *testing.T) {
	keys, key := keyring()
	if _, refusal := acs3.Verify(signed(key, "A=1"), []byte("A=2"), keys, now); refusal == nil || refusal.Code != "SignatureDoesNotMatch" {
		t.Errorf("another body: %v", refusal)
	}
}

// The signature fits the header, the header does not fit the body.
func TestWrongBodyHashIsRefusedEvenWhenItIsSigned(t *testing.T) {
	const wrong, names = "0000", "host;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce"
	hash := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	keys, key := keyring()
	for _, stated := range []string{hash(""), wrong} {
		r := httptest.NewRequest(http.MethodGet, "http://rds.aliyuncs.com/", nil)
		acs3.Sign(r, nil, key, now, "nonce")
		r.Header.Set("x-acs-content-sha256", stated)
		canonical := "GET\n/\n\nhost:rds.aliyuncs.com\nx-acs-content-sha256:" + stated +
			"\nx-acs-date:2023-10-26T10:22:32Z\nx-acs-signature-nonce:nonce\n\n" + names + "\n" + hash("")
		mac := hmac.New(sha256.New, []byte(key.Secret))
		mac.Write([]byte("ACS3-HMAC-SHA256\n" + hash(canonical)))
		r.Header.Set("Authorization", fmt.Sprintf("ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%x", key.ID, names, mac.Sum(nil)))
		if _, refusal := acs3.Verify(r, nil, keys, now); (refusal == nil) != (stated == hash("")) {
			t.Errorf("hash %s: %v", stated, refusal)
		}
	}
}

func TestMismatchShowsWhatTheServerHasSigned(t *testing.T) {
	keys, key := keyring()
	r := httptest.NewRequest(http.MethodGet, "http://rds.aliyuncs.com/?b=2&a=1", nil)
	acs3.Sign(r, nil, sts.Key{ID: key.ID, Secret: "wrong"}, now, "nonce")
	_, refusal := acs3.Verify(r, nil, keys, now)
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	canonical := "server CanonicalRequest is [GET\n/\na=1&b=2\nhost:rds.aliyuncs.com\nx-acs-content-sha256:" + empty +
		"\nx-acs-date:2023-10-26T10:22:32Z\nx-acs-signature-nonce:nonce\n\nhost;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce\n" + empty + "]"
	for _, want := range []string{"Specified signature does not match our calculation. server StringToSign is [ACS3-HMAC-SHA256\n", canonical} {
		if !strings.Contains(refusal.Message, want) {
			t.Errorf("no %q in %q", want, refusal.Message)
		}
	}
}

func TestTimeAtTheEdgeOf15MinutesPasses(t *testing.T) {
	for _, by := range []time.Duration{-acs3.MaxSkew, acs3.MaxSkew} {
		if refusal := acs3.CheckTime(now.Add(by).Format(acs3.TimeFormat), now); refusal != nil {
			t.Errorf("%s: %v", by, refusal)
		}
	}
}

func TestCanonicalQuery(t *testing.T) {
	cases := []struct {
		name   string
		params url.Values
		want   string
	}{
		{"nothing", nil, ""},
		{"names in order, not pairs", url.Values{"R.10": {"a"}, "R.1": {"b"}, "R.1.K": {"c"}}, "R.1=b&R.1.K=c&R.10=a"},
		{"an empty value keeps its sign", url.Values{"a": {""}}, "a="},
		{"two values of a name in order", url.Values{"a": {"2", "1"}}, "a=1&a=2"},
		{"everything but the unreserved is escaped", url.Values{"k y": {"-_.~ *+/=&é!'()"}}, "k%20y=-_.~%20%2A%2B%2F%3D%26%C3%A9%21%27%28%29"},
	}
	for _, tc := range cases {
		if got := acs3.CanonicalQuery(tc.params); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestClaimedIsEmptyWithoutASignature(t *testing.T) {
	if got := acs3.Claimed(httptest.NewRequest(http.MethodGet, "/", nil)); got != "" {
		t.Errorf("got %s", got)
	}
}
