package rds_test

import (
	"fmt"
	"path"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/local/rig"
)

// answered is a row of the codes' table as it is met: what the API answers, and what that means.
type answered struct {
	status  int
	code    string
	kind    fault.Kind
	inDoubt bool
}

var answers = []answered{
	{400, "Throttling", fault.Throttled, false},
	{400, "Throttling.User", fault.Throttled, false},
	{400, "Throttling.Api", fault.Throttled, false},
	{503, "Throttling.User", fault.Throttled, false}, // refused, whatever the status
	{400, "Rejected.Throttling", fault.Throttled, false},

	{400, "InvalidSecurityToken.Expired", fault.Expired, false},
	{400, "InvalidTimeStamp.Expired", fault.Expired, false},
	{400, "InvalidSecurityToken.Malformed", fault.Denied, false},
	{400, "InvalidSecurityToken.MismatchWithAccessKey", fault.Denied, false},
	{400, "MissingSecurityToken", fault.Denied, false},
	{404, "InvalidAccessKeyId.NotFound", fault.Denied, false},
	{400, "InvalidAccessKeyId.Inactive", fault.Denied, false},
	{400, "SignatureDoesNotMatch", fault.Denied, false},
	{400, "IncompleteSignature", fault.Denied, false},
	{403, "Forbidden", fault.Denied, false},
	{403, "Forbidden.RAM", fault.Denied, false},
	{403, "NoPermission", fault.Denied, false},

	{404, "InvalidDBInstanceId.NotFound", fault.NotFound, false},
	{404, "InvalidDBInstanceName.NotFound", fault.NotFound, false},

	{400, "IncorrectDBInstanceState", fault.Conflict, false},
	{403, "OperationDenied.DBInstanceStatus", fault.Conflict, false},
	{403, "OperationDenied.ReadDBInstanceStatus", fault.Conflict, false},
	{403, "OperationDenied.PrimaryDBInstanceStatus", fault.Conflict, false},
	{403, "OperationDenied.MasterDBInstanceState", fault.Conflict, false},
	{400, "InvalidOrderTask.NotSupport", fault.Conflict, false},
	{400, "InvalidEVENT", fault.Conflict, false},
	{400, "ConcurrentTaskExceeded", fault.Conflict, false},
	{400, "LockTimeout", fault.Conflict, false},
	{400, "InvalidMinorVersionAlreadyLatest", fault.Conflict, false},
	{400, "InvalidMinorVersionLowerThanInstance", fault.Conflict, false},

	{400, "SignatureNonceUsed", fault.Unavailable, true}, // it has been here before
	{503, "ServiceUnavailable", fault.Unavailable, true},
	{500, "InternalError", fault.Unavailable, true},
	{400, "InternalError.Gateway", fault.Unavailable, false},

	// What no row has: by status.
	{400, "EngineNotSupported", fault.Invalid, false},
	{400, "InvalidMinorVerison.NotFound", fault.Invalid, false},
	{400, "InstanceMissingMinorVersionAttr", fault.Invalid, false},
	{400, "MissingParameter.MinorVersionTag", fault.Invalid, false},
	{404, "InvalidApi.NotFound", fault.Invalid, false},
	{403, "IncorrectDBInstanceLockMode", fault.Invalid, false},
	{429, "SomethingNew", fault.Throttled, false},
	{500, "SomethingNew", fault.Unavailable, true},
	{504, "SomethingNew", fault.Unavailable, true},
	{400, "", fault.Unavailable, true}, // not the API's form: it may come from anything on the way
	{404, "", fault.Unavailable, true},
	{429, "", fault.Throttled, false},
	{500, "", fault.Unavailable, true},
	{502, "", fault.Unavailable, true},
}

func TestCodeDecidesTheKindAndTheDoubt(t *testing.T) {
	t.Parallel()
	for _, want := range answers {
		t.Run(fmt.Sprintf("%d %s", want.status, want.code), func(t *testing.T) {
			t.Parallel()
			s := serve(t, reply(want.status, fmt.Sprintf(`{"RequestId":"R-1","Code":%q,"Message":"m"}`, want.code)))
			_, err := s.client.Upgrade(t.Context(), step(), always)
			got := fault.From(err)
			if got.Kind != want.kind || got.InDoubt != want.inDoubt || got.Code != want.code || got.RequestID != "R-1" {
				t.Errorf("got %s %q (in doubt: %t), want %s (%t)", got.Kind, got.Code, got.InDoubt, want.kind, want.inDoubt)
			}
		})
	}
}

// A row that is added to the table wants a case here.
func TestEveryRowOfTheTableHasACase(t *testing.T) {
	t.Parallel()
	rows := rig.Rows(t, "codes.go", "codes")
	if len(rows) < 25 {
		t.Fatalf("%d rows found: has the table another form?", len(rows))
	}
	for _, row := range rows {
		met := false
		for _, a := range answers {
			match, err := path.Match(row[0], a.code)
			must(t, err)
			met = met || match && string(a.kind) == row[1]
		}
		if !met {
			t.Errorf("no case for %s, %s", row[0], row[1])
		}
	}
}
