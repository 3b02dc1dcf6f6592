package fakerds

import (
	"net/url"
	"slices"

	"rds-kernel-upgrade/local/acs3"
)

// documented lists the refusals that have a fixed text. The first seven are the table of
// UpgradeDBInstanceKernelVersion, with its spelling (help.aliyun.com/document_detail/610415.html); then come codes of the
// RDS family (UpgradeDBInstanceEngineVersion, DescribeTags, AddTagsToResource), those of the tag service, and the
// gateway's own (help.aliyun.com/document_detail/53438.html).
func documented() []acs3.Refusal {
	return []acs3.Refusal{
		{Status: 400, Code: "InvalidMinorVerison.NotFound", Message: "Specify minor version not founud."},
		{Status: 400, Code: "InstanceMissingMinorVersionAttr", Message: "Specify instance has no minor_version attribute."},
		{Status: 400, Code: "InvalidMinorVersionLowerThanInstance", Message: "Specify minor version cannot not be lower than current instance."},
		{Status: 400, Code: "InvalidMinorVersionAlreadyLatest", Message: "Minor version for instance is already the latest version."},
		{Status: 400, Code: "MissingParameter.MinorVersionTag", Message: "You must specify the parameter MinorVersionTag."},
		{Status: 400, Code: "EngineNotSupported", Message: "The engine does not support the operation."},
		{Status: 400, Code: "IncorrectDBInstanceState", Message: "The current instance state does not support this operation."},

		{Status: 404, Code: "InvalidDBInstanceId.NotFound", Message: "The DBInstanceId provided does not exist in our records."},
		{Status: 403, Code: "IncorrectDBInstanceLockMode", Message: "Current DB instance lock mode does not support this operation."},
		{Status: 400, Code: "InvalidEVENT", Message: "Current DB instance has event schedule, this operation is not supported."},
		{Status: 400, Code: "InvalidOrderTask.NotSupport", Message: "The Current InstanceId exist Order Task in RDS."},
		{Status: 403, Code: "OperationDenied.DBInstanceStatus", Message: "The operation is not permitted due to status of instance."},
		{Status: 404, Code: "InvalidRegionId.NotFound", Message: "The RegionId provided does not exist in our records."},

		{Status: 400, Code: "NumberExceed.ResourceIds", Message: "The ResourceIds parameter's number is exceed , Valid : 50"},
		{Status: 400, Code: "NumberExceed.Tags", Message: "The Tags parameter's number is exceed , Valid : 20"},
		{Status: 400, Code: "Duplicate.TagKey", Message: "The Tag.N.Key contain duplicate key."},
		{Status: 400, Code: "OperationDenied.QuotaExceed", Message: "The quota of tags on resource is beyond permitted range."},
		{Status: 404, Code: "InvalidResourceType.NotFound", Message: "The ResourceType provided does not exist in our records."},
		{Status: 400, Code: "MissParameter.TagOrResourceId", Message: "The parameter Tag.n or ResourceId.n is needed."},
		{Status: 400, Code: "Tag.NoTagInfoExist", Message: "all the tags and tagN parameters is null."},
		{Status: 400, Code: "Tag.TagKeyIsBlank", Message: "tag key can not be blank."},
		{Status: 400, Code: "Tag.TagKeyStartWith.aliyun", Message: "tag key and value can not be started with aliyun."},
		{Status: 400, Code: "Tag.TagKeyTooLong", Message: "the max tag key's length is 64."},
		{Status: 400, Code: "Tag.TagValueTooLong", Message: "the max tag value's length is 128."},
		{Status: 400, Code: "Tag.InvalidTagsParamter", Message: "tags paramter is invalid."},
		{Status: 400, Code: "Tag.Allow5TagInfos", Message: "only 5 tags allowed in one operation."},

		{Status: 404, Code: "InvalidApi.NotFound", Message: "Specified api is not found, please check your url and method."},
		{Status: 405, Code: "UnsupportedHTTPMethod", Message: "This http method is not supported."},
		{Status: 413, Code: "RequestEntityTooLarge", Message: "The request body is larger than 1048576 bytes."},
		{Status: 400, Code: "InvalidParameter.Format", Message: "Specified parameter format is not valid."},
		{Status: 400, Code: "Throttling.User", Message: "Request was denied due to user flow control."},
		{Status: 403, Code: "Forbidden.RAM", Message: "User not authorized to operate on the specified resource, or this API doesn't support RAM."},
		{Status: 500, Code: "InternalError", Message: "The request processing has failed due to some unknown error, exception or failure."},
		{Status: 503, Code: "ServiceUnavailable", Message: "The request has failed due to a temporary failure of the server."},
	}
}

func find(code string) (acs3.Refusal, bool) {
	all := documented()
	i := slices.IndexFunc(all, func(r acs3.Refusal) bool { return r.Code == code })
	if i < 0 {
		return acs3.Refusal{}, false
	}
	return all[i], true
}

// refuse gives the refusal with this code.
func refuse(code string) *acs3.Refusal {
	r, known := find(code)
	if !known {
		panic("fakerds: no refusal has the code " + code)
	}
	return &r
}

// missing is the gateway's refusal of a call without a parameter that is required.
func missing(parameter string) *acs3.Refusal {
	return &acs3.Refusal{Status: 400, Code: "Missing" + parameter, Message: parameter + " is mandatory for this action."}
}

// invalidCommon is the gateway's refusal of one of its own parameters, such as Version.
func invalidCommon(parameter string) *acs3.Refusal {
	return &acs3.Refusal{Status: 400, Code: "Invalid" + parameter, Message: "Specified parameter " + parameter + " is not valid."}
}

// invalid is the gateway's refusal of a value that an action does not take.
func invalid(parameter string) *acs3.Refusal {
	return &acs3.Refusal{Status: 400, Code: "InvalidParameter", Message: "Specified parameter " + parameter + " is not valid."}
}

// unmodelled is our own: the parameter is RDS's, the local cloud has nothing behind it.
func unmodelled(parameter string) *acs3.Refusal {
	return &acs3.Refusal{
		Status: 400, Code: "InvalidParameter",
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
