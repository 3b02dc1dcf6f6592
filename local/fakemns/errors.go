package fakemns

import (
	"errors"
	"fmt"
	"net/http"

	"rds-kernel-upgrade/local/faults"
)

// Error is a refusal in the service's own words. The control methods return it too.
type Error struct {
	Status  int    // HTTP status
	Code    string // such as TopicNotExist
	Message string
}

// Error gives code and message.
func (e *Error) Error() string { return "mns: " + e.Code + ": " + e.Message }

// refusals is every error that the service knows, from the pages "Error codes" and "Error responses" of the
// documentation (spelling as there). Where those give no text, it is ours.
func refusals() []Error {
	return []Error{
		{403, "AccessDenied", "The OwnerId that your Access Key Id associated to is forbidden for this operation."},
		{403, "InvalidAccessKeyId", "The AccessKey Id you provided is not exist."},
		{403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method."},
		{400, "InvalidAuthorizationHeader", "The Authorization header format is invalid."},
		{400, "MissingAuthorizationHeader", "Authorization header is required."},
		{400, "InvalidDateHeader", "The Date header format is invalid."},
		{400, "MissingDateHeader", "Date header is required."},
		{408, "TimeExpired", "The http request you sent is expired."},
		{400, "MissingVersionHeader", "x-mns-version header is required."},
		{400, "InvalidVersionHeader", "The x-mns-version header is invalid."},
		{400, "InvalidContentType", "The Content-Type header is invalid."},
		{400, "InvalidDegist", "The Content-MD5 you specified is invalid."},
		{400, "InvalidRequestURL", "Http request URL format invalid."},
		{400, "InvalidQueryString", `Http request URL contains invalid querystring item "%s".`},
		{400, "MalformedXML", "The XML you provided was not well-formed."},
		{400, "InvalidArgument", "%s"},
		{400, "MissingReceiptHandle", "ReceiptHandle is required."},
		{400, "MissingVisibilityTimeout", "VisibilityTimeout is required."},
		{400, "ReceiptHandleError", "The receipt handle you provide is not valid."},
		{404, "MessageNotExist", "Message not exist."},
		{404, "QueueNotExist", "The queue name you provided is not exist."},
		{409, "QueueAlreadyExist", "The queue you want to create is already exist."},
		{400, "InvalidQueueName", "The queue name you provided is invalid."},
		{400, "QueueNameLengthError", "The length of queue name should between 1 and 120."},
		{404, "TopicNotExist", "The topic you provided does not exist."},
		{409, "TopicAlreadyExist", "The topic you want to create is already exist."},
		{400, "TopicNameInvalid", "The topic name you provided is invalid."},
		{400, "TopicNameLengthError", "The length of topic name should between 1 and 120."},
		{404, "SubscriptionNotExist", "The subscription you provided does not exist."},
		{409, "SubscriptionAlreadyExist", "The subscription you want to create is already exist."},
		{400, "SubsriptionNameInvalid", "The subscription name you provided is invalid."},
		{400, "SubscriptionNameLengthError", "The length of subscription name should between 1 and 255."},
		{400, "EndpointInvalid", "The endpoint you provided is invalid."},
		{429, "TooManyRequests", "The request is denied by cluster flow limiter for too many requests."},
		{500, "InternalError", "Interal error."},
	}
}

// refuse gives the refusal with this code. A code outside the table is a mistake of this package.
func refuse(code string, args ...any) error {
	for _, e := range refusals() {
		if e.Code == code {
			if len(args) > 0 {
				e.Message = fmt.Sprintf(e.Message, args...)
			}
			return &e
		}
	}
	panic("fakemns: no refusal " + code)
}

func outOfRange(what string, low, high int, unit string) error {
	return refuse("InvalidArgument", fmt.Sprintf("The value of %s should between %d and %d%s.", what, low, high, unit))
}

func offSchema(element string) error {
	return refuse("InvalidArgument",
		fmt.Sprintf("The XML you provided did not validate against our published schema, cause by %s.", element))
}

// refusal turns an error into its document.
func (s *Server) refusal(q *request, err error) answer {
	var e *Error
	if !errors.As(err, &e) {
		panic(fmt.Sprintf("fakemns: not a refusal: %v", err))
	}
	return answer{status: e.Status, code: e.Code, root: "Error", body: errorDocument{
		Code: e.Code, Message: e.Message, RequestID: q.id, HostID: "mns." + s.opts.Region + ".aliyuncs.com",
	}}
}

// service shows a Server to the faults in front of it.
type service struct{ *Server }

// Action names the API action that a request asks for; it is empty for what is none.
func (s service) Action(r *http.Request) string {
	return s.read(r).route.action
}

// Refuse writes the service's own words for a fault. That an expired token is AccessDenied is not confirmed.
func (s service) Refuse(w http.ResponseWriter, r *http.Request, kind faults.Kind) {
	codes := map[faults.Kind]string{
		faults.Throttle: "TooManyRequests", faults.ServerError: "InternalError", faults.TokenExpired: "AccessDenied",
	}
	q := s.read(r)
	a := s.refusal(q, refuse(codes[kind]))
	s.calls.add(q.call(a))
	a.write(w, q)
}
