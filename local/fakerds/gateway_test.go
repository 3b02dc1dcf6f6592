package fakerds_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/sts"
)

const describe = "DescribeDBInstanceAttribute"

func TestGatewayRefusesRequestsInParameters(t *testing.T) {
	cases := []struct {
		name    string
		change  func(c *cloud, all url.Values) // before the signature
		spoil   func(all url.Values)           // after it
		status  int
		code    string
		message string
	}{
		{name: "without Action", change: del("Action"), status: 400, code: "MissingAction", message: "Action is mandatory for this action."},
		{name: "without Version", change: del("Version"), status: 400, code: "MissingVersion", message: "Version is mandatory for this action."},
		{name: "of another version", change: set("Version", "2014-05-26"), status: 400, code: "InvalidVersion", message: "Specified parameter Version is not valid."},
		{name: "of an unknown action", change: set("Action", "RestartDBInstance"), status: 404, code: "InvalidApi.NotFound", message: "Specified api is not found, please check your url and method."},
		{name: "of an action in the wrong case", change: set("Action", "describeDBInstanceAttribute"), status: 404, code: "InvalidApi.NotFound", message: "Specified api is not found, please check your url and method."},
		{name: "without AccessKeyId", change: del("AccessKeyId"), status: 400, code: "MissingAccessKeyId", message: "AccessKeyId is mandatory for this action."},
		{name: "without Signature", spoil: remove("Signature"), status: 400, code: "MissingSignature", message: "Signature is mandatory for this action."},
		{name: "without SignatureMethod", change: del("SignatureMethod"), status: 400, code: "MissingSignatureMethod", message: "SignatureMethod is mandatory for this action."},
		{name: "without SignatureVersion", change: del("SignatureVersion"), status: 400, code: "MissingSignatureVersion", message: "SignatureVersion is mandatory for this action."},
		{name: "without SignatureNonce", change: del("SignatureNonce"), status: 400, code: "MissingSignatureNonce", message: "SignatureNonce is mandatory for this action."},
		{name: "without Timestamp", change: del("Timestamp"), status: 400, code: "MissingTimestamp", message: "Timestamp is mandatory for this action."},
		{name: "signed by another method", change: set("SignatureMethod", "HMAC-SHA256"), status: 400, code: "InvalidSignatureMethod", message: "Specified signature method is not valid."},
		{name: "with another SignatureVersion", change: set("SignatureVersion", "2.0"), status: 400, code: "InvalidSignatureVersion", message: "Specified parameter SignatureVersion is not valid."},
		{name: "with a bearer token", change: set("SignatureType", "BEARERTOKEN"), status: 400, code: "InvalidSignatureType", message: "Specified parameter SignatureType is not valid."},
		{name: "with a malformed Timestamp", change: set("Timestamp", "2026-11-22 12:00:00"), status: 400, code: "InvalidTimeStamp.Format", message: "Specified time stamp or date value is not well formatted."},
		{name: "more than 15 minutes old", change: shift(-15*time.Minute - time.Second), status: 400, code: "InvalidTimeStamp.Expired", message: "Specified time stamp or date value is expired."},
		{name: "more than 15 minutes early", change: shift(15*time.Minute + time.Second), status: 400, code: "InvalidTimeStamp.Expired", message: "Specified time stamp or date value is expired."},
		{name: "with an unknown key", change: set("AccessKeyId", "LTAI-nobody"), status: 404, code: "InvalidAccessKeyId.NotFound", message: "Specified access key is not found."},
		{name: "with a token that nobody issued", change: set("SecurityToken", "CAIS-forged"), status: 400, code: "InvalidSecurityToken.Malformed", message: "Specified SecurityToken is malformed."},
		{name: "with a token of another key", change: func(c *cloud, all url.Values) {
			all.Set("SecurityToken", c.keys.Issue(time.Hour).Token)
		}, status: 400, code: "InvalidSecurityToken.MismatchWithAccessKey", message: "Specified SecurityToken mismatch with the AccessKey."},
		{name: "with a temporary key but no token", change: func(c *cloud, all url.Values) {
			c.key = c.keys.Issue(time.Hour)
			all.Set("AccessKeyId", c.key.ID)
		}, status: 400, code: "MissingSecurityToken", message: "SecurityToken is mandatory for this action."},
		{name: "with an expired token", change: func(c *cloud, all url.Values) {
			c.key = c.keys.Issue(time.Hour)
			all.Set("AccessKeyId", c.key.ID)
			all.Set("SecurityToken", c.key.Token)
			c.keys.ExpireAll()
		}, status: 400, code: "InvalidSecurityToken.Expired", message: "Specified SecurityToken is expired."},
		{name: "with a format that there is not", change: set("Format", "YAML"), status: 400, code: "InvalidParameter.Format", message: "Specified parameter format is not valid."},
		{name: "without a required parameter", change: del("DBInstanceId"), status: 400, code: "MissingDBInstanceId", message: "DBInstanceId is mandatory for this action."},
		{name: "with a required parameter that is empty", change: set("DBInstanceId", ""), status: 400, code: "MissingDBInstanceId", message: "DBInstanceId is mandatory for this action."},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.Add(mysql("rm-1"))
			all := c.common(describe, params("DBInstanceId", "rm-1"))
			if tc.change != nil {
				tc.change(c, all)
			}
			all = c.sign(http.MethodPost, all)
			if tc.spoil != nil {
				tc.spoil(all)
			}
			w := c.serve(httptest.NewRequest(http.MethodPost, "/?"+all.Encode(), nil))
			wantRefusal(t, w, tc.status, tc.code, tc.message)
			if calls := c.Calls(); len(calls) != 1 || calls[0].Code != tc.code || calls[0].Status != tc.status {
				t.Errorf("log: %+v", calls)
			}
		})
	}
}

