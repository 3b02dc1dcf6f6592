package notice_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// newsOfAll are all kinds of news about rollout id, its member rm-1 and its wave 1.
func newsOfAll() []plan.Mark {
	return []plan.Mark{
		{What: plan.WhatWaiting, Rollout: id},
		{What: plan.WhatBegan, Rollout: id, Wave: 1},
		{What: plan.WhatAccepted, Rollout: id, Member: "rm-1"},
		{What: plan.WhatEnd, Rollout: id, Member: "rm-1"},
		{What: plan.WhatDone, Rollout: id, Wave: 1},
		{What: plan.WhatHalted, Rollout: id},
		{What: plan.WhatReport, Rollout: id},
	}
}

// tagsOf returns the tags of all that a document has to say of the news, in their order.
func tagsOf(tb testing.TB, d *state.Document, marks []plan.Mark) string {
	tb.Helper()
	var tags []string
	for _, m := range marks {
		for _, n := range of(tb, d, m) {
			tag := n.Tag()
			if n.Data.Event != "" {
				tag += ":" + string(n.Data.Event)
			}
			tags = append(tags, tag)
		}
	}
	return strings.Join(tags, " ")
}

// TestWhatADocumentHasToSay goes through every kind of news and every state of a rollout, and of a member.
func TestWhatADocumentHasToSay(t *testing.T) {
	t.Parallel()
	began := func(r *state.Rollout) { r.Waves[0].Began = noon.Add(time.Minute) }
	done := func(r *state.Rollout) { r.Waves[0].Done = noon.Add(21 * time.Minute) }
	for name, c := range map[string]struct {
		change []func(*state.Rollout)
		want   string
	}{
		"a rollout that waits":                         {[]func(*state.Rollout){waits}, "wave:waiting"},
		"a member that waits for its turn":             {[]func(*state.Rollout){having(member("rm-1", state.Pending))}, "wave:waiting"},
		"a member that may have been called":           {[]func(*state.Rollout){having(member("rm-1", state.Intent)), began}, "wave:waiting wave:began"},
		"a member that was called":                     {[]func(*state.Rollout){having(member("rm-1", state.Called)), began}, "wave:waiting wave:began accepted"},
		"a member that is proven":                      {[]func(*state.Rollout){having(member("rm-1", state.Proven)), began, done, closed}, "wave:began accepted completed wave:proven report"},
		"a member that needed no call":                 {[]func(*state.Rollout){having(member("rm-1", state.Proven, uncalled)), began, done, closed}, "wave:began wave:proven report"},
		"a member whose call was refused":              {[]func(*state.Rollout){having(member("rm-1", state.Failed)), began, done, halt}, "wave:began failed wave:proven halted report"},
		"a member that nothing proves":                 {[]func(*state.Rollout){having(member("rm-1", state.Unverified)), began, done, halt}, "wave:began accepted unverified wave:proven halted report"},
		"a member that was left out":                   {[]func(*state.Rollout){having(member("rm-1", state.LeftOut)), closed}, "report"},
		"a halted rollout with a member in flight":     {[]func(*state.Rollout){having(member("rm-1", state.Called)), began, halt}, "wave:began accepted halted"},
		"a rollout that was halted before it opened":   {[]func(*state.Rollout){halt}, "halted report"},
		"a closed rollout that had been halted":        {[]func(*state.Rollout){having(member("rm-1", state.Failed)), halt, closed}, "failed halted report"},
		"a closed rollout that has no members":         {[]func(*state.Rollout){closed}, "report"},
		"an open one in which the wave has not begun":  {[]func(*state.Rollout){having(member("rm-2", state.Pending))}, "wave:waiting"},
		"an open one in which there is no such wave":   {[]func(*state.Rollout){func(r *state.Rollout) { r.Waves = nil }}, "wave:waiting"},
		"a request for one instance waits for nothing": {[]func(*state.Rollout){func(r *state.Rollout) { r.Request = request(t, single) }, waits}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := rollout(t, bulletin, func(r *state.Rollout) { r.ID, r.Severity = other, "critical" })
			got := tagsOf(t, document(first, rollout(t, sweep, c.change...)), newsOfAll())
			equal(t, c.want, got)
		})
	}
}

