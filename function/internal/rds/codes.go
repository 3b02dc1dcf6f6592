package rds

import "rds-kernel-upgrade/function/internal/fault"

// Where the codes were seen that RDS does not document for the actions used here.
const (
	documented = "" // it does
	gateway    = "the common errors of all products' gateway: developer.aliyun.com/ask/278265; help.aliyun.com, error codes of DNS and PolarDB"
	sts        = "in wide use for temporary credentials; no page of RDS has them"
	terraform  = "terraform-provider-alicloud, errors.go and its resources of RDS, which repeat the call"
	major      = "RDS API 2014-08-15, UpgradeDBInstanceEngineVersion and UpgradeDBInstanceMajorVersionPrecheck"
	orders     = "RDS API 2014-08-15, TransformDBInstancePayType"
)

// codes says what the API's error codes mean, first match wins. It has each code that RDS documents for an action used here, and for
// nearly every action (testdata/api/rds.json; typos are theirs), by its name; and codes that were seen elsewhere, which say where.
// A pattern stands for a family. Throttling is known by its code only: its status is 400, as that of a wrong parameter.
//
// Conflict: the instance is busy, or something holds it that ends without a change to the request or to how the instance is set up.
// Invalid: the same call is refused until somebody changes one of them. NotFound speaks of the instance itself: one in flight that
// is NotFound counts as gone.
var codes = fault.Codes{
	{fault.Throttled, gateway, []string{"Throttling*"}},
	{fault.Throttled, terraform, []string{"*.Throttling"}},

	{fault.Expired, sts, []string{"InvalidSecurityToken.Expired"}},
	{fault.Expired, gateway, []string{"InvalidTimeStamp.Expired"}},
	{fault.Expired, documented, []string{"Invalid.NextToken"}}, // it was the API's own token: the next delivery lists anew

	{fault.Denied, sts, []string{"InvalidSecurityToken*", "MissingSecurityToken"}},
	{fault.Denied, gateway, []string{"InvalidAccessKeyId*", "SignatureDoesNotMatch", "IncompleteSignature", "Forbidden*", "NoPermission*"}},
	{fault.Denied, documented, []string{
		"InvalidUserOperatorPermission",
		"NotInFlowController", // inferred from its text, "no permission"
	}},
	// Refused to the account, or to the instance's encryption: every call would be.
	{fault.Denied, documented, []string{
		"Abs.InvalidAccount.NotFound", "BasicInfoUncompleted", "ContainForbiddenLabelError", "InsufficientAvailableQuota",
		"Order.NoRealNameAuthentication", "Pay.InsufficientBalance", "Pay.NoCreditCard", "pay.noCreditCard", "noAvailablePaymentMethod",
		"Risk.RiskControlRejection", "InvalidClusterKms", "InvalidKmsKey", "KmsApiError",
	}},

	{fault.NotFound, documented, []string{
		"DataNotExist", "InvalidDBInstance.NotFound", "InvalidDBInstanceId.NotFound", "InvalidDBInstanceName.NotFound", "ProductInstanceReleased",
	}},

	// Busy with a task, or waiting for one that is scheduled.
	{fault.Conflict, documented, []string{"IncorrectDBInstanceState", "InvalideStatus.Format", "TaskExists"}},
	{fault.Conflict, major, []string{"TaskHasExist", "InvalidEVENT", "UnsupportedReadOrBakReadState"}},
	{fault.Conflict, terraform, []string{
		"OperationDenied.*Status", "OperationDenied.*State", "OperationDenied.OutofUsage", "ReadDBInstance.Mismatch", "ConcurrentTaskExceeded",
		"LockTimeout",
	}},
	// Held for days: a copy of the instance, a deployment, a lock, an order that waits to be carried out or paid, a zone without room.
	{fault.Conflict, documented, []string{
		"MirrorInsExists", "UnsupportedByBlueGreenDeployment", "IncorrectDBInstanceLockMode", "Order.InstHasUnpaidOrder", "OrderStatus.UnPaid",
		"OperationDenied.ZoneResource",
	}},
	{fault.Conflict, major, []string{"InvalidOrderTask.*"}},
	{fault.Conflict, orders, []string{"OrderTaskAlreadyExists"}},
	// Not in need of the call: the version that it shows decides.
	{fault.Conflict, documented, []string{"InvalidMinorVersionAlreadyLatest", "InvalidMinorVersionLowerThanInstance"}},

	// Something behind the API failed or took too long.
	{fault.Unavailable, documented, []string{
		"*RetryLater", "SqlExecuteFailedOrTimeout", "ExternalFailure", "InvokeProxyFailure", "RequestMetaDataFailed",
		"CommodityServiceCalling.Exception", "OrdTCommodityQueryError", "Price.CommoditySys", "System.SaleValidateFailed",
	}},
	{fault.Unavailable, terraform, []string{"InstanceConnectTimeoutFault"}},
	{fault.Unavailable, gateway, []string{"ServiceUnavailable*", "InternalError*"}},
	// A request with this nonce has been here before: the one that we sent, or a copy of it.
	{fault.Unavailable, gateway, []string{"SignatureNonceUsed"}},

	// The instance is set up so that it cannot be upgraded in this way.
	{fault.Invalid, documented, []string{
		"ADInstanceNotSupportThisOperation", "BYOKInstanceNotSupportThisOperation", "BYOLInstanceNotSupportThisOperation",
		"InstanceIsSnapshotBackupNotSupportThisOperation", "SSLInstanceNotSupportThisOperation", "TDEInstanceNotSupportThisOperation",
		"CloudSSDNotSupport", "CurrentRecoveryModelNotSupportThisAction", "EngineNotSupported", "IncorrectDBInstanceTdeStatus",
		"IncorrectDBInstanceType", "IncorrectMinorVersion", "IncorrectTargetClasscode", "InstanceMissingMinorVersionAttr",
		"InvalidDBInstanceConnType.Classic", "InvalidDBInstanceEngineType.Format", "InvalidInstanceLevel.Malformed",
		"InvalidMaxscaleMinorVersion.Format",
		"MaxscaleMinorVersionNotSupport", // its proxy must be upgraded first
		"MinorVersionNotSupport", "OperationDenied.PrePayTypeNotSupported", "Order.ComboInstanceNotAllowOperate", "SSLNotSupport",
		"UnsupportExtendDisk.NotSupport", "UnsupportedClassCode",
		"UpgradeSQLServerMinorVersionFail", // SQL Server is never called
		"VpcNetworkTypeNotSupport",
	}},
	// What was asked is wrong.
	{fault.Invalid, documented, []string{
		"Api.NotSupport", "BothEmpty.TagsAndResources", "InvalidDBInstanceType.ValueNotSupport", "InvalidExpired.Format",
		"InvalidInstanceNodeType.NotFound", "InvalidInstanceStorageType.NotFound", "InvalidMinorVerison.NotFound", "InvalidParam",
		"InvalidParameter.OwnerAccount", "InvalidParameter.ResourceType",
		"InvalidSwitchMode.NotFound", // a wrong UpgradeTime
		"InvalidVersion", "MinorVersionAttr.NotFound", "MinorVersionTag.NotFound", "MissingMinorVersionTag", "MissingParameter.Engine",
		"MissingParameter.EngineVersion", "MissingParameter.MinorVersionTag", "NumberExceed.ResourceIds", "NumberExceed.Tags", "Param.Invalid",
		"Param.Invalid.TimeEndBeforeStart", "Parameters.Invalid", "RequiredParam.NotFound",
	}},
	// About what is never asked: buying, backups, cold data, images, RDS Custom, regions that have been closed. Not found is here what
	// the instance needs, not the instance.
	{fault.Invalid, documented, []string{
		"Abs.ImageNotFound", "BackupPolicyNotSupport", "ColdData.EngineVersionNotSupport", "ColdData.MinorVersionNotSupport",
		"Commodity.InvalidComponent", "HostInfo.NotFound", "InvalidBackupSet", "InvalidConnectionString.Duplicate",
		"InvalidInstanceLevel.DiskType", "InvalidRCDeploymentName.NotFound", "InvalidReduceDiskSize", "InvalidReleasedKeepPolicy.Format",
		"InvalidVswitchId", "Order.PeriodInvalid", "Price.PricingPlanResultNotFound", "RegionDissolvedEOM", "RegionEndTimeDissolvedAustralia",
		"RegionEndTimeDissolvedIndia", "Request.NotFound",
	}},
}
