package oss_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/oss"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

const (
	region = "cn-hangzhou"
	bucket = "upgrades"
	key    = "rds/state/12.json"
	body   = `{"nonce":"n-1"}`
	sumOf  = "11772684204605551360" // the CRC-64 of body
)

// outside stands for everything beyond this machine: a proxy that notes who is asked for, and lets nobody through.
var outside rig.Outside

func TestMain(m *testing.M) { os.Exit(outside.Run(m)) }

// The credentials for servers that do not check them. The token has every character that is written in more than one way.
const (
	accessKeyID = "STS.NTtestKeyId"
	secret      = "testSecret+/="
	token       = "CAIS+tok/en=="
)

var credentials = invocation.NewCredentials(accessKeyID, secret, token)

// calls are all calls, by the operation that an error names. What came of one is "" if nothing did.
var calls = map[string]func(context.Context, *oss.Client) (string, error){
	"GetObject upgrades/" + key: func(ctx context.Context, c *oss.Client) (string, error) {
		content, err := c.Get(ctx, key)
		return string(content), err
	},
	"PutObject upgrades/" + key: func(ctx context.Context, c *oss.Client) (string, error) {
		created, err := c.Create(ctx, key, []byte(body))
		return result(created, err)
	},
	"ListObjectsV2 upgrades/rds/state/": func(ctx context.Context, c *oss.Client) (string, error) {
		keys, err := c.Keys(ctx, "rds/state/", "", 10)
		return strings.Join(keys, " "), err
	},
	"GetBucketVersioning upgrades": func(ctx context.Context, c *oss.Client) (string, error) {
		versioned, err := c.Versioned(ctx)
		if err == nil {
			return fmt.Sprint(versioned), nil
		}
		return result(versioned, err)
	},
}

func result(done bool, err error) (string, error) {
	if done {
		return "done", err
	}
	return "", err
}

// success is OSS's answer to each call, as it is documented.
var success = map[string]answer{
	"GetObject upgrades/" + key: {200, body, map[string]string{"X-Oss-Hash-Crc64ecma": sumOf}},
	"PutObject upgrades/" + key: {200, "", map[string]string{"X-Oss-Hash-Crc64ecma": sumOf, "Etag": `"D41D8CD98F00B204E9800998ECF8427E"`}},
	"ListObjectsV2 upgrades/rds/state/": {200, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com">` +
		`<Name>upgrades</Name><Prefix>rds/state/</Prefix><MaxKeys>10</MaxKeys><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>` +
		`<Contents><Key>rds/state/1%2B1.json</Key><LastModified>2026-05-22T11:22:33.000Z</LastModified><ETag>"5B3C1A2E053D763E1B002CC607C5A0FE"</ETag>` +
		`<Type>Normal</Type><Size>344</Size><StorageClass>Standard</StorageClass></Contents><KeyCount>1</KeyCount></ListBucketResult>`, nil},
	"GetBucketVersioning upgrades": {200, `<?xml version="1.0" encoding="UTF-8"?><VersioningConfiguration xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com"/>`, nil},
}

// means is what each call makes of that answer.
var means = map[string]string{
	"GetObject upgrades/" + key: body, "PutObject upgrades/" + key: "done",
	"ListObjectsV2 upgrades/rds/state/": "rds/state/1+1.json", "GetBucketVersioning upgrades": "false",
}

// answer is what a server answers: with the header that each answer of OSS has, and others.
type answer struct {
	status int
	body   string
	header map[string]string
}

// refusal is an error in OSS's own form.
func refusal(status int, code, message string) answer {
	return answer{status, `<?xml version="1.0" encoding="UTF-8"?><Error xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com"><Code>` + code + `</Code><Message>` +
		message + `</Message><RequestId>R-1</RequestId><HostId>upgrades.oss-cn-hangzhou.aliyuncs.com</HostId><EC>0001-00000001</EC></Error>`, nil}
}

// page is an answer that is not OSS's.
func page(status int, text string) answer {
	return answer{status, text, map[string]string{"X-Oss-Request-Id": ""}}
}

// In an answer echo stands for what the request was signed with, and bare for the signature alone.
const (
	echo = "(echo)"
	bare = "(signature)"
)

// heard puts them in.
func heard(text string, r *http.Request) string {
	signed := r.Header.Get("Authorization")
	_, signature, _ := strings.Cut(signed, "Signature=")
	return strings.NewReplacer(echo, "Authorization: "+signed+" x-oss-security-token: "+r.Header.Get("X-Oss-Security-Token"), bare, signature).Replace(text)
}

func (a answer) headers() http.Header {
	header := http.Header{"X-Oss-Request-Id": {"R-1"}, "Content-Type": {"application/xml"}}
	for name, value := range a.header {
		header.Set(name, value)
	}
	if header.Get("X-Oss-Request-Id") == "" {
		header.Del("X-Oss-Request-Id")
	}
	return header
}

// ServeHTTP gives the answer over a network.
func (a answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	for name, values := range a.headers() {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, heard(a.body, r))
}

// pool is a pool of connections without a network.
type pool func(*http.Request) (*http.Response, error)

func (p pool) RoundTrip(r *http.Request) (*http.Response, error) { return p(r) }

func (pool) CloseIdleConnections() {}

// client is a client to which the same is answered always, without a network.
func (a answer) client() *oss.Client {
	return over(func(r *http.Request) (*http.Response, error) {
		httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
		text := heard(a.body, r)
		return &http.Response{StatusCode: a.status, Header: a.headers(), Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
	})
}

func over(p pool) *oss.Client {
	return oss.New(transport.Over(p), nil, region, bucket, credentials)
}

func newClient(t *testing.T, address string) *oss.Client {
	t.Helper()
	connections := transport.New()
	t.Cleanup(connections.Close)
	return oss.New(connections, endpointOf(t, address), region, bucket, credentials)
}

func endpointOf(t *testing.T, address string) *transport.Endpoint {
	t.Helper()
	endpoint, err := transport.ParseEndpoint(address)
	must(t, err)
	return &endpoint
}

// service is a server on loopback that answers every request in the same way.
type service struct {
	client *oss.Client
	url    string
	seen   atomic.Int64
	last   atomic.Pointer[http.Request]
}

func serve(t *testing.T, handler http.Handler) *service {
	t.Helper()
	s := &service{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.seen.Add(1)
		s.last.Store(r)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.client = newClient(t, s.url)
	return s
}

// signed is the signature of the last request.
func (s *service) signed() string {
	_, signature, _ := strings.Cut(s.last.Load().Header.Get("Authorization"), "Signature=")
	return signature
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantFault wants a fault. Its message is a part of the one that is to come, or all of it with "=" in front.
func wantFault(t *testing.T, err error, want fault.Error) {
	t.Helper()
	var got *fault.Error
	if !errors.As(err, &got) {
		t.Fatalf("got %T %v, want a fault", err, err)
	}
	text, whole := strings.CutPrefix(want.Message, "=")
	if !strings.Contains(got.Message, text) || whole && got.Message != text {
		t.Errorf("message %q, want %q", got.Message, want.Message)
	}
	want.Message = got.Message
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("fault (-want +got):\n%s", diff)
	}
}

// noSecret looks for the credentials and the request's signature in everything that an error can print.
func noSecret(t *testing.T, err error, signature string) {
	t.Helper()
	rig.NoSecret(t, err, accessKeyID, secret, token, signature)
}
