package upgrade_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
	"rds-kernel-upgrade/function/internal/version"
)

// unlisted is an instance of whose versions RDS does not list all.
func unlisted(i *upgrade.Instance) { i.Unlisted = 3 }

type change = func(*upgrade.Instance)

func with(set func(*upgrade.Instance)) change { return set }

func offered(version string, online, beta bool) change {
	return func(i *upgrade.Instance) {
		i.Offers = append(i.Offers, upgrade.Offer{Version: version, Online: online, Beta: beta})
	}
}

func TestEachInstanceIsCalledOrLeftForOneReason(t *testing.T) {
	t.Parallel()
	const asked = "rds_20250601"
	cases := map[string]struct {
		change []change
		target string // asked for
		beta   bool
		want   upgrade.Reason // "" means it is called
	}{
		"an older instance is called":                 {nil, "", false, ""},
		"a PostgreSQL on cloud disks is called":       {[]change{postgres("cloud_essd")}, "", false, ""},
		"the latest version is up to date":            {[]change{current(newer)}, "", false, upgrade.UpToDate},
		"a latest version that is too young":          {[]change{with(func(i *upgrade.Instance) { i.LatestKernelVersion = "rds_20261120" })}, "", false, upgrade.VersionNotOffered},
		"a young target that was asked for":           {[]change{offered("rds_20261120", true, false)}, "rds_20261120", false, upgrade.VersionNotOffered},
		"newer than the latest is up to date":         {[]change{current("rds_20261101")}, "", false, upgrade.UpToDate},
		"an offered target is called":                 {[]change{offered(asked, true, false)}, asked, false, ""},
		"the target itself is up to date":             {[]change{current(asked), offered(asked, true, false)}, asked, false, upgrade.UpToDate},
		"newer than the target would be a downgrade":  {[]change{current(newer), offered(asked, true, false)}, asked, false, upgrade.WouldDowngrade},
		"a target that is not offered":                {[]change{offered(newer, true, false)}, asked, false, upgrade.VersionNotOffered},
		"a target that may be one that is not listed": {[]change{offered(newer, true, false), unlisted}, asked, false, ""},
		"but not if it is too young":                  {[]change{offered(newer, true, false), unlisted}, "rds_20261120", false, upgrade.VersionNotOffered},
		"a target that went offline":                  {[]change{offered(asked, false, false)}, asked, false, upgrade.VersionNotOffered},
		"a beta that the policy does not allow":       {[]change{offered(asked, true, true)}, asked, false, upgrade.VersionNotOffered},
		"a beta that the policy allows":               {[]change{offered(asked, true, true)}, asked, true, ""},
		"a target of another family":                  {[]change{offered("xcluster80_20250601", true, false)}, "xcluster80_20250601", false, upgrade.UnknownVersion},
		"an instance that does not tell its version":  {[]change{current("")}, "", false, upgrade.UnknownVersion},
		"an instance that does not tell its latest":   {[]change{with(func(i *upgrade.Instance) { i.LatestKernelVersion = "" })}, "", false, upgrade.UnknownVersion},
		"a version of a kind that is not understood":  {[]change{current("15.0.4073.23")}, "", false, upgrade.UnknownVersion},
		"SQL Server":                                  {[]change{with(func(i *upgrade.Instance) { i.Engine = "SQLServer" })}, "", false, upgrade.EngineUnsupported},
		"MariaDB":                                     {[]change{with(func(i *upgrade.Instance) { i.Engine = "MariaDB" })}, "", false, upgrade.EngineUnsupported},
		"PostgreSQL on local disks":                   {[]change{postgres("local_ssd")}, "", false, upgrade.EngineUnsupported},
		"PostgreSQL on ephemeral disks":               {[]change{postgres("ephemeral_ssd")}, "", false, upgrade.EngineUnsupported},
		"PostgreSQL on the recommended disks":         {[]change{postgres("general_essd")}, "", false, ""},
		"a disk that nobody has seen is no local one": {[]change{postgres("future_essd")}, "", false, ""},
		"an instance that its owner holds":            {[]change{with(func(i *upgrade.Instance) { i.Tags = map[string]string{"kernel-upgrade-hold": "2026-12-24"} })}, "", false, upgrade.Held},
		"an instance whose hold is over":              {[]change{with(func(i *upgrade.Instance) { i.Tags = map[string]string{"kernel-upgrade-hold": "2026-11-01"} })}, "", false, ""},
		"a locked instance":                           {[]change{with(func(i *upgrade.Instance) { i.LockMode = "LockByExpiration" })}, "", false, upgrade.Locked},
		"no LockMode is no lock":                      {[]change{with(func(i *upgrade.Instance) { i.LockMode = "" })}, "", false, ""},
		"a stopped instance":                          {[]change{status("Stopped")}, "", false, upgrade.NotRunning},
		"an instance that is being deleted":           {[]change{status("Deleting")}, "", false, upgrade.NotRunning},
		"a restarting instance is busy":               {[]change{status("Rebooting")}, "", false, upgrade.InProgress},
		"a status that no document lists is busy":     {[]change{status("MINORVERSIONUPGRADING")}, "", false, upgrade.InProgress},
		"a tag that is no claim holds the instance":   {[]change{with(func(i *upgrade.Instance) { i.ClaimFault = errTag })}, "", false, upgrade.Held},
		"the engine is named before the lock":         {[]change{with(func(i *upgrade.Instance) { i.Engine, i.LockMode = "MariaDB", "ManualLock" })}, "", false, upgrade.EngineUnsupported},
		"the lock is named before the version":        {[]change{current(newer), with(func(i *upgrade.Instance) { i.LockMode = "ManualLock" })}, "", false, upgrade.Locked},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := immediate()
			request.TargetMinorVersion = c.target
			p := policy.Default()
			p.Versions.Beta = c.beta
			q := upgrade.Question{Request: single(request), Mode: policy.Apply, Rollout: "r", Policy: p, Now: now}
			d := q.Decide([]upgrade.Instance{mysql(c.change...)})[0]
			checkReason(t, d, c.want)
		})
	}
}

