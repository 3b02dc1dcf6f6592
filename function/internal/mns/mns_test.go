package mns_test

import (
	"context"
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
	"rds-kernel-upgrade/local/fakemns"
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

func TestSentMessageWaitsInTheQueueWithPriority8(t *testing.T) {
	t.Parallel()
	const longest = 7 * 24 * time.Hour
	for name, test := range map[string]struct {
		delay, want time.Duration
		state       fakemns.State
	}{
		"at once":                       {0, 0, fakemns.Active},
		"overdue, so at once":           {-time.Minute, 0, fakemns.Active},
		"in ten minutes":                {10 * time.Minute, 10 * time.Minute, fakemns.Delayed},
		"in seven days, the longest":    {longest, longest, fakemns.Delayed},
		"less than a second is one":     {time.Nanosecond, time.Second, fakemns.Delayed},
		"a part of a second counts":     {90*time.Second + time.Millisecond, 91 * time.Second, fakemns.Delayed},
		"a part of the very last one":   {longest - time.Millisecond, longest, fakemns.Delayed},
		"whole seconds are as they are": {90 * time.Second, 90 * time.Second, fakemns.Delayed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			receipt, err := c.client.Send(t.Context(), c.credentials(), "inbox", `{"kind":"follow-up"}`, test.delay)
			must(t, err)
			if delayed := receipt.Handle != ""; delayed != (test.want > 0) {
				t.Errorf("receipt handle %q of a message with a delay of %s", receipt.Handle, test.want)
			}
			got := c.Messages("inbox")
			if id := receipt.MessageID; len(got) != 1 || got[0].ID != id || got[0].Body != `{"kind":"follow-up"}` || got[0].Priority != 8 || got[0].State != test.state {
				t.Fatalf("queue %+v, want one message %s", got, receipt.MessageID)
			}
			if delay := got[0].NextVisibleTime.Sub(got[0].EnqueueTime); delay != test.want {
				t.Errorf("delay %s, want %s", delay, test.want)
			}
		})
	}
}

