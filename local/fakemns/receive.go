package fakemns

import (
	"net/http"
	"time"
)

// received is a message as a receiver gets it. A peek has neither handle nor NextVisibleTime.
type received struct {
	MessageID        string `xml:"MessageId"`
	ReceiptHandle    string `xml:",omitempty"`
	MessageBody      string
	MessageBodyMD5   string
	EnqueueTime      int64
	NextVisibleTime  int64 `xml:",omitempty"`
	FirstDequeueTime int64
	DequeueCount     int
	Priority         int
}

func peeked(m *message) received {
	return received{
		MessageID: m.id, MessageBody: m.body, MessageBodyMD5: digest(m.body), EnqueueTime: millis(m.enqueued),
		FirstDequeueTime: millis(m.firstDequeued), DequeueCount: m.dequeued, Priority: m.priority,
	}
}

// receive hides the message from others and counts.
func (m *message) receive(now time.Time, seconds int) received {
	if m.dequeued == 0 {
		m.firstDequeued = now
	}
	m.dequeued++
	m.hide(now, seconds)
	r := peeked(m)
	r.ReceiptHandle, r.NextVisibleTime = m.handle, millis(m.visible)
	return r
}

func (s *Server) receiveMessage(q *request) (answer, error) {
	return one(s.wait(q, 1))
}

func (s *Server) batchReceiveMessage(q *request) (answer, error) {
	n, err := q.batchSize()
	if err != nil {
		return answer{}, err
	}
	return many(s.wait(q, n))
}

func (s *Server) peekMessage(q *request) (answer, error) {
	return one(s.peek(q, 1))
}

func (s *Server) batchPeekMessage(q *request) (answer, error) {
	n, err := q.batchSize()
	if err != nil {
		return answer{}, err
	}
	return many(s.peek(q, n))
}

func (q *request) batchSize() (int, error) {
	return q.number("numofmessages", "numOfMessages", 1, maxBatch, "")
}

func one(got []received, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, "Message", got[0]), nil
}

func many(got []received, err error) (answer, error) {
	return document(http.StatusOK, "Messages", struct{ Message []received }{got}), err
}

func (s *Server) peek(q *request, n int) ([]received, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, err := s.find(q.names[0])
	if err != nil {
		return nil, err
	}
	var got []received
	for _, m := range queue.active(q.at, n) {
		got = append(got, peeked(m))
	}
	if got == nil {
		return nil, refuse("MessageNotExist")
	}
	return got, nil
}

// wait receives up to n messages. With none there it waits for the first, as long as the request or else the queue
// says, or until the client is gone.
func (s *Server) wait(q *request, n int) ([]received, error) {
	patience, err := s.patience(q)
	if err != nil {
		return nil, err
	}
	end := time.NewTimer(patience)
	defer end.Stop()
	for {
		look, err := s.take(q.names[0], n)
		if err != nil || look.got != nil {
			return look.got, err
		}
		if patience == 0 || !s.sleep(q, look, end) {
			return nil, refuse("MessageNotExist")
		}
	}
}

// patience is how long a receiver waits.
func (s *Server) patience(q *request) (time.Duration, error) {
	if q.has("waitseconds") {
		seconds, err := q.number("waitseconds", "waitseconds", 0, 30, " seconds")
		return time.Duration(seconds) * time.Second, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, err := s.find(q.names[0])
	if err != nil {
		return 0, err
	}
	return time.Duration(queue.attributes.PollingWaitSeconds) * time.Second, nil
}

// look is what a receiver finds: messages, or when to look again.
type look struct {
	got     []received
	changed <-chan struct{} // something came or went
	due     time.Duration   // a hidden message appears; 0 if none will
}

func (s *Server) take(name string, n int) (look, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, err := s.find(name)
	if err != nil {
		return look{}, err
	}
	now := s.opts.Now()
	found := look{changed: queue.changed, due: queue.due(now)}
	for _, m := range queue.active(now, n) {
		found.got = append(found.got, m.receive(now, queue.attributes.VisibilityTimeout))
	}
	return found, nil
}

// due is how long it takes until the next hidden message appears; 0 if there is none.
func (q *queue) due(now time.Time) time.Duration {
	var due time.Duration
	for _, m := range q.messages {
		if left := m.visible.Sub(now); left > 0 && (due == 0 || left < due) {
			due = left
		}
	}
	return due
}

// sleep waits until it is worth to look again, and tells whether it is.
func (s *Server) sleep(q *request, l look, end *time.Timer) bool {
	var due <-chan time.Time
	if l.due > 0 {
		timer := time.NewTimer(l.due)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-l.changed:
	case <-due:
	case <-end.C:
		return false
	case <-q.http.Context().Done():
		return false
	case <-s.ctx.Done():
		return false
	}
	return q.http.Context().Err() == nil // a client that left just now must not take a message along
}
