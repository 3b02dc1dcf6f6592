package fakemns_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/sts"
)

const (
	textDenied    = "The OwnerId that your Access Key Id associated to is forbidden for this operation."
	textUnknown   = "The AccessKey Id you provided is not exist."
	textSignature = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
	textDigest    = "The Content-MD5 you specified is invalid."
)

func at(c *cloud, skew time.Duration) string { return c.now().Add(skew).UTC().Format(http.TimeFormat) }

func TestRequestsThatAreNotProvenAreRefused(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, tc := range []struct {
		name          string
		change        change
		status        int
		code, message string
	}{
		{"no version", header("x-mns-version", ""), 400, "MissingVersionHeader", "x-mns-version header is required."},
		{"another version", header("x-mns-version", "2015-06-07"), 400, "InvalidVersionHeader", "The x-mns-version header is invalid."},
		{"no date", header("Date", ""), 400, "MissingDateHeader", "Date header is required."},
		{"a date of another form", header("Date", "2026-11-22T12:00:00Z"), 400, "InvalidDateHeader", "The Date header format is invalid."},
		{"a date of another zone", header("Date", "Sun, 22 Nov 2026 12:00:00 CST"), 400, "InvalidDateHeader", "The Date header format is invalid."},
		{"a date 15 minutes and a second ago", header("Date", at(c, -15*time.Minute-time.Second)), 408, "TimeExpired", "The http request you sent is expired."},
		{"a date 15 minutes and a second ahead", header("Date", at(c, 15*time.Minute+time.Second)), 408, "TimeExpired", "The http request you sent is expired."},
		{"an old x-mns-date beside a good Date", header("x-mns-date", at(c, -time.Hour)), 408, "TimeExpired", "The http request you sent is expired."},
		{"no authorization", tamper("Authorization", ""), 400, "MissingAuthorizationHeader", "Authorization header is required."},
		{"authorization of another service", tamper("Authorization", "OSS testid:x"), 400, "InvalidAuthorizationHeader", "The Authorization header format is invalid."},
		{"authorization without a signature", tamper("Authorization", "MNS testid:"), 400, "InvalidAuthorizationHeader", "The Authorization header format is invalid."},
		{"authorization without a key", tamper("Authorization", "MNS :x"), 400, "InvalidAuthorizationHeader", "The Authorization header format is invalid."},
		{"authorization without a colon", tamper("Authorization", "MNS testid"), 400, "InvalidAuthorizationHeader", "The Authorization header format is invalid."},
		{"an unknown key", tamper("Authorization", "MNS nobody:x"), 403, "InvalidAccessKeyId", textUnknown},
		{"a signature that is wrong", tamper("Authorization", "MNS testid:AAAA"), 403, "SignatureDoesNotMatch", textSignature},
		{"a date changed after signing", tamper("Date", at(c, time.Second)), 403, "SignatureDoesNotMatch", textSignature},
		{"a content type changed after signing", tamper("Content-Type", "text/xml"), 403, "SignatureDoesNotMatch", textSignature},
		{"a digest added after signing", tamper("Content-MD5", "x"), 403, "SignatureDoesNotMatch", textSignature},
		{"an x-mns- header added after signing", tamper("x-mns-prefix", "a"), 403, "SignatureDoesNotMatch", textSignature},
		{"a long-term key with a token", header("security-token", "x"), 403, "AccessDenied", textDenied},
		{"a body of another type", header("Content-Type", "application/json"), 400, "InvalidContentType", "The Content-Type header is invalid."},
		{"a body in another charset", header("Content-Type", "text/xml;charset=gbk"), 400, "InvalidContentType", "The Content-Type header is invalid."},
		{"a body of a type that cannot be read", header("Content-Type", "text/xml;="), 400, "InvalidContentType", "The Content-Type header is invalid."},
		{"a body without a type", header("Content-Type", ""), 400, "InvalidContentType", "The Content-Type header is invalid."},
		{"a digest that is no base64", header("Content-MD5", "!"), 400, "InvalidDegist", textDigest},
		{"a digest of another body", header("Content-MD5", "R3mFEPwOrlHSE7dsE6xBXw=="), 400, "InvalidDegist", textDigest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := c.ask(t, "POST", "/topics/news/messages", message("x"), tc.change)
			wantRefusal(t, got, tc.status, tc.code, tc.message)
		})
	}
	if n := len(c.Published("news")); n != 0 {
		t.Fatalf("%d messages were published by requests that were refused", n)
	}
}

func TestURLIsSignedAsSent(t *testing.T) {
	t.Parallel()
	c := start(t)
	r := c.request(t, "GET", "/queues/inbox/messages?waitseconds=0", "")
	r.RequestURI = "/queues/inbox/messages?waitseconds=1"
	wantStatus(t, c.send(t, r), 403, "SignatureDoesNotMatch")
	r = c.request(t, "GET", "/queues/inbox/messages", "")
	r.Method = http.MethodDelete
	wantStatus(t, c.send(t, r), 403, "SignatureDoesNotMatch")
}