func del(name string) func(*cloud, url.Values) {
	return func(_ *cloud, all url.Values) { all.Del(name) }
}

func set(name, value string) func(*cloud, url.Values) {
	return func(_ *cloud, all url.Values) { all.Set(name, value) }
}

func remove(name string) func(url.Values) { return func(all url.Values) { all.Del(name) } }

func shift(by time.Duration) func(*cloud, url.Values) {
	return func(_ *cloud, all url.Values) { all.Set("Timestamp", start.Add(by).Format(acs3.TimeFormat)) }
}

// wantRefusal reads a refusal in either format.
func wantRefusal(t *testing.T, w *httptest.ResponseRecorder, status int, code, message string) {
	t.Helper()
	body := w.Body.String()
	if w.Code != status {
		t.Errorf("status %d, want %d: %s", w.Code, status, body)
	}
	if strings.HasPrefix(body, "<") {
		for _, want := range []string{"<Error><RequestId>", "<Code>" + code + "</Code>", "<Message>" + message + "</Message>"} {
			if !strings.Contains(body, want) {
				t.Errorf("no %s in %s", want, body)
			}
		}
		return
	}
	var document struct{ RequestID, HostID, Code, Message, Recommend string }
	if err := json.Unmarshal([]byte(body), &document); err != nil {
		t.Fatal(err)
	}
	if document.Code != code || document.Message != message || document.HostID != "rds.aliyuncs.com" || document.RequestID == "" {
		t.Errorf("got %+v, want %s: %s", document, code, message)
	}
}

