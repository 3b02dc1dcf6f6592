package oss_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/oss"
	"rds-kernel-upgrade/function/internal/transport"
)

// recorder keeps each request, with its body, and answers each call with its success.
type recorder struct {
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	content, err := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests, r.bodies = append(r.requests, request), append(r.bodies, string(content))
	a := success["GetObject upgrades/"+key]
	switch {
	case request.Method == http.MethodPut:
		a = success["PutObject upgrades/"+key]
	case request.URL.Query().Has("list-type"):
		a = success["ListObjectsV2 upgrades/rds/state/"]
	case request.URL.Query().Has("versioning"):
		a = success["GetBucketVersioning upgrades"]
	}
	return &http.Response{StatusCode: a.status, Header: a.headers(), Body: io.NopCloser(strings.NewReader(a.body)), Request: request}, err
}

func (*recorder) CloseIdleConnections() {}

// last is the last request and its body.
func (r *recorder) last() (*http.Request, string) {
	n := len(r.requests) - 1
	return r.requests[n], r.bodies[n]
}

// authorization is a signature of the version 4, of today's keys.
var authorization = regexp.MustCompile(`^OSS4-HMAC-SHA256 Credential=STS\.NTtestKeyId/(\d{8})/cn-hangzhou/oss/aliyun_v4_request,Signature=[0-9a-f]{64}$`)

// Each call is one request, over https, signed and with the token, and has what its operation wants and nothing that is the machine's own.
func TestWhatEachCallSends(t *testing.T) {
	t.Parallel()
	for op, want := range map[string]struct {
		line    string
		headers map[string]string
		body    string
	}{
		"GetObject upgrades/" + key: {"GET https://upgrades.oss-cn-hangzhou-internal.aliyuncs.com/rds/state/12.json", map[string]string{}, ""},
		"PutObject upgrades/" + key: {"PUT https://upgrades.oss-cn-hangzhou-internal.aliyuncs.com/rds/state/12.json", map[string]string{
			"X-Oss-Forbid-Overwrite": "true", "Content-Md5": "UeOWhN40yqqD3m3h89xWfQ==", "Content-Type": "text/plain; charset=utf-8",
		}, body},
		"ListObjectsV2 upgrades/rds/state/": {
			"GET https://upgrades.oss-cn-hangzhou-internal.aliyuncs.com/?encoding-type=url&list-type=2&max-keys=10&prefix=rds%2Fstate%2F",
			map[string]string{},
			"",
		},
		"GetBucketVersioning upgrades": {"GET https://upgrades.oss-cn-hangzhou-internal.aliyuncs.com/?versioning=", map[string]string{}, ""},
	} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			r := &recorder{}
			_, err := calls[op](t.Context(), oss.New(transport.Over(r), nil, region, bucket, credentials))
			must(t, err)
			if len(r.requests) != 1 {
				t.Fatalf("%d requests", len(r.requests))
			}
			request, content := r.last()
			address := *request.URL
			address.RawQuery = address.Query().Encode() // in the order of the names
			if got := request.Method + " " + address.String(); got != want.line || content != want.body || request.ContentLength != int64(len(want.body)) {
				t.Errorf("got %s\nwith %d bytes, %q\nwant %s\nwith %q", got, request.ContentLength, content, want.line, want.body)
			}
			headers := map[string]string{}
			for name := range request.Header {
				headers[name] = request.Header.Get(name)
			}
			checkSigned(t, headers)
			want.headers["Accept-Encoding"] = "identity"
			want.headers["X-Oss-Security-Token"] = token
			want.headers["X-Oss-Content-Sha256"] = "UNSIGNED-PAYLOAD"
			if diff := cmp.Diff(want.headers, headers); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

// checkSigned checks the headers that change with the time, and takes them out.
func checkSigned(t *testing.T, headers map[string]string) {
	t.Helper()
	signed := authorization.FindStringSubmatch(headers["Authorization"])
	if signed == nil || !strings.HasPrefix(headers["X-Oss-Date"], signed[1]+"T") || headers["Date"] == "" || headers["User-Agent"] == "" {
		t.Errorf("signed as %q at %q", headers["Authorization"], headers["X-Oss-Date"])
	}
	for _, name := range []string{"Authorization", "X-Oss-Date", "Date", "User-Agent"} {
		delete(headers, name)
	}
}

// net/http sends a request once more only if nothing of it was written, and then it wants the body once more.
func TestABodyCanBeHadAgainAndAnEmptyOneIsNotChunked(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	c := oss.New(transport.Over(r), nil, region, bucket, credentials)
	_, _ = c.Create(t.Context(), key, []byte(body))
	request, _ := r.last()
	again, err := request.GetBody()
	must(t, err)
	if content, err := io.ReadAll(again); err != nil || string(content) != body {
		t.Errorf("got %q, %v", content, err)
	}
	s := serve(t, success["PutObject upgrades/"+key])
	_, _ = s.client.Create(t.Context(), key, nil)
	if got := s.last.Load(); len(got.TransferEncoding) != 0 || got.Header.Get("Content-Length") != "0" {
		t.Errorf("an empty object is sent with %q and the length %q", got.TransferEncoding, got.Header.Get("Content-Length"))
	}
}

func TestTheContentsTypeIsThatOfItsBytes(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		body:                       "text/plain; charset=utf-8",
		"\x1f\x8b\x08\x00\x00\x00": "application/x-gzip",
		"\x28\xb5\x2f\xfd\x00\x01": "application/octet-stream",
	} {
		r := &recorder{}
		_, _ = oss.New(transport.Over(r), nil, region, bucket, credentials).Create(t.Context(), "state/1.json", []byte(content))
		if request, _ := r.last(); request.Header.Get("Content-Type") != want {
			t.Errorf("%q: %q, want %q", content, request.Header.Get("Content-Type"), want)
		}
	}
}

