// Package oss keeps objects in one bucket of OSS, Alibaba Cloud's object storage, through alibabacloud-oss-go-sdk-v2. It does not know
// what it keeps, and it sends every request at most once.
//
// What it keeps from the rest of the function: the SDK sends a request up to three times, so that a Create whose first answer was lost is
// refused because of its own object. It has connections, timeouts and a correction of the clock of its own, its default configuration reads
// the environment, and it reads the machine's files of content types. It takes every answer with status 2xx for a success: a web page is
// a written object, an empty answer is an empty list, and a bucket without versioning. An error document can overwrite the status that it
// came with. A list that has an object without a key makes it panic. Its errors hold the address of the request and the whole answer, in
// which OSS repeats the security token.
package oss

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/retry"

	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/transport"
)

// maxObject bounds an object, and every other answer, in bytes. It is far above any that the function writes.
const maxObject = 4 << 20

// Client makes the calls of one invocation, with that invocation's credentials, to one bucket. It is safe for concurrent use.
//
// Every error is a *fault.Error. One that is InDoubt says that the call may have taken effect all the same.
type Client struct {
	transport      *transport.Transport
	endpoint       transport.Endpoint
	region, bucket string
	credentials    invocation.Credentials
}

// New makes a client for one invocation. A nil endpoint means the region's own internal one, over https.
//
// A function reaches the internal endpoint without a VPC: it is for the traffic between the services of a region, and Function Compute is
// one of them (Function Compute documentation, "Endpoints"); Serverless Devs uses it, too, whenever it runs inside a function (devsapp/fc3).
// The public endpoint costs traffic, and refuses to serve objects of the Chinese mainland to accounts that opened OSS after 2025-03-20
// (PublicEndpointForbidden). The clouds for finance and for the government have names of their own: there the endpoint must be given.
func New(t *transport.Transport, endpoint *transport.Endpoint, region, bucket string, c invocation.Credentials) *Client {
	if endpoint == nil {
		endpoint = &transport.Endpoint{Scheme: "https", Host: "oss-" + region + "-internal.aliyuncs.com"}
	}
	return &Client{transport: t, endpoint: *endpoint, region: region, bucket: bucket, credentials: c}
}

// sdk makes a client of the SDK for one call: it costs microseconds, and what the SDK would learn from an answer is forgotten.
func (c *Client) sdk(e *exchange) *sdk.Client {
	config := sdk.NewConfig().
		WithRegion(c.region).
		WithEndpoint(c.endpoint.Scheme + "://" + c.endpoint.Host).
		WithUsePathStyle(c.endpoint.Loopback()).
		WithSignatureVersion(sdk.SignatureVersionV4).
		WithRetryer(retry.NopRetryer{}).
		WithCredentialsProvider(credentials.CredentialsProviderFunc(c.reveal))
	config.HttpClient = e
	return sdk.NewClient(config, func(o *sdk.Options) { o.FeatureFlags = 0 }) // no correction of the clock, no guessing of content types, no checksum after the fact
}

// reveal is asked once for every request that the SDK signs.
func (c *Client) reveal(context.Context) (credentials.Credentials, error) {
	accessKeyID, secret, token := c.credentials.Reveal()
	return credentials.Credentials{AccessKeyID: accessKeyID, AccessKeySecret: secret, SecurityToken: token}, nil
}

// op names a call, of an object or of the bucket, in an error's text.
func (c *Client) op(action, key string) string {
	if key != "" {
		key = "/" + key
	}
	return "oss: " + action + " " + c.bucket + key
}

// call makes one request, with a body if it has one. The answer is OSS's own and has the wanted status, or there is an error besides it.
func (c *Client) call(ctx context.Context, op string, body []byte, want int, send func(*sdk.Client, *exchange) error) (*exchange, error) {
	e := &exchange{call: c.transport.Call(ctx), body: body}
	e.call.Expect(maxObject)
	err := guard(func() error { return send(c.sdk(e), e) })
	if err == nil && (e.status != want || e.requestID() == "") {
		err = errors.New("another answer than OSS gives")
	}
	if err == nil {
		return e, nil
	}
	return e, e.explain(err).Of(op, func(text string) string { return c.credentials.Redact(text, e.signature) })
}

// guard keeps a panic of the SDK from ending the process.
func guard(call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the SDK panicked: %T", r)
		}
	}()
	return call()
}
