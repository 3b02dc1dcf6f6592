// Package mns publishes notifications to an MNS topic, through aliyun-mns-go-sdk. It does not know what it carries, and it sends every
// request at most once.
//
// It keeps these problems of the SDK away from the rest of the function: the SDK panics on an endpoint of another form, sends a POST again up
// to five times, has no context, sleeps without a limit when its own rate monitor says so, hides the HTTP status and the error code in an
// error's text, and leaves goroutines and sockets behind with every client.
package mns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	ali_mns "github.com/aliyun/aliyun-mns-go-sdk"
	"github.com/aliyun/credentials-go/credentials"
	"github.com/valyala/fasthttp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/transport"
)

// Client is the process's one MNS client; the credentials come with each call. It is safe for concurrent use: each of several calls at the
// same time uses an SDK client of its own, which is kept for later calls.
type Client struct {
	address  string          // in the form that the SDK accepts
	exchange exchange        // a copy of it is the exchange of each SDK client
	turn     chan struct{}   // holds a value for each call in progress
	free     chan *sdkClient // those that make no call
}

// sdkClient is one of the SDK's clients. It makes one call at a time.
type sdkClient struct {
	ali_mns.MNSClient
	exchange *exchange // of the call in progress: the SDK asks it for credentials, and hands it the request
}

// New makes the client for one account and region. A nil endpoint means the region's own, over https.
func New(t *transport.Transport, endpoint *transport.Endpoint, account, region string) (c *Client, err error) {
	defer func() { // every constructor of the SDK panics on an address that is not account.mns.region.aliyuncs.com
		if r := recover(); r != nil {
			c, err = nil, fmt.Errorf("mns: account %q and region %q make no endpoint: %v", account, region, r)
		}
	}()
	host := fmt.Sprintf("%s.mns.%s.aliyuncs.com", account, region)
	if endpoint == nil {
		endpoint = &transport.Endpoint{Scheme: "https", Host: host}
	}
	if !endpoint.Loopback() {
		host = endpoint.Host
	}
	c = &Client{
		address:  fmt.Sprintf("https://%s.mns.%s.aliyuncs.com", account, region),
		exchange: exchange{transport: t, endpoint: *endpoint, host: host},
		turn:     make(chan struct{}, transport.Parallel), free: make(chan *sdkClient, transport.Parallel),
	}
	c.free <- c.newSDKClient() // a wrong address panics here
	return c, nil
}

// newSDKClient makes an SDK client. The SDK sees only an address of the form that it accepts; the exchange sends the requests to the endpoint.
func (c *Client) newSDKClient() *sdkClient {
	e := c.exchange
	client := ali_mns.NewAliMNSClientWithConfig(ali_mns.AliMNSClientConfig{
		EndPoint:      c.address,
		Credential:    &e,
		TimeoutSecond: int64(2 * transport.CallTimeout / time.Second), // the transport's own limit is shorter
	})
	client.SetTransport(&e)
	return &sdkClient{client, &e}
}

// Publish publishes one message to a topic. Every error is a *fault.Error; after one that is InDoubt the message may have been published.
func (c *Client) Publish(ctx context.Context, credentials invocation.Credentials, topic, body, tag string) (messageID string, err error) {
	var answer ali_mns.MessageSendResponse
	err = c.call(ctx, credentials, "mns: PublishMessage "+topic, func(s *sdkClient) (err error) {
		answer, err = ali_mns.NewMNSTopic(topic, s).PublishMessage(ali_mns.MessagePublishRequest{MessageBody: body, MessageTag: tag})
		if err == nil && answer.MessageId == "" { // the SDK accepts an answer with nothing in it
			err = errors.New("the answer has no MessageId")
		}
		return err
	})
	if err != nil { // an answer that breaks off may have had an id
		return "", err
	}
	return answer.MessageId, nil
}

// call runs one call of the SDK, which op names. The call makes a new topic object each time, because the rate monitor of one that is kept
// would sleep without regard to any deadline.
func (c *Client) call(ctx context.Context, credentials invocation.Credentials, op string, call func(*sdkClient) error) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return &fault.Error{Op: op, Kind: fault.Unavailable, Message: "not called: no time left behind other calls"}
	}
	var s *sdkClient
	select {
	case s = <-c.free:
	default: // there are never more of them than calls may be in progress
		s = c.newSDKClient()
	}
	defer func() { c.free <- s }()
	e := s.exchange
	e.Call, e.signer, e.signature = e.transport.Call(ctx), credentials, ""
	err := transport.Guard("the SDK panicked", func() error { return call(s) })
	if err == nil {
		return nil
	}
	return e.explain(err).Of(op, func(text string) string { return credentials.Redact(text, e.signature) })
}

// exchange is one request and its answer. It gives the SDK the credentials of the invocation, and sends the SDK's request over the function's
// own transport.
type exchange struct {
	credentials.Credential // the rest of the SDK's interface, which it does not call
	transport              *transport.Transport
	endpoint               transport.Endpoint
	host                   string // the Host header: the real name also when the endpoint is on loopback

	*transport.Call // the one in progress
	signer          invocation.Credentials
	signature       string
}

// RoundTrip carries the SDK's request. It always says "do not retry": the SDK's own transport sends a POST again whenever
// the server closes the connection early.
func (e *exchange) RoundTrip(_ *fasthttp.HostClient, request *fasthttp.Request, response *fasthttp.Response) (retry bool, err error) {
	defer func() { e.Failure = err }() // the SDK's error would be its own words for it
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
	answer, err := e.Call.RoundTrip(r)
	if err != nil {
		return false, err
	}
	_ = answer.Body.Close() // the call has it
	response.SetStatusCode(e.Status)
	response.SetBody(e.Answer)
	return false, nil
}

// explain returns the fault of a failed call. It reads the answer itself: the SDK has the status and the code only in an error's text, and not
// even there when the answer is a web page.
func (e *exchange) explain(err error) *fault.Error {
	switch {
	case e.Failure != nil:
		return &fault.Error{Kind: fault.Unavailable, Message: e.Failure.Error(), InDoubt: e.Reached()}
	case e.Status == 0: // the SDK has not sent the request, and never will
		return &fault.Error{Kind: fault.Internal, Message: err.Error()}
	}
	f := codes.Read(e.Status, e.Answer, fault.Foreign("the API's", e.Status, len(e.Answer)))
	if f.Code == "" && e.Status == http.StatusForbidden { // which is as plain without a code
		f.Kind = fault.Denied
	}
	f.InDoubt = e.Status < http.StatusMultipleChoices || e.Status >= http.StatusInternalServerError
	return f
}

// GetCredential is asked once for every request that the SDK signs.
func (e *exchange) GetCredential() (*credentials.CredentialModel, error) {
	accessKeyID, secret, token := e.signer.Reveal()
	return &credentials.CredentialModel{AccessKeyId: &accessKeyID, AccessKeySecret: &secret, SecurityToken: &token}, nil
}
