package fakefc

import (
	"encoding/json"
	"fmt"
	"net/http"

	"rds-kernel-upgrade/local/acs3"
)

// The refusals of the service. Codes, statuses and messages are those of "Error codes" (alibabacloud.com/help/en/functioncompute/error-codes);
// FC 3.0 has no services, so that "in service '%s'" falls away. The gateway's refusals, of signatures, are acs3's.

func refuse(status int, code, format string, values ...any) *acs3.Refusal {
	return &acs3.Refusal{Status: status, Code: code, Message: fmt.Sprintf(format, values...)}
}

func invalidArgument(format string, values ...any) *acs3.Refusal {
	return refuse(http.StatusBadRequest, "InvalidArgument", format, values...)
}

func pathNotSupported(r *http.Request) *acs3.Refusal {
	return refuse(http.StatusBadRequest, "PathNotSupported", "'%s' against '%s' is not supported", r.Method, r.URL.Path)
}

func entityTooLarge(limit int) *acs3.Refusal {
	return refuse(http.StatusBadRequest, "EntityTooLarge", "payload size exceeds maximum allowed size (%d bytes)", limit)
}

func functionNotFound(name string) *acs3.Refusal {
	return refuse(http.StatusNotFound, "FunctionNotFound", "function '%s' does not exist", name)
}

func versionNotFound(version, name string) *acs3.Refusal {
	return refuse(http.StatusNotFound, "VersionNotFound", "version '%s' of function '%s' does not exist", version, name)
}

func aliasNotFound(alias, name string) *acs3.Refusal {
	return refuse(http.StatusNotFound, "AliasNotFound", "alias '%s' of function '%s' does not exist", alias, name)
}

// throttled has the documented status and code ("concurrency exceeds the limit"); the message is ours.
func throttled(limit int) *acs3.Refusal {
	return refuse(http.StatusTooManyRequests, "ResourceExhausted", "the function's reserved concurrency of %d is in use", limit)
}

// closing is what a caller gets while the server goes down.
func closing() *acs3.Refusal {
	return refuse(http.StatusServiceUnavailable, "ServiceUnavailable", "the local Function Compute is shutting down")
}

// writeRefusal writes the error document of FC 3.0. (Version 2.0 had ErrorCode and ErrorMessage.)
func writeRefusal(w http.ResponseWriter, requestID string, refusal *acs3.Refusal) {
	text, err := json.Marshal(struct {
		RequestID string `json:"RequestId"`
		Code      string
		Message   string
	}{requestID, refusal.Code, refusal.Message})
	if err != nil {
		panic(fmt.Sprintf("strings always encode: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(refusal.Status)
	_, _ = w.Write(text)
}