func TestAbsoluteFormOfARequestLineIsSignedAsItsPath(t *testing.T) {
	t.Parallel()
	c := start(t)
	r := c.request(t, "POST", "/topics/news/messages", message("x"))
	r.RequestURI = "http://127.0.0.1:9002/topics/news/messages"
	wantStatus(t, c.send(t, r), 201, "")
	r = c.request(t, "POST", "/topics/news/messages", message("x"))
	r.RequestURI = "" // a request that was handed over without a request line
	wantStatus(t, c.send(t, r), 201, "")
}

func TestEveryFormThatClientsSendIsTaken(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, tc := range []struct {
		name    string
		changes []change
	}{
		{"text/xml", []change{header("Content-Type", "text/xml")}},
		{"text/xml in lower-case utf-8", []change{header("Content-Type", "text/xml;charset=utf-8")}},
		{"text/xml in upper-case UTF-8", []change{header("Content-Type", "text/xml; charset=UTF-8")}},
		{"application/xml", []change{header("Content-Type", "application/xml")}},
		{"a digest of the hexadecimal form", []change{header("Content-MD5", "ZjY4MTQ1NDg5Y2FmZWNjNzFlNzAwMTNkM2RhYTRlM2M=")}},
		{"a digest as RFC 1864 has it", []change{header("Content-MD5", "9oFFSJyv7McecAE9PapOPA==")}},
		{"a date 15 minutes old", []change{header("Date", at(c, -15*time.Minute))}},
		{"a date 15 minutes ahead", []change{header("Date", at(c, 15*time.Minute))}},
		{"x-mns-date alone", []change{header("Date", ""), header("x-mns-date", at(c, 0))}},
		{"x-mns-date beside an old Date", []change{header("Date", at(c, -time.Hour)), header("x-mns-date", at(c, 0))}},
		{"a signed x-mns-user-request-id", []change{header("x-mns-user-request-id", "u")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wantStatus(t, c.ask(t, "POST", "/topics/news/messages", message("x"), tc.changes...), 201, "")
		})
	}
}

func TestHostNamesAccountAndRegion(t *testing.T) {
	t.Parallel()
	c := start(t)
	for host, status := range map[string]int{
		"1234567890123456.mns.cn-hangzhou.aliyuncs.com":          201,
		"1234567890123456.mns.cn-hangzhou.aliyuncs.com:443":      201,
		"1234567890123456.mns.cn-hangzhou-internal.aliyuncs.com": 201,
		"127.0.0.1:9002":                  201,
		"localhost":                       201,
		"99.mns.cn-hangzhou.aliyuncs.com": 403,
		"1234567890123456.mns.cn-beijing.aliyuncs.com": 403,
	} {
		r := c.request(t, "POST", "/topics/news/messages", message("x"))
		r.Host = host
		if got := c.send(t, r); got.status != status {
			t.Errorf("host %s: got %d, want %d", host, got.status, status)
		}
	}
}

func TestTemporaryKeys(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		spoil  func(*cloud)
		status int
		code   string
	}{
		{"a fresh one is good", func(*cloud) {}, 201, ""},
		{"without its token it is not known", func(c *cloud) { c.key.Token = "" }, 403, "InvalidAccessKeyId"},
		{"with a token that was never issued", func(c *cloud) { c.key.Token = "x" }, 403, "AccessDenied"},
		{"with the token of another key", func(c *cloud) { c.key.Token = c.keys.Issue(time.Hour).Token }, 403, "AccessDenied"},
		{"after its time", func(c *cloud) { c.Advance(time.Hour) }, 403, "AccessDenied"},
		{"with the secret of another key", func(c *cloud) { c.key.Secret = c.keys.Issue(time.Hour).Secret }, 403, "SignatureDoesNotMatch"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			c.key = c.keys.Issue(time.Hour)
			tc.spoil(c)
			wantStatus(t, c.ask(t, "POST", "/topics/news/messages", message("x")), tc.status, tc.code)
		})
	}
}

func TestTokenIsNotSigned(t *testing.T) {
	t.Parallel()
	c := start(t)
	issued := c.keys.Issue(time.Hour)
	c.key = sts.Key{ID: issued.ID, Secret: issued.Secret}
	got := c.ask(t, "POST", "/topics/news/messages", message("x"), tamper("security-token", issued.Token))
	wantStatus(t, got, 201, "")
}

func TestRequestBodyIsBounded(t *testing.T) {
	t.Parallel()
	c := start(t)
	got := c.ask(t, "POST", "/topics/news/messages", message(strings.Repeat("x", 1<<20)))
	wantRefusal(t, got, 400, "InvalidArgument", "The value of Content-Length should between 0 and 1048576 bytes.")
}
