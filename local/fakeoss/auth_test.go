package fakeoss_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/signer"

	"rds-kernel-upgrade/local/fakeoss"
)

// versions are the signatures that a header can bear.
func versions() map[string]signer.Signer {
	return map[string]signer.Signer{"V1": &signer.SignerV1{}, "V4": &signer.SignerV4{}}
}

func TestTheSignatureCoversWhatMatters(t *testing.T) {
	t.Parallel()
	for version, sign := range versions() {
		ec := map[string]string{"V1": "0002-00000040", "V4": "0002-00000201"}[version]
		for name, spoil := range map[string]func(*http.Request){
			"another method":              func(r *http.Request) { r.Method = http.MethodGet },
			"another object":              func(r *http.Request) { r.URL.Path = "/" + state + "/b" },
			"a header of the service":     func(r *http.Request) { r.Header.Set("x-oss-forbid-overwrite", "false") },
			"one more such header":        func(r *http.Request) { r.Header.Set("x-oss-meta-a", "b") },
			"another type":                func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
			"another digest":              func(r *http.Request) { r.Header.Set("Content-MD5", "x") },
			"a sub-resource":              func(r *http.Request) { r.URL.RawQuery = "versionId=1" },
			"another signature":           func(r *http.Request) { r.Header.Set("Authorization", r.Header.Get("Authorization")+"0") },
			"a token that is not its own": func(r *http.Request) { r.Header.Set("x-oss-security-token", "x") },
		} {
			t.Run(version+", "+name, func(t *testing.T) {
				t.Parallel()
				c := start(t)
				c.sign = sign
				c.ask(t, "PUT", state+"/a", "x", forbid()).want(t, 200, "", "")
				got := c.ask(t, "PUT", state+"/a", "y", forbid(), tamper(spoil))
				if name == "a token that is not its own" {
					got.want(t, 403, "InvalidSecurityToken", "0002-00000008")
				} else {
					got.want(t, 403, "SignatureDoesNotMatch", ec)
				}
				if c.content("a") != "x" {
					t.Error("a request that is not signed was carried out")
				}
			})
		}
	}
}

func TestTheDocumentOfAMismatchShowsWhatWasSigned(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.key = c.keys.Issue(time.Hour)
	token, id := c.key.Token, c.key.ID
	c.key.Secret = "another"
	got := c.ask(t, "GET", state+"/a", "")
	got.want(t, 403, "SignatureDoesNotMatch", "0002-00000201")
	if !strings.Contains(got.text("CanonicalRequest"), "x-oss-security-token:"+token) || got.text("OSSAccessKeyId") != id {
		t.Errorf("a client must not log this document, since it has the token in it: %s", got.body)
	}
}

func TestTemporaryKeys(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil    func(*cloud)
		status   int
		code, ec string
	}{
		"a fresh one is good":                  {func(*cloud) {}, 404, "NoSuchKey", "0026-00000001"},
		"without its token":                    {func(c *cloud) { c.key.Token = "" }, 403, "InvalidAccessKeyId", "0002-00000003"},
		"with a token that was never issued":   {func(c *cloud) { c.key.Token = "x" }, 403, "InvalidSecurityToken", "0002-00000008"},
		"with the token of another key":        {func(c *cloud) { c.key.Token = c.keys.Issue(time.Hour).Token }, 403, "AccessKeyIdAndSecurityTokenNotMatch", "0002-00000004"},
		"after its time":                       {func(c *cloud) { c.Advance(time.Hour) }, 403, "SecurityTokenExpired", "0002-00000007"},
		"with the id of nobody":                {func(c *cloud) { c.key.ID = "nobody" }, 403, "InvalidAccessKeyId", "0002-00000902"},
		"a long-term key needs no token":       {func(c *cloud) { c.key.ID, c.key.Secret, c.key.Token = "testid", "testsecret", "" }, 404, "NoSuchKey", "0026-00000001"},
		"a long-term key with another's token": {func(c *cloud) { c.key.ID, c.key.Secret = "testid", "testsecret" }, 403, "AccessKeyIdAndSecurityTokenNotMatch", "0002-00000004"},
	} {
		for version, sign := range versions() {
			t.Run(version+", "+name, func(t *testing.T) {
				t.Parallel()
				c := start(t)
				c.key, c.sign = c.keys.Issue(time.Hour), sign
				tc.spoil(c)
				c.ask(t, "GET", state+"/a", "").want(t, tc.status, tc.code, tc.ec)
			})
		}
	}
}

