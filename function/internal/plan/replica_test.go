package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// Replicas of MySQL: what stands in a primary's way when a rollout opens.
func TestWhenAReplicaKeepsItsPrimaryFromGoing(t *testing.T) {
	t.Parallel()
	request := `{"kind":"advisory","advisory":{"id":"CVE-1","affected":[{"Engine":"MySQL","fixedIn":"` + newer + `"}]}}`
	cases := map[string]struct {
		replica []change
		reason  plan.Reason // of the primary
		wave    int         // of the primary, if it is called
		says    string
	}{
		"not affected":                            {[]change{current(newer)}, "", 1, ""},
		"of another engine":                       {[]change{postgres("cloud_essd")}, "", 1, ""},
		"to be upgraded: in the wave before":      {nil, "", 2, ""},
		"busy: its turn comes before":             {[]change{status("Rebooting")}, "", 2, ""},
		"not opted in":                            {[]change{untagged}, plan.ReplicaFirst, 0, "its replica rr-1 is left alone: not_opted_in (it has not the tag kernel-upgrade=auto)"},
		"stopped":                                 {[]change{status("Stopped")}, plan.ReplicaFirst, 0, "not_running"},
		"of a version that nothing compares with": {[]change{current("")}, plan.ReplicaFirst, 0, "unknown_version"},
		"it could not be read":                    {[]change{fails(denied)}, plan.ReplicaFirst, 0, "is left alone: unread (it could not be read: Forbidden.RAM: not authorized (request F1A2))"},
		"it was deleted":                          {[]change{fails(missing)}, plan.ReplicaFirst, 0, "is left alone: gone"},
	}
	for name, c := range cases {
		for relation, link := range map[string][2]change{
			"the primary names it":       {primaryOf("rr-1"), func(*fleet.Instance) {}},
			"the replica names it":       {func(*fleet.Instance) {}, replicaOf("rm-1")},
			"both name it":               {primaryOf("rr-1"), replicaOf("rm-1")},
			"the primary names it twice": {primaryOf("rr-1", "rr-1"), func(*fleet.Instance) {}},
		} {
			t.Run(name+"/"+relation, func(t *testing.T) {
				t.Parallel()
				m := of(t, preview(t, wide, request, mysql("rr-1", append(c.replica, link[1])...), mysql("rm-1", link[0])), "rm-1")
				checkMember(t, m, c.reason)
				if m.Wave != c.wave || m.End != nil && !strings.Contains(m.End.Detail, c.says) {
					t.Errorf("it is in wave %d, %+v; want %d, %q", m.Wave, m.End, c.wave, c.says)
				}
			})
		}
	}
}

// Replicas: one that was not selected must run the target.
func TestAReplicaThatWasNotSelected(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		replicas []fleet.Instance
		reason   plan.Reason
		says     string
	}{
		"it runs the target":                   {[]fleet.Instance{mysql("rr-1", current(newer))}, "", ""},
		"it runs a newer version":              {[]fleet.Instance{mysql("rr-1", current("rds_20261101"))}, "", ""},
		"it is behind":                         {[]fleet.Instance{mysql("rr-1")}, plan.ReplicaFirst, "its replica rr-1 runs rds_20240101 and is not among the selected instances: select both"},
		"it runs the target and is restarting": {[]fleet.Instance{mysql("rr-1", current(newer), status("Rebooting"))}, plan.ReplicaFirst, "runs rds_20260228 and is not among the selected instances: select both"},
		"it could not be read":                 {[]fleet.Instance{{ID: "rr-1", Fault: denied}}, plan.ReplicaFirst, "its replica rr-1 is not among the selected instances and could not be read: select both"},
		"it was not read":                      {nil, plan.ReplicaFirst, "could not be read: select both"},
		"another one is at the target":         {[]fleet.Instance{mysql("rr-2", current(newer))}, plan.ReplicaFirst, "could not be read"},
	}
	for name, c := range cases {
		for _, engine := range []string{"MySQL", fleet.PostgreSQL} {
			t.Run(name+"/"+engine, func(t *testing.T) {
				t.Parallel()
				m := of(t, preview(t, wide, sweepAll, mysql("rm-1", primaryOf("rr-1"), reading(c.replicas...), func(i *fleet.Instance) { i.Engine = engine })), "rm-1")
				checkMember(t, m, c.reason)
				if m.End != nil && !strings.Contains(m.End.Detail, c.says) {
					t.Errorf("it says %q, want %q", m.End.Detail, c.says)
				}
			})
		}
	}
}

