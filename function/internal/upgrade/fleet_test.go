package upgrade_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// rollout is whose plans these are.
const rollout = "0123456789abcdef"

// optedIn is what every fleet's instance needs.
var optedIn = map[string]string{"kernel-upgrade": "auto"}

// question is what a request asks on the default policy.
func question(r events.Request) upgrade.Question {
	return upgrade.Question{Request: r, Mode: policy.Apply, Rollout: rollout, Region: "cn-hangzhou", Policy: policy.Default(), Now: now}
}

// sweepOf asks for all that is behind. There are follow-ups, with room for many.
func sweepOf(r events.Rollout) upgrade.Question {
	q := question(events.Request{Kind: events.KindSweep, Fleet: &events.Fleet{Rollout: r}})
	q.Room = 100
	return q
}

func sweep() upgrade.Question { return sweepOf(events.Rollout{}) }

func withAdvisory(q upgrade.Question, severity string, affected ...events.Affected) upgrade.Question {
	fleet := *q.Request.Fleet
	fleet.Advisory = &events.Advisory{ID: "CVE-2026-1", Severity: severity, Affected: affected}
	q.Request.Kind, q.Request.Fleet = events.KindAdvisory, &fleet
	return q
}

func fixedIn(engine, version string) events.Affected {
	return events.Affected{Engine: engine, FixedIn: version}
}

func withSchedule(q upgrade.Question, s events.Schedule) upgrade.Question {
	fleet := *q.Request.Fleet
	fleet.Schedule, q.Request.Fleet = s, &fleet
	return q
}

func withBudget(q upgrade.Question, instances int, percent float64) upgrade.Question {
	q.Policy.Budget = policy.Budget{MaxInstances: instances, MaxPercent: percent}
	return q
}

func withMemory(q upgrade.Question, memory *upgrade.Rollout) upgrade.Question {
	q.Memory = memory
	return q
}

// withWindows permits a few hours of some days, in a zone of its own.
func withWindows(tb testing.TB, q upgrade.Question) upgrade.Question {
	tb.Helper()
	q.Policy = policyFrom(tb, `windows: {allow: [{days: [tue, wed], from: "01:00", to: "05:00", zone: Asia/Shanghai}], deny: [{from: "2026-11-24T00:00", to: "2026-11-25T00:00", zone: Asia/Shanghai}]}`)
	return q
}

