package upgrade_test

import (
	"strings"
	"testing"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
)

const (
	pgOld    = "rds_postgres_1500_20240101"
	pgMiddle = "rds_postgres_1500_20250530"
	pgNew    = "rds_postgres_1500_20251130"
)

// pg is a PostgreSQL on cloud disks for which three versions are listed.
func pg(id string, change ...change) upgrade.Instance {
	return member(id, append([]func(*upgrade.Instance){postgres("general_essd"), offers(built(pgOld, "15.5"), built(pgMiddle, "15.10"), built(pgNew, "15.12"))}, change...)...)
}

// RDS restarts the replicas of a PostgreSQL primary that are below its target, whatever the plan calls them.
func TestAPostgreSQLPrimaryWaitsForEveryReplicaBelowItsTarget(t *testing.T) {
	t.Parallel()
	listed := func(i *upgrade.Instance) { i.Listed, i.CurrentKernelVersion = true, "" }
	fix := func() upgrade.Question { return withAdvisory(sweep(), "high", fixedIn("PostgreSQL", "15.10")) }
	cases := map[string]struct {
		question upgrade.Question
		replica  []change
		reason   upgrade.Reason // of the primary
		waves    [2]int         // of the replica and of the primary, if they are called
		says     string
	}{
		"behind: it goes before": {sweep(), nil, "", [2]int{1, 2}, ""},
		"at the target":          {sweep(), []change{current(pgNew)}, "", [2]int{0, 1}, ""},
		"at the target under the other form of its name": {sweep(), []change{current(pgNew + "_15.12")}, "", [2]int{0, 1}, ""},
		"at the target, and not opted in":                {sweep(), []change{untagged, current(pgNew)}, "", [2]int{0, 1}, ""},
		"at the target, and locked":                      {sweep(), []change{locked, current(pgNew)}, "", [2]int{0, 1}, ""},
		"not opted in":                                   {sweep(), []change{untagged}, upgrade.ReplicaFirst, [2]int{}, "is left alone: not_opted_in"},
		"not opted in, and only listed":                  {sweep(), []change{untagged, listed}, upgrade.ReplicaFirst, [2]int{}, "is left alone: not_opted_in"},
		"locked":                                         {sweep(), []change{locked}, upgrade.ReplicaFirst, [2]int{}, "is left alone: locked"},
		"held by its owner": {sweep(), []change{func(i *upgrade.Instance) {
			i.Tags = map[string]string{"kernel-upgrade": "auto", "kernel-upgrade-hold": "yes"}
		}}, upgrade.ReplicaFirst, [2]int{}, "is left alone: held"},
		"held by a tag that is no claim":                        {sweep(), []change{func(i *upgrade.Instance) { i.ClaimFault = errTag }}, upgrade.ReplicaFirst, [2]int{}, "is left alone: held"},
		"fixed, and below the target: it goes before":           {fix(), []change{current(pgMiddle)}, "", [2]int{1, 2}, ""},
		"fixed, below the target, which is not listed for it":   {fix(), []change{current(pgMiddle), offers(built(pgMiddle, "15.10"))}, upgrade.ReplicaFirst, [2]int{}, "runs " + pgMiddle + ", and the primary's upgrade to " + pgNew + " would restart it"},
		"behind, and to get less than the primary":              {sweep(), []change{offers(built(pgMiddle, "15.10"))}, upgrade.ReplicaFirst, [2]int{1, 0}, "is to get " + pgMiddle},
		"babelfish is no version of the primary's":              {sweep(), []change{current(pgNew + "_babelfish"), offers()}, upgrade.ReplicaFirst, [2]int{}, "unknown_version"},
		"up to date as it may be: it goes before":               {sweep(), []change{current(pgMiddle), offers(built(pgMiddle, ""), built(pgNew, ""))}, "", [2]int{1, 2}, ""},
		"up to date, the latest of its kind, below the primary": {sweep(), []change{current(pgMiddle), offers(), func(i *upgrade.Instance) { i.LatestKernelVersion = pgMiddle }}, upgrade.ReplicaFirst, [2]int{}, "would restart it"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := withBudget(c.question, 50, 100)
			plan := q.Decide([]upgrade.Instance{pg("rm-1", primaryOf("rr-1")), pg("rr-1", append(c.replica, replicaOf("rm-1"))...)})
			checkReason(t, plan[0], c.reason)
			if got := [2]int{waveOf(plan[1]), waveOf(plan[0])}; got != c.waves {
				t.Errorf("replica and primary are in waves %v, want %v", got, c.waves)
			}
			if d := plan[0]; d.Skip != nil && !strings.Contains(d.Skip.Detail, c.says) {
				t.Errorf("got %q, want %q", d.Skip.Detail, c.says)
			}
		})
	}
}

func locked(i *upgrade.Instance) { i.LockMode = "ManualLock" }

func waveOf(d upgrade.Decision) int {
	if d.Step == nil {
		return 0
	}
	return d.Step.Wave
}

// A replica is not upgraded for the sake of a primary that cannot go.
func TestAReplicaIsNotBroughtForAPrimaryThatIsHeld(t *testing.T) {
	t.Parallel()
	q := withBudget(withAdvisory(sweep(), "high", fixedIn("PostgreSQL", "15.10")), 50, 100)
	plan := q.Decide([]upgrade.Instance{
		pg("rm-1", primaryOf("rr-1", "rr-2")), pg("rr-1", replicaOf("rm-1"), current(pgMiddle)), pg("rr-2", replicaOf("rm-1"), locked),
	})
	checkReason(t, plan[0], upgrade.ReplicaFirst)
	checkReason(t, plan[1], upgrade.NotAffected)
}

