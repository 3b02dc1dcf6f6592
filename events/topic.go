package events

// openTopic opens a topic's message in JSON format. MNS puts the attributes of the message beside its own keys, so any
// other key is allowed here. PublishTime arrives as a number or as a string.
func openTopic(e *envelope) Message {
	return Message{
		Trigger:   MNSTopic,
		ID:        e.name("MessageId"),
		Source:    e.name("TopicName"),
		Published: e.time("PublishTime"),
		Body:      e.body("Message"),
	}
}

// openStream opens a topic's message in STREAM format with attributes. It names neither the message nor the topic.
func openStream(e *envelope) Message {
	e.only("body", "attrs")
	return Message{Trigger: MNSTopic, Body: e.body("body")}
}