func policyFrom(tb testing.TB, text string) policy.Policy {
	tb.Helper()
	p, err := policy.Parse([]byte(text), time.LoadLocation)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// member is an instance that takes part in fleets, with its latest version on offer.
func member(id string, change ...change) upgrade.Instance {
	i := mysql(change...)
	i.ID = id
	if i.Tags == nil {
		i.Tags = optedIn
	}
	if i.Offers == nil {
		i.Offers = []upgrade.Offer{{Version: i.LatestKernelVersion, Online: true}}
	}
	return i
}

func untagged(i *upgrade.Instance) { i.Tags = map[string]string{"env": "dev"} }

// offers replaces what is offered.
func offers(all ...upgrade.Offer) change { return func(i *upgrade.Instance) { i.Offers = all } }

func online(version string) upgrade.Offer { return upgrade.Offer{Version: version, Online: true} }

func built(version, community string) upgrade.Offer {
	return upgrade.Offer{Version: version, Community: community, Online: true}
}

func TestEachInstanceOfAFleetIsCalledOrLeftForOneReason(t *testing.T) {
	t.Parallel()
	const (
		young  = "rds_20261120" // two days old
		middle = "rds_20250601"
		pg     = "rds_postgres_1500_20240101"
		pgNew  = "rds_postgres_1500_20251130"
	)
	advised := func(severity string, a ...events.Affected) upgrade.Question {
		return withAdvisory(sweep(), severity, a...)
	}
	betas := sweep()
	betas.Policy.Versions.Beta = true
	kind := "MySQL 8.0 HighAvailability cloud_essd rds"
	pinned := func(version string) upgrade.Question {
		return withMemory(sweep(), &upgrade.Rollout{ID: rollout, Pins: map[string]string{kind: version}})
	}
	doubt := func(memory *upgrade.Rollout) upgrade.Question {
		q := withMemory(sweep(), memory)
		q.Doubt = now.Add(-time.Hour)
		return q
	}
	taskSeen := func(i *upgrade.Instance) { i.Tasks, i.TasksAsked = someTask, true }
	cases := map[string]struct {
		question upgrade.Question
		instance upgrade.Instance
		want     upgrade.Reason
		target   string // of the step
		wait     bool
	}{
		"a sweep calls what is behind":                    {sweep(), member(id), "", newer, false},
		"an instance without the opt-in tag":              {sweep(), member(id, untagged), upgrade.NotOptedIn, "", false},
		"an instance with another value of it":            {sweep(), member(id, func(i *upgrade.Instance) { i.Tags = map[string]string{"kernel-upgrade": "manual"} }), upgrade.NotOptedIn, "", false},
		"the engine is asked before the opt-in":           {sweep(), member(id, untagged, func(i *upgrade.Instance) { i.Engine = "SQLServer" }), upgrade.EngineUnsupported, "", false},
		"so is what the advisory says of it":              {advised("", fixedIn("PostgreSQL", newer)), member(id, untagged), upgrade.NotAffected, "", false},
		"an engine that the call does not take":           {sweep(), member(id, func(i *upgrade.Instance) { i.Engine = "SQLServer" }), upgrade.EngineUnsupported, "", false},
		"an engine is unsupported, not unaffected":        {advised("", fixedIn("MySQL", newer)), member(id, func(i *upgrade.Instance) { i.Engine = "SQLServer" }), upgrade.EngineUnsupported, "", false},
		"a busy instance is waited for":                   {sweep(), member(id, status("Rebooting")), upgrade.InProgress, "", true},
		"a stopped instance is not":                       {sweep(), member(id, status("Stopped")), upgrade.NotRunning, "", false},
		"what runs the latest":                            {sweep(), member(id, current(newer)), upgrade.UpToDate, "", false},
		"what runs the latest and was offered nothing":    {sweep(), member(id, current(newer), offers()), upgrade.UpToDate, "", false},
		"the newest of several is the target":             {sweep(), member(id, offers(online(middle), online(newer), online(older))), "", newer, false},
		"a young version waits for its age":               {sweep(), member(id, offers(online(middle), online(young))), "", middle, false},
		"only young ones: it is up to date as it may be":  {sweep(), member(id, offers(online(young))), upgrade.UpToDate, "", false},
		"a version that went offline is no target":        {sweep(), member(id, offers(upgrade.Offer{Version: newer}, online(middle))), "", middle, false},
		"an expired version is no target":                 {sweep(), member(id, offers(upgrade.Offer{Version: newer, Online: true, Expired: true}, online(middle))), "", middle, false},
		"a beta is no target":                             {sweep(), member(id, offers(upgrade.Offer{Version: newer, Online: true, Beta: true}, online(middle))), "", middle, false},
		"a beta that the policy allows is one":            {betas, member(id, offers(upgrade.Offer{Version: newer, Online: true, Beta: true}, online(middle))), "", newer, false},
		"versions of another family":                      {sweep(), member(id, offers(online("xcluster80_20260228")), func(i *upgrade.Instance) { i.LatestKernelVersion = "" }), upgrade.UnknownVersion, "", false},
		"an instance that does not tell its version":      {sweep(), member(id, current("")), upgrade.UnknownVersion, "", false},
		"an advisory: older than the fix":                 {advised("high", fixedIn("MySQL", middle)), member(id, offers(online(middle), online(newer))), "", newer, false},
		"an advisory: not older than the fix":             {advised("high", fixedIn("MySQL", older)), member(id), upgrade.NotAffected, "", false},
		"an advisory about another engine":                {advised("high", fixedIn("PostgreSQL", "15.10")), member(id), upgrade.NotAffected, "", false},
		"an advisory whose fix is of another family":      {advised("high", fixedIn("MySQL", "xcluster80_20260228")), member(id), upgrade.UnknownVersion, "", false},
		"an advisory whose fix is not offered":            {advised("high", fixedIn("MySQL", "rds_20260901")), member(id), upgrade.VersionNotOffered, "", false},
		"an advisory whose fix is too young":              {advised("high", fixedIn("MySQL", young)), member(id, offers(online(newer), online(young))), upgrade.VersionNotOffered, "", false},
		"a critical one passes the age":                   {advised("critical", fixedIn("MySQL", young)), member(id, offers(online(newer), online(young))), "", young, false},
		"but not a version that went offline":             {advised("critical", fixedIn("MySQL", young)), member(id, offers(online(newer), upgrade.Offer{Version: young})), upgrade.VersionNotOffered, "", false},
		"a community fix is found by what versions hold":  {advised("high", fixedIn("PostgreSQL", "15.10")), member(id, postgres("cloud_essd"), offers(built(pg, "15.8"), built(pgNew, "15.10"))), "", pgNew, false},
		"a community version that is fixed":               {advised("high", fixedIn("PostgreSQL", "15.8")), member(id, postgres("cloud_essd"), offers(built(pg, "15.8"), built(pgNew, "15.10"))), upgrade.NotAffected, "", false},
		"a community version that nobody knows":           {advised("high", fixedIn("PostgreSQL", "15.10")), member(id, postgres("cloud_essd"), offers(built(pgNew, ""))), upgrade.UnknownVersion, "", false},
		"what the canary got all get":                     {pinned(middle), member(id, offers(online(middle), online(newer))), "", middle, false},
		"what is beyond that is up to date":               {pinned(older), member(id, current(middle), offers(online(middle), online(newer))), upgrade.UpToDate, "", false},
		"another kind has another canary":                 {pinned(middle), member(id, offers(online(middle), online(newer)), func(i *upgrade.Instance) { i.EngineVersion = "5.7" }), "", newer, false},
		"a tag that is no claim":                          {sweep(), member(id, with(func(i *upgrade.Instance) { i.ClaimFault = errTag })), upgrade.Held, "", false},
		"another rollout's upgrade is waited for":         {sweep(), member(id, claimed(claim(upgrade.Called, "other"))), upgrade.AlreadyScheduled, "", true},
		"another rollout's intent is waited for":          {sweep(), member(id, claimed(claim(upgrade.Intent, "other"))), upgrade.InProgress, "", true},
		"what this rollout has failed with":               {withMemory(sweep(), finished(id, upgrade.Failed)), member(id), past, "", false},
		"what this rollout has proven":                    {withMemory(sweep(), proven(id)), member(id, current(newer)), past, "", false},
		"what this rollout has proven, and only listed":   {withMemory(sweep(), proven(id)), member(id, current(""), func(i *upgrade.Instance) { i.Listed = true }), past, "", false},
		"what only has the same place is not proven":      {withMemory(sweep(), provenAt(id, kind, newer)), member(id), "", newer, false},
		"a task since the first delivery may be its call": {doubt(nil), member(id, taskSeen), upgrade.InProgress, "", false},
		"the same in a follow-up":                         {doubt(&upgrade.Rollout{ID: rollout, Seq: 2}), member(id, taskSeen), upgrade.InProgress, "", false},
		"no task since then: it was not called":           {doubt(nil), member(id), "", newer, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := c.question.Decide([]upgrade.Instance{c.instance})[0]
			if c.want == past {
				if d.Past == nil || d.Step != nil || d.Skip != nil {
					t.Fatalf("got step %+v, skip %+v, past %+v", d.Step, d.Skip, d.Past)
				}
				return
			}
			checkReason(t, d, c.want)
			if d.Step != nil && (d.Step.Target != c.target || d.Step.Asked != c.target) {
				t.Errorf("the target is %q, asked %q; want %q", d.Step.Target, d.Step.Asked, c.target)
			}
			if d.Wait != c.wait {
				t.Errorf("waits: %t, want %t", d.Wait, c.wait)
			}
		})
	}
}

