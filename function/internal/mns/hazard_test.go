package mns_test

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
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// reply answers with a status and a body, into which echo, if it is there, puts what the request was signed with.
func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml;charset=utf-8")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, strings.ReplaceAll(body, echo, signature(r)))
	}
}

const echo = "(echo)"

func signature(r *http.Request) string {
	return "Authorization: " + r.Header.Get("Authorization") + " security-token: " + r.Header.Get("Security-Token")
}

// raw answers with something that need not be HTTP.
func raw(text string) http.HandlerFunc {
	return rig.Raw(func(r *http.Request) string { return strings.ReplaceAll(text, echo, signature(r)) })
}

func refusal(code, message string) string {
	return `<?xml version="1.0"?><Error xmlns="http://mns.aliyuncs.com/doc/v1/"><Code>` + code + `</Code><Message>` + message +
		`</Message><RequestId>R-1</RequestId><HostId>h</HostId></Error>`
}

const accepted = `<Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageId>M-1</MessageId><MessageBodyMD5>0</MessageBodyMD5></Message>`

// Not every answer that looks like a success, or like the service's, is one. A message id is returned only with a complete one.
func TestMessageIsTakenOnlyWhenTheServiceSaysSo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   fault.Error // Message: a part of it; "=" in front: all of it
	}{
		"an empty page": {reply(503, ""), fault.Error{
			Kind: fault.Unavailable, Message: "=the answer is not the API's: status 503, 0 bytes", InDoubt: true,
		}},
		"a page with status 403": {reply(403, "<html>"+echo+"</html>"), fault.Error{
			Kind: fault.Denied, Message: "the answer is not the API's: status 403, ",
		}},
		"a page with status 429": {reply(429, "slow down"), fault.Error{
			Kind: fault.Throttled, Message: "=the answer is not the API's: status 429, 9 bytes",
		}},
		"a 201 that cannot be read": {reply(201, "created "+echo), fault.Error{
			Kind: fault.Unavailable, Message: "the answer is not the API's: status 201, ", InDoubt: true,
		}},
		"an empty 201": {reply(201, ""), fault.Error{
			Kind: fault.Unavailable, Message: "=the answer is not the API's: status 201, 0 bytes", InDoubt: true,
		}},
		"a 201 without MessageId": {reply(201, "<Message></Message>"), fault.Error{
			Kind: fault.Unavailable, Message: "=the answer is not the API's: status 201, 19 bytes", InDoubt: true,
		}},
		"a 201 that breaks off inside": {reply(201, "<Message><MessageId>M-1</MessageId>"), fault.Error{
			Kind: fault.Unavailable, Message: "=the answer is not the API's: status 201, 35 bytes", InDoubt: true,
		}},
		"a 201 of another document": {reply(201, "<Queue><MessageId>M-1</MessageId></Queue>"), fault.Error{
			Kind: fault.Unavailable, Message: "=the answer is not the API's: status 201, 41 bytes", InDoubt: true,
		}},
		"a refusal that repeats the credentials": {
			reply(400, refusal("InvalidArgument", secret+" "+token+" "+url.QueryEscape(token)+" "+accessKeyID)),
			fault.Error{Kind: fault.Invalid, Code: "InvalidArgument", RequestID: "R-1", Message: "=[credentials] [credentials] [credentials] [credentials]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.answer)
			s.refuses(t, test.want)
		})
	}
}

// refuses makes a call that the service answers as it does, and checks the fault. No secret is in it, and no message id besides it.
func (s *service) refuses(t *testing.T, want fault.Error) {
	t.Helper()
	id, err := publish(t.Context(), s.client)
	wantFault(t, err, want)
	if id != "" {
		t.Errorf("message id %q besides the fault", id)
	}
	_, signed, _ := strings.Cut(s.last.Load().Get("Authorization"), ":")
	noSecret(t, err, signed)
}

func wantFault(t *testing.T, err error, want fault.Error) {
	t.Helper()
	var got *fault.Error
	if !errors.As(err, &got) {
		t.Fatalf("got %T %v, want a fault", err, err)
	}
	text, whole := strings.CutPrefix(want.Message, "=")
	if !strings.Contains(got.Message, text) || whole && got.Message != text {
		t.Errorf("message %q, want %q", got.Message, want.Message)
	}
	if want.Op == "" {
		want.Op = "mns: PublishMessage news"
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

// The SDK panics on each of these; the client says what is wrong.
func TestNewRefusesWhatMakesNoEndpoint(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ account, region string }{
		"an account with a dot":     {"1234.5678", region},
		"a region with a dot":       {account, "cn.hangzhou"},
		"an account with a space":   {"12 34", region},
		"a region with a control":   {account, "cn-\x7fhangzhou"},
		"an address for an account": {"127.0.0.1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := mns.New(transport.New(), nil, test.account, test.region)
			if err == nil || client != nil || !strings.Contains(err.Error(), fmt.Sprintf("account %q and region %q make no endpoint", test.account, test.region)) {
				t.Errorf("got %v, %v", client, err)
			}
		})
	}
}