// A bucket is a part of the host's name, but for loopback, where there is one host.
func TestWhereABucketIsFound(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"":                                    "https://upgrades.oss-cn-hangzhou-internal.aliyuncs.com/rds/state/12.json",
		"http://127.0.0.1:9003":               "http://127.0.0.1:9003/upgrades/rds/state/12.json",
		"http://localhost:9003":               "http://localhost:9003/upgrades/rds/state/12.json",
		"http://[::1]:9003":                   "http://[::1]:9003/upgrades/rds/state/12.json",
		"https://127.0.0.1:9003":              "https://127.0.0.1:9003/upgrades/rds/state/12.json",
		"https://oss-cn-beijing.aliyuncs.com": "https://upgrades.oss-cn-beijing.aliyuncs.com/rds/state/12.json",
		"https://oss-cn-hzfinance.aliyuncs.com:8443/": "https://upgrades.oss-cn-hzfinance.aliyuncs.com:8443/rds/state/12.json",
	} {
		r := &recorder{}
		var at *transport.Endpoint
		if endpoint != "" {
			at = endpointOf(t, endpoint)
		}
		_, err := oss.New(transport.Over(r), at, region, bucket, credentials).Get(t.Context(), key)
		must(t, err)
		if request, _ := r.last(); request.URL.String() != want {
			t.Errorf("%q: %s, want %s", endpoint, request.URL, want)
		}
	}
}

// Not parallel: it reads what the proxy saw.
func TestTheRegionsOwnEndpointIsCalledOverHTTPS(t *testing.T) {
	for region, want := range map[string]string{
		"cn-hangzhou":        "CONNECT upgrades.oss-cn-hangzhou-internal.aliyuncs.com:443",
		"eu-central-1":       "CONNECT upgrades.oss-eu-central-1-internal.aliyuncs.com:443",
		"xx-not-yet-known-1": "CONNECT upgrades.oss-xx-not-yet-known-1-internal.aliyuncs.com:443",
	} {
		t.Run(region, func(t *testing.T) {
			outside.Asked()
			connections := transport.New()
			defer connections.Close()
			_, err := oss.New(connections, nil, region, bucket, credentials).Create(t.Context(), key, []byte(body))
			wantFault(t, err, fault.Error{Op: "oss: PutObject upgrades/" + key, Kind: fault.Unavailable, Message: "=Bad Gateway"}) // the proxy's; nothing was sent to OSS
			if diff := cmp.Diff([]string{want}, outside.Asked()); diff != "" {
				t.Errorf("asked of the proxy (-want +got):\n%s", diff)
			}
		})
	}
}

// The credentials come from each invocation, while the process and its connections stay.
func TestEachClientSignsWithItsOwnCredentials(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	pool := transport.Over(r)
	signatures := map[string]bool{}
	for n := range 3 {
		id, token := fmt.Sprintf("STS.%d", n), fmt.Sprintf("token-%d", n)
		_, err := oss.New(pool, nil, region, bucket, invocation.NewCredentials(id, fmt.Sprintf("secret-%d", n), token)).Get(t.Context(), key)
		must(t, err)
		request, _ := r.last()
		if request.Header.Get("X-Oss-Security-Token") != token || !strings.Contains(request.Header.Get("Authorization"), "Credential="+id+"/") {
			t.Errorf("%d: signed as %q with %q", n, request.Header.Get("Authorization"), request.Header.Get("X-Oss-Security-Token"))
		}
		_, signature, _ := strings.Cut(request.Header.Get("Authorization"), "Signature=")
		signatures[signature] = true
	}
	if len(signatures) != 3 {
		t.Errorf("%d signatures", len(signatures))
	}
}

// Without credentials nothing is sent, and those of the environment are not taken instead.
func TestWithoutCredentialsNothingIsSent(t *testing.T) {
	t.Setenv("OSS_ACCESS_KEY_ID", "LTAIenvironment")
	t.Setenv("OSS_ACCESS_KEY_SECRET", "secretOfTheEnvironment")
	t.Setenv("OSS_SESSION_TOKEN", "tokenOfTheEnvironment")
	r := &recorder{}
	_, err := oss.New(transport.Over(r), nil, region, bucket, invocation.Credentials{}).Get(t.Context(), key)
	wantFault(t, err, fault.Error{Op: "oss: GetObject upgrades/" + key, Kind: fault.Internal, Message: "Credentials is null or empty"})
	if len(r.requests) != 0 {
		t.Errorf("%d requests", len(r.requests))
	}
}
