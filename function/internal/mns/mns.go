// Package mns publishes notifications to an MNS topic, and sends delayed messages to a queue and takes them from it, through
// aliyun-mns-go-sdk. It does not know what it carries, and it sends every request at most once.
//
// What it keeps from the rest of the function: the SDK panics on an endpoint that it does not like, re-sends a POST up to five
// times, has no context, sleeps without bound when its own rate monitor says so, hides the HTTP status and the error code
// in an error's text, sends a Priority that the server refuses, and leaves goroutines and sockets behind with every client.
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

// Client is the process's one MNS client; the credentials come with each call. It is safe for concurrent use: several calls at once
// have an SDK client each, which stays for later calls.
type Client struct {
	address  string        // as the SDK likes it
	exchange exchange      // what every call's begins as
	turn     chan struct{} // holds a value for each call under way
	mu       sync.Mutex
	free     []*lane // the one that was used last is at the end
}

// lane is one of the SDK's clients, on which one call at a time is made.
type lane struct {
	sdk      ali_mns.MNSClient
	exchange *exchange // the call under way: the SDK asks it for credentials and hands it the request
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
	c.free = []*lane{c.lane()} // here a wrong address shows
	return c, nil
}

// lane makes one. The SDK sees a well-formed address only; where the requests really go is the exchange's business.
func (c *Client) lane() *lane {
	e := c.exchange
	client := ali_mns.NewAliMNSClientWithConfig(ali_mns.AliMNSClientConfig{
		EndPoint:      c.address,
		Credential:    &e,
		TimeoutSecond: int64(2 * transport.CallTimeout / time.Second), // ours comes first
	})
	client.SetTransport(&e)
	return &lane{client, &e}
}

// take gives a lane that is free. There are no more than calls may be under way.
func (c *Client) take() *lane {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.free) - 1
	if last < 0 {
		return c.lane()
	}
	l := c.free[last]
	c.free = c.free[:last]
	return l
}

func (c *Client) put(l *lane) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free = append(c.free, l)
}

// Publish puts one message on a topic. A fault that is InDoubt may have published it.
func (c *Client) Publish(ctx context.Context, credentials invocation.Credentials, topic, body, tag string) (messageID string, err error) {
	var answer ali_mns.MessageSendResponse
	err = c.call(ctx, credentials, "PublishMessage "+topic, func(l *lane) (err error) {
		answer, err = ali_mns.NewMNSTopic(topic, l.sdk).PublishMessage(ali_mns.MessagePublishRequest{MessageBody: body, MessageTag: tag})
		return named(answer, err)
	})
	if err != nil { // half an answer may have had an id
		return "", err
	}
	return answer.MessageId, nil
}

// named tells whether a message was taken: the SDK also finds nothing wrong with an answer in which nothing is.
func named(answer ali_mns.MessageSendResponse, err error) error {
	if err == nil && answer.MessageId == "" {
		return errors.New("the answer has no MessageId")
	}
	return err
}

// call runs one call of the SDK. The topic or queue object is made anew each time, because its rate monitor
// would otherwise sleep without regard to any deadline.
func (c *Client) call(ctx context.Context, credentials invocation.Credentials, what string, call func(*lane) error) error {
	op := "mns: " + what
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return &fault.Error{Op: op, Kind: fault.Unavailable, Message: "not called: no time left behind other calls"}
	}
	l := c.take()
	defer c.put(l)
	l.exchange.begin(ctx, credentials)
	err := transport.Guard(func() error { return call(l) })
	if err == nil {
		return nil
	}
	return l.exchange.explain(err).Of(op, func(text string) string { return credentials.Redact(text, l.exchange.signature) })
}