// past stands for what is decided by the rollout's memory.
const past upgrade.Reason = "past"

func finished(id string, status upgrade.Status) *upgrade.Rollout {
	return &upgrade.Rollout{ID: rollout, Finished: []upgrade.Finished{{DBInstanceID: id, RegionID: "cn-hangzhou", Status: status}}}
}

func proven(ids ...string) *upgrade.Rollout {
	r := &upgrade.Rollout{ID: rollout, Seq: 3}
	for _, id := range ids {
		r.Done.Add(id)
	}
	return r
}

func provenAt(id, kind, target string) *upgrade.Rollout {
	r := proven(id)
	r.Pins = map[string]string{kind: target}
	return r
}

func TestTheTimeOfAFleetIsTheRequestsOrThePolicys(t *testing.T) {
	t.Parallel()
	evening := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	shanghai := `windows: {allow: [{from: "02:00", to: "05:00", zone: Asia/Shanghai}]}` // 18:00 to 21:00 UTC
	never := `windows: {deny: [{from: "2026-11-01T00:00", to: "2027-03-01T00:00", zone: UTC, why: "frozen"}]}`
	asked := func(s events.Schedule) upgrade.Question { return withSchedule(sweep(), s) }
	policy := func(q upgrade.Question, text string) upgrade.Question {
		q.Policy = policyFrom(t, text)
		return q
	}
	cases := map[string]struct {
		question upgrade.Question
		reason   upgrade.Reason
		when     events.UpgradeTime
		at       time.Time
	}{
		"the tempo without a severity":                    {sweep(), "", events.MaintainTime, time.Time{}},
		"the tempo of a critical advisory":                {withAdvisory(sweep(), "critical", fixedIn("MySQL", newer)), "", events.Immediate, time.Time{}},
		"a severity without a tempo has the default's":    {withAdvisory(sweep(), "high", fixedIn("MySQL", newer)), "", events.MaintainTime, time.Time{}},
		"the request's own schedule":                      {asked(events.Schedule{UpgradeTime: events.Immediate}), "", events.Immediate, time.Time{}},
		"a SwitchTime":                                    {asked(events.Schedule{UpgradeTime: events.SpecifyTime, SwitchTime: evening}), "", events.SpecifyTime, evening},
		"a SwitchTime that has passed":                    {asked(events.Schedule{UpgradeTime: events.SpecifyTime, SwitchTime: now}), upgrade.OutsideWindow, "", time.Time{}},
		"at once, outside the windows: moved":             {policy(asked(events.Schedule{UpgradeTime: events.Immediate}), shanghai), "", events.SpecifyTime, time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)},
		"a maintenance window partly outside them":        {policy(sweep(), shanghai), "", events.SpecifyTime, time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)},
		"nothing is permitted within thirty days":         {policy(sweep(), never), upgrade.OutsideWindow, "", time.Time{}},
		"a SwitchTime when nothing is permitted for long": {policy(asked(events.Schedule{UpgradeTime: events.SpecifyTime, SwitchTime: evening}), never), upgrade.OutsideWindow, "", time.Time{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := c.question.Decide([]upgrade.Instance{member(id)})[0]
			checkReason(t, d, c.reason)
			if d.Step != nil && (d.Step.UpgradeTime != string(c.when) || !d.Step.SwitchTime.Equal(c.at)) {
				t.Errorf("got %s at %s, want %s at %s", d.Step.UpgradeTime, d.Step.SwitchTime, c.when, c.at)
			}
		})
	}
}

