package events

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// maxMessages is the most that EventBridge puts into one event of a queue.
const maxMessages = 10_000

// Decode opens the envelope of an event. The messages come in the order of the event, and one that cannot be opened
// carries its own error. Decode itself fails only with *Unrecognized, when the event fits no envelope.
func Decode(event []byte) ([]Message, error) {
	text := trim(event)
	switch {
	case len(text) == 0:
		return nil, unrecognized("an empty event")
	case text[0] == '[':
		return decodeArray(text)
	case text[0] == '{':
		return decodeObject(text)
	}
	return decodeBase64(text)
}

func decodeObject(text []byte) ([]Message, error) {
	o, problem := readObject(text)
	if problem != "" {
		return nil, unrecognized("an object that " + problem)
	}
	s := shapeOf(o)
	switch {
	case s == nil:
		return nil, unrecognized(o.describe())
	case s.open == nil:
		return nil, &Unrecognized{Seen: s.name, Advice: s.advice}
	}
	return []Message{s.message(o, "$", text)}, nil
}

// decodeBase64 takes only a request. The triggers hand over their envelopes as they are, so base64 of an envelope
// is something that nobody sends.
func decodeBase64(text []byte) ([]Message, error) {
	if problem := tooLong(text, maxBody); problem != "" {
		return nil, unrecognized("text that " + problem)
	}
	body, ok := fromBase64(text)
	if !ok {
		return nil, unrecognized(describe(text))
	}
	o, problem := readObject(body)
	if problem != "" {
		return nil, unrecognized("base64 of an object that " + problem)
	}
	s := shapeOf(o)
	if s == nil || s.name != requestShape {
		return nil, unrecognized("base64 of " + o.describe())
	}
	return []Message{s.message(o, "$", text)}, nil
}

func decodeArray(text []byte) ([]Message, error) {
	var elements array
	if err := json.Unmarshal(text, &elements); err != nil {
		return nil, unrecognized("an array that " + broken(err))
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

// trim takes blanks off both ends, and the byte order mark that some editors put before a text.
func trim(text []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(text), []byte("\ufeff")))
}
