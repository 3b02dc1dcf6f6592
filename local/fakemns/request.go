package fakemns

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the protocol's own digest
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRequest bounds a request's body: 64 KB of message, of which each byte may have been escaped, and its envelope.
const maxRequest = 1 << 20

// request is one request as it goes through the server.
type request struct {
	http   *http.Request
	id     string
	at     time.Time
	body   []byte
	target string // path and query exactly as sent: what is signed
	path   string
	query  map[string]string // names in lower case
	names  []string          // the names in the path: queue, or topic and subscription
	route  route
	lost   error  // why the address means nothing, if so
	keyID  string // set once the signature has proven it
}

// read takes a request apart and leaves its body readable.
func (s *Server) read(r *http.Request) *request {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	number := s.next()
	s.mu.Unlock()
	now := s.opts.Now()
	q := &request{http: r, at: now, body: body, target: target(r), id: fmt.Sprintf("%08X%016X", now.Unix(), number)}
	path, query, _ := strings.Cut(q.target, "?")
	q.path, q.query = path, parseQuery(query)
	q.lost = s.address(q)
	return q
}

// target is the request line's path and query; the absolute form, which proxies send, is cut down to them.
func target(r *http.Request) string {
	if r.RequestURI == "" {
		return r.URL.RequestURI()
	}
	if _, rest, ok := strings.Cut(r.RequestURI, "://"); ok && !strings.HasPrefix(r.RequestURI, "/") {
		_, path, _ := strings.Cut(rest, "/")
		return "/" + path
	}
	return r.RequestURI
}

// parseQuery reads values with and without escaping, since clients send receipt handles, which are base64, in both
// forms.
func parseQuery(raw string) map[string]string {
	items := map[string]string{}
	for item := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(item, "=")
		if name == "" {
			continue
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		items[strings.ToLower(name)] = value
	}
	return items
}

func (q *request) has(item string) bool {
	_, ok := q.query[item]
	return ok
}

func (q *request) is(flag string) bool { return q.query[flag] == "true" }

// number reads a number from the query.
func (q *request) number(item, name string, low, high int, unit string) (int, error) {
	n, err := strconv.Atoi(q.query[item])
	if err != nil {
		return 0, refuse("InvalidQueryString", name)
	}
	if n < low || n > high {
		return 0, outOfRange(name, low, high, unit)
	}
	return n, nil
}

// header gives a header's value as it was sent.
func (q *request) header(name string) string { return strings.Join(q.http.Header.Values(name), ",") }

// digest is the upper-case hexadecimal MD5 that MNS uses for bodies.
func digest(body string) string {
	return fmt.Sprintf("%X", md5.Sum([]byte(body))) //nolint:gosec // the protocol's own digest
}
