package fleet_test

import (
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
)

// Whose replicas are read: those outside the fleet where Replica says so, those of the fleet where their primary would restart them.
func TestReplicasAreReadWhereTheirVersionsDecide(t *testing.T) {
	t.Parallel()
	pair := []fleet.Instance{postgres("pg-1", primaryOf("pr-1")), postgres("pr-1", untagged, replicaOf("pg-1"))}
	mysqls := []fleet.Instance{mysql("rm-1", primaryOf("rr-1")), mysql("rr-1", untagged, replicaOf("rm-1"))}
	without := everything()
	without.Replica = nil
	for name, c := range map[string]struct {
		scope fleet.Scope
		fleet []fleet.Instance
		want  int // reads
	}{
		"one primary": {named(everything(), "pg-1"), pair, 2},
		"one primary whose replicas are not wanted":   {named(without, "pg-1"), pair, 1},
		"one primary of MySQL":                        {named(everything(), "rm-1"), mysqls, 1},
		"a fleet with a replica that is no candidate": {everything(), pair, 2},
		"the same, and replicas are not wanted":       {without, pair, 1},
		"the same of MySQL":                           {everything(), mysqls, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serving(c.fleet...)
			got, err := a.look(t, c.scope)
			if err != nil || a.counts()["Instance"] != c.want {
				t.Fatalf("%v: %v", a.calls, err)
			}
			if len(got) == 2 && got[1].Listed != (c.want == 1) {
				t.Errorf("got %+v", got[1])
			}
		})
	}
}

func TestAReplicaThatIsReadHasItsVersionOrItsFault(t *testing.T) {
	t.Parallel()
	const done = "rds_postgres_1500_20251130"
	a := serving(postgres("pg-1", primaryOf("pr-1", "pr-2")), postgres("pr-1", func(i *fleet.Instance) { i.CurrentKernelVersion = done }))
	got, err := a.look(t, named(everything(), "pg-1"))
	if err != nil || len(got) != 1 || len(got[0].Replicas) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if r := got[0].Replicas; r[0].CurrentKernelVersion != done || r[1].Fault == nil || r[1].Fault.Kind != fault.NotFound {
		t.Errorf("got %+v", r)
	}
}

// A replica that cannot be read is no fault of a fleet that was not to upgrade it.
func TestAReplicaThatCannotBeReadStaysAsItIsListed(t *testing.T) {
	t.Parallel()
	a := serving(postgres("pg-1", primaryOf("pr-1")), postgres("pr-1", untagged, replicaOf("pg-1"))).fail("Instance", nil, denied)
	got, err := a.look(t, everything())
	if err != nil || len(got) != 2 || got[1].Fault != nil || !got[1].Listed {
		t.Fatalf("%+v, %v", got, err)
	}
}

// A primary that was not read says nothing about whether it restarts its replicas.
func TestTheReplicasOfAPrimaryThatWasNotReadAreNotReadForIt(t *testing.T) {
	t.Parallel()
	a := serving(
		postgres("pg-1", untagged, primaryOf("pr-1", "pr-3")), postgres("pr-1", untagged, replicaOf("pg-1")), // only listed
		postgres("pg-2", primaryOf("pr-2", "pr-3")), postgres("pr-2", untagged, replicaOf("pg-2")), // cannot be read
	).fail("Instance", denied)
	got, err := a.look(t, everything())
	if err != nil || a.counts()["Instance"] != 1 {
		t.Errorf("got %+v, %v after %v", got, err, a.calls)
	}
}
