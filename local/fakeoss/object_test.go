package fakeoss_test

import (
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakeoss"
)

func TestPutWithForbidOverwriteCreatesOnly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		headers []string // values of x-oss-forbid-overwrite
		status  int
		code    string
		ec      string
		after   string
	}{
		"without the header it overwrites":        {nil, 200, "", "", "new"},
		"with false it overwrites":                {[]string{"false"}, 200, "", "", "new"},
		"with true it does not":                   {[]string{"true"}, 409, "FileAlreadyExists", "0026-00000002", "old"},
		"another value is refused":                {[]string{"abc"}, 400, "InvalidArgument", "0017-00000279", "old"},
		"so is an empty one":                      {[]string{""}, 400, "InvalidArgument", "0017-00000279", "old"},
		"and one in capitals":                     {[]string{"TRUE"}, 400, "InvalidArgument", "0017-00000279", "old"},
		"and two that contradict":                 {[]string{"true", "false"}, 400, "InvalidArgument", "0017-00000279", "old"},
		"a condition of HTTP is not implemented":  {nil, 501, "NotImplemented", "0017-00000245", "old"},
		"nor is the condition not to be modified": {nil, 501, "NotImplemented", "0017-00000245", "old"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			c.ask(t, "PUT", state+"/a", "old", forbid()).want(t, 200, "", "")
			c.ask(t, "PUT", state+"/a", "new", change{before: func(r *http.Request) {
				for _, value := range tc.headers {
					r.Header.Add("x-oss-forbid-overwrite", value)
				}
				switch {
				case tc.status == 501 && strings.HasPrefix(name, "nor"):
					r.Header.Set("If-Unmodified-Since", c.Now().Format(http.TimeFormat))
				case tc.status == 501:
					r.Header.Set("If-None-Match", "*")
				}
			}}).want(t, tc.status, tc.code, tc.ec)
			if got := c.content("a"); got != tc.after {
				t.Errorf("stored is %q, want %q", got, tc.after)
			}
		})
	}
}

func TestInAVersionedBucketForbidOverwriteHasNoEffect(t *testing.T) {
	t.Parallel()
	for _, versioning := range []string{fakeoss.Enabled, fakeoss.Suspended} {
		c := start(t)
		must(t, c.SetVersioning(state, versioning))
		first := c.ask(t, "PUT", state+"/a", "old", forbid())
		second := c.ask(t, "PUT", state+"/a", "new", forbid())
		second.want(t, 200, "", "")
		one, two := first.header.Get("x-oss-version-id"), second.header.Get("x-oss-version-id")
		if c.content("a") != "new" || one == "" || two == "" || (versioning == fakeoss.Enabled) == (one == two) {
			t.Errorf("%s: stored is %q, versions %q and %q", versioning, c.content("a"), one, two)
		}
		if got := c.ask(t, "GET", state+"/a", ""); got.header.Get("x-oss-version-id") != two {
			t.Errorf("%s: GetObject has version %q", versioning, got.header.Get("x-oss-version-id"))
		}
		if got := c.ask(t, "GET", state+"/?versioning", ""); got.text("Status") != versioning {
			t.Errorf("got %s", got.body)
		}
		c.ask(t, "PUT", state+"/a", "x", header("x-oss-forbid-overwrite", "abc")).want(t, 400, "InvalidArgument", "0017-00000279")
	}
	c := start(t)
	if got := c.ask(t, "GET", state+"/?versioning", ""); got.status != 200 || len(got.root.Children) != 0 {
		t.Errorf("a bucket that was never versioned has no status: %s", got.body)
	}
	if got := c.ask(t, "PUT", state+"/a", "x"); got.header.Get("x-oss-version-id") != "" {
		t.Errorf("and no versions: %v", got.header)
	}
}

func TestADeletedObjectOfAVersionedBucketLeavesAMarker(t *testing.T) {
	t.Parallel()
	c := start(t)
	must(t, c.SetVersioning(state, fakeoss.Enabled))
	c.ask(t, "PUT", state+"/a", "x")
	gone := c.ask(t, "DELETE", state+"/a", "")
	gone.want(t, 204, "", "")
	got := c.ask(t, "GET", state+"/a", "")
	got.want(t, 404, "NoSuchKey", "0026-00000001")
	for _, r := range []reply{gone, got} {
		if r.header.Get("x-oss-delete-marker") != "true" || r.header.Get("x-oss-version-id") == "" {
			t.Errorf("got %v", r.header)
		}
	}
	if list := c.ask(t, "GET", state+"/?list-type=2", ""); list.text("KeyCount") != "0" || len(c.Objects("")) != 0 {
		t.Errorf("got %s", list.body)
	}
	c.ask(t, "PUT", state+"/a", "y", forbid()).want(t, 200, "", "")
}

