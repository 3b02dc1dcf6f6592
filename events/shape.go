package events

import "slices"

// The names of the shapes, as errors tell them.
const (
	topicShape   = "an MNS topic message (TopicName, MessageId, Message)"
	streamShape  = "an MNS topic message with attributes (body, attrs)"
	queueShape   = "an MNS queue message (a CloudEvent with data.messageBody)"
	timerShape   = "a timer event (triggerTime, triggerName, payload)"
	requestShape = "a request such as " + sample
)

// sample is what errors show to those who sent something else.
const sample = `{"DBInstanceId":"rm-bp1abcd","UpgradeTime":"MaintainTime"}`

// A shape is one row of the table in the package's documentation.
type shape struct {
	name   string
	fits   func(object) bool
	open   func(*envelope) Message // nil: recognized only to be refused by its name
	advice string                  // what to do about one that is refused
}

var shapes = []shape{
	{name: topicShape, fits: has("TopicName", "MessageId"), open: openTopic},
	{name: streamShape, fits: has("body", "attrs"), open: openStream},
	{name: queueShape, fits: has("specversion", "type"), open: openQueue},
	{name: timerShape, fits: has("triggerTime", "triggerName"), open: openTimer},
	{name: "a maintenance event of RDS (eventId, eventType)", fits: has("eventId", "eventType"), advice: noRequest},
	{name: "an event of CloudMonitor (product, content)", fits: has("product", "content"), advice: noRequest},
	{name: "an advisory (id, affected)", fits: has("id", "affected"), advice: wantEnvelope},
	{name: requestShape, fits: resemblesRequest, open: openDirect},
}

// noRequest is the answer to the events that tell of maintenance. They name an instance but ask for nothing, so
// acting on one would be a guess.
const noRequest = "it asks for no upgrade and is not supported: end the rule that sends it here, and send " + requestShape

// wantEnvelope is the answer to an advisory that comes alone. What it says is clear, what is to be done about it is not.
const wantEnvelope = `it says nothing of what to do: send {"kind":"advisory","advisory":{…}} with it inside`

// shapeOf gives the first shape that fits, or nil.
func shapeOf(o object) *shape {
	for i := range shapes {
		if shapes[i].fits(o) {
			return &shapes[i]
		}
	}
	return nil
}

// message opens an object of the shape. Path is where the object stands in the event, text the whole of it.
func (s *shape) message(o object, path string, text []byte) Message {
	e := &envelope{object: o, path: path, text: text}
	m := s.open(e)
	if len(e.problems) > 0 {
		m.Body, m.Err = nil, invalid("event", e.problems...)
	}
	return m
}

// has fits the objects that have all of the keys. Their values are checked later: a known envelope with a wrong
// value deserves a better answer than "unrecognized".
func has(keys ...string) func(object) bool {
	return func(o object) bool {
		for _, key := range keys {
			if !slices.ContainsFunc(o, func(m member) bool { return m.key == key }) {
				return false
			}
		}
		return true
	}
}

// resemblesRequest fits the objects that have a field of a request, be it misspelt: Parse then names the right one.
func resemblesRequest(o object) bool {
	known := request.fieldNames()
	return slices.ContainsFunc(o, func(m member) bool { return nearest(m.key, known) != "" })
}
