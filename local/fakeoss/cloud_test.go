package fakeoss_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/signer"

	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/sts"
)

const (
	region = "cn-hangzhou"
	state  = "upgrade-state" // the bucket that every cloud has
)

// cloud is a fake with a clock, a key and a bucket. Its requests are signed by the official SDK's signer, which is not ours.
type cloud struct {
	*fakeoss.Server
	*rig.Clock
	keys *sts.Keyring
	key  sts.Key
	sign signer.Signer
}

func start(t *testing.T, edit ...func(*fakeoss.Options)) *cloud {
	t.Helper()
	clock := rig.NewClock(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	key := sts.Key{ID: "testid", Secret: "testsecret"}
	keys := sts.NewKeyring(clock.Now, key)
	o := fakeoss.Options{Now: clock.Now, Keys: keys, Region: region}
	for _, change := range edit {
		change(&o)
	}
	c := &cloud{Server: fakeoss.New(o), Clock: clock, keys: keys, key: key, sign: &signer.SignerV4{}}
	must(t, c.CreateBucket(state, fakeoss.BucketOptions{}))
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// change alters a request before or after it is signed.
type change struct{ before, after func(*http.Request) }

func header(name, value string) change {
	return change{before: func(r *http.Request) { r.Header.Set(name, value) }}
}

// tamper changes the request behind the signature's back.
func tamper(do func(*http.Request)) change { return change{after: do} }

func without(name string) change { return tamper(func(r *http.Request) { r.Header.Del(name) }) }

func forbid() change { return header("x-oss-forbid-overwrite", "true") }

// request makes a signed request with the bucket in its path. A target is bucket/key?query, not escaped but for the query.
func (c *cloud) request(t *testing.T, method, target, body string, changes ...change) *http.Request {
	t.Helper()
	path, query, _ := strings.Cut(target, "?")
	bucket, key, _ := strings.Cut(path, "/")
	r := httptest.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:9003/", strings.NewReader(body))
	r.URL = &url.URL{Path: "/" + bucket + "/" + key, RawQuery: query}
	if method == http.MethodPut {
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	for _, change := range changes {
		if change.before != nil {
			change.before(r)
		}
	}
	signed := &signer.SigningContext{
		Product: ptr("oss"), Region: ptr(region), Bucket: &bucket, Key: &key, Request: r, Time: c.Now(),
		Credentials: &credentials.Credentials{AccessKeyID: c.key.ID, AccessKeySecret: c.key.Secret, SecurityToken: c.key.Token},
	}
	if bucket == "" {
		signed.Bucket, signed.Key = nil, nil
	}
	must(t, c.sign.Sign(t.Context(), signed))
	for _, change := range changes {
		if change.after != nil {
			change.after(r)
		}
	}
	return r
}

func ptr(s string) *string { return &s }

// reply is an answer, taken apart.
type reply struct {
	status int
	header http.Header
	body   string
	root   rig.Element
}

// ask sends a signed request, over no network.
func (c *cloud) ask(t *testing.T, method, target, body string, changes ...change) reply {
	t.Helper()
	return send(t, c, c.request(t, method, target, body, changes...))
}

func send(t *testing.T, h http.Handler, r *http.Request) reply {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	got := reply{status: w.Code, header: w.Header(), body: w.Body.String()}
	text := w.Body.Bytes()
	if hidden := w.Header().Get("x-oss-err"); hidden != "" {
		plain, err := base64.StdEncoding.DecodeString(hidden)
		must(t, err)
		text = plain
	}
	if w.Header().Get("Content-Type") == "application/xml" {
		must(t, xml.Unmarshal(text, &got.root))
	}
	return got
}

// all returns the texts of the elements at a path below the root, such as Contents/Key.
func (r reply) all(path string) []string { return r.root.All(path) }

func (r reply) text(path string) string { return strings.Join(r.all(path), "|") }

// want checks the status and, for errors, the code and the finer code.
func (r reply) want(t *testing.T, status int, code, ec string) {
	t.Helper()
	if r.status != status || r.text("Code") != code || r.text("EC") != ec || r.header.Get("x-oss-ec") != ec {
		t.Fatalf("got %d %s %s, want %d %s %s\n%s", r.status, r.text("Code"), r.text("EC"), status, code, ec, r.body)
	}
}

// content returns what is stored under a key, without asking the service.
func (c *cloud) content(key string) string {
	for _, o := range c.Objects(key) {
		if o.Key == key {
			return string(o.Content)
		}
	}
	return ""
}

// signPlainly signs a request without sub-resources, to a bucket that its host names, with version 1, by the documentation alone.
func signPlainly(r *http.Request, key sts.Key) {
	var own []string
	for name, values := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-oss-") {
			own = append(own, name+":"+values[0]+"\n")
		}
	}
	slices.Sort(own)
	bucket, _, _ := strings.Cut(r.Host, ".")
	resource := "/" + bucket + r.URL.Path
	if r.URL.RawQuery == "versioning" {
		resource += "?versioning"
	}
	mac := hmac.New(sha1.New, []byte(key.Secret))
	mac.Write([]byte(r.Method + "\n" + r.Header.Get("Content-MD5") + "\n" + r.Header.Get("Content-Type") + "\n" + r.Header.Get("Date") + "\n" +
		strings.Join(own, "") + resource))
	r.Header.Set("Authorization", "OSS "+key.ID+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