func TestAnObjectComesBackAsItWasStored(t *testing.T) {
	t.Parallel()
	c := start(t)
	sum := md5.Sum([]byte("123456789"))
	identity := map[string]string{
		"Etag": fmt.Sprintf(`"%X"`, sum), "Content-Md5": base64.StdEncoding.EncodeToString(sum[:]),
		"X-Oss-Hash-Crc64ecma": "11051210869376104954", // the published check value of CRC-64/XZ: 995DC9BBDF1939FA
	}
	wantHeaders := func(got reply, want map[string]string) {
		t.Helper()
		for name, value := range want {
			if got.header.Get(name) != value {
				t.Errorf("%s: got %q, want %q", name, got.header.Get(name), value)
			}
		}
		if got.header.Get("Server") != "AliyunOSS" || len(got.header.Get("x-oss-request-id")) != 24 || got.header.Get("Date") == "" {
			t.Errorf("got %v", got.header)
		}
	}
	put := c.ask(t, "PUT", state+"/a/ü +%", "123456789", header("Content-Encoding", "x"), header("Cache-Control", "no-store"), header("Content-MD5", identity["Content-Md5"]))
	put.want(t, 200, "", "")
	wantHeaders(put, identity)
	stored := maps.Clone(identity)
	maps.Copy(stored, map[string]string{
		"Last-Modified": c.Now().Format(http.TimeFormat), "Content-Length": "9", "Content-Encoding": "x", "Cache-Control": "no-store",
		"Content-Type": "application/octet-stream", "X-Oss-Object-Type": "Normal", "X-Oss-Storage-Class": "Standard",
	})
	c.Advance(time.Minute)
	for method, body := range map[string]string{"GET": "123456789", "HEAD": ""} {
		got := c.ask(t, method, state+"/a/ü +%", "")
		wantHeaders(got, stored)
		if got.status != 200 || got.body != body {
			t.Errorf("%s: %d %q", method, got.status, got.body)
		}
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, method := range []string{"GET", "HEAD"} {
		got := c.ask(t, method, state+"/none", "")
		got.want(t, 404, "NoSuchKey", "0026-00000001")
		if got.text("Key") != "none" || (method == "HEAD") != (got.body == "") || got.text("RequestId") != got.header.Get("x-oss-request-id") {
			t.Errorf("%s: %v %s", method, got.header, got.body)
		}
	}
	c.ask(t, "DELETE", state+"/none", "").want(t, 204, "", "")
	c.ask(t, "PUT", state+"/a", "x")
	c.ask(t, "DELETE", state+"/a", "").want(t, 204, "", "")
	c.ask(t, "GET", state+"/a", "").want(t, 404, "NoSuchKey", "0026-00000001")
	for _, target := range []string{"nowhere/a", "nowhere/?list-type=2", "nowhere/?versioning"} {
		c.ask(t, "GET", target, "", without("Authorization")).want(t, 404, "NoSuchBucket", "0015-00000101")
	}
	c.DeleteBucket(state)
	c.ask(t, "PUT", state+"/a", "x").want(t, 404, "NoSuchBucket", "0015-00000101")
}

func TestNamesAreAsDocumented(t *testing.T) {
	t.Parallel()
	c := start(t)
	for bucket, good := range map[string]bool{
		"abc": true, "1-2": true, strings.Repeat("a", 63): true,
		"ab": false, strings.Repeat("a", 64): false, "Abc": false, "a_b": false, "a.b": false, "-abc": false, "abc-": false, "äbc": false,
	} {
		var refused *fakeoss.Error
		if err := c.CreateBucket(bucket, fakeoss.BucketOptions{}); (err == nil) != good || err != nil && (!errors.As(err, &refused) || refused.Code != "InvalidBucketName") {
			t.Errorf("bucket %s: %v", bucket, err)
		}
		if !good {
			c.ask(t, "GET", bucket+"/a", "").want(t, 400, "InvalidBucketName", "0015-00000001")
		}
	}
	for key, ec := range map[string]string{
		"/a": "0016-00000005", `\a`: "0016-00000005", strings.Repeat("a", 1024): "0016-00000003", "\xff": "0016-00000002",
		strings.Repeat("a", 1023): "", "a//b": "", "ü": "", "a\\b": "",
	} {
		got := c.ask(t, "PUT", state+"/"+key, "x")
		if ec == "" {
			got.want(t, 200, "", "")
		} else {
			got.want(t, 400, "InvalidObjectName", ec)
		}
	}
}

func TestBodiesAreBoundedAndWhole(t *testing.T) {
	t.Parallel()
	c := start(t)
	most := strings.Repeat("x", 8<<20)
	c.ask(t, "PUT", state+"/most", most).want(t, 200, "", "")
	c.ask(t, "PUT", state+"/more", most+"x").want(t, 400, "InvalidArgument", "")
	c.ask(t, "PUT", state+"/md5", "x", header("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")).want(t, 400, "InvalidDigest", "0017-00000502")
	c.ask(t, "PUT", state+"/cut", "abcdef", tamper(func(r *http.Request) {
		r.ContentLength = -1 // chunked
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	})).want(t, 400, "RequestTimeout", "")
	c.ask(t, "PUT", state+"/short", "abcdef", tamper(func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("abc")) })).want(t, 400, "RequestTimeout", "")
	c.ask(t, "PUT", state+"/silent", "").want(t, 411, "MissingContentLength", "0017-00000101")
	c.ask(t, "PUT", state+"/empty", "", header("Content-Length", "0")).want(t, 200, "", "")
	var keys []string
	for _, o := range c.Objects("") {
		keys = append(keys, o.Key)
	}
	if diff := cmp.Diff([]string{"empty", "most"}, keys); diff != "" {
		t.Error(diff)
	}
}

