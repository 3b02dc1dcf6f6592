// Package rds calls the RDS API (version 2014-08-15) through alibaba-cloud-sdk-go, and returns the types of package fleet and faults. It
// decides nothing, and it sends every call at most once, except for a later page of a list (see Patient). It changes nothing in the cloud but
// by Upgrade.
//
// What it keeps from the rest of the function: the SDK speaks plain HTTP unless it is told otherwise, has no context, is not
// safe for concurrent use, panics on some error documents, takes an empty answer for a success, and puts the security token
// into the text of its errors.
package rds

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	api "github.com/aliyun/alibaba-cloud-sdk-go/services/rds"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/transport"
)

// Client calls the API for one invocation, with that invocation's credentials. It is safe for concurrent use.
type Client struct {
	transport   *transport.Transport
	limit       *pace.Limiter
	endpoint    *transport.Endpoint // nil: the region's own
	credentials invocation.Credentials
	retry       func(ctx context.Context, read func() (next string, err error)) (string, error) // reads a later page of a list
	turn        func(ctx context.Context) (done func(throttled bool), err error)
}

// New returns a client for one invocation. The limiter is shared by all calls of the process; a nil endpoint means the
// region's own, over https.
func New(t *transport.Transport, limit *pace.Limiter, endpoint *transport.Endpoint, c invocation.Credentials) *Client {
	return &Client{transport: t, limit: limit, endpoint: endpoint, credentials: c, retry: once, turn: limit.Take}
}

func once(_ context.Context, read func() (string, error)) (string, error) { return read() }

// Patient lets a list continue where it broke off: retry reads a later page as often as it takes. Whoever began the list anew
// would ask for the pages before it again. It changes the client and returns it.
func (c *Client) Patient(retry func(context.Context, func() (string, error)) (string, error)) *Client {
	c.retry = retry
	return c
}

// onlyIf returns a client whose calls go evenly and ask may when their turn has come. If may returns an error nothing is sent, and the call
// has that error.
func (c *Client) onlyIf(may func() error) *Client {
	careful := *c
	careful.turn = func(ctx context.Context) (func(bool), error) { return c.limit.TakeEvenly(ctx, may) }
	return &careful
}

// do makes one call. resource names the instance for error texts.
func (c *Client) do(
	ctx context.Context, region, resource string, request requests.AcsRequest, response responses.AcsResponse, requestID *string,
) error {
	op := strings.TrimSpace("rds: " + request.GetActionName() + " " + resource)
	learn, err := c.turn(ctx)
	switch {
	case errors.Is(err, pace.ErrNoTime):
		return &fault.Error{Op: op, Kind: fault.Unavailable, Message: "not called: " + err.Error()}
	case err != nil:
		return err
	}
	call := c.transport.Call(ctx)
	err = transport.Guard("the SDK could not read the answer", func() error { return c.send(call, region, request, response) })
	if err == nil && *requestID == "" {
		err = errors.New("the answer is empty")
	}
	if err == nil {
		learn(false)
		return nil
	}
	f := explain(err, call.Reached(), response)
	learn(f.Kind == fault.Throttled)
	return f.Of(op, func(text string) string { return c.credentials.Redact(text, request.GetQueryParams()["Signature"]) })
}

// send makes one client for one call: an SDK client must not be shared between goroutines, and costs microseconds. The SDK
// panics on an error document whose Code is not a string, and that must not end the process.
func (c *Client) send(call *transport.Call, region string, request requests.AcsRequest, response responses.AcsResponse) error {
	accessKeyID, secret, token := c.credentials.Reveal()
	config := sdk.NewConfig().WithAutoRetry(false) // it would re-send an upgrade whose answer was lost
	config.Transport = call
	client, err := sdk.NewClientWithOptions(region, config, credentials.NewStsTokenCredential(accessKeyID, secret, token))
	if err != nil {
		return err
	}
	endpoint := c.endpointOf(region)
	request.SetScheme(endpoint.Scheme)
	request.SetDomain(endpoint.Host)
	request.SetReadTimeout(transport.CallTimeout + time.Second) // ours comes first
	return client.DoAction(request, response)
}

// regions is the SDK's map of regions to hosts, which it makes at the first use, without a lock.
var regions = sync.OnceValue(api.GetEndpointMap)

// endpointOf never leaves the choice to the SDK, which would ask a location service.
func (c *Client) endpointOf(region string) transport.Endpoint {
	if c.endpoint != nil {
		return *c.endpoint
	}
	host, known := regions()[region]
	if !known {
		host = "rds." + region + ".aliyuncs.com"
	}
	return transport.Endpoint{Scheme: "https", Host: host}
}

// explain turns what the SDK returned into a fault without secrets.
func explain(err error, reached bool, a responses.AcsResponse) *fault.Error {
	var server *sdkerrors.ServerError
	var network *url.Error
	var unreadable *sdkerrors.ClientError
	status := a.GetHttpStatus()
	switch {
	case errors.As(err, &server):
		return explainServer(server)
	case errors.As(err, &network): // its own text holds the whole query, security token included
		return &fault.Error{Kind: fault.Unavailable, Message: network.Err.Error(), InDoubt: reached}
	case status == 0: // the SDK has not sent the request, and never will
		return &fault.Error{Kind: fault.Internal, Message: err.Error(), InDoubt: reached}
	case errors.As(err, &unreadable): // its text holds parts of the answer
		err = fault.Foreign("the API's", status, len(a.GetHttpContentBytes()))
	}
	kind := codes.Kind(status, "", fault.Invalid)
	return &fault.Error{Kind: kind, Message: err.Error(), InDoubt: kind.InDoubt(status)}
}

func explainServer(server *sdkerrors.ServerError) *fault.Error {
	status, code := server.HttpStatus(), server.ErrorCode()
	message := server.Message()
	switch code {
	case "": // then the SDK's message is the whole page
		message = fault.Foreign("the API's", status, len(message)).Error()
	case "SignatureDoesNotMatch": // the server repeats the string to sign, security token included
		message, _, _ = strings.Cut(message, " server ")
	}
	kind := codes.Kind(status, code, fault.Invalid)
	return &fault.Error{Kind: kind, Code: code, Message: message, RequestID: server.RequestId(), InDoubt: kind.InDoubt(status)}
}