func TestADocumentThatNoLongerHasTheNewsSaysNothing(t *testing.T) {
	t.Parallel()
	marks := append(newsOfAll(), plan.Mark{What: plan.WhatAnswer, Message: "gone"})
	equal(t, "", tagsOf(t, document(), marks))
	equal(t, "", tagsOf(t, document(rollout(t, sweep, having(member("rm-2", state.Called)))), newsOfAll()))
	equal(t, "", tagsOf(t, document(rollout(t, sweep)), []plan.Mark{{What: "gossip", Rollout: id}}))
}

func TestAcceptanceIsPublishedAsItWas(t *testing.T) {
	t.Parallel()
	moved := func(m *state.Member) { m.Call.Moved, m.Call.RequestID = "moved to the next window", "DA2E" }
	mark := plan.Mark{What: plan.WhatAccepted, Rollout: id, Member: "rm-1"}
	first := one(t, document(rollout(t, bulletin, having(member("rm-1", state.Called, moved)))), mark)
	want := notice.Data{
		Entry: notice.Entry{
			DBInstanceID: "rm-1", DBInstanceName: "rm-1", RegionID: "cn-hangzhou", Engine: "MySQL", EngineVersion: "8.0", CurrentKernelVersion: older,
			AutoUpgradeMinorVersion: "Manual", TargetMinorVersion: target, UpgradeTime: "Immediate", TaskID: "226917711", RequestID: "DA2E", Wave: 1,
			Status: notice.Accepted, Verdict: notice.Vulnerable, Detail: "CVE-2026-1 is fixed in rds_20260228; moved to the next window",
		},
		Before: older, AcceptedAt: "2026-11-22T12:01:00Z", ObservedAt: "2026-11-22T12:01:00Z", Rollout: id, Advisory: "CVE-2026-1", Cause: cause("m"),
	}
	equal(t, want, first.Data)
	equal(t, "2026-11-22T12:01:00Z", first.Time)
	equal(t, "acs:rds:cn-hangzhou:1234567890123456:dbinstance/rm-1", first.Subject)
	for name, now := range map[string]state.Member{
		"when it was looked at since":   member("rm-1", state.Called, moved, func(m *state.Member) { m.Call.Looks, m.Call.Task = 9, "RDS's task is Scheduled" }),
		"when it is proven by now":      member("rm-1", state.Proven, moved),
		"when it has failed by now":     member("rm-1", state.Unverified, moved),
		"when the instance is gone now": member("rm-1", state.LeftOut, func(m *state.Member) { m.Call = member("rm-1", state.Called, moved).Call }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			equal(t, first, one(t, document(rollout(t, bulletin, having(now))), mark))
		})
	}
}

func TestAnEndHasWhatIsKnownOfTheUpgrade(t *testing.T) {
	t.Parallel()
	mark := plan.Mark{What: plan.WhatEnd, Rollout: id, Member: "rm-1"}
	n := one(t, document(rollout(t, sweep, having(member("rm-1", state.Proven, func(m *state.Member) { m.End.After = newest })))), mark)
	got := n.Data
	equal(t, []any{older, newest, newest, target, "2026-11-22T12:01:00Z", "2026-11-22T12:20:00Z", 2, 1}, []any{
		got.Before, got.After, got.CurrentKernelVersion, got.TargetMinorVersion, got.AcceptedAt, got.ObservedAt, got.Looks, got.Wave,
	})
	refused := one(t, document(rollout(t, sweep, having(member("rm-1", state.Failed, func(m *state.Member) { m.Target = "" })))), mark).Data
	equal(t, []any{older, "", "", 0, "Unpaid"}, []any{refused.Before, refused.After, refused.AcceptedAt, refused.Looks, refused.Error.Code})
}

