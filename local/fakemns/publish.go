package fakemns

import (
	"maps"
	"net/http"
	"slices"
	"unicode/utf8"
)

// publishMessage records a message and hands it to the topic's subscriptions. What goes to queues is there before
// the answer is.
func (s *Server) publishMessage(q *request) (answer, error) {
	e, err := parse(q.body, "Message")
	if err != nil {
		return answer{}, err
	}
	m, err := topicMessageOf(e)
	if err != nil {
		return answer{}, err
	}
	pushes, err := s.publish(q.names[0], &m)
	if err != nil {
		return answer{}, err
	}
	for _, push := range pushes {
		s.push(push)
	}
	return document(http.StatusCreated, "Message", sent{MessageID: m.ID, MessageBodyMD5: m.MD5}), nil
}

// topicMessageOf reads a <Message>. Elements that belong to queues, such as DelaySeconds, mean nothing here.
func topicMessageOf(e element) (TopicMessage, error) {
	body, ok, err := e.text("MessageBody")
	if err != nil {
		return TopicMessage{}, err
	}
	if !ok {
		return TopicMessage{}, offSchema("MessageBody")
	}
	tag, _, err := e.text("MessageTag")
	if err != nil {
		return TopicMessage{}, err
	}
	m := TopicMessage{Body: body, MD5: digest(body), Tag: tag}
	for _, attributes := range e.all("MessageAttributes") {
		m.Attributes = map[string]string{}
		for _, a := range attributes.Children {
			m.Attributes[a.XMLName.Local] = a.Text
		}
	}
	return m, checkTag("MessageTag", tag)
}

func checkTag(name, tag string) error {
	n := utf8.RuneCountInString(tag)
	return limit{name, &n, 0, maxTag, ""}.check()
}

// publish completes the message, records it, and gives the pushes that follow from it.
func (s *Server) publish(name string, m *TopicMessage) ([]push, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.findTopic(name)
	if err != nil {
		return nil, err
	}
	size := len(m.Body)
	if err := (limit{"MessageBody", &size, 1, t.attributes.maximumMessageSize, " bytes"}).check(); err != nil {
		return nil, err
	}
	m.PublishTime = s.opts.Now()
	m.ID, m.Topic, m.TopicOwner = messageID(s.next(), m.PublishTime), name, s.opts.Account
	s.published[name] = append(s.published[name], *m)
	var pushes []push
	for _, key := range slices.Sorted(maps.Keys(t.subscriptions)) {
		sub := t.subscriptions[key]
		if sub.filterTag == "" || sub.filterTag == m.Tag {
			pushes = append(pushes, push{sub, m.to(sub)})
		}
	}
	return pushes, nil
}

// clone gives a message that shares no map with the original.
func (m TopicMessage) clone() TopicMessage {
	m.Attributes = maps.Clone(m.Attributes)
	return m
}

// to gives the message as one subscription sees it.
func (m TopicMessage) to(s *subscription) TopicMessage {
	m = m.clone()
	m.Subscriber, m.Subscription = m.TopicOwner, s.name
	return m
}
