package transport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// TestMain makes httptest's certificate one that this process trusts, as it trusts the cloud's.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	server := httptest.NewTLSServer(nil)
	authority := server.Certificate()
	server.Close()
	return rig.WithFolder(m, func(folder string) error {
		file := filepath.Join(folder, "roots.pem")
		_, _ = os.Setenv("SSL_CERT_FILE", file), os.Setenv("SSL_CERT_DIR", folder)
		return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw}), 0o600)
	})
}

// answer is what a call got.
type answer struct {
	status  int
	body    string
	reached bool
	err     error
}

func call(ctx context.Context, t *testing.T, pool *transport.Transport, address string) answer {
	t.Helper()
	return send(ctx, t, pool, http.MethodPost, address, "question")
}

func send(ctx context.Context, t *testing.T, pool *transport.Transport, method, address, body string) answer {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	c := pool.Call(ctx)
	got, err := c.RoundTrip(r)
	if err != nil {
		return answer{reached: c.Reached(), err: err}
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	return answer{got.StatusCode, string(text), c.Reached(), err}
}

// serve starts a server that counts requests and connections.
func serve(t *testing.T, handler http.HandlerFunc, change ...func(*httptest.Server)) (address string, requests, connections *atomic.Int64) {
	t.Helper()
	requests, connections = &atomic.Int64{}, &atomic.Int64{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	for _, f := range change {
		f(server)
	}
	if server.TLS != nil {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.URL, requests, connections
}

func newPool(t *testing.T) *transport.Transport {
	t.Helper()
	pool := transport.New()
	t.Cleanup(pool.Close)
	return pool
}

func echoBody(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusCreated)
	_, _ = io.Copy(w, r.Body)
}

func TestCallCarriesRequestAndAnswer(t *testing.T) {
	t.Parallel()
	address, _, _ := serve(t, echoBody)
	got := call(t.Context(), t, newPool(t), address)
	if want := (answer{http.StatusCreated, "question", true, nil}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestConnectionIsSharedUntilTheTransportIsClosed(t *testing.T) {
	t.Parallel()
	address, requests, connections := serve(t, echoBody)
	pool := newPool(t)
	for range 3 {
		call(t.Context(), t, pool, address)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("3 calls made %d connections, want 1", n)
	}
	pool.Close()
	if got := call(t.Context(), t, pool, address); got.err != nil {
		t.Errorf("a call after Close: %v", got.err)
	}
	if n := connections.Load(); n != 2 || requests.Load() != 4 {
		t.Errorf("%d connections for %d calls, want a second one after Close", n, requests.Load())
	}
}

func TestRedirectIsAnError(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308, 399} {
		address, requests, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/")
			w.WriteHeader(status)
		})
		got := call(t.Context(), t, newPool(t), address)
		if got.err == nil || !strings.HasPrefix(got.err.Error(), "the endpoint redirects (3") || !got.reached || requests.Load() != 1 {
			t.Errorf("%d: got %+v after %d requests", status, got, requests.Load())
		}
	}
}

func TestAnswerIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	const limit = 2 << 20
	send := func(announced, sent int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if announced > 0 {
				w.Header().Set("Content-Length", "100")
			}
			_, _ = io.WriteString(w, strings.Repeat("x", sent))
		}
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		length  int
		err     string
	}{
		"an empty one":               {send(0, 0), 0, ""},
		"one as long as the limit":   {send(0, limit), limit, ""},
		"one byte more":              {send(0, limit+1), 0, "the answer is longer than any that the API gives"},
		"one that breaks off":        {send(100, 50), 0, "the answer broke off: unexpected EOF"},
		"one that stops after a bit": {stall, 0, "the answer broke off: context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			if test.length == 0 && strings.Contains(test.err, "deadline") {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
				defer cancel()
			}
			address, _, _ := serve(t, test.handler)
			got := call(ctx, t, newPool(t), address)
			if text := textOf(got.err); text != test.err || len(got.body) != test.length || !got.reached {
				t.Errorf("got %q and %d bytes (reached: %t), want %q and %d", text, len(got.body), got.reached, test.err, test.length)
			}
		})
	}
}

// stall begins an answer and never ends it.
func stall(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "half")
	_ = http.NewResponseController(w).Flush()
	rig.Hang(w, r)
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestReachedTellsWhetherTheRequestMayHaveArrived(t *testing.T) {
	t.Parallel()
	hangsUp, _, _ := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	foreign, _, _ := serve(t, echoBody, func(s *httptest.Server) { s.TLS = &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}} })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx     context.Context
		address string
		reached bool
		err     string
	}{
		"nobody listens":                   {t.Context(), rig.Nowhere(t), false, "connection refused"},
		"there is no such interface":       {t.Context(), "http://[::1%25none]:1", false, "dial tcp"},
		"the certificate is not trusted":   {t.Context(), foreign, false, "x509"},
		"the context has ended before":     {ended, hangsUp, false, "context canceled"},
		"the server hangs up, no answer":   {t.Context(), hangsUp, true, "EOF"},
		"the scheme is none that we speak": {t.Context(), "ftp://127.0.0.1", false, "unsupported protocol scheme"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := call(test.ctx, t, newPool(t), test.address)
			if got.err == nil || !strings.Contains(got.err.Error(), test.err) || got.reached != test.reached {
				t.Errorf("got %v (reached: %t), want %q (%t)", got.err, got.reached, test.err, test.reached)
			}
		})
	}
}

