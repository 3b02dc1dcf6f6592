package fakerds

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
)

// document is an answer, apart from its form: named values in their order. A value is a string, number or bool,
// a document, or a list of documents, which is an array in JSON and a repeated element in XML.
type document []element

type element struct {
	name  string
	value any
}

// MarshalJSON writes an object with its fields in their order.
func (d document) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range d {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(e.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		fmt.Fprintf(&b, "%q:%s", e.name, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// xml writes the document inside an element called root.
func (d document) xml(root string) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version='1.0' encoding='UTF-8'?>")
	writeXML(&b, root, d)
	return b.Bytes()
}

func writeXML(b *bytes.Buffer, name string, value any) {
	if list, ok := value.([]document); ok {
		for _, item := range list {
			writeXML(b, name, item)
		}
		return
	}
	b.WriteString("<" + name + ">")
	if inner, ok := value.(document); ok {
		for _, e := range inner {
			writeXML(b, e.name, e.value)
		}
	} else {
		_ = xml.EscapeText(b, fmt.Append(nil, value)) // a buffer takes everything
	}
	b.WriteString("</" + name + ">")
}