func TestACompletedPostgreSQLSaysWhichExtensionsToLookAt(t *testing.T) {
	t.Parallel()
	for engine, want := range map[string]bool{"PostgreSQL": true, "MySQL": false} {
		for _, what := range []plan.What{plan.WhatEnd, plan.WhatAccepted} {
			m := member("rm-1", state.Proven, func(m *state.Member) { m.Engine, m.End.Detail = engine, "seen late" })
			d := one(t, document(rollout(t, sweep, having(m))), plan.Mark{What: what, Rollout: id, Member: "rm-1"}).Data.Detail
			if got := strings.Contains(d, "ALTER EXTENSION"); got != (want && what == plan.WhatEnd) || what == plan.WhatEnd && !strings.HasPrefix(d, "seen late") {
				t.Errorf("%s %s: %q", engine, what, d)
			}
		}
	}
}

func TestAnIDIsTheSameExactlyForTheSameNews(t *testing.T) {
	t.Parallel()
	idOf := func(what plan.What, change ...func(*state.Rollout)) string {
		r := rollout(t, sweep, append([]func(*state.Rollout){having(member("rm-1", state.Proven), member("rm-2", state.Failed), member("rm-3", state.Unverified))}, change...)...)
		r.Waves = []state.Wave{{Number: 1, Began: noon, Done: noon}, {Number: 2, Began: noon, Done: noon}}
		return one(t, document(r), plan.Mark{What: what, Rollout: r.ID, Member: r.Members[0].DBInstanceID, Wave: r.Waves[len(r.Waves)-1].Number}).ID
	}
	rename := func(r *state.Rollout) { r.ID = other }
	renamed := func(r *state.Rollout) { r.Members[0].DBInstanceID = "rm-0" }
	aim := func(r *state.Rollout) { r.Members[0].Target = newest }
	seen := map[string]string{}
	for name, got := range map[string]string{
		"accepted": idOf(plan.WhatAccepted), "completed": idOf(plan.WhatEnd), "began": idOf(plan.WhatBegan), "done": idOf(plan.WhatDone),
		"halted": idOf(plan.WhatHalted, halt), "report": idOf(plan.WhatReport, closed),
		"another rollout": idOf(plan.WhatEnd, rename), "another instance": idOf(plan.WhatEnd, renamed), "another target": idOf(plan.WhatEnd, aim),
		"the report of another rollout": idOf(plan.WhatReport, closed, rename),
	} {
		if before, known := seen[got]; known {
			t.Errorf("%s has the id of %s", name, before)
		}
		seen[got] = name
	}
	halted := idOf(plan.WhatReport, halt)
	equal(t, idOf(plan.WhatReport, closed), halted)
	equal(t, idOf(plan.WhatEnd), idOf(plan.WhatEnd, func(r *state.Rollout) { r.Members[0].Call.Looks, r.Members[0].End.After = 7, newest }))
	equal(t, plan.Digest(id, "rm-1", "completed", target), idOf(plan.WhatEnd))
	equal(t, plan.Digest(id, "", "report", ""), halted)
}

func TestWavesHaveIDsOfTheirOwn(t *testing.T) {
	t.Parallel()
	front := rollout(t, sweep, func(r *state.Rollout) { r.ID, r.Severity = other, "critical" })
	r := rollout(t, sweep)
	r.Waves = []state.Wave{{Number: 1, Began: noon, Done: noon}, {Number: 2, Began: noon, Done: noon}}
	seen := map[string]bool{}
	for _, m := range []plan.Mark{{What: plan.WhatWaiting}, {What: plan.WhatBegan, Wave: 1}, {What: plan.WhatDone, Wave: 1}, {What: plan.WhatBegan, Wave: 2}, {What: plan.WhatDone, Wave: 2}} {
		m.Rollout = id
		seen[one(t, document(front, r), m).ID] = true
	}
	equal(t, 5, len(seen))
}

