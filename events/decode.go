package events

import (
	"encoding/json"
	"fmt"
)

// maxMessages is the most that EventBridge puts into one event of a queue.
const maxMessages = 10_000

// Decode opens the envelope of an event. The messages come in the order of the event, and one that cannot be opened
// carries its own error. Decode itself fails only with *Unrecognized, when the event fits no envelope.
func Decode(event []byte) ([]Message, error) {
	if len(trim(event)) == 0 {
		return nil, unrecognized("an empty event")
	}
	switch opening(trim(event)) {
	case '[':
		return decodeArray(event)
	case '{':
		return decodeObject(event)
	}
	return decodeBase64(event)
}

func decodeObject(text []byte) ([]Message, error) {
	o, problem := readObject(text)
	if problem != "" {
		return nil, unreadable("an object", text, problem)
	}
	s := shapeOf(o)
	switch {
	case s == nil:
		return nil, unrecognized(o.describe())
	case s.open == nil:
		return nil, &Unrecognized{Seen: s.name, Advice: s.advice}
	}
	return []Message{s.message(o, "$", trim(text))}, nil
}

// decodeBase64 takes only a request. The triggers hand over their envelopes as they are, so base64 of an envelope
// is something that nobody sends.
func decodeBase64(text []byte) ([]Message, error) {
	if problem := tooLong(trim(text), maxBody); problem != "" {
		return nil, unrecognized("text that " + problem)
	}
	body, ok := fromBase64(trim(text))
	if !ok {
		if f := notBase64(text); f.advice != "" {
			return nil, &Unrecognized{Seen: "text that is not base64: " + f.seen, Advice: f.advice}
		}
		return nil, unrecognized(describe(trim(text)))
	}
	o, problem := readObject(body)
	if problem != "" {
		return nil, unreadable("base64 of an object", body, problem)
	}
	s := shapeOf(o)
	if s == nil || s.name != requestShape {
		return nil, unrecognized("base64 of " + o.describe())
	}
	return []Message{s.message(o, "$", trim(text))}, nil
}

func decodeArray(text []byte) ([]Message, error) {
	var elements array
	if json.Unmarshal(trim(text), &elements) != nil {
		return nil, unreadable("an array", text, flawOf(text).String())
	}
	if len(elements) == 0 {
		return nil, unrecognized("an empty array")
	}
	if len(elements) > maxMessages {
		return nil, unrecognized(fmt.Sprintf("an array of more than %d elements", maxMessages))
	}
	messages := make([]Message, len(elements))
	for i, element := range elements {
		messages[i] = decodeElement(element, fmt.Sprintf("$[%d]", i))
	}
	return messages, nil
}

// decodeElement opens one element of an array. Only queues send arrays, so every element is a queue's message.
func decodeElement(text []byte, path string) Message {
	o, problem := readObject(text)
	s := shapeOf(o)
	if problem == "" && (s == nil || s.name != queueShape) {
		problem = "want " + queueShape + ", got " + o.describe()
	}
	if problem != "" {
		return Message{Trigger: MNSQueue, Err: invalid("event", Problem{path, problem})}
	}
	return s.message(o, path, text)
}

// unreadable is the error of an event that has a problem. Where another character was meant, that says better what to do than the list of
// what is accepted.
func unreadable(what string, text []byte, problem string) *Unrecognized {
	if f := flawOf(text); f.advice != "" && f.String() == problem {
		return &Unrecognized{Seen: what + " that is broken JSON: " + f.seen, Advice: f.advice}
	}
	return unrecognized(what + " that " + problem)
}
