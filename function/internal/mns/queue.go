package mns

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"time"

	ali_mns "github.com/aliyun/aliyun-mns-go-sdk"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
)

// MaxDelay is how long a message can be kept from being received; what is to come later is sent again when it is received.
const MaxDelay = 7 * 24 * time.Hour

const (
	priority = 8  // the middle of 1 to 16; the SDK's zero value, 0, is refused by the server
	batch    = 16 // the most messages of one call
)

// longest is the answer with a whole batch of the longest messages, of which XML writes each byte as six.
const longest = batch*6*(64<<10) + 64<<10

// notThere is the code for an empty queue, and for a receipt handle that holds no message (any more).
const notThere = "MessageNotExist"

// Receipt is what the service gives for a message that it has taken.
type Receipt struct {
	MessageID string
	Handle    string // a delayed message can be withdrawn by it, with Delete; "" for one without a delay
}

// Message is one message as it was received. It is hidden from other receivers until the queue's visibility timeout has passed,
// and then comes again, unless it was deleted.
type Message struct {
	ID, Handle, Body        string
	Enqueued, FirstReceived time.Time
	Receipts                int // how often it was received, this time included
}

// Send puts one message on a queue, where it can be received after the delay: whole seconds, a part of one counts as one. A fault
// that is InDoubt may have sent it.
func (c *Client) Send(ctx context.Context, credentials invocation.Credentials, queue, body string, delay time.Duration) (Receipt, error) {
	what := "SendMessage " + queue
	if delay > MaxDelay {
		return Receipt{}, &fault.Error{
			Op: "mns: " + what, Kind: fault.Invalid, Message: fmt.Sprintf("not sent: a delay of %s, and a queue takes at most %s", delay, MaxDelay),
		}
	}
	var answer ali_mns.MessageSendResponse
	err := c.call(ctx, credentials, what, func(l *lane) (err error) {
		answer, err = ali_mns.NewMNSQueue(queue, l.sdk).SendMessage(ali_mns.MessageSendRequest{
			MessageBody: body, DelaySeconds: seconds(delay), Priority: priority,
		})
		return named(answer, err)
	})
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{MessageID: answer.MessageId, Handle: answer.ReceiptHandle}, nil
}

// seconds rounds up: a message that comes before it is due would only have to be sent again. What is overdue goes at once.
func seconds(delay time.Duration) int64 {
	return int64((max(delay, 0) + time.Second - 1) / time.Second)
}

// Receive takes up to 16 messages that are due from a queue; an empty queue gives none, at once. A fault that is InDoubt may
// have hidden some until their visibility timeout has passed.
func (c *Client) Receive(ctx context.Context, credentials invocation.Credentials, queue string) ([]Message, error) {
	var messages []Message
	err := c.call(ctx, credentials, "BatchReceiveMessage "+queue, func(l *lane) (err error) {
		// The SDK's own method cannot say "do not wait": it leaves a waitseconds of 0 out, and then the queue's setting counts.
		resource := fmt.Sprintf("queues/%s/messages?numOfMessages=%d&waitseconds=0", queue, batch)
		l.exchange.call.Expect(longest)
		if _, err := l.sdk.Send(ali_mns.GET, nil, nil, resource); err != nil {
			return err
		}
		messages, err = l.exchange.messages()
		return err
	})
	if err != nil {
		return nil, gone(err)
	}
	return messages, nil
}

// messages reads the answer of a BatchReceiveMessage.
func (e *exchange) messages() ([]Message, error) {
	var document ali_mns.BatchMessageReceiveResponse
	if e.status != http.StatusOK {
		return nil, errors.New("not received")
	}
	if err := xml.Unmarshal(e.answer, &document); err != nil {
		return nil, err
	}
	var all []Message
	for _, m := range document.Messages {
		if m.MessageId == "" || m.ReceiptHandle == "" {
			return nil, errors.New("a message has no id or no receipt handle")
		}
		all = append(all, Message{
			ID: m.MessageId, Handle: m.ReceiptHandle, Body: m.MessageBody,
			Enqueued: at(m.EnqueueTime), FirstReceived: at(m.FirstDequeueTime), Receipts: int(m.DequeueCount),
		})
	}
	return all, nil
}

// at is a time of the service's, which are in milliseconds.
func at(milliseconds int64) time.Time {
	if milliseconds == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds).UTC()
}

// Delete takes a message from its queue for good, or withdraws one that is still delayed. One that the handle does not hold is no
// error: it is gone already, or its visibility timeout has passed, and then it comes again.
func (c *Client) Delete(ctx context.Context, credentials invocation.Credentials, queue, handle string) error {
	return gone(c.call(ctx, credentials, "DeleteMessage "+queue, func(l *lane) error {
		err := ali_mns.NewMNSQueue(queue, l.sdk).DeleteMessage(handle)
		if err == nil && l.exchange.status != http.StatusNoContent { // the SDK takes any page with status 200 for a success
			err = errors.New("not deleted")
		}
		return err
	}))
}

// gone leaves out the error that says that there is no message.
func gone(err error) error {
	if err != nil && fault.From(err).Code == notThere {
		return nil
	}
	return err
}
