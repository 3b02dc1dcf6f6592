package state_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/state"
)

var (
	unavailable = &fault.Error{Op: "oss", Kind: fault.Unavailable, Code: "ServiceUnavailable", Message: "Please reduce your request rate."}
	throttled   = &fault.Error{Op: "oss", Kind: fault.Throttled, Code: "QpsLimitExceeded", Message: "Too many requests."}
	expired     = &fault.Error{Op: "oss", Kind: fault.Expired, Code: "SecurityTokenExpired", Message: "The security token has expired."}
	denied      = &fault.Error{Op: "oss", Kind: fault.Denied, Code: "AccessDenied", Message: "You have no right to access this object.", RequestID: "5C3D"}
	gone        = &fault.Error{Op: "oss", Kind: fault.NotFound, Code: "NoSuchBucket", Message: "The specified bucket does not exist."}
	busy        = &fault.Error{Op: "oss", Kind: fault.Conflict, Code: "OperationAborted", Message: "A conflicting operation is under way."}
)

// failing lets the calls fail that begin with a text.
func failing(beginning string, err error) func(call, key string) error {
	return func(call, key string) error {
		if strings.HasPrefix(call+" "+key, beginning) {
			return err
		}
		return nil
	}
}

func checkFault(tb testing.TB, err error, kind fault.Kind, want string) {
	tb.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != kind || !strings.Contains(err.Error(), want) {
		tb.Errorf("got  %v\nwant %s: %s", err, kind, want)
	}
}

