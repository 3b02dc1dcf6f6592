package fleet_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
)

// seen returns what was seen of each instance.
func seen(all []fleet.Instance) map[string]string {
	says := map[string]string{}
	for _, i := range all {
		what := fmt.Sprintf("%s %q offers %d tags %d replicas %d", i.RegionID, i.CurrentKernelVersion, len(i.Offers), len(i.Tags), len(i.Replicas))
		if i.Listed {
			what += " listed"
		}
		if i.Fault != nil {
			what += " fault " + string(i.Fault.Kind)
		}
		says[i.ID] = what
	}
	return says
}

// The bound on calls: one listing a region (its pages are the reader's), ⌈N/50⌉ calls for tags, one for each candidate, one for each kind of
// which versions are wanted.
func TestAFleetIsObservedWithFewCalls(t *testing.T) {
	t.Parallel()
	var all []fleet.Instance
	for n := range 420 {
		id := fmt.Sprintf("rm-%03d", n)
		switch n % 10 {
		case 0:
			all = append(all, postgres(id))
		case 1:
			all = append(all, mysql(id, func(i *fleet.Instance) { i.CurrentKernelVersion = newer }))
		case 2:
			all = append(all, mysql(id, untagged))
		default:
			all = append(all, mysql(id))
		}
	}
	a := serving(all...)
	got, err := a.look(t, everything())
	if err != nil || len(got) != 420 {
		t.Fatalf("%d instances, %v", len(got), err)
	}
	want := map[string]int{"Fleet": 1, "Tags": 9, "Instance": 378, "Offers": 2}
	if diff := cmp.Diff(want, a.counts()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if len(slices.Compact(a.of("Instance"))) != 378 {
		t.Error("an instance was read twice")
	}
	for n, i := range got {
		if i.ID != all[n].ID || i.Listed != (n%10 == 2) || (len(i.Offers) == 0) != (n%10 == 1 || n%10 == 2) {
			t.Fatalf("got %+v", i)
		}
	}
}

func TestTagsAreReadFiftyAtATimeAndByRegion(t *testing.T) {
	t.Parallel()
	all := mysqls(120)
	for n := range 30 {
		inRegion("cn-beijing")(&all[4*n])
	}
	a := serving(all...)
	got, err := a.look(t, fleet.Scope{Regions: []string{"cn-hangzhou", "cn-beijing"}})
	if err != nil || len(got) != 120 {
		t.Fatalf("%d instances, %v", len(got), err)
	}
	if diff := cmp.Diff([]string{"cn-beijing 30", "cn-hangzhou 40", "cn-hangzhou 50"}, a.of("Tags")); diff != "" {
		t.Errorf("calls for tags (-want +got):\n%s", diff)
	}
	for _, i := range got {
		if i.Tags["kernel-upgrade"] != "auto" {
			t.Fatalf("%s has the tags %v", i.ID, i.Tags)
		}
	}
}

// What the page of a listing shows to be none of the request's business costs nothing but its place on that page.
func TestAnInstanceThatCannotBeMeantCostsItsPageOnly(t *testing.T) {
	t.Parallel()
	var all []fleet.Instance
	for n := range 200 {
		i := mysql(fmt.Sprintf("rm-%03d", n))
		switch {
		case n < 60:
			i.Engine = "SQLServer"
		case n < 150:
			i = postgres(i.ID)
		}
		all = append(all, i)
	}
	for name, c := range map[string]struct {
		engines []string
		want    map[string]int
	}{
		"two engines can be meant":   {[]string{"MySQL", fleet.PostgreSQL}, map[string]int{"Fleet": 1, "Tags": 3, "Instance": 140, "Offers": 2}},
		"one of them can be meant":   {[]string{"MySQL"}, map[string]int{"Fleet": 1, "Tags": 1, "Instance": 50, "Offers": 1}},
		"none of them can be meant":  {[]string{"MariaDB"}, map[string]int{"Fleet": 1}},
		"nothing is said about that": {nil, map[string]int{"Fleet": 1, "Tags": 4, "Instance": 200, "Offers": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := serving(all...), everything()
			if c.engines != nil {
				s.Possible = func(i fleet.Instance) bool { return slices.Contains(c.engines, i.Engine) }
			}
			if _, err := a.look(t, s); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, a.counts()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsSeenOfAFleet(t *testing.T) {
	t.Parallel()
	both := everything("cn-hangzhou", "cn-beijing")
	filtered := both
	filtered.Filter = fleet.Filter{Engine: "MySQL", Tags: map[string]string{"env": "dev"}}
	dev := func(i *fleet.Instance) { i.Tags = map[string]string{"kernel-upgrade": "auto", "env": "dev"} }
	cases := map[string]struct {
		scope fleet.Scope
		fleet []fleet.Instance
		want  map[string]string
	}{
		"a candidate is read": {
			everything(),
			[]fleet.Instance{mysql("rm-1")},
			map[string]string{"rm-1": `cn-hangzhou "rds_20240101" offers 1 tags 1 replicas 0`},
		},
		"what is no candidate is not": {
			everything(),
			[]fleet.Instance{mysql("rm-1", untagged), mysql("rm-2", status("Stopped"))},
			map[string]string{"rm-1": `cn-hangzhou "" offers 0 tags 0 replicas 0 listed`, "rm-2": `cn-hangzhou "" offers 0 tags 1 replicas 0 listed`},
		},
		"without any wish only the listing and the tags are read": {
			fleet.Scope{Regions: []string{"cn-hangzhou"}},
			[]fleet.Instance{mysql("rm-1")},
			map[string]string{"rm-1": `cn-hangzhou "" offers 0 tags 1 replicas 0 listed`},
		},
		"several regions, an engine, tags": {
			filtered,
			[]fleet.Instance{mysql("rm-1", dev), mysql("rm-2", dev, inRegion("cn-beijing")), mysql("rm-3", dev, inRegion("cn-shanghai")), postgres("rm-4", dev), mysql("rm-5")},
			map[string]string{"rm-1": `cn-hangzhou "rds_20240101" offers 1 tags 2 replicas 0`, "rm-2": `cn-beijing "rds_20240101" offers 1 tags 2 replicas 0`},
		},
		"ids are looked for in each region": {
			named(both, "rm-1", "rm-2", "rm-3"),
			[]fleet.Instance{mysql("rm-1"), mysql("rm-2", inRegion("cn-beijing")), mysql("rm-4")},
			map[string]string{
				"rm-1": `cn-hangzhou "rds_20240101" offers 1 tags 1 replicas 0`, "rm-2": `cn-beijing "rds_20240101" offers 1 tags 1 replicas 0`,
				"rm-3": `cn-beijing "" offers 0 tags 0 replicas 0 fault NotFound`,
			},
		},
		"an instance that is asked for by id is read, whatever it shows": {
			named(everything(), "rm-1"),
			[]fleet.Instance{mysql("rm-1", untagged, status("Stopped"))},
			map[string]string{"rm-1": `cn-hangzhou "rds_20240101" offers 1 tags 0 replicas 0`},
		},
		"replicas that are not in the fleet are read": {
			named(everything(), "pg-1"),
			[]fleet.Instance{postgres("pg-1", primaryOf("pr-1", "pr-2")), postgres("pr-1")},
			map[string]string{"pg-1": `cn-hangzhou "rds_postgres_1500_20240101" offers 1 tags 1 replicas 2`},
		},
		"replicas that are in the fleet are not read twice": {
			everything(),
			[]fleet.Instance{postgres("pg-1", primaryOf("pr-1")), postgres("pr-1", replicaOf("pg-1"))},
			map[string]string{
				"pg-1": `cn-hangzhou "rds_postgres_1500_20240101" offers 1 tags 1 replicas 0`,
				"pr-1": `cn-hangzhou "rds_postgres_1500_20240101" offers 1 tags 1 replicas 0`,
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := serving(c.fleet...).look(t, c.scope)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, seen(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What an invocation has read it does not read again; what it has only listed, or could not read, it does.
func TestWhatIsKnownIsNotReadAgain(t *testing.T) {
	t.Parallel()
	const known = "rds_20250101"
	before := map[string]fleet.Instance{}
	for _, i := range []fleet.Instance{
		mysql("rm-1"), mysql("rm-2", untagged, func(i *fleet.Instance) { i.Offers = nil }), mysql("rm-3", inRegion("cn-shanghai")),
		mysql("rm-4", func(i *fleet.Instance) { i.Listed = true }), mysql("rm-5", func(i *fleet.Instance) { i.Fault = denied }),
	} {
		i.CurrentKernelVersion = known
		before[i.ID] = i
	}
	a := serving(mysql("rm-1"), mysql("rm-2"), mysql("rm-3"), mysql("rm-4"), mysql("rm-5"))
	got, err := fleet.Observer{Reader: a, Now: now, Workers: 16, Known: before}.Observe(t.Context(), everything())
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string][]string{
		"Instance": {"rm-3", "rm-4", "rm-5"}, "Tags": {"cn-hangzhou 4"}, "Offers": nil, // those of rm-1 are those of its kind
	} {
		if diff := cmp.Diff(want, a.of(action)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", action, diff)
		}
	}
	for n, i := range []fleet.Instance{before["rm-1"], before["rm-2"]} {
		i.Tags, i.Offers = map[string]string{"kernel-upgrade": "auto"}, before["rm-1"].Offers
		if diff := cmp.Diff(i, got[n]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", i.ID, diff)
		}
	}
}

// An instance without tags is known as one: its tags are not asked for again.
func TestThatAnInstanceHasNoTagsIsKnown(t *testing.T) {
	t.Parallel()
	a := serving(mysql("rm-1", untagged))
	s := named(everything(), "rm-1")
	first, err := a.look(t, s)
	if err != nil || first[0].Tags == nil {
		t.Fatalf("got %+v, %v", first, err)
	}
	if _, err := (fleet.Observer{Reader: a, Now: now, Known: map[string]fleet.Instance{"rm-1": first[0]}}).Observe(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"Instance": 1, "Tags": 1, "Offers": 1}, a.counts()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// Tasks are known from the time on for which they were asked: of those, what a later question does not want is left out.
func TestTasksAreAskedForAgainOnlyForAnEarlierTime(t *testing.T) {
	t.Parallel()
	asked := now.Add(-time.Hour)
	for name, c := range map[string]struct {
		since time.Time
		calls int
		want  []string
	}{
		"for the same time":  {asked, 0, []string{"old", "new", "waits"}},
		"for a later time":   {now.Add(-time.Minute), 0, []string{"new", "waits"}},
		"for an earlier one": {asked.Add(-time.Second), 1, []string{"asked"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := serving(mysql("rm-1"))
			a.tasks = []fleet.Task{{ID: "asked"}}
			known := mysql("rm-1", func(i *fleet.Instance) {
				i.Tasks = []fleet.Task{{ID: "old", Start: asked}, {ID: "new", Start: now.Add(-time.Minute)}, {ID: "waits"}}
				i.TasksAsked, i.TasksSince = true, asked
			})
			s := named(everything(), "rm-1")
			s.Tasks = func(fleet.Instance) (time.Time, bool) { return c.since, true }
			got, err := fleet.Observer{Reader: a, Now: now, Known: map[string]fleet.Instance{"rm-1": known}}.Observe(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			ids := []string{}
			for _, task := range got[0].Tasks {
				ids = append(ids, task.ID)
			}
			if diff := cmp.Diff(c.want, ids); diff != "" || len(a.of("Tasks")) != c.calls || !got[0].TasksSince.Equal(c.since) {
				t.Errorf("%d calls, since %s, (-want +got):\n%s", len(a.of("Tasks")), got[0].TasksSince, diff)
			}
		})
	}
}

func TestAFaultIsThatOfTheInstancesThatItConcerns(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		action string
		faults []error
		ids    []string
		failed int
		kind   fault.Kind
	}{
		"a read that is refused":                    {"Instance", []error{denied}, nil, 1, fault.Denied},
		"a read that is throttled is made again":    {"Instance", []error{throttled, throttled, throttled}, nil, 0, ""},
		"a read that stays throttled":               {"Instance", slices.Repeat([]error{throttled}, 500), []string{"rm-000"}, 1, fault.Throttled},
		"tags that are refused: fifty":              {"Tags", []error{denied}, nil, 50, fault.Denied},
		"tags of which one is not found: fifty":     {"Tags", []error{&fault.Error{Op: "rds", Kind: fault.NotFound}}, nil, 50, fault.Unavailable},
		"tags that are throttled once":              {"Tags", []error{throttled}, nil, 0, ""},
		"tags that stay throttled: fifty":           {"Tags", slices.Repeat([]error{throttled}, 8), nil, 50, fault.Throttled},
		"versions that are refused: the kind":       {"Offers", []error{denied}, nil, 120, fault.Denied},
		"versions that are throttled once":          {"Offers", []error{throttled}, nil, 0, ""},
		"a listing that is throttled is made again": {"Fleet", slices.Repeat([]error{throttled}, 12), nil, 0, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				a := serving(mysqls(120)...).fail(c.action, c.faults...)
				got, err := fleet.Observer{Reader: a, Now: now, Workers: 1}.Observe(ctx, named(everything(), c.ids...))
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

// The fault of an id in one region is the end of the search, unless it says that the region does not have the instance.
func TestAnIDIsLookedForUntilARegionHasItOrCannotSay(t *testing.T) {
	t.Parallel()
	a := serving(mysql("rm-1", inRegion("cn-beijing"))).fail("Instance", denied)
	got, err := a.look(t, named(everything("cn-hangzhou", "cn-beijing"), "rm-1"))
	if err != nil || len(got) != 1 || got[0].Fault != denied || got[0].RegionID != "cn-hangzhou" || a.counts()["Instance"] != 1 {
		t.Errorf("got %+v, %v after %v", got, err, a.calls)
	}
}

func TestARegionThatCannotBeListedIsTheError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := serving(mysqls(3)...).fail("Fleet", throttled, denied)
		got, err := a.look(t, everything("cn-hangzhou", "cn-beijing"))
		if fault.From(err).Kind != fault.Denied || got != nil || len(a.of("Tags")) != 0 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// An instance that always answers 500 costs one worker a few tries. All others are read meanwhile, and have their fault or their attributes
// long before the invocation ends.
func TestAnInstanceThatAlwaysFailsDoesNotTakeTheTimeOfTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		a := serving(mysqls(100)...).failAlways("Instance rm-007", broken, 10*time.Second)
		start := time.Now()
		got, err := fleet.Observer{Reader: a, Now: now, Workers: 2}.Observe(ctx, everything())
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 2*time.Minute {
			t.Errorf("it took %s", took)
		}
		if tries := len(a.of("Instance")) - 99; tries != 8 {
			t.Errorf("%d tries, want 8", tries)
		}
		for n, i := range got {
			if bad := n == 7; (i.Fault != nil) != bad || (i.CurrentKernelVersion == "") != bad {
				t.Errorf("got %+v", i)
			}
		}
		if got[7].Fault.Kind != fault.Unavailable || !got[7].Listed || got[7].Tags["kernel-upgrade"] != "auto" {
			t.Errorf("the one that cannot be read: %+v", got[7])
		}
	})
}

func TestAFilterIsWholeIfItHasNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		filter fleet.Filter
		want   bool
	}{
		"nothing":          {fleet.Filter{}, true},
		"no tags":          {fleet.Filter{Tags: map[string]string{}}, true},
		"an engine":        {fleet.Filter{Engine: "MySQL"}, false},
		"a resource group": {fleet.Filter{ResourceGroupID: "rg-1"}, false},
		"a tag":            {fleet.Filter{Tags: map[string]string{"env": ""}}, false},
	} {
		if got := c.filter.Whole(); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

func TestAnEmptyScopeShowsNothing(t *testing.T) {
	t.Parallel()
	a := serving(mysqls(3)...)
	if got, err := a.look(t, fleet.Scope{}); err != nil || len(got) != 0 || len(a.calls) != 0 {
		t.Errorf("got %+v, %v after %v", got, err, a.calls)
	}
}
