package fakeoss

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxObject is the longest object of the local cloud, in bytes. The cloud's own limit is 5 GB.
const maxObject = 8 << 20

// request is one request as it goes through the server.
type request struct {
	http   *http.Request
	id     string
	at     time.Time
	host   string // without the port
	bucket string
	key    string
	lost   error // why the address means nothing, if so
	query  url.Values
	route  route
	body   []byte
	cut    bool // the body broke off

	keyID     string // set once the signature has proven it
	temporary bool   // whether that key is a temporary one
}

// route is one API action: what asks for it, and what it does. The server's lock is held meanwhile.
type route struct {
	action  string
	method  string
	object  bool     // whether it concerns an object, not a bucket
	mark    string   // the query item that tells the action from others of its method
	query   []string // the other query items that it takes
	perform func(*Server, *bucket, *request) (answer, error)
}

func routes() []route {
	list := []string{"prefix", "start-after", "max-keys", "continuation-token", "delimiter", "encoding-type"}
	return []route{
		{"PutObject", http.MethodPut, true, "", nil, (*Server).putObject},
		{"GetObject", http.MethodGet, true, "", nil, (*Server).getObject},
		{"HeadObject", http.MethodHead, true, "", nil, (*Server).getObject},
		{"DeleteObject", http.MethodDelete, true, "", nil, (*Server).deleteObject},
		{"ListObjectsV2", http.MethodGet, false, "list-type", list, (*Server).listObjects},
		{"GetBucketVersioning", http.MethodGet, false, "versioning", nil, (*Server).getBucketVersioning},
	}
}

// signatureItems are the query items that belong to a signature (V4).
func signatureItems() []string {
	return []string{
		"x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-additional-headers", "x-oss-security-token",
		"x-oss-signature",
	}
}

func (r route) takes(q *request) bool {
	if r.method != q.http.Method || r.object != (q.key != "") || r.mark != "" && !q.query.Has(r.mark) {
		return false
	}
	for item := range q.query {
		if item != r.mark && !slices.Contains(r.query, item) && !slices.Contains(signatureItems(), item) {
			return false
		}
	}
	return true
}

// read takes a request apart. It does not touch the body.
func (s *Server) read(r *http.Request) *request {
	s.mu.Lock()
	s.sequence++
	number := s.sequence
	s.mu.Unlock()
	now := s.options.Now()
	q := &request{http: r, at: now, id: fmt.Sprintf("%08X%016X", now.Unix(), number), query: r.URL.Query()}
	q.address(s.options.Region)
	if i := slices.IndexFunc(s.routes, func(r route) bool { return r.takes(q) }); i >= 0 {
		q.route = s.routes[i]
	}
	return q
}

// address reads bucket and object from the host (bucket.oss-region.aliyuncs.com, bucket.localhost) and from the path. Any host that is not of the
// cloud's own form, such as 127.0.0.1:9003, has the bucket in its path.
func (q *request) address(region string) {
	q.host = cmp.Or(q.http.Host, q.http.URL.Host)
	if host, _, err := net.SplitHostPort(q.host); err == nil {
		q.host = host
	}
	path := strings.TrimPrefix(q.http.URL.Path, "/")
	if bucket, ok := strings.CutSuffix(q.host, ".localhost"); ok {
		q.bucket, q.key = bucket, path
		return
	}
	name, ok := strings.CutSuffix(q.host, ".aliyuncs.com")
	if !ok {
		q.bucket, q.key, _ = strings.Cut(path, "/")
		return
	}
	dot := strings.LastIndex(name, ".")
	endpoint := name[dot+1:]
	if dot < 0 {
		q.lost = refuse("SecondLevelDomainForbidden")
		return
	}
	q.bucket, q.key = name[:dot], path
	if strings.TrimSuffix(endpoint, "-internal") != "oss-"+region {
		q.lost = refuse(otherEndpoint, detail{"Bucket", q.bucket}, detail{"Endpoint", "oss-" + region + ".aliyuncs.com"})
	}
}

// readBody reads as much of the body as an object may have, and a byte more.
func (q *request) readBody() {
	if q.http.Body == nil {
		return
	}
	body, err := io.ReadAll(io.LimitReader(q.http.Body, maxObject+1))
	q.body, q.cut = body, err != nil
}

// header returns a header's value as it is signed.
func (q *request) header(name string) string {
	if strings.EqualFold(name, "host") {
		return cmp.Or(q.http.Host, q.http.URL.Host)
	}
	var values []string
	for _, value := range q.http.Header.Values(name) {
		values = append(values, strings.TrimSpace(value))
	}
	return strings.Join(values, ",")
}

// checkBucket comes before the signature: a request for no bucket fails while it is routed.
func (s *Server) checkBucket(q *request) error {
	if q.bucket == "" {
		return q.lost
	}
	if !validBucketName(q.bucket) {
		return refuse("0015-00000001", detail{"BucketName", q.bucket})
	}
	s.mu.Lock()
	_, ok := s.buckets[q.bucket]
	s.mu.Unlock()
	if !ok {
		return refuse(noSuchBucket, detail{"BucketName", q.bucket})
	}
	return q.lost
}

// validBucketName reports whether a name has 3 to 63 lower-case letters, digits and hyphens, a hyphen neither first nor last.
func validBucketName(name string) bool {
	foreign := func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' }
	return len(name) >= 3 && len(name) <= 63 && !strings.ContainsFunc(name, foreign) && strings.Trim(name, "-") == name
}

// checkAction refuses what the local cloud does not support, and what is no action at all.
func checkAction(q *request) error {
	if q.route.action != "" {
		return nil
	}
	what := q.http.Method + " of an object"
	if q.key == "" {
		what = q.http.Method + " of a bucket"
	}
	if items := q.http.URL.RawQuery; items != "" {
		what += " with ?" + items
	}
	return notSupported(what)
}

// checkName refuses an object name that could not have been stored.
func checkName(q *request) error {
	switch {
	case !q.route.object:
		return nil
	case len(q.key) > 1023:
		return refuse("0016-00000003", detail{"ObjectName", q.key})
	case !utf8.ValidString(q.key):
		return refuse("0016-00000002")
	case strings.HasPrefix(q.key, "/") || strings.HasPrefix(q.key, `\`):
		return refuse("0016-00000005", detail{"ObjectName", q.key})
	}
	return nil
}

// checkHeaders refuses headers that change what an action does and are not supported: by the cloud, or here.
func checkHeaders(q *request) error {
	put, get := q.route.action == "PutObject", q.route.object && (q.http.Method == http.MethodGet || q.http.Method == http.MethodHead)
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Range"} {
		switch {
		case q.header(name) == "":
		case put && name != "Range":
			return refuse(conditionalPut, detail{"Header", name})
		case get:
			return notSupported("the header " + name + " of " + q.route.action)
		}
	}
	supported := []string{"x-oss-date", "x-oss-content-sha256", "x-oss-security-token"}
	if put {
		supported = append(supported, "x-oss-forbid-overwrite")
	}
	for name := range q.http.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-oss-") && !slices.Contains(supported, name) {
			return notSupported("the header " + name + " of " + q.route.action)
		}
	}
	return nil
}
