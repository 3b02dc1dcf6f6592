package fakemns

import (
	"context"
	"slices"
	"time"
)

// CreateQueue makes a queue with the documented defaults, changed by each of set. It returns an *Error that says
// what the service would have said; a queue that exists with the same attributes is none.
func (s *Server) CreateQueue(name string, set ...func(*QueueAttributes)) error {
	attributes := defaults()
	for _, change := range set {
		change(&attributes)
	}
	if err := queueNaming().check(name); err != nil {
		return err
	}
	if err := attributes.check(); err != nil {
		return err
	}
	_, err := s.addQueue(name, attributes)
	return err
}

// CreateTopic makes a topic with the documented defaults.
func (s *Server) CreateTopic(name string) error {
	if err := topicNaming().check(name); err != nil {
		return err
	}
	_, err := s.addTopic(name, topicAttributes{maximumMessageSize: 65536})
	return err
}

// Subscribe makes a subscription of a topic.
func (s *Server) Subscribe(topic, name string, asked Subscription) error {
	if err := subscriptionNaming().check(name); err != nil {
		return err
	}
	sub, err := s.subscriptionOf(topic, name, asked)
	if err != nil {
		return err
	}
	_, err = s.addSubscription(sub)
	return err
}

// SubscribeFunc subscribes a function of this process, as Function Compute's topic trigger does. Each push runs in
// a goroutine of the server's; when it returns an error, it is repeated as BackoffRetry says. Its context ends
// with Close.
func (s *Server) SubscribeFunc(topic, name, filterTag string, push func(context.Context, TopicMessage) error) error {
	if err := subscriptionNaming().check(name); err != nil {
		return err
	}
	sub := &subscription{
		name: name, topic: topic, owner: s.opts.Account, endpoint: "local:func/" + name, call: push,
		filterTag: filterTag, strategy: BackoffRetry, format: JSON,
	}
	if err := sub.check(); err != nil {
		return err
	}
	_, err := s.addSubscription(sub)
	return err
}

// QueueEndpoint is the endpoint by which a topic pushes into a queue of this server.
func (s *Server) QueueEndpoint(queue string) string {
	return "acs:mns:" + s.opts.Region + ":" + s.opts.Account + ":queues/" + queue
}

// Published gives all that was ever published to a topic, the oldest first.
func (s *Server) Published(topic string) []TopicMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.published[topic])
	for i := range all {
		all[i] = all[i].clone()
	}
	return all
}

// QueueMessage is a message in a queue, seen without receiving it.
type QueueMessage struct {
	ID               string
	Body             string
	MD5              string // of Body, in upper-case hexadecimal
	Priority         int
	State            State
	EnqueueTime      time.Time
	NextVisibleTime  time.Time
	FirstDequeueTime time.Time // zero until it was received
	DequeueCount     int
}

// Messages gives what is in a queue, in the order of its arrival, whether it can be received or not. A queue that
// does not exist has nothing.
func (s *Server) Messages(queue string) []QueueMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(queue)
	if err != nil {
		return nil
	}
	var all []QueueMessage
	for _, m := range q.messages {
		all = append(all, QueueMessage{
			ID: m.id, Body: m.body, MD5: digest(m.body), Priority: m.priority, State: m.state(s.opts.Now()),
			EnqueueTime: m.enqueued, NextVisibleTime: m.visible, FirstDequeueTime: m.firstDequeued, DequeueCount: m.dequeued,
		})
	}
	return all
}