func TestTheFormOfASignature(t *testing.T) {
	t.Parallel()
	authorization := func(edit func(string) string) change {
		return tamper(func(r *http.Request) { r.Header.Set("Authorization", edit(r.Header.Get("Authorization"))) })
	}
	replace := func(from, to string) change {
		return authorization(func(s string) string { return strings.Replace(s, from, to, 1) })
	}
	const invalid = "InvalidArgument"
	for name, tc := range map[string]struct {
		change   change
		status   int
		code, ec string
	}{
		"none, for an object":          {without("Authorization"), 403, "AccessDenied", "0003-00000001"},
		"another algorithm":            {replace("OSS4-HMAC-SHA256", "OSS4-HMAC-SHA1"), 400, invalid, "0002-00000061"},
		"an unknown part":              {replace("Signature=", "Sign="), 400, invalid, "0002-00000061"},
		"a part twice":                 {authorization(func(s string) string { return s + ",Signature=1" }), 400, invalid, "0002-00000061"},
		"no signature":                 {authorization(func(s string) string { s, _, _ = strings.Cut(s, ",Signature"); return s }), 400, invalid, "0002-00000061"},
		"a scope with another end":     {replace("aliyun_v4_request", "aws4_request"), 400, invalid, "0002-00000061"},
		"a scope without a region":     {replace("/cn-hangzhou", ""), 400, invalid, "0002-00000061"},
		"another region":               {replace("cn-hangzhou", "cn-beijing"), 400, invalid, "0002-00000226"},
		"a region in an endpoint form": {replace("cn-hangzhou", "oss-cn-hangzhou"), 400, invalid, "0002-00000226"},
		"another product":              {replace("/oss/", "/oss-cloudbox/"), 400, invalid, "0002-00000227"},
		"another day":                  {replace("20261122", "20261121"), 400, invalid, "0002-00000212"},
		"no hash of the payload":       {without("x-oss-content-sha256"), 400, invalid, "0002-00000214"},
		"a hash of the payload":        {tamper(func(r *http.Request) { r.Header.Set("x-oss-content-sha256", strings.Repeat("0", 64)) }), 400, invalid, "0002-00000214"},
		"a date of HTTP's form":        {tamper(func(r *http.Request) { r.Header.Set("x-oss-date", r.Header.Get("Date")) }), 403, "AccessDenied", "0002-00000502"},
		"no date at all": {tamper(func(r *http.Request) {
			r.Header.Del("x-oss-date")
			r.Header.Del("Date")
		}), 403, "AccessDenied", "0002-00000502"},
		"V1 without a colon":          {authorization(func(string) string { return "OSS testid" }), 400, invalid, "0002-00000061"},
		"V2":                          {authorization(func(string) string { return "OSS2 AccessKeyId:testid,Signature:x" }), 400, invalid, "0002-00000061"},
		"in the header and the URL":   {tamper(func(r *http.Request) { r.URL.RawQuery = "x-oss-signature=1" }), 400, invalid, "0002-00000039"},
		"V1 in the header and in URL": {tamper(func(r *http.Request) { r.URL.RawQuery = "OSSAccessKeyId=testid" }), 400, invalid, "0002-00000039"},
		"V1 in the URL": {tamper(func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "OSSAccessKeyId=testid&Expires=1&Signature=x"
		}), 501, "NotImplemented", ""},
		"V2 in the URL": {tamper(func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "x-oss-signature-version=OSS2&x-oss-signature=x"
		}), 400, invalid, "0002-00000061"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start(t).ask(t, "GET", state+"/a", "", tc.change).want(t, tc.status, tc.code, tc.ec)
		})
	}
	start(t).ask(t, "GET", state+"/?list-type=2", "", without("Authorization")).want(t, 403, "AccessDenied", "0003-00001201")
}

func TestARequestMayBeFifteenMinutesAway(t *testing.T) {
	t.Parallel()
	for version, sign := range versions() {
		for away, good := range map[time.Duration]bool{
			15 * time.Minute: true, -15 * time.Minute: true, 15*time.Minute + time.Second: false, -15*time.Minute - time.Second: false,
		} {
			c := start(t)
			c.sign = sign
			r := c.request(t, "GET", state+"/a", "")
			c.Advance(away)
			got := send(t, c, r)
			if good {
				got.want(t, 404, "NoSuchKey", "0026-00000001")
				continue
			}
			got.want(t, 403, "RequestTimeTooSkewed", "0002-00000504")
			if got.text("RequestTime") != "2026-11-22T12:00:00.000Z" || got.text("ServerTime") == "" || got.header.Get("Date") != c.Now().Format(http.TimeFormat) {
				t.Errorf("%s, %s away: a client corrects its clock by this: %v %s", version, away, got.header, got.body)
			}
		}
	}
}

func TestRightsOfTemporaryKeys(t *testing.T) {
	t.Parallel()
	var asked []fakeoss.Access
	c := start(t, func(o *fakeoss.Options) {
		o.Allow = func(a fakeoss.Access) bool {
			asked = append(asked, a)
			return a.Bucket == state && strings.HasPrefix(a.Key, "mine/") && a.Action != "DeleteObject"
		}
	})
	must(t, c.CreateBucket("another", fakeoss.BucketOptions{}))
	c.key = c.keys.Issue(time.Hour)
	c.ask(t, "PUT", state+"/mine/a", "x").want(t, 200, "", "")
	c.ask(t, "GET", state+"/?list-type=2&prefix=mine%2F", "").want(t, 200, "", "")
	c.ask(t, "GET", state+"/a", "").want(t, 403, "AccessDenied", "0003-00000001")
	c.ask(t, "PUT", "another/mine/a", "x").want(t, 403, "AccessDenied", "0003-00000001")
	c.ask(t, "DELETE", state+"/mine/a", "").want(t, 403, "AccessDenied", "0003-00000001")
	c.ask(t, "GET", state+"/?list-type=2", "").want(t, 403, "AccessDenied", "0003-00000202")
	c.ask(t, "GET", state+"/?versioning", "").want(t, 403, "AccessDenied", "0003-00000202")
	if len(asked) != 7 || asked[0] != (fakeoss.Access{KeyID: c.key.ID, Action: "PutObject", Bucket: state, Key: "mine/a"}) {
		t.Errorf("asked %+v", asked)
	}
	c.ask(t, "GET", "nowhere-at-all/a", "").want(t, 404, "NoSuchBucket", "0015-00000101")
	c.key.ID, c.key.Secret, c.key.Token = "testid", "testsecret", ""
	c.ask(t, "GET", state+"/?versioning", "").want(t, 200, "", "")
}
