package oss_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/oss"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// raw answers with something that need not be HTTP.
func raw(text string) http.HandlerFunc {
	return rig.Raw(func(r *http.Request) string { return heard(text, r) })
}

// Whatever the server does, a call is sent once, ends in a fault that says whether it may have taken effect, and no secret is in that
// fault's text. The SDK's client would send most of these three times.
func TestACallIsSentOnceAndItsFaultHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.Handler
		want   fault.Error
	}{
		"the server reads and closes":  {rig.HangUp(false), fault.Error{Kind: fault.Unavailable, Message: "=EOF", InDoubt: true}},
		"the server reads and resets":  {rig.HangUp(true), fault.Error{Kind: fault.Unavailable, Message: "connection reset by peer", InDoubt: true}},
		"an answer that is cut short":  {cutShort, fault.Error{Kind: fault.Unavailable, Message: "=the answer broke off: unexpected EOF", InDoubt: true}},
		"an answer that is not HTTP":   {raw("PUT /?" + echo + "\r\n\r\n"), fault.Error{Kind: fault.Unavailable, Message: "malformed HTTP", InDoubt: true}},
		"a load balancer's page":       {page(502, "<html>"+echo+"</html>"), fault.Error{Kind: fault.Unavailable, Message: "the answer is not OSS's: status 502, ", InDoubt: true}},
		"an empty page, status 503":    {page(503, ""), fault.Error{Kind: fault.Unavailable, Message: "=the answer is not OSS's: status 503, 0 bytes", InDoubt: true}},
		"a page with status 408":       {page(408, "<html>"), fault.Error{Kind: fault.Unavailable, Message: "=the answer is not OSS's: status 408, 6 bytes", InDoubt: true}},
		"a page with status 429":       {page(429, "slow"), fault.Error{Kind: fault.Throttled, Message: "=the answer is not OSS's: status 429, 4 bytes"}},
		"a page with status 200":       {page(200, "<html>"+echo+"</html>"), fault.Error{Kind: fault.Unavailable, Message: "the answer is not OSS's: status 200, ", InDoubt: true}},
		"a whole page of status 200":   {page(200, "<html><body/></html>"), fault.Error{Kind: fault.Unavailable, Message: "=the answer is not OSS's: status 200, 20 bytes", InDoubt: true}},
		"an empty page, status 204":    {page(204, ""), fault.Error{Kind: fault.Unavailable, Message: "=the answer is not OSS's: status 204, 0 bytes", InDoubt: true}},
		"an answer with status 203":    {answer{203, "<html/>", nil}, fault.Error{Kind: fault.Unavailable, Message: "=the answer is not OSS's: status 203, 7 bytes", RequestID: "R-1", InDoubt: true}},
		"a part of an object":          {answer{206, "{", nil}, fault.Error{Kind: fault.Unavailable, Message: "=the answer is not OSS's: status 206, 1 bytes", RequestID: "R-1", InDoubt: true}},
		"an internal error":            {refusal(500, "InternalError", "Please contact the server administrator"), fault.Error{Kind: fault.Unavailable, Code: "InternalError", Message: "=Please contact the server administrator", RequestID: "R-1", InDoubt: true}},
		"a clock that is wrong":        {skewed, fault.Error{Kind: fault.Expired, Code: "RequestTimeTooSkewed", Message: "=The difference is too large.", RequestID: "R-1"}},
		"a refusal of a strange kind":  {refusal(400, "BadRequest", "m"), fault.Error{Kind: fault.Invalid, Code: "BadRequest", Message: "=m", RequestID: "R-1"}},
		"a refusal with what it heard": {refusal(403, "SignatureDoesNotMatch", "we calculated "+echo), fault.Error{Kind: fault.Denied, Code: "SignatureDoesNotMatch", Message: "we calculated Authorization: ", RequestID: "R-1"}},
		"a refusal with the signature": {refusal(403, "SignatureDoesNotMatch", "not "+bare), fault.Error{Kind: fault.Denied, Code: "SignatureDoesNotMatch", Message: "=not [credentials]", RequestID: "R-1"}},
		"a refusal with the credentials": {
			refusal(400, "InvalidArgument", secret+" "+token+" "+url.QueryEscape(token)+" "+accessKeyID),
			fault.Error{Kind: fault.Invalid, Code: "InvalidArgument", Message: "=[credentials] [credentials] [credentials] [credentials]", RequestID: "R-1"},
		},
		"an expired token, repeated as OSS does": {
			answer{403, "<Error><Code>SecurityTokenExpired</Code><Message>The security token you provided has expired.</Message><RequestId>R-1</RequestId>" +
				"<SecurityToken>" + token + "</SecurityToken><StringToSign>" + echo + "</StringToSign></Error>", nil},
			fault.Error{Kind: fault.Expired, Code: "SecurityTokenExpired", Message: "=The security token you provided has expired.", RequestID: "R-1"},
		},
		"half an error": {
			answer{409, "<Error><Code>FileAlreadyExists</Code><Message>m</Message>", nil},
			fault.Error{Kind: fault.Unavailable, Message: "the answer is not OSS's: status 409, ", RequestID: "R-1", InDoubt: true},
		},
		"an error that says what its status is": {
			answer{500, "<Error><Code>InternalError</Code><Message>m</Message><StatusCode>409</StatusCode><RequestId>R-2</RequestId></Error>", nil},
			fault.Error{Kind: fault.Unavailable, Code: "InternalError", Message: "=m", RequestID: "R-2", InDoubt: true},
		},
		"a redirect": {
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			}),
			fault.Error{Kind: fault.Unavailable, Message: "the endpoint redirects (307)", InDoubt: true},
		},
	} {
		for op, call := range calls {
			t.Run(op+": "+name, func(t *testing.T) {
				t.Parallel()
				s := serve(t, test.answer)
				got, err := call(t.Context(), s.client)
				want := test.want
				want.Op = "oss: " + op
				wantFault(t, err, want)
				noSecret(t, err, s.signed())
				if n := s.seen.Load(); n != 1 || got != "" {
					t.Errorf("the server saw %d requests, and %q came of it", n, got)
				}
			})
		}
	}
}

