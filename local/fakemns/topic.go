package fakemns

import (
	"net/http"
	"time"
)

// topicRetention is how long a topic keeps a message for pushing ("Limits": one day).
const topicRetention = 24 * time.Hour

// maxTag is the most characters of a MessageTag or FilterTag.
const maxTag = 16

// TopicMessage is a message published to a topic, as a subscriber of it sees it.
type TopicMessage struct {
	ID           string
	Topic        string
	TopicOwner   string // the account
	Subscriber   string // the account; empty in the history of the topic
	Subscription string // its name; empty in the history of the topic
	Body         string
	MD5          string // of Body, in upper-case hexadecimal
	Tag          string
	Attributes   map[string]string
	PublishTime  time.Time
}

// topicAttributes are what a topic is told at its creation.
type topicAttributes struct {
	maximumMessageSize int
	loggingEnabled     bool
}

// topic is guarded by the server's lock.
type topic struct {
	name              string
	attributes        topicAttributes
	created, modified time.Time
	subscriptions     map[string]*subscription
}

func (a *topicAttributes) override(body []byte) error {
	e, err := parse(body, "Topic")
	if err != nil {
		return err
	}
	size := limit{"MaximumMessageSize", &a.maximumMessageSize, 1024, 65536, " bytes"}
	if err := e.number(size.name, size.value); err != nil {
		return err
	}
	if err := e.truth("LoggingEnabled", &a.loggingEnabled); err != nil {
		return err
	}
	return size.check()
}

// findTopic gives a topic. The caller holds the lock.
func (s *Server) findTopic(name string) (*topic, error) {
	t, ok := s.topics[name]
	if !ok {
		return nil, refuse("TopicNotExist")
	}
	return t, nil
}

// inTopic performs on the topic that a request names, under the lock.
func (s *Server) inTopic(q *request, perform func(*topic) (answer, error)) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.findTopic(q.names[0])
	if err != nil {
		return answer{}, err
	}
	return perform(t)
}

// addTopic makes a topic and tells whether it is new.
func (s *Server) addTopic(name string, attributes topicAttributes) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.topics[name]; ok {
		if t.attributes != attributes {
			return false, refuse("TopicAlreadyExist")
		}
		return false, nil
	}
	now := s.opts.Now()
	s.topics[name] = &topic{
		name: name, attributes: attributes, created: now, modified: now, subscriptions: map[string]*subscription{},
	}
	return true, nil
}

func (s *Server) createTopic(q *request) (answer, error) {
	attributes := topicAttributes{maximumMessageSize: 65536}
	if err := attributes.override(q.body); err != nil {
		return answer{}, err
	}
	fresh, err := s.addTopic(q.names[0], attributes)
	if err != nil || !fresh {
		return noContent(), err
	}
	return created(s.url(q.path)), nil
}

func (s *Server) setTopicAttributes(q *request) (answer, error) {
	return s.inTopic(q, func(t *topic) (answer, error) {
		attributes := t.attributes
		if err := attributes.override(q.body); err != nil {
			return answer{}, err
		}
		t.attributes, t.modified = attributes, q.at
		return noContent(), nil
	})
}

func (s *Server) getTopicAttributes(q *request) (answer, error) {
	return s.inTopic(q, func(t *topic) (answer, error) {
		return document(http.StatusOK, "Topic", s.describe(t)), nil
	})
}

// deleteTopic succeeds for a topic that does not exist, too. Its subscriptions go with it.
func (s *Server) deleteTopic(q *request) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.topics, q.names[0])
	return noContent(), nil
}

func (s *Server) listTopic(q *request) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, next, err := page(q, s.topics)
	if err != nil {
		return answer{}, err
	}
	list := struct {
		Topic      []topicDocument
		NextMarker string `xml:",omitempty"`
	}{NextMarker: next}
	for _, name := range names {
		entry := topicDocument{URL: s.url("/topics/" + name)}
		if q.withMeta() {
			entry.topicMeta = s.describe(s.topics[name])
		}
		list.Topic = append(list.Topic, entry)
	}
	return document(http.StatusOK, "Topics", list), nil
}

type topicDocument struct {
	URL string `xml:"TopicURL"`
	*topicMeta
}

type topicMeta struct {
	TopicName                  string
	CreateTime, LastModifyTime int64 // seconds
	MaximumMessageSize         int
	MessageRetentionPeriod     int
	MessageCount               int
	LoggingEnabled             string
}

func (s *Server) describe(t *topic) *topicMeta {
	oldest, count := s.opts.Now().Add(-topicRetention), 0
	for _, m := range s.published[t.name] {
		if m.PublishTime.After(oldest) {
			count++
		}
	}
	return &topicMeta{
		TopicName: t.name, CreateTime: t.created.Unix(), LastModifyTime: t.modified.Unix(),
		MaximumMessageSize: t.attributes.maximumMessageSize, MessageRetentionPeriod: int(topicRetention.Seconds()),
		MessageCount: count, LoggingEnabled: titled(t.attributes.loggingEnabled),
	}
}
