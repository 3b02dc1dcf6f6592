package plan_test

import (
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// preview returns what a request would begin, as things are at noon.
func preview(tb testing.TB, policy, text string, all ...fleet.Instance) *state.Rollout {
	tb.Helper()
	s := begin(tb, policy)
	r, _ := plan.On(s.document, s.setting).Preview(s.message("r-1", noon, text), all)
	if len(r.Members) != len(all) {
		tb.Fatalf("%d members of %d instances", len(r.Members), len(all))
	}
	return r
}

// of returns the member that is an instance.
func of(tb testing.TB, r *state.Rollout, id string) *state.Member {
	tb.Helper()
	for n := range r.Members {
		if r.Members[n].DBInstanceID == id {
			return &r.Members[n]
		}
	}
	tb.Fatalf("%s is no member", id)
	return nil
}

// checkMember wants a member that is to be upgraded, if there is no reason, or that is left out.
func checkMember(tb testing.TB, m *state.Member, want plan.Reason) {
	tb.Helper()
	switch {
	case want == "" && m.State != state.Pending:
		tb.Errorf("%s is left out: %+v", m.DBInstanceID, m.End)
	case want == "" && (m.Wave < 1 || m.Call == nil || m.Target == ""):
		tb.Errorf("%s is to be upgraded, without a wave, a target or a time: %+v", m.DBInstanceID, m)
	case want != "" && (m.State != state.LeftOut || m.End.Reason != string(want)):
		tb.Errorf("%s is %s; want it left out as %s", m.DBInstanceID, says(m), want)
	case want != "" && (m.End.Detail == "" || m.Wave != 0 || m.Call != nil):
		tb.Errorf("it is left out without words, or with a wave: %+v", m)
	}
}

// Members: one instance is called, or left out for one reason.
func TestOneInstanceIsCalledOrLeftOutForOneReason(t *testing.T) {
	t.Parallel()
	const asked = middle
	isOffline := func(i *fleet.Instance) { i.Offers = []fleet.Offer{{Version: asked}} }
	isBeta := func(i *fleet.Instance) { i.Offers = []fleet.Offer{{Version: asked, Online: true, Beta: true}} }
	isExpired := func(i *fleet.Instance) { i.Offers = []fleet.Offer{{Version: asked, Online: true, Expired: true}} }
	more := func(i *fleet.Instance) { i.Unlisted = 3 }
	plainTags := func(i *fleet.Instance) { i.Tags = nil }
	cases := map[string]struct {
		policy string
		target string // that the request names
		change []change
		want   plan.Reason
		says   string
	}{
		"an older instance is called":                {"", "", nil, "", ""},
		"it needs no opt-in":                         {"", "", []change{plainTags}, "", ""},
		"a PostgreSQL on cloud disks is called":      {"", "", []change{postgres("cloud_essd")}, "", ""},
		"the latest version is up to date":           {"", "", []change{current(newer)}, plan.UpToDate, "CurrentKernelVersion is rds_20260228"},
		"newer than the latest is up to date":        {"", "", []change{current("rds_20261101")}, plan.UpToDate, "CurrentKernelVersion is rds_20261101"},
		"a latest version that is too young":         {"", "", []change{latest(young)}, plan.VersionNotOffered, "rds_20261120 is younger than the policy's versions.minAge, 14d"},
		"the latest version on the day of its age":   {"", "", []change{latest("rds_20261108")}, "", ""},
		"an offered target is called":                {"", asked, []change{offers(online(asked))}, "", ""},
		"the target itself is up to date":            {"", asked, []change{current(asked), offers(online(asked))}, plan.UpToDate, ""},
		"newer than the target is a downgrade":       {"", asked, []change{current(newer), offers(online(asked))}, plan.WouldDowngrade, "CurrentKernelVersion rds_20260228 is newer than rds_20250601"},
		"a target that is not offered":               {"", asked, nil, plan.VersionNotOffered, "rds_20250601 is not among the versions that RDS lists"},
		"a target that RDS may not have listed":      {"", asked, []change{more}, "", ""},
		"but not if it is too young":                 {"", young, []change{more}, plan.VersionNotOffered, "younger than"},
		"a young target that is offered":             {"", young, []change{offers(online(young))}, plan.VersionNotOffered, "younger than"},
		"a target that went offline":                 {"", asked, []change{isOffline}, plan.VersionNotOffered, "rds_20250601 has been taken offline"},
		"a target that went offline, and more exist": {"", asked, []change{isOffline, more}, plan.VersionNotOffered, "has been taken offline"},
		"a target that has expired":                  {"", asked, []change{isExpired}, plan.VersionNotOffered, "rds_20250601 has expired"},
		"a beta that the policy does not permit":     {"", asked, []change{isBeta}, plan.VersionNotOffered, "rds_20250601 is a beta, and the policy's versions.beta is false"},
		"a beta that the policy permits":             {"versions: {beta: true}", asked, []change{isBeta}, "", ""},
		"a target of another family":                 {"", "xcluster80_20250601", []change{offers(online("xcluster80_20250601"))}, plan.UnknownVersion, `the order of "rds_20240101" and "xcluster80_20250601" is not known`},
		"an instance that does not say its version":  {"", "", []change{current("")}, plan.UnknownVersion, ""},
		"an instance that does not say its latest":   {"", "", []change{latest("")}, plan.UnknownVersion, ""},
		"a version of a form that nobody knows":      {"", "", []change{current("15.0.4073.23")}, plan.UnknownVersion, ""},
		"SQL Server":                                 {"", "", []change{engine("SQLServer")}, plan.EngineUnsupported, "SQLServer on cloud_essd: the call takes MySQL, and PostgreSQL on disks that are not local"},
		"PostgreSQL on local disks":                  {"", "", []change{postgres("local_ssd")}, plan.EngineUnsupported, "PostgreSQL on local_ssd"},
		"an instance that its owner holds":           {"", "", []change{hold("2026-12-24")}, plan.Held, "its tag kernel-upgrade-hold=\"2026-12-24\" holds it until 2026-12-24T00:00:00Z"},
		"an instance that its owner held until now":  {"", "", []change{hold("2026-11-22T12:00")}, "", ""},
		"a locked instance":                          {"", "", []change{locked}, plan.Locked, "LockMode is ManualLock"},
		"a stopped instance":                         {"", "", []change{status("Stopped")}, plan.NotRunning, "DBInstanceStatus is Stopped"},
		"an instance that is being deleted":          {"", "", []change{status("Deleting")}, plan.NotRunning, ""},
		"a restarting instance is busy":              {"", "", []change{status("Rebooting")}, plan.InProgress, "DBInstanceStatus is Rebooting"},
		"a status that no document lists is busy":    {"", "", []change{status("MINORVERSIONUPGRADING")}, plan.InProgress, ""},
		"an instance with a task that has not ended": {"", "", []change{tasks(task("t-1", fleet.TaskSucceeded), task("t-7", fleet.TaskScheduled))}, plan.InProgress, "RDS's task t-7 is Scheduled, with StartTime 2026-11-22T12:00:00Z"},
		"an instance whose tasks have ended":         {"", "", []change{tasks(task("t-1", fleet.TaskSucceeded), task("t-2", fleet.TaskFailed))}, "", ""},
		"tasks that cannot be asked for":             {"", "", []change{unasked}, plan.InProgress, "RDS could not be asked for its tasks"},
		"a read that says that it is busy":           {"", "", []change{fails(conflict)}, plan.InProgress, "it is busy: TaskExists: a task exists"},
		"the engine is named before the lock":        {"", "", []change{engine("MariaDB"), locked}, plan.EngineUnsupported, ""},
		"the owner's hold is named before the lock":  {"", "", []change{hold("yes"), locked}, plan.Held, ""},
		"the lock is named before the rest":          {"", "", []change{locked, status("Stopped")}, plan.Locked, ""},
		"the lock is named before the version":       {"", "", []change{current(newer), locked}, plan.Locked, ""},
		"the version is named before what is busy":   {"", "", []change{current(newer), status("Rebooting")}, plan.UpToDate, ""},
		"what is busy is named before the time":      {"windows: {deny: [{from: \"2026-11-01T00:00\", to: \"2027-03-01T00:00\", zone: UTC}]}", "", []change{status("Rebooting")}, plan.InProgress, ""},
		"no time is permitted":                       {"windows: {deny: [{from: \"2026-11-01T00:00\", to: \"2027-03-01T00:00\", zone: UTC, why: frozen}]}", "", nil, plan.OutsideWindow, "not at once: frozen; nothing is permitted before"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := oneAtOnce
			if c.target != "" {
				text = `{"DBInstanceId":"rm-1","TargetMinorVersion":"` + c.target + `"}`
			}
			m := of(t, preview(t, c.policy, text, mysql("rm-1", c.change...)), "rm-1")
			checkMember(t, m, c.want)
			if m.End != nil && !strings.Contains(m.End.Detail, c.says) {
				t.Errorf("it says %q, want %q", m.End.Detail, c.says)
			}
		})
	}
}

