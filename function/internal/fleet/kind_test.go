package fleet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fleet"
)

// Versions are listed once for each kind that RDS has words for, and otherwise for each instance: a list for one is never another's.
func TestVersionsAreListedByKindAndElseForEachInstance(t *testing.T) {
	t.Parallel()
	edition := func(category string) change { return func(i *fleet.Instance) { i.Category = category } }
	disk := func(storage string) change { return func(i *fleet.Instance) { i.StorageType = storage } }
	a := serving(
		mysql("rm-1"), mysql("rm-2"), mysql("rm-3", disk("local_ssd")), mysql("rm-4", edition("cluster")),
		mysql("rm-5", edition("serverless_basic")), mysql("rm-6", edition("serverless_basic")), mysql("rm-7", disk("ephemeral_ssd")),
		mysql("rm-8", inRegion("cn-beijing")), mysql("rm-9", untagged),
		postgres("pg-1"), postgres("pg-2", func(i *fleet.Instance) { i.CurrentKernelVersion = "rds_postgres_1500_20250530" }), postgres("pg-3", edition("Basic")),
	)
	if _, err := a.look(t, everything("cn-hangzhou", "cn-beijing")); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"cn-beijing MySQL HighAvailability cloud_essd", "cn-hangzhou MySQL HighAvailability cloud_essd", "cn-hangzhou MySQL HighAvailability local_ssd",
		"cn-hangzhou MySQL cluster cloud_essd", "cn-hangzhou PostgreSQL Basic cloud_essd", "cn-hangzhou PostgreSQL HighAvailability cloud_essd",
		"rm-5 cn-hangzhou", "rm-6 cn-hangzhou", "rm-7 cn-hangzhou",
	}
	if diff := cmp.Diff(want, a.of("Offers")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What RDS counts and does not list is part of what was seen.
func TestVersionsThatAreNotListedAreCounted(t *testing.T) {
	t.Parallel()
	a := serving(mysql("rm-1", func(i *fleet.Instance) { i.Category, i.Unlisted = "serverless_basic", 3 }))
	got, err := a.look(t, everything())
	if err != nil || len(got) != 1 || got[0].Unlisted != 3 || len(got[0].Offers) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAnOfferIsFoundByEitherFormOfItsName(t *testing.T) {
	t.Parallel()
	i := fleet.Instance{Offers: []fleet.Offer{{Version: "rds_postgres_1500_20240101"}, {Version: "rds_postgres_1500_20251130", Community: "15.15"}}}
	for named, want := range map[string]string{
		"rds_postgres_1500_20251130":       "rds_postgres_1500_20251130",
		"rds_postgres_1500_20251130_15.15": "rds_postgres_1500_20251130",
		"rds_postgres_1500_20260101":       "",
		"":                                 "",
	} {
		if got, found := i.Offer(named); got.Version != want || found != (want != "") {
			t.Errorf("%q: got %+v, %t; want %q", named, got, found, want)
		}
	}
}
