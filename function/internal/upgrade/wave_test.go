package upgrade_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
)

func env(value string) change {
	return func(i *upgrade.Instance) { i.Tags = map[string]string{"kernel-upgrade": "auto", "env": value} }
}

func primaryOf(replicas ...string) change {
	return func(i *upgrade.Instance) { i.ReplicaIDs = replicas }
}

func replicaOf(primary string) change {
	return func(i *upgrade.Instance) { i.PrimaryID = primary }
}

// members gives n instances that are behind: rm-000 and on.
func members(n int, change ...change) []upgrade.Instance {
	fleet := make([]upgrade.Instance, 0, n)
	for k := range n {
		fleet = append(fleet, member(fmt.Sprintf("rm-%03d", k), change...))
	}
	return fleet
}

// sizes says how many instances are in each wave.
func sizes(plan []upgrade.Decision) []int {
	var counts []int
	for _, wave := range wavesOf(plan) {
		counts = append(counts, make([]int, max(0, wave-len(counts)))...)
		counts[wave-1]++
	}
	return counts
}

func TestWavesAreAsLargeAsRequestBudgetAndRoomAllow(t *testing.T) {
	t.Parallel()
	percents := func(percents ...float64) events.Rollout {
		var r events.Rollout
		for _, p := range percents {
			r.Waves = append(r.Waves, events.Wave{Percent: p})
		}
		return r
	}
	room := func(q upgrade.Question, room int) upgrade.Question {
		q.Room = room
		return q
	}
	cases := map[string]struct {
		question upgrade.Question
		fleet    int
		want     []int
	}{
		"no waves and a large budget: all at once":           {withBudget(sweep(), 50, 100), 30, []int{30}},
		"the budget's number: 50, 50, 20":                    {withBudget(sweep(), 50, 100), 120, []int{50, 50, 20}},
		"the budget's percent: 20 % of 10":                   {withBudget(sweep(), 50, 20), 10, []int{2, 2, 2, 2, 2}},
		"a percent of few is at least one":                   {withBudget(sweep(), 50, 20), 3, []int{1, 1, 1}},
		"the room of the follow-up: 7, 7, 1":                 {room(withBudget(sweep(), 50, 100), 7), 15, []int{7, 7, 1}},
		"no follow-ups: the budget alone":                    {room(withBudget(sweep(), 10, 100), 0), 15, []int{10, 5}},
		"10 % and then the rest":                             {withBudget(sweepOf(percents(10, 100)), 50, 100), 20, []int{2, 18}},
		"percents count the waves before in: 10, 50, 100":    {withBudget(sweepOf(percents(10, 50, 100)), 50, 100), 20, []int{2, 8, 10}},
		"7 % of 100 are 7, not 8":                            {withBudget(sweepOf(percents(7, 100)), 100, 100), 100, []int{7, 93}},
		"a part of an instance is one: 10 % of 15":           {withBudget(sweepOf(percents(10, 100)), 50, 100), 15, []int{2, 13}},
		"a stage that is larger than the budget: 2, 5, 5, 3": {withBudget(sweepOf(percents(10, 100)), 5, 100), 15, []int{2, 5, 5, 3}},
		"no wave reaches into the next stage: 3, 1, 3, 3":    {withBudget(sweepOf(percents(40, 100)), 3, 100), 10, []int{3, 1, 3, 3}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, sizes(c.question.Decide(members(c.fleet)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAWaveByTagsGoesBeforeTheRest(t *testing.T) {
	t.Parallel()
	q := withBudget(sweepOf(events.Rollout{Waves: []events.Wave{{Tags: map[string]string{"env": "dev"}}, {Tags: map[string]string{"env": "prod", "tier": "2"}}, {Percent: 100}}}), 50, 100)
	fleet := []upgrade.Instance{
		member("rm-1", env("prod")), member("rm-2", env("dev")), member("rm-3", env("dev"), replicaOf("rm-1")),
		member("rm-4", func(i *upgrade.Instance) {
			i.Tags = map[string]string{"kernel-upgrade": "auto", "env": "prod", "tier": "2"}
		}),
	}
	want := map[string]int{"rm-2": 1, "rm-3": 1, "rm-4": 2, "rm-1": 3}
	if diff := cmp.Diff(want, wavesOf(q.Decide(fleet))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheOrderOfAWaveDependsOnIDsAlone(t *testing.T) {
	t.Parallel()
	q := withBudget(sweep(), 10, 100)
	first, others := wavesOf(q.Decide(members(100))), wavesOf(q.Decide(members(100, current("rds_20250601"), env("dev"))))
	if diff := cmp.Diff(first, others); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var head []string
	for id, wave := range first {
		if wave == 1 {
			head = append(head, id)
		}
	}
	slices.Sort(head)
	if strings.Join(head, " ") == "rm-000 rm-001 rm-002 rm-003 rm-004 rm-005 rm-006 rm-007 rm-008 rm-009" {
		t.Error("the first wave favours names")
	}
}

// TestAReplicaInTheWay has a case for each row of the table above arrange.
func TestAReplicaInTheWay(t *testing.T) {
	t.Parallel()
	own := func(c upgrade.Claim) change {
		c.Rollout = rollout
		return claimed(c)
	}
	remembers := func(status upgrade.Status) *upgrade.Rollout { return finished("rr-1", status) }
	cases := map[string]struct {
		replica []change
		memory  *upgrade.Rollout
		reason  upgrade.Reason // of the primary
		waits   bool
		wave    int // of the primary, if it is called
		says    string
	}{
		"up to date":                               {[]change{current(newer)}, nil, "", false, 1, ""},
		"not affected":                             {[]change{postgres("cloud_essd")}, nil, "", false, 1, ""},
		"proven by this rollout":                   {[]change{current(newer)}, proven("rr-1"), "", false, 1, ""},
		"proven, and its claim is still there":     {[]change{current(newer), own(claim(upgrade.Called, ""))}, nil, "", false, 2, ""},
		"to be upgraded: in the wave before":       {nil, nil, "", false, 2, ""},
		"under way":                                {[]change{own(claim(upgrade.Called, ""))}, nil, upgrade.ReplicaFirst, true, 0, "is under way"},
		"busy: the primary waits too":              {[]change{status("Rebooting")}, nil, upgrade.ReplicaFirst, true, 0, "in_progress"},
		"another rollout has it":                   {[]change{claimed(claim(upgrade.Called, "other"))}, nil, upgrade.ReplicaFirst, true, 0, "already_scheduled"},
		"not opted in":                             {[]change{untagged}, nil, upgrade.ReplicaFirst, false, 0, "is left alone: not_opted_in"},
		"stopped":                                  {[]change{status("Stopped")}, nil, upgrade.ReplicaFirst, false, 0, "not_running"},
		"of a version that nothing compares with":  {[]change{current("")}, nil, upgrade.ReplicaFirst, false, 0, "unknown_version"},
		"it could not be read":                     {[]change{func(i *upgrade.Instance) { i.Fault = errTag }}, nil, upgrade.ReplicaFirst, true, 0, "could not be read: not a claim"},
		"this rollout has failed with it":          {nil, remembers(upgrade.Failed), upgrade.ReplicaFirst, false, 0, "has not been upgraded: failed"},
		"this rollout could not prove it":          {nil, remembers(upgrade.Unverified), upgrade.ReplicaFirst, false, 0, "has not been upgraded: unverified"},
		"its upgrade was accepted and never shown": {[]change{own(claim(upgrade.Called, "", func(c *upgrade.Claim) { c.Due = now.AddDate(0, 0, -1) }))}, nil, upgrade.ReplicaFirst, true, 0, "is under way"},
	}
	for name, c := range cases {
		for relation, link := range map[string][2]change{
			"the primary names it":       {primaryOf("rr-1"), func(*upgrade.Instance) {}},
			"the replica names it":       {func(*upgrade.Instance) {}, replicaOf("rm-1")},
			"both name it":               {primaryOf("rr-1"), replicaOf("rm-1")},
			"the primary names it twice": {primaryOf("rr-1", "rr-1"), func(*upgrade.Instance) {}},
		} {
			t.Run(name+"/"+relation, func(t *testing.T) {
				t.Parallel()
				q := withMemory(withBudget(withAdvisory(sweep(), "", fixedIn("MySQL", newer)), 50, 100), c.memory)
				d := q.Decide([]upgrade.Instance{member("rr-1", append(c.replica, link[1])...), member("rm-1", link[0])})[0]
				checkReason(t, d, c.reason)
				if d.Step != nil && d.Step.Wave != c.wave {
					t.Errorf("the primary is in wave %d, want %d", d.Step.Wave, c.wave)
				}
				if d.Skip != nil && (!strings.Contains(d.Skip.Detail, c.says) || d.Wait != c.waits) {
					t.Errorf("got %q, waits %t; want %q, %t", d.Skip.Detail, d.Wait, c.says, c.waits)
				}
			})
		}
	}
}

func TestAReplicaThatWasNotSelected(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		replicas []upgrade.Instance
		reason   upgrade.Reason
		says     string
	}{
		"it runs the target":                   {[]upgrade.Instance{member("rr-1", current(newer))}, "", ""},
		"it runs a newer version":              {[]upgrade.Instance{member("rr-1", current("rds_20261101"))}, "", ""},
		"it is behind":                         {[]upgrade.Instance{member("rr-1")}, upgrade.ReplicaFirst, "its replica rr-1 runs rds_20240101 and is not among the selected instances: select both"},
		"it runs the target and is restarting": {[]upgrade.Instance{member("rr-1", current(newer), status("Rebooting"))}, upgrade.ReplicaFirst, "select both"},
		"it could not be read":                 {[]upgrade.Instance{{ID: "rr-1", Fault: errTag}}, upgrade.ReplicaFirst, "could not be read: select both"},
		"it was not read":                      {nil, upgrade.ReplicaFirst, "could not be read: select both"},
		"another is at the target":             {[]upgrade.Instance{member("rr-2", current(newer))}, upgrade.ReplicaFirst, "could not be read"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := sweep().Decide([]upgrade.Instance{member("rm-1", primaryOf("rr-1"), func(i *upgrade.Instance) { i.Replicas = c.replicas })})[0]
			checkReason(t, d, c.reason)
			if d.Skip != nil && (!strings.Contains(d.Skip.Detail, c.says) || d.Wait) {
				t.Errorf("got %q, waits %t", d.Skip.Detail, d.Wait)
			}
		})
	}
}

func TestAPrimaryGoesInTheStageOfItsReplicas(t *testing.T) {
	t.Parallel()
	q := withBudget(sweepOf(events.Rollout{Waves: []events.Wave{{Tags: map[string]string{"env": "dev"}}, {Percent: 100}}}), 50, 100)
	fleet := []upgrade.Instance{
		member("rm-1", env("dev"), primaryOf("rr-1")), member("rr-1", env("prod"), replicaOf("rm-1")),
		member("rm-2", env("dev")), member("rm-3", env("prod")),
	}
	want := map[string]int{"rm-2": 1, "rr-1": 2, "rm-3": 2, "rm-1": 3}
	if diff := cmp.Diff(want, wavesOf(q.Decide(fleet))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReplicasOfReplicasGoFirstOfAll(t *testing.T) {
	t.Parallel()
	chain := func(last ...change) []upgrade.Instance {
		return []upgrade.Instance{
			member("rm-1", env("dev"), primaryOf("rm-2")), member("rm-2", env("dev"), primaryOf("rm-3")), member("rm-3", append([]change{env("prod")}, last...)...),
			member("rm-4", env("prod")),
		}
	}
	waves := events.Rollout{Waves: []events.Wave{{Tags: map[string]string{"env": "dev"}}, {Percent: 100}}}
	q := withBudget(sweepOf(waves), 50, 100)
	if diff := cmp.Diff(map[string]int{"rm-3": 1, "rm-4": 1, "rm-2": 2, "rm-1": 3}, wavesOf(q.Decide(chain()))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	held := q.Decide(chain(func(i *upgrade.Instance) { i.LockMode = "ManualLock" }))
	if diff := cmp.Diff(map[string]int{"rm-4": 1}, wavesOf(held)); diff != "" {
		t.Errorf("with the last one locked (-want +got):\n%s", diff)
	}
}

func TestInstancesThatAreEachOthersReplicasKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	q := withBudget(sweepOf(events.Rollout{Waves: []events.Wave{{Tags: map[string]string{"env": "dev"}}, {Percent: 100}}}), 50, 100)
	plan := q.Decide([]upgrade.Instance{
		member("rm-1", env("dev"), primaryOf("rm-2")), member("rm-2", env("dev"), primaryOf("rm-1")),
		member("rm-3", env("dev"), primaryOf("rm-1")), member("rm-4", env("prod")),
	})
	if diff := cmp.Diff(map[string]int{"rm-4": 1}, wavesOf(plan)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, d := range plan[:3] {
		checkReason(t, d, upgrade.ReplicaFirst)
	}
}

func TestNoWaveBeginsWhileOneIsUnderWay(t *testing.T) {
	t.Parallel()
	flying := member("rm-000", claimed(claim(upgrade.Called, rollout)))
	fleet := append([]upgrade.Instance{flying}, members(4)[1:]...)
	for name, c := range map[string]struct {
		memory *upgrade.Rollout
		room   int
		fleet  []upgrade.Instance
		want   []int
	}{
		"a claim of this rollout":                  {nil, 9, fleet, []int{0, 3}},
		"something in flight":                      {&upgrade.Rollout{Flight: []upgrade.Flight{{DBInstanceID: "rm-999"}}}, 9, members(3), []int{0, 3}},
		"nothing is":                               {&upgrade.Rollout{}, 9, members(3), []int{3}},
		"without follow-ups there is no later one": {nil, 0, fleet, []int{3}},
	} {
		q := withMemory(withBudget(sweep(), 50, 100), c.memory)
		q.Room = c.room
		if diff := cmp.Diff(c.want, sizes(q.Decide(c.fleet))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestWhatNoWaveNamesIsLeftAlone is for a follow-up that did not come from a request that was checked; so is its primary.
func TestWhatNoWaveNamesIsLeftAlone(t *testing.T) {
	t.Parallel()
	q := sweepOf(events.Rollout{Waves: []events.Wave{{Tags: map[string]string{"env": "dev"}}}})
	plan := q.Decide([]upgrade.Instance{
		member("rm-1", env("dev"), primaryOf("rr-1")), member("rm-2", env("dev")), member("rr-1", env("prod")),
	})
	checkReason(t, plan[0], upgrade.ReplicaFirst)
	checkReason(t, plan[1], "")
	checkReason(t, plan[2], upgrade.Held)
}

// TestStagesStayWhatTheyWere: the first tenth stays the first tenth while it is called, proven or has failed, and later come later.
func TestStagesStayWhatTheyWere(t *testing.T) {
	t.Parallel()
	fleet := members(20)
	q := withBudget(sweepOf(events.Rollout{Waves: []events.Wave{{Percent: 10}, {Percent: 50}, {Percent: 100}}}), 50, 100)
	before := wavesOf(q.Decide(fleet))
	var first []string
	for id, wave := range before {
		if wave == 1 {
			first = append(first, id)
		}
	}
	memories := map[string]*upgrade.Rollout{"proven": proven(first...), "failed": {ID: rollout}, "in flight": {ID: rollout}}
	for _, id := range first {
		memories["failed"].Finished = append(memories["failed"].Finished, upgrade.Finished{DBInstanceID: id, Status: upgrade.Failed})
		memories["in flight"].Flight = append(memories["in flight"].Flight, upgrade.Flight{DBInstanceID: id})
	}
	for name, memory := range memories {
		q.Memory = memory
		after := slices.Clone(fleet)
		for n := range after {
			if name == "in flight" && slices.Contains(first, after[n].ID) {
				after[n] = member(after[n].ID, claimed(claim(upgrade.Called, rollout)))
			}
		}
		want := next(before)
		if name == "in flight" {
			for id := range want {
				want[id]++
			}
		}
		if diff := cmp.Diff(want, wavesOf(q.Decide(after))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
