package rds_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/rig"
)

// raw answers with something that need not be HTTP.
func raw(text string) http.HandlerFunc {
	return rig.Raw(func(r *http.Request) string { return strings.ReplaceAll(text, echo, r.URL.RawQuery) })
}

// Whatever the service does, an upgrade is sent once, ends in a fault that says whether it may have taken effect, and no secret is in
// that fault's text.
func TestUpgradeIsSentOnceAndItsFaultHoldsNoSecret(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		want   fault.Error // Message: a part of it; "=" in front: all of it
	}{
		"the server reads and closes": {
			rig.HangUp(false), fault.Error{Kind: fault.Unavailable, Message: "=EOF", InDoubt: true},
		},
		"the server reads and resets": {
			rig.HangUp(true), fault.Error{Kind: fault.Unavailable, Message: "connection reset by peer", InDoubt: true},
		},
		"an internal error in the API's words": {
			reply(500, `{"RequestId":"R-1","Code":"InternalError","Message":"unknown"}`),
			fault.Error{Kind: fault.Unavailable, Code: "InternalError", Message: "=unknown", RequestID: "R-1", InDoubt: true},
		},
		"a load balancer's page": {
			reply(502, "<html>"+echo+"</html>"), fault.Error{Kind: fault.Unavailable, Message: "=the answer is not the API's: status 502, ", InDoubt: true},
		},
		"an empty page with status 503": {
			reply(503, ""), fault.Error{Kind: fault.Unavailable, Message: "=the answer is not the API's: status 503, 0 bytes", InDoubt: true},
		},
		"a page with status 403": {
			reply(403, "<html>"+echo+"</html>"), fault.Error{Kind: fault.Unavailable, Message: "=the answer is not the API's: status 403, ", InDoubt: true},
		},
		"a page with status 429": {
			reply(429, "<html>"+echo+"</html>"), fault.Error{Kind: fault.Throttled, Message: "=the answer is not the API's: status 429, "},
		},
		"an empty 200": {
			reply(200, ""), fault.Error{Kind: fault.Unavailable, Message: "=the answer is empty", InDoubt: true},
		},
		"a 200 without RequestId": {
			reply(200, `{"TaskId":"1"}`), fault.Error{Kind: fault.Unavailable, Message: "=the answer is empty", InDoubt: true},
		},
		"a page with status 200": {
			reply(200, "<html>"+echo+"</html>"), fault.Error{Kind: fault.Unavailable, Message: "=the answer is not the API's: status 200, ", InDoubt: true},
		},
		"an answer that is cut short": {
			func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "100")
				reply(200, `{"RequestId":"R-1","Task`)(w, r)
			}, fault.Error{Kind: fault.Unavailable, Message: "=the answer broke off: unexpected EOF", InDoubt: true},
		},
		"an error document whose Code is a number": {
			reply(500, `{"Code":500,"Message":"`+echo+`"}`),
			fault.Error{Kind: fault.Unavailable, Message: "=the SDK could not read the answer: *runtime.TypeAssertionError", InDoubt: true},
		},
		"an error document whose Message is an object": {
			reply(400, `{"Code":"Throttling","Message":{}}`),
			fault.Error{Kind: fault.Unavailable, Message: "=the SDK could not read the answer: *runtime.TypeAssertionError", InDoubt: true},
		},
		"a Code that is a number, with status 429": {
			reply(429, `{"Code":429}`),
			fault.Error{Kind: fault.Throttled, Message: "=the SDK could not read the answer: *runtime.TypeAssertionError"},
		},
		"a wrong signature, with the string to sign": {
			reply(400, `{"RequestId":"R-1","Code":"SignatureDoesNotMatch","Message":"Specified signature is not matched with our calculation. `+
				`server string to sign is:POST&%2F&`+url.QueryEscape(echo)+`"}`),
			fault.Error{Kind: fault.Denied, Code: "SignatureDoesNotMatch", Message: "=Specified signature is not matched with our calculation.", RequestID: "R-1"},
		},
		"a wrong signature, in the newer words": {
			reply(400, `{"RequestId":"R-1","Code":"SignatureDoesNotMatch","Message":"Specified signature does not match our calculation. server StringToSign is [`+echo+`]"}`),
			fault.Error{Kind: fault.Denied, Code: "SignatureDoesNotMatch", Message: "=Specified signature does not match our calculation.", RequestID: "R-1"},
		},
		"a refusal that repeats the query": {
			reply(400, `{"RequestId":"R-1","Code":"InvalidParameter","Message":"cannot read ?`+echo+`"}`),
			fault.Error{Kind: fault.Invalid, Code: "InvalidParameter", Message: "cannot read ?", RequestID: "R-1"},
		},
		"a refusal that repeats the credentials as they are": {
			reply(403, `{"RequestId":"R-1","Code":"Forbidden","Message":"`+accessKeyID+` `+token+` `+url.QueryEscape(url.QueryEscape(token))+` `+secret+`"}`),
			fault.Error{Kind: fault.Denied, Code: "Forbidden", Message: "=[credentials] [credentials] [credentials] [credentials]", RequestID: "R-1"},
		},
		"an answer that is not HTTP and repeats the query": {
			raw("GET /?" + echo + "\r\n\r\n"), fault.Error{Kind: fault.Unavailable, Message: "malformed HTTP", InDoubt: true},
		},
		"a redirect": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/elsewhere?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
			},
			fault.Error{Kind: fault.Unavailable, Message: "the endpoint redirects (307)", InDoubt: true},
		},
		"flow control, with status 400": {
			reply(400, `{"RequestId":"R-1","Code":"Throttling.User","Message":"Request was denied due to user flow control."}`),
			fault.Error{Kind: fault.Throttled, Code: "Throttling.User", Message: "=Request was denied due to user flow control.", RequestID: "R-1"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.answer)
			_, err := s.client.Upgrade(t.Context(), upgradeOf(), always)
			wantFault(t, err, test.want)
			noSecret(t, err, s.last.Load().Get("Signature"))
			if n := s.seen.Load(); n != 1 {
				t.Errorf("the server saw %d requests, want 1", n)
			}
		})
	}
}

