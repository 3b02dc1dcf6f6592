package mns

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aliyun/credentials-go/credentials"
	"github.com/valyala/fasthttp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/transport"
)

// exchange is one request and its answer. It gives the SDK the credentials of the invocation, and sends the SDK's request over the function's
// own transport.
type exchange struct {
	credentials.Credential // the rest of the SDK's interface, which it does not call
	transport              *transport.Transport
	endpoint               transport.Endpoint
	host                   string // the Host header: the real name also when the endpoint is on loopback

	call      *transport.Call
	signer    invocation.Credentials
	signature string
	failure   error // the transport's
	status    int
	answer    []byte
}

func (e *exchange) begin(ctx context.Context, c invocation.Credentials) {
	e.call, e.signer, e.signature, e.failure, e.status, e.answer = e.transport.Call(ctx), c, "", nil, 0, nil
}

// RoundTrip carries the SDK's request. It always says "do not retry": the SDK's own transport sends a POST again whenever
// the server closes the connection early.
func (e *exchange) RoundTrip(_ *fasthttp.HostClient, request *fasthttp.Request, response *fasthttp.Response) (retry bool, err error) {
	defer func() { e.failure = err }() // the SDK's error would be its own words for it
	address := fmt.Sprintf("%s://%s%s", e.endpoint.Scheme, e.endpoint.Host, request.RequestURI())
	r, err := http.NewRequest(string(request.Header.Method()), address, bytes.NewReader(request.Body())) //nolint:noctx // the call brings it
	if err != nil {
		return false, err
	}
	r.Host = e.host
	for name, value := range request.Header.All() {
		if key := string(name); key != fasthttp.HeaderHost && key != fasthttp.HeaderContentLength {
			r.Header.Set(key, string(value))
		}
	}
	_, e.signature, _ = strings.Cut(r.Header.Get("Authorization"), ":")
	answer, err := e.call.RoundTrip(r)
	if err != nil {
		return false, err
	}
	defer func() { _ = answer.Body.Close() }()
	if e.answer, err = io.ReadAll(answer.Body); err != nil {
		return false, err
	}
	e.status = answer.StatusCode
	response.SetStatusCode(answer.StatusCode)
	response.SetBody(e.answer)
	return false, nil
}

// explain returns the fault of a failed call. It reads the answer itself: the SDK has the status and the code only in an error's text, and not
// even there when the answer is a web page.
func (e *exchange) explain(err error) *fault.Error {
	switch {
	case e.failure != nil:
		return &fault.Error{Kind: fault.Unavailable, Message: e.failure.Error(), InDoubt: e.call.Reached()}
	case e.status == 0: // the SDK has not sent the request, and never will
		return &fault.Error{Kind: fault.Internal, Message: err.Error()}
	}
	var document struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string   `xml:"Code"`
		Message   string   `xml:"Message"`
		RequestID string   `xml:"RequestId"`
	}
	if xml.Unmarshal(e.answer, &document) != nil {
		document.Code, document.Message = "", fmt.Sprintf("the answer is not the API's: status %d, %d bytes", e.status, len(e.answer))
	}
	return &fault.Error{
		Kind: kindOf(e.status, document.Code), Code: document.Code, Message: document.Message, RequestID: document.RequestID,
		InDoubt: e.status < http.StatusMultipleChoices || e.status >= http.StatusInternalServerError,
	}
}

// GetCredential is asked once for every request that the SDK signs.
func (e *exchange) GetCredential() (*credentials.CredentialModel, error) {
	accessKeyID, secret, token := e.signer.Reveal()
	return &credentials.CredentialModel{AccessKeyId: &accessKeyID, AccessKeySecret: &secret, SecurityToken: &token}, nil
}