func TestAHaltSaysHowFarTheRolloutHasCome(t *testing.T) {
	t.Parallel()
	left := func(m *state.Member) { m.Wave = 0 }
	r := rollout(t, sweep, halt, having(
		member("rm-1", state.Called), member("rm-2", state.LeftOut, func(m *state.Member) { m.End.Reason = string(plan.Held) }),
		member("rm-3", state.LeftOut, left), member("rm-4", state.Failed),
	))
	n := one(t, document(r), plan.Mark{What: plan.WhatHalted, Rollout: id})
	equal(t, map[notice.Status]int{notice.Accepted: 1, notice.Skipped: 2, notice.Failed: 1}, n.Data.Counts)
	var listed []string
	for _, e := range n.Data.Instances {
		listed = append(listed, e.DBInstanceID)
	}
	equal(t, []string{"rm-1", "rm-2", "rm-4"}, listed)
	equal(t, []string{"", "2 failed", "held", "2026-11-22T12:30:00Z", "apply"}, []string{n.Subject, n.Data.Detail, string(n.Data.Reason), n.Data.ObservedAt, string(n.Data.Mode)})
}

func TestAHaltHasNoSubjectEvenWithOneInstance(t *testing.T) {
	t.Parallel()
	n := one(t, document(rollout(t, single, halt, having(member("rm-1", state.Failed)))), plan.Mark{What: plan.WhatHalted, Rollout: id})
	equal(t, []string{"", ""}, []string{n.Subject, n.Data.DBInstanceID})
}

func TestAReportClosesTheAccount(t *testing.T) {
	t.Parallel()
	mark := plan.Mark{What: plan.WhatReport, Rollout: id}
	notes := func(r *state.Rollout) { r.Notes = []string{"rollout.waves[0] has none of the instances"} }
	n := one(t, document(rollout(t, bulletin, halt, notes, having(member("rm-1", state.Proven), member("rm-2", state.Failed, func(m *state.Member) { m.End.At = noon.Add(time.Hour) })))), mark)
	equal(t, map[notice.Status]int{notice.Completed: 1, notice.Failed: 1}, n.Data.Counts)
	equal(t, []string{"", "2 failed", "2026-11-22T13:00:00Z", "CVE-2026-1"}, []string{n.Subject, n.Data.Detail, n.Data.ObservedAt, n.Data.Advisory})
	equal(t, []string{"rollout.waves[0] has none of the instances"}, n.Data.Notes)
	equal(t, 2, len(n.Data.Instances))

	empty := one(t, document(rollout(t, sweep, closed)), mark)
	equal(t, "no instance fits the selection", empty.Data.Detail)
	equal(t, map[notice.Status]int{}, empty.Data.Counts)
	equal(t, []notice.Entry{}, empty.Data.Instances)
}

func TestAReportAboutOneInstanceHasItsFieldsOnTop(t *testing.T) {
	t.Parallel()
	mark := plan.Mark{What: plan.WhatReport, Rollout: id}
	n := one(t, document(rollout(t, single, closed, having(member("rm-1", state.Unverified)))), mark)
	top := n.Data.Entry
	top.Status = notice.Unverified
	equal(t, n.Data.Instances, []notice.Entry{top})
	equal(t, "acs:rds:cn-hangzhou:1234567890123456:dbinstance/rm-1", n.Subject)
	halted := one(t, document(rollout(t, single, halt, having(member("rm-1", state.Unverified)))), mark)
	equal(t, "2 failed", halted.Data.Detail)
}

func TestAPlanHasItsHashAndIsClosedByAReport(t *testing.T) {
	t.Parallel()
	r := rollout(t, sweep, having(member("rm-1", state.Pending, planned), member("rm-2", state.LeftOut, func(m *state.Member) { m.Wave = 0 })))
	all := from().Plan(r, plan.Digest("the plan"))
	check(t, all...)
	var got []string
	for _, n := range all {
		got = append(got, fmt.Sprint(n.Tag(), " ", n.Data.PlanHash, " ", n.Data.Counts, " ", n.Data.ObservedAt))
	}
	equal(t, []string{
		"plan " + plan.Digest("the plan") + " map[plan:1 skipped:1] 2026-11-22T13:00:00Z", "report  map[plan:1 skipped:1] 2026-11-22T13:00:00Z",
	}, got)
}