// The SDK itself takes no endpoint of this form. The Host stays the real one, which the service reads the account from.
func TestLoopbackEndpointIsCalledByTheServicesName(t *testing.T) {
	t.Parallel()
	var host atomic.Value
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		host.Store(r.Host)
		reply(201, accepted)(w, r)
	})
	for _, address := range []string{s.url, s.url + "/", strings.Replace(s.url, "127.0.0.1", "localhost", 1)} {
		id, err := publish(t.Context(), newClient(t, address))
		if err != nil || id != "M-1" {
			t.Errorf("%s: got %q, %v", address, id, err)
		}
		if host.Load() != account+".mns.cn-hangzhou.aliyuncs.com" {
			t.Errorf("%s: Host %v", address, host.Load())
		}
	}
}

// Not parallel: it reads what the proxy saw.
func TestServiceIsCalledOverHTTPS(t *testing.T) {
	for name, test := range map[string]struct{ endpoint, want string }{
		"the region's own":    {"", "CONNECT 1234567890123456.mns.cn-hangzhou.aliyuncs.com:443"},
		"another one":         {"https://1234567890123456.mns.cn-hangzhou-internal.aliyuncs.com", "CONNECT 1234567890123456.mns.cn-hangzhou-internal.aliyuncs.com:443"},
		"one of another form": {"https://mns.example.com:8443", "CONNECT mns.example.com:8443"},
	} {
		t.Run(name, func(t *testing.T) {
			outside.Asked()
			var endpoint *transport.Endpoint
			if test.endpoint != "" {
				endpoint = endpointOf(t, test.endpoint)
			}
			pool := transport.New()
			defer pool.Close()
			client, err := mns.New(pool, endpoint, account, region)
			must(t, err)
			_, err = publish(t.Context(), client)
			wantFault(t, err, fault.Error{Kind: fault.Unavailable, Message: "=Bad Gateway"}) // the proxy's; nothing was sent to the service
			if diff := cmp.Diff([]string{test.want}, outside.Asked()); diff != "" {
				t.Errorf("asked of the proxy (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 307, 308} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		if _, err := publish(t.Context(), s.client); err == nil {
			t.Errorf("%d: no error", status)
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other server saw %d requests", n)
	}
}

func TestRefusedConnectionIsNotInDoubt(t *testing.T) {
	t.Parallel()
	_, err := publish(t.Context(), newClient(t, rig.Nowhere(t)))
	wantFault(t, err, fault.Error{Kind: fault.Unavailable, Message: "connect: connection refused"})
	noSecret(t, err, "Authorization")
}

// A panic of the SDK is a fault, and the client is good for the next call.
func TestPanicOfTheSDKIsOurFault(t *testing.T) {
	t.Parallel()
	s := serve(t, reply(201, accepted))
	_, err := s.client.Publish(t.Context(), credentials, "", "m", "accepted")
	wantFault(t, err, fault.Error{Op: "mns: PublishMessage ", Kind: fault.Internal, Message: "=the SDK panicked: string"})
	if _, err := publish(t.Context(), s.client); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// It needs -race to tell.
func TestOneClientServesManyGoroutines(t *testing.T) {
	t.Parallel()
	const goroutines = 32
	c := newCloud(t)
	var all sync.WaitGroup
	for n := range goroutines {
		all.Go(func() {
			id, err := c.client.Publish(t.Context(), c.credentials(), "news", fmt.Sprint(n), "accepted")
			if err != nil || id == "" {
				t.Errorf("got %q, %v", id, err)
			}
		})
	}
	all.Wait()
	bodies, ids := map[string]bool{}, map[string]bool{}
	for _, m := range c.Published("news") {
		bodies[m.Body], ids[m.ID] = true, true
	}
	if len(bodies) != goroutines || len(ids) != goroutines {
		t.Errorf("%d bodies, %d ids, want %d", len(bodies), len(ids), goroutines)
	}
}

// 1,000 calls of one client, good and bad, as over the life of a process: nothing is left when the transport is closed, at once: not
// after the 10 seconds that the SDK's own connections stay, nor the one second that each of its clients cleans up. Not parallel:
// it counts what the process has.
func TestThousandCallsLeaveNothingBehind(t *testing.T) {
	answers := []http.HandlerFunc{
		reply(201, accepted), rig.HangUp(false), reply(502, "<html>"), rig.HangUp(true), reply(429, refusal("TooManyRequests", "m")), reply(201, ""),
		rig.Hang,
	}
	var turn atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers[turn.Load()%int64(len(answers))](w, r)
	}))
	defer server.Close()
	pool := transport.New()
	client, err := mns.New(pool, endpointOf(t, server.URL), account, region)
	must(t, err)
	call := func(n int) {
		turn.Store(int64(n))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if n%len(answers) == len(answers)-1 {
			ctx, cancel = context.WithTimeout(ctx, 3*time.Millisecond)
			defer cancel()
		}
		_, _ = publish(ctx, client)
	}
	before := rig.Settled(t, 50*time.Millisecond)
	before.Goroutines++ // the SDK's client has one that sleeps
	for n := range 1000 {
		call(n)
	}
	pool.Close()
	before.Await(t, 700*time.Millisecond)
}

func TestClientNeverPrintsCredentials(t *testing.T) {
	t.Parallel()
	s := serve(t, reply(201, accepted))
	_, err := publish(t.Context(), s.client)
	must(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		noSecret(t, fmt.Errorf(verb, s.client), "Authorization: MNS")
	}
}
