package events

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// maxObject bounds an envelope: a message of 64 KB with each byte escaped six-fold, and as much again as its
// attributes could need.
const maxObject = 512 << 10

// An object is a JSON object in its own order and with every duplicate, which a map would hide.
type object []member

type member struct {
	key   string
	value json.RawMessage
}

// readObject takes an object apart, or says why it cannot.
func readObject(text []byte) (object, string) {
	if problem := tooLong(trim(text), maxObject); problem != "" {
		return nil, problem
	}
	if !utf8.Valid(text) {
		return nil, notUTF8
	}
	if opening(text) != '{' {
		return nil, "want an object, got " + describe(text)
	}
	var o object
	if json.Unmarshal(trim(text), &o) != nil {
		return nil, flawOf(text).String()
	}
	return o, ""
}

// UnmarshalJSON relies on encoding/json, which has checked the whole syntax and depth of the text before.
func (o *object) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	_, err := d.Token() // the brace
	for err == nil && d.More() {
		var key json.Token
		var m member
		if key, err = d.Token(); err == nil {
			m.key, _ = key.(string)
			err = d.Decode(&m.value)
			*o = append(*o, m)
		}
	}
	return err
}

// values gives all values of a key, in their order.
func (o object) values(key string) []json.RawMessage {
	var all []json.RawMessage
	for _, m := range o {
		if m.key == key {
			all = append(all, m.value)
		}
	}
	return all
}

// An array holds the elements of a JSON array, at most one more than an event may have.
type array []json.RawMessage

// UnmarshalJSON relies on encoding/json as that of object does.
func (a *array) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	_, err := d.Token() // the bracket
	for err == nil && d.More() && len(*a) <= maxMessages {
		var element json.RawMessage
		err = d.Decode(&element)
		*a = append(*a, element)
	}
	return err
}
