package oss

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/signer"

	"rds-kernel-upgrade/function/internal/fault"
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
	if err == nil && (e.status != http.StatusOK || e.requestID() == "") {
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

// product is what a signature names this service by.
var product = "oss"

// send makes a signed request, and sends it.
func (c *Client) send(ctx context.Context, r request, e *exchange) error {
	if refusal := c.refusal(r); refusal != "" {
		return &fault.Error{Kind: fault.Invalid, Message: "not sent: " + refusal}
	}
	address := c.address(r)
	out := (&http.Request{Method: r.method, URL: address, Host: address.Host, Header: http.Header{}}).WithContext(ctx)
	for name, value := range r.header {
		out.Header.Set(name, value)
	}
	out.Header.Set("User-Agent", "rds-kernel-upgrade")
	accessKeyID, secret, token := c.credentials.Reveal()
	err := (&signer.SignerV4{}).Sign(ctx, &signer.SigningContext{
		Product: &product, Region: &c.region, Bucket: &c.bucket, Key: r.key, Request: out,
		Credentials: &credentials.Credentials{AccessKeyID: accessKeyID, AccessKeySecret: secret, SecurityToken: token},
	})
	if err != nil {
		return err
	}
	return e.send(out)
}

// refusal returns why a request cannot be sent, "" if it can.
func (c *Client) refusal(r request) string {
	switch {
	case len(c.bucket) < 3 || len(c.bucket) > 63 || !isLabel(c.bucket):
		return "this is no name of a bucket, which has 3 to 63 lower-case letters, digits and hyphens: name the bucket in STATE_BUCKET"
	case !isLabel(c.region):
		return "this is no name of a region"
	case r.key != nil && *r.key == "":
		return "an object needs a key"
	default:
		return ""
	}
}

// isLabel reports whether a name can be a part of a host's name. A regular expression would be compiled whenever the process starts.
func isLabel(name string) bool {
	outside := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
	return name != "" && strings.Trim(name, "-") == name && !strings.ContainsFunc(name, outside)
}

// address returns what is asked for. The bucket is a part of the host's name, but for loopback, where there is one host.
func (c *Client) address(r request) *url.URL {
	host, path := c.bucket+"."+c.endpoint.Host, "/"
	if c.endpoint.Loopback() {
		host, path = c.endpoint.Host, "/"+c.bucket+"/"
	}
	if r.key != nil {
		path += *r.key
	}
	query := url.Values{}
	for name, value := range r.query {
		query.Set(name, value)
	}
	return &url.URL{Scheme: c.endpoint.Scheme, Host: host, Path: path, RawPath: escaped(path), RawQuery: plus.Replace(query.Encode())}
}

// OSS signs the forms of RFC 3986, in which a blank is %20.
var (
	plus    = strings.NewReplacer("+", "%20")
	slashes = strings.NewReplacer("+", "%20", "%2F", "/")
)

// escaped returns a path as it is sent and signed.
func escaped(path string) string { return slashes.Replace(url.QueryEscape(path)) }
