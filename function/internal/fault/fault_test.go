package fault_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
)

func TestTextLeavesOutWhatIsUnknown(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]fault.Error{
		"rds: TagResources rm-x: Throttling.User: slow down (request R-1)": {
			Op: "rds: TagResources rm-x", Kind: fault.Throttled, Code: "Throttling.User", Message: "slow down", RequestID: "R-1",
		},
		"rds: TagResources rm-x: EOF": {Op: "rds: TagResources rm-x", Message: "EOF", InDoubt: true},
		"mns: PublishMessage t: InternalError (request R-1)": {
			Op: "mns: PublishMessage t", Code: "InternalError", RequestID: "R-1",
		},
		"no such topic": {Kind: fault.NotFound, Message: "no such topic"},
		"":              {},
	} {
		if got := f.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestFromFindsTheFaultWhereverItIs(t *testing.T) {
	t.Parallel()
	f := &fault.Error{Op: "rds: TagResources rm-x", Kind: fault.Throttled, Code: "Throttling"}
	for name, test := range map[string]struct {
		err  error
		want *fault.Error
	}{
		"itself":             {f, f},
		"wrapped":            {fmt.Errorf("claim: %w", fmt.Errorf("tag: %w", f)), f},
		"joined with others": {errors.Join(errors.New("first"), f), f},
		"an error of ours":   {errors.New("broken"), &fault.Error{Kind: fault.Internal, Message: "broken"}},
		"a context's":        {context.DeadlineExceeded, &fault.Error{Kind: fault.Internal, Message: "context deadline exceeded"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, fault.From(test.err)); diff != "" {
				t.Errorf("fault (-want +got):\n%s", diff)
			}
		})
	}
}

// Retryable: the same call may succeed in this invocation. Passing: with the next delivery.
func TestKindDecidesWhatFollows(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fault.Kind]struct{ retryable, passing bool }{
		fault.Throttled:   {true, true},
		fault.Unavailable: {true, true},
		fault.Expired:     {false, true},
		fault.Invalid:     {false, false},
		fault.Denied:      {false, false},
		fault.NotFound:    {false, false},
		fault.Conflict:    {false, false},
		fault.Internal:    {false, false},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			for _, err := range []error{&fault.Error{Kind: kind}, fmt.Errorf("wrapped: %w", &fault.Error{Kind: kind, InDoubt: true})} {
				if got := fault.Retryable(err); got != want.retryable {
					t.Errorf("retryable: got %t, want %t", got, want.retryable)
				}
				if got := fault.Passing(err); got != want.passing {
					t.Errorf("passing: got %t, want %t", got, want.passing)
				}
			}
		})
	}
}

func TestNoErrorIsNeitherRetryableNorPassing(t *testing.T) {
	t.Parallel()
	if fault.Retryable(nil) || fault.Passing(nil) {
		t.Error("a success asks to be repeated")
	}
	if err := errors.New("no fault"); fault.Retryable(err) || fault.Passing(err) {
		t.Error("an error that is no fault asks to be repeated")
	}
}

func TestAFaultIsThatOfItsCallInCleanWords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("secret", 40)
	f := &fault.Error{Kind: fault.Denied, Code: long, Message: "a secret", RequestID: "secret-1", InDoubt: true}
	got := f.Of("rds: Call", func(text string) string { return strings.ReplaceAll(text, "secret", "******") })
	want := fault.Error{Op: "rds: Call", Kind: fault.Denied, Code: strings.Repeat("*", 128), Message: "a ******", RequestID: "******-1", InDoubt: true}
	if *got != want {
		t.Errorf("got %+v\nwant %+v", *got, want)
	}
}

var codes = fault.Codes{
	{fault.Conflict, "a page", []string{"Busy", "*.Busy"}},
	{fault.Throttled, "another", []string{"*Busy"}},
}

func TestTheFirstRowThatHasACodeDecidesAndElseTheStatus(t *testing.T) {
	t.Parallel()
	for want, kind := range map[fault.Kind][]fault.Kind{
		fault.Conflict:    {codes.Kind(503, "Busy", fault.Denied), codes.Kind(400, "Instance.Busy", fault.Denied)},
		fault.Throttled:   {codes.Kind(403, "VeryBusy", fault.Denied), codes.Kind(429, "New", fault.Denied), codes.Kind(429, "", fault.Denied)},
		fault.Unavailable: {codes.Kind(500, "New", fault.Denied), codes.Kind(403, "", fault.Denied), codes.Kind(200, "", fault.Denied)},
		fault.Denied:      {codes.Kind(403, "New", fault.Denied)},
		fault.Invalid:     {codes.Kind(400, "New", fault.Denied), codes.Kind(403, "New", fault.Invalid), codes.Kind(404, "New", fault.Denied)},
	} {
		for n, got := range kind {
			if got != want {
				t.Errorf("case %d of %s is %s", n, want, got)
			}
		}
	}
}

func TestOnlyARefusalIsASureNo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   fault.Kind
		status int
		want   bool
	}{
		{fault.Denied, 403, false}, {fault.Denied, 500, true}, {fault.Unavailable, 400, true}, {fault.Throttled, 503, false}, {fault.Throttled, 400, false},
	} {
		if got := c.kind.InDoubt(c.status); got != c.want {
			t.Errorf("%s with status %d: %t", c.kind, c.status, got)
		}
	}
}

func TestAnErrorDocumentIsReadAndNoOtherAnswerIsRepeated(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]fault.Error{
		"<Error><Code>Busy</Code><Message>m</Message><RequestId>R-1</RequestId></Error>": {
			Kind: fault.Conflict, Code: "Busy", Message: "m", RequestID: "R-1", InDoubt: true,
		},
		"<html>secret</html>": {Kind: fault.Unavailable, Message: "the answer is not OSS's: status 502, 19 bytes", InDoubt: true},
		"":                    {Kind: fault.Unavailable, Message: "the answer is not OSS's: status 502, 0 bytes", InDoubt: true},
	} {
		if got := codes.Read(502, []byte(answer), fault.Foreign("OSS's", 502, len(answer))); *got != want {
			t.Errorf("%s: got %+v\nwant %+v", answer, *got, want)
		}
	}
}
