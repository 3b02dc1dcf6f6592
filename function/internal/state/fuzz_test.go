package state_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/schema"
)

// FuzzDecode holds that whatever is read can be written, is accepted by the schema, and is read again as the same.
func FuzzDecode(f *testing.F) {
	whole := []byte(text(f, document(f)))
	f.Add(whole)
	f.Add(zipped(f, whole))
	f.Add([]byte(text(f, fleetOf(f, 3, proven))))
	f.Add([]byte(text(f, fleetOf(f, 3, leftOut))))
	f.Add([]byte(`{"version":1,"number":1,"nonce":"n","written":"2026-11-22T12:00:00Z","by":"b"}`))
	f.Add([]byte(`{"version":2,"colour":"red"}`))
	for _, c := range byHand {
		f.Add([]byte(c.with))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		d, err := state.Decode(object)
		if err != nil {
			return
		}
		again, err := state.Decode([]byte(text(t, d)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	})
}

// FuzzDecodeArchive holds the same of archives.
func FuzzDecodeArchive(f *testing.F) {
	d := document(f)
	object, err := state.EncodeArchive(d.ArchiveOf(d.Rollout("r-over")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(object)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, object []byte) {
		a, err := state.DecodeArchive(object)
		if err != nil {
			return
		}
		first, err := state.EncodeArchive(a)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := state.Unpack(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.CheckArchive(plain); err != nil {
			t.Errorf("the schema says %v", err)
		}
		if again, err := state.DecodeArchive(first); err != nil || cmp.Diff(a, again) != "" {
			t.Errorf("%v, (-first +second):\n%s", err, cmp.Diff(a, again))
		}
	})
}
