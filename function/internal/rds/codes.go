package rds

import (
	"net/http"
	"path"

	"rds-kernel-upgrade/function/internal/fault"
)

// codes says what the API's error codes mean, first match wins. The API publishes no complete list, so codes are matched by
// pattern (RDS API 2014-08-15, UpgradeDBInstanceKernelVersion, and the common errors of the gateway; typos are theirs).
// Throttling is known by its code only: its status is 400, as that of a wrong parameter.
var codes = []struct {
	pattern string
	kind    fault.Kind
}{
	{"Throttling*", fault.Throttled},
	{"*.Throttling", fault.Throttled},

	{"InvalidSecurityToken.Expired", fault.Expired},
	{"InvalidTimeStamp.Expired", fault.Expired},
	{"InvalidSecurityToken*", fault.Denied},
	{"MissingSecurityToken", fault.Denied},
	{"InvalidAccessKeyId*", fault.Denied},
	{"SignatureDoesNotMatch", fault.Denied},
	{"IncompleteSignature", fault.Denied},
	{"Forbidden*", fault.Denied},
	{"NoPermission*", fault.Denied},

	{"InvalidDBInstanceId.NotFound", fault.NotFound},
	{"InvalidDBInstanceName.NotFound", fault.NotFound},

	// The instance is busy, or not in need of the call: look again.
	{"IncorrectDBInstanceState", fault.Conflict},
	{"OperationDenied.*Status", fault.Conflict},
	{"OperationDenied.*State", fault.Conflict},
	{"InvalidOrderTask.*", fault.Conflict},
	{"InvalidEVENT", fault.Conflict},
	{"ConcurrentTaskExceeded", fault.Conflict},
	{"LockTimeout", fault.Conflict},
	{"InvalidMinorVersionAlreadyLatest", fault.Conflict},
	{"InvalidMinorVersionLowerThanInstance", fault.Conflict},

	// A request with this nonce has been here before: the one that we sent, or a copy of it.
	{"SignatureNonceUsed", fault.Unavailable},
	{"ServiceUnavailable*", fault.Unavailable},
	{"InternalError*", fault.Unavailable},
}

// kindOf gives the kind of an error answer.
func kindOf(status int, code string) fault.Kind {
	for _, c := range codes {
		if match, _ := path.Match(c.pattern, code); match {
			return c.kind
		}
	}
	switch {
	case status == http.StatusTooManyRequests:
		return fault.Throttled
	case status >= http.StatusInternalServerError, code == "":
		return fault.Unavailable
	default:
		return fault.Invalid
	}
}

// inDoubt tells whether the call may have taken effect although this was the answer. Only a refusal in the API's own form, with
// a status below 500, is a sure "no".
func inDoubt(status int, code string) bool {
	switch {
	case kindOf(status, code) == fault.Throttled:
		return false
	case code == "" || code == "SignatureNonceUsed":
		return true
	default:
		return status >= http.StatusInternalServerError
	}
}
