package oss_test

import (
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/oss"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/sts"
)

// The adapter is what the state document is kept by.
var _ state.Objects = (*oss.Client)(nil)

// fakeOf is the local cloud's OSS with the bucket, and a place of it.
func fakeOf(t *testing.T) (*fakeoss.Server, place) {
	t.Helper()
	keys := sts.NewKeyring(time.Now)
	fake := fakeoss.New(fakeoss.Options{Now: time.Now, Keys: keys, Region: region})
	if err := fake.CreateBucket(bucket, fakeoss.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	connections := transport.New()
	t.Cleanup(connections.Close)
	endpoint := endpointOf(t, server.URL)
	return fake, place{
		T: t,
		client: func(bucket string) *oss.Client {
			key := keys.Issue(time.Hour)
			return oss.New(connections, endpoint, region, bucket, invocation.NewCredentials(key.ID, key.Secret, key.Token))
		},
		set: func(versioning string) {
			if err := fake.SetVersioning(bucket, versioning); err != nil {
				t.Error(err)
			}
		},
	}
}

// TestTheContractAtTheLocalCloud: the same promises, with real signatures, at the local cloud's OSS.
func TestTheContractAtTheLocalCloud(t *testing.T) {
	t.Parallel()
	tryContract(t, func(t *testing.T) place {
		t.Helper()
		_, p := fakeOf(t)
		return p
	})
}

// stores returns a way to make stores over one bucket, each as one invocation has it.
func stores(p place) func() *state.Store {
	var nonces atomic.Int64
	return func() *state.Store {
		return state.New(p.client(bucket), "rds-kernel-upgrade", "1-6731-1", func() string { return fmt.Sprintf("nonce-%d", nonces.Add(1)) })
	}
}

// TestTheStateIsKeptInABucket takes the document from its first number on, through the adapter, to the local cloud's OSS.
func TestTheStateIsKeptInABucket(t *testing.T) {
	t.Parallel()
	_, p := fakeOf(t)
	store := stores(p)
	if _, err := store().Load(t.Context()); err == nil || fault.From(err).Kind == fault.Conflict {
		t.Errorf("an empty bucket is no empty state: %v", err)
	}
	written := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	if begun, err := store().Begin(t.Context(), written); !begun || err != nil {
		t.Fatalf("begun %t, %v", begun, err)
	}
	if begun, err := store().Begin(t.Context(), written); begun || err != nil {
		t.Errorf("begun again %t, %v", begun, err)
	}
	first, second := store(), store()
	mine, err := first.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := second.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mine.Written, theirs.Written = written.Add(time.Minute), written.Add(time.Hour)
	if err := first.Save(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	if err := second.Save(t.Context(), theirs); !state.Conflicts(err) {
		t.Errorf("the second writer of a number: %v", err)
	}
	if now, err := store().Load(t.Context()); err != nil || now.Number != 2 || !now.Written.Equal(mine.Written) {
		t.Errorf("got %+v, %v", now, err)
	}
}

// What goes wrong on the way to the bucket is no document, and no document is lost.
func TestWhatGoesWrongOnTheWayToTheBucket(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*fakeoss.Server)
		kind  fault.Kind // of the error of a save; empty: it is saved
	}{
		"an answer that was lost is read back": {func(s *fakeoss.Server) {
			s.Faults().Add(faults.Fault{Action: "PutObject", Kind: faults.ResetAfter, Times: 1})
		}, ""},
		"a request that never arrived": {func(s *fakeoss.Server) {
			s.Faults().Add(faults.Fault{Action: "PutObject", Kind: faults.ResetBefore, Times: 1})
		}, fault.Conflict},
		"a bucket that got versioning": {func(s *fakeoss.Server) { _ = s.SetVersioning(bucket, fakeoss.Enabled) }, fault.Invalid},
		"an expired token":             {func(s *fakeoss.Server) { s.Faults().Add(faults.Fault{Action: "PutObject", Kind: faults.TokenExpired}) }, fault.Expired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, p := fakeOf(t)
			store := stores(p)
			written := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
			if _, err := store().Begin(t.Context(), written); err != nil {
				t.Fatal(err)
			}
			mine := store()
			d, err := mine.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c.spoil(fake)
			d.Written = written.Add(time.Minute)
			err = mine.Save(t.Context(), d)
			if c.kind == "" && err != nil || c.kind != "" && (err == nil || fault.From(err).Kind != c.kind) {
				t.Errorf("got %v, want %q", err, c.kind)
			}
		})
	}
}
