// Package oss keeps objects in one bucket of OSS, Alibaba Cloud's object storage. It does not know what it keeps, and it sends every request at most
// once.
//
// Of alibabacloud-oss-go-sdk-v2 it uses the signatures (version 4) alone: what is sent and read is its own. The SDK's client would send a request up to
// three times, so that a Create whose first answer was lost is refused because of its own object. It has connections, timeouts and a correction of
// the clock of its own, reads the environment, and writes whole requests into a log when that says so. It takes every answer with status 2xx for a
// success, a web page, too, or a part of an object; an error document can overwrite the status that it came with; and its errors hold the address
// of the request and the whole answer, in which OSS repeats the security token. It also makes the binary 0.2 MB longer.
//
// The tests still hold this package to the promises that the client would break. Those about its log, which nothing links any more, are gone.
package oss

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc64"
	"maps"
	"net/http"
	"net/url"
	"strconv"
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
	query          url.Values
	header         http.Header
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
	e := &exchange{Call: c.transport.Call(ctx)}
	e.Expect(maxObject)
	err := transport.Guard("the SDK panicked", func() error { return c.send(ctx, r, e) })
	if err == nil && (e.Status != http.StatusOK || e.requestID() == "") {
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

// send makes a signed request, sends it over the function's transport, and reads the answer to its end.
func (c *Client) send(ctx context.Context, r request, e *exchange) error {
	if refusal := c.refusal(r); refusal != "" {
		return &fault.Error{Kind: fault.Invalid, Message: "not sent: " + refusal}
	}
	out, err := http.NewRequestWithContext(ctx, r.method, c.address(r).String(), bytes.NewReader(r.body))
	if err == nil {
		maps.Copy(out.Header, r.header)
		out.Header.Set("User-Agent", "rds-kernel-upgrade")
		accessKeyID, secret, token := c.credentials.Reveal()
		err = (&signer.SignerV4{}).Sign(ctx, &signer.SigningContext{
			Product: new("oss"), Region: &c.region, Bucket: &c.bucket, Key: r.key, Request: out,
			Credentials: &credentials.Credentials{AccessKeyID: accessKeyID, AccessKeySecret: secret, SecurityToken: token},
		})
	}
	if err != nil {
		return err
	}
	_, e.signature, _ = strings.Cut(out.Header.Get("Authorization"), "Signature=")
	out.Header.Set("Accept-Encoding", "identity") // the bytes as they are kept: net/http would ask for gzip, and unpack what was written packed
	answer, err := e.RoundTrip(out)
	if err == nil {
		_ = answer.Body.Close() // the exchange has it
	}
	return err
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
	case len(r.body) > maxObject:
		return fmt.Sprintf("%d bytes, and no more than %d are read again", len(r.body), maxObject)
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
	return &url.URL{
		Scheme: c.endpoint.Scheme, Host: host, Path: path, RawPath: slashes.Replace(url.QueryEscape(path)), RawQuery: plus.Replace(r.query.Encode()),
	}
}

// OSS signs the forms of RFC 3986, in which a blank is %20.
var (
	plus    = strings.NewReplacer("+", "%20")
	slashes = strings.NewReplacer("+", "%20", "%2F", "/")
)

// exchange is one request and its whole answer.
type exchange struct {
	*transport.Call
	signature string
}

// requestID returns OSS's id of the call, which every answer of OSS has in a header.
func (e *exchange) requestID() string { return e.Header.Get("x-oss-request-id") }

// verify compares a content with the checksum of the object that the answer speaks of.
func (e *exchange) verify(content []byte) error {
	sum := e.Header.Get("x-oss-hash-crc64ecma")
	if sum != "" && sum != strconv.FormatUint(crc64.Checksum(content, crc64.MakeTable(crc64.ECMA)), 10) {
		return errors.New("the checksum of the object is not that of its content")
	}
	return nil
}

// explain makes a fault of a failed call.
func (e *exchange) explain(err error) *fault.Error {
	var refusal *fault.Error
	switch {
	case errors.As(err, &refusal): // it was not sent, and never will be
		return refusal
	case e.Failure != nil:
		return &fault.Error{Kind: fault.Unavailable, Message: e.Failure.Error(), InDoubt: e.Reached()}
	case e.Status == 0: // it was not sent, or a panic has ended it
		return &fault.Error{Kind: fault.Internal, Message: err.Error(), InDoubt: e.Reached()}
	case e.Status/100 == 2: // the error is one of ours
		return &fault.Error{Kind: fault.Unavailable, Message: err.Error(), RequestID: e.requestID(), InDoubt: true}
	}
	f := codes.Read(e.Status, e.Answer, e.foreign())
	f.RequestID = cmp.Or(f.RequestID, e.requestID())
	if hint := hints[f.Code]; hint != "" {
		f.Message += ": " + hint
	}
	return f
}

// foreign tells of an answer that is not OSS's.
func (e *exchange) foreign() error { return fault.Foreign("OSS's", e.Status, len(e.Answer)) }
