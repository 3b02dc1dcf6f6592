package fakerds

// message returns the text of a code where one is known, and otherwise a sentence of our own.
func message(code string) string {
	if text := messages()[code]; text != "" {
		return text
	}
	return "This operation is refused as " + code + "."
}

// messages are texts of the error tables of RDS's pages, with their spelling, and of the gateway.
func messages() map[string]string {
	return map[string]string{ //nolint:gosec // a token of a page is no credential
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
