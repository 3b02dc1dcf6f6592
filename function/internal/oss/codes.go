package oss

import (
	"net/http"
	"path"

	"rds-kernel-upgrade/function/internal/fault"
)

// Where the codes are documented, or were seen.
const (
	doc400   = "OSS documentation, HTTP 400 errors"
	doc403   = "OSS documentation, HTTP 403 errors"
	doc404   = "OSS documentation, OSS error responses, status 404"
	doc405   = "OSS documentation, OSS error responses, status 405"
	doc409   = "OSS documentation, HTTP status code 409"
	doc411   = "OSS documentation, OSS error responses, status 411"
	doc503   = "OSS documentation, HTTP status code 503"
	docSDK   = "OSS documentation, error handling of the C SDK"
	expired  = "OSS documentation, EC 0002-00000007; with this code in jxxghp/MoviePilot#6295 and rclone's backend/115"
	stsSDK   = "aliyun/aliyun-sts-go-sdk#1, from OSS"
	megfile  = "megvii-research/megfile#590, which repeats the call"
	s3       = "the same code of S3, whose interface OSS has, too"
	internal = "the endpoint for this function is the internal one of the bucket's region: leave OSS_ENDPOINT out, or mend it"
)

// codes says what OSS's error codes mean, first match wins; a pattern stands for a family. The hint says what to do, where OSS does not.
var codes = []struct {
	pattern string
	kind    fault.Kind
	hint    string
	seen    string
}{
	{"NoSuchKey", fault.NotFound, "", doc404},
	{alreadyExists, fault.Conflict, "", doc409},

	// It is the bucket or the function's configuration that is wrong.
	{"NoSuchBucket", fault.Invalid, "make the bucket (deploy/) and name it in STATE_BUCKET", doc404},
	{"InvalidBucketName", fault.Invalid, "name the bucket in STATE_BUCKET", doc400},
	{"InvalidObjectName", fault.Invalid, "the object's name begins with STATE_PREFIX: mend it", doc400},
	{"FileImmutable", fault.Invalid, "the bucket has a retention policy: make another bucket without one, and name that in STATE_BUCKET", doc409},
	{"InvalidObjectState", fault.Invalid, "the object is archived: take the rule that archives objects off the bucket, and restore the object", doc403},
	{"PermanentRedirect", fault.Invalid, internal, doc403},
	{"PublicEndpointForbidden", fault.Invalid, internal, doc400},
	{"SecondLevelDomainForbidden", fault.Invalid, internal, doc403},
	{"NonStandardHostForbidden", fault.Invalid, internal, doc403},
	// It is the request that is wrong.
	{"InvalidArgument", fault.Invalid, "", doc400},
	{"InvalidDigest", fault.Invalid, "", doc400},
	{"EntityTooLarge", fault.Invalid, "", doc400},
	{"MalformedXML", fault.Invalid, "", doc400},
	{"MissingArgument", fault.Invalid, "", docSDK},
	{"MissingContentLength", fault.Invalid, "", doc411},
	{"MethodNotAllowed", fault.Invalid, "", doc405},
	{"NotImplemented", fault.Invalid, "", doc400},

	// Gone with the next delivery: Function Compute hands over fresh credentials with each, and a process that it has thawed has its clock set
	// by then.
	{"SecurityTokenExpired", fault.Expired, "", expired},
	{"RequestTimeTooSkewed", fault.Expired, "", doc403},

	{"AccessDenied", fault.Denied, "the function's role needs the rights that deploy/ gives it, and the bucket has to be in the region of the endpoint", doc403},
	{"InvalidAccessKeyId", fault.Denied, "", doc403},
	{"SignatureDoesNotMatch", fault.Denied, "", doc403},
	{"InvalidSecurityToken", fault.Denied, "", doc403},
	{"MissingSecurityToken", fault.Denied, "", stsSDK},
	{"AccessKeyIdAndSecurityTokenNotMatch", fault.Denied, "", doc403},
	{"AbnormalBucketOwnerStatus", fault.Denied, "", doc403},
	{"BucketDisable", fault.Denied, "", doc403},
	{"BucketNotBelongTo", fault.Denied, "", doc403},
	{"InDebt*", fault.Denied, "", doc403},
	{"UserDisable", fault.Denied, "", doc403},
	{"UbsmsInvalidBid", fault.Denied, "", doc403}, // of the key that the bucket is encrypted with, as the next two
	{"KeyDisabled", fault.Denied, "", doc409},
	{"KeyPendingDeletion", fault.Denied, "", doc409},

	{"*LimitExceeded", fault.Throttled, "", doc503}, // QpsLimitExceeded has status 429
	{"PartitionQpsLimitted", fault.Throttled, "", megfile},
	{"SlowDown", fault.Throttled, "", s3},

	{"ServiceUnavailable", fault.Unavailable, "", doc503},
	{"InternalError", fault.Unavailable, "", docSDK},
	{"RequestTimeout", fault.Unavailable, "", doc400},
}

// meaning returns the kind of an error answer, and what to do about it. A code that is not listed has the kind of its status.
func meaning(status int, code string) (kind fault.Kind, hint string) {
	for _, c := range codes {
		if match, _ := path.Match(c.pattern, code); match {
			return c.kind, c.hint
		}
	}
	switch {
	case status == http.StatusTooManyRequests:
		return fault.Throttled, ""
	case status >= http.StatusInternalServerError, code == "":
		return fault.Unavailable, ""
	case status == http.StatusForbidden:
		return fault.Denied, ""
	default:
		return fault.Invalid, ""
	}
}
