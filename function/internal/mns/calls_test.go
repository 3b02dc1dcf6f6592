package mns_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// calls is all that the client can be asked for, by the operation of its faults; what comes besides an error is "" or 0 then.
var calls = map[string]func(context.Context, *mns.Client) (result string, err error){
	"PublishMessage news": func(ctx context.Context, c *mns.Client) (string, error) {
		return c.Publish(ctx, credentials, "news", "m", "accepted")
	},
	"SendMessage inbox": func(ctx context.Context, c *mns.Client) (string, error) {
		receipt, err := c.Send(ctx, credentials, "inbox", "m", time.Minute)
		return receipt.MessageID + receipt.Handle, err
	},
	"BatchReceiveMessage inbox": func(ctx context.Context, c *mns.Client) (string, error) {
		messages, err := c.Receive(ctx, credentials, "inbox")
		return strings.Trim(fmt.Sprint(messages), "[]"), err
	},
	"DeleteMessage inbox": func(ctx context.Context, c *mns.Client) (string, error) {
		return "", c.Delete(ctx, credentials, "inbox", handle)
	},
}

// good answers each of the calls with a success.
func good(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		reply(201, accepted)(w, r)
	case http.MethodGet:
		reply(200, received(`<MessageId>M-1</MessageId><ReceiptHandle>1-aGFuZGxl</ReceiptHandle>`))(w, r)
	case http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	}
}

// Whatever the service does, each call is sent once, and a failure ends in a fault that says whether it may have taken
// effect, and holds no secret.
func TestEveryCallIsSentOnceAndItsFaultHoldsNoSecret(t *testing.T) {
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
		for op, call := range calls {
			t.Run(op+": "+name, func(t *testing.T) {
				t.Parallel()
				s := serve(t, test.answer)
				result, err := call(t.Context(), s.client)
				want := test.want
				want.Op = "mns: " + op
				wantFault(t, err, want)
				if result != "" {
					t.Errorf("%q besides the fault", result)
				}
				_, signed, _ := strings.Cut(s.last.Load().Get("Authorization"), ":")
				noSecret(t, err, signed)
				if n := s.seen.Load(); n != 1 {
					t.Errorf("the server saw %d requests, want 1", n)
				}
			})
		}
	}
}

// net/http sends a GET again when the kept connection that it was sent on breaks.
func TestCallOnAConnectionThatBreaksIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for op, call := range calls {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			var known sync.Map
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if _, kept := known.LoadOrStore(r.RemoteAddr, true); kept {
					rig.HangUp(true)(w, r)
					return
				}
				good(w, r)
			})
			if _, err := call(t.Context(), s.client); err != nil {
				t.Fatal(err)
			}
			_, err := call(t.Context(), s.client)
			wantFault(t, err, fault.Error{Op: "mns: " + op, Kind: fault.Unavailable, Message: "connection reset by peer", InDoubt: true})
			if n := s.seen.Load(); n != 2 {
				t.Errorf("the server saw %d requests of 2 calls", n)
			}
		})
	}
}

// The SDK has no context, and would wait 35 seconds.
func TestEveryCallEndsWithItsContextAndIsInDoubt(t *testing.T) {
	t.Parallel()
	for op, call := range calls {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			s := serve(t, rig.Hang)
			ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err := call(ctx, s.client)
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("the call took %s, its context 150ms", took)
			}
			wantFault(t, err, fault.Error{Op: "mns: " + op, Kind: fault.Unavailable, Message: "=context deadline exceeded", InDoubt: true})
		})
	}
}

// The client makes sixteen calls at a time, each answered by itself; who waits for a turn waits no longer than there is time.
func TestCallBehindOthersEndsWithItsOwnContext(t *testing.T) {
	t.Parallel()
	for op, call := range calls {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			arrived, release := make(chan struct{}, transport.Parallel+1), make(chan struct{})
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				arrived <- struct{}{}
				<-release
				good(w, r)
			})
			var first sync.WaitGroup
			for range transport.Parallel {
				first.Go(func() {
					if _, err := call(t.Context(), s.client); err != nil {
						t.Error(err)
					}
				})
			}
			for range transport.Parallel {
				<-arrived
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := call(ctx, s.client)
			wantFault(t, err, fault.Error{Op: "mns: " + op, Kind: fault.Unavailable, Message: "=not called: no time left behind other calls"})
			close(release)
			first.Wait()
			if n := s.seen.Load(); n != transport.Parallel {
				t.Errorf("the server saw %d requests, want %d", n, transport.Parallel)
			}
		})
	}
}