func TestSignatureCoversMethodAndEveryParameter(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(method *string, all url.Values)
	}{
		{"a changed value", func(_ *string, all url.Values) { all.Set("DBInstanceId", "rm-2") }},
		{"an added parameter", func(_ *string, all url.Values) { all.Set("Expired", "False") }},
		{"an empty parameter taken away", func(_ *string, all url.Values) { all.Del("SignatureType") }},
		{"another method", func(method *string, _ url.Values) { *method = http.MethodGet }},
		{"another signature", func(_ *string, all url.Values) { all.Set("Signature", "AAAA") }},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t)
			c.Add(mysql("rm-1"))
			method, all := http.MethodPost, c.sign(http.MethodPost, c.common(describe, params("DBInstanceId", "rm-1")))
			tc.spoil(&method, all)
			w := c.serve(httptest.NewRequest(method, "/?"+all.Encode(), nil))
			if w.Code != 400 || !strings.Contains(w.Body.String(), "SignatureDoesNotMatch") ||
				!strings.Contains(w.Body.String(), "Specified signature is not matched with our calculation. server string to sign is:") {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestMismatchShowsTheStringThatTheClientShouldHaveSigned(t *testing.T) {
	c := newCloud(t)
	all := c.sign(http.MethodPost, c.common("DescribeRegions", nil))
	all.Set("Signature", "AAAA")
	w := c.serve(httptest.NewRequest(http.MethodPost, "/?"+all.Encode(), nil))
	var body struct{ Message string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(body.Message, "server string to sign is:")
	want := "POST&%2F&AccessKeyId%3DLTAI-local%26Action%3DDescribeRegions%26Format%3DJSON%26SignatureMethod%3DHMAC-SHA1" +
		"%26SignatureNonce%3Dnonce-1%26SignatureType%3D%26SignatureVersion%3D1.0%26Timestamp%3D2026-11-22T12%253A00%253A00Z%26Version%3D2014-08-15"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNonceCountsOncePerKeyWithin15Minutes(t *testing.T) {
	c := newCloud(t)
	own := params("SignatureNonce", "the-same")
	c.ok(t, "DescribeRegions", own)
	c.refused(t, "DescribeRegions", own, 400, "SignatureNonceUsed")
	c.clock.Advance(15 * time.Minute)
	c.ok(t, "DescribeRegions", own)
	c.key = c.keys.Issue(time.Hour)
	c.ok(t, "DescribeRegions", own)
}

func TestRefusedSignatureDoesNotUseUpItsNonce(t *testing.T) {
	c := newCloud(t)
	all := c.sign(http.MethodPost, c.common("DescribeRegions", nil))
	wrong := url.Values{}
	for name := range all {
		wrong.Set(name, all.Get(name))
	}
	wrong.Set("Signature", "AAAA")
	if w := c.serve(httptest.NewRequest(http.MethodPost, "/?"+wrong.Encode(), nil)); w.Code != 400 {
		t.Fatalf("got %d", w.Code)
	}
	if w := c.serve(httptest.NewRequest(http.MethodPost, "/?"+all.Encode(), nil)); w.Code != 200 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestTimestampAtTheEdgeOf15MinutesPasses(t *testing.T) {
	c := newCloud(t)
	for _, by := range []time.Duration{-15 * time.Minute, 15 * time.Minute} {
		c.ok(t, "DescribeRegions", params("Timestamp", start.Add(by).Format(acs3.TimeFormat)))
	}
}

func TestParametersComeInQueryFormOrBoth(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"))
	form := func(body url.Values, target string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		return r
	}
	signed := func(method string) url.Values {
		return c.sign(method, c.common(describe, params("DBInstanceId", "rm-1")))
	}
	both, rest := signed(http.MethodPost), url.Values{}
	rest.Set("DBInstanceId", both.Get("DBInstanceId"))
	rest.Set("Signature", both.Get("Signature"))
	both.Del("DBInstanceId")
	both.Del("Signature")
	for name, r := range map[string]*http.Request{
		"GET query":   httptest.NewRequest(http.MethodGet, "/?"+signed(http.MethodGet).Encode(), nil),
		"POST query":  httptest.NewRequest(http.MethodPost, "/?"+signed(http.MethodPost).Encode(), nil),
		"POST form":   form(signed(http.MethodPost), "/"),
		"POST both":   form(rest, "/?"+both.Encode()),
		"percent %20": httptest.NewRequest(http.MethodGet, "/?"+strings.ReplaceAll(signed(http.MethodGet).Encode(), "+", "%20"), nil),
	} {
		if w := c.serve(r); w.Code != 200 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestFormatOfTheAnswer(t *testing.T) {
	const jsonType, xmlType = "application/json;charset=utf-8", "text/xml;charset=utf-8"
	cases := []struct {
		name, format, want string
	}{
		{"JSON when asked for", "JSON", jsonType},
		{"JSON in lower case", "json", jsonType},
		{"XML when asked for", "Xml", xmlType},
		{"XML when nothing is asked for", "", xmlType},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t)
			for _, action := range []string{"DescribeRegions", "NoSuchAction"} {
				w := c.send(action, params("Format", tc.format))
				if got := w.Header().Get("Content-Type"); got != tc.want {
					t.Errorf("%s: %s, want %s", action, got, tc.want)
				}
				if isXML := strings.HasPrefix(w.Body.String(), "<?xml"); isXML != (tc.want == xmlType) {
					t.Errorf("%s: %s", action, w.Body)
				}
			}
		})
	}
}

func TestRequestIDIsAnUpperCaseUUIDAndNeverTheSame(t *testing.T) {
	c := newCloud(t)
	form := regexp.MustCompile(`^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`)
	first, second := c.ok(t, "DescribeRegions", nil).text("RequestId"), c.call(t, "Nothing", nil).text("RequestId")
	if !form.MatchString(first) || !form.MatchString(second) || first == second {
		t.Errorf("got %s and %s", first, second)
	}
	if calls := c.Calls(); calls[0].RequestID != first || calls[1].RequestID != second {
		t.Errorf("log: %+v", calls)
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	c := newCloud(t)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodHead} {
		all := c.sign(method, c.common("DescribeRegions", nil))
		wantRefusal(t, c.serve(httptest.NewRequest(method, "/?"+all.Encode(), nil)), 405, "UnsupportedHTTPMethod", "This http method is not supported.")
	}
}

func TestOtherPathsAreNoAPI(t *testing.T) {
	c := newCloud(t)
	all := c.sign(http.MethodPost, c.common("DescribeRegions", nil))
	wantRefusal(t, c.serve(httptest.NewRequest(http.MethodPost, "/v1/?"+all.Encode(), nil)), 404, "InvalidApi.NotFound",
		"Specified api is not found, please check your url and method.")
}

func TestBodyOverTheLimitIsRefused(t *testing.T) {
	c := newCloud(t)
	all := c.sign(http.MethodPost, c.common("DescribeRegions", nil))
	for size, want := range map[int]int{1 << 20: 200, 1<<20 + 1: 413} {
		r := httptest.NewRequest(http.MethodPost, "/?"+all.Encode(), bytes.NewReader(make([]byte, size)))
		if w := c.serve(r); w.Code != want {
			t.Errorf("%d bytes: %d %s", size, w.Code, w.Body)
		}
		c.clock.Advance(15 * time.Minute)
		all.Set("Timestamp", c.clock.Now().Format(acs3.TimeFormat))
		all.Del("Signature")
		all = c.sign(http.MethodPost, all)
	}
}

// acs3Request is a request in the newer style.
func (c *cloud) acs3Request(action string, own map[string]string) *http.Request {
	query := url.Values{}
	for name, value := range own {
		query.Set(name, value)
	}
	r := httptest.NewRequest(http.MethodPost, "http://rds.aliyuncs.com/?"+query.Encode(), nil)
	r.Header.Set("x-acs-action", action)
	r.Header.Set("x-acs-version", "2014-08-15")
	acs3.Sign(r, nil, c.key, c.clock.Now(), c.nonce())
	return r
}

func TestACS3RequestsAreAnsweredInJSON(t *testing.T) {
	for name, key := range map[string]func(*cloud) sts.Key{
		"long-term key": func(c *cloud) sts.Key { return c.key },
		"temporary key": func(c *cloud) sts.Key { return c.keys.Issue(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.Add(mysql("rm-1"))
			c.key = key(c)
			w := c.serve(c.acs3Request(describe, params("DBInstanceId", "rm-1")))
			if w.Code != 200 || !strings.Contains(w.Body.String(), `"CurrentKernelVersion":"rds_20231231"`) {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			call := c.Calls()[0]
			want := fakerds.Call{
				Action: describe, Params: params("DBInstanceId", "rm-1", "AccessKeyId", c.key.ID), Signer: "ACS3-HMAC-SHA256",
				At: start, Status: 200, RequestID: call.RequestID, DBInstanceID: "rm-1",
			}
			if diff := cmp.Diff(want, call); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestACS3FormIsRead(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"))
	body := "DBInstanceId=rm-1&Format=XML"
	r := httptest.NewRequest(http.MethodPost, "http://rds.aliyuncs.com/", strings.NewReader(body))
	r.Header.Set("x-acs-action", describe)
	r.Header.Set("x-acs-version", "2014-08-15")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	acs3.Sign(r, []byte(body), c.key, c.clock.Now(), "n")
	w := c.serve(r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "<CurrentKernelVersion>rds_20231231</CurrentKernelVersion>") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestGatewayRefusesACS3Requests(t *testing.T) {
	cases := []struct {
		name   string
		change func(r *http.Request)
		status int
		code   string
	}{
		{"without an action", func(r *http.Request) { r.Header.Del("x-acs-action") }, 400, "MissingHeader"},
		{"without a version", func(r *http.Request) { r.Header.Del("x-acs-version") }, 400, "MissingHeader"},
		{"of another version", func(r *http.Request) { r.Header.Set("x-acs-version", "2016-01-01") }, 400, "InvalidVersion"},
		{"of an unknown action", func(r *http.Request) { r.Header.Set("x-acs-action", "Nothing") }, 404, "InvalidApi.NotFound"},
		{"with an unsigned change", func(r *http.Request) { r.URL.RawQuery = "DBInstanceId=rm-2" }, 400, "SignatureDoesNotMatch"},
		{"with another Authorization", func(r *http.Request) { r.Header.Set("Authorization", "Basic abc") }, 400, "IncompleteSignature"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t)
			r := c.acs3Request(describe, params("DBInstanceId", "rm-1"))
			tc.change(r)
			w := c.serve(r)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), `"Code":"`+tc.code+`"`) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestNonceIsSharedByBothStyles(t *testing.T) {
	c := newCloud(t)
	r := c.acs3Request("DescribeRegions", nil)
	if w := c.serve(r.Clone(t.Context())); w.Code != 200 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if w := c.serve(r); w.Code != 400 || !strings.Contains(w.Body.String(), "SignatureNonceUsed") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	c.refused(t, "DescribeRegions", params("SignatureNonce", r.Header.Get("x-acs-signature-nonce")), 400, "SignatureNonceUsed")
}

func TestLogKeepsNoSecret(t *testing.T) {
	c := newCloud(t)
	c.key = c.keys.Issue(time.Hour)
	c.ok(t, "DescribeRegions", nil)
	c.serve(c.acs3Request("DescribeRegions", nil))
	text, err := json.Marshal(c.Calls())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{c.key.Token, c.key.Secret, `"Signature"`, `"SecurityToken"`} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s is in the log: %s", secret, text)
		}
	}
	if !strings.Contains(string(text), c.key.ID) {
		t.Errorf("no key id in the log: %s", text)
	}
}

func TestOptionsWithoutClockOrKeysPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	fakerds.New(fakerds.Options{})
}
