// Package mns publishes notifications to an MNS topic, through aliyun-mns-go-sdk. It does not know what it carries, and it sends every
// request at most once.
//
// It keeps these problems of the SDK away from the rest of the function: the SDK panics on an endpoint of another form, sends a POST again up
// to five times, has no context, sleeps without a limit when its own rate monitor says so, hides the HTTP status and the error code in an
// error's text, and leaves goroutines and sockets behind with every client.
package mns

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	ali_mns "github.com/aliyun/aliyun-mns-go-sdk"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/transport"
)

// Client is the process's one MNS client; the credentials come with each call. It is safe for concurrent use: each of several calls at the
// same time uses an SDK client of its own, which is kept for later calls.
type Client struct {
	address  string        // in the form that the SDK accepts
	exchange exchange      // a copy of it is the exchange of each SDK client
	turn     chan struct{} // holds a value for each call in progress
	mu       sync.Mutex
	free     []*sdkClient // the one that was used last is at the end
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
		exchange: exchange{transport: t, endpoint: *endpoint, host: host}, turn: make(chan struct{}, transport.Parallel),
	}
	c.free = []*sdkClient{c.newSDKClient()} // a wrong address panics here
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

// take returns a free SDK client. There are never more of them than calls may be in progress.
func (c *Client) take() *sdkClient {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.free) - 1
	if last < 0 {
		return c.newSDKClient()
	}
	s := c.free[last]
	c.free = c.free[:last]
	return s
}

// put makes an SDK client free again.
func (c *Client) put(s *sdkClient) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free = append(c.free, s)
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
	s := c.take()
	defer c.put(s)
	s.exchange.begin(ctx, credentials)
	err := transport.Guard(func() error { return call(s) })
	if err == nil {
		return nil
	}
	return s.exchange.explain(err).Of(op, func(text string) string { return credentials.Redact(text, s.exchange.signature) })
}
