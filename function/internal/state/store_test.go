package state_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/state"
)

func TestTheNewestDocumentIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bucket *bucket
		from   int64
		want   int64
		most   int // listings
	}{
		"the only one":                          {newBucket().fill(t, 1, 1), 0, 1, 1},
		"one of a few":                          {newBucket().fill(t, 1, 7), 0, 7, 1},
		"one whose first ones were removed":     {newBucket().fill(t, 4711, 4720), 0, 4720, 1},
		"the last of a page":                    {newBucket().fill(t, 1, 1000), 0, 1000, 3},
		"the first of the second page":          {newBucket().fill(t, 1, 1001), 0, 1001, 3},
		"one of a month":                        {newBucket().fill(t, 9_999, 12_345), 0, 12_345, 5},
		"one of a history that nothing removes": {newBucket().fill(t, 1, 20_000), 0, 20_000, 15},
		"known from before":                     {newBucket().fill(t, 1, 3000), 3000, 3000, 1},
		"newer than known from before":          {newBucket().fill(t, 1, 3000), 2999, 3000, 1},
		"after the bucket was emptied":          {newBucket().fill(t, 1, 3), 3000, 3, 2},
		"a listing that is behind":              {(&bucket{objects: map[string][]byte{}, behind: 3}).fill(t, 1, 7), 0, 7, 1},
		"other objects beside it":               {with(newBucket().fill(t, 1, 7), "rku/state/zz", "rku/state/", "rku/state/000000000008.json.bak", "rku/state/9.json", "rku/state/000000000000.json", "rku/statement"), 0, 7, 1},
		"pages of other objects behind it":      {with(newBucket().fill(t, 1, 7), many("rku/state/000000000007.json.%04d", 2500)...), 0, 7, 8},
		"pages of other objects before it":      {with(newBucket().fill(t, 1, 7), many("rku/state/000000000000.json.%04d", 2500)...), 0, 7, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := c.bucket.store("a").From(c.from).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d.Number != c.want {
				t.Errorf("number %d, want %d", d.Number, c.want)
			}
			listings := 0
			for _, call := range c.bucket.calls {
				if strings.HasPrefix(call, "keys") {
					listings++
				}
			}
			if listings > c.most {
				t.Errorf("%d listings, want at most %d", listings, c.most)
			}
		})
	}
}

func with(b *bucket, keys ...string) *bucket {
	for _, key := range keys {
		b.objects[key] = []byte("{}")
	}
	return b
}

func many(form string, n int) (all []string) {
	for k := range n {
		all = append(all, fmt.Sprintf(form, k))
	}
	return all
}

func TestASaveIsTheNextNumber(t *testing.T) {
	t.Parallel()
	b := begun(t)
	s := b.store("a")
	d, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for number := int64(2); number < 5; number++ {
		d.Written = noon.Add(time.Duration(number) * time.Minute)
		d.Instances = append([]*state.Instance{{DBInstanceID: fmt.Sprint("rm-", number), RegionID: "cn-hangzhou", Landed: noon}}, d.Instances...)
		if err := s.Save(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if d.Number != number || d.By != "a" {
			t.Errorf("number %d by %s, want %d", d.Number, d.By, number)
		}
		again, err := b.store("b").Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Errorf("what is loaded (-saved +loaded):\n%s", diff)
		}
	}
	if len(b.objects) != 4 {
		t.Errorf("%d objects, want 4: the history stays", len(b.objects))
	}
	if _, found := b.objects["rku/state/000000000004.json"]; !found {
		t.Error("the fourth has another key")
	}
}

