package fakeoss

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Error is a refusal in the service's own words. The control methods return it too.
type Error struct {
	Status  int    // HTTP status
	Code    string // such as NoSuchKey
	Message string
	EC      string // the service's finer code: one for each cause; empty where it is not known

	details []detail
}

// detail is an element of an error document that only this error has.
type detail struct{ name, value string }

// Error returns code and message.
func (e *Error) Error() string { return "oss: " + e.Code + ": " + e.Message }

// Causes that are named in more than one place.
const (
	tokenExpired    = "0002-00000007"
	malformed       = "0002-00000061"
	requestExpired  = "0002-00000069"
	invalidDate     = "0002-00000502"
	noRightToObject = "0003-00000001"
	noRightToBucket = "0003-00000202"
	otherEndpoint   = "0003-00001403"
	noSuchBucket    = "0015-00000101"
	conditionalPut  = "0017-00000245"
	noSuchKey       = "0026-00000001"
	internalError   = "InternalError"
	throttled       = "TotalQpsLimitExceeded"
)

// cause is a row of the table of refusals.
type cause struct {
	name    string // its EC where that is known, else its code
	status  int
	code    string
	message string
}

// causes is every refusal of the service. Each EC has a page of its own, help.aliyun.com/en/oss/user-guide/<EC>; codes, statuses and messages are those of the
// pages "HTTP status code 400" to "503" and of the API reference; where those have no text, it is ours. The package doc lists what is chosen.
func causes() []cause {
	const mismatch = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
	const lost = "The OSS Access Key Id you provided does not exist in our records."
	return []cause{
		{"0002-00000003", 403, "InvalidAccessKeyId", lost + " The Security Token may be lost to specify that it is a STS Access Id."},
		{"0002-00000004", 403, "AccessKeyIdAndSecurityTokenNotMatch", "The OSS access key id and security token you provided does not match."},
		{tokenExpired, 403, "SecurityTokenExpired", "The security token you provided has expired."},
		{"0002-00000008", 403, "InvalidSecurityToken", "The security token you provided is invalid."},
		{"0002-00000039", 400, "InvalidArgument", "A request cannot include a signature in both the request header and the URL parameters."},
		{"0002-00000040", 403, "SignatureDoesNotMatch", mismatch},
		{malformed, 400, "InvalidArgument", "Authorization header is invalid."},
		{requestExpired, 403, "AccessDenied", "Request has expired."},
		{"0002-00000201", 403, "SignatureDoesNotMatch", mismatch},
		{"0002-00000212", 400, "InvalidArgument", "Invalid signing date in Authorization header."},
		{"0002-00000214", 400, "InvalidArgument", "Invalid x-oss-content-sha256: want UNSIGNED-PAYLOAD."},
		{"0002-00000226", 400, "InvalidArgument", "Invalid signing region in Authorization header."},
		{"0002-00000227", 400, "InvalidArgument", "Invalid signing product in Authorization header."},
		{"0002-00000232", 400, "InvalidArgument", "x-oss-expires must be between 1 and 604800."},
		{invalidDate, 403, "AccessDenied", "OSS authentication requires a valid Date."},
		{"0002-00000504", 403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."},
		{"0002-00000902", 403, "InvalidAccessKeyId", lost},
		{noRightToObject, 403, "AccessDenied", "You have no right to access this object because of bucket acl."},
		{noRightToBucket, 403, "AccessDenied", "The bucket you access does not belong to you."},
		{"0003-00001201", 403, "AccessDenied", "Anonymous access is forbidden for this operation."},
		{otherEndpoint, 403, "AccessDenied", "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint."},
		{"SecondLevelDomainForbidden", 403, "SecondLevelDomainForbidden", "The bucket you are attempting to access must be addressed using OSS third level domain."},
		{"0015-00000001", 400, "InvalidBucketName", "The specified bucket is not valid."},
		{noSuchBucket, 404, "NoSuchBucket", "The specified bucket does not exist."},
		{"0015-00000104", 409, "BucketAlreadyExists", "The requested bucket name is not available."},
		{"0015-00000401", 400, "InvalidArgument", "Invalid list-type: want 2."},
		{"0015-00000402", 400, "InvalidArgument", "Argument max-keys must be an integer between 1 and 1000."},
		{"0015-00000404", 400, "InvalidArgument", "The continuation token provided is incorrect."},
		{"0016-00000002", 400, "InvalidObjectName", "The specified object is not valid."},
		{"0016-00000003", 400, "InvalidObjectName", "The Length of Object name must be less than 1024."},
		{"0016-00000005", 400, "InvalidObjectName", "The specified object is not valid."},
		{"0017-00000101", 411, "MissingContentLength", "You must provide the Content-Length HTTP header."},
		{conditionalPut, 501, "NotImplemented", "A header you provided implies functionality that is not implemented."},
		{"0017-00000279", 400, "InvalidArgument", "The value of x-oss-forbid-overwrite must be true or false."},
		{"0017-00000502", 400, "InvalidDigest", "The Content-MD5 you specified was invalid."},
		{noSuchKey, 404, "NoSuchKey", "The specified key does not exist."},
		{"0026-00000002", 409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten."},
		{"InvalidArgument", 400, "InvalidArgument", "Invalid Argument. Parameter is invalid."},
		{"RequestTimeout", 400, "RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period."},
		{throttled, 503, "TotalQpsLimitExceeded", "Max total qps limit is exceeded."},
		{internalError, 500, "InternalError", "Please contact the server administrator, oss@service.aliyun.com."},
	}
}

// refuse returns the refusal with this name. A name outside the table is a mistake of this package.
func refuse(name string, details ...detail) error {
	for _, c := range causes() {
		if c.name != name {
			continue
		}
		e := &Error{Status: c.status, Code: c.code, Message: c.message, details: details}
		if c.name != c.code {
			e.EC = c.name
		}
		return e
	}
	panic("fakeoss: no refusal " + name)
}

// invalid refuses an argument and names it.
func invalid(name, argument, value string) error {
	return refuse(name, detail{"ArgumentName", argument}, detail{"ArgumentValue", value})
}

// notSupported refuses what the cloud may have and this package does not; NotSupported lists it.
func notSupported(what string) error {
	return &Error{Status: 501, Code: "NotImplemented", Message: "The local cloud does not support " + what + "."}
}

// answer is what goes back.
type answer struct {
	status int
	code   string // of the error, if it is one
	header map[string]string
	body   []byte
}

// refusal turns an error into its answer.
func (s *Server) refusal(q *request, err error) answer {
	var e *Error
	if !errors.As(err, &e) {
		panic(fmt.Sprintf("fakeoss: not a refusal: %v", err))
	}
	a := answer{status: e.Status, code: e.Code, header: map[string]string{"Content-Type": "application/xml"}, body: e.document(q)}
	for _, d := range e.details {
		if strings.HasPrefix(d.name, "x-oss-") { // a header of this answer, not an element
			a.header[d.name] = d.value
		}
	}
	if e.EC != "" {
		a.header["x-oss-ec"] = e.EC
	}
	return a
}

// document writes the error as the page "Error responses" shows it.
func (e *Error) document(q *request) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + "<Error>\n")
	element := func(name, value string) {
		b.WriteString("  <" + name + ">")
		_ = xml.EscapeText(&b, []byte(value)) // a buffer takes everything
		b.WriteString("</" + name + ">\n")
	}
	element("Code", e.Code)
	element("Message", e.Message)
	element("RequestId", q.id)
	element("HostId", q.host)
	for _, d := range e.details {
		if !strings.HasPrefix(d.name, "x-oss-") {
			element(d.name, d.value)
		}
	}
	if e.EC != "" {
		element("EC", e.EC)
		element("RecommendDoc", "https://api.aliyun.com/troubleshoot?q="+e.EC)
	}
	b.WriteString("</Error>\n")
	return b.Bytes()
}

// write sends the answer. The answer to HEAD has no body: an error's document stands in the header x-oss-err, in base64.
func (a answer) write(w http.ResponseWriter, q *request) {
	header := w.Header()
	for name, value := range a.header {
		header.Set(name, value)
	}
	header.Set("Server", "AliyunOSS")
	header.Set("Date", q.at.UTC().Format(http.TimeFormat))
	header.Set("x-oss-request-id", q.id)
	header.Set("x-oss-server-time", "0")
	head := q.http.Method == http.MethodHead
	switch {
	case head && a.code != "":
		header.Set("x-oss-err", base64.StdEncoding.EncodeToString(a.body))
	case a.status != http.StatusNoContent && header.Get("Content-Encoding") != compressed:
		header.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if !head {
		_, _ = w.Write(a.body)
	}
}
