package upgrade_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
	"rds-kernel-upgrade/function/internal/version"
	"rds-kernel-upgrade/function/internal/window"
)

// drawMember draws an instance that may take part in a fleet, in any state.
func drawMember(id string) *rapid.Generator[upgrade.Instance] {
	return rapid.Custom(func(t *rapid.T) upgrade.Instance {
		return calm(t, id, func(i *upgrade.Instance) {
			i.Status = rapid.SampledFrom([]string{"Running", "Running", "Running", "Rebooting", "Stopped"}).Draw(t, "status")
			i.LockMode = rapid.SampledFrom([]string{"Unlock", "Unlock", "Unlock", "ManualLock"}).Draw(t, "lock")
			i.Engine = rapid.SampledFrom([]string{"MySQL", "MySQL", "MySQL", "SQLServer"}).Draw(t, "engine")
			if rapid.IntRange(0, 5).Draw(t, "tagged") == 0 {
				i.Tags = nil
			}
			switch rapid.IntRange(0, 7).Draw(t, "claim") {
			case 0:
				i.ClaimFault = errTag
			case 1:
				c := claim(rapid.SampledFrom([]upgrade.ClaimState{upgrade.Intent, upgrade.Called}).Draw(t, "state"),
					rapid.SampledFrom([]string{rollout, "other"}).Draw(t, "owner"))
				i.Claim = &c
			}
		})
	})
}

// calm draws an instance that nothing keeps from being upgraded, if it is behind.
func calm(t *rapid.T, id string, change ...change) upgrade.Instance {
	i := member(id, func(i *upgrade.Instance) {
		i.CurrentKernelVersion = rapid.SampledFrom([]string{older, older, older, "rds_20250601", newer, "xcluster80_20210305"}).Draw(t, "current")
		i.MaintainTime = rapid.SampledFrom([]string{"18:00Z-22:00Z", "22:00Z-02:00Z", ""}).Draw(t, "window")
		i.Tags = map[string]string{"kernel-upgrade": "auto", "env": rapid.SampledFrom([]string{"dev", "prod"}).Draw(t, "env")}
		i.Offers = []upgrade.Offer{online(older), online("rds_20250601"), online(newer), {Version: "rds_20260301", Online: true, Beta: true}}
	})
	for _, c := range change {
		c(&i)
	}
	return i
}

// drawFleet draws primaries and their replicas, of which either names the other, or both do.
func drawFleet(t *rapid.T, draw func(id string) upgrade.Instance) (fleet []upgrade.Instance) {
	for n := range rapid.IntRange(1, 6).Draw(t, "primaries") {
		primary := draw(fmt.Sprintf("rm-%d", n))
		for k := range rapid.IntRange(0, 3).Draw(t, "replicas") {
			replica := draw(fmt.Sprintf("rr-%d%d", n, k))
			switch rapid.IntRange(0, 4).Draw(t, "known") {
			case 0:
				replica.PrimaryID = primary.ID
			case 1:
				primary.ReplicaIDs = append(primary.ReplicaIDs, replica.ID)
			case 2: // it was not selected
				primary.ReplicaIDs = append(primary.ReplicaIDs, replica.ID)
				primary.Replicas = append(primary.Replicas, replica)
				continue
			default:
				replica.PrimaryID = primary.ID
				primary.ReplicaIDs = append(primary.ReplicaIDs, replica.ID)
			}
			fleet = append(fleet, replica)
		}
		fleet = append(fleet, primary)
	}
	return fleet
}

// drawQuestion draws a request about a fleet, and a policy.
func drawQuestion(t *rapid.T) upgrade.Question {
	waves := rapid.SampledFrom([][]events.Wave{nil, canaries, {{Percent: 5}, {Percent: 50}, {Percent: 100}}}).Draw(t, "waves")
	q := sweepOf(events.Rollout{Waves: waves})
	windows := rapid.SampledFrom([]string{
		"", `windows: {allow: [{from: "02:00", to: "05:00", zone: Asia/Shanghai}]}`,
		`windows: {deny: [{from: "2026-11-22T00:00", to: "2026-11-23T20:00", zone: UTC}]}`,
		`windows: {deny: [{from: "2026-11-22T00:00", to: "2027-11-23T20:00", zone: UTC}]}`,
	}).Draw(t, "windows")
	q.Policy, _ = policy.Parse([]byte(windows), time.LoadLocation)
	q = withBudget(q, rapid.IntRange(1, 8).Draw(t, "maxInstances"), rapid.Float64Range(0.1, 100).Draw(t, "maxPercent"))
	q.Room = rapid.IntRange(0, 9).Draw(t, "room")
	if rapid.Bool().Draw(t, "advisory") {
		q = withAdvisory(q, rapid.SampledFrom([]string{"critical", "low"}).Draw(t, "severity"), fixedIn("MySQL", "rds_20250601"))
	}
	if when := rapid.SampledFrom([]events.UpgradeTime{"", events.Immediate, events.MaintainTime, events.SpecifyTime}).Draw(t, "when"); when != "" {
		s := events.Schedule{UpgradeTime: when}
		if when == events.SpecifyTime {
			s.SwitchTime = now.Add(time.Duration(rapid.IntRange(-1, 30).Draw(t, "hours")) * time.Hour)
		}
		q = withSchedule(q, s)
	}
	return q
}

func TestAPlanOfAFleetKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		fleet := drawFleet(t, func(id string) upgrade.Instance { return drawMember(id).Draw(t, id) })
		plan := q.Decide(fleet)
		if len(plan) != len(fleet) {
			t.Fatalf("%d decisions about %d instances", len(plan), len(fleet))
		}
		for _, d := range plan {
			checkDecision(t, q, d)
		}
		checkWaves(t, q, plan)
		checkReplicas(t, plan)
	})
}

// checkDecision checks what holds for each instance by itself.
func checkDecision(t *rapid.T, q upgrade.Question, d upgrade.Decision) {
	t.Helper()
	i := d.Instance
	if (d.Step == nil) == (d.Skip == nil) {
		t.Fatalf("%s: step %+v, skip %+v", i.ID, d.Step, d.Skip)
	}
	if d.Step == nil {
		return
	}
	if order, comparable := version.Compare(i.CurrentKernelVersion, d.Step.Target); !comparable || order >= 0 {
		t.Fatalf("%s: from %q to %q", i.ID, i.CurrentKernelVersion, d.Step.Target)
	}
	if i.Status != "Running" || i.LockMode != "Unlock" || i.Tags["kernel-upgrade"] != "auto" || i.Engine != "MySQL" || d.Step.Target == "rds_20260301" {
		t.Fatalf("called: %+v to %s", i, d.Step.Target)
	}
	if !permitted(t, q, *d.Step) {
		t.Fatalf("%s: %s at %s is outside of the windows", i.ID, d.Step.UpgradeTime, d.Step.SwitchTime)
	}
}

// permitted reads the windows as the policy's file has them.
func permitted(t *rapid.T, q upgrade.Question, s upgrade.Step) bool {
	t.Helper()
	calendar, err := q.Policy.Windows.Calendar(time.LoadLocation)
	if err != nil {
		t.Fatal(err)
	}
	switch s.UpgradeTime {
	case "Immediate":
		return calendar.Permits(q.Now)
	case "SpecifyTime":
		return s.SwitchTime.After(q.Now) && calendar.Permits(s.SwitchTime)
	}
	m, ok := window.ParseMaintenance(s.Instance.MaintainTime)
	if !ok { // it may be any time
		return len(q.Policy.Windows.Allow)+len(q.Policy.Windows.Deny) == 0
	}
	from, to := m.Next(q.Now)
	return calendar.Permits(from) && calendar.Permits(to.Add(-time.Second))
}

// checkWaves checks that no wave is over the budget, and none is left out.
func checkWaves(t *rapid.T, q upgrade.Question, plan []upgrade.Decision) {
	t.Helper()
	count, first, members := map[int]int{}, 1, 0
	for _, d := range plan {
		if d.Step != nil {
			count[d.Step.Wave]++
		}
		if d.Step != nil || d.Wait || d.Alive {
			members++
		}
		if d.Alive && q.Room > 0 {
			first = 2
		}
	}
	most := max(1, min(q.Policy.Budget.MaxInstances, int(q.Policy.Budget.MaxPercent*float64(members)/100)))
	if q.Room > 0 {
		most = min(most, q.Room)
	}
	for wave := first; wave < first+len(count); wave++ {
		if count[wave] < 1 || count[wave] > most {
			t.Fatalf("%d instances in wave %d of %v, want 1 to %d", count[wave], wave, count, most)
		}
	}
}

// checkReplicas checks that a primary comes after all of its replicas, or that they need nothing.
func checkReplicas(t *rapid.T, plan []upgrade.Decision) {
	t.Helper()
	at := map[string]upgrade.Decision{}
	for _, d := range plan {
		at[d.Instance.ID] = d
	}
	check := func(primary, replica upgrade.Decision) {
		reason := upgrade.Reason("")
		if replica.Skip != nil {
			reason = replica.Skip.Reason
		}
		done := reason == upgrade.UpToDate || reason == upgrade.NotAffected
		if replica.Step == nil && !done || replica.Step != nil && replica.Step.Wave >= primary.Step.Wave {
			t.Fatalf("%s in wave %d, its replica %s: step %+v, skip %+v", primary.Instance.ID, primary.Step.Wave, replica.Instance.ID, replica.Step, replica.Skip)
		}
	}
	for _, d := range plan {
		if p := at[d.Instance.PrimaryID]; p.Step != nil {
			check(p, d)
		}
		if d.Step == nil {
			continue
		}
		for _, id := range d.Instance.ReplicaIDs {
			if r, selected := at[id]; selected {
				check(d, r)
			}
		}
		for _, r := range d.Instance.Replicas {
			if r.Status != "Running" || !version.Reached(r.CurrentKernelVersion, d.Step.Target) {
				t.Fatalf("%s goes to %s, and its replica that was not selected is %s at %s", d.Instance.ID, d.Step.Target, r.Status, r.CurrentKernelVersion)
			}
		}
	}
}