// TestWhatASaveComesTo plays every answer to the write of number 2, and what stands there in the end.
func TestWhatASaveComesTo(t *testing.T) {
	t.Parallel()
	other := func(b *bucket) { // another writer is faster
		b.fill(t, 2, 2)
	}
	for name, c := range map[string]struct {
		before  func(b *bucket)
		stands  string // whose document has number 2
		kind    fault.Kind
		inDoubt bool
		want    string
	}{
		"it is written":             {func(*bucket) {}, "a", "", false, ""},
		"another writer was faster": {other, "other", fault.Conflict, false, "state: write rku/state/000000000002.json: another invocation has written this number: load it, and decide again"},
		"the answer was lost, and it was written": {func(b *bucket) {
			b.lost = func(string) (bool, bool) { return true, true }
		}, "a", "", false, ""},
		"the client repeated it, and was told that it is there": {func(b *bucket) { b.repeated = true }, "a", "", false, ""},
		"the answer was lost, and another writer was faster": {func(b *bucket) {
			other(b)
			b.lost = func(string) (bool, bool) { return true, true }
		}, "other", fault.Conflict, false, "another invocation has written this number"},
		"the answer was lost, and nothing stands there yet": {func(b *bucket) {
			b.lost = func(string) (bool, bool) { return false, true }
		}, "", fault.Conflict, true, "nobody knows whether it was written: load, decide again, and call nothing: oss: PutObject rku/state/000000000002.json: connection reset by peer; then oss: GetObject"},
		"the answer was lost, and the key cannot be read": {func(b *bucket) {
			b.lost = func(string) (bool, bool) { return true, true }
			b.fail = failing("get rku/state/000000000002.json", unavailable)
		}, "a", fault.Conflict, true, "nobody knows whether it was written: load, decide again, and call nothing: oss: PutObject rku/state/000000000002.json: connection reset by peer; then oss: ServiceUnavailable"},
		"the client repeated it, and the key cannot be read": {func(b *bucket) {
			b.repeated = true
			b.fail = failing("get rku/state/000000000002.json", unavailable)
		}, "a", fault.Conflict, true, "nobody knows whether it was written: load, decide again, and call nothing: oss: ServiceUnavailable"},
		"OSS is down":                  {func(b *bucket) { b.fail = failing("create", unavailable) }, "", fault.Unavailable, false, "state: write rku/state/000000000002.json: oss: ServiceUnavailable: Please reduce your request rate.; without the document nothing is called, and Function Compute delivers the event again"},
		"OSS refuses by flow control":  {func(b *bucket) { b.fail = failing("create", throttled) }, "", fault.Throttled, false, "Function Compute delivers the event again"},
		"the credentials have expired": {func(b *bucket) { b.fail = failing("create", expired) }, "", fault.Expired, false, "Function Compute delivers the event again"},
		"there is no right to write":   {func(b *bucket) { b.fail = failing("create", denied) }, "", fault.Denied, false, "the function's role needs oss:GetObject and oss:PutObject on rku/*"},
		"the bucket is gone":           {func(b *bucket) { b.fail = failing("create", gone) }, "", fault.NotFound, false, "there is no such bucket: look at STATE_BUCKET"},
		"OSS is busy with the bucket":  {func(b *bucket) { b.fail = failing("create", busy) }, "", fault.Unavailable, false, "OperationAborted"},
		"something that is no fault":   {func(b *bucket) { b.fail = failing("create", errors.New("a bug")) }, "", fault.Internal, false, "a bug"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begun(t)
			s := b.store("a")
			d, err := s.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			d.Written = noon.Add(time.Minute)
			before := *d
			c.before(b)
			err = s.Save(t.Context(), d)
			if c.kind == "" {
				if err != nil || d.Number != 2 {
					t.Errorf("number %d, %v", d.Number, err)
				}
			} else {
				checkFault(t, err, c.kind, c.want)
				if f := fault.From(err); f.InDoubt != c.inDoubt || state.Conflicts(err) != (c.kind == fault.Conflict) {
					t.Errorf("in doubt %t, conflicts %t", f.InDoubt, state.Conflicts(err))
				}
				if diff := cmp.Diff(&before, d); diff != "" {
					t.Errorf("the document has changed (-before +after):\n%s", diff)
				}
			}
			if got := writerOf(t, b.objects["rku/state/000000000002.json"]); got != c.stands {
				t.Errorf("number 2 is by %q, want %q", got, c.stands)
			}
		})
	}
}