func TestAStepSaysWhatItMendsAndWhatWasMoved(t *testing.T) {
	t.Parallel()
	q := withAdvisory(sweep(), "critical", fixedIn("MySQL", newer))
	q.Policy = policyFrom(t, `windows: {allow: [{from: "02:00", to: "05:00", zone: Asia/Shanghai}]}`)
	d := q.Decide([]upgrade.Instance{member(id)})[0]
	const want = "CVE-2026-1: rds_20240101 is older than rds_20260228; not at once: "
	if d.Step == nil || len(d.Step.Why) <= len(want) || d.Step.Why[:len(want)] != want {
		t.Errorf("got %+v, want why to begin with %q", d.Step, want)
	}
}

// TestWhatIsNotReadIsDecidedAsIfItHadBeen is why the instances that a listing stops need not be read.
func TestWhatIsNotReadIsDecidedAsIfItHadBeen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		read := drawMember("rm-1").Draw(t, "instance")
		q := drawQuestion(t)
		listed := read
		listed.Listed, listed.Offers, read.Offers = true, nil, nil
		listed.CurrentKernelVersion, listed.LatestKernelVersion, listed.MaintainTime = "", "", ""
		if q.Candidate(listed) {
			return
		}
		got, want := q.Decide([]upgrade.Instance{listed})[0], q.Decide([]upgrade.Instance{read})[0]
		if got.Step != nil || want.Step != nil || *got.Skip != *want.Skip || got.Wait != want.Wait || got.Settlement != nil || want.Settlement != nil {
			t.Fatalf("listed: %+v %+v %t\nread: %+v %+v %t", got.Step, got.Skip, got.Wait, want.Step, want.Skip, want.Wait)
		}
	})
}

func TestACandidateIsWhatTheListingDoesNotStop(t *testing.T) {
	t.Parallel()
	q := withAdvisory(sweep(), "high", fixedIn("MySQL", newer))
	for name, c := range map[string]struct {
		change []change
		want   bool
	}{
		"nothing stops it":                    {nil, true},
		"not opted in":                        {[]change{untagged}, false},
		"another engine":                      {[]change{func(i *upgrade.Instance) { i.Engine = "MariaDB" }}, false},
		"an engine that is not affected":      {[]change{postgres("cloud_essd")}, false},
		"locked":                              {[]change{func(i *upgrade.Instance) { i.LockMode = "ManualLock" }}, false},
		"busy":                                {[]change{status("Rebooting")}, false},
		"stopped":                             {[]change{status("Stopped")}, false},
		"a tag that is no claim":              {[]change{func(i *upgrade.Instance) { i.ClaimFault = errTag }}, false},
		"a claim has to be judged":            {[]change{claimed(claim(upgrade.Called, "other"))}, true},
		"a claim on one that is not opted in": {[]change{untagged, claimed(claim(upgrade.Called, "other"))}, true},
	} {
		if got := q.Candidate(member(id, c.change...)); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
}
