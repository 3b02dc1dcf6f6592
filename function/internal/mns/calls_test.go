package mns_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// publish makes the client's one call.
func publish(ctx context.Context, c *mns.Client) (messageID string, err error) {
	return c.Publish(ctx, credentials, "news", "m", "accepted")
}

// Whatever the service does, a call is sent once, and a failure is a fault that says whether the message may have been published, and holds no
// secret.
func TestACallIsSentOnceAndItsFaultHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   fault.Error // Message: a part of it; "=" in front: all of it
	}{
		"the server reads and closes": {rig.HangUp(false), fault.Error{Kind: fault.Unavailable, Message: "=EOF", InDoubt: true}},
		"the server reads and resets": {rig.HangUp(true), fault.Error{Kind: fault.Unavailable, Message: "connection reset by peer", InDoubt: true}},
		"an internal error": {reply(500, refusal("InternalError", "Interal error.")), fault.Error{
			Kind: fault.Unavailable, Code: "InternalError", Message: "=Interal error.", RequestID: "R-1", InDoubt: true,
		}},
		"a load balancer's page": {reply(502, "<html>"+echo+"</html>"), fault.Error{
			Kind: fault.Unavailable, Message: "the answer is not the API's: status 502, ", InDoubt: true,
		}},
		"flow control": {reply(429, refusal("TooManyRequests", "denied")), fault.Error{
			Kind: fault.Throttled, Code: "TooManyRequests", Message: "=denied", RequestID: "R-1",
		}},
		"a page with status 200": {reply(200, "<html>"+echo+"</html>"), fault.Error{
			Kind: fault.Unavailable, Message: "the answer is not the API's: status 200, ", InDoubt: true,
		}},
		"an answer that is cut short": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			reply(200, accepted[:80])(w, r)
		}, fault.Error{Kind: fault.Unavailable, Message: "=the answer broke off: unexpected EOF", InDoubt: true}},
		"a wrong signature, with what was sent": {reply(403, refusal("SignatureDoesNotMatch", "you sent "+echo)), fault.Error{
			Kind: fault.Denied, Code: "SignatureDoesNotMatch", RequestID: "R-1",
			Message: "=you sent Authorization: MNS [credentials]:[credentials] security-token: [credentials]",
		}},
		"an answer that is not HTTP and repeats the request": {raw("HTTP/1.1 2oo-" + echo + "\r\n\r\n"), fault.Error{
			Kind: fault.Unavailable, Message: "malformed HTTP status code", InDoubt: true,
		}},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, fault.Error{
			Kind: fault.Unavailable, Message: "the endpoint redirects (302)", InDoubt: true,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.answer)
			s.refuses(t, test.want)
			if n := s.seen.Load(); n != 1 {
				t.Errorf("the server saw %d requests, want 1", n)
			}
		})
	}
}

// The SDK's own transport sends a request again when the connection that was kept for it breaks.
func TestCallOnAConnectionThatBreaksIsNotSentAgain(t *testing.T) {
	t.Parallel()
	var known sync.Map
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, kept := known.LoadOrStore(r.RemoteAddr, true); kept {
			rig.HangUp(true)(w, r)
			return
		}
		reply(201, accepted)(w, r)
	})
	_, err := publish(t.Context(), s.client)
	must(t, err)
	_, err = publish(t.Context(), s.client)
	wantFault(t, err, fault.Error{Kind: fault.Unavailable, Message: "connection reset by peer", InDoubt: true})
	if n := s.seen.Load(); n != 2 {
		t.Errorf("the server saw %d requests of 2 calls", n)
	}
}

// The SDK has no context, and would wait 35 seconds.
func TestACallEndsWithItsContextAndIsInDoubt(t *testing.T) {
	t.Parallel()
	s := serve(t, rig.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	_, err := publish(ctx, s.client) // that it ends at all shows that the context counts: nobody answers
	wantFault(t, err, fault.Error{Kind: fault.Unavailable, Message: "=context deadline exceeded", InDoubt: true})
}

// The client makes sixteen calls at the same time. A call that waits for its turn waits no longer than its context lasts.
func TestCallBehindOthersEndsWithItsOwnContext(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, transport.Parallel+1), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
		reply(201, accepted)(w, r)
	})
	var first sync.WaitGroup
	for range transport.Parallel {
		first.Go(func() {
			if _, err := publish(t.Context(), s.client); err != nil {
				t.Error(err)
			}
		})
	}
	for range transport.Parallel {
		<-arrived
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := publish(ctx, s.client)
	wantFault(t, err, fault.Error{Kind: fault.Unavailable, Message: "=not called: no time left behind other calls"})
	close(release)
	first.Wait()
	if n := s.seen.Load(); n != transport.Parallel {
		t.Errorf("the server saw %d requests, want %d", n, transport.Parallel)
	}
}
