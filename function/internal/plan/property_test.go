package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/version"
	"rds-kernel-upgrade/function/internal/window"
)

// drawMember draws an instance that may take part in a fleet, in any state.
func drawMember(t *rapid.T, id string) fleet.Instance {
	return calm(t, id, func(i *fleet.Instance) {
		i.Status = rapid.SampledFrom([]string{"Running", "Running", "Running", "Rebooting", "Stopped"}).Draw(t, "status")
		i.LockMode = rapid.SampledFrom([]string{"Unlock", "Unlock", "Unlock", "ManualLock"}).Draw(t, "lock")
		i.Engine = rapid.SampledFrom([]string{"MySQL", "MySQL", "MySQL", "SQLServer"}).Draw(t, "engine")
		switch rapid.IntRange(0, 9).Draw(t, "tags") {
		case 0:
			i.Tags = nil
		case 1:
			i.Tags["kernel-upgrade-hold"] = "yes"
		}
	})
}

// calm draws an instance that nothing keeps from being upgraded, if it is behind.
func calm(t *rapid.T, id string, changes ...change) fleet.Instance {
	i := mysql(id, func(i *fleet.Instance) {
		i.CurrentKernelVersion = rapid.SampledFrom([]string{older, older, older, middle, newer, "xcluster80_20210305"}).Draw(t, "current")
		i.MaintainTime = rapid.SampledFrom([]string{"18:00Z-22:00Z", "22:00Z-02:00Z", ""}).Draw(t, "window")
		i.Tags = map[string]string{"kernel-upgrade": "auto", "env": rapid.SampledFrom([]string{"dev", "prod"}).Draw(t, "env")}
		i.Offers = []fleet.Offer{online(older), online(middle), online(newer), {Version: "rds_20260301", Online: true, Beta: true}}
	})
	for _, c := range changes {
		c(&i)
	}
	return i
}

// drawFleet draws primaries and their replicas, of which either names the other, or both do.
func drawFleet(t *rapid.T, draw func(t *rapid.T, id string) fleet.Instance) (all []fleet.Instance) {
	for n := range rapid.IntRange(1, 6).Draw(t, "primaries") {
		primary := draw(t, fmt.Sprintf("rm-%d", n))
		for k := range rapid.IntRange(0, 3).Draw(t, "replicas") {
			replica := draw(t, fmt.Sprintf("rr-%d%d", n, k))
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
			all = append(all, replica)
		}
		all = append(all, primary)
	}
	return all
}

// drawn is a request about a fleet, and a policy.
type drawn struct {
	setting plan.Setting
	request plan.Request
}

func drawQuestion(t *rapid.T) drawn {
	windows := rapid.SampledFrom([]string{
		"", `windows: {allow: [{from: "02:00", to: "05:00", zone: Asia/Shanghai}]}`,
		`windows: {deny: [{from: "2026-11-22T00:00", to: "2026-11-23T20:00", zone: UTC}]}`,
		`windows: {deny: [{from: "2026-11-22T00:00", to: "2027-11-23T20:00", zone: UTC}]}`,
	}).Draw(t, "windows")
	p, err := policy.Parse([]byte(windows), time.LoadLocation)
	if err != nil {
		t.Fatal(err)
	}
	p.Budget = policy.Budget{MaxInstances: rapid.IntRange(1, 8).Draw(t, "maxInstances"), MaxPercent: rapid.Float64Range(0.1, 100).Draw(t, "maxPercent")}
	f := &events.Fleet{Rollout: events.Rollout{Waves: rapid.SampledFrom([][]events.Wave{
		nil, {{Tags: map[string]string{"env": "dev"}}, {Percent: 100}}, {{Percent: 5}, {Percent: 50}, {Percent: 100}},
	}).Draw(t, "waves")}}
	r := events.Request{Kind: events.KindSweep, Fleet: f}
	if rapid.Bool().Draw(t, "advisory") {
		r.Kind = events.KindAdvisory
		f.Advisory = &events.Advisory{ID: "CVE-1", Severity: rapid.SampledFrom([]string{"critical", "low"}).Draw(t, "severity"), Affected: []events.Affected{{Engine: "MySQL", FixedIn: middle}}}
	}
	if when := rapid.SampledFrom([]events.UpgradeTime{"", events.Immediate, events.MaintainTime, events.SpecifyTime}).Draw(t, "when"); when != "" {
		f.Schedule.UpgradeTime = when
		if when == events.SpecifyTime {
			f.Schedule.SwitchTime = noon.Add(time.Duration(rapid.IntRange(-1, 30).Draw(t, "hours")) * time.Hour)
		}
	}
	return drawn{
		plan.Setting{Now: noon, Policy: p, Region: region},
		plan.Request{ID: "r-1", Published: noon, Cause: state.Cause{Trigger: events.MNSTopic, FCRequestID: "1"}, Request: r},
	}
}

func blank() *state.Document {
	return &state.Document{Version: state.Version, Number: 1, Nonce: "N", Written: noon, By: "1"}
}

func (d drawn) preview(all []fleet.Instance) (*state.Rollout, string) {
	return plan.On(blank(), d.setting).Preview(d.request, all)
}