// selfSigned makes a certificate that nobody vouches for.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A transport that offers HTTP/2 in the handshake and then does not speak it fails with every server that takes the offer.
func TestHTTPSWorksWithServersOfHTTP2(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"with HTTP/2": true, "with HTTP/1.1 only": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, requests, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) },
				func(s *httptest.Server) { s.EnableHTTP2, s.TLS = http2, &tls.Config{} })
			got := call(t.Context(), t, newPool(t), address)
			if want := (answer{http.StatusOK, "HTTP/1.1", true, nil}); got != want || requests.Load() != 1 {
				t.Errorf("got %+v after %d requests, want %+v after 1", got, requests.Load(), want)
			}
		})
	}
}

func TestCallEndsWithTheInvocationsDeadline(t *testing.T) {
	t.Parallel()
	address, requests, _ := serve(t, rig.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	got := call(ctx, t, newPool(t), address)
	if !errors.Is(got.err, context.DeadlineExceeded) || !got.reached || requests.Load() != 1 {
		t.Errorf("got %+v after %d requests", got, requests.Load())
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

// One slow call does not use up the time of the invocation. The time is the bubble's: no network is touched while it passes.
func TestCallEndsAfterItsOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &httptrace.ClientTrace{GetConn: func(string) { time.Sleep(transport.CallTimeout + time.Second) }}
		got := call(httptrace.WithClientTrace(t.Context(), slow), t, transport.New(), "http://127.0.0.1:1")
		if !errors.Is(got.err, context.DeadlineExceeded) || got.reached {
			t.Errorf("got %+v, want the deadline", got)
		}
	})
}

// together answers nobody before so many are here, and then begins anew.
func together(calls int) http.HandlerFunc {
	var mu sync.Mutex
	waiting, here := 0, make(chan struct{})
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		all := here
		if waiting++; waiting == calls {
			waiting, here = 0, make(chan struct{})
			close(all)
		}
		mu.Unlock()
		<-all
		echoBody(w, r)
	}
}

// Round after round the calls of a fleet find the connections of the first, and all of those are gone when the transport is closed.
func TestCallsSideBySideFindTheirConnectionsAgain(t *testing.T) {
	t.Parallel()
	const rounds = 4
	var open atomic.Int64
	address, requests, connections := serve(t, together(transport.Parallel), func(s *httptest.Server) {
		count := s.Config.ConnState
		s.Config.ConnState = func(c net.Conn, state http.ConnState) {
			count(c, state)
			switch state {
			case http.StateNew:
				open.Add(1)
			case http.StateClosed:
				open.Add(-1)
			}
		}
	})
	pool := newPool(t)
	for range rounds {
		var all sync.WaitGroup
		for range transport.Parallel {
			all.Go(func() {
				if got := call(t.Context(), t, pool, address); got.body != "question" {
					t.Errorf("got %+v", got)
				}
			})
		}
		all.Wait()
	}
	if n := connections.Load(); n != transport.Parallel || requests.Load() != rounds*transport.Parallel {
		t.Errorf("%d connections for %d calls, %d at once", n, requests.Load(), transport.Parallel)
	}
	pool.Close()
	for deadline := time.Now().Add(5 * time.Second); open.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are open after Close", open.Load())
		}
	}
}

// A kept connection that breaks before the answer: net/http by itself sends a GET once more, on a new one.
func TestRequestWhoseAnswerIsLostIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		for name, body := range map[string]string{"without a body": "", "with a body": "question"} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				var known sync.Map
				address, requests, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if r.ContentLength != int64(len(body)) || r.TransferEncoding != nil {
						t.Errorf("%d bytes, %q, want %q", r.ContentLength, r.TransferEncoding, body)
					}
					if _, kept := known.LoadOrStore(r.RemoteAddr, true); kept {
						rig.HangUp(true)(w, r)
						return
					}
					echoBody(w, r)
				})
				pool := newPool(t)
				if got, want := send(t.Context(), t, pool, method, address, body), (answer{http.StatusCreated, body, true, nil}); got != want {
					t.Fatalf("the first: %+v, want %+v", got, want)
				}
				if got := send(t.Context(), t, pool, method, address, body); got.err == nil || !got.reached {
					t.Errorf("the second: %+v", got)
				}
				if n := requests.Load(); n != 2 {
					t.Errorf("%d requests for 2 calls", n)
				}
			})
		}
	}
}
