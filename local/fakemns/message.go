package fakemns

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State is where a message in a queue stands.
type State string

// The states of a message.
const (
	Active   State = "active"   // can be received
	Inactive State = "inactive" // received, and hidden until its NextVisibleTime
	Delayed  State = "delayed"  // sent, and hidden until its delay is over
)

// maxBatch is the most messages or receipt handles in one request.
const maxBatch = 16

// message is one message in a queue, guarded by the server's lock.
type message struct {
	id            string
	number        int64
	body          string
	priority      int
	enqueued      time.Time
	visible       time.Time // when it can be received (again)
	firstDequeued time.Time
	dequeued      int    // how often it was received
	handle        string // the one receipt handle that is good, until it is visible
	handles       int    // how many it has had
}

func (m *message) state(now time.Time) State {
	switch {
	case !now.Before(m.visible):
		return Active
	case m.dequeued == 0:
		return Delayed
	default:
		return Inactive
	}
}

// hide makes the message unreceivable for a while and gives it a new receipt handle; the old one is void.
func (m *message) hide(now time.Time, seconds int) {
	m.visible = now.Add(time.Duration(seconds) * time.Second)
	m.handles++
	plain := fmt.Sprintf("%d-%d-%d-%d", m.number, m.visible.Unix(), m.handles, m.priority)
	m.handle = fmt.Sprintf("%d-%s", m.priority, base64.StdEncoding.EncodeToString([]byte(plain)))
}

// wellFormed tells whether a receipt handle is of the form that hide gives.
func wellFormed(handle string) bool {
	_, coded, ok := strings.Cut(handle, "-")
	plain, err := base64.StdEncoding.DecodeString(coded)
	parts := strings.Split(string(plain), "-")
	return ok && err == nil && len(parts) == 4 && !slices.ContainsFunc(parts, func(p string) bool {
		_, err := strconv.ParseInt(p, 10, 64)
		return err != nil
	})
}

// held finds the message that a receipt handle stands for while it is good.
func (q *queue) held(handle string, now time.Time) (*message, error) {
	if !wellFormed(handle) {
		return nil, refuse("ReceiptHandleError")
	}
	for _, m := range q.messages {
		if m.handle == handle && m.state(now) != Active {
			return m, nil
		}
	}
	return nil, refuse("MessageNotExist")
}

func (q *queue) remove(gone *message) {
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m == gone })
}

// active gives at most n messages that can be received now, the most urgent first, the oldest of them first.
func (q *queue) active(now time.Time, n int) []*message {
	var ready []*message
	for _, m := range q.messages {
		if m.state(now) == Active {
			ready = append(ready, m)
		}
	}
	slices.SortStableFunc(ready, func(a, b *message) int { return cmp.Compare(a.priority, b.priority) })
	return ready[:min(n, len(ready))]
}

// draft is a message as a sender asks for it.
type draft struct {
	body            string
	delay, priority int
}

// draftOf reads a <Message>. What the document does not name comes from the queue or from the documented defaults.
func (q *queue) draftOf(e element) (draft, error) {
	d := draft{delay: q.attributes.DelaySeconds, priority: 8}
	body, ok, err := e.text("MessageBody")
	if err != nil {
		return d, err
	}
	if !ok {
		return d, offSchema("MessageBody")
	}
	d.body = body
	if err := e.number("DelaySeconds", &d.delay); err != nil {
		return d, err
	}
	return d, e.number("Priority", &d.priority)
}

func (q *queue) check(d draft) error {
	size := len(d.body)
	for _, l := range []limit{
		{"MessageBody", &size, 1, q.attributes.MaximumMessageSize, " bytes"},
		{"DelaySeconds", &d.delay, 0, 604800, " seconds"},
		{"Priority", &d.priority, 1, 16, ""},
	} {
		if err := l.check(); err != nil {
			return err
		}
	}
	return nil
}

// enqueue puts a checked draft into the queue. The caller holds the lock.
func (s *Server) enqueue(q *queue, d draft) *message {
	now := s.opts.Now()
	m := &message{number: s.next(), body: d.body, priority: d.priority, enqueued: now, visible: now}
	m.id = messageID(m.number, now)
	if d.delay > 0 {
		m.hide(now, d.delay)
	}
	q.messages = append(q.messages, m)
	q.wake()
	return m
}

// messageID has the form of the documented ones: two numbers of the server's, the time, and a count.
func messageID(number int64, now time.Time) string {
	return fmt.Sprintf("%016X-1-%X-%d", number, now.UnixMilli(), 200000000+number)
}

// sent is the answer to a sender; in a batch either half may be empty.
type sent struct {
	ErrorCode      string `xml:",omitempty"`
	ErrorMessage   string `xml:",omitempty"`
	MessageID      string `xml:"MessageId,omitempty"`
	MessageBodyMD5 string `xml:",omitempty"`
	ReceiptHandle  string `xml:",omitempty"` // of a delayed message, to withdraw it by
}

func sentOf(m *message) sent {
	return sent{MessageID: m.id, MessageBodyMD5: digest(m.body), ReceiptHandle: m.handle}
}

func (s *Server) sendMessage(q *request) (answer, error) {
	e, err := parse(q.body, "Message")
	if err != nil {
		return answer{}, err
	}
	return s.inQueue(q, func(queue *queue) (answer, error) {
		d, err := queue.draftOf(e)
		if err == nil {
			err = queue.check(d)
		}
		if err != nil {
			return answer{}, err
		}
		return document(http.StatusCreated, "Message", sentOf(s.enqueue(queue, d))), nil
	})
}