var cutShort = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "100")
	answer{200, "<ListBucketResult>", nil}.ServeHTTP(w, r)
})

// skewed answers a day later than it is.
var skewed = answer{
	403, "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message><RequestId>R-1</RequestId></Error>",
	map[string]string{"Date": time.Now().Add(24 * time.Hour).UTC().Format(http.TimeFormat)},
}

// The SDK's client would take the server's time for the right one, and sign the next request with it: any server could so get signatures for later.
func TestTheClockIsNotCorrected(t *testing.T) {
	t.Parallel()
	s := serve(t, skewed)
	for range 2 {
		_, err := s.client.Get(t.Context(), key)
		wantFault(t, err, fault.Error{Op: "oss: GetObject upgrades/" + key, Kind: fault.Expired, Code: "RequestTimeTooSkewed", Message: "=The difference is too large.", RequestID: "R-1"})
		at, err := time.Parse("20060102T150405Z", s.last.Load().Header.Get("X-Oss-Date"))
		if ahead := time.Until(at); err != nil || ahead > time.Hour {
			t.Errorf("it is signed %s ahead of time, %v", ahead, err)
		}
	}
	if n := s.seen.Load(); n != 2 {
		t.Errorf("%d requests for 2 calls", n)
	}
}

// An answer that is lost leaves a doubt only once there is a connection on which the request may have gone.
func TestALostAnswerIsInDoubtOnceTheRequestIsOut(t *testing.T) {
	t.Parallel()
	for name, reached := range map[string]bool{"before the request is out": false, "after the request is out": true} {
		for op, call := range calls {
			t.Run(op+": "+name, func(t *testing.T) {
				t.Parallel()
				var sent int
				got, err := call(t.Context(), over(func(r *http.Request) (*http.Response, error) {
					if sent++; reached {
						httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
					}
					return nil, errors.New("connection reset by peer")
				}))
				wantFault(t, err, fault.Error{Op: "oss: " + op, Kind: fault.Unavailable, Message: "=connection reset by peer", InDoubt: reached})
				if sent != 1 || got != "" {
					t.Errorf("%d requests, and %q came of it", sent, got)
				}
			})
		}
	}
	_, err := newClient(t, rig.Nowhere(t)).Create(t.Context(), key, []byte(body))
	wantFault(t, err, fault.Error{Op: "oss: PutObject upgrades/" + key, Kind: fault.Unavailable, Message: "connect: connection refused"})
	noSecret(t, err, "Authorization")
}

// The object stands, its answer is lost. A second request would be refused because of the first one's object.
func TestACreateWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	t.Parallel()
	d := &double{page: 400, objects: map[string]string{}}
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.ServeHTTP(httptest.NewRecorder(), r)
		rig.HangUp(true)(w, r)
	}))
	created, err := s.client.Create(t.Context(), key, []byte(body))
	wantFault(t, err, fault.Error{Op: "oss: PutObject upgrades/" + key, Kind: fault.Unavailable, Message: "connection reset by peer", InDoubt: true})
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := s.seen.Load(); created || n != 1 || d.objects[key] != body {
		t.Errorf("created: %t, %d requests, %q stands there", created, n, d.objects[key])
	}
}