// writerOf names who wrote an object, "" if there is none.
func writerOf(tb testing.TB, object []byte) string {
	tb.Helper()
	if object == nil {
		return ""
	}
	d, err := state.Decode(object)
	if err != nil {
		tb.Fatal(err)
	}
	if d.By == "a" {
		return "a"
	}
	return "other"
}

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
		"there is no bucket":             {fails("versioned", gone), fault.NotFound, "state: ask for the bucket's versioning: oss: NoSuchBucket: The specified bucket does not exist.; there is no such bucket: look at STATE_BUCKET and OSS_ENDPOINT, or make it (deploy/README.md). Without it nothing is called"},
		"the bucket has versioning":      {func(_ *testing.T, b *bucket) { b.versioned = true }, fault.Invalid, "state: bucket: it has versioning, or once had it: there, OSS lets one writer replace what another one has written, so nothing is called. Make a bucket without versioning, copy the newest object of rku/state/ into it, and set STATE_BUCKET"},
		"no right to ask for versioning": {fails("versioned", denied), fault.Denied, "state: ask for the bucket's versioning: oss: AccessDenied: You have no right to access this object.; without the document nothing is called: the function's role needs oss:GetObject and oss:PutObject on rku/*, and oss:ListObjects and oss:GetBucketVersioning on the bucket (deploy/function-policy.json) (request 5C3D)"},
		"no right to list":               {fails("keys", denied), fault.Denied, "state: list rku/state/: oss: AccessDenied"},
		"no right to read":               {fails("get", denied), fault.Denied, "state: read rku/state/000000000001.json: oss: AccessDenied"},
		"no right to read the next one":  {fails("get "+second, denied), fault.Denied, "state: read rku/state/000000000002.json: oss: AccessDenied"},
		"the bucket goes meanwhile":      {fails("get", gone), fault.NotFound, "there is no such bucket"},
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

func TestAWrongDocumentIsNotSaved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		document func(d *state.Document) *state.Document
		want     string
	}{
		"one that was not loaded": {func(*state.Document) *state.Document { return &state.Document{Written: noon} }, "state: save: the document was not loaded"},
		"one that cannot be": {func(d *state.Document) *state.Document {
			d.Remember("rm-1", "cn-hangzhou")
			return d
		}, "state: save: the next document would be wrong, so it was not written: instances[0] has neither fail nor landed"},
		"the last number of all": {func(d *state.Document) *state.Document {
			d.Number = 999_999_999_999
			return d
		}, "number is 1000000000000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begun(t)
			s := b.store("a")
			d, err := s.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			checkFault(t, s.Save(t.Context(), c.document(d)), fault.Internal, c.want)
			if len(b.objects) != 1 {
				t.Error("it was written")
			}
		})
	}
}

func TestADocumentIsRestoredByACopyUnderTheNextNumber(t *testing.T) {
	t.Parallel()
	b := newBucket().fill(t, 41, 42)
	key := b.store("").Key
	b.objects[key(42)] = []byte("broken")
	b.objects[key(43)] = b.objects[key(41)]
	s := b.store("a")
	d, err := s.Load(t.Context())
	if err != nil || d.Number != 43 {
		t.Fatalf("%v, %v", d, err)
	}
	if err := s.Save(t.Context(), d); err != nil || d.Number != 44 {
		t.Fatalf("number %d, %v", d.Number, err)
	}
}

func TestBeginMakesTheFirstDocumentOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bucket *bucket
		begun  bool
		kind   fault.Kind
		want   string
	}{
		"in an empty bucket":              {newBucket(), true, "", ""},
		"not where there is one":          {newBucket().fill(t, 1, 1), false, "", ""},
		"not where the first was removed": {newBucket().fill(t, 4711, 4712), false, "", ""},
		"not where it is broken":          {with(newBucket(), "rku/state/000000000001.json"), false, "", ""},
		"also when the answer was lost":   {&bucket{objects: map[string][]byte{}, lost: func(string) (bool, bool) { return true, true }}, true, "", ""},
		"not when another one was faster": {&bucket{objects: newBucket().fill(t, 1, 1).objects, behind: 1}, false, "", ""},
		"not when nobody knows":           {&bucket{objects: map[string][]byte{}, lost: func(string) (bool, bool) { return false, true }}, false, fault.Conflict, "nobody knows"},
		"not when OSS is down":            {&bucket{objects: map[string][]byte{}, fail: failing("keys", unavailable)}, false, fault.Unavailable, "state: list rku/state/"},
		"not when it may not write":       {&bucket{objects: map[string][]byte{}, fail: failing("create", denied)}, false, fault.Denied, "state: write rku/state/000000000001.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done, err := c.bucket.store("deploy").Begin(t.Context(), noon)
			if done != c.begun {
				t.Errorf("it reports %t", done)
			}
			if c.kind != "" {
				checkFault(t, err, c.kind, c.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if name == "not where it is broken" {
				return
			}
			c.bucket.behind = 0
			if _, err := c.bucket.store("a").Load(t.Context()); err != nil {
				t.Errorf("what it leaves cannot be loaded: %v", err)
			}
		})
	}
	_, err := newBucket().store("").Begin(t.Context(), noon)
	checkFault(t, err, fault.Internal, "by is missing")
}

func TestTheArchiveOfARolloutIsWrittenOnce(t *testing.T) {
	t.Parallel()
	archive := func(t *testing.T) *state.Archive {
		t.Helper()
		d := document(t)
		return d.ArchiveOf(d.Rollout("r-over"))
	}
	const key = "rku/rollouts/r-over.json"
	for name, c := range map[string]struct {
		bucket *bucket
		kind   fault.Kind
		want   string
	}{
		"it is written":                           {newBucket(), "", ""},
		"it was written before":                   {with(newBucket(), key), "", ""},
		"the answer was lost, and it was written": {&bucket{objects: map[string][]byte{}, lost: func(string) (bool, bool) { return true, true }}, "", ""},
		"the answer was lost, and it was not":     {&bucket{objects: map[string][]byte{}, lost: func(string) (bool, bool) { return false, true }}, fault.Unavailable, "state: write " + key},
		"there is no right to write":              {&bucket{objects: map[string][]byte{}, fail: failing("create", denied)}, fault.Denied, "state: write " + key},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.bucket.store("a").Archive(t.Context(), archive(t))
			if c.kind != "" {
				checkFault(t, err, c.kind, c.want)
				return
			}
			if err != nil || c.bucket.objects[key] == nil {
				t.Errorf("%v, and %d objects", err, len(c.bucket.objects))
			}
		})
	}
	checkFault(t, newBucket().store("a").Archive(t.Context(), &state.Archive{}), fault.Internal, "the archive would be wrong, so it was not written: written is missing")
}

func TestTheArchiveOfARolloutIsRead(t *testing.T) {
	t.Parallel()
	b := newBucket()
	d := document(t)
	want := d.ArchiveOf(d.Rollout("r-over"))
	if err := b.store("a").Archive(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got, err := b.store("b").Archived(t.Context(), "r-over")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	_, err = b.store("b").Archived(t.Context(), "r-open")
	checkFault(t, err, fault.NotFound, "state: read rku/rollouts/r-open.json: there is no archive of this rollout: it is not over, or has another id")
	b.objects["rku/rollouts/r-over.json"] = []byte("{}")
	_, err = b.store("b").Archived(t.Context(), "r-over")
	checkFault(t, err, fault.Invalid, "state: read rku/rollouts/r-over.json: version is missing")
	b.fail = failing("get", denied)
	_, err = b.store("b").Archived(t.Context(), "r-over")
	checkFault(t, err, fault.Denied, "state: read rku/rollouts/r-over.json: oss: AccessDenied")
}

func TestNoErrorIsNoConflict(t *testing.T) {
	t.Parallel()
	if state.Conflicts(nil) || state.Conflicts(context.Canceled) {
		t.Error("it is taken for one")
	}
}
