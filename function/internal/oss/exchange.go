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

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/transport"
)

// exchange is one request and its whole answer. It is the SDK's HTTP client, so that the function's own transport carries the request.
type exchange struct {
	call *transport.Call
	body []byte // of the request

	signature string
	failure   error // of the transport
	status    int
	header    http.Header
	answer    []byte
}

// Do sends the SDK's request. The answer is read to its end here, so nobody has a reader to close.
func (e *exchange) Do(r *http.Request) (_ *http.Response, err error) {
	defer func() { e.failure = err }() // the SDK's error would be its own words for it
	_, e.signature, _ = strings.Cut(r.Header.Get("Authorization"), "Signature=")
	r.Header.Set("Accept-Encoding", "identity") // the bytes as they are kept: net/http would ask for gzip, and unpack what was written packed
	e.setBody(r)
	answer, err := e.call.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	e.answer, _ = io.ReadAll(answer.Body) // the transport has it in memory
	e.status, e.header = answer.StatusCode, answer.Header
	answer.Body = io.NopCloser(bytes.NewReader(e.answer))
	return answer, nil
}

// setBody puts the body into the request. The SDK is not given it: its reader could not be read again when a kept connection turns out to be
// closed before anything was written, and an empty one would have no known end.
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

// explain makes a fault of a failed call. It reads the answer itself: the SDK's error mixes it with the request.
func (e *exchange) explain(err error) *fault.Error {
	switch {
	case e.failure != nil:
		return &fault.Error{Kind: fault.Unavailable, Message: e.failure.Error(), InDoubt: e.call.Reached()}
	case e.status == 0:
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

// unsent explains an error of the SDK about a request that it has not sent, and never will.
func unsent(err error, reached bool) *fault.Error {
	var parameter sdk.InvalidParamError
	if !errors.As(err, &parameter) {
		return &fault.Error{Kind: fault.Internal, Message: err.Error(), InDoubt: reached}
	}
	message := "not sent: " + parameter.Error()
	if parameter.Field() == "OperationInput.Bucket" {
		message = "not sent: this is no name of a bucket, which has 3 to 63 lower-case letters, digits and hyphens: name the bucket in STATE_BUCKET"
	}
	return &fault.Error{Kind: fault.Invalid, Message: message}
}
