package mns_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/local/fakemns"
)

func TestMessageIsReceivedAsItWasSent(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for _, body := range []string{`{"id":"1","data":{"a":"<&>\"'"}}`, "päivää 你好", strings.Repeat("x", 65536)} {
		start := time.Now().Truncate(time.Millisecond)
		receipt, err := c.client.Send(t.Context(), c.credentials(), "inbox", body, 0)
		must(t, err)
		got, err := c.client.Receive(t.Context(), c.credentials(), "inbox")
		must(t, err)
		if len(got) != 1 || got[0].ID != receipt.MessageID || got[0].Body != body || got[0].Receipts != 1 {
			t.Fatalf("received %.200v, want message %s", got, receipt.MessageID)
		}
		if m := got[0]; m.Enqueued.Before(start) || m.FirstReceived.Before(m.Enqueued) || m.FirstReceived.After(time.Now()) || m.Enqueued.Location() != time.UTC {
			t.Errorf("enqueued %s, first received %s, the test began at %s", m.Enqueued, m.FirstReceived, start)
		}
		must(t, c.client.Delete(t.Context(), c.credentials(), "inbox", got[0].Handle))
		if left := c.Messages("inbox"); len(left) != 0 {
			t.Errorf("left in the queue: %+v", left)
		}
	}
}

// What is not deleted comes again when its time is over, and says how often it has come.
func TestMessageThatIsNotDeletedComesAgain(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	_, err := c.client.Send(t.Context(), c.credentials(), "inbox", "m", 0)
	must(t, err)
	first := c.receiveOne(t)
	c.clock.Advance(31 * time.Second)
	again := c.receiveOne(t)
	want := first
	want.Receipts, want.Handle = 2, again.Handle
	if diff := cmp.Diff(want, again); diff != "" || again.Handle == first.Handle {
		t.Errorf("the second receipt (-want +got):\n%s", diff)
	}
	must(t, c.client.Delete(t.Context(), c.credentials(), "inbox", first.Handle)) // holds it no more
	if left := c.Messages("inbox"); len(left) != 1 {
		t.Errorf("left in the queue: %+v, want the message", left)
	}
	must(t, c.client.Delete(t.Context(), c.credentials(), "inbox", again.Handle))
	if left := c.Messages("inbox"); len(left) != 0 {
		t.Errorf("left in the queue: %+v", left)
	}
}

func (c *cloud) receiveOne(t *testing.T) mns.Message {
	t.Helper()
	got, err := c.client.Receive(t.Context(), c.credentials(), "inbox")
	must(t, err)
	if len(got) != 1 {
		t.Fatalf("received %+v, want one message", got)
	}
	return got[0]
}

func TestReceiveGivesUpTo16MessagesThatAreDue(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for n := range 20 {
		_, err := c.client.Send(t.Context(), c.credentials(), "inbox", fmt.Sprint(n), 0)
		must(t, err)
	}
	_, err := c.client.Send(t.Context(), c.credentials(), "inbox", "later", 10*time.Minute)
	must(t, err)
	bodies := map[string]bool{}
	for _, want := range []int{16, 4, 0} {
		got, err := c.client.Receive(t.Context(), c.credentials(), "inbox")
		must(t, err)
		if len(got) != want {
			t.Errorf("received %d messages, want %d", len(got), want)
		}
		for _, m := range got {
			bodies[m.Body] = true
		}
	}
	if len(bodies) != 20 || bodies["later"] {
		t.Errorf("received %v, want 0 to 19", bodies)
	}
	c.clock.Advance(10 * time.Minute) // the others are visible again as well
	got := map[string]int{}
	for range 2 {
		messages, err := c.client.Receive(t.Context(), c.credentials(), "inbox")
		must(t, err)
		for _, m := range messages {
			got[m.Body] = m.Receipts
		}
	}
	if len(got) != 21 || got["later"] != 1 || got["0"] != 2 {
		t.Errorf("ten minutes later: %v", got)
	}
}

func TestDelayedMessageCanBeWithdrawn(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	receipt, err := c.client.Send(t.Context(), c.credentials(), "inbox", "m", 10*time.Minute)
	must(t, err)
	for range 2 { // the second time it is gone, which is no error
		must(t, c.client.Delete(t.Context(), c.credentials(), "inbox", receipt.Handle))
	}
	c.clock.Advance(11 * time.Minute)
	got, err := c.client.Receive(t.Context(), c.credentials(), "inbox")
	if err != nil || len(got) != 0 {
		t.Errorf("received %+v, %v", got, err)
	}
}