// Members: one instance that cannot be read for good has failed, without a call.
func TestOneInstanceThatCannotBeReadHasFailed(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]change{"it does not exist": fails(missing), "it is forbidden": fails(denied)} {
		s := begin(t, "", mysql("rm-1", f))
		s.receive("r-1", oneAtOnce)
		s.open()
		m := s.member("r-1", "rm-1")
		if m.State != state.Failed || m.Wave != 0 || m.End.Code != s.fleet[0].Fault.Code || m.End.Kind != s.fleet[0].Fault.Kind || m.End.RequestID != s.fleet[0].Fault.RequestID || m.End.Detail != s.fleet[0].Fault.Message {
			t.Errorf("%s: %+v, %+v", name, m, m.End)
		}
		if s.rollout("r-1").State != state.Closed || s.document.Instance("rm-1") != nil {
			t.Errorf("%s: its rollout is %s, and it is remembered: %+v", name, s.rollout("r-1").State, s.document.Instance("rm-1"))
		}
	}
}

// Members: each instance of a fleet is called, or left out for one reason.
func TestEachInstanceOfAFleetIsCalledOrLeftOutForOneReason(t *testing.T) {
	t.Parallel()
	fixing := func(severity, engine, fixedIn string) string {
		return `{"kind":"advisory","advisory":{"id":"CVE-1","severity":"` + severity + `","affected":[{"Engine":"` + engine + `","fixedIn":"` + fixedIn + `"}]}}`
	}
	named := func(rest string) string { return `{"kind":"sweep","select":{"DBInstanceId":["rm-1"],` + rest + `}}` }
	listed := func(i *fleet.Instance) {
		i.Listed, i.CurrentKernelVersion, i.LatestKernelVersion, i.Offers = true, "", "", nil
	}
	grouped := func(i *fleet.Instance) { i.ResourceGroupID = "rg-other" }
	cases := map[string]struct {
		policy, request string
		change          []change
		want            plan.Reason
		target          string
		verdict         advisory.Verdict
		says            string // of why it is called, or left out
	}{
		"a sweep calls what is behind":                    {"", sweepAll, nil, "", newer, "", ""},
		"no opt-in tag":                                   {"", sweepAll, []change{untagged}, plan.NotOptedIn, newer, "", "it has not the tag kernel-upgrade=auto"},
		"another value of it":                             {"", sweepAll, []change{func(i *fleet.Instance) { i.Tags = map[string]string{"kernel-upgrade": "manual"} }}, plan.NotOptedIn, newer, "", ""},
		"another opt-in tag of the policy":                {"optIn: {tag: env, value: dev}", sweepAll, []change{untagged}, "", newer, "", ""},
		"an engine that the call does not take":           {"", sweepAll, []change{engine("SQLServer")}, plan.EngineUnsupported, newer, "", ""},
		"the engine is asked before the opt-in":           {"", sweepAll, []change{untagged, engine("SQLServer")}, plan.EngineUnsupported, newer, "", ""},
		"so is what the advisory says of it":              {"", fixing("low", "PostgreSQL", pgNew), []change{untagged}, plan.NotAffected, "", advisory.NotAffected, "CVE-1 says nothing about MySQL 8.0"},
		"an engine is unsupported, not unaffected":        {"", fixing("low", "MySQL", newer), []change{engine("SQLServer")}, plan.EngineUnsupported, "", advisory.NotAffected, ""},
		"an engine that is only listed, and unaffected":   {"", fixing("low", "MySQL", newer), []change{engine("SQLServer"), listed}, plan.EngineUnsupported, "", advisory.NotAffected, ""},
		"named by its id, and of another engine":          {"", named(`"Engine":"PostgreSQL"`), nil, plan.Held, newer, "", "it is named in select.DBInstanceId, and does not fit select.Engine"},
		"named by its id, and of another resource group":  {"", named(`"ResourceGroupId":"rg-mine"`), []change{grouped}, plan.Held, newer, "", "does not fit select.ResourceGroupId"},
		"named by its id, and without a tag":              {"", named(`"tags":{"env":"dev"}`), []change{env("prod")}, plan.Held, newer, "", "does not fit select.tags"},
		"named by its id, in a resource group":            {"", named(`"Engine":"MySQL"`), []change{grouped}, "", newer, "", ""},
		"named by its id, fitting, and locked":            {"", named(`"Engine":"MySQL"`), []change{locked}, plan.Locked, newer, "", ""},
		"named by its id, and fitting":                    {"", named(`"Engine":"MySQL","ResourceGroupId":"rg-other","tags":{"env":"dev"}`), []change{env("dev"), grouped}, "", newer, "", ""},
		"of a listing, which has none but those that fit": {"", `{"kind":"sweep","select":{"tags":{"env":"dev"}}}`, nil, "", newer, "", ""},
		"held by its owner":                               {"", sweepAll, []change{hold("yes")}, plan.Held, newer, "", ""},
		"a locked instance":                               {"", sweepAll, []change{locked}, plan.Locked, newer, "", ""},
		"a stopped instance":                              {"", sweepAll, []change{status("Stopped")}, plan.NotRunning, newer, "", ""},
		"a busy instance waits for its turn":              {"", sweepAll, []change{status("Rebooting")}, "", newer, "", ""},
		"an instance that was deleted":                    {"", sweepAll, []change{fails(missing)}, plan.Gone, "", "", "RDS does not know it: "},
		"an instance that cannot be read":                 {"", sweepAll, []change{fails(denied)}, plan.Unread, "", "", "it could not be read: Forbidden.RAM: not authorized"},
		"an instance that is busy when it is read":        {"", sweepAll, []change{fails(conflict)}, plan.InProgress, "", "", "it is busy: "},
		"what runs the latest":                            {"", sweepAll, []change{current(newer)}, plan.UpToDate, "", "", "CurrentKernelVersion is rds_20260228"},
		"what runs the latest and was offered nothing":    {"", sweepAll, []change{current(newer), offers()}, plan.UpToDate, "", "", ""},
		"the newest of several is the target":             {"", sweepAll, []change{offers(online(middle), online(newer), online(older))}, "", newer, "", ""},
		"a young version waits for its age":               {"", sweepAll, []change{offers(online(middle), online(young))}, "", middle, "", ""},
		"only young ones: it is up to date as it may be":  {"", sweepAll, []change{offers(online(young))}, plan.UpToDate, "", "", "; rds_20261120 is younger than the policy's versions.minAge, 14d"},
		"the newest one's reason is named":                {"", sweepAll, []change{offers(fleet.Offer{Version: middle}, online(young))}, plan.UpToDate, "", "", "rds_20261120 is younger"},
		"a version that went offline is no target":        {"", sweepAll, []change{offers(fleet.Offer{Version: newer}, online(middle))}, "", middle, "", ""},
		"an expired version is no target":                 {"", sweepAll, []change{offers(fleet.Offer{Version: newer, Online: true, Expired: true}, online(middle))}, "", middle, "", ""},
		"a beta is no target":                             {"", sweepAll, []change{offers(fleet.Offer{Version: newer, Online: true, Beta: true}, online(middle))}, "", middle, "", ""},
		"a beta that the policy permits is one":           {"versions: {beta: true}", sweepAll, []change{offers(fleet.Offer{Version: newer, Online: true, Beta: true}, online(middle))}, "", newer, "", ""},
		"versions of another family":                      {"", sweepAll, []change{offers(online("xcluster80_20260228")), latest("")}, plan.UnknownVersion, "", "", `no version that RDS lists compares with "rds_20240101"`},
		"an instance that does not say its version":       {"", sweepAll, []change{current("")}, plan.UnknownVersion, "", "", ""},
		"an advisory: older than the fix":                 {"", fixing("high", "MySQL", middle), []change{offers(online(middle), online(newer))}, "", newer, advisory.Affected, "CVE-1: rds_20240101 is older than rds_20250601"},
		"an advisory: not older than the fix":             {"", fixing("high", "MySQL", older), nil, plan.NotAffected, "", advisory.NotAffected, "CVE-1: rds_20240101 is not older than rds_20240101"},
		"an advisory whose fix is of another family":      {"", fixing("high", "MySQL", "xcluster80_20260228"), nil, plan.UnknownVersion, "", advisory.Unknown, ""},
		"an advisory whose fix is not offered":            {"", fixing("high", "MySQL", "rds_20260901"), nil, plan.VersionNotOffered, "", advisory.Affected, "no version that has the fix may be a target"},
		"an advisory whose fix is too young":              {"", fixing("high", "MySQL", young), []change{offers(online(newer), online(young))}, plan.VersionNotOffered, "", advisory.Affected, "; rds_20261120 is younger than"},
		"a critical one passes the age":                   {"", fixing("critical", "MySQL", young), []change{offers(online(newer), online(young))}, "", young, advisory.Affected, ""},
		"but not a version that went offline":             {"", fixing("critical", "MySQL", young), []change{offers(online(newer), fleet.Offer{Version: young})}, plan.VersionNotOffered, "", advisory.Affected, "offline"},
		"a community fix is found by what versions hold":  {"", fixing("high", "PostgreSQL", "15.10"), []change{postgres("cloud_essd")}, "", pgNew, advisory.Affected, ""},
		"a community version that is fixed":               {"", fixing("high", "PostgreSQL", "15.5"), []change{postgres("cloud_essd")}, plan.NotAffected, "", advisory.NotAffected, ""},
		"a community version that nobody knows":           {"", fixing("high", "PostgreSQL", "15.10"), []change{postgres("cloud_essd"), offers(built(pgNew, ""))}, plan.UnknownVersion, "", advisory.Unknown, ""},
		"left alone, and its version is judged":           {"", fixing("high", "MySQL", middle), []change{untagged}, plan.NotOptedIn, newer, advisory.Affected, ""},
		"left alone by the listing, which has no version": {"", fixing("high", "MySQL", middle), []change{untagged, listed}, plan.NotOptedIn, "", advisory.Unknown, ""},
		"not affected by the listing alone":               {"", fixing("low", "PostgreSQL", pgNew), []change{listed}, plan.NotAffected, "", advisory.NotAffected, ""},
		"left alone by the listing, in a sweep":           {"", sweepAll, []change{untagged, listed}, plan.NotOptedIn, "", "", ""},
		"no time is permitted":                            {"windows: {deny: [{from: \"2026-11-01T00:00\", to: \"2027-03-01T00:00\", zone: UTC}]}", sweepAll, nil, plan.OutsideWindow, newer, "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := of(t, preview(t, c.policy, c.request, mysql("rm-1", c.change...)), "rm-1")
			checkMember(t, m, c.want)
			text := m.Why
			if m.End != nil {
				text = m.End.Detail
			}
			if m.Target != c.target || m.Verdict != c.verdict || !strings.Contains(text, c.says) {
				t.Errorf("target %q, verdict %q, %q; want %q, %q, %q", m.Target, m.Verdict, text, c.target, c.verdict, c.says)
			}
		})
	}
}