func TestTextIsCompressedForAClientThatTakesIt(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 200)
	for name, tc := range map[string]struct {
		content, kind, encoding string
		compressed              bool
	}{
		"JSON":                     {long, "application/json", "", true},
		"with a charset":           {long, "text/plain; charset=utf-8", "", true},
		"less than 1 KB":           {long[:1023], "application/json", "", false},
		"of no kind of text":       {long, "application/octet-stream", "", false},
		"what is compressed as it": {long, "application/json", "br", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			changes := []change{header("Content-Type", tc.kind)}
			if tc.encoding != "" {
				changes = append(changes, header("Content-Encoding", tc.encoding))
			}
			c.ask(t, "PUT", state+"/a", tc.content, changes...).want(t, 200, "", "")
			got := c.ask(t, "GET", state+"/a", "", header("Accept-Encoding", "gzip"))
			plain := got.body == tc.content && got.header.Get("ETag") != "" && got.header.Get("Content-Encoding") == tc.encoding
			small := len(got.body) < 1000 && got.header.Get("ETag") == "" && got.header.Get("Content-Encoding") == "gzip" && got.header.Get("Content-Length") == ""
			if plain == tc.compressed || small != tc.compressed {
				t.Errorf("%d bytes, %v", len(got.body), got.header)
			}
			if whole := c.ask(t, "GET", state+"/a", ""); whole.body != tc.content {
				t.Error("it is compressed for nobody else")
			}
		})
	}
}

func TestABucketIsNamedInThePathOrByTheHost(t *testing.T) {
	t.Parallel()
	for host, tc := range map[string]struct {
		path     string
		status   int
		code, ec string
	}{
		"127.0.0.1:9003":                        {"/" + state + "/a", 200, "", ""},
		"oss.test":                              {"/" + state + "/a", 200, "", ""},
		state + ".oss-cn-hangzhou.aliyuncs.com": {"/a", 200, "", ""},
		state + ".oss-cn-hangzhou-internal.aliyuncs.com": {"/a", 200, "", ""},
		state + ".localhost:9003":                        {"/a", 200, "", ""},
		state + ".oss-cn-beijing.aliyuncs.com":           {"/a", 403, "AccessDenied", "0003-00001403"},
		"nowhere.oss-cn-hangzhou.aliyuncs.com":           {"/a", 404, "NoSuchBucket", "0015-00000101"},
		"a.b.oss-cn-hangzhou.aliyuncs.com":               {"/a", 400, "InvalidBucketName", "0015-00000001"},
		"oss-cn-hangzhou.aliyuncs.com":                   {"/" + state + "/a", 403, "SecondLevelDomainForbidden", ""},
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			must(t, c.Store(state, "a", []byte("x")))
			got := c.ask(t, "GET", state+"/a", "", tamper(func(r *http.Request) { r.Host, r.URL.Path = host, tc.path }))
			got.want(t, tc.status, tc.code, tc.ec)
			if name, _, _ := strings.Cut(host, ":"); tc.status != 200 && got.text("HostId") != name {
				t.Errorf("got %s", got.body)
			}
		})
	}
}

