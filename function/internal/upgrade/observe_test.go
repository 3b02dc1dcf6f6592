package upgrade_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// inRegion is the fleet that an API has.
func inRegion(region string) change { return func(i *upgrade.Instance) { i.RegionID = region } }

// serving is an API with a fleet, and what it offers to each.
func serving(t *testing.T, fleet ...upgrade.Instance) *api {
	t.Helper()
	a := newAPI(t, fleet...)
	for _, i := range fleet {
		a.offers[i.ID], i.Offers = i.Offers, nil // reading an instance does not tell what it is offered
		a.instances[i.ID] = i
	}
	return a
}

// look observes with several workers. What fails is tried again for half a minute.
func (a *api) look(t *testing.T, s upgrade.Scope) ([]upgrade.Instance, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return upgrade.Observer{Reader: a, Now: now, Workers: 16}.Observe(ctx, s)
}

// seen says what was seen of each instance.
func seen(fleet []upgrade.Instance) map[string]string {
	says := map[string]string{}
	for _, i := range fleet {
		what := fmt.Sprintf("%s %q offers %d tags %d replicas %d", i.RegionID, i.CurrentKernelVersion, len(i.Offers), len(i.Tags), len(i.Replicas))
		if i.Listed {
			what += " listed"
		}
		if i.Claim != nil {
			what += " claimed"
		}
		if i.ClaimFault != nil {
			what += " unknown claim"
		}
		if i.Fault != nil {
			what += " fault " + string(i.Fault.Kind)
		}
		says[i.ID] = what
	}
	return says
}

