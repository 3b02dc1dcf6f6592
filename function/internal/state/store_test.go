package state_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/state"
)

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
		"the bucket is gone":           {func(b *bucket) { b.fail = failing("create", gone) }, "", fault.NotFound, false, "without the bucket nothing is called: look at STATE_BUCKET"},
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
		"not when archives show that there was one": {
			with(newBucket(), "rku/rollouts/a7dc258ff8bf0089.json"), false, fault.Invalid,
			"there is no document in rku/state/, and there is an archive, rku/rollouts/a7dc258ff8bf0089.json: so there was one, and it was removed. Copy its newest number back",
		},
		"not when nobody can look for archives": {
			&bucket{objects: map[string][]byte{}, fail: func(call, after string) error {
				if call == "keys" && after == "" {
					return denied
				}
				return nil
			}}, false, fault.Denied, "state: list rku/rollouts/",
		},
		"not when it may not write": {&bucket{objects: map[string][]byte{}, fail: failing("create", denied)}, false, fault.Denied, "state: write rku/state/000000000001.json"},
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
