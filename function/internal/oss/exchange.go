package oss

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"strconv"
	"strings"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/transport"
)

// exchange is one request and its whole answer.
type exchange struct {
	call *transport.Call
	body []byte // of the request

	signature string
	failure   error // of the transport
	status    int
	header    http.Header
	answer    []byte
}

// send sends the request over the function's transport, and reads the answer to its end.
func (e *exchange) send(r *http.Request) (err error) {
	defer func() { e.failure = err }()
	_, e.signature, _ = strings.Cut(r.Header.Get("Authorization"), "Signature=")
	r.Header.Set("Accept-Encoding", "identity") // the bytes as they are kept: net/http would ask for gzip, and unpack what was written packed
	e.setBody(r)
	answer, err := e.call.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	e.answer, _ = io.ReadAll(answer.Body) // the transport has it in memory
	e.status, e.header = answer.StatusCode, answer.Header
	return nil
}

// setBody puts the body into the request. It can be read again when a kept connection turns out to be closed before anything was written, and an
// empty one has a known end.
func (e *exchange) setBody(r *http.Request) {
	r.Body, r.ContentLength = http.NoBody, int64(len(e.body))
	if len(e.body) > 0 {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(e.body)), nil }
		r.Body, _ = r.GetBody()
	}
}

// requestID returns OSS's id of the call, which every answer of OSS has in a header.
func (e *exchange) requestID() string { return e.header.Get("x-oss-request-id") }

// versioned reports whether the answer speaks of a version of an object, as in a bucket whose versioning is or was enabled.
func (e *exchange) versioned() bool { return e.header.Get("x-oss-version-id") != "" }

// verify compares a content with the checksum of the object that the answer speaks of.
func (e *exchange) verify(content []byte) error {
	sum := e.header.Get("x-oss-hash-crc64ecma")
	if sum != "" && sum != strconv.FormatUint(crc64.Checksum(content, crc64.MakeTable(crc64.ECMA)), 10) {
		return errors.New("the checksum of the object is not that of its content")
	}
	return nil
}

// explain makes a fault of a failed call.
func (e *exchange) explain(err error) *fault.Error {
	switch {
	case e.failure != nil:
		return &fault.Error{Kind: fault.Unavailable, Message: e.failure.Error(), InDoubt: e.call.Reached()}
	case e.status == 0: // it was not sent, or a panic has ended it
		return unsent(err, e.call.Reached())
	case e.status/100 == 2: // the error is one of ours
		return &fault.Error{Kind: fault.Unavailable, Message: err.Error(), RequestID: e.requestID(), InDoubt: true}
	}
	var document struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string   `xml:"Code"`
		Message   string   `xml:"Message"`
		RequestID string   `xml:"RequestId"`
	}
	if xml.Unmarshal(e.answer, &document) != nil {
		document.Code, document.Message = "", e.foreign().Error()
	}
	kind, hint := meaning(e.status, document.Code)
	if hint != "" {
		document.Message += ": " + hint
	}
	return &fault.Error{
		Kind: kind, Code: document.Code, Message: document.Message, RequestID: cmp.Or(document.RequestID, e.requestID()),
		InDoubt: kind.InDoubt(e.status),
	}
}

// foreign tells of an answer that is a web page, say: its text is not repeated.
func (e *exchange) foreign() error {
	return fmt.Errorf("the answer is not OSS's: status %d, %d bytes", e.status, len(e.answer))
}

// unsent explains why a request was not sent, and never will be, or that nobody knows.
func unsent(err error, reached bool) *fault.Error {
	var refusal *fault.Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return &fault.Error{Kind: fault.Internal, Message: err.Error(), InDoubt: reached}
}