// The promises of a plan: each instance once; never downward, outside of a window, over the budget, or a primary before its replicas.
func TestAPlanOfAFleetKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		all := drawFleet(t, drawMember)
		r, _ := q.preview(all)
		if len(r.Members) != len(all) {
			t.Fatalf("%d members of %d instances", len(r.Members), len(all))
		}
		at := map[string]fleet.Instance{}
		for _, i := range all {
			at[i.ID] = i
		}
		for n := range r.Members {
			checkPromises(t, q, &r.Members[n], at[r.Members[n].DBInstanceID])
		}
		checkSizes(t, q.setting.Policy.Budget, r)
		checkReplicas(t, r, all)
	})
}

// checkPromises checks what holds for each instance by itself.
func checkPromises(t *rapid.T, q drawn, m *state.Member, i fleet.Instance) {
	if m.State == state.LeftOut && m.End.Reason != "" && m.Wave == 0 && m.Call == nil {
		return
	}
	if m.State != state.Pending || m.Call == nil || m.Wave < 1 {
		t.Fatalf("%s is %s, %+v", m.DBInstanceID, m.State, m)
	}
	if order, comparable := version.Compare(i.CurrentKernelVersion, m.Target); !comparable || order >= 0 {
		t.Fatalf("%s: from %q to %q", i.ID, i.CurrentKernelVersion, m.Target)
	}
	if i.Resting() || i.LockMode != "Unlock" || i.Tags["kernel-upgrade"] != "auto" || i.Tags["kernel-upgrade-hold"] != "" || i.Engine != "MySQL" || m.Target == "rds_20260301" {
		t.Fatalf("it would be called: %+v to %s", i, m.Target)
	}
	if !permitted(t, q.setting, m.Call, i) {
		t.Fatalf("%s: %s at %s is outside of the windows", i.ID, m.Call.UpgradeTime, m.Call.SwitchTime)
	}
}

// permitted reads the windows as the policy's file has them.
func permitted(t *rapid.T, s plan.Setting, c *state.Call, i fleet.Instance) bool {
	calendar := s.Policy.Windows.Calendar(time.LoadLocation, func(path, text string) { t.Fatal(path, text) })
	switch c.UpgradeTime {
	case events.Immediate:
		return calendar.Permits(s.Now)
	case events.SpecifyTime:
		return c.SwitchTime.After(s.Now) && calendar.Permits(c.SwitchTime)
	}
	m, ok := window.ParseMaintenance(i.MaintainTime)
	if !ok { // it may be any time
		return len(s.Policy.Windows.Allow)+len(s.Policy.Windows.Deny) == 0
	}
	from, to := m.Next(s.Now)
	return calendar.Permits(from) && calendar.Permits(to.Add(-time.Second))
}

// checkSizes checks that no wave is over the budget, and that none is missing.
func checkSizes(t *rapid.T, b policy.Budget, r *state.Rollout) {
	counts := sizes(r)
	members := 0
	for _, n := range counts {
		members += n
	}
	for wave, n := range counts {
		if n < 1 || n > b.Of(members) {
			t.Fatalf("%d instances in wave %d of %v", n, wave+1, counts)
		}
	}
}

// checkReplicas checks that a primary comes after all of its replicas, or that they need nothing.
func checkReplicas(t *rapid.T, r *state.Rollout, all []fleet.Instance) {
	at := map[string]*state.Member{}
	for n := range r.Members {
		at[r.Members[n].DBInstanceID] = &r.Members[n]
	}
	check := func(primary, replica *state.Member) {
		done := replica.State == state.LeftOut && (replica.End.Reason == string(plan.UpToDate) || replica.End.Reason == string(plan.NotAffected))
		if primary.State == state.Pending && !done && (replica.State != state.Pending || replica.Wave >= primary.Wave) {
			t.Fatalf("%s in wave %d, its replica %s is %s in wave %d", primary.DBInstanceID, primary.Wave, replica.DBInstanceID, says(replica), replica.Wave)
		}
	}
	for _, i := range all {
		if p := at[i.PrimaryID]; p != nil {
			check(p, at[i.ID])
		}
		for _, id := range i.ReplicaIDs {
			if replica := at[id]; replica != nil {
				check(at[i.ID], replica)
			}
		}
		for _, replica := range i.Replicas {
			if m := at[i.ID]; m.State == state.Pending && !replica.Proven(m.Target) {
				t.Fatalf("%s goes to %s, and its replica that was not selected is %s at %s", i.ID, m.Target, replica.Status, replica.CurrentKernelVersion)
			}
		}
	}
}

// Determinism: planning twice equals planning once, and the order of the fleet does not matter.
func TestPlanningTwiceEqualsOnceInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		all := drawFleet(t, drawMember)
		once, hash := q.preview(all)
		twice, same := q.preview(all)
		if diff := cmp.Diff(once, twice); diff != "" || hash != same {
			t.Fatalf("planned twice (-once +twice):\n%s", diff)
		}
		shuffled, same := q.preview(rapid.Permutation(all).Draw(t, "shuffled"))
		if diff := cmp.Diff(once, shuffled); diff != "" || hash != same {
			t.Fatalf("in another order (-want +got):\n%s", diff)
		}
	})
}

