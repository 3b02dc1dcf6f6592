package rds_test

import (
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
)

// answered is a row of the codes' table as it is met: what the API answers, and what that means.
type answered struct {
	status  int
	code    string
	kind    fault.Kind
	inDoubt bool
}

// each returns one answer for each of the codes.
func each(status int, kind fault.Kind, inDoubt bool, codes ...string) (all []answered) {
	for _, code := range codes {
		all = append(all, answered{status, code, kind, inDoubt})
	}
	return all
}

// named are the codes that the table has.
var named = slices.Concat(
	each(400, fault.Throttled, false, "Throttling", "Throttling.User", "Throttling.Api", "Rejected.Throttling"),
	each(503, fault.Throttled, false, "Throttling.User"), // refused, whatever the status

	each(400, fault.Expired, false, "InvalidSecurityToken.Expired", "InvalidTimeStamp.Expired", "Invalid.NextToken"),
	each(400, fault.Denied, false,
		"InvalidSecurityToken.Malformed", "InvalidSecurityToken.MismatchWithAccessKey", "MissingSecurityToken", "InvalidAccessKeyId.Inactive",
		"SignatureDoesNotMatch", "IncompleteSignature",
		"Abs.InvalidAccount.NotFound", "BasicInfoUncompleted", "ContainForbiddenLabelError", "InsufficientAvailableQuota",
		"Order.NoRealNameAuthentication", "Pay.InsufficientBalance", "Pay.NoCreditCard", "pay.noCreditCard", "noAvailablePaymentMethod",
		"Risk.RiskControlRejection", "KmsApiError"),
	each(403, fault.Denied, false, "Forbidden", "Forbidden.RAM", "NoPermission", "InvalidUserOperatorPermission", "NotInFlowController", "InvalidKmsKey"),
	each(404, fault.Denied, false, "InvalidAccessKeyId.NotFound", "InvalidClusterKms"),

	each(400, fault.NotFound, false,
		"DataNotExist", "InvalidDBInstanceId.NotFound", "InvalidDBInstanceName.NotFound", "ProductInstanceReleased"),
	each(404, fault.NotFound, false, "InvalidDBInstance.NotFound", "InvalidDBInstanceName.NotFound", "InvalidDBInstanceId.NotFound"),

	each(400, fault.Conflict, false,
		"IncorrectDBInstanceState", "InvalideStatus.Format", "TaskExists", "InvalidEVENT", "ConcurrentTaskExceeded", "LockTimeout",
		"ReadDBInstance.Mismatch", "UnsupportedReadOrBakReadState", "MirrorInsExists", "InvalidOrderTask.NotSupport", "OrderTaskAlreadyExists",
		"Order.InstHasUnpaidOrder", "InvalidMinorVersionAlreadyLatest", "InvalidMinorVersionLowerThanInstance"),
	each(403, fault.Conflict, false,
		"OperationDenied.DBInstanceStatus", "OperationDenied.ReadDBInstanceStatus", "OperationDenied.PrimaryDBInstanceStatus",
		"OperationDenied.MasterDBInstanceState", "OperationDenied.OutofUsage", "UnsupportedByBlueGreenDeployment", "IncorrectDBInstanceLockMode",
		"OrderStatus.UnPaid", "OperationDenied.ZoneResource"),
	each(500, fault.Conflict, true, "TaskHasExist"),

	// Something behind the API failed or took too long: that is no sure "no", whatever the status.
	each(400, fault.Unavailable, true,
		"TimeoutRetryLater", "ConnectTimeoutRetryLater", "SqlExecuteFailedOrTimeout", "InstanceConnectTimeoutFault", "CommodityServiceCalling.Exception",
		"OrdTCommodityQueryError", "Price.CommoditySys", "System.SaleValidateFailed", "InternalError.Gateway",
		"SignatureNonceUsed"), // it has been here before
	each(500, fault.Unavailable, true, "ExternalFailure", "InvokeProxyFailure", "RequestMetaDataFailed", "InternalError"),
	each(503, fault.Unavailable, true, "ServiceUnavailable"),

	each(400, fault.Invalid, false,
		"ADInstanceNotSupportThisOperation", "BYOKInstanceNotSupportThisOperation", "BYOLInstanceNotSupportThisOperation",
		"InstanceIsSnapshotBackupNotSupportThisOperation", "SSLInstanceNotSupportThisOperation", "TDEInstanceNotSupportThisOperation",
		"EngineNotSupported", "IncorrectDBInstanceTdeStatus", "IncorrectTargetClasscode", "InstanceMissingMinorVersionAttr",
		"InvalidDBInstanceConnType.Classic", "InvalidDBInstanceEngineType.Format", "MinorVersionNotSupport",
		"Order.ComboInstanceNotAllowOperate", "UnsupportExtendDisk.NotSupport", "UnsupportedClassCode", "UpgradeSQLServerMinorVersionFail",
		"VpcNetworkTypeNotSupport",
		"Api.NotSupport", "BothEmpty.TagsAndResources", "InvalidDBInstanceType.ValueNotSupport", "InvalidExpired.Format",
		"InvalidInstanceNodeType.NotFound", "InvalidMinorVerison.NotFound", "InvalidParam", "InvalidParameter.OwnerAccount",
		"InvalidParameter.ResourceType", "InvalidSwitchMode.NotFound", "InvalidVersion",
		"MinorVersionAttr.NotFound", "MinorVersionTag.NotFound", "MissingMinorVersionTag", "MissingParameter.Engine",
		"MissingParameter.EngineVersion", "MissingParameter.MinorVersionTag", "NumberExceed.ResourceIds", "NumberExceed.Tags", "Param.Invalid",
		"Param.Invalid.TimeEndBeforeStart", "Parameters.Invalid", "RequiredParam.NotFound",
		"Abs.ImageNotFound", "BackupPolicyNotSupport", "ColdData.EngineVersionNotSupport", "ColdData.MinorVersionNotSupport",
		"Commodity.InvalidComponent", "InvalidBackupSet", "InvalidConnectionString.Duplicate", "InvalidInstanceLevel.DiskType",
		"InvalidRCDeploymentName.NotFound", "InvalidReleasedKeepPolicy.Format", "Order.PeriodInvalid", "Price.PricingPlanResultNotFound",
		"RegionDissolvedEOM", "RegionEndTimeDissolvedAustralia", "RegionEndTimeDissolvedIndia", "Request.NotFound"),
	each(403, fault.Invalid, false,
		"CloudSSDNotSupport", "CurrentRecoveryModelNotSupportThisAction", "IncorrectDBInstanceType", "IncorrectMinorVersion",
		"InvalidInstanceLevel.Malformed", "MaxscaleMinorVersionNotSupport", "OperationDenied.PrePayTypeNotSupported", "SSLNotSupport",
		"InvalidReduceDiskSize", "InvalidVswitchId"),
	each(404, fault.Invalid, false,
		"HostInfo.NotFound", "InvalidInstanceStorageType.NotFound", "InvalidMaxscaleMinorVersion.Format",
		"Request.NotFound"),
)