func TestWhatIsNotSupportedIsSaid(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ method, target, header string }{
		{"GET", "", ""},
		{"GET", state + "/", ""},
		{"GET", state + "/?acl", ""},
		{"GET", state + "/?lifecycle", ""},
		{"GET", state + "/?versions", ""},
		{"GET", state + "/?list-type=2&fetch-owner=true", ""},
		{"GET", state + "/?versioning&list-type=2", ""},
		{"HEAD", state + "/", ""},
		{"PUT", state + "/", ""},
		{"PUT", state + "/?versioning", ""},
		{"DELETE", state + "/", ""},
		{"POST", state + "/?delete", ""},
		{"POST", state + "/a?append&position=0", ""},
		{"POST", state + "/a?uploads", ""},
		{"PUT", state + "/a?partNumber=1&uploadId=1", ""},
		{"PUT", state + "/a?tagging", ""},
		{"GET", state + "/a?versionId=1", ""},
		{"GET", state + "/a?response-content-type=text%2Fplain", ""},
		{"GET", state + "/a?x-oss-process=image", ""},
		{"PATCH", state + "/a", ""},
		{"PUT", state + "/a", "x-oss-meta-a"},
		{"PUT", state + "/a", "x-oss-object-acl"},
		{"PUT", state + "/a", "x-oss-copy-source"},
		{"GET", state + "/a", "Range"},
		{"GET", state + "/a", "If-None-Match"},
		{"HEAD", state + "/a", "If-Match"},
		{"GET", state + "/a", "x-oss-forbid-overwrite"},
		{"DELETE", state + "/a", "x-oss-forbid-overwrite"},
	} {
		t.Run(strings.TrimSpace(tc.method+" "+tc.target+" "+tc.header), func(t *testing.T) {
			t.Parallel()
			c := start(t)
			must(t, c.Store(state, "a", []byte("x")))
			var changes []change
			if tc.header != "" {
				changes = append(changes, header(tc.header, "true"))
			}
			got := c.ask(t, tc.method, tc.target, "", changes...)
			got.want(t, 501, "NotImplemented", "")
			if !strings.Contains(got.text("Message"), "The local cloud does not support ") || !strings.Contains(got.text("Message"), tc.header) {
				t.Errorf("got %s", got.text("Message"))
			}
			if c.content("a") != "x" {
				t.Error("it had an effect")
			}
		})
	}
	if len(fakeoss.NotSupported()) == 0 {
		t.Error("nothing is listed")
	}
}

func TestTheControlMethodsRefuseAsTheServiceDoes(t *testing.T) {
	t.Parallel()
	c := start(t)
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"a bucket twice":               {c.CreateBucket(state, fakeoss.BucketOptions{}), "oss: BucketAlreadyExists: The requested bucket name is not available."},
		"an object in no bucket":       {c.Store("nowhere", "a", nil), "oss: NoSuchBucket: The specified bucket does not exist."},
		"the versioning of no bucket":  {c.SetVersioning("nowhere", fakeoss.Enabled), "oss: NoSuchBucket: The specified bucket does not exist."},
		"versioning cannot be undone":  {c.SetVersioning(state, fakeoss.Unversioned), "oss: InvalidArgument: Invalid Argument. Parameter is invalid."},
		"and has no state but its two": {c.SetVersioning(state, "Off"), "oss: InvalidArgument: Invalid Argument. Parameter is invalid."},
	} {
		if tc.err == nil || tc.err.Error() != tc.want {
			t.Errorf("%s: got %v, want %s", name, tc.err, tc.want)
		}
	}
}

func TestAClockAndKeysAreRequired(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	fakeoss.New(fakeoss.Options{})
}

func TestControlAddresses(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.ask(t, "PUT", state+"/a/1.json", `{"a":1}`)
	get := func(method, path string) reply {
		return send(t, c, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	}
	const list = `[{"bucket":"upgrade-state","key":"a/1.json","size":7,"etag":"\"BB6CB5C68DF4652941CAF652A366F2D8\"","lastModified":"2026-11-22T12:00:00Z"}]` + "\n"
	for path, want := range map[string]string{
		"/_local/objects": list, "/_local/objects?prefix=a/": list, "/_local/objects?prefix=b": "[]\n", "/_local/objects/" + state + "/a/1.json": `{"a":1}`,
	} {
		if got := get("GET", path); got.status != 200 || got.body != want {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	for _, path := range []string{"/_local/objects/" + state + "/a/1", "/_local/objects/nowhere/a/1.json", "/_local/nothing"} {
		if got := get("GET", path); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := get("DELETE", "/_local/calls"); got.status != 405 {
		t.Errorf("got %d", got.status)
	}
}
