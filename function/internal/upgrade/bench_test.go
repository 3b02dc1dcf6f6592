package upgrade_test

import (
	"fmt"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// large is how many instances the bar is for: their plan takes less than 100 ms.
const large = 10_000

// BenchmarkDecideTenThousand is the plan of a large fleet.
func BenchmarkDecideTenThousand(b *testing.B) {
	single := question(single(immediate()))
	for name, q := range map[string]upgrade.Question{
		"one call each":             single,
		"a sweep":                   sweepOf(events.Rollout{}),
		"an advisory":               withAdvisory(sweepOf(events.Rollout{}), "critical", fixedIn("MySQL", newer), fixedIn("PostgreSQL", "15.10")),
		"a long advisory":           withAdvisory(sweepOf(events.Rollout{}), "high", longAdvisory()...),
		"one instance a wave":       withBudget(sweepOf(events.Rollout{}), 1, 100),
		"a follow-up with waves":    withMemory(sweepOf(events.Rollout{Waves: canaries}), remembered(large/4)),
		"a policy with windows too": withWindows(b, sweepOf(events.Rollout{Waves: canaries})),
	} {
		b.Run(name, func(b *testing.B) {
			fleet := largeFleet()
			b.ReportAllocs()
			for b.Loop() {
				if len(q.Decide(fleet)) != len(fleet) {
					b.Fatal("an instance is missing")
				}
			}
			if spent := b.Elapsed() / time.Duration(b.N); spent > 100*time.Millisecond {
				b.Errorf("%s for a plan: the bar is 100 ms", spent)
			}
		})
	}
}

var canaries = []events.Wave{{Tags: map[string]string{"env": "dev"}}, {Percent: 10}, {Percent: 100}}

// largeFleet has MySQL and PostgreSQL of ten versions each, a third of them replicas, several tags and twenty versions on offer for each kind.
func largeFleet() []upgrade.Instance {
	fleet := make([]upgrade.Instance, large)
	offers := map[string][]upgrade.Offer{}
	for _, i := range []upgrade.Instance{mysql(), mysql(postgres("cloud_essd"))} {
		family := i.LatestKernelVersion[:len(i.LatestKernelVersion)-8]
		for n := range 20 {
			day := time.Date(2024, time.Month(2+n), 1, 0, 0, 0, 0, time.UTC).Format("20060102")
			offers[i.Engine] = append(offers[i.Engine], upgrade.Offer{Version: family + day, Community: fmt.Sprintf("15.%d", n/2), Online: true})
		}
		offers[i.Engine] = append(offers[i.Engine], upgrade.Offer{Version: i.LatestKernelVersion, Community: "15.10", Online: true})
	}
	for n := range fleet {
		fleet[n] = mysql(func(i *upgrade.Instance) {
			i.ID = fmt.Sprintf("rm-%05d", n)
			if n%2 == 1 {
				postgres("cloud_essd")(i)
			}
			i.CurrentKernelVersion = offers[i.Engine][n/2%10].Version
			i.Offers, i.Tags = offers[i.Engine], map[string]string{"kernel-upgrade": "auto", "env": []string{"dev", "prod", "prod", "prod"}[n%4]}
		})
	}
	for n := 2; n < large; n += 6 { // two replicas for each sixth
		for _, r := range []int{n + 2, n + 4} {
			if r < large {
				fleet[r].PrimaryID = fleet[n].ID
				fleet[n].ReplicaIDs = append(fleet[n].ReplicaIDs, fleet[r].ID)
			}
		}
	}
	return fleet
}

// longAdvisory is about as long as an advisory may be: every version of every major, one by one.
func longAdvisory() (affected []events.Affected) {
	for major := 9; major < 19; major++ {
		a := events.Affected{Engine: "PostgreSQL", EngineVersion: fmt.Sprint(major, ".0"), Ranges: []events.Range{{Introduced: fmt.Sprint(major, ".0"), Fixed: fmt.Sprint(major, ".10")}}}
		for n := range 150 {
			a.Versions = append(a.Versions, fmt.Sprint(major, ".", n+100))
		}
		affected = append(affected, a)
	}
	return append(affected, fixedIn("MySQL", newer))
}

// remembered is what a rollout remembers that has proven the first n.
func remembered(n int) *upgrade.Rollout {
	r := &upgrade.Rollout{ID: rollout, Seq: 9, Wave: 9, Pins: map[string]string{}}
	for k := range n {
		r.Done.Add(fmt.Sprintf("rm-%05d", k))
	}
	return r
}
