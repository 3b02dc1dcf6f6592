// Package fault has the one error type that leaves the adapters: what went wrong in a call to RDS or MNS, and of which
// kind it is. Only the kind decides what happens next. The package never looks at an error's text.
package fault

import (
	"errors"
	"fmt"
	"net/http"
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
	switch k {
	case Throttled:
		return false
	case Unavailable:
		return true
	default:
		return status >= http.StatusInternalServerError
	}
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
	parts := []string{}
	for _, part := range []string{e.Op, e.Code, e.Message} {
		if part != "" {
			parts = append(parts, part)
		}
	}
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
	if err == nil {
		return false
	}
	kind := From(err).Kind
	return kind == Throttled || kind == Unavailable
}

// Passing tells whether the fault may be gone when Function Compute delivers the event again.
func Passing(err error) bool {
	return Retryable(err) || err != nil && From(err).Kind == Expired
}