func checkReason(t *testing.T, d upgrade.Decision, want upgrade.Reason) {
	t.Helper()
	switch {
	case (d.Step == nil) == (d.Skip == nil):
		t.Errorf("neither or both of step %+v and skip %+v", d.Step, d.Skip)
	case d.Skip == nil && want != "":
		t.Errorf("it is called; want it left as %s", want)
	case d.Skip != nil && d.Skip.Reason != want:
		t.Errorf("it is left as %s (%s); want %q", d.Skip.Reason, d.Skip.Detail, want)
	case d.Skip != nil && d.Skip.Detail == "":
		t.Error("the skip says nothing to people")
	}
}

var errTag = &fault.Error{Kind: fault.Invalid, Message: "not a claim"}

func current(version string) change {
	return func(i *upgrade.Instance) { i.CurrentKernelVersion = version }
}

func status(status string) change { return func(i *upgrade.Instance) { i.Status = status } }

func postgres(storage string) change {
	return func(i *upgrade.Instance) {
		i.Engine, i.EngineVersion, i.StorageType = "PostgreSQL", "15.0", storage
		i.CurrentKernelVersion, i.LatestKernelVersion = "rds_postgres_1500_20240101", "rds_postgres_1500_20251130"
	}
}

func claimed(c upgrade.Claim) change { return func(i *upgrade.Instance) { i.Claim = &c } }

