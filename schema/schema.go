// Package schema publishes the form of the notifications and checks notifications against it. The function does not use it;
// tests, the local cloud and subscribers do.
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

// maxBody is the most that a message of MNS holds.
const maxBody = 64 << 10

// Check tells what is wrong with a published notification: as a message of MNS, against the JSON Schema, and as a CloudEvent 1.0. The
// tag is the message's.
func Check(body []byte, tag string) error {
	if len(body) > maxBody {
		return fmt.Errorf("notification of %d bytes: MNS takes %d", len(body), maxBody)
	}
	if err := checkSchema(body); err != nil {
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

// compiled is the schema, compiled at its first use.
var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(notification))
	if err != nil {
		return nil, err
	}
	const name = "notification.json"
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(name, document); err != nil {
		return nil, err
	}
	return compiler.Compile(name)
})

func checkSchema(body []byte) error {
	schema, err := compiled()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("notification is not JSON: %w", err)
	}
	return schema.Validate(value)
}
