package state_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/state"
)

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
	got, err := state.DecodeArchive(b.objects["rku/rollouts/r-over.json"])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	if _, err := state.DecodeArchive([]byte("{}")); err == nil || err.Error() != "version is missing" {
		t.Errorf("of one with nothing in it: %v", err)
	}
}
