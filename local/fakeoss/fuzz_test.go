package fakeoss_test

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/signer"

	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/sts"
	"rds-kernel-upgrade/local/wire"
)

// target is a fake for fuzzing, with some objects.
func target(tb testing.TB) *fakeoss.Server {
	tb.Helper()
	clock := func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }
	s := fakeoss.New(fakeoss.Options{Now: clock, Keys: sts.NewKeyring(clock, sts.Key{ID: "testid", Secret: "testsecret"}), Region: region})
	if err := s.CreateBucket(state, fakeoss.BucketOptions{}); err != nil {
		tb.Fatal(err)
	}
	for _, key := range []string{"a", "a/b", "a/b/c", "b", "ü +%&<>\x01"} {
		if err := s.Store(state, key, nil); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

// FuzzSignature sends requests with any headers and query that a signature is read from. None is carried out, none brings the fake down, and each refusal
// is a document.
func FuzzSignature(f *testing.F) {
	all, err := wire.Load("../../testdata/wire/oss")
	if err != nil {
		f.Fatal(err)
	}
	for _, transcript := range all {
		r, _, err := transcript.Request()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.Header.Get("Authorization"), r.Header.Get("x-oss-date"), r.Header.Get("Date"), r.Header.Get("x-oss-security-token"), r.URL.RawQuery)
	}
	const date = "20261122T120000Z"
	f.Add("OSS testid:x", date, "", "", "")
	f.Add("OSS4-HMAC-SHA256 Credential=testid/20261122/cn-hangzhou/oss/aliyun_v4_request,AdditionalHeaders=host;host,Signature=0", date, "", "", "")
	f.Add("", "", "", "", "x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=testid/20261122/cn-hangzhou/oss/aliyun_v4_request&x-oss-date="+date+"&x-oss-expires=1&x-oss-signature=0")
	f.Fuzz(func(t *testing.T, authorization, isoDate, httpDate, token, query string) {
		s := target(t)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/"+state+"/new", strings.NewReader("x"))
		r.URL.RawQuery = query
		for name, value := range map[string]string{
			"Authorization": authorization, "x-oss-date": isoDate, "Date": httpDate, "x-oss-security-token": token, "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
		} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var document rig.Element
		if err := xml.Unmarshal(w.Body.Bytes(), &document); err != nil || document.XMLName.Local != "Error" || w.Code < 400 {
			t.Fatalf("%d, %v in %s", w.Code, err, w.Body)
		}
		if len(s.Objects("new")) != 0 || s.Calls()[0].AccessKeyID != "" {
			t.Fatal("a request that nobody has signed was carried out")
		}
	})
}

// FuzzListQuery lists with any query, signed. An answer is a document; a page has no more than was asked for, sorted, and the next one goes on behind it.
func FuzzListQuery(f *testing.F) {
	for _, query := range []string{
		"list-type=2", "list-type=2&prefix=a&delimiter=%2F&max-keys=1", "list-type=2&start-after=a%2Fb&encoding-type=url", "list-type=2&max-keys=2",
		"list-type=2&continuation-token=" + base64.StdEncoding.EncodeToString([]byte("a/b")), "list-type=2&max-keys=1001", "list-type=1", "versioning", "a;b=%",
	} {
		f.Add(query)
	}
	sign := &signer.SignerV4{}
	f.Fuzz(func(t *testing.T, query string) {
		s := target(t)
		ask := func(items url.Values) (reply, int) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+state+"/", nil)
			r.URL.RawQuery = strings.ReplaceAll(items.Encode(), "+", "%20")
			must(t, sign.Sign(t.Context(), &signer.SigningContext{
				Product: ptr("oss"), Region: ptr(region), Bucket: ptr(state), Request: r, Time: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
				Credentials: &credentials.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"},
			}))
			got := send(t, s, r)
			if got.text("Code") == "SignatureDoesNotMatch" {
				t.Skip("the SDK signs items without a name, and one of those that are there twice, in its own way")
			}
			n, _ := strconv.Atoi(got.text("KeyCount"))
			return got, n
		}
		items, err := url.ParseQuery(query)
		if err != nil {
			t.Skip("net/http drops what it cannot read")
		}
		got, n := ask(items)
		if got.status != http.StatusOK || got.root.XMLName.Local != "ListBucketResult" {
			return
		}
		keys, most := got.all("Contents/Key"), 100
		if items.Has("max-keys") {
			most, _ = strconv.Atoi(items.Get("max-keys"))
		}
		if n != len(keys)+len(got.all("CommonPrefixes/Prefix")) || n > most || items.Get("encoding-type") == "" && !slices.IsSorted(keys) {
			t.Fatalf("%s", got.body)
		}
		if next := got.text("NextContinuationToken"); next != "" {
			items.Set("continuation-token", next)
			if more, _ := ask(items); more.status != http.StatusOK || slices.ContainsFunc(more.all("Contents/Key"), func(k string) bool { return slices.Contains(keys, k) }) {
				t.Fatalf("%s", more.body)
			}
		}
	})
}
