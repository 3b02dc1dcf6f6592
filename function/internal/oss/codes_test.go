package oss_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/oss"
)

// answered is a row of the codes' table as it is met: what OSS answers, and what that means.
type answered struct {
	status  int
	code    string
	kind    fault.Kind
	inDoubt bool
}

// listed are answers with the codes of the table, with the status that they come with.
var listed = []answered{
	{404, "NoSuchKey", fault.NotFound, false},
	{404, "NoSuchBucket", fault.Invalid, false},
	{400, "InvalidBucketName", fault.Invalid, false},
	{400, "InvalidObjectName", fault.Invalid, false},
	{409, "FileImmutable", fault.Invalid, false},
	{403, "InvalidObjectState", fault.Invalid, false},
	{403, "PermanentRedirect", fault.Invalid, false},
	{400, "PublicEndpointForbidden", fault.Invalid, false},
	{403, "SecondLevelDomainForbidden", fault.Invalid, false},
	{403, "NonStandardHostForbidden", fault.Invalid, false},
	{400, "InvalidArgument", fault.Invalid, false},
	{400, "InvalidDigest", fault.Invalid, false},
	{400, "EntityTooLarge", fault.Invalid, false},
	{400, "MalformedXML", fault.Invalid, false},
	{411, "MissingArgument", fault.Invalid, false},
	{411, "MissingContentLength", fault.Invalid, false},
	{405, "MethodNotAllowed", fault.Invalid, false},
	{400, "NotImplemented", fault.Invalid, false},
	{501, "NotImplemented", fault.Invalid, true},
	{403, "SecurityTokenExpired", fault.Expired, false},
	{403, "RequestTimeTooSkewed", fault.Expired, false},
	{403, "AccessDenied", fault.Denied, false},
	{403, "InvalidAccessKeyId", fault.Denied, false},
	{403, "SignatureDoesNotMatch", fault.Denied, false},
	{403, "InvalidSecurityToken", fault.Denied, false},
	{400, "MissingSecurityToken", fault.Denied, false},
	{403, "AccessKeyIdAndSecurityTokenNotMatch", fault.Denied, false},
	{403, "AbnormalBucketOwnerStatus", fault.Denied, false},
	{403, "BucketDisable", fault.Denied, false},
	{403, "BucketNotBelongTo", fault.Denied, false},
	{403, "InDebt", fault.Denied, false},
	{403, "InDebtOverdue", fault.Denied, false},
	{403, "UserDisable", fault.Denied, false},
	{403, "UbsmsInvalidBid", fault.Denied, false},
	{409, "KeyDisabled", fault.Denied, false},
	{409, "KeyPendingDeletion", fault.Denied, false},
	{429, "QpsLimitExceeded", fault.Throttled, false},
	{503, "DownloadTrafficRateLimitExceeded", fault.Throttled, false},
	{503, "UploadTrafficRateLimitExceeded", fault.Throttled, false},
	{503, "MetaOperationQpsLimitExceeded", fault.Throttled, false},
	{503, "TotalQpsLimitExceeded", fault.Throttled, false},
	{503, "ActiveRequestLimitExceeded", fault.Throttled, false},
	{503, "CpuLimitExceeded", fault.Throttled, false},
	{503, "PartitionQpsLimitted", fault.Throttled, false},
	{503, "SlowDown", fault.Throttled, false},
	{503, "ServiceUnavailable", fault.Unavailable, true},
	{500, "InternalError", fault.Unavailable, true},
	{400, "RequestTimeout", fault.Unavailable, true},
}

