package mns

import "rds-kernel-upgrade/function/internal/fault"

// codes says what MNS's error codes mean.
var codes = fault.Codes{
	{fault.Denied, "", []string{"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}},
	{fault.NotFound, "", []string{"TopicNotExist"}},
	{fault.Throttled, "", []string{"TooManyRequests", "QpsLimitExceeded"}},
	{fault.Unavailable, "", []string{"InternalError", "InternalServerError"}},
	// MNS documents no code for an expired security token; TimeExpired is the only one it has.
	{fault.Expired, "", []string{"*Expired*"}},
}
