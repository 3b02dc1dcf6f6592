package rds

import (
	"net/http"
	"path"

	"rds-kernel-upgrade/function/internal/fault"
)

// Where the codes were seen that RDS does not document for the actions used here.
const (
	gateway   = "the common errors of all products' gateway: developer.aliyun.com/ask/278265; help.aliyun.com, error codes of DNS and PolarDB"
	sts       = "in wide use for temporary credentials; no page of RDS has them"
	terraform = "terraform-provider-alicloud, errors.go and its resources of RDS, which repeat the call"
	major     = "RDS API 2014-08-15, UpgradeDBInstanceEngineVersion and UpgradeDBInstanceMajorVersionPrecheck"
	orders    = "RDS API 2014-08-15, TransformDBInstancePayType"
)

// codes says what the API's error codes mean, first match wins. It has each code that RDS documents for an action used here, and for
// nearly every action (testdata/api/rds.json; typos are theirs), by its name; and codes that were seen elsewhere, which say where.
// A pattern stands for a family. Throttling is known by its code only: its status is 400, as that of a wrong parameter.
//
// Conflict: the instance is busy, or something holds it that ends without a change to the request or to how the instance is set up.
// Invalid: the same call is refused until somebody changes one of them. NotFound speaks of the instance itself: one in flight that
// is NotFound counts as gone.
var codes = []struct {
	pattern string
	kind    fault.Kind
	seen    string // where, if RDS does not document it
}{
	{"Throttling*", fault.Throttled, gateway},
	{"*.Throttling", fault.Throttled, terraform},

	{"InvalidSecurityToken.Expired", fault.Expired, sts},
	{"InvalidTimeStamp.Expired", fault.Expired, gateway},
	{"Invalid.NextToken", fault.Expired, ""}, // it was the API's own token: the next delivery lists anew
	{"InvalidSecurityToken*", fault.Denied, sts},
	{"MissingSecurityToken", fault.Denied, sts},
	{"InvalidAccessKeyId*", fault.Denied, gateway},
	{"SignatureDoesNotMatch", fault.Denied, gateway},
	{"IncompleteSignature", fault.Denied, gateway},
	{"Forbidden*", fault.Denied, gateway},
	{"NoPermission*", fault.Denied, gateway},
	{"InvalidUserOperatorPermission", fault.Denied, ""},
	{"NotInFlowController", fault.Denied, ""}, // inferred from its text, "no permission"
	// Refused to the account, or to the instance's encryption: every call would be.
	{"Abs.InvalidAccount.NotFound", fault.Denied, ""},
	{"BasicInfoUncompleted", fault.Denied, ""},
	{"ContainForbiddenLabelError", fault.Denied, ""},
	{"InsufficientAvailableQuota", fault.Denied, ""},
	{"Order.NoRealNameAuthentication", fault.Denied, ""},
	{"Pay.InsufficientBalance", fault.Denied, ""},
	{"Pay.NoCreditCard", fault.Denied, ""},
	{"pay.noCreditCard", fault.Denied, ""},
	{"noAvailablePaymentMethod", fault.Denied, ""},
	{"Risk.RiskControlRejection", fault.Denied, ""},
	{"InvalidClusterKms", fault.Denied, ""},
	{"InvalidKmsKey", fault.Denied, ""},
	{"KmsApiError", fault.Denied, ""},

	{"DataNotExist", fault.NotFound, ""},
	{"InvalidDBInstance.NotFound", fault.NotFound, ""},
	{"InvalidDBInstanceId.NotFound", fault.NotFound, ""},
	{"InvalidDBInstanceName.NotFound", fault.NotFound, ""},
	{"ProductInstanceReleased", fault.NotFound, ""},

	// Busy with a task, or waiting for one that is scheduled.
	{"IncorrectDBInstanceState", fault.Conflict, ""},
	{"InvalideStatus.Format", fault.Conflict, ""},
	{"TaskExists", fault.Conflict, ""},
	{"TaskHasExist", fault.Conflict, major},
	{"InvalidEVENT", fault.Conflict, major},
	{"OperationDenied.*Status", fault.Conflict, terraform},
	{"OperationDenied.*State", fault.Conflict, terraform},
	{"OperationDenied.OutofUsage", fault.Conflict, terraform},
	{"ReadDBInstance.Mismatch", fault.Conflict, terraform},
	{"UnsupportedReadOrBakReadState", fault.Conflict, major},
	{"ConcurrentTaskExceeded", fault.Conflict, terraform},
	{"LockTimeout", fault.Conflict, terraform},
	// Held for days: a copy of the instance, a deployment, a lock, an order that waits to be carried out or paid, a zone without room.
	{"MirrorInsExists", fault.Conflict, ""},
	{"UnsupportedByBlueGreenDeployment", fault.Conflict, ""},
	{"IncorrectDBInstanceLockMode", fault.Conflict, ""},
	{"InvalidOrderTask.*", fault.Conflict, major},
	{"OrderTaskAlreadyExists", fault.Conflict, orders},
	{"Order.InstHasUnpaidOrder", fault.Conflict, ""},
	{"OrderStatus.UnPaid", fault.Conflict, ""},
	{"OperationDenied.ZoneResource", fault.Conflict, ""},
	// Not in need of the call: the version that it shows decides.
	{"InvalidMinorVersionAlreadyLatest", fault.Conflict, ""},
	{"InvalidMinorVersionLowerThanInstance", fault.Conflict, ""},

	// Something behind the API failed or took too long.
	{"*RetryLater", fault.Unavailable, ""},
	{"SqlExecuteFailedOrTimeout", fault.Unavailable, ""},
	{"InstanceConnectTimeoutFault", fault.Unavailable, terraform},
	{"ExternalFailure", fault.Unavailable, ""},
	{"InvokeProxyFailure", fault.Unavailable, ""},
	{"RequestMetaDataFailed", fault.Unavailable, ""},
	{"CommodityServiceCalling.Exception", fault.Unavailable, ""},
	{"OrdTCommodityQueryError", fault.Unavailable, ""},
	{"Price.CommoditySys", fault.Unavailable, ""},
	{"System.SaleValidateFailed", fault.Unavailable, ""},
	{"ServiceUnavailable*", fault.Unavailable, gateway},
	{"InternalError*", fault.Unavailable, gateway},
	// A request with this nonce has been here before: the one that we sent, or a copy of it.
	{"SignatureNonceUsed", fault.Unavailable, gateway},

	// The instance is set up so that it cannot be upgraded in this way.
	{"ADInstanceNotSupportThisOperation", fault.Invalid, ""},
	{"BYOKInstanceNotSupportThisOperation", fault.Invalid, ""},
	{"BYOLInstanceNotSupportThisOperation", fault.Invalid, ""},
	{"InstanceIsSnapshotBackupNotSupportThisOperation", fault.Invalid, ""},
	{"SSLInstanceNotSupportThisOperation", fault.Invalid, ""},
	{"TDEInstanceNotSupportThisOperation", fault.Invalid, ""},
	{"CloudSSDNotSupport", fault.Invalid, ""},
	{"CurrentRecoveryModelNotSupportThisAction", fault.Invalid, ""},
	{"EngineNotSupported", fault.Invalid, ""},
	{"IncorrectDBInstanceTdeStatus", fault.Invalid, ""},
	{"IncorrectDBInstanceType", fault.Invalid, ""},
	{"IncorrectMinorVersion", fault.Invalid, ""},
	{"IncorrectTargetClasscode", fault.Invalid, ""},
	{"InstanceMissingMinorVersionAttr", fault.Invalid, ""},
	{"InvalidDBInstanceConnType.Classic", fault.Invalid, ""},
	{"InvalidDBInstanceEngineType.Format", fault.Invalid, ""},
	{"InvalidInstanceLevel.Malformed", fault.Invalid, ""},
	{"InvalidMaxscaleMinorVersion.Format", fault.Invalid, ""},
	{"MaxscaleMinorVersionNotSupport", fault.Invalid, ""}, // its proxy must be upgraded first
	{"MinorVersionNotSupport", fault.Invalid, ""},
	{"OperationDenied.PrePayTypeNotSupported", fault.Invalid, ""},
	{"Order.ComboInstanceNotAllowOperate", fault.Invalid, ""},
	{"SSLNotSupport", fault.Invalid, ""},
	{"UnsupportExtendDisk.NotSupport", fault.Invalid, ""},
	{"UnsupportedClassCode", fault.Invalid, ""},
	{"UpgradeSQLServerMinorVersionFail", fault.Invalid, ""}, // SQL Server is never called
	{"VpcNetworkTypeNotSupport", fault.Invalid, ""},

	// What was asked is wrong.
	{"Api.NotSupport", fault.Invalid, ""},
	{"BothEmpty.TagsAndResources", fault.Invalid, ""},
	{"InvalidDBInstanceType.ValueNotSupport", fault.Invalid, ""},
	{"InvalidExpired.Format", fault.Invalid, ""},
	{"InvalidInstanceNodeType.NotFound", fault.Invalid, ""},
	{"InvalidInstanceStorageType.NotFound", fault.Invalid, ""},
	{"InvalidMinorVerison.NotFound", fault.Invalid, ""},
	{"InvalidParam", fault.Invalid, ""},
	{"InvalidParameter.OwnerAccount", fault.Invalid, ""},
	{"InvalidParameter.ResourceType", fault.Invalid, ""},
	{"InvalidSwitchMode.NotFound", fault.Invalid, ""}, // a wrong UpgradeTime
	{"InvalidVersion", fault.Invalid, ""},
	{"MinorVersionAttr.NotFound", fault.Invalid, ""},
	{"MinorVersionTag.NotFound", fault.Invalid, ""},
	{"MissingMinorVersionTag", fault.Invalid, ""},
	{"MissingParameter.Engine", fault.Invalid, ""},
	{"MissingParameter.EngineVersion", fault.Invalid, ""},
	{"MissingParameter.MinorVersionTag", fault.Invalid, ""},
	{"NumberExceed.ResourceIds", fault.Invalid, ""},
	{"NumberExceed.Tags", fault.Invalid, ""},
	{"Param.Invalid", fault.Invalid, ""},
	{"Param.Invalid.TimeEndBeforeStart", fault.Invalid, ""},
	{"Parameters.Invalid", fault.Invalid, ""},
	{"RequiredParam.NotFound", fault.Invalid, ""},

	// About what is never asked: buying, backups, cold data, images, RDS Custom, regions that have been closed. Not found is here what
	// the instance needs, not the instance.
	{"Abs.ImageNotFound", fault.Invalid, ""},
	{"BackupPolicyNotSupport", fault.Invalid, ""},
	{"ColdData.EngineVersionNotSupport", fault.Invalid, ""},
	{"ColdData.MinorVersionNotSupport", fault.Invalid, ""},
	{"Commodity.InvalidComponent", fault.Invalid, ""},
	{"HostInfo.NotFound", fault.Invalid, ""},
	{"InvalidBackupSet", fault.Invalid, ""},
	{"InvalidConnectionString.Duplicate", fault.Invalid, ""},
	{"InvalidInstanceLevel.DiskType", fault.Invalid, ""},
	{"InvalidRCDeploymentName.NotFound", fault.Invalid, ""},
	{"InvalidReduceDiskSize", fault.Invalid, ""},
	{"InvalidReleasedKeepPolicy.Format", fault.Invalid, ""},
	{"InvalidVswitchId", fault.Invalid, ""},
	{"Order.PeriodInvalid", fault.Invalid, ""},
	{"Price.PricingPlanResultNotFound", fault.Invalid, ""},
	{"RegionDissolvedEOM", fault.Invalid, ""},
	{"RegionEndTimeDissolvedAustralia", fault.Invalid, ""},
	{"RegionEndTimeDissolvedIndia", fault.Invalid, ""},
	{"Request.NotFound", fault.Invalid, ""},
}

// kindOf returns the kind of an error answer. A code that nobody has documented has the kind of its status.
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
