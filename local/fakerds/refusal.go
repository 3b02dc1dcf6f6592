package fakerds

import (
	"net/url"
	"path"
	"slices"

	"rds-kernel-upgrade/local/acs3"
)

// refusalOf returns the refusal of an action with this code: with the status that the action documents, or that nearly every action
// does, or that was seen elsewhere.
func refusalOf(action, code string) *acs3.Refusal {
	status := statusOf(action, code)
	if status == 0 {
		panic("fakerds: " + action + " has no refusal " + code)
	}
	return &acs3.Refusal{Status: status, Code: code, Message: message(code)}
}

// statusOf returns the status of a code that an action may be refused with, or 0 when nothing says that it may.
func statusOf(action, code string) int {
	for _, table := range []codes{documented()[action], common()} {
		if status := table.status(code); status != 0 {
			return status
		}
	}
	for _, s := range elsewhere() {
		if fits, _ := path.Match(s.code, code); fits {
			return s.status
		}
	}
	return 0
}

// seen is a refusal that the service's metadata does not have, and where it is known from.
type seen struct {
	status int
	code   string
	where  string
}

// missingAny is the code of a missing parameter, whose name stands for the asterisk.
const missingAny = "Missing*"

func elsewhere() []seen {
	const (
		gateway = "the gateway's common errors: developer.aliyun.com/ask/278265, help.aliyun.com/document_detail/434846.html"
		polardb = "the common client errors of a sibling: help.aliyun.com, PolarDB, client error codes"
		token   = "the name is in use everywhere, no page that was read has the status"
		own     = "the local cloud's own: no page says what the gateway answers"
	)
	return []seen{
		{404, "InvalidApi.NotFound", gateway},
		{400, "InvalidTimeStamp.Format", gateway},
		{400, "InvalidTimeStamp.Expired", gateway},
		{400, "SignatureNonceUsed", gateway},
		{400, "InvalidParameter.Format", gateway},
		{400, "InvalidSignatureMethod", gateway},
		{400, "SignatureDoesNotMatch", gateway},
		{404, "InvalidAccessKeyId.NotFound", gateway},
		{400, "Throttling.User", gateway},
		{400, "IncompleteSignature", polardb},
		{403, "Forbidden.RAM", polardb},
		{400, "InvalidSecurityToken.Expired", token},
		{400, "InvalidSecurityToken.Malformed", token},
		{400, "InvalidSecurityToken.MismatchWithAccessKey", token},
		{400, "MissingSecurityToken", token},
		{400, "MissingHeader", "github.com/apache/paimon/pull/9937"},
		{400, missingAny, gateway + "; * is the parameter"},
		{400, "InvalidVersion", "help.aliyun.com/document_detail/53438.html"},
		{400, "InvalidSignatureVersion", "by analogy with InvalidVersion"},
		{400, "InvalidSignatureType", "by analogy with InvalidVersion"},
		{404, "InvalidRegionId.NotFound", "the error tables of ECS and VPC"},
		{500, "InternalError", "the common errors of help.aliyun.com, DNS, error codes"},
		{503, "ServiceUnavailable", "the common errors of help.aliyun.com, DNS, error codes"},
		{405, "UnsupportedHTTPMethod", own},
		{413, "RequestEntityTooLarge", own},
	}
}

// known reports whether the action may answer with this refusal.
func known(action string, r *acs3.Refusal) bool { return statusOf(action, r.Code) == r.Status }

// refusable reports whether a fleet file may name this code for the upgrades of an instance.
func refusable(code string) bool {
	single := func(s seen) bool { return s.code == code && s.code != missingAny }
	return documented()[upgradeAction].status(code) != 0 || common().status(code) != 0 || slices.ContainsFunc(elsewhere(), single)
}

// missing is the gateway's refusal of a call without a parameter that is required.
func missing(parameter string) *acs3.Refusal {
	return &acs3.Refusal{Status: 400, Code: "Missing" + parameter, Message: parameter + " is mandatory for this action."}
}

// invalidCommon is the gateway's refusal of one of its own parameters, such as Version.
func invalidCommon(parameter string) *acs3.Refusal {
	return &acs3.Refusal{Status: 400, Code: "Invalid" + parameter, Message: "Specified parameter " + parameter + " is not valid."}
}

// unmodelled is our own: the parameter is RDS's, the local cloud has nothing behind it.
func unmodelled(parameter string) *acs3.Refusal {
	return &acs3.Refusal{
		Status: 400, Code: invalidParam,
		Message: "Specified parameter " + parameter + " is not supported by the local cloud.",
	}
}

// mismatch shows, as the gateway does, what it has signed itself; that includes the security token.
func mismatch(stringToSign string) *acs3.Refusal {
	return &acs3.Refusal{
		Status: 400, Code: "SignatureDoesNotMatch",
		Message: "Specified signature is not matched with our calculation. server string to sign is:" + stringToSign,
	}
}

func errorDocument(requestID string, r *acs3.Refusal) document {
	help := url.Values{"q": {r.Code}, "product": {"Rds"}, "requestId": {requestID}}
	return document{
		{"RequestId", requestID},
		{"HostId", "rds.aliyuncs.com"},
		{"Code", r.Code},
		{"Message", r.Message},
		{"Recommend", "https://api.aliyun.com/troubleshoot?" + help.Encode()},
	}
}
