package mns

import (
	"net/http"
	"strings"

	"rds-kernel-upgrade/function/internal/fault"
)

// codes says what MNS's error codes mean; what is not listed is Invalid below status 500 and Unavailable from there on.
var codes = map[string]fault.Kind{
	"AccessDenied":          fault.Denied,
	"InvalidAccessKeyId":    fault.Denied,
	"SignatureDoesNotMatch": fault.Denied,
	"TimeExpired":           fault.Expired,
	"TopicNotExist":         fault.NotFound,
	"TooManyRequests":       fault.Throttled,
	"QpsLimitExceeded":      fault.Throttled,
	"InternalError":         fault.Unavailable,
	"InternalServerError":   fault.Unavailable,
}

func kindOf(status int, code string) fault.Kind {
	if kind, known := codes[code]; known {
		return kind
	}
	switch {
	case strings.Contains(code, "Expired"):
		// MNS documents no code for an expired security token; TimeExpired is the only one it has.
		return fault.Expired
	case status == http.StatusTooManyRequests:
		return fault.Throttled
	case status == http.StatusForbidden:
		return fault.Denied
	case status >= http.StatusInternalServerError, code == "":
		return fault.Unavailable
	default:
		return fault.Invalid
	}
}