// More than the service takes is not sent at all: what is to come later has to be sent again on the way.
func TestDelayThatIsTooLongIsNotSent(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	receipt, err := c.client.Send(t.Context(), c.credentials(), "inbox", "m", mns.MaxDelay+1)
	wantFault(t, err, fault.Error{
		Op: "mns: SendMessage inbox", Kind: fault.Invalid, Message: "=not sent: a delay of 168h0m0.000000001s, and a queue takes at most 168h0m0s",
	})
	if n := len(c.Calls()); n != 0 || receipt != (mns.Receipt{}) {
		t.Errorf("%d calls, receipt %+v", n, receipt)
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
		"no such queue": {"", sendTo("nowhere", 0), fault.Error{
			Op: "mns: SendMessage nowhere", Kind: fault.NotFound, Code: "QueueNotExist", Message: "=The queue name you provided is not exist.",
		}},
		"a body that is too long": {"", publishTo("news", strings.Repeat("x", 65537)), fault.Error{
			Kind: fault.Invalid, Code: "InvalidArgument", Message: "65536",
		}},
		"no such queue to receive from": {"", func(t *testing.T, c *cloud) error {
			t.Helper()
			_, err := c.client.Receive(t.Context(), c.credentials(), "nowhere")
			return err
		}, fault.Error{
			Op: "mns: BatchReceiveMessage nowhere", Kind: fault.NotFound, Code: "QueueNotExist", Message: "=The queue name you provided is not exist.",
		}},
		"no such queue to delete from": {"", deleteFrom("nowhere", handle), fault.Error{
			Op: "mns: DeleteMessage nowhere", Kind: fault.NotFound, Code: "QueueNotExist", Message: "=The queue name you provided is not exist.",
		}},
		"a receipt handle that is none": {"", deleteFrom("inbox", "nonsense"), fault.Error{
			Op: "mns: DeleteMessage inbox", Kind: fault.Invalid, Code: "ReceiptHandleError", Message: "=The receipt handle you provide is not valid.",
		}},
		"no receipt handle": {"", deleteFrom("inbox", ""), fault.Error{
			Op: "mns: DeleteMessage inbox", Kind: fault.Invalid, Code: "MissingReceiptHandle", Message: "=ReceiptHandle is required.",
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

func sendTo(queue string, delay time.Duration) func(*testing.T, *cloud) error {
	return func(t *testing.T, c *cloud) error {
		t.Helper()
		_, err := c.client.Send(t.Context(), c.credentials(), queue, "m", delay)
		return err
	}
}

func deleteFrom(queue, handle string) func(*testing.T, *cloud) error {
	return func(t *testing.T, c *cloud) error {
		t.Helper()
		return c.client.Delete(t.Context(), c.credentials(), queue, handle)
	}
}

// handle is the one of the documentation's samples.
const handle = "1-ODU4OTkzNDU5My0xNDMyNzI3ODI3LTItOA=="

// What the client has to make of a transcript: the call whose request it is, and the result of its response.
var transcripts = map[string]struct {
	call func(context.Context, *mns.Client) (any, error)
	want any
}{
	"publish": {func(ctx context.Context, c *mns.Client) (any, error) {
		return c.Publish(ctx, invocation.NewCredentials("testid", "testsecret", ""), "rds-upgrade-result", "hello topic", "succeeded")
	}, "D273CD6A89564E54-1-15180395A19-20000****"},
	"send-delayed": {func(ctx context.Context, c *mns.Client) (any, error) {
		return c.Send(ctx, credentials, "inbox", "later", 10*time.Minute)
	}, mns.Receipt{MessageID: "5F290C926D472878-2-14D9529****-20000****", Handle: handle}},
	"receive-at-once": {receiveInbox, []mns.Message{
		{
			ID: "5F290C926D472878-2-14D9529****-20000****", Handle: handle, Body: "This is a test message", Receipts: 1,
			Enqueued: time.Date(2015, 5, 27, 11, 57, 6, 0, time.UTC), FirstReceived: time.Date(2015, 5, 27, 11, 57, 7, 250e6, time.UTC),
		},
		{
			ID: "5F290C926D472878-2-14D9529****-20001****", Handle: "1-ODU4OTkzNDU5NC0xNDMyNzI3ODI3LTItOA==", Body: `{"kind":"follow-up"}`, Receipts: 3,
			Enqueued: time.Date(2015, 5, 27, 11, 57, 6, 0, time.UTC), FirstReceived: time.Date(2015, 5, 27, 11, 57, 6, 500e6, time.UTC),
		},
	}},
	"receive-nothing": {receiveInbox, []mns.Message(nil)},
	"delete":          {deleteSample, nil},
	"delete-gone":     {deleteSample, nil},
	"delete-bad-handle": {func(ctx context.Context, c *mns.Client) (any, error) {
		return nil, c.Delete(ctx, credentials, "inbox", "nonsense")
	}, fault.Error{
		Op: "mns: DeleteMessage inbox", Kind: fault.Invalid, Code: "ReceiptHandleError", RequestID: "512B2A634403E52B1956****",
		Message: "The receipt handle you provide is not valid.",
	}},
}

func receiveInbox(ctx context.Context, c *mns.Client) (any, error) {
	return c.Receive(ctx, credentials, "inbox")
}

func deleteSample(ctx context.Context, c *mns.Client) (any, error) {
	return nil, c.Delete(ctx, credentials, "inbox", handle)
}

// The client sends the requests of the transcripts and understands their responses, without the fake in between.
func TestClientSpeaksAsTheTranscripts(t *testing.T) {
	t.Parallel()
	all, err := wire.Load("../../../testdata/wire/mns")
	must(t, err)
	met := 0
	for _, transcript := range all {
		test, ours := transcripts[transcript.Name]
		if !ours { // another action, or another client
			continue
		}
		met++
		t.Run(transcript.Name, func(t *testing.T) {
			t.Parallel()
			want, body, err := transcript.Request()
			must(t, err)
			status, header, response, err := transcript.Response()
			must(t, err)
			var got *http.Request
			var sent []byte
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				got = r
				sent, _ = io.ReadAll(r.Body)
				maps.Copy(w.Header(), header)
				w.WriteHeader(status)
				_, _ = w.Write(response)
			})
			result, err := test.call(t.Context(), s.client)
			if err != nil {
				result = *fault.From(err)
			}
			if diff := cmp.Diff(test.want, result); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			line := func(r *http.Request) string { return r.Method + " " + r.RequestURI + " " + r.Host }
			if diff := cmp.Diff(line(want)+"\n"+string(body), line(got)+"\n"+string(sent)); diff != "" {
				t.Errorf("request (-transcript +sent):\n%s", diff)
			}
			for name := range want.Header {
				if name != "Date" && name != "Authorization" && got.Header.Get(name) != want.Header.Get(name) {
					t.Errorf("header %s: sent %q, want %q", name, got.Header.Get(name), want.Header.Get(name))
				}
			}
		})
	}
	if met != len(transcripts) {
		t.Errorf("%d of %d transcripts are in testdata/wire/mns", met, len(transcripts))
	}
}

// The error's transcript: its request is another client's, its response is everybody's.
func TestClientUnderstandsTheDocumentedError(t *testing.T) {
	t.Parallel()
	all, err := wire.Load("../../../testdata/wire/mns")
	must(t, err)
	for _, transcript := range all {
		if transcript.Name != "error" {
			continue
		}
		status, header, body, err := transcript.Response()
		must(t, err)
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), header)
			w.WriteHeader(status)
			_, _ = w.Write(body)
		})
		_, err = s.client.Send(t.Context(), credentials, "inbox", "", 0)
		wantFault(t, err, fault.Error{
			Op: "mns: SendMessage inbox", Kind: fault.Invalid, Code: "InvalidArgument", RequestID: "04bb60e3-28aa-4706-99b0-9345d834****",
			Message: "=The XML you provided did not validate against our published schema, cause by MessageBody.",
		})
		return
	}
	t.Error(`testdata/wire/mns has no transcript "error"`)
}
