package events

import "time"

// Trigger is where an event came from. Its values appear in notifications.
type Trigger string

// The triggers.
const (
	MNSTopic Trigger = "mns_topic" // a subscription of a topic, in JSON format or in STREAM format with attributes
	MNSQueue Trigger = "mns_queue" // a queue, through EventBridge
	Timer    Trigger = "timer"
	Direct   Trigger = "direct" // InvokeFunction, and a topic's message in STREAM format without attributes
)

// Message is one message of an event. One with an Err keeps what else could be read.
type Message struct {
	Trigger Trigger

	// ID stays the same when the message is delivered again: the MessageId of MNS, or a timer's name, "@" and trigger
	// time. It is empty where the envelope has none (STREAM format, direct invocation) or where it could not be read.
	ID string

	Source string // the name of the topic, queue or timer; empty if unknown
	// Published is when the message was sent; the same when it is delivered again. It is zero where the envelope does not say.
	Published time.Time
	Body      []byte // the JSON text of the request; base64 is undone
	Err       error  // why the message could not be opened, a *Invalid; Body is nil then
}
