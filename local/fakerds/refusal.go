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
		token   = "the name is in use everywhere, no page that was read has the status" //nolint:gosec // no credential
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

// message returns the text of a code where one is known, and otherwise a sentence of our own.
func message(code string) string {
	if text := messages()[code]; text != "" {
		return text
	}
	return "This operation is refused as " + code + "."
}

// messages are texts of the error tables of RDS's pages, with their spelling, and of the gateway.
func messages() map[string]string {
	return map[string]string{
		"ADInstanceNotSupportThisOperation":               "The AD instance is not supported this operation",
		"BYOKInstanceNotSupportThisOperation":             "The BYOK instance is not supported this operation",
		"BYOLInstanceNotSupportThisOperation":             "The BYOL instance is not supported this operation",
		"EngineNotSupported":                              "The engine does not support the operation.",
		"IncorrectDBInstanceLockMode":                     "Current DB instance lock mode does not support this operation.",
		"IncorrectDBInstanceState":                        "The current instance state does not support this operation.",
		"InstanceIsSnapshotBackupNotSupportThisOperation": "The instance backup method is snapshot backup, this operation is not supported",
		"InstanceMissingMinorVersionAttr":                 "Specify instance has no minor_version attribute.",
		"InvalidDBInstanceId.NotFound":                    "The DBInstanceId provided does not exist in our records.",
		"InvalidDBInstanceName.NotFound":                  "The database instance does not exist.",
		"InvalidMinorVerison.NotFound":                    "Specify minor version not founud.",
		"InvalidMinorVersionAlreadyLatest":                "Minor version for instance is already the latest version.",
		"InvalidMinorVersionLowerThanInstance":            "Specify minor version cannot not be lower than current instance.",
		"InvalideStatus.Format":                           "The instance status does not support this operation.",
		"MirrorInsExists":                                 "Specified DB instance mirror ins already existed.",
		"MissingParameter.MinorVersionTag":                "You must specify the parameter MinorVersionTag.",
		"SSLInstanceNotSupportThisOperation":              "The instance opened SSL, upgrade is not this operation",
		"TDEInstanceNotSupportThisOperation":              "The instance opened TDE, this operation is not supported",

		"BothEmpty.TagsAndResources":            "The specified Tags and ResourcesIds are not allow to both empty.",
		"Duplicate.TagKey":                      "The Tag.N.Key contain duplicate key.",
		"Invalid.NextToken":                     "The parameter NextToken is invalid.",
		"InvalidDBInstanceType.ValueNotSupport": "The specified parameter DBInstanceType is not valid.",
		"InvalidInstanceStorageType.NotFound":   "The specified DBInstanceStorageType is not found.",
		"NumberExceed.ResourceIds":              "The ResourceIds parameter's number is exceed , Valid : 50",
		"NumberExceed.Tags":                     "The Tags parameter's number is exceed , Valid : 20",
		"OperationDenied.QuotaExceed":           "The quota of tags on resource is beyond permitted range.",
		"Param.Invalid":                         "Param invalid",
		"Param.Invalid.TimeEndBeforeStart":      "Param invalid. End time before start time",
		"RequiredParam.NotFound":                "Required input param is not found.",
		"TimeoutRetryLater":                     "Timeout, Please retry later.",

		"Forbidden.RAM":            "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
		"InternalError":            "The request processing has failed due to some unknown error, exception or failure.",
		"InvalidApi.NotFound":      "Specified api is not found, please check your url and method.",
		"InvalidParameter.Format":  "Specified parameter format is not valid.",
		"InvalidRegionId.NotFound": "The RegionId provided does not exist in our records.",
		"RequestEntityTooLarge":    "The request body is larger than 1048576 bytes.",
		"ServiceUnavailable":       "The request has failed due to a temporary failure of the server.",
		"Throttling.User":          "Request was denied due to user flow control.",
		"UnsupportedHTTPMethod":    "This http method is not supported.",
	}
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