func TestAClaimDecidesFirst(t *testing.T) {
	t.Parallel()
	const own, other = "own", "other"
	p := policy.Default() // first 5m, giveUp 6h
	called := func(rollout string) change { return claimed(claim(upgrade.Called, rollout)) }
	intent := func(rollout string) change { return claimed(claim(upgrade.Intent, rollout)) }
	later := func(rollout string) change {
		return claimed(claim(upgrade.Intent, rollout, func(c *upgrade.Claim) { c.Due = now.Add(time.Hour) }))
	}
	asked := with(func(i *upgrade.Instance) { i.TasksAsked = true })
	seen := with(func(i *upgrade.Instance) { i.Tasks = someTask })
	cases := map[string]struct {
		change  []change
		after   time.Duration // since the claim was written
		reason  upgrade.Reason
		settled upgrade.Status
		inDoubt bool
	}{
		"own, reached its target":                      {[]change{called(own), current(newer)}, time.Hour, upgrade.UpToDate, upgrade.Completed, false},
		"another's, reached its target":                {[]change{called(other), current(newer)}, time.Hour, upgrade.UpToDate, upgrade.Completed, false},
		"an intent that reached its target":            {[]change{intent(own), current(newer)}, time.Hour, upgrade.UpToDate, upgrade.Completed, false},
		"at its target but not Running is not proven":  {[]change{called(own), current(newer), status("Rebooting")}, time.Minute, upgrade.AlreadyScheduled, upgrade.Accepted, false},
		"own, on its way: told again":                  {[]change{called(own), status("Rebooting")}, time.Minute, upgrade.AlreadyScheduled, upgrade.Accepted, false},
		"another's, on its way":                        {[]change{called(other)}, time.Minute, upgrade.AlreadyScheduled, "", false},
		"just before giving up":                        {[]change{called(own)}, 6*time.Hour - time.Second, upgrade.AlreadyScheduled, upgrade.Accepted, false},
		"own, too long ago":                            {[]change{called(own)}, 6 * time.Hour, upgrade.AlreadyScheduled, upgrade.Unverified, false},
		"another's, too long ago: called again":        {[]change{called(other)}, 6 * time.Hour, "", upgrade.Unverified, false},
		"own intent, and the status shows it":          {[]change{intent(own), status("Rebooting")}, time.Second, upgrade.AlreadyScheduled, upgrade.Accepted, false},
		"own intent, and a task shows it":              {[]change{intent(own), seen}, time.Second, upgrade.AlreadyScheduled, upgrade.Accepted, false},
		"another's intent, and a task shows it":        {[]change{intent(other), seen}, time.Second, upgrade.AlreadyScheduled, upgrade.Accepted, false},
		"own intent that shows nothing yet":            {[]change{intent(own)}, 5 * time.Minute, upgrade.InProgress, "", true},
		"another's intent that shows nothing yet":      {[]change{intent(other)}, time.Second, upgrade.InProgress, "", false},
		"own intent that showed nothing for long":      {[]change{intent(own)}, 5*time.Minute + time.Second, "", "", false},
		"another's intent that showed nothing":         {[]change{intent(other)}, 5*time.Minute + time.Second, "", "", false},
		"an intent for later of which no task tells":   {[]change{later(own), asked}, 5 * time.Minute, upgrade.InProgress, "", true},
		"and is called again after a while":            {[]change{later(own), asked}, 5*time.Minute + time.Second, "", "", false},
		"without an answer it waits from its due time": {[]change{later(own)}, time.Hour + 5*time.Minute - time.Second, upgrade.InProgress, "", true},
		"and is called again only after that":          {[]change{later(own)}, time.Hour + 5*time.Minute, "", "", false},
		"a stopped instance shows nothing":             {[]change{intent(own), status("Stopped")}, time.Second, upgrade.InProgress, "", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := upgrade.Question{Request: single(immediate()), Mode: policy.Apply, Rollout: own, Policy: p, Now: now.Add(c.after)}
			d := q.Decide([]upgrade.Instance{mysql(c.change...)})[0]
			checkReason(t, d, c.reason)
			var settled upgrade.Status
			if d.Settlement != nil {
				settled = d.Settlement.Status
			}
			if settled != c.settled || d.InDoubt != c.inDoubt {
				t.Errorf("settled %q, in doubt %v; want %q, %v", settled, d.InDoubt, c.settled, c.inDoubt)
			}
		})
	}
}

func TestTheKillSwitchStopsBeforeAnything(t *testing.T) {
	t.Parallel()
	q := upgrade.Question{Request: single(immediate()), Mode: policy.Off, Rollout: "r", Policy: policy.Default(), Now: now}
	d := q.Decide(upgrade.Unseen("cn-hangzhou", []string{id}))[0]
	if !d.Halted || d.Step != nil || d.Settlement != nil {
		t.Errorf("got %+v", d)
	}
}

func TestAFaultOfLookingIsTheDecision(t *testing.T) {
	t.Parallel()
	q := upgrade.Question{Request: single(immediate()), Rollout: "r", Policy: policy.Default(), Now: now}
	d := q.Decide([]upgrade.Instance{{ID: id, Fault: errTag}})[0]
	if d.Fault != errTag || d.Step != nil || d.Skip != nil {
		t.Errorf("got %+v", d)
	}
}