// What a listing stops need not be read: it is left out for the same reason as if it had been.
func TestWhatIsNotReadIsDecidedAsIfItHadBeen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		read := drawMember(t, "rm-1")
		q := drawQuestion(t)
		listed := read
		listed.Listed, listed.Offers = true, nil
		listed.CurrentKernelVersion, listed.LatestKernelVersion, listed.MaintainTime = "", "", ""
		if q.setting.Scope(q.request.Request).Candidate(listed) {
			return
		}
		one, _ := q.preview([]fleet.Instance{listed})
		other, _ := q.preview([]fleet.Instance{read})
		if one.Members[0].State != state.LeftOut || *one.Members[0].End != *other.Members[0].End {
			t.Fatalf("listed: %+v\nread: %+v", one.Members[0].End, other.Members[0].End)
		}
	})
}

// played is a rollout that is played to its end, with a fleet that behaves.
type played struct {
	t        *rapid.T
	setting  plan.Setting
	document *state.Document
	fleet    []fleet.Instance
}

func (w *played) do(step func(p *plan.Plan)) *plan.Plan {
	p := plan.On(w.document, w.setting)
	step(p)
	p.Document.Sort()
	if _, err := state.Encode(p.Document); err != nil {
		w.t.Fatalf("the document cannot be written: %v", err)
	}
	w.document = p.Document
	return p
}

// A calm rollout goes wave after wave, as it was planned, and ends with every instance proven that was to be upgraded.
func TestWaveAfterWaveEndsAsItWasPlanned(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t)
		q.request.Request.Fleet.Schedule = events.Schedule{}
		w := &played{t: t, setting: q.setting, document: blank(), fleet: drawFleet(t, func(t *rapid.T, id string) fleet.Instance { return calm(t, id) })}
		w.do(func(p *plan.Plan) { p.Receive(q.request) })
		w.do(func(p *plan.Plan) { p.Open(p.Document.Rollout("r-1"), w.fleet, nil) })
		planned := wavesOf(w.document.Rollout("r-1"))
		for wave := 1; w.document.Rollout("r-1").State == state.Open; wave++ {
			if wave > len(w.fleet) {
				t.Fatalf("%d waves were not enough: %+v", wave, w.document.Rollout("r-1").Members)
			}
			got := w.wave(q.setting.Policy.Budget, len(planned))
			var want []string
			for id, n := range planned {
				if n == wave {
					want = append(want, id)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("wave %d (-planned +called):\n%s", wave, diff)
			}
		}
		w.checkEnd(planned)
	})
}

// wave calls and lands all of one wave, and returns it.
func (w *played) wave(b policy.Budget, members int) (ids []string) {
	for {
		p := w.do(func(p *plan.Plan) { p.Intend(w.fleet, w.fleet) })
		intents := p.Intents()
		if len(intents) > b.Of(members) {
			w.t.Fatalf("%d are called, of a budget of %d", len(intents), b.Of(members))
		}
		if len(intents) == 0 {
			w.setting.Now = w.setting.Now.Add(w.setting.Policy.LongestBake())
			return ids
		}
		again := w.do(func(p *plan.Plan) { p.Intend(w.fleet, w.fleet) })
		if len(again.Intents())+len(intents) > b.Of(members) {
			w.t.Fatalf("%d and %d are called, of a budget of %d", len(intents), len(again.Intents()), b.Of(members))
		}
		intents = append(intents, again.Intents()...)
		w.land(intents)
		for _, i := range intents {
			ids = append(ids, i.Call.DBInstanceID)
		}
	}
}

// land accepts calls, and lets their instances reach the targets.
func (w *played) land(intents []plan.Intent) {
	var results []plan.Result
	for _, i := range intents {
		n := slices.IndexFunc(w.fleet, func(f fleet.Instance) bool { return f.ID == i.Call.DBInstanceID })
		w.fleet[n].CurrentKernelVersion = i.Call.TargetMinorVersion
		results = append(results, plan.Result{Intent: i, Made: true, AcceptedAt: w.setting.Now})
	}
	w.do(func(p *plan.Plan) { p.Record(results) })
	w.do(func(p *plan.Plan) { p.Settle(w.fleet) })
}

// checkEnd checks that all is proven that was to be upgraded, and that nothing would be done any more.
func (w *played) checkEnd(planned map[string]int) {
	r := w.document.Rollout("r-1")
	for _, m := range r.Members {
		if _, was := planned[m.DBInstanceID]; was != (m.State == state.Proven) {
			w.t.Fatalf("%s is %s at the end", m.DBInstanceID, says(&m))
		}
	}
	again, _ := plan.On(blank(), w.setting).Preview(plan.Request{ID: "r-2", Request: r.Request}, w.fleet)
	for id := range wavesOf(again) {
		if _, was := planned[id]; was {
			w.t.Fatalf("%s would be upgraded again", id)
		}
	}
}
