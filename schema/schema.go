// Package schema publishes the form of the notifications and of the state document, and checks both against it. The function does not use
// it; tests, the local cloud and subscribers do.
package schema

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed notification.json
var notification []byte

//go:embed state.json
var state []byte

// maxBody is the most that a message of MNS holds.
const maxBody = 64 << 10

// Check reports what is wrong with a published notification: as a message of MNS, against the JSON Schema, and as a CloudEvent 1.0. The
// tag is the message's.
func Check(body []byte, tag string) error {
	if len(body) > maxBody {
		return fmt.Errorf("notification of %d bytes: MNS takes %d", len(body), maxBody)
	}
	if err := check(compiledNotification, body); err != nil {
		return err
	}
	var event cloudevents.Event
	if err := json.Unmarshal(body, &event); err != nil {
		return fmt.Errorf("notification is no CloudEvent: %w", err)
	}
	if err := event.Validate(); err != nil {
		return fmt.Errorf("notification is no CloudEvent: %w", err)
	}
	if want := "rds.kernelupgrade." + tag; event.Type() != want {
		return fmt.Errorf("notification of type %s with tag %q: want type %s", event.Type(), tag, want)
	}
	return nil
}

// CheckState reports what is wrong with the text of a state document, after decompression.
func CheckState(text []byte) error { return check(compiledState, text) }

// CheckArchive reports what is wrong with the text of the archive of a rollout, after decompression.
func CheckArchive(text []byte) error { return check(compiledArchive, text) }

// The schemas, compiled at their first use.
var (
	compiledNotification = compiled(notification, "")
	compiledState        = compiled(state, "")
	compiledArchive      = compiled(state, "#/$defs/archive")
)

// compiled returns a schema that is compiled at its first use: the part of a document that a fragment names.
func compiled(text []byte, fragment string) func() (*jsonschema.Schema, error) {
	return sync.OnceValues(func() (*jsonschema.Schema, error) {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		const name = "schema.json"
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		if err := compiler.AddResource(name, document); err != nil {
			return nil, err
		}
		return compiler.Compile(name + fragment)
	})
}

func check(compiled func() (*jsonschema.Schema, error), text []byte) error {
	schema, err := compiled()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	return schema.Validate(value)
}
