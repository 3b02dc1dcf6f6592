package upgrade_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// Instances that are each other's replicas go nowhere. All of the later stages go without them.
func TestATieHoldsNobodyOfALaterStage(t *testing.T) {
	t.Parallel()
	waves := events.Rollout{Waves: []events.Wave{{Tags: map[string]string{"env": "dev"}}, {Percent: 100}}}
	fleet := append(members(5, env("prod")),
		member("rm-a", env("dev"), primaryOf("rm-b")), member("rm-b", env("dev"), primaryOf("rm-a")))
	for _, d := range sweepOf(waves).Decide(fleet) {
		switch tied := d.Instance.Tags["env"] == "dev"; {
		case tied:
			checkReason(t, d, upgrade.ReplicaFirst)
		case d.Step == nil || d.Step.Wave < 1:
			t.Errorf("%s goes in no wave: step %+v, skip %+v", d.Instance.ID, d.Step, d.Skip)
		}
	}
}

func TestAPrimaryWaitsForAReplicaWhoseCallIsInDoubt(t *testing.T) {
	t.Parallel()
	plan := sweep().Decide([]upgrade.Instance{
		member("rm-1", primaryOf("rr-1")), member("rr-1", replicaOf("rm-1"), claimed(claim(upgrade.Intent, rollout))),
	})
	checkReason(t, plan[0], upgrade.ReplicaFirst)
	if !plan[0].Wait || !plan[1].Alive || plan[1].Settlement != nil {
		t.Errorf("the primary waits: %t; its replica: %+v", plan[0].Wait, plan[1])
	}
}

// A primary goes in the stage of its replica also when that is done: who was busy in an earlier stage goes before it.
func TestAPrimaryStaysInTheStageOfItsReplica(t *testing.T) {
	t.Parallel()
	waves := events.Rollout{Waves: []events.Wave{{Tags: map[string]string{"env": "dev"}}, {Percent: 100}}}
	fleet := []upgrade.Instance{
		member("rm-1", env("dev"), primaryOf("rr-1")), member("rr-1", env("prod"), replicaOf("rm-1"), current(newer)), member("rm-2", env("dev")),
	}
	got := wavesOf(withMemory(sweepOf(waves), proven("rr-1")).Decide(fleet))
	if diff := cmp.Diff(map[string]int{"rm-2": 1, "rm-1": 2}, got); diff != "" {
		t.Errorf("waves (-want +got):\n%s", diff)
	}
}
