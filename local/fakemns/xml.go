package fakemns

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const namespace = "http://mns.aliyuncs.com/doc/v1/"

// element is one element of a request's document.
type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Children []element `xml:",any"`
}

// parse reads a document whose root must have the given name. Clients send it with and without XML declaration
// and namespace.
func parse(body []byte, root string) (element, error) {
	var e element
	d := xml.NewDecoder(bytes.NewReader(body)) //nolint:gosec // into a tree of strings
	if d.Decode(&e) != nil || trailing(d) {
		return element{}, refuse("MalformedXML")
	}
	known := []string{"", namespace, strings.TrimSuffix(namespace, "/")} // the Java client omits the last slash
	if e.XMLName.Local != root || !slices.Contains(known, e.XMLName.Space) {
		return element{}, offSchema(e.XMLName.Local)
	}
	return e, nil
}

// trailing tells whether anything but white space and comments follows the root.
func trailing(d *xml.Decoder) bool {
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return false
		}
		text, blank := token.(xml.CharData)
		_, comment := token.(xml.Comment)
		if err != nil || !comment && (!blank || strings.TrimSpace(string(text)) != "") {
			return true
		}
	}
}

// rootName gives the name of a document's root, or nothing for what is no document.
func rootName(body []byte) string {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		if start, ok := token.(xml.StartElement); ok {
			return start.Name.Local
		}
	}
}

// all gives the children with this name.
func (e element) all(name string) []element {
	var found []element
	for _, child := range e.Children {
		if child.XMLName.Local == name {
			found = append(found, child)
		}
	}
	return found
}

// text gives the text of the child with this name, and whether it is there.
func (e element) text(name string) (string, bool, error) {
	found := e.all(name)
	if len(found) == 0 {
		return "", false, nil
	}
	if len(found) > 1 || len(found[0].Children) > 0 {
		return "", false, offSchema(name)
	}
	return found[0].Text, true, nil
}

// number sets n from the child with this name, if it is there.
func (e element) number(name string, n *int) error {
	text, ok, err := e.text(name)
	if !ok || err != nil {
		return err
	}
	if *n, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
		return offSchema(name)
	}
	return nil
}

// truth sets b from the child with this name, if it is there.
func (e element) truth(name string, b *bool) error {
	text, ok, err := e.text(name)
	if !ok || err != nil {
		return err
	}
	if *b, err = strconv.ParseBool(strings.ToLower(strings.TrimSpace(text))); err != nil {
		return offSchema(name)
	}
	return nil
}

// answer is what goes back. Without a root it has no body.
type answer struct {
	status   int
	code     string // the error's, if it is one
	location string
	root     string
	body     any
}

func created(location string) answer { return answer{status: http.StatusCreated, location: location} }
func noContent() answer              { return answer{status: http.StatusNoContent} }
func document(status int, root string, body any) answer {
	return answer{status: status, root: root, body: body}
}

func (a answer) write(w http.ResponseWriter, q *request) {
	header := w.Header()
	header.Set("Server", "AliyunMQS")
	header.Set("Date", q.at.UTC().Format(http.TimeFormat))
	header.Set("x-mns-request-id", q.id)
	header.Set("x-mns-version", apiVersion)
	if a.location != "" {
		header.Set("Location", a.location)
	}
	var text []byte
	if a.root != "" {
		text = marshal(a.root, a.body)
		header.Set("Content-Type", "text/xml;charset=utf-8")
	}
	if a.status != http.StatusNoContent {
		header.Set("Content-Length", strconv.Itoa(len(text)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(text)
}

// marshal writes a document. Only the root names the namespace: one on each message of a batch breaks the
// Node.js client.
func marshal(root string, body any) []byte {
	var out bytes.Buffer
	out.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	start := xml.StartElement{
		Name: xml.Name{Local: root}, Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: namespace}},
	}
	if err := xml.NewEncoder(&out).EncodeElement(body, start); err != nil {
		panic(fmt.Sprintf("fakemns: documents of strings and numbers always encode: %v", err))
	}
	return out.Bytes()
}

// millis is how MNS writes the times of messages.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

type errorDocument struct {
	Code, Message string
	RequestID     string `xml:"RequestId"`
	HostID        string `xml:"HostId"`
}