// Replicas and stages: a primary goes in no earlier stage than its replicas.
func TestAPrimaryGoesInTheStageOfItsReplicas(t *testing.T) {
	t.Parallel()
	r := preview(t, wide, staged(dev),
		mysql("rm-1", env("dev"), primaryOf("rr-1")), mysql("rr-1", env("prod"), replicaOf("rm-1")), mysql("rm-2", env("dev")), mysql("rm-3", env("prod")))
	if diff := cmp.Diff(map[string]int{"rm-2": 1, "rr-1": 2, "rm-3": 2, "rm-1": 3}, wavesOf(r)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReplicasOfReplicasGoFirstOfAll(t *testing.T) {
	t.Parallel()
	chain := func(last ...change) []fleet.Instance {
		return []fleet.Instance{
			mysql("rm-1", env("dev"), primaryOf("rm-2")), mysql("rm-2", env("dev"), primaryOf("rm-3")), mysql("rm-3", append([]change{env("prod"), replicaOf("rm-2")}, last...)...), mysql("rm-4", env("prod")),
		}
	}
	if diff := cmp.Diff(map[string]int{"rm-3": 1, "rm-4": 1, "rm-2": 2, "rm-1": 3}, wavesOf(preview(t, wide, staged(dev), chain()...))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	held := preview(t, wide, staged(dev), chain(locked)...)
	if diff := cmp.Diff(map[string]int{"rm-4": 1}, wavesOf(held)); diff != "" {
		t.Errorf("with the last one locked (-want +got):\n%s", diff)
	}
}

// Replicas: instances that are each other's replicas go nowhere. All others, of the same stage and of later ones, go without them.
func TestInstancesThatAreEachOthersReplicasKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	r := preview(t, "budget: {maxInstances: 2, maxPercent: 100}", staged(dev), append(mysqls(5, env("prod")),
		mysql("rm-a", env("dev"), primaryOf("rm-b")), mysql("rm-b", env("dev"), primaryOf("rm-a")), mysql("rm-c", env("dev"), primaryOf("rm-a")), mysql("rm-d", env("dev")))...)
	for _, id := range []string{"rm-a", "rm-b", "rm-c"} {
		checkMember(t, of(t, r, id), plan.ReplicaFirst)
		if got := of(t, r, id).End.Detail; got != "its replicas wait for each other" {
			t.Errorf("it says %q", got)
		}
	}
	checkMember(t, of(t, r, "rm-d"), "")
	if diff := cmp.Diff([]int{1, 2, 2, 1}, sizes(r)); diff != "" {
		t.Errorf("waves (-want +got):\n%s", diff)
	}
}

// Replicas of PostgreSQL: RDS restarts those that are below the primary's target, whatever the plan says of them.
func TestAPostgreSQLPrimaryWaitsForEveryReplicaBelowItsTarget(t *testing.T) {
	t.Parallel()
	listed := func(i *fleet.Instance) { i.Listed, i.CurrentKernelVersion = true, "" }
	const fix = `{"kind":"advisory","advisory":{"id":"CVE-1","severity":"high","affected":[{"Engine":"PostgreSQL","fixedIn":"15.10"}]}}`
	cases := map[string]struct {
		request string
		replica []change
		reason  plan.Reason // of the primary
		waves   [2]int      // of the replica and of the primary, if they are called
		says    string
	}{
		"behind: it goes before": {sweepAll, nil, "", [2]int{1, 2}, ""},
		"at the target":          {sweepAll, []change{current(pgNew)}, "", [2]int{0, 1}, ""},
		"at the target under the other form of its name":        {sweepAll, []change{current(pgNew + "_15.12")}, "", [2]int{0, 1}, ""},
		"at the target, and not opted in":                       {sweepAll, []change{untagged, current(pgNew)}, "", [2]int{0, 1}, ""},
		"at the target, and only listed":                        {sweepAll, []change{untagged, current(pgNew), func(i *fleet.Instance) { i.Listed = true }}, plan.ReplicaFirst, [2]int{}, "is left alone: not_opted_in"},
		"at the target, and it could not be read":               {sweepAll, []change{current(pgNew), fails(denied)}, plan.ReplicaFirst, [2]int{}, "is left alone: unread"},
		"at the target, and restarting":                         {sweepAll, []change{current(pgNew), status("Rebooting")}, plan.ReplicaFirst, [2]int{}, "runs " + pgNew + ", and the primary's upgrade to " + pgNew + " would restart it"},
		"not opted in":                                          {sweepAll, []change{untagged}, plan.ReplicaFirst, [2]int{}, "is left alone: not_opted_in (it has not the tag kernel-upgrade=auto), and its primary's upgrade would restart it"},
		"not opted in, and only listed":                         {sweepAll, []change{untagged, listed}, plan.ReplicaFirst, [2]int{}, "is left alone: not_opted_in"},
		"locked":                                                {sweepAll, []change{locked}, plan.ReplicaFirst, [2]int{}, "is left alone: locked"},
		"held by its owner":                                     {sweepAll, []change{hold("yes")}, plan.ReplicaFirst, [2]int{}, "is left alone: held"},
		"fixed, and below the target: it goes before":           {fix, []change{current(pgMiddle)}, "", [2]int{1, 2}, ""},
		"fixed, below the target, which is not listed for it":   {fix, []change{current(pgMiddle), offers(built(pgMiddle, "15.10"))}, plan.ReplicaFirst, [2]int{}, "runs " + pgMiddle + ", and the primary's upgrade to " + pgNew + " would restart it"},
		"behind, and to get less than the primary":              {sweepAll, []change{offers(built(pgMiddle, "15.10"))}, plan.ReplicaFirst, [2]int{1, 0}, "is to get " + pgMiddle + ", which is not its primary's target " + pgNew},
		"behind, and to get more than the primary":              {sweepAll, []change{offers(built("rds_postgres_1500_20260131", "15.12"))}, "", [2]int{1, 2}, ""},
		"babelfish is no version of the primary's":              {sweepAll, []change{current(pgNew + "_babelfish"), offers()}, plan.ReplicaFirst, [2]int{}, "unknown_version"},
		"up to date, the latest of its kind, below the primary": {sweepAll, []change{current(pgMiddle), offers(), latest(pgMiddle)}, plan.ReplicaFirst, [2]int{}, "would restart it"},
		"fixed, below the target, and no time for it":           {fix, []change{current(pgMiddle), func(i *fleet.Instance) { i.MaintainTime = "10:00Z-11:00Z" }}, "", [2]int{1, 2}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := preview(t, wide, c.request, pg("rm-1", primaryOf("rr-1")), pg("rr-1", append(c.replica, replicaOf("rm-1"))...))
			primary, replica := of(t, r, "rm-1"), of(t, r, "rr-1")
			checkMember(t, primary, c.reason)
			if got := [2]int{replica.Wave, primary.Wave}; got != c.waves {
				t.Errorf("replica and primary are in waves %v, want %v", got, c.waves)
			}
			if primary.End != nil && !strings.Contains(primary.End.Detail, c.says) {
				t.Errorf("it says %q, want %q", primary.End.Detail, c.says)
			}
		})
	}
}

// Replicas of PostgreSQL: a replica that needs nothing for itself goes for its primary's sake, and says so; if the primary cannot go, it does not.
func TestAReplicaThatIsBroughtForItsPrimary(t *testing.T) {
	t.Parallel()
	const fix = `{"kind":"advisory","advisory":{"id":"CVE-1","severity":"high","affected":[{"Engine":"PostgreSQL","fixedIn":"15.10"}]}}`
	r := preview(t, wide, fix, pg("rm-1", primaryOf("rr-1", "rr-2")), pg("rr-1", current(pgMiddle)), pg("rr-2", current(pgNew)))
	if m := of(t, r, "rr-1"); m.Target != pgNew || m.Why != "its primary rm-1 goes to "+pgNew+" and would restart it" {
		t.Errorf("got %+v", m)
	}
	checkMember(t, of(t, r, "rr-2"), plan.NotAffected)
	r = preview(t, wide, fix, pg("rm-1", primaryOf("rr-1", "rr-2")), pg("rr-1", current(pgMiddle)), pg("rr-2", locked))
	checkMember(t, of(t, r, "rm-1"), plan.ReplicaFirst)
	checkMember(t, of(t, r, "rr-1"), plan.NotAffected)
	r = preview(t, wide, fix, mysql("rm-1", primaryOf("rr-1")), pg("rr-1", current(pgMiddle)))
	checkMember(t, of(t, r, "rr-1"), plan.NotAffected)
	r = preview(t, wide, advised("low"), mysql("rm-1", primaryOf("rr-1")), mysql("rr-1", current(middle)))
	checkMember(t, of(t, r, "rr-1"), plan.NotAffected) // MySQL restarts no replica
	r = preview(t, wide+`windows: {deny: [{from: "2026-11-22T00:00", to: "2026-11-30T00:00", zone: UTC}]}`,
		`{"kind":"advisory","advisory":{"id":"CVE-1","severity":"high","affected":[{"Engine":"PostgreSQL","fixedIn":"15.10"}]},"schedule":{"UpgradeTime":"Immediate"}}`,
		pg("rm-1", primaryOf("rr-1")), pg("rr-1", current(pgMiddle)))
	if diff := cmp.Diff(map[string]int{"rr-1": 1, "rm-1": 2}, wavesOf(r)); diff != "" {
		t.Errorf("moved (-want +got):\n%s", diff)
	}
}

// Memory of failures: a replica that has failed is not brought for its primary's sake either.
func TestAReplicaThatHasFailedIsNotBrought(t *testing.T) {
	t.Parallel()
	s := begin(t, wide)
	s.document.Instances = []*state.Instance{{DBInstanceID: "rr-1", RegionID: region, Fail: &state.Fail{At: noon.Add(time.Minute), Target: pgNew, Rollout: "r-0"}}}
	const fix = `{"kind":"advisory","advisory":{"id":"CVE-1","severity":"high","affected":[{"Engine":"PostgreSQL","fixedIn":"15.10"}]}}`
	r, _ := plan.On(s.document, s.setting).Preview(s.message("r-1", noon, fix), []fleet.Instance{pg("rm-1", primaryOf("rr-1")), pg("rr-1", current(pgMiddle))})
	checkMember(t, of(t, r, "rr-1"), plan.NotAffected)
	checkMember(t, of(t, r, "rm-1"), plan.ReplicaFirst)
}

// Replicas of PostgreSQL: an upgrade of one primary restarts its replicas, which the request must know.
func TestOnePostgreSQLPrimarySaysWhichReplicasItRestarts(t *testing.T) {
	t.Parallel()
	behind, done := pg("rr-1"), pg("rr-2", current(pgNew))
	unread := fleet.Instance{ID: "rr-3", Fault: denied}
	const together = `{"DBInstanceId":"rm-1","withReplicas":true}`
	cases := map[string]struct {
		request  string
		instance fleet.Instance
		reason   plan.Reason
		says     string
	}{
		"a replica below its target": {
			oneAtOnce, pg("rm-1", primaryOf("rr-1", "rr-2"), reading(behind, done)), plan.ReplicaFirst,
			"RDS would restart its read-only instances with it, those that are below " + pgNew + ": rr-1 runs " + pgOld + `: upgrade them first, or send "withReplicas":true if that is meant`,
		},
		"a replica that could not be read":     {oneAtOnce, pg("rm-1", primaryOf("rr-2", "rr-3"), reading(done, unread)), plan.ReplicaFirst, "rr-3 could not be read"},
		"a replica that was not read":          {oneAtOnce, pg("rm-1", primaryOf("rr-1")), plan.ReplicaFirst, "rr-1 could not be read"},
		"all replicas at the target":           {oneAtOnce, pg("rm-1", primaryOf("rr-2"), reading(done)), "", ""},
		"no replicas":                          {oneAtOnce, pg("rm-1"), "", ""},
		"replicas below a version that is old": {`{"DBInstanceId":"rm-1","TargetMinorVersion":"` + pgMiddle + `"}`, pg("rm-1", primaryOf("rr-1"), reading(pg("rr-1", current(pgMiddle)))), "", ""},
		"meant with its replicas":              {together, pg("rm-1", primaryOf("rr-1", "rr-2")), "", "RDS restarts its read-only instances before it, those that are below " + pgNew + ": rr-1, rr-2"},
		"meant with replicas, and it has none": {together, pg("rm-1"), "", ""},
		"up to date itself":                    {oneAtOnce, pg("rm-1", current(pgNew), primaryOf("rr-1"), reading(behind)), plan.UpToDate, ""},
		"the same, meant with its replicas":    {together, pg("rm-1", current(pgNew), primaryOf("rr-1"), reading(behind)), plan.UpToDate, ""},
		"MySQL restarts itself alone":          {oneAtOnce, mysql("rm-1", primaryOf("rr-1"), reading(mysql("rr-1"))), "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := of(t, preview(t, "", c.request, c.instance), "rm-1")
			checkMember(t, m, c.reason)
			if m.End != nil && !strings.Contains(m.End.Detail, c.says) || m.End == nil && m.Why != c.says {
				t.Errorf("got %q, %+v; want %q", m.Why, m.End, c.says)
			}
		})
	}
}