// unlisted are answers with other codes, which mean what their status says.
var unlisted = []answered{
	{400, "SomethingNew", fault.Invalid, false},
	{404, "SomethingNew", fault.Invalid, false},
	{409, "SomethingNew", fault.Invalid, false},
	{412, "SomethingNew", fault.Invalid, false},
	{403, "SomethingNew", fault.Denied, false},
	{429, "SomethingNew", fault.Throttled, false},
	{500, "SomethingNew", fault.Unavailable, true},
	{503, "SomethingNew", fault.Unavailable, true},
	{400, "", fault.Unavailable, true},
	{403, "", fault.Unavailable, true},
	{404, "", fault.Unavailable, true},
	{409, "", fault.Unavailable, true},
	{429, "", fault.Throttled, false},
	{502, "", fault.Unavailable, true},
	// Only its own status makes it that an object is there already.
	{500, "FileAlreadyExists", fault.Conflict, true},
	{400, "FileAlreadyExists", fault.Conflict, false},
}

func TestCodeDecidesTheKindAndTheStatusTheDoubt(t *testing.T) {
	t.Parallel()
	for _, want := range slices.Concat(listed, unlisted) {
		for op, call := range calls {
			t.Run(fmt.Sprintf("%d %s %s", want.status, want.code, op), func(t *testing.T) {
				t.Parallel()
				got, err := call(t.Context(), refusal(want.status, want.code, "m").client())
				f := fault.From(err)
				if err == nil || got != "" || f.Kind != want.kind || f.InDoubt != want.inDoubt || f.Code != want.code || f.RequestID != "R-1" || f.Op != "oss: "+op {
					t.Errorf("got %q, %+v, want %s (%t)", got, f, want.kind, want.inDoubt)
				}
				if !strings.HasPrefix(f.Message, "m") {
					t.Errorf("message %q", f.Message)
				}
			})
		}
	}
}

// A code of the table means the same whatever the status.
func TestACodeOfTheTableMeansTheSameWithEveryStatus(t *testing.T) {
	t.Parallel()
	for _, want := range listed {
		for _, status := range []int{400, 403, 404, 409, 429, 500, 501, 503} {
			_, err := refusal(status, want.code, "m").client().Create(t.Context(), key, []byte(body))
			if got := fault.From(err); got.Kind != want.kind || got.Code != want.code {
				t.Errorf("%s with status %d: %s, want %s", want.code, status, got.Kind, want.kind)
			}
		}
	}
}

// An object that is there already is what Create asks about, and no fault; for another call it would be one.
func TestAnObjectThatIsThereIsNoFaultOfCreate(t *testing.T) {
	t.Parallel()
	c := refusal(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.").client()
	if created, err := c.Create(t.Context(), key, []byte(body)); created || err != nil {
		t.Errorf("got %t, %v", created, err)
	}
	if _, err := c.Get(t.Context(), key); err == nil || fault.From(err).Kind != fault.Conflict {
		t.Errorf("read: %v", err)
	}
}

// A row that is added to the table wants a case here, and a source.
func TestEveryRowOfTheTableHasACaseAndASource(t *testing.T) {
	t.Parallel()
	for _, row := range oss.Codes {
		if row.Seen == "" {
			t.Errorf("no source for %q", row.Codes)
		}
		for _, code := range row.Codes {
			if code != "FileAlreadyExists" && !slices.ContainsFunc(listed, func(a answered) bool {
				match, _ := path.Match(code, a.code)
				return match && a.kind == row.Kind
			}) {
				t.Errorf("no case for %s, %s", code, row.Kind)
			}
		}
	}
}

// What the operator can do about it is said, where OSS does not.
func TestAFaultOfTheConfigurationSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"NoSuchBucket":            "m: make the bucket (deploy/) and name it in STATE_BUCKET",
		"InvalidBucketName":       "m: name the bucket in STATE_BUCKET",
		"AccessDenied":            "m: the function's role needs the rights that deploy/ gives it, and the bucket has to be in the region of the endpoint",
		"PublicEndpointForbidden": "m: the endpoint for this function is the internal one of the bucket's region: leave OSS_ENDPOINT out, or mend it",
		"InternalError":           "m",
	} {
		_, err := refusal(403, code, "m").client().Get(t.Context(), key)
		if got := fault.From(err).Message; got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}