// A queue can be set to let receivers wait up to 30 seconds. A timer's invocation has better things to do.
func TestReceiveFromAnEmptyQueueDoesNotWait(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	must(t, c.CreateQueue("patient", func(q *fakemns.QueueAttributes) { q.PollingWaitSeconds = 30 }))
	start := time.Now()
	got, err := c.client.Receive(t.Context(), c.credentials(), "patient")
	if err != nil || len(got) != 0 {
		t.Errorf("received %+v, %v", got, err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
}

// Only the service's own words say that there is nothing: any server answers 404.
func TestOnlyTheServiceSaysThatThereIsNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		err    string
	}{
		"nothing, in the service's words": {reply(404, refusal("MessageNotExist", "Message not exist.")), ""},
		"a page with status 404":          {reply(404, "<html>MessageNotExist</html>"), "the answer is not the API's: status 404, 28 bytes"},
		"an empty page":                   {reply(404, ""), "the answer is not the API's: status 404, 0 bytes"},
		"another queue's 404":             {reply(404, refusal("QueueNotExist", "m")), "QueueNotExist: m (request R-1)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.answer)
			messages, err1 := s.client.Receive(t.Context(), credentials, "inbox")
			err2 := s.client.Delete(t.Context(), credentials, "inbox", handle)
			if messages != nil {
				t.Errorf("received %+v", messages)
			}
			for op, err := range map[string]error{"mns: BatchReceiveMessage inbox": err1, "mns: DeleteMessage inbox": err2} {
				if want := op + ": " + test.err; test.err == "" && err != nil || test.err != "" && (err == nil || err.Error() != want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}

func received(messages ...string) string {
	return `<Messages xmlns="http://mns.aliyuncs.com/doc/v1/"><Message>` + strings.Join(messages, "</Message><Message>") + `</Message></Messages>`
}

// A message that could not be deleted later, or not told from others, would come for ever: then nothing is received.
func TestAnswerThatIsNotWholeIsAFault(t *testing.T) {
	t.Parallel()
	const id, held = `<MessageId>M-1</MessageId>`, `<ReceiptHandle>1-aGFuZGxl</ReceiptHandle>`
	for name, test := range map[string]struct {
		status int
		body   string
	}{
		"no receipt handle":             {200, received(id)},
		"no id":                         {200, received(held)},
		"the second has none":           {200, received(id+held, held)},
		"a count that is no number":     {200, received(id + held + `<DequeueCount>many</DequeueCount>`)},
		"it breaks off":                 {200, received(id + held)[:120]},
		"one message, not a batch":      {200, `<Message>` + id + held + `</Message>`},
		"an empty one":                  {200, ""},
		"a batch, but with another 2xx": {201, received(id + held)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, reply(test.status, test.body))
			got, err := s.client.Receive(t.Context(), credentials, "inbox")
			wantFault(t, err, fault.Error{
				Op: "mns: BatchReceiveMessage inbox", Kind: fault.Unavailable, InDoubt: true,
				Message: fmt.Sprintf("=the answer is not the API's: status %d, %d bytes", test.status, len(test.body)),
			})
			if got != nil {
				t.Errorf("received %+v besides the fault", got)
			}
		})
	}
	t.Run("a whole one without times is none", func(t *testing.T) {
		t.Parallel()
		got, err := serve(t, reply(200, received(id+held))).client.Receive(t.Context(), credentials, "inbox")
		must(t, err)
		if diff := cmp.Diff([]mns.Message{{ID: "M-1", Handle: "1-aGFuZGxl"}}, got); diff != "" {
			t.Errorf("received (-want +got):\n%s", diff)
		}
	})
}

// A message is received by one of those who ask, and deleted once.
func TestMessagesAreSharedByThoseWhoReceive(t *testing.T) {
	t.Parallel()
	const messages = 40
	c := newCloud(t)
	for n := range messages {
		_, err := c.client.Send(t.Context(), c.credentials(), "inbox", fmt.Sprint(n), 0)
		must(t, err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	count := map[string]int{}
	for range 8 {
		all.Go(func() {
			got, err := c.client.Receive(t.Context(), c.credentials(), "inbox")
			if err != nil {
				t.Error(err)
			}
			for _, m := range got {
				mu.Lock()
				count[m.Body]++
				mu.Unlock()
				if err := c.client.Delete(t.Context(), c.credentials(), "inbox", m.Handle); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for body, n := range count {
		if n != 1 {
			t.Errorf("message %s was received %d times", body, n)
		}
	}
	if left := len(c.Messages("inbox")); len(count) != messages || left != 0 {
		t.Errorf("%d of %d messages received, %d left", len(count), messages, left)
	}
}

// Whoever sends as much as a queue takes, with as much to escape as can be, is no reason to receive nothing.
func TestABatchOfTheLongestMessagesIsReceived(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for range 16 {
		_, err := c.client.Send(t.Context(), c.credentials(), "inbox", strings.Repeat(`"`, 64<<10), 0)
		must(t, err)
	}
	got := 0
	for range 16 {
		messages, err := c.client.Receive(t.Context(), c.credentials(), "inbox")
		must(t, err)
		got += len(messages)
	}
	if got != 16 {
		t.Errorf("received %d messages of 16", got)
	}
}
