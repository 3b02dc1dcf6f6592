// Package fault has the one error type that leaves the adapters: what went wrong in a call to RDS or MNS, and of which
// kind it is. Only the kind decides what happens next. The package never looks at an error's text.
package fault

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Kind is what a fault means for the one who made the call.
type Kind string

// The kinds. Throttled and Unavailable pass by themselves, Expired passes with the next invocation's credentials; the
// others do not pass.
const (
	Invalid     Kind = "Invalid"     // the request is wrong and stays wrong
	Denied      Kind = "Denied"      // credentials or permissions are refused
	NotFound    Kind = "NotFound"    // no such instance, topic or queue
	Conflict    Kind = "Conflict"    // the instance is not in a state for this now: look again
	Throttled   Kind = "Throttled"   // refused by flow control
	Unavailable Kind = "Unavailable" // no answer, or an answer that only says "later"
	Expired     Kind = "Expired"     // the temporary credentials, or a token for the next page of a list, have expired
	Internal    Kind = "Internal"    // our own fault, or a library's
	Unproven    Kind = "Unproven"    // RDS took the call, and the instance does not run the version
)

// InDoubt reports whether a call may have taken effect although its answer was an error of this kind. Only a refusal with a status below
// 500, and one by flow control whatever its status, is a sure "no". An error that says that something behind the service failed or took
// too long is no refusal.
func (k Kind) InDoubt(status int) bool {
	return k == Unavailable || k != Throttled && status >= http.StatusInternalServerError
}

// Codes say what a service's error codes mean. Each row has codes of one kind, and says where they are documented or were seen. The first match
// wins; a code with a * stands for a family.
type Codes []struct {
	Kind  Kind
	Seen  string
	Codes []string
}

// Kind returns the kind of an error answer. A code that is in no row has the kind of its status, and forbidden is that of status 403.
func (c Codes) Kind(status int, code string, forbidden Kind) Kind {
	for _, row := range c {
		if slices.ContainsFunc(row.Codes, func(pattern string) bool { match, _ := path.Match(pattern, code); return match }) {
			return row.Kind
		}
	}
	switch {
	case status == http.StatusTooManyRequests:
		return Throttled
	case status >= http.StatusInternalServerError, code == "":
		return Unavailable
	case status == http.StatusForbidden:
		return forbidden
	default:
		return Invalid
	}
}

// Read returns the fault that an answer tells of in the XML document that OSS and MNS have for it. Status 403 is a refusal of the credentials.
// foreign is the message if the answer is no such document.
func (c Codes) Read(status int, answer []byte, foreign error) *Error {
	var document struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string   `xml:"Code"`
		Message   string   `xml:"Message"`
		RequestID string   `xml:"RequestId"`
	}
	if xml.Unmarshal(answer, &document) != nil {
		document.Code, document.Message = "", foreign.Error()
	}
	kind := c.Kind(status, document.Code, Denied)
	return &Error{Kind: kind, Code: document.Code, Message: document.Message, RequestID: document.RequestID, InDoubt: kind.InDoubt(status)}
}

// Foreign returns the error about an answer that is not the service's, such as a web page: its text is not repeated.
func Foreign(whose string, status, length int) error {
	return fmt.Errorf("the answer is not %s: status %d, %d bytes", whose, status, length)
}

// Error is a fault. Its text holds no secret: the adapters see to that.
type Error struct {
	Op        string // service, action and resource: "rds: DescribeDBInstanceAttribute rm-x"
	Kind      Kind
	Code      string // the service's own code, "" if it gave none
	Message   string // the service's own words, or ours
	RequestID string // the service's id of the call, "" if it gave none
	// InDoubt says that the call may have taken effect although it failed.
	InDoubt bool
}

// Error gives "op: code: message (request id)", leaving out what is unknown.
func (e *Error) Error() string {
	parts := slices.DeleteFunc([]string{e.Op, e.Code, e.Message}, func(part string) bool { return part == "" })
	text := strings.Join(parts, ": ")
	if e.RequestID != "" {
		text += fmt.Sprintf(" (request %s)", e.RequestID)
	}
	return text
}

// maxWord bounds a code and a request id: in the cloud both are much shorter.
const maxWord = 128

// Of makes the fault that of a call. clean takes out of the service's words what must not be repeated.
func (e *Error) Of(op string, clean func(text string) string) *Error {
	code, id := clean(e.Code), clean(e.RequestID)
	e.Op, e.Message = op, clean(e.Message)
	e.Code, e.RequestID = code[:min(len(code), maxWord)], id[:min(len(id), maxWord)]
	return e
}

// From finds the fault in err. An error that is none is an Internal one: it did not come through an adapter.
func From(err error) *Error {
	var fault *Error
	if errors.As(err, &fault) {
		return fault
	}
	return &Error{Kind: Internal, Message: err.Error()}
}

// Retryable tells whether the same call may succeed a little later in the same invocation.
func Retryable(err error) bool {
	return err != nil && slices.Contains([]Kind{Throttled, Unavailable}, From(err).Kind)
}

// Passing tells whether the fault may be gone when Function Compute delivers the event again.
func Passing(err error) bool {
	return Retryable(err) || err != nil && From(err).Kind == Expired
}