// Members: one version that compares with the instance's own, the latest or one on offer, is enough to know that there is nothing newer.
func TestAnInstanceIsUpToDateIfAnyVersionComparesAndNoneIsNewer(t *testing.T) {
	t.Parallel()
	const other = "xcluster80_20260301"
	for name, c := range map[string]struct {
		change []change
		want   plan.Reason
	}{
		"the latest compares, what is offered does not":  {[]change{latest(newer), offers(online(other))}, plan.UpToDate},
		"the latest is not known, one on offer compares": {[]change{latest(""), offers(online(older))}, plan.UpToDate},
		"the first on offer compares, the last does not": {[]change{latest(""), offers(online(older), online(other))}, plan.UpToDate},
		"the last on offer compares, the first does not": {[]change{latest(other), offers(online(other), online(older))}, plan.UpToDate},
		"none compares": {[]change{latest(other), offers(online(other))}, plan.UnknownVersion},
		"none is known": {[]change{latest(""), offers()}, plan.UnknownVersion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := mysql("rm-1", append([]change{current(newer)}, c.change...)...)
			checkMember(t, of(t, preview(t, "", sweepAll, i), "rm-1"), c.want)
		})
	}
}

// Members: a version is asked for as RDS lists it, whichever form the request or the advisory has.
func TestAVersionIsAskedForAsItIsListed(t *testing.T) {
	t.Parallel()
	const long = pgNew + "_15.12"
	asking := func(target string) string { return `{"DBInstanceId":"rm-1","TargetMinorVersion":"` + target + `"}` }
	listsLong := offers(built(pgOld, ""), built(long, ""))
	for name, c := range map[string]struct {
		request  string
		instance fleet.Instance
		want     string
	}{
		"the request has the long form, the list the short one": {asking(long), pg("rm-1"), pgNew},
		"the request has the short form, the list the long one": {asking(pgNew), pg("rm-1", listsLong), long},
		"the fix has the long form, the list the short one":     {`{"kind":"advisory","advisory":{"id":"CVE-1","severity":"critical","affected":[{"Engine":"PostgreSQL","fixedIn":"` + long + `"}]}}`, pg("rm-1"), pgNew},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := of(t, preview(t, "", c.request, c.instance), "rm-1")
			if checkMember(t, m, ""); m.Target != c.want {
				t.Errorf("asked for %q, want %q", m.Target, c.want)
			}
		})
	}
}

