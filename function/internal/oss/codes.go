package oss

import "rds-kernel-upgrade/function/internal/fault"

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

// codes says what OSS's error codes mean.
var codes = fault.Codes{
	{fault.NotFound, doc404, []string{"NoSuchKey"}},
	{fault.Conflict, doc409, []string{alreadyExists}},

	// It is the bucket or the function's configuration that is wrong.
	{fault.Invalid, doc404, []string{"NoSuchBucket"}},
	{fault.Invalid, doc400, []string{"InvalidBucketName", "InvalidObjectName", "PublicEndpointForbidden"}},
	{fault.Invalid, doc409, []string{"FileImmutable"}},
	{fault.Invalid, doc403, []string{"InvalidObjectState", "PermanentRedirect", "SecondLevelDomainForbidden", "NonStandardHostForbidden"}},
	// It is the request that is wrong.
	{fault.Invalid, doc400, []string{"InvalidArgument", "InvalidDigest", "EntityTooLarge", "MalformedXML", "NotImplemented"}},
	{fault.Invalid, docSDK, []string{"MissingArgument"}},
	{fault.Invalid, doc411, []string{"MissingContentLength"}},
	{fault.Invalid, doc405, []string{"MethodNotAllowed"}},

	// Gone with the next delivery: Function Compute hands over fresh credentials with each, and a process that it has thawed has its clock set
	// by then.
	{fault.Expired, expired, []string{"SecurityTokenExpired"}},
	{fault.Expired, doc403, []string{"RequestTimeTooSkewed"}},

	{fault.Denied, doc403, []string{
		"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurityToken", "AccessKeyIdAndSecurityTokenNotMatch",
		"AbnormalBucketOwnerStatus", "BucketDisable", "BucketNotBelongTo", "InDebt*", "UserDisable",
	}},
	{fault.Denied, stsSDK, []string{"MissingSecurityToken"}},
	// Of the key that the bucket is encrypted with.
	{fault.Denied, doc403, []string{"UbsmsInvalidBid"}},
	{fault.Denied, doc409, []string{"KeyDisabled", "KeyPendingDeletion"}},

	{fault.Throttled, doc503, []string{"*LimitExceeded"}}, // QpsLimitExceeded has status 429
	{fault.Throttled, megfile, []string{"PartitionQpsLimitted"}},
	{fault.Throttled, s3, []string{"SlowDown"}},

	{fault.Unavailable, doc503, []string{"ServiceUnavailable"}},
	{fault.Unavailable, docSDK, []string{"InternalError"}},
	{fault.Unavailable, doc400, []string{"RequestTimeout"}},
}

// hints say what to do about a code, where OSS does not.
var hints = map[string]string{
	"NoSuchBucket":               "make the bucket (deploy/) and name it in STATE_BUCKET",
	"InvalidBucketName":          "name the bucket in STATE_BUCKET",
	"InvalidObjectName":          "the object's name begins with STATE_PREFIX: mend it",
	"FileImmutable":              "the bucket has a retention policy: make another bucket without one, and name that in STATE_BUCKET",
	"InvalidObjectState":         "the object is archived: take the rule that archives objects off the bucket, and restore the object",
	"PermanentRedirect":          internal,
	"PublicEndpointForbidden":    internal,
	"SecondLevelDomainForbidden": internal,
	"NonStandardHostForbidden":   internal,
	"AccessDenied":               "the function's role needs the rights that deploy/ gives it, and the bucket has to be in the region of the endpoint",
}
