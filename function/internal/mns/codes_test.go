package mns_test

import (
	"fmt"
	"path"
	"slices"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/mns"
)

// answered is a row of the codes' table as it is met: what the service answers, and what that means.
type answered struct {
	status  int
	code    string
	kind    fault.Kind
	inDoubt bool
}

var answers = []answered{
	{403, "AccessDenied", fault.Denied, false},
	{403, "InvalidAccessKeyId", fault.Denied, false},
	{403, "SignatureDoesNotMatch", fault.Denied, false},
	{408, "TimeExpired", fault.Expired, false},
	{400, "TimeExpired", fault.Expired, false},
	{404, "TopicNotExist", fault.NotFound, false},
	{429, "TooManyRequests", fault.Throttled, false},
	{400, "QpsLimitExceeded", fault.Throttled, false},
	{500, "InternalError", fault.Unavailable, true},
	{500, "InternalServerError", fault.Unavailable, true},

	// What no row has: by a word in it, or by status.
	{403, "SomethingExpired", fault.Expired, false},
	{400, "SomethingExpired.New", fault.Expired, false},
	{400, "InvalidArgument", fault.Invalid, false},
	{400, "MalformedXML", fault.Invalid, false},
	{400, "InvalidDegist", fault.Invalid, false},
	{409, "TopicAlreadyExist", fault.Invalid, false},
	{403, "SomethingNew", fault.Denied, false},
	{429, "SomethingNew", fault.Throttled, false},
	{500, "SomethingNew", fault.Unavailable, true},
	{503, "SomethingNew", fault.Unavailable, true},
	{400, "", fault.Unavailable, false},
	{403, "", fault.Denied, false},
	{404, "", fault.Unavailable, false},
	{429, "", fault.Throttled, false},
	{502, "", fault.Unavailable, true},
}

func TestCodeDecidesTheKindAndTheStatusTheDoubt(t *testing.T) {
	t.Parallel()
	for _, want := range answers {
		t.Run(fmt.Sprintf("%d %s", want.status, want.code), func(t *testing.T) {
			t.Parallel()
			s := serve(t, reply(want.status, refusal(want.code, "m")))
			_, err := publish(t.Context(), s.client)
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
	for _, row := range mns.Codes {
		for _, code := range row.Codes {
			if !slices.ContainsFunc(answers, func(a answered) bool {
				match, _ := path.Match(code, a.code)
				return match && a.kind == row.Kind
			}) {
				t.Errorf("no case for %s, %s", code, row.Kind)
			}
		}
	}
}