// Members: where RDS counts more versions than it lists, whatever is decided says so.
func TestVersionsThatAreNotListedAreNamedWithTheDecision(t *testing.T) {
	t.Parallel()
	more := func(i *fleet.Instance) { i.Unlisted = 3 }
	const want = "RDS lists 1 of 4 versions, and the others cannot be asked for"
	for name, c := range map[string]struct {
		request string
		change  []change
	}{
		"what is called":        {sweepAll, nil},
		"what is up to date":    {sweepAll, []change{current(newer)}},
		"what finds no fix":     {`{"kind":"advisory","advisory":{"id":"CVE-1","affected":[{"Engine":"MySQL","fixedIn":"rds_20260901"}]}}`, nil},
		"what does not compare": {sweepAll, []change{offers(online("xcluster80_20260228")), latest("")}},
	} {
		m := of(t, preview(t, "", c.request, mysql("rm-1", append(c.change, more)...)), "rm-1")
		text := m.Why
		if m.End != nil {
			text = m.End.Detail
		}
		if !strings.Contains(text, want) || strings.HasPrefix(text, ";") {
			t.Errorf("%s: it says %q", name, text)
		}
	}
	if m := of(t, preview(t, "", sweepAll, mysql("rm-1")), "rm-1"); m.Why != "" {
		t.Errorf("where all are listed it says %q", m.Why)
	}
}