func wantFault(t *testing.T, err error, want fault.Error) {
	t.Helper()
	var got *fault.Error
	if !errors.As(err, &got) {
		t.Fatalf("got %T %v, want a fault", err, err)
	}
	text, whole := strings.CutPrefix(want.Message, "=")
	if !strings.Contains(got.Message, text) || whole && !strings.HasPrefix(got.Message, text) || whole && !strings.HasSuffix(text, " ") && got.Message != text {
		t.Errorf("message %q, want %q", got.Message, want.Message)
	}
	if want.Op == "" {
		want.Op = "rds: UpgradeDBInstanceKernelVersion rm-1"
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

func TestRefusedConnectionIsNotInDoubt(t *testing.T) {
	t.Parallel()
	client := newClient(t, rig.Nowhere(t), invocation.NewCredentials(accessKeyID, secret, token))
	_, err := client.Upgrade(t.Context(), upgradeOf(), always)
	wantFault(t, err, fault.Error{Kind: fault.Unavailable, Message: "connection refused"})
	noSecret(t, err, "Signature=")
}

// The SDK has no context, and would wait 10 seconds of its own.
func TestCallEndsWithItsContextAndIsInDoubt(t *testing.T) {
	t.Parallel()
	s := serve(t, rig.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := s.client.Upgrade(ctx, upgradeOf(), always)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the call took %s, its context 150ms", took)
	}
	wantFault(t, err, fault.Error{Kind: fault.Unavailable, Message: "=context deadline exceeded", InDoubt: true})
	noSecret(t, err, s.last.Load().Get("Signature"))
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var elsewhere atomic.Int64
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/?"+r.URL.RawQuery, status)
		})
		if _, err := s.client.Upgrade(t.Context(), upgradeOf(), always); err == nil {
			t.Errorf("%d: no error", status)
		}
		other.Close()
		if n := elsewhere.Load(); n != 0 {
			t.Errorf("%d: the other server saw %d requests", status, n)
		}
	}
}

// The SDK's map of regions is made at its first use, without a lock. Not parallel and in front of the other test without an
// endpoint: this is the first use. It needs -race to tell.
func TestRegionsOwnEndpointIsFoundByManyGoroutines(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	pool := transport.New()
	defer pool.Close()
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			client := rds.New(pool, pace.New(1e6, time.Now), nil, invocation.NewCredentials(accessKeyID, secret, token))
			if _, err := client.Instance(ctx, region, "rm-1"); err == nil {
				t.Error("there is something outside")
			}
		})
	}
	all.Wait()
	outside.Asked()
}

