package transport_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// affordable is what one call may take of memory, counted without what was freed on the way.
const affordable = 64 << 20

// hold answers with something that need not be HTTP, and keeps the connection open.
func hold(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}
}

// bomb answers with a gigabyte of nothing, compressed to one megabyte.
func bomb(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z, nothing := gzip.NewWriter(w), make([]byte, 1<<20)
	for range 1 << 10 {
		if _, err := z.Write(nothing); err != nil {
			return
		}
	}
	_ = z.Close()
}

// pour answers without end.
func pour(w http.ResponseWriter, _ *http.Request) {
	for text := strings.Repeat("x", 1<<16); ; {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
	}
}

// What is no answer of an API is refused by itself, long before the call's time is over, in bounded memory, and nothing is sent twice.
// Not parallel: it counts what the process takes.
func TestAHostileAnswerIsRefused(t *testing.T) {
	const (
		ok      = "HTTP/1.1 200 OK\r\n"
		chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
		broken  = "net/http: HTTP/1.x transport connection broken: "
		tooLong = broken + "net/http: server response headers exceeded 65536 bytes; aborted"
	)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"another protocol, as if it had been asked for":   {hold("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"), "the endpoint changes the protocol (101), which an API endpoint never does: check its address"},
		"another protocol, without its name":              {hold("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "the endpoint changes the protocol (101)"},
		"early hints without end":                         {hold(strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", 100_000)), tooLong},
		"headers without end":                             {hold(ok + strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 20_000)), tooLong},
		"one header without end":                          {hold(ok + "X: " + strings.Repeat("y", 20<<20)), tooLong},
		"a status line without end":                       {hold("HTTP/1.1 2" + strings.Repeat("0", 20<<20)), tooLong},
		"no header at all":                                {hold("hello\r\n\r\n"), broken + `malformed HTTP response "hello"`},
		"a header with a line break and a blank":          {hold(ok + " X: y\r\n\r\n"), broken + "malformed MIME header"},
		"a length below zero":                             {hold(ok + "Content-Length: -1\r\n\r\n"), broken + `bad Content-Length "-1"`},
		"a length of 1,000 digits":                        {hold(ok + "Content-Length: " + strings.Repeat("9", 1000) + "\r\n\r\n"), broken + `bad Content-Length "999`},
		"two lengths":                                     {hold(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), broken + "http: message cannot contain multiple Content-Length headers"},
		"another coding than chunks":                      {hold(ok + "Transfer-Encoding: gzip\r\n\r\n"), broken + `unsupported transfer encoding: "gzip"`},
		"a chunk without a length":                        {hold(chunked + "zz\r\n"), "the answer broke off: invalid byte in chunk length"},
		"a chunk of more than 64 bits":                    {hold(chunked + "fffffffffffffffff\r\n"), "the answer broke off: http chunk length too large"},
		"chunks of one letter and thousands beside it":    {hold(chunked + strings.Repeat("1;"+strings.Repeat("x", 4000)+"\r\na\r\n", 10_000)), "the answer broke off: chunked encoding contains too much non-data"},
		"headers without end behind the chunks":           {hold(chunked + "0\r\n" + strings.Repeat("X: y\r\n", 1_000_000)), "the answer broke off: http: suspiciously long trailer after chunked body"},
		"a body without end":                              {pour, "the answer is longer than any that the API gives"},
		"a body without end after the status of an error": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway); pour(w, r) }, "the answer is longer than any that the API gives"},
		"a gigabyte that was compressed to a megabyte":    {bomb, "the answer is longer than any that the API gives"},
		"what is said to be compressed and is not": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, strings.Repeat("x", 100))
		}, "the answer broke off: gzip: invalid header"},
	} {
		t.Run(name, func(t *testing.T) {
			address, requests, _ := serve(t, c.answer)
			var got answer
			rig.Frugally(t, affordable, func() { got = call(t.Context(), t, newPool(t), address) })
			if !strings.HasPrefix(textOf(got.err), c.want) || !got.reached || requests.Load() != 1 {
				t.Errorf("got %.200v (reached: %t) after %d requests, want %s", got.err, got.reached, requests.Load(), c.want)
			}
		})
	}
}