// Members: instances of one kind share their list of versions. What decides about one decides about no other kind.
func TestTheTargetOfOneKindIsNoOthers(t *testing.T) {
	t.Parallel()
	shared := offers(online(newer))
	all := []fleet.Instance{
		mysql("rm-1", shared), mysql("rm-2", shared), mysql("rm-3", shared, current(newer)), mysql("rm-4", shared, latest(young), current(middle)),
		mysql("rm-5", offers()), mysql("rm-6", offers(), func(i *fleet.Instance) { i.Unlisted = 2 }), mysql("rm-7", offers(online(middle))),
		mysql("rm-8", offers(online(newer), online(middle))), pg("rm-9"),
	}
	r := preview(t, "", sweepAll, all...)
	for id, want := range map[string]string{"rm-1": newer, "rm-2": newer, "rm-3": "", "rm-4": newer, "rm-5": "", "rm-6": "", "rm-7": middle, "rm-8": newer, "rm-9": pgNew} {
		if got := of(t, r, id).Target; got != want {
			t.Errorf("%s goes to %q, want %q", id, got, want)
		}
	}
	if five, six := of(t, r, "rm-5").End.Detail, of(t, r, "rm-6").End.Detail; strings.Contains(five, "cannot be asked for") || !strings.Contains(six, "0 of 2 versions") {
		t.Errorf("rm-5 says %q, rm-6 %q", five, six)
	}
}