// The SDK's default is plain HTTP, with the token in the address. Not parallel: it reads what the proxy saw.
func TestRegionsOwnEndpointIsCalledOverHTTPS(t *testing.T) {
	for region, want := range map[string]string{
		"cn-hangzhou":         "CONNECT rds.aliyuncs.com:443",
		"cn-hangzhou-finance": "CONNECT rds-vpc.cn-hangzhou-finance.aliyuncs.com:443",
		"eu-central-1":        "CONNECT rds.eu-central-1.aliyuncs.com:443",
		"xx-not-yet-known-1":  "CONNECT rds.xx-not-yet-known-1.aliyuncs.com:443",
	} {
		t.Run(region, func(t *testing.T) {
			outside.Asked()
			pool := transport.New()
			defer pool.Close()
			client := rds.New(pool, pace.New(1e6, time.Now), nil, invocation.NewCredentials(accessKeyID, secret, token))
			_, err := client.Instance(t.Context(), region, "rm-1")
			wantFault(t, err, fault.Error{
				Op: "rds: DescribeDBInstanceAttribute rm-1", Kind: fault.Unavailable, Message: "=Bad Gateway", // the proxy's; nothing was sent to the API
			})
			if diff := cmp.Diff([]string{want}, outside.Asked()); diff != "" {
				t.Errorf("asked of the proxy (-want +got):\n%s", diff)
			}
		})
	}
}

// What the SDK refuses by itself does not pass by trying again.
func TestRequestThatTheSDKRefusesIsOurFault(t *testing.T) {
	t.Parallel()
	s := serve(t, reply(200, "{}"))
	_, err := s.client.Instance(t.Context(), "cn hangzhou", "rm-1")
	wantFault(t, err, fault.Error{
		Op: "rds: DescribeDBInstanceAttribute rm-1", Kind: fault.Internal, Message: "=regionId contains invalid characters",
	})
	if n := s.seen.Load(); n != 0 {
		t.Errorf("the server saw %d requests, want none", n)
	}
}

// One client of the SDK is not safe for concurrent calls; ours is. It needs -race to tell.
func TestOneClientServesManyGoroutines(t *testing.T) {
	t.Parallel()
	const goroutines, rounds = 32, 3
	c := newCloud(t)
	for n := range goroutines {
		c.Add(fakerds.Instance{DBInstanceID: fmt.Sprintf("rm-c%d", n), CurrentKernelVersion: "rds_20231231", LatestKernelVersion: "rds_20260228"})
	}
	client := c.client(t)
	var all sync.WaitGroup
	for n := range goroutines {
		all.Go(func() {
			id := fmt.Sprintf("rm-c%d", n)
			for range rounds {
				i, err := client.Instance(t.Context(), region, id)
				if err != nil || i.ID != id {
					t.Errorf("%s: got %q, %v", id, i.ID, err)
				}
			}
			if _, err := client.Upgrade(t.Context(), upgradeOf(func(u *fleet.Call) { u.DBInstanceID = id }), always); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(c.Calls()); n != goroutines*(rounds+1) {
		t.Errorf("%d calls arrived, want %d", n, goroutines*(rounds+1))
	}
}

func TestRateLimitIsSharedByAllClients(t *testing.T) {
	t.Parallel()
	s := serve(t, reply(200, `{"RequestId":"R-1"}`))
	limit := pace.New(1./3600, time.Now)
	pool := transport.New()
	t.Cleanup(pool.Close)
	client := func() *rds.Client {
		return rds.New(pool, limit, endpointOf(t, s.url), invocation.NewCredentials(accessKeyID, secret, token))
	}
	if _, err := client().Upgrade(t.Context(), upgradeOf(), always); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	start := time.Now()
	_, err := client().Upgrade(ctx, upgradeOf(), always)
	wantFault(t, err, fault.Error{Kind: fault.Unavailable, Message: "=not called: no time left under the rate limit"})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s to see that the next call fits only in an hour", took)
	}

	ended, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = client().Upgrade(ended, upgradeOf(), always)
	wantFault(t, err, fault.Error{Kind: fault.Unavailable, Message: "=not called: no time left under the rate limit"})
	if n := s.seen.Load(); n != 1 {
		t.Errorf("the server saw %d requests, want 1", n)
	}
}

func TestClientNeverPrintsItsCredentials(t *testing.T) {
	t.Parallel()
	client := newClient(t, "http://127.0.0.1:1", invocation.NewCredentials(accessKeyID, secret, token))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{client, *client} {
			noSecret(t, fmt.Errorf(verb, value), "Signature=")
		}
	}
}
