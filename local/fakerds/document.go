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

// json writes the document as an object with its fields in their order.
func (d document) json() []byte {
	var b bytes.Buffer
	writeJSON(&b, d)
	return b.Bytes()
}

// writeJSON goes through the document once: encoding/json would go over what a Marshaler gives at each level anew.
func writeJSON(b *bytes.Buffer, value any) {
	switch v := value.(type) {
	case document:
		b.WriteByte('{')
		for n, e := range v {
			if n > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + e.name + `":`)
			writeJSON(b, e.value)
		}
		b.WriteByte('}')
	case []document:
		b.WriteByte('[')
		for n, d := range v {
			if n > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, d)
		}
		b.WriteByte(']')
	default:
		text, err := json.Marshal(v)
		if err != nil {
			panic(fmt.Sprintf("a string, number or bool always encodes: %v", err))
		}
		b.Write(text)
	}
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