func TestACallEndsWithItsContextAndIsInDoubt(t *testing.T) {
	t.Parallel()
	s := serve(t, http.HandlerFunc(rig.Hang))
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	_, err := s.client.Create(ctx, key, []byte(body))
	wantFault(t, err, fault.Error{Op: "oss: PutObject upgrades/" + key, Kind: fault.Unavailable, Message: "=context deadline exceeded", InDoubt: true})
	noSecret(t, err, s.signed())
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) }))
		for op, call := range calls {
			if _, err := call(t.Context(), s.client); err == nil {
				t.Errorf("%d, %s: no error", status, op)
			}
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other server saw %d requests", n)
	}
}

// The SDK's client looks at the checksum only for what it writes, and sends it once more then.
func TestAContentWithAnotherChecksumIsAFault(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"GetObject upgrades/" + key, "PutObject upgrades/" + key} {
		for sum, whole := range map[string]bool{sumOf: true, "": true, "1": false, "11772684204605551361": false, "x": false} {
			a := success[op]
			a.header = map[string]string{"X-Oss-Hash-Crc64ecma": sum}
			s := serve(t, a)
			got, err := calls[op](t.Context(), s.client)
			if whole {
				if err != nil || got != means[op] {
					t.Errorf("%s with %q: %q, %v", op, sum, got, err)
				}
				continue
			}
			wantFault(t, err, fault.Error{
				Op: "oss: " + op, Kind: fault.Unavailable, Message: "=the checksum of the object is not that of its content", RequestID: "R-1", InDoubt: true,
			})
			if n := s.seen.Load(); n != 1 || got != "" {
				t.Errorf("%s with %q: %d requests, and %q came of it", op, sum, n, got)
			}
		}
	}
}

// The bytes are those that were written: nothing on the way packs them, or unpacks what was written packed.
func TestAnObjectIsNotUnpackedOnTheWay(t *testing.T) {
	t.Parallel()
	packed := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xaa\x56\x2a\x4e\x2e\x4a\x2c\x01\x00"
	s := serve(t, answer{200, packed, map[string]string{"Content-Encoding": "gzip"}})
	got, err := s.client.Get(t.Context(), key)
	if err != nil || string(got) != packed {
		t.Errorf("got %q, %v", got, err)
	}
	if asked := s.last.Load().Header.Get("Accept-Encoding"); asked != "identity" {
		t.Errorf("asked for %q", asked)
	}
}

// 1,000 calls, good and bad, each with the client of an invocation of its own, as over the life of a process: nothing is left when the
// transport is closed. Not parallel: it counts what the process has.
func TestThousandCallsLeaveNothingBehind(t *testing.T) {
	ops := slices.Sorted(maps.Keys(calls))
	handlers := []http.Handler{
		nil, rig.HangUp(false), page(502, "<html>"), rig.HangUp(true), refusal(503, "SlowDown", "m"), page(200, ""), http.HandlerFunc(rig.Hang),
	}
	var turn atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(turn.Load())
		if handler := handlers[n%len(handlers)]; handler != nil {
			handler.ServeHTTP(w, r)
			return
		}
		success[ops[n/len(handlers)%len(ops)]].ServeHTTP(w, r)
	}))
	defer server.Close()
	connections := transport.New()
	endpoint := endpointOf(t, server.URL)
	before := rig.Settled(t, 50*time.Millisecond)
	for n := range 1000 {
		turn.Store(int64(n))
		patience := time.Hour
		if n%len(handlers) == len(handlers)-1 {
			patience = 3 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		op := ops[n/len(handlers)%len(ops)]
		if _, err := calls[op](ctx, oss.New(connections, endpoint, region, bucket, credentials)); (err == nil) != (n%len(handlers) == 0) {
			t.Errorf("call %d, %s: %v", n, op, err)
		}
		cancel()
	}
	connections.Close()
	before.Await(t, 2*time.Second)
}

// A panic below a call is a fault, too, and it is in doubt once the request may be out.
func TestPanicUnderACallIsAFault(t *testing.T) {
	t.Parallel()
	for _, reached := range []bool{false, true} {
		for op, call := range calls {
			_, err := call(t.Context(), over(func(r *http.Request) (*http.Response, error) {
				if reached {
					httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
				}
				panic(token)
			}))
			wantFault(t, err, fault.Error{Op: "oss: " + op, Kind: fault.Internal, Message: "=the SDK panicked: string", InDoubt: reached})
		}
	}
}
