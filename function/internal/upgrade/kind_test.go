package upgrade_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// Versions are listed once for each kind that RDS has words for, and otherwise for each instance: a list for one is never another's.
func TestVersionsAreListedByKindAndElseForEachInstance(t *testing.T) {
	t.Parallel()
	edition := func(category string) change { return func(i *upgrade.Instance) { i.Category = category } }
	disk := func(storage string) change { return func(i *upgrade.Instance) { i.StorageType = storage } }
	a := serving(t,
		member("rm-1"), member("rm-2"), member("rm-3", disk("local_ssd")), member("rm-4", edition("cluster")),
		member("rm-5", edition("serverless_basic")), member("rm-6", edition("serverless_basic")), member("rm-7", disk("ephemeral_ssd")), member("rm-8", inRegion("cn-beijing")),
		pg("pg-1"), pg("pg-2", current(pgMiddle)), pg("pg-3", edition("Basic")),
	)
	q := sweep()
	q.Request.Fleet.Select.RegionIDs = []string{"cn-hangzhou", "cn-beijing"}
	if _, err := a.look(t, q.Scope()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, call := range a.calls {
		if about, asked := strings.CutPrefix(call, "Offers "); asked {
			got = append(got, about)
		}
	}
	slices.Sort(got)
	want := []string{
		"MySQL HighAvailability", "MySQL HighAvailability", "MySQL HighAvailability", "MySQL cluster", // two regions, and two disks in one of them
		"PostgreSQL Basic", "PostgreSQL HighAvailability", "rm-5", "rm-6", "rm-7",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A version is asked for as RDS lists it, whichever form the request, the canary or the advisory has.
func TestAVersionIsAskedForAsItIsListed(t *testing.T) {
	t.Parallel()
	const long = pgNew + "_15.12"
	asking := func(target string) upgrade.Question {
		return question(single(events.Upgrade{DBInstanceID: id, UpgradeTime: events.Immediate, TargetMinorVersion: target}))
	}
	listsLong := offers(built(pgOld, ""), built(long, ""))
	kind := "PostgreSQL 15.0 HighAvailability general_essd rds_postgres_1500"
	for name, c := range map[string]struct {
		question upgrade.Question
		instance upgrade.Instance
		want     string
	}{
		"the request has the long form, the list the short one": {asking(long), pg(id), pgNew},
		"the request has the short form, the list the long one": {asking(pgNew), pg(id, listsLong), long},
		"the canary got the short form, the list has the long":  {withMemory(sweep(), &upgrade.Rollout{ID: rollout, Pins: map[string]string{kind: pgNew}}), pg(id, listsLong), long},
		"a fix in the long form":                                {withAdvisory(sweep(), "critical", fixedIn("PostgreSQL", long)), pg(id), pgNew},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := c.question.Decide([]upgrade.Instance{c.instance})[0]
			if checkReason(t, d, ""); d.Step != nil && d.Step.Asked != c.want {
				t.Errorf("asked for %q, want %q", d.Step.Asked, c.want)
			}
		})
	}
}

// Where RDS counts more versions than it lists, that is told with whatever is decided about the instance.
func TestVersionsThatAreNotListedAreToldWithTheDecision(t *testing.T) {
	t.Parallel()
	const says = "RDS lists 1 of 4 versions"
	for name, c := range map[string]struct {
		question upgrade.Question
		change   []change
	}{
		"what is called":        {sweep(), nil},
		"what is up to date":    {sweep(), []change{current(newer)}},
		"what finds no fix":     {withAdvisory(sweep(), "high", fixedIn("MySQL", "rds_20260901")), nil},
		"what does not compare": {sweep(), []change{offers(online("xcluster80_20260228")), func(i *upgrade.Instance) { i.LatestKernelVersion = "" }}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := c.question.Decide([]upgrade.Instance{member(id, append(c.change, unlisted)...)})[0]
			switch {
			case d.Step != nil && !strings.Contains(d.Step.Why, says):
				t.Errorf("the step says %q", d.Step.Why)
			case d.Skip != nil && !strings.Contains(d.Skip.Detail, says):
				t.Errorf("the skip says %q", d.Skip.Detail)
			}
		})
	}
}

// RDS's times have whole seconds: a task of the same second may be the call's.
func TestATaskOfTheSameSecondMayBeTheCalls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start time.Time
		want  upgrade.Reason
	}{
		"the same second":   {now, upgrade.InProgress},
		"the second before": {now.Add(-time.Second), ""},
		"no time at all":    {time.Time{}, upgrade.InProgress},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := sweep()
			q.Doubt = now.Add(900 * time.Millisecond)
			i := member(id, func(i *upgrade.Instance) { i.Tasks, i.TasksAsked = []upgrade.Task{{ID: "t-1", Start: c.start}}, true })
			checkReason(t, q.Decide([]upgrade.Instance{i})[0], c.want)
		})
	}
}