// TestWhatStandsInTheWayOfALoad has every state of the bucket in which nothing may be called, and what the operator reads.
func TestWhatStandsInTheWayOfALoad(t *testing.T) {
	t.Parallel()
	const second = "rku/state/000000000002.json"
	spoil := func(change func(text string) string) func(t *testing.T, b *bucket) {
		return func(t *testing.T, b *bucket) {
			t.Helper()
			b.fill(t, 2, 2)
			b.objects[second] = []byte(change(string(b.objects[second])))
		}
	}
	fails := func(call string, err error) func(*testing.T, *bucket) {
		return func(_ *testing.T, b *bucket) { b.fail = failing(call, err) }
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, b *bucket)
		kind   fault.Kind
		want   string
	}{
		"there is no document":           {func(_ *testing.T, b *bucket) { clear(b.objects) }, fault.NotFound, "state: list rku/state/: there is no document, so nothing is called. If there was one, STATE_BUCKET or STATE_PREFIX is wrong, or it was removed: then copy it back. If this function has never run, make the first one: make deploy does"},
		"there is no bucket":             {fails("versioned", gone), fault.NotFound, "state: ask for the bucket's versioning: oss: NoSuchBucket: The specified bucket does not exist.; without the bucket nothing is called: look at STATE_BUCKET and OSS_ENDPOINT, or make it (deploy/README.md)"},
		"the bucket has versioning":      {func(_ *testing.T, b *bucket) { b.versioned = true }, fault.Invalid, "state: bucket: it has versioning, or once had it: there, OSS lets one writer replace what another one has written, so nothing is called. Make a bucket without versioning, copy the newest object of rku/state/ into it, and set STATE_BUCKET"},
		"no right to ask for versioning": {fails("versioned", denied), fault.Denied, "state: ask for the bucket's versioning: oss: AccessDenied: You have no right to access this object.; without the document nothing is called: the function's role needs oss:GetObject and oss:PutObject on rku/*, and oss:ListObjects and oss:GetBucketVersioning on the bucket (deploy/function-policy.json) (request 5C3D)"},
		"no right to list":               {fails("keys", denied), fault.Denied, "state: list rku/state/: oss: AccessDenied"},
		"no right to read":               {fails("get", denied), fault.Denied, "state: read rku/state/000000000001.json: oss: AccessDenied"},
		"no right to read the next one":  {fails("get "+second, denied), fault.Denied, "state: read rku/state/000000000002.json: oss: AccessDenied"},
		"the bucket goes meanwhile":      {fails("get", gone), fault.NotFound, "without the bucket nothing is called"},
		"a missing bucket is Invalid":    {fails("get", &fault.Error{Kind: fault.Invalid, Code: "NoSuchBucket"}), fault.Invalid, "without the bucket nothing is called"},
		"OSS is down":                    {fails("", unavailable), fault.Unavailable, "state: ask for the bucket's versioning: oss: ServiceUnavailable: Please reduce your request rate.; without the document nothing is called, and Function Compute delivers the event again"},
		"OSS is slow":                    {fails("get", &fault.Error{Op: "oss: GetObject", Kind: fault.Unavailable, Message: "no answer in time"}), fault.Unavailable, "state: read rku/state/000000000001.json: oss: GetObject: no answer in time; without the document nothing is called"},
		"OSS refuses by flow control":    {fails("keys", throttled), fault.Throttled, "Function Compute delivers the event again"},
		"what was listed is gone":        {fails("get", &fault.Error{Kind: fault.NotFound, Code: "NoSuchKey"}), fault.Unavailable, "state: read rku/state/000000000001.json: NoSuchKey: it is listed and cannot be read. If this does not pass, it was removed: copy it back. Nothing is called"},
		"the document is broken":         {spoil(func(text string) string { return strings.Replace(text, `"state":"called"`, `"state":"calling"`, 1) }), fault.Invalid, `state: read rku/state/000000000002.json: the document is broken: rollouts[1].members[2].state is "calling": want one of ["pending" "intent" "called" "proven" "failed" "unverified" "leftOut"]. It stays as it is, and nothing is called. Mend a copy, and store it as rku/state/000000000003.json, or go back to the document before it: copy rku/state/000000000001.json to rku/state/000000000003.json`},
		"the document is empty":          {spoil(func(string) string { return "" }), fault.Invalid, "the document is broken: the document is empty"},
		"the first one is broken":        {func(_ *testing.T, b *bucket) { b.objects["rku/state/000000000001.json"] = []byte("x") }, fault.Invalid, "Mend a copy, and store it as rku/state/000000000002.json, or begin anew under another STATE_PREFIX"},
		"its number is of a later one":   {spoil(func(text string) string { return strings.Replace(text, `"number": 2`, `"number": 3`, 1) }), fault.Invalid, "the document is broken: number is 3 under this key"},
		"it is of a newer version":       {spoil(func(text string) string { return strings.Replace(text, `"version": 1`, `"version": 2`, 1) }), fault.Invalid, "state: read rku/state/000000000002.json: its format has version 2, and this function knows versions up to 1: it was written by a newer version of the function. Nothing is called. Deploy that version again, or go back to the document before it: copy rku/state/000000000001.json to rku/state/000000000003.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begun(t)
			c.change(t, b)
			before := fmt.Sprint(b.objects)
			b.calls = nil
			d, err := b.store("a").Load(t.Context())
			if d != nil {
				t.Errorf("it loads %v", d)
			}
			checkFault(t, err, c.kind, c.want)
			if state.Conflicts(err) {
				t.Error("it is taken for a conflict")
			}
			if fmt.Sprint(b.objects) != before || strings.Contains(strings.Join(b.calls, "\n"), "create") {
				t.Errorf("something was written: %v", b.calls)
			}
		})
	}
}

func TestABucketWithVersioningIsNeverWritten(t *testing.T) {
	t.Parallel()
	b := begun(t)
	d, err := b.store("a").Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.versioned, b.calls = true, nil
	checkFault(t, b.store("b").Save(t.Context(), d), fault.Invalid, "it has versioning")
	_, err = b.store("b").Begin(t.Context(), noon)
	checkFault(t, err, fault.Invalid, "it has versioning")
	if diff := cmp.Diff([]string{"versioned", "versioned"}, b.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestVersioningIsAskedForOnce(t *testing.T) {
	t.Parallel()
	b := begun(t)
	s := b.store("a")
	b.calls = nil
	for range 3 {
		d, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Save(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	for _, call := range b.calls {
		if call == "versioned" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestNoErrorIsNoConflict(t *testing.T) {
	t.Parallel()
	if state.Conflicts(nil) || state.Conflicts(context.Canceled) {
		t.Error("it is taken for one")
	}
}