// TestAFleetIsObservedWithFewCalls holds the bound: one listing (its pages are the adapter's), ⌈N/50⌉ calls for tags, one for each candidate,
// one for each kind that versions are wanted of.
func TestAFleetIsObservedWithFewCalls(t *testing.T) {
	t.Parallel()
	var fleet []upgrade.Instance
	for n := range 420 {
		i := member(fmt.Sprintf("rm-%03d", n))
		switch n % 10 {
		case 0:
			postgres("cloud_essd")(&i)
			i.Offers = []upgrade.Offer{online(i.LatestKernelVersion)}
		case 1:
			i.CurrentKernelVersion = newer
		case 2:
			i.Tags = nil
		}
		fleet = append(fleet, i)
	}
	a := serving(t, fleet...)
	got, err := a.look(t, sweep().Scope())
	if err != nil || len(got) != 420 {
		t.Fatalf("%d instances, %v", len(got), err)
	}
	want := map[string]int{"Fleet": 1, "Tags": 9, "Instance": 378, "Offers": 2}
	if diff := cmp.Diff(want, a.counts()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	reads := slices.DeleteFunc(slices.Clone(a.calls), func(s string) bool { return !strings.HasPrefix(s, "Instance ") })
	slices.Sort(reads)
	if len(slices.Compact(reads)) != 378 {
		t.Error("an instance was read twice")
	}
	for n, i := range got {
		if i.ID != fleet[n].ID || i.Listed != (n%10 == 2) || (len(i.Offers) == 0) != (n%10 == 1 || n%10 == 2) {
			t.Fatalf("got %+v", i)
		}
	}
}

// What the page of a listing shows to be none of the request's business costs nothing but its place on that page.
func TestAnInstanceThatCannotBeMeantCostsItsPageOnly(t *testing.T) {
	t.Parallel()
	var fleet []upgrade.Instance
	for n := range 200 {
		i := member(fmt.Sprintf("rm-%03d", n))
		switch {
		case n < 60:
			i.Engine = "SQLServer"
		case n < 150:
			postgres("cloud_essd")(&i)
		}
		fleet = append(fleet, i)
	}
	for name, c := range map[string]struct {
		question upgrade.Question
		want     map[string]int
	}{
		"a sweep is about two engines":      {sweep(), map[string]int{"Fleet": 1, "Tags": 3, "Instance": 140, "Offers": 2}},
		"an advisory is about one of them":  {withAdvisory(sweep(), "", fixedIn("MySQL", newer)), map[string]int{"Fleet": 1, "Tags": 1, "Instance": 50, "Offers": 1}},
		"an advisory is about none of them": {withAdvisory(sweep(), "", fixedIn("MariaDB", newer)), map[string]int{"Fleet": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serving(t, fleet...)
			if _, err := a.look(t, c.question.Scope()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, a.counts()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// What a run has read it does not read again; the tags, which it writes itself, it does.
func TestWhatIsKnownIsNotReadAgain(t *testing.T) {
	t.Parallel()
	a := serving(t, member("rm-1"), member("rm-2"), member("rm-3", inRegion("cn-beijing")))
	known := map[string]upgrade.Instance{
		"rm-1": member("rm-1", current("rds_20250101"), untagged), "rm-3": member("rm-3", current("rds_20250101")), // of another region
	}
	q := sweep()
	q.Request.Fleet.Select.RegionIDs = []string{"cn-hangzhou", "cn-beijing"}
	fleet, err := upgrade.Observer{Reader: a, Now: now, Workers: 16, Known: known}.Observe(t.Context(), q.Scope())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"rm-1": `cn-hangzhou "rds_20250101" offers 1 tags 1 replicas 0`, "rm-2": `cn-hangzhou "rds_20240101" offers 1 tags 1 replicas 0`,
		"rm-3": `cn-beijing "rds_20240101" offers 1 tags 1 replicas 0`,
	}
	if diff := cmp.Diff(want, seen(fleet)); diff != "" || a.counts()["Instance"] != 2 {
		t.Errorf("%v (-want +got):\n%s", a.calls, diff)
	}
}

func TestWhatIsSeenOfAFleet(t *testing.T) {
	t.Parallel()
	named := func(ids ...string) upgrade.Question {
		q := sweep()
		q.Request.Fleet.Select = events.Select{RegionIDs: []string{"cn-hangzhou", "cn-beijing"}, DBInstanceIDs: ids}
		return q
	}
	regions := sweep()
	regions.Request.Fleet.Select = events.Select{RegionIDs: []string{"cn-hangzhou", "cn-beijing"}, Engine: "MySQL", Tags: map[string]string{"env": "dev"}}
	cases := map[string]struct {
		question upgrade.Question
		fleet    []upgrade.Instance
		claims   map[string]string
		want     map[string]string
	}{
		"a candidate is read": {sweep(), []upgrade.Instance{member("rm-1")}, nil, map[string]string{"rm-1": `cn-hangzhou "rds_20240101" offers 1 tags 1 replicas 0`}},
		"what the listing stops is not": {
			sweep(),
			[]upgrade.Instance{member("rm-1", untagged), member("rm-2", status("Stopped"))},
			nil,
			map[string]string{"rm-1": `cn-hangzhou "" offers 0 tags 1 replicas 0 listed`, "rm-2": `cn-hangzhou "" offers 0 tags 1 replicas 0 listed`},
		},
		"a claim is read, and its instance": {
			sweep(),
			[]upgrade.Instance{member("rm-1", untagged)},
			map[string]string{"rm-1": claim(upgrade.Called, "other").String()},
			map[string]string{"rm-1": `cn-hangzhou "rds_20240101" offers 0 tags 2 replicas 0 claimed`},
		},
		"a tag that is no claim": {
			sweep(),
			[]upgrade.Instance{member("rm-1")},
			map[string]string{"rm-1": "mine"},
			map[string]string{"rm-1": `cn-hangzhou "" offers 0 tags 2 replicas 0 listed unknown claim`},
		},
		"several regions, an engine, tags": {
			regions,
			[]upgrade.Instance{member("rm-1", env("dev")), member("rm-2", env("dev"), inRegion("cn-beijing")), member("rm-3", env("dev"), inRegion("cn-shanghai")), member("rm-4", env("dev"), postgres("cloud_essd")), member("rm-5", env("prod"))},
			nil,
			map[string]string{"rm-1": `cn-hangzhou "rds_20240101" offers 1 tags 2 replicas 0`, "rm-2": `cn-beijing "rds_20240101" offers 1 tags 2 replicas 0`},
		},
		"ids are looked for in each region": {
			named("rm-1", "rm-2", "rm-3"),
			[]upgrade.Instance{member("rm-1"), member("rm-2", inRegion("cn-beijing")), member("rm-4")},
			nil,
			map[string]string{
				"rm-1": `cn-hangzhou "rds_20240101" offers 1 tags 1 replicas 0`, "rm-2": `cn-beijing "rds_20240101" offers 1 tags 1 replicas 0`,
				"rm-3": `cn-beijing "" offers 0 tags 0 replicas 0 fault NotFound`,
			},
		},
		"replicas that were not selected are looked at": {
			named("rm-1"),
			[]upgrade.Instance{member("rm-1", primaryOf("rr-1", "rr-2")), member("rr-1")},
			nil,
			map[string]string{"rm-1": `cn-hangzhou "rds_20240101" offers 1 tags 1 replicas 2`},
		},
		"replicas that were selected are not looked at twice": {
			sweep(),
			[]upgrade.Instance{member("rm-1", primaryOf("rr-1")), member("rr-1", replicaOf("rm-1"))},
			nil,
			map[string]string{"rm-1": `cn-hangzhou "rds_20240101" offers 1 tags 1 replicas 0`, "rr-1": `cn-hangzhou "rds_20240101" offers 1 tags 1 replicas 0`},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serving(t, c.fleet...)
			for id, text := range c.claims {
				a.tags[id] = text
			}
			got, err := a.look(t, c.question.Scope())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, seen(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAReplicaThatIsReadSaysWhatItRuns(t *testing.T) {
	t.Parallel()
	a := serving(t, member("rm-1", primaryOf("rr-1", "rr-2")), member("rr-1", current(newer)))
	q := sweep()
	q.Request.Fleet.Select.DBInstanceIDs = []string{"rm-1"}
	fleet, err := a.look(t, q.Scope())
	if err != nil || len(fleet) != 1 || len(fleet[0].Replicas) != 2 {
		t.Fatalf("got %+v, %v", fleet, err)
	}
	if r := fleet[0].Replicas; r[0].CurrentKernelVersion != newer || r[1].Fault == nil || r[1].Fault.Kind != fault.NotFound {
		t.Errorf("got %+v", r)
	}
}

func TestAFaultIsThatOfTheInstancesThatItConcerns(t *testing.T) {
	t.Parallel()
	fleet := members(120)
	again := func(err error) []error { return slices.Repeat([]error{err}, 500) }
	cases := map[string]struct {
		fail   map[string][]error
		ids    []string
		failed int
		kind   fault.Kind
	}{
		"a read that is refused":                    {map[string][]error{"Instance": {denied}}, nil, 1, fault.Denied},
		"a read that is throttled is made again":    {map[string][]error{"Instance": {throttled, throttled, throttled}}, nil, 0, ""},
		"reads that stay throttled":                 {map[string][]error{"Instance": again(throttled)}, []string{"rm-000"}, 1, fault.Throttled},
		"tags that may not be read: fifty":          {map[string][]error{"Tags": {denied}}, nil, 50, fault.Denied},
		"tags that are throttled once":              {map[string][]error{"Tags": {throttled}}, nil, 0, ""},
		"versions that may not be read: the kind":   {map[string][]error{"Offers": {denied}}, nil, 120, fault.Denied},
		"versions that are throttled once":          {map[string][]error{"Offers": {throttled}}, nil, 0, ""},
		"a listing that is throttled is made again": {map[string][]error{"Fleet": {throttled}}, nil, 0, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := serving(t, fleet...)
				for action, faults := range c.fail {
					a.fail(action, faults...)
				}
				q := sweep()
				q.Request.Fleet.Select.DBInstanceIDs = c.ids
				got, err := upgrade.Observer{Reader: a, Now: now, Workers: 1}.Observe(patience(t), q.Scope())
				if err != nil {
					t.Fatal(err)
				}
				failed := 0
				for _, i := range got {
					if i.Fault != nil {
						failed++
					}
					if i.Fault != nil && i.Fault.Kind != c.kind {
						t.Errorf("got %v", i.Fault)
					}
				}
				if failed != c.failed {
					t.Errorf("%d instances with a fault, want %d", failed, c.failed)
				}
			})
		})
	}
}

// patience is half a minute.
func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAListingThatCannotBeHadIsAnError(t *testing.T) {
	t.Parallel()
	q := sweep()
	q.Request.Fleet.Select.RegionIDs = []string{"cn-hangzhou", "cn-beijing"}
	a := serving(t, members(3)...).fail("Fleet", throttled, denied)
	if fleet, err := a.look(t, q.Scope()); fault.From(err).Kind != fault.Denied || fleet != nil {
		t.Errorf("got %+v, %v", fleet, err)
	}
}

func TestTasksAreAskedForOnlyWhereACallMayHaveBeenMade(t *testing.T) {
	t.Parallel()
	fleet := []upgrade.Instance{member("rm-1"), member("rm-2"), member("rm-3"), member("rm-4", untagged), member("rm-5", status("Rebooting")), member("rm-6", status("Rebooting"))}
	doubtful := sweep()
	doubtful.Doubt = now.Add(-time.Hour)
	for name, c := range map[string]struct {
		question upgrade.Question
		want     []string
	}{
		"no doubt: the intents":                     {sweep(), []string{"Tasks rm-2 12:00:00"}},
		"a doubt: of those that have no claim, too": {doubtful, []string{"Tasks rm-1 11:00:00", "Tasks rm-2 12:00:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serving(t, fleet...)
			a.tasks = someTask
			a.tags["rm-2"], a.tags["rm-3"] = claim(upgrade.Intent, "other").String(), claim(upgrade.Called, "other").String()
			a.tags["rm-6"] = claim(upgrade.Intent, "other").String() // its status shows the effect
			got, err := a.look(t, c.question.Scope())
			if err != nil {
				t.Fatal(err)
			}
			asked := slices.DeleteFunc(slices.Clone(a.calls), func(s string) bool { return !strings.HasPrefix(s, "Tasks ") })
			slices.Sort(asked)
			if diff := cmp.Diff(c.want, asked); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, i := range got {
				if want := slices.ContainsFunc(asked, func(s string) bool { return strings.Contains(s, i.ID) }); (len(i.Tasks) > 0) != want || i.TasksAsked != want {
					t.Errorf("%s: %v, asked %t", i.ID, i.Tasks, i.TasksAsked)
				}
			}
		})
	}
}