// Time: of a fleet it is the request's or the policy's; of one instance the request's.
func TestWhenAnInstanceIsUpgraded(t *testing.T) {
	t.Parallel()
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 22, hour, minute, 0, 0, time.UTC) }
	const shanghai = `windows: {allow: [{from: "02:00", to: "05:00", zone: Asia/Shanghai}]}` // 18:00 to 21:00 UTC
	nightly := func(i *fleet.Instance) { i.MaintainTime = "nightly" }
	cases := map[string]struct {
		policy, request string
		change          []change
		when            events.UpgradeTime
		at, due         time.Time
		reason          plan.Reason
	}{
		"a sweep has the default tempo":               {"", sweepAll, nil, events.MaintainTime, time.Time{}, at(22, 0), ""},
		"a critical advisory has its own":             {"", advised("critical"), nil, events.Immediate, time.Time{}, noon, ""},
		"a severity without one has the default":      {"", advised("high"), nil, events.MaintainTime, time.Time{}, at(22, 0), ""},
		"the request's own schedule":                  {"", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"}}`, nil, events.Immediate, time.Time{}, noon, ""},
		"a SwitchTime":                                {"", `{"kind":"sweep","schedule":{"UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-22T20:00:00Z"}}`, nil, events.SpecifyTime, at(20, 0), at(20, 0), ""},
		"at once, outside of the windows: moved":      {shanghai, `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"}}`, nil, events.SpecifyTime, at(18, 0), at(18, 0), ""},
		"a maintenance window partly outside of them": {shanghai, sweepAll, nil, events.SpecifyTime, at(18, 0), at(18, 0), ""},
		"one instance at once":                        {"", oneAtOnce, nil, events.Immediate, time.Time{}, noon, ""},
		"one instance in its maintenance window":      {"", `{"DBInstanceId":"rm-1","UpgradeTime":"MaintainTime"}`, nil, events.MaintainTime, time.Time{}, at(22, 0), ""},
		"a window that cannot be read":                {"", `{"DBInstanceId":"rm-1","UpgradeTime":"MaintainTime"}`, []change{nightly}, events.MaintainTime, time.Time{}, noon.Add(48 * time.Hour), ""},
		"one instance at its SwitchTime":              {"", `{"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-22T15:30:00Z"}`, nil, events.SpecifyTime, at(15, 30), at(15, 30), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := of(t, preview(t, c.policy, c.request, mysql("rm-1", c.change...)), "rm-1")
			checkMember(t, m, c.reason)
			if call := m.Call; call != nil && (call.UpgradeTime != c.when || !call.SwitchTime.Equal(c.at) || !call.Due.Equal(c.due)) {
				t.Errorf("got %s at %s, due %s; want %s at %s, due %s", call.UpgradeTime, call.SwitchTime, call.Due, c.when, c.at, c.due)
			}
		})
	}
}