func TestDueIsWhenTheRestartBegins(t *testing.T) {
	t.Parallel()
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 22, hour, minute, 0, 0, time.UTC) }
	tomorrow := func(hour, minute int) time.Time { return at(hour, minute).Add(24 * time.Hour) }
	cases := map[string]struct {
		upgradeTime events.UpgradeTime
		window      string
		now, want   time.Time
	}{
		"at once":                      {events.Immediate, "18:00Z-22:00Z", at(12, 0), at(12, 0)},
		"at the switch time":           {events.SpecifyTime, "18:00Z-22:00Z", at(12, 0), at(15, 30)},
		"by the end of today's window": {events.MaintainTime, "18:00Z-22:00Z", at(12, 0), at(22, 0)},
		"by the end of the one after the open window":   {events.MaintainTime, "18:00Z-22:00Z", at(21, 59), tomorrow(22, 0)},
		"by the end of tomorrow's window":               {events.MaintainTime, "18:00Z-22:00Z", at(22, 0), tomorrow(22, 0)},
		"a window across midnight, before it":           {events.MaintainTime, "22:00Z-02:00Z", at(12, 0), tomorrow(2, 0)},
		"a window across midnight, after midnight":      {events.MaintainTime, "22:00Z-02:00Z", at(1, 0), tomorrow(2, 0)},
		"a window of half hours":                        {events.MaintainTime, "18:30Z-19:30Z", at(12, 0), at(19, 30)},
		"a window that cannot be read is two days away": {events.MaintainTime, "nightly", at(12, 0), tomorrow(36, 0)},
		"no window is two days away":                    {events.MaintainTime, "", at(12, 0), tomorrow(36, 0)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := events.Upgrade{DBInstanceID: id, UpgradeTime: c.upgradeTime}
			if c.upgradeTime == events.SpecifyTime {
				request.SwitchTime = c.want
			}
			q := upgrade.Question{Request: single(request), Rollout: "r", Policy: policy.Default(), Now: c.now}
			d := q.Decide([]upgrade.Instance{mysql(func(i *upgrade.Instance) { i.MaintainTime = c.window })})[0]
			if d.Step == nil || !d.Step.Due.Equal(c.want) {
				t.Errorf("got %+v, want due %s", d.Step, c.want)
			}
		})
	}
}

// TestThePlanNeverGoesDownAndNeverDependsOnOrder draws whole fleets.
func TestThePlanNeverGoesDownAndNeverDependsOnOrder(t *testing.T) {
	t.Parallel()
	versions := rapid.SampledFrom([]string{"", older, newer, "rds_20250601", "xcluster80_20210305", "rds_20240101_2"})
	draw := rapid.Custom(func(t *rapid.T) upgrade.Instance {
		return mysql(func(i *upgrade.Instance) {
			i.ID = rapid.StringMatching(`rm-[a-z0-9]{6}`).Draw(t, "id")
			i.CurrentKernelVersion, i.LatestKernelVersion = versions.Draw(t, "current"), versions.Draw(t, "latest")
			i.Status = rapid.SampledFrom([]string{"Running", "Running", "Stopped", "Rebooting"}).Draw(t, "status")
			if rapid.Bool().Draw(t, "claimed") {
				c := claim(rapid.SampledFrom([]upgrade.ClaimState{upgrade.Intent, upgrade.Called}).Draw(t, "state"),
					rapid.SampledFrom([]string{"own", "other"}).Draw(t, "rollout"))
				i.Claim = &c
			}
		})
	})
	rapid.Check(t, func(t *rapid.T) {
		fleet := rapid.SliceOfNDistinct(draw, 1, 20, func(i upgrade.Instance) string { return i.ID }).Draw(t, "fleet")
		after := time.Duration(rapid.IntRange(0, 8).Draw(t, "hours")) * time.Hour
		q := upgrade.Question{Request: single(immediate()), Rollout: "own", Policy: policy.Default(), Now: now.Add(after)}
		byID := map[string]upgrade.Decision{}
		for _, d := range q.Decide(fleet) {
			byID[d.Instance.ID] = d
			if order, comparable := version.Compare(d.Instance.CurrentKernelVersion, d.Target); d.Step != nil && (!comparable || order >= 0) {
				t.Fatalf("called from %q to %q", d.Instance.CurrentKernelVersion, d.Target)
			}
			if d.Step != nil && d.Instance.Status != "Running" {
				t.Fatalf("called while %s", d.Instance.Status)
			}
		}
		for _, d := range q.Decide(rapid.Permutation(fleet).Draw(t, "shuffled")) {
			if first := byID[d.Instance.ID]; (first.Step == nil) != (d.Step == nil) || first.Skip != nil && *first.Skip != *d.Skip {
				t.Fatalf("%s: %+v in one order, %+v in another", d.Instance.ID, first, d)
			}
		}
	})
}