// What stands before or beside a whole answer does no harm.
func TestAnOddAnswerIsTaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer, body string
		status       int
	}{
		"early hints before it":               {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 3) + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi", 200},
		"a status that nobody knows":          {"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nhi", "hi", 999},
		"a length that is given twice, alike": {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "hi", 200},
		"a body where there may be none":      {"HTTP/1.1 204 No Content\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", "", 204},
		"more than the length says":           {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhigh", "hi", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _, _ := serve(t, hold(c.answer))
			if got, want := call(t.Context(), t, newPool(t), address), (answer{c.status, c.body, true, nil}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// A call ends with its own time, however long the server goes on. The time is the bubble's.
func TestAnAnswerThatTricklesEndsWithTheCallsTime(t *testing.T) {
	t.Parallel()
	const hint = "HTTP/1.1 103 Early Hints\r\n\r\n"
	for name, c := range map[string]struct{ begin, more string }{
		"nothing":                     {"", ""},
		"a version of HTTP":           {"HTTP/1.1", "1"},
		"early hints, one by one":     {"", hint},
		"a header":                    {"HTTP/1.1 200 OK\r\nX: ", "1"},
		"headers, one by one":         {"HTTP/1.1 200 OK\r\n", "X: y\r\n"},
		"a body":                      {"HTTP/1.1 200 OK\r\n\r\n", "1"},
		"a body of a known length":    {"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", "1"},
		"a body of an error":          {"HTTP/1.1 503 Service Unavailable\r\n\r\n", "1"},
		"a body that was compressed":  {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x00\xff\xff\x00\x00", "1"},
		"a chunk":                     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", "1"},
		"chunks, one by one":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n1\r\n"},
		"headers behind the last one": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				pool := transport.Over(&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
					here, there := net.Pipe()
					go trickle(there, c.begin, c.more)
					return here, nil
				}})
				start := time.Now()
				got := call(t.Context(), t, pool, "http://127.0.0.1:1")
				if !errors.Is(got.err, context.DeadlineExceeded) || !got.reached || time.Since(start) != transport.CallTimeout {
					t.Errorf("got %+v after %s, want the deadline after %s", got, time.Since(start), transport.CallTimeout)
				}
				time.Sleep(2 * time.Second) // the server finds out with its next word
			})
		})
	}
}

// trickle reads a request and answers it with one word a second.
func trickle(conn net.Conn, begin, more string) {
	defer func() { _ = conn.Close() }()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	_, _ = io.WriteString(conn, begin)
	for err == nil {
		time.Sleep(time.Second)
		_, err = io.WriteString(conn, more)
	}
}

// What one answer gives is not in the next request: neither a cookie, nor an answer to a question of who is there.
func TestNothingOfAnAnswerIsSentBack(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 401, 403, 407, 408, 421, 425, 429, 503} {
		var odd []string
		address, requests, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			for _, name := range []string{"Cookie", "Authorization", "Proxy-Authorization", "Referer", "Connection", "Upgrade"} {
				if r.Header.Get(name) != "" {
					odd = append(odd, name)
				}
			}
			h := w.Header()
			h.Set("Set-Cookie", "session=1")
			h.Set("WWW-Authenticate", `Basic realm="x"`)
			h.Set("Proxy-Authenticate", `Basic realm="x"`)
			h.Set("Alt-Svc", `h2="other.example.com:443"`)
			h.Set("Retry-After", "0")
			h.Set("Location", "/elsewhere")
			w.WriteHeader(status)
		})
		pool := newPool(t)
		for range 2 {
			if got := call(t.Context(), t, pool, address); got.status != status || got.err != nil {
				t.Errorf("%d: got %+v", status, got)
			}
		}
		if n := requests.Load(); n != 2 || odd != nil {
			t.Errorf("%d: 2 calls were %d requests, with %v", status, n, odd)
		}
	}
}

// FuzzParseEndpoint holds that what is taken is one host, over https or on this machine, that no error repeats a password, and that what
// is taken is taken again.
func FuzzParseEndpoint(f *testing.F) {
	for _, text := range []string{
		"https://rds.aliyuncs.com", "http://127.0.0.1:9001/", "http://[::1]:9001", "http://me:pass@127.0.0.1", "https://a\\@b", "https://a%40b",
		"https://a%2fb", "https://[::1%25lo]:1", "HTTPS://A", "https://a:0", "https://a:99999", "https://a\x00b", "http://localhost.", "http://0177.0.0.1", "https://ä",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := transport.ParseEndpoint(text)
		if err != nil {
			if e != (transport.Endpoint{}) || strings.Contains(text, "@") && strings.Contains(err.Error(), "@") {
				t.Errorf("%q gives %+v, %v", text, e, err)
			}
			return
		}
		if e.Scheme != "https" && (e.Scheme != "http" || !e.Loopback()) || e.Host == "" || strings.ContainsAny(e.Host, "/?#@ \r\n\x00") {
			t.Errorf("%q gives %+v", text, e)
		}
		if again, err := transport.ParseEndpoint(e.Scheme + "://" + e.Host); err != nil || again != e {
			t.Errorf("%q gives %+v, and that %+v, %v", text, e, again, err)
		}
		if r, err := http.NewRequest(http.MethodGet, e.Scheme+"://"+e.Host+"/?a=b", nil); err != nil || r.URL.Host != e.Host || r.URL.Path != "/" {
			t.Errorf("%q gives %+v, which makes no request: %v", text, e, err)
		}
	})
}

// A server that has gone on talking finds nobody who listens: the connection is given up.
func TestAnAnswerOfAnotherRequestIsNotTaken(t *testing.T) {
	t.Parallel()
	address, requests, connections := serve(t, rig.Raw(func(*http.Request) string {
		return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlies"
	}))
	pool := newPool(t)
	for range 3 {
		if got := call(t.Context(), t, pool, address); got.body != "hi" {
			t.Errorf("got %+v", got)
		}
	}
	if requests.Load() != 3 || connections.Load() != 3 {
		t.Errorf("3 calls were %d requests on %d connections", requests.Load(), connections.Load())
	}
}