func advised(severity string) string { return advise("CVE-1", severity, "") }

// Time: a SwitchTime that has passed, also by a second, is no time; the windows do not move it.
func TestASwitchTimeThatHasPassedIsNoTime(t *testing.T) {
	t.Parallel()
	s := begin(t, "")
	for after, want := range map[time.Duration]plan.Reason{8*time.Hour - time.Second: "", 8 * time.Hour: plan.OutsideWindow, 9 * time.Hour: plan.OutsideWindow} {
		for _, text := range []string{
			`{"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-22T20:00:00Z"}`, `{"kind":"sweep","schedule":{"UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-22T20:00:00Z"}}`,
		} {
			setting := s.setting
			setting.Now = noon.Add(after)
			r, _ := plan.On(s.document, setting).Preview(s.message("r-1", noon, text), []fleet.Instance{mysql("rm-1")})
			checkMember(t, &r.Members[0], want)
			if want != "" && r.Members[0].End.Detail != "the SwitchTime that was asked for has passed: send the request again with another" {
				t.Errorf("it says %q", r.Members[0].End.Detail)
			}
		}
	}
}

// Text: what RDS or a request may have made as long as it likes is cut at a letter.
func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	long := mysql("rm-1", func(i *fleet.Instance) { i.LockMode = strings.Repeat("é", 500) + "\xff" })
	m := of(t, preview(t, "", sweepAll, long), "rm-1")
	if len(m.End.Detail) > 400 || len(m.End.Detail) < 398 || !strings.HasSuffix(m.End.Detail, "é…") {
		t.Errorf("%d bytes: %q", len(m.End.Detail), m.End.Detail)
	}
	bad := mysql("rm-1", func(i *fleet.Instance) { i.LockMode = "a\xffb" })
	if m := of(t, preview(t, "", sweepAll, bad), "rm-1"); m.End.Detail != "LockMode is a?b" {
		t.Errorf("it says %q", m.End.Detail)
	}
	whole := mysql("rm-1", func(i *fleet.Instance) { i.LockMode = strings.Repeat("x", 388) })
	if m := of(t, preview(t, "", sweepAll, whole), "rm-1"); len(m.End.Detail) != 400 || strings.HasSuffix(m.End.Detail, "…") {
		t.Errorf("%d bytes: %q", len(m.End.Detail), m.End.Detail)
	}
}
