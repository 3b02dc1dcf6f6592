package events

import (
	"encoding/json"
	"strings"
	"time"
)

const sendMessage = "mns:Queue:SendMessage"

// openQueue opens a queue's message, which EventBridge delivers as a CloudEvent. CloudEvents 1.0 lets producers add
// attributes of their own, and EventBridge does, so other keys are allowed.
func openQueue(e *envelope) Message {
	m := Message{Trigger: MNSQueue}
	if !e.isQueueMessage() {
		return m
	}
	m.Source, m.Published = queueName(e.values("subject")), e.time("time")
	if data, ok := e.child("data"); ok {
		m.ID, m.Body = data.name("messageId"), data.body("messageBody")
		e.problems = append(e.problems, data.problems...)
	}
	return m
}

func (e *envelope) isQueueMessage() bool {
	kind := e.name("type")
	switch {
	case kind == sendMessage:
		return true
	case strings.Contains(kind, ":CloudMonitor:"):
		e.note("type", quote(kind)+" is an event of CloudMonitor: "+noRequest)
	case kind != "":
		e.note("type", quote(kind)+" is not a queue's message: want "+quote(sendMessage))
	}
	return false
}

// queueName takes the name out of a subject such as acs:mns:cn-hangzhou:1234567890123456:queues/name.
func queueName(subject []json.RawMessage) string {
	if len(subject) != 1 {
		return ""
	}
	text, _ := asString(subject[0])
	_, name, _ := strings.Cut(text, ":queues/")
	if printable(1, maxName)(name, time.Time{}) != "" {
		return ""
	}
	return name
}
