package mns_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/wire"
)

func TestPublishedMessageIsOnTheTopicAsItWas(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for _, body := range []string{`{"id":"1","data":{"a":"<&>\"'"}}`, "päivää 你好", strings.Repeat("x", 65536)} {
		id, err := c.client.Publish(t.Context(), c.credentials(), "news", body, "accepted")
		must(t, err)
		all := c.Published("news")
		if got := all[len(all)-1]; got.ID != id || got.Body != body || got.Tag != "accepted" {
			t.Errorf("id %q, tag %q, body %.40q, want %q, accepted, %.40q", got.ID, got.Tag, got.Body, id, body)
		}
	}
}

// The credentials come from each invocation, while the process and its one client stay.
func TestEachCallSignsWithTheCredentialsThatItIsGiven(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	first, second := c.keys.Issue(time.Hour), c.keys.Issue(time.Hour)
	for _, test := range []struct {
		id, secret, token string
		kind              fault.Kind
		code              string
	}{
		{first.ID, first.Secret, first.Token, "", ""},
		{second.ID, second.Secret, second.Token, "", ""},
		{first.ID, first.Secret, first.Token, "", ""},
		{first.ID, second.Secret, first.Token, fault.Denied, "SignatureDoesNotMatch"},
		{first.ID, first.Secret, second.Token, fault.Denied, "AccessDenied"},
		{first.ID, first.Secret, "", fault.Denied, "InvalidAccessKeyId"},
		{"STS.unknown", first.Secret, first.Token, fault.Denied, "InvalidAccessKeyId"},
		{second.ID, second.Secret, second.Token, "", ""},
	} {
		_, err := c.client.Publish(t.Context(), invocation.NewCredentials(test.id, test.secret, test.token), "news", "m", "accepted")
		calls := c.Calls()
		switch last := calls[len(calls)-1]; {
		case test.kind == "" && (err != nil || last.AccessKeyID != test.id):
			t.Errorf("signed by %q, %v, want %q", last.AccessKeyID, err, test.id)
		case test.kind != "":
			wantFault(t, err, fault.Error{Kind: test.kind, Code: test.code, Message: "", RequestID: last.RequestID})
		}
	}
}

func TestRefusalsOfTheService(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind faults.Kind
		call func(*testing.T, *cloud) error
		want fault.Error
	}{
		"no such topic": {"", publishTo("nowhere", "m"), fault.Error{
			Op: "mns: PublishMessage nowhere", Kind: fault.NotFound, Code: "TopicNotExist", Message: "=The topic you provided does not exist.",
		}},
		"a body that is too long": {"", publishTo("news", strings.Repeat("x", 65537)), fault.Error{
			Kind: fault.Invalid, Code: "InvalidArgument", Message: "65536",
		}},
		"too many requests": {faults.Throttle, publishTo("news", "m"), fault.Error{
			Kind: fault.Throttled, Code: "TooManyRequests", Message: "=The request is denied by cluster flow limiter for too many requests.",
		}},
		"an internal error, which leaves a doubt": {faults.ServerError, publishTo("news", "m"), fault.Error{
			Kind: fault.Unavailable, Code: "InternalError", Message: "=Interal error.", InDoubt: true,
		}},
		"an expired token, in the words that are expected": {faults.TokenExpired, publishTo("news", "m"), fault.Error{
			Kind: fault.Denied, Code: "AccessDenied", Message: "forbidden for this operation",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			if test.kind != "" {
				c.Faults().Add(faults.Fault{Action: "*", Kind: test.kind})
			}
			err := test.call(t, c)
			test.want.RequestID = c.Calls()[0].RequestID
			wantFault(t, err, test.want)
			if n := len(c.Calls()); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		})
	}
}

func publishTo(topic, body string) func(*testing.T, *cloud) error {
	return func(t *testing.T, c *cloud) error {
		t.Helper()
		_, err := c.client.Publish(t.Context(), c.credentials(), topic, body, "accepted")
		return err
	}
}

// transcript returns one transcript of testdata/wire/mns, and a server that answers as it does and keeps the request.
func transcript(t *testing.T, name string) (wanted, got *exchange, client *mns.Client) {
	t.Helper()
	all, err := wire.Load("../../../testdata/wire/mns")
	must(t, err)
	for _, one := range all {
		if one.Name != name {
			continue
		}
		wanted, got = &exchange{}, &exchange{}
		wanted.request, wanted.body, err = one.Request()
		must(t, err)
		status, header, response, err := one.Response()
		must(t, err)
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got.request = r
			got.body, _ = io.ReadAll(r.Body)
			maps.Copy(w.Header(), header)
			w.WriteHeader(status)
			_, _ = w.Write(response)
		})
		return wanted, got, s.client
	}
	t.Fatalf("testdata/wire/mns has no transcript %q", name)
	return nil, nil, nil
}

// exchange is a request as it was sent.
type exchange struct {
	request *http.Request
	body    []byte
}

func (e *exchange) String() string {
	return fmt.Sprintf("%s %s %s\n%s", e.request.Method, e.request.RequestURI, e.request.Host, e.body)
}

// The client sends the request of the transcript and understands its response, without the fake between them.
func TestClientSpeaksAsTheTranscript(t *testing.T) {
	t.Parallel()
	wanted, got, client := transcript(t, "publish")
	id, err := client.Publish(t.Context(), invocation.NewCredentials("testid", "testsecret", ""), "rds-upgrade-result", "hello topic", "succeeded")
	if err != nil || id != "D273CD6A89564E54-1-15180395A19-20000****" {
		t.Errorf("got %q, %v", id, err)
	}
	if diff := cmp.Diff(wanted.String(), got.String()); diff != "" {
		t.Errorf("request (-transcript +sent):\n%s", diff)
	}
	for name := range wanted.request.Header {
		if name != "Date" && name != "Authorization" && got.request.Header.Get(name) != wanted.request.Header.Get(name) {
			t.Errorf("header %s: sent %q, want %q", name, got.request.Header.Get(name), wanted.request.Header.Get(name))
		}
	}
}

// The request of the error's transcript is another client's. Its response has the form of every error.
func TestClientUnderstandsTheDocumentedError(t *testing.T) {
	t.Parallel()
	_, _, client := transcript(t, "error")
	_, err := publish(t.Context(), client)
	wantFault(t, err, fault.Error{
		Kind: fault.Invalid, Code: "InvalidArgument", RequestID: "04bb60e3-28aa-4706-99b0-9345d834****",
		Message: "=The XML you provided did not validate against our published schema, cause by MessageBody.",
	})
}