// unknown are the codes that no row has: the status decides.
var unknown = slices.Concat(
	each(400, fault.Invalid, false, "SomethingNew", "RetryLater.Not"),
	each(404, fault.Invalid, false, "InvalidApi.NotFound"),
	each(429, fault.Throttled, false, "SomethingNew"),
	each(500, fault.Unavailable, true, "SomethingNew"),
	each(504, fault.Unavailable, true, "SomethingNew"),
	each(400, fault.Unavailable, true, ""), // not the API's form: it may come from anything on the way
	each(404, fault.Unavailable, true, ""),
	each(429, fault.Throttled, false, ""),
	each(500, fault.Unavailable, true, ""),
	each(502, fault.Unavailable, true, ""),
)

func TestCodeDecidesTheKindAndTheDoubt(t *testing.T) {
	t.Parallel()
	refused := refuser(t)
	for _, want := range slices.Concat(named, unknown) {
		got := refused(want.status, want.code)
		if got.Kind != want.kind || got.InDoubt != want.inDoubt || got.Code != want.code || got.RequestID != "R-1" {
			t.Errorf("%d %s: got %s %q (in doubt: %t), want %s (%t)", want.status, want.code, got.Kind, got.Code, got.InDoubt, want.kind, want.inDoubt)
		}
	}
}

