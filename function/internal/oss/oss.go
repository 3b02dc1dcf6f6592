// Package oss keeps objects in one bucket of OSS, Alibaba Cloud's object storage, through alibabacloud-oss-go-sdk-v2. It does not know
// what it keeps, and it sends every request at most once.
//
// What it keeps from the rest of the function: the SDK sends a request up to three times, so that a Create whose first answer was lost is
// refused because of its own object. It has connections, timeouts and a correction of the clock of its own, and its default configuration
// reads the environment. It takes every answer with status 2xx for a success, a web page, too, or a part of an object. An error document
// can overwrite the status that it came with. The SDK's errors hold the address of the request and the whole answer, in which OSS repeats
// the security token.
//
// Of the SDK only the general call is used, which signs and sends a request, and reads an error. Its call for each operation would add a
// tenth of a megabyte to the binary, and more to be saved from: it panics on a list that has an object without a key, takes an empty answer
// for an empty list and for a bucket without versioning, and asks the machine's files for the content type of a name.
package oss

import (
	"context"

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

// request is what is asked of OSS, and what its answer has to be.
type request struct {
	action, method string
	key            *string // of the object; nil for what is about the bucket
	prefix         string  // of the keys that are asked for
	query, header  map[string]string
	body           []byte
	status         int                   // of the answer
	read           func(*exchange) error // looks at the rest of the answer, if there is more to it
}

// op names the request in an error's text.
func (r request) op(bucket string) string {
	text := "oss: " + r.action + " " + bucket
	switch {
	case r.key != nil:
		text += "/" + *r.key
	case r.prefix != "":
		text += "/" + r.prefix
	}
	return text
}

// call makes a request. The answer is OSS's own and as it has to be, or there is an error besides it.
func (c *Client) call(ctx context.Context, r request) (*exchange, error) {
	e := &exchange{call: c.transport.Call(ctx), body: r.body}
	e.call.Expect(maxObject)
	err := transport.Guard(func() error { return c.send(ctx, r, e) })
	if err == nil && (e.status != r.status || e.requestID() == "") {
		err = e.foreign()
	}
	if err == nil && r.read != nil {
		err = r.read(e)
	}
	if err == nil {
		return e, nil
	}
	return e, e.explain(err).Of(r.op(c.bucket), func(text string) string { return c.credentials.Redact(text, e.signature) })
}

// send hands a request to a client of the SDK that is made for it: that costs microseconds, and what the SDK would learn from an answer
// is forgotten.
func (c *Client) send(ctx context.Context, r request, e *exchange) error {
	config := sdk.NewConfig().
		WithRegion(c.region).
		WithEndpoint(c.endpoint.Scheme + "://" + c.endpoint.Host).
		WithUsePathStyle(c.endpoint.Loopback()).
		WithSignatureVersion(sdk.SignatureVersionV4).
		WithRetryer(retry.NopRetryer{}).
		WithCredentialsProvider(credentials.CredentialsProviderFunc(c.reveal))
	config.HttpClient = e
	_, err := sdk.NewClient(config).InvokeOperation(ctx, &sdk.OperationInput{
		OpName: r.action, Method: r.method, Bucket: &c.bucket, Key: r.key, Parameters: r.query, Headers: r.header,
	})
	return err
}

// reveal is asked once for every request that the SDK signs.
func (c *Client) reveal(context.Context) (credentials.Credentials, error) {
	accessKeyID, secret, token := c.credentials.Reveal()
	return credentials.Credentials{AccessKeyID: accessKeyID, AccessKeySecret: secret, SecurityToken: token}, nil
}
