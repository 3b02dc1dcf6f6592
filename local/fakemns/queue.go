package fakemns

import (
	"net/http"
	"slices"
	"time"
)

// QueueAttributes are what a queue is told at its creation.
type QueueAttributes struct {
	DelaySeconds           int // for messages that name none themselves
	MaximumMessageSize     int // bytes of a message's body
	MessageRetentionPeriod int // seconds
	VisibilityTimeout      int // seconds for which a received message is hidden
	PollingWaitSeconds     int // for receivers that name no waitseconds themselves
	LoggingEnabled         bool
}

// defaults are documented with CreateQueue.
func defaults() QueueAttributes {
	return QueueAttributes{MaximumMessageSize: 65536, MessageRetentionPeriod: 345600, VisibilityTimeout: 30}
}

// limit is a number in a document with the range that it must lie in.
type limit struct {
	name      string
	value     *int
	low, high int
	unit      string
}

func (l limit) check() error {
	if *l.value < l.low || *l.value > l.high {
		return outOfRange(l.name, l.low, l.high, l.unit)
	}
	return nil
}

func (a *QueueAttributes) limits() []limit {
	return []limit{
		{"DelaySeconds", &a.DelaySeconds, 0, 604800, " seconds"},
		{"MaximumMessageSize", &a.MaximumMessageSize, 1024, 65536, " bytes"},
		{"MessageRetentionPeriod", &a.MessageRetentionPeriod, 60, 604800, " seconds"},
		{"VisibilityTimeout", &a.VisibilityTimeout, 1, 43200, " seconds"},
		{"PollingWaitSeconds", &a.PollingWaitSeconds, 0, 30, " seconds"},
	}
}

func (a *QueueAttributes) check() error {
	for _, l := range a.limits() {
		if err := l.check(); err != nil {
			return err
		}
	}
	return nil
}

// override takes what a document names and leaves the rest.
func (a *QueueAttributes) override(body []byte) error {
	e, err := parse(body, "Queue")
	if err != nil {
		return err
	}
	for _, l := range a.limits() {
		if err := e.number(l.name, l.value); err != nil {
			return err
		}
	}
	if err := e.truth("LoggingEnabled", &a.LoggingEnabled); err != nil {
		return err
	}
	return a.check()
}

// queue is guarded by the server's lock.
type queue struct {
	name              string
	attributes        QueueAttributes
	created, modified time.Time
	messages          []*message
	changed           chan struct{} // closed and replaced whenever a receiver should look again
}

// wake lets those look again who wait for a message.
func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// find gives the queue after dropping what its retention has ended. The caller holds the lock.
func (s *Server) find(name string) (*queue, error) {
	q, ok := s.queues[name]
	if !ok {
		return nil, refuse("QueueNotExist")
	}
	oldest := s.opts.Now().Add(-time.Duration(q.attributes.MessageRetentionPeriod) * time.Second)
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return !m.enqueued.After(oldest) })
	return q, nil
}

// inQueue performs on the queue that a request names, under the lock.
func (s *Server) inQueue(q *request, perform func(*queue) (answer, error)) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, err := s.find(q.names[0])
	if err != nil {
		return answer{}, err
	}
	return perform(queue)
}

// addQueue makes a queue and tells whether it is new.
func (s *Server) addQueue(name string, attributes QueueAttributes) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q, ok := s.queues[name]; ok {
		if q.attributes != attributes {
			return false, refuse("QueueAlreadyExist")
		}
		return false, nil
	}
	now := s.opts.Now()
	s.queues[name] = &queue{name: name, attributes: attributes, created: now, modified: now, changed: make(chan struct{})}
	return true, nil
}

func (s *Server) createQueue(q *request) (answer, error) {
	attributes := defaults()
	if err := attributes.override(q.body); err != nil {
		return answer{}, err
	}
	fresh, err := s.addQueue(q.names[0], attributes)
	if err != nil || !fresh {
		return noContent(), err
	}
	return created(s.url(q.path)), nil
}

func (s *Server) setQueueAttributes(q *request) (answer, error) {
	return s.inQueue(q, func(queue *queue) (answer, error) {
		attributes := queue.attributes
		if err := attributes.override(q.body); err != nil {
			return answer{}, err
		}
		queue.attributes, queue.modified = attributes, q.at
		return noContent(), nil
	})
}

func (s *Server) getQueueAttributes(q *request) (answer, error) {
	return s.inQueue(q, func(queue *queue) (answer, error) {
		return document(http.StatusOK, "Queue", queue.describe(q.at)), nil
	})
}

// deleteQueue succeeds for a queue that does not exist, too.
func (s *Server) deleteQueue(q *request) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if queue, ok := s.queues[q.names[0]]; ok {
		delete(s.queues, q.names[0])
		queue.wake()
	}
	return noContent(), nil
}

func (s *Server) listQueue(q *request) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, next, err := page(q, s.queues)
	if err != nil {
		return answer{}, err
	}
	list := struct {
		Queue      []queueDocument
		NextMarker string `xml:",omitempty"`
	}{NextMarker: next}
	for _, name := range names {
		entry := queueDocument{URL: s.url("/queues/" + name)}
		if q.withMeta() {
			queue, _ := s.find(name)
			entry.queueMeta = queue.describe(q.at)
		}
		list.Queue = append(list.Queue, entry)
	}
	return document(http.StatusOK, "Queues", list), nil
}

type queueDocument struct {
	URL string `xml:"QueueURL"`
	*queueMeta
}

type queueMeta struct {
	QueueName                  string
	CreateTime, LastModifyTime int64 // seconds
	DelaySeconds               int
	MaximumMessageSize         int
	MessageRetentionPeriod     int
	VisibilityTimeout          int
	PollingWaitSeconds         int
	ActiveMessages             int
	InactiveMessages           int
	DelayMessages              int
	LoggingEnabled             string
}

func (q *queue) describe(now time.Time) *queueMeta {
	count := map[State]int{}
	for _, m := range q.messages {
		count[m.state(now)]++
	}
	a := q.attributes
	return &queueMeta{
		QueueName: q.name, CreateTime: q.created.Unix(), LastModifyTime: q.modified.Unix(),
		DelaySeconds: a.DelaySeconds, MaximumMessageSize: a.MaximumMessageSize,
		MessageRetentionPeriod: a.MessageRetentionPeriod, VisibilityTimeout: a.VisibilityTimeout,
		PollingWaitSeconds: a.PollingWaitSeconds, ActiveMessages: count[Active], InactiveMessages: count[Inactive],
		DelayMessages: count[Delayed], LoggingEnabled: titled(a.LoggingEnabled),
	}
}

// titled is how the documentation writes a truth value.
func titled(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// url is a resource's address in the cloud, which clients take its name from.
func (s *Server) url(path string) string {
	return "http://" + s.opts.Account + ".mns." + s.opts.Region + ".aliyuncs.com" + path
}