// refuser starts a server that refuses every call, and returns what an upgrade comes to when it is answered in this way. Each call has
// a rate limiter of its own: refusals by flow control would slow down the next ones.
func refuser(t *testing.T) func(status int, code string) *fault.Error {
	t.Helper()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		status, code, _ := strings.Cut(r.URL.Query().Get("DBInstanceId"), " ")
		n, _ := strconv.Atoi(status)
		reply(n, fmt.Sprintf(`{"RequestId":"R-1","Code":%q,"Message":"m"}`, code))(w, r)
	})
	pool, endpoint := transport.New(), endpointOf(t, s.url)
	t.Cleanup(pool.Close)
	return func(status int, code string) *fault.Error {
		client := rds.New(pool, pace.New(1e6, time.Now), endpoint, invocation.NewCredentials(accessKeyID, secret, token))
		_, err := client.Upgrade(t.Context(), upgradeOf(func(u *fleet.Call) { u.DBInstanceID = fmt.Sprintf("%d %s", status, code) }), always)
		return fault.From(err)
	}
}

// row is a code of the table, and what the table says about it.
type row struct {
	pattern string
	kind    fault.Kind
	seen    string
}

func (r row) isPattern() bool { return strings.Contains(r.pattern, "*") }

func (r row) matches(code string) bool {
	match, err := path.Match(r.pattern, code)
	return err == nil && match
}

// rows returns a row for each of the table's codes.
func rows() (all []row) {
	for _, r := range rds.Codes {
		for _, pattern := range r.Codes {
			all = append(all, row{pattern, r.Kind, r.Seen})
		}
	}
	return all
}

// first returns the row that decides about a code.
func first(all []row, code string) (row, bool) {
	n := slices.IndexFunc(all, func(r row) bool { return r.matches(code) })
	if n < 0 {
		return row{}, false
	}
	return all[n], true
}

// A row that is added to the table wants a case here, and one that another stands in front of is of no use.
func TestEveryRowOfTheTableHasACase(t *testing.T) {
	t.Parallel()
	all := rows()
	for _, r := range all {
		if !slices.ContainsFunc(named, func(a answered) bool {
			decides, _ := first(all, a.code)
			return decides == r && a.kind == r.kind
		}) {
			t.Errorf("no case for %s, %s", r.pattern, r.kind)
		}
	}
	for _, a := range unknown {
		if r, found := first(all, a.code); found {
			t.Errorf("%s is said to be unknown, and is %s", a.code, r.pattern)
		}
	}
}

// families are the patterns that stand for documented codes, and why that is enough.
var families = map[string]string{
	"*RetryLater": `the end of the name says it, and so do their texts: "please try again later"`,
}

// What RDS documents for an action that is called has a row of its own: it is decided, not left to the status or to a wide pattern.
func TestEveryDocumentedCodeHasAKindOnPurpose(t *testing.T) {
	t.Parallel()
	all, inFamily := rows(), map[string][]string{}
	documented := documentedCodes(t)
	for _, code := range slices.Sorted(maps.Keys(documented)) {
		r, found := first(all, code)
		switch {
		case !found:
			t.Errorf("%s (%s) has no row", code, strings.Join(documented[code], ", "))
		case r.isPattern():
			inFamily[r.pattern] = append(inFamily[r.pattern], code)
		}
	}
	for pattern, codes := range inFamily {
		if families[pattern] == "" || len(codes) < 2 {
			t.Errorf("%s stands for the documented codes %v: name each, or add the family to this test", pattern, codes)
		}
	}
	for pattern := range families {
		if inFamily[pattern] == nil {
			t.Errorf("the family %s is not documented any more", pattern)
		}
	}
}

func TestACodeThatIsNotDocumentedSaysWhereItWasSeen(t *testing.T) {
	t.Parallel()
	documented := slices.Collect(maps.Keys(documentedCodes(t)))
	for _, r := range rows() {
		known := slices.ContainsFunc(documented, r.matches)
		if known && r.seen != "" {
			t.Errorf("%s was seen by %s, and is documented", r.pattern, r.seen)
		}
		if !known && r.seen == "" {
			t.Errorf("%s is not documented for an action that is called: where was it seen?", r.pattern)
		}
	}
}

// documentedCodes returns the codes that RDS documents for the actions that the function calls, and for nearly every action; with
// each the actions that have it.
func documentedCodes(t *testing.T) map[string][]string {
	t.Helper()
	facts, all := readFacts(t), map[string][]string{}
	note := func(errors map[string][]string, action string) {
		for _, codes := range errors {
			for _, code := range codes {
				all[code] = append(all[code], action)
			}
		}
	}
	note(facts.Common, "nearly every action")
	for _, action := range actionsOfTheSource(t) {
		note(facts.Actions[action].Errors, action)
	}
	if len(all) < 100 {
		t.Fatalf("%d documented codes found: have the facts another form?", len(all))
	}
	return all
}