// view is what a plan says, by instance.
func view(plan []upgrade.Decision) (lines []string) {
	for _, d := range plan {
		switch {
		case d.Step != nil:
			lines = append(lines, fmt.Sprintf("%s wave %d to %s %s %s due %s", d.Instance.ID, d.Step.Wave, d.Step.Target, d.Step.UpgradeTime, d.Step.SwitchTime, d.Step.Due))
		case d.Skip != nil:
			lines = append(lines, fmt.Sprintf("%s %s %s wait %t", d.Instance.ID, d.Skip.Reason, d.Skip.Detail, d.Wait))
		default:
			lines = append(lines, fmt.Sprintf("%s past %+v fault %v", d.Instance.ID, d.Past, d.Fault))
		}
	}
	return lines
}

func TestPlanningTwiceEqualsOnceInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		fleet := drawFleet(t, func(id string) upgrade.Instance { return drawMember(id).Draw(t, id) })
		plan := q.Decide(fleet)
		again := make([]upgrade.Instance, 0, len(fleet))
		for _, d := range plan {
			again = append(again, d.Instance)
		}
		if diff := cmp.Diff(view(plan), view(q.Decide(again))); diff != "" {
			t.Fatalf("planned twice (-once +twice):\n%s", diff)
		}
		shuffled := q.Decide(rapid.Permutation(fleet).Draw(t, "shuffled"))
		if diff := cmp.Diff(view(plan), view(shuffled)); diff != "" {
			t.Fatalf("in another order (-want +got):\n%s", diff)
		}
		if upgrade.PlanHash(plan) != upgrade.PlanHash(shuffled) {
			t.Fatal("the same plan has two hashes")
		}
	})
}

// TestWaveAfterWaveEndsAsItWasPlanned plays a rollout of a calm fleet: what was planned for the second wave is the first one after the
// first is proven, and at the end nothing is left to plan.
func TestWaveAfterWaveEndsAsItWasPlanned(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		q.Room = rapid.IntRange(1, 9).Draw(t, "room")
		fleet := drawFleet(t, func(id string) upgrade.Instance { return calm(t, id) })
		memory := upgrade.Begin(rollout, q.Request, q.Region, upgrade.Cause{})
		q.Memory = memory
		planned := wavesOf(q.Decide(fleet))
		for range len(fleet) + 1 {
			plan := q.Decide(fleet)
			if diff := cmp.Diff(planned, wavesOf(plan)); diff != "" {
				t.Fatalf("wave %d (-planned before +now):\n%s", memory.Wave+1, diff)
			}
			steps, behind := upgrade.NextWave(plan)
			if len(steps) == 0 {
				if behind > 0 {
					t.Fatalf("no first wave, but %d behind", behind)
				}
				return
			}
			memory.Arm(steps, behind, q.Policy.Verify, q.Now)
			fly(fleet, memory, steps)
			if again, _ := upgrade.NextWave(q.Decide(fleet)); len(again) > 0 {
				t.Fatalf("another wave while one is under way: %+v", again)
			}
			land(fleet, memory, q.Policy.Verify)
			planned = next(planned)
		}
		t.Fatalf("%d waves were not enough for %d instances", len(fleet)+1, len(fleet))
	})
}

// fly makes the calls of a wave.
func fly(fleet []upgrade.Instance, memory *upgrade.Rollout, steps []upgrade.Step) {
	var outcomes []upgrade.Outcome
	for _, s := range steps {
		n := slices.IndexFunc(fleet, func(i upgrade.Instance) bool { return i.ID == s.Instance.ID })
		fleet[n].Claim = &upgrade.Claim{State: upgrade.Called, Target: s.Target, Rollout: memory.ID, Wave: memory.Wave, Due: s.Due, At: now}
		outcomes = append(outcomes, upgrade.Outcome{Instance: fleet[n], Status: upgrade.Accepted, Target: s.Target, AcceptedAt: now})
	}
	memory.Note(outcomes, policy.Default().Verify, now)
}

// land lets what is in flight reach its target.
func land(fleet []upgrade.Instance, memory *upgrade.Rollout, v policy.Verify) {
	for n := range fleet {
		if c := fleet[n].Claim; c != nil {
			fleet[n].CurrentKernelVersion = c.Target
		}
	}
	memory.Watch(fleet, v, now)
	for n := range fleet {
		fleet[n].Claim = nil
	}
}

func wavesOf(plan []upgrade.Decision) map[string]int {
	waves := map[string]int{}
	for _, d := range plan {
		if d.Step != nil {
			waves[d.Instance.ID] = d.Step.Wave
		}
	}
	return waves
}

// next is what is left when the first wave is done.
func next(planned map[string]int) map[string]int {
	left := map[string]int{}
	for id, wave := range planned {
		if wave > 1 {
			left[id] = wave - 1
		}
	}
	return left
}
