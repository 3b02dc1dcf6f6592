package fakerds

import (
	"slices"
	"strings"
)

// codes are error codes by HTTP status, separated by white space.
type codes map[int]string

// documented returns the error codes that the service's metadata has for each action, with their spelling.
func documented() map[string]codes {
	return map[string]codes{
		"DescribeDBInstanceAttribute": {
			400: "ConnectTimeoutRetryLater DataNotExist InvalidDBInstanceName.NotFound TimeoutRetryLater",
		},
		"DescribeDBInstances": {
			400: `
				Abs.ImageNotFound Invalid.NextToken InvalidDBInstanceType.ValueNotSupport InvalidExpired.Format
				InvalidParameter.OwnerAccount TimeoutRetryLater`,
		},
		"DescribeDBMiniEngineVersions": {
			400: `
				EngineNotSupported InvalidDBInstanceName.NotFound InvalidInstanceNodeType.NotFound InvalidVersion
				MinorVersionAttr.NotFound MinorVersionTag.NotFound MissingMinorVersionTag MissingParameter.Engine
				MissingParameter.EngineVersion`,
			404: "InvalidDBInstance.NotFound InvalidInstanceStorageType.NotFound",
		},
		"DescribeHistoryTasks": {
			400: "Param.Invalid Param.Invalid.TimeEndBeforeStart",
		},
		"DescribeRegions": {
			404: "InvalidAcceptLanguage.NotFound",
		},
		"ListTagResources": {
			400: `
				BothEmpty.TagsAndResources InvalidParameter.ResourceType InvalidRCDeploymentName.NotFound
				NumberExceed.ResourceIds NumberExceed.Tags`,
		},
		"TagResources": {
			400: `
				Duplicate.TagKey InvalidParameter.ResourceType InvalidTagKey.Malformed InvalidTagValue.Malformed
				MissingParameter NumberExceed.ResourceIds NumberExceed.Tags OperationDenied.QuotaExceed Request.NotFound`,
			404: "InvalidRCInstanceName.NotFound",
		},
		"UntagResources": {
			400: `
				InvalidParameter.ResourceType InvalidResourceId.NotFound InvalidTagKey.Malformed InvalidTagValue.Malformed
				MissingParameter NumberExceed.ResourceIds NumberExceed.Tags`,
		},
		upgradeAction: {
			400: `
				ADInstanceNotSupportThisOperation BYOKInstanceNotSupportThisOperation BYOLInstanceNotSupportThisOperation
				EngineNotSupported IncorrectDBInstanceState IncorrectDBInstanceTdeStatus
				InstanceIsSnapshotBackupNotSupportThisOperation InstanceMissingMinorVersionAttr
				InvalidDBInstanceConnType.Classic InvalidMinorVerison.NotFound InvalidMinorVersionAlreadyLatest
				InvalidMinorVersionLowerThanInstance InvalidSwitchMode.NotFound MinorVersionNotSupport
				MissingParameter.MinorVersionTag SSLInstanceNotSupportThisOperation TDEInstanceNotSupportThisOperation
				TaskExists UnsupportExtendDisk.NotSupport UpgradeSQLServerMinorVersionFail`,
			403: `
				CurrentRecoveryModelNotSupportThisAction IncorrectDBInstanceLockMode IncorrectDBInstanceType
				MaxscaleMinorVersionNotSupport OperationDenied.PrePayTypeNotSupported SSLNotSupport
				UnsupportedByBlueGreenDeployment`,
			404: "InvalidDBInstanceName.NotFound InvalidMaxscaleMinorVersion.Format",
		},
	}
}

// common are the error codes that the metadata has for nearly every action.
func common() codes {
	return codes{
		400: `
			Abs.InvalidAccount.NotFound Api.NotSupport BackupPolicyNotSupport BasicInfoUncompleted
			ColdData.EngineVersionNotSupport ColdData.MinorVersionNotSupport Commodity.InvalidComponent
			CommodityServiceCalling.Exception ContainForbiddenLabelError IncorrectTargetClasscode InsufficientAvailableQuota
			InvalidBackupSet InvalidConnectionString.Duplicate InvalidDBInstanceEngineType.Format InvalidDBInstanceId.NotFound
			InvalidInstanceLevel.DiskType InvalidParam InvalidReleasedKeepPolicy.Format InvalideStatus.Format KmsApiError
			MirrorInsExists OrdTCommodityQueryError Order.ComboInstanceNotAllowOperate Order.InstHasUnpaidOrder
			Order.NoRealNameAuthentication Order.PeriodInvalid Parameters.Invalid Pay.InsufficientBalance Pay.NoCreditCard
			Price.CommoditySys Price.PricingPlanResultNotFound ProductInstanceReleased RegionDissolvedEOM
			RegionEndTimeDissolvedAustralia RegionEndTimeDissolvedIndia RequiredParam.NotFound Risk.RiskControlRejection
			SqlExecuteFailedOrTimeout System.SaleValidateFailed UnsupportedClassCode VpcNetworkTypeNotSupport
			noAvailablePaymentMethod pay.noCreditCard`,
		403: `
			CloudSSDNotSupport IncorrectMinorVersion InvalidInstanceLevel.Malformed InvalidKmsKey InvalidReduceDiskSize
			InvalidUserOperatorPermission InvalidVswitchId NotInFlowController OperationDenied.ZoneResource OrderStatus.UnPaid`,
		404: "HostInfo.NotFound InvalidClusterKms Request.NotFound",
		500: "ExternalFailure InvokeProxyFailure RequestMetaDataFailed",
	}
}

// status returns the HTTP status of a code, or 0 when it is not among them.
func (c codes) status(code string) int {
	for status, all := range c {
		if slices.Contains(strings.Fields(all), code) {
			return status
		}
	}
	return 0
}
