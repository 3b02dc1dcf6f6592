// Package transport is the one way out of the function: every request to RDS and to MNS, whichever SDK made it, goes
// through one HTTP transport of ours. It brings what neither SDK has: the invocation's deadline, no hidden re-sending, and
// the knowledge whether a failed request may have reached the service. It never reads what it carries.
package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// CallTimeout bounds one request; what the SDKs call a timeout is set longer and never fires.
const CallTimeout = 10 * time.Second

// Parallel is how many calls at once find their connections again: the calls of a fleet run side by side, and net/http by itself
// keeps no more than two connections to a host, and makes all others anew for each call.
const Parallel = 16

// maxAnswer bounds one answer, and with Parallel the memory that answers take. The largest real one, a page of 100 instances, is far below.
const maxAnswer = 2 << 20

// maxHeader bounds the header of an answer. A real one is below 2 KB, and net/http alone would take 10 MB.
const maxHeader = 64 << 10

// Pool is what carries the requests.
type Pool interface {
	http.RoundTripper
	CloseIdleConnections()
}

// Transport is the process's pool of connections.
type Transport struct {
	base Pool
}

// Over makes a transport over another pool than net/http's.
func Over(base Pool) *Transport { return &Transport{base: base} }

// New makes a transport over net/http's defaults.
func New() *Transport {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.ForceAttemptHTTP2 = false // RDS and MNS speak HTTP/1.1; one protocol has fewer ways to re-send
	base.TLSClientConfig = nil     // the clone's still offers "h2", and a server that takes it could not be understood
	base.MaxIdleConnsPerHost = Parallel
	base.MaxResponseHeaderBytes = maxHeader
	return Over(base)
}

// Close ends the idle connections. It is called at the end of every invocation: Function Compute freezes the process
// then, and a connection that the server closes meanwhile would look alive after the thaw.
func (t *Transport) Close() { t.base.CloseIdleConnections() }

// Call is one request. It is an http.RoundTripper, so that an SDK can be made to use it.
type Call struct {
	ctx       context.Context //nolint:containedctx // the SDKs have no context: the call is what carries it past them
	transport *Transport
	longest   int // of an answer
	reached   atomic.Bool

	// What RoundTrip has returned: why there is no answer, or the answer.
	Failure error
	Status  int
	Header  http.Header
	Answer  []byte
}

// Call prepares one request that ends with ctx.
func (t *Transport) Call(ctx context.Context) *Call {
	return &Call{ctx: ctx, transport: t, longest: maxAnswer}
}

// Expect allows an answer of so many bytes, where more than most calls give is to be had.
func (c *Call) Expect(bytes int) { c.longest = bytes }

// Reached tells whether a connection to the service was had, so that the request may have arrived.
func (c *Call) Reached() bool { return c.reached.Load() }

// RoundTrip sends the request once and reads the whole answer. A redirect is an error: following it would
// send a signed request a second time, to somebody else. net/http itself re-sends a request only when nothing of it was written,
// but for a GET, whose second answer need not be the first: see once.
func (c *Call) RoundTrip(r *http.Request) (_ *http.Response, err error) {
	defer func() { c.Failure = err }()
	ctx, cancel := context.WithTimeout(c.ctx, CallTimeout)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { c.reached.Store(true) },
	})
	answer, err := c.transport.base.RoundTrip(once(r.WithContext(ctx)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	switch answer.StatusCode / 100 {
	case 1: // what follows is no answer, and net/http would read it without regard to the deadline
		return nil, fmt.Errorf("the endpoint changes the protocol (%d), which an API endpoint never does: check its address", answer.StatusCode)
	case 3:
		return nil, fmt.Errorf("the endpoint redirects (%d), which an API endpoint never does: check its address", answer.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, int64(c.longest)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer broke off: %w", err)
	case len(body) > c.longest:
		return nil, errors.New("the answer is longer than any that the API gives")
	}
	c.Status, c.Header, c.Answer = answer.StatusCode, answer.Header, body
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// once makes a GET's body, be it empty, one that cannot be had again. net/http takes any other GET for repeatable and sends it
// once more when a connection that it had kept breaks, and what the lost answer held is received by nobody.
func once(r *http.Request) *http.Request {
	if r.Method != http.MethodGet {
		return r
	}
	r.GetBody = nil
	if r.Body == nil || r.Body == http.NoBody {
		r.Body = io.NopCloser(bytes.NewReader(nil))
	}
	return r
}

// Guard keeps a panic of the SDK from ending the process. The error says what a panic means, and of its value no more than the type.
func Guard(meaning string, call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: %T", meaning, r)
		}
	}()
	return call()
}