// A replica that is brought gets a wave, and the reason why.
func TestAReplicaThatIsBroughtSaysForWhom(t *testing.T) {
	t.Parallel()
	q := withBudget(withAdvisory(sweep(), "high", fixedIn("PostgreSQL", "15.10")), 50, 100)
	plan := q.Decide([]upgrade.Instance{pg("rm-1", primaryOf("rr-1")), pg("rr-1", current(pgMiddle))})
	if s := plan[1].Step; s == nil || s.Asked != pgNew || s.Why != "its primary rm-1 goes to "+pgNew+" and would restart it" {
		t.Errorf("got %+v", s)
	}
}

func TestASinglePostgreSQLPrimaryIsToldOfItsReplicas(t *testing.T) {
	t.Parallel()
	behind, done := pg("rr-1"), pg("rr-2", current(pgNew))
	unread := upgrade.Instance{ID: "rr-3", Fault: errTag}
	cases := map[string]struct {
		request  events.Upgrade
		instance upgrade.Instance
		reason   upgrade.Reason
		says     string
	}{
		"a replica below its target": {
			immediate(), pg(id, primaryOf("rr-1", "rr-2"), reading(behind, done)), upgrade.ReplicaFirst,
			"RDS would restart its read-only instances with it, those that are below " + pgNew + ": rr-1 runs " + pgOld + `: upgrade them first, or send "withReplicas":true if that is meant`,
		},
		"a replica that could not be read":     {immediate(), pg(id, primaryOf("rr-2", "rr-3"), reading(done, unread)), upgrade.ReplicaFirst, "rr-3 could not be read"},
		"a replica that was not read":          {immediate(), pg(id, primaryOf("rr-1")), upgrade.ReplicaFirst, "rr-1 could not be read"},
		"all replicas at the target":           {immediate(), pg(id, primaryOf("rr-2"), reading(done)), "", ""},
		"no replicas":                          {immediate(), pg(id), "", ""},
		"replicas below a version that is old": {events.Upgrade{DBInstanceID: id, UpgradeTime: events.Immediate, TargetMinorVersion: pgMiddle}, pg(id, primaryOf("rr-1"), reading(pg("rr-1", current(pgMiddle)))), "", ""},
		"meant with its replicas": {
			events.Upgrade{DBInstanceID: id, UpgradeTime: events.Immediate, WithReplicas: true},
			pg(id, primaryOf("rr-1", "rr-2")), "",
			"RDS restarts its read-only instances before it, those that are below " + pgNew + ": rr-1, rr-2",
		},
		"up to date itself":    {immediate(), pg(id, current(pgNew), primaryOf("rr-1"), reading(behind)), upgrade.UpToDate, ""},
		"MySQL is another one": {immediate(), member(id, primaryOf("rr-1"), reading(member("rr-1"))), "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := question(single(c.request)).Decide([]upgrade.Instance{c.instance})[0]
			checkReason(t, d, c.reason)
			if d.Skip != nil && !strings.Contains(d.Skip.Detail, c.says) || d.Step != nil && d.Step.Why != c.says {
				t.Errorf("got skip %+v, step %+v; want %q", d.Skip, d.Step, c.says)
			}
		})
	}
}

// reading is a primary with its replicas as they were read.
func reading(replicas ...upgrade.Instance) change {
	return func(i *upgrade.Instance) { i.Replicas = replicas }
}

// Whose replicas are read, and how: for a single PostgreSQL primary, unless their restart is meant; in a fleet those that the listing
// stops, for their version, in their own place.
func TestReplicasAreReadWhereTheirVersionsDecide(t *testing.T) {
	t.Parallel()
	meant := immediate()
	meant.WithReplicas = true
	fleet := []upgrade.Instance{pg(id, primaryOf("rr-1")), pg("rr-1", untagged, replicaOf(id))}
	mysqls := []upgrade.Instance{member(id, primaryOf("rr-1")), member("rr-1", untagged, replicaOf(id))}
	for name, c := range map[string]struct {
		question upgrade.Question
		fleet    []upgrade.Instance
		want     int // reads
	}{
		"a single primary":                      {question(single(immediate())), fleet, 2},
		"a single primary with its replicas":    {question(single(meant)), fleet, 1},
		"a single primary of MySQL":             {question(single(immediate())), mysqls, 1},
		"a fleet, a replica that is not tagged": {sweep(), fleet, 2},
		"the same of MySQL":                     {sweep(), mysqls, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serving(t, c.fleet...)
			got, err := a.look(t, c.question.Scope())
			if err != nil || a.counts()["Instance"] != c.want {
				t.Fatalf("%v: %v", a.calls, err)
			}
			if len(got) == 2 && got[1].Listed != (c.want == 1) {
				t.Errorf("got %+v", got[1])
			}
		})
	}
}

// A replica that cannot be read is no fault of a fleet that was not to upgrade it.
func TestAReplicaThatCannotBeReadStaysAsItIsListed(t *testing.T) {
	t.Parallel()
	a := serving(t, pg("rm-1", primaryOf("rr-1")), pg("rr-1", untagged, replicaOf("rm-1"))).fail("Instance", nil, denied)
	q := sweep()
	fleet, err := a.look(t, q.Scope())
	if err != nil || len(fleet) != 2 || fleet[1].Fault != nil || !fleet[1].Listed {
		t.Fatalf("%+v, %v", fleet, err)
	}
	plan := q.Decide(fleet)
	checkReason(t, plan[0], upgrade.ReplicaFirst)
	checkReason(t, plan[1], upgrade.NotOptedIn)
}
