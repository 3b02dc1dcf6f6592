package notice_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/schema"
)

// limit is the most that one message of MNS holds.
const limit = 64 << 10

// checkParts checks a list that was published in parts: each part fits a message, has an id of its own and the same counts, and each item stands
// in one of them.
func checkParts(tb rapid.TB, all []notice.Notification, listed, counted int) {
	tb.Helper()
	seen, ids := map[string]int{}, map[string]bool{}
	for n, m := range all {
		body, err := json.Marshal(m)
		if err != nil || len(body) >= limit {
			tb.Fatalf("part %d: %d bytes, %v", n+1, len(body), err)
		}
		if n < 2 || n == len(all)-1 { // of many that look the same
			if err := schema.Check(body, m.Tag()); err != nil {
				tb.Fatalf("part %d: %v", n+1, err)
			}
		}
		if many := len(all) > 1; many != (m.Data.Parts == len(all)) || many && m.Data.Part != n+1 || ids[m.ID] || fmt.Sprint(m.Data.Counts) != fmt.Sprint(all[0].Data.Counts) {
			tb.Fatalf("part %d is part %d of %d, id %s, counts %v", n+1, m.Data.Part, m.Data.Parts, m.ID, m.Data.Counts)
		}
		ids[m.ID] = true
		for _, e := range m.Data.Instances {
			seen[e.DBInstanceID]++
		}
		for _, p := range m.Data.Rollouts {
			seen[p.Rollout]++
		}
	}
	sum := 0
	for _, n := range all[0].Data.Counts {
		sum += n
	}
	if sum != counted || len(seen) != listed {
		tb.Fatalf("%d are counted of %d, and %d are listed of %d", sum, counted, len(seen), listed)
	}
	for name, n := range seen {
		if n != 1 {
			tb.Fatalf("%s stands there %d times", name, n)
		}
	}
}

// TestAnAccountHasEveryInstanceOnce is the promise of a report: every member stands in exactly one part, and the counts add up.
func TestAnAccountHasEveryInstanceOnce(t *testing.T) {
	t.Parallel()
	ended := []state.MemberState{state.Proven, state.Failed, state.Unverified, state.LeftOut}
	rapid.Check(t, func(rt *rapid.T) {
		var members []state.Member
		touched := 0
		for n := range rapid.IntRange(0, 120).Draw(rt, "members") {
			m := member(fmt.Sprintf("rm-%03d", n), rapid.SampledFrom(ended).Draw(rt, "state"))
			m.End.Detail, m.Wave = rapid.StringN(0, 600, -1).Draw(rt, "detail"), rapid.IntRange(0, 3).Draw(rt, "wave")
			if m.Wave > 0 {
				touched++
			}
			members = append(members, m)
		}
		d := document(rollout(t, bulletin, halt, having(members...)))
		checkParts(rt, from().Of(d, plan.Mark{What: plan.WhatReport, Rollout: id}), len(members), len(members))
		checkParts(rt, from().Of(d, plan.Mark{What: plan.WhatHalted, Rollout: id}), touched, len(members))
	})
}

func TestTenThousandInstancesArePublishedInParts(t *testing.T) {
	t.Parallel()
	const large = 10_000
	r := rollout(t, sweep)
	for n := range large {
		m := member(fmt.Sprintf("rm-%05d", n), state.LeftOut, func(m *state.Member) { m.Wave = 0 })
		if n%3 == 0 {
			m = member(m.DBInstanceID, state.Pending, planned, func(m *state.Member) { m.Why = strings.Repeat("<&>", 300) })
		}
		r.Members = append(r.Members, m)
	}
	for n := range 40 {
		r.Notes = append(r.Notes, fmt.Sprint(n, strings.Repeat(" a note that is long", 100)))
	}
	var plans, reports []notice.Notification
	for _, n := range from().Plan(r, plan.Digest("the plan")) {
		if n.Tag() == "plan" {
			plans = append(plans, n)
		} else {
			reports = append(reports, n)
		}
	}
	checkParts(t, plans, large, large)
	checkParts(t, reports, large, large)
	if len(plans) < 50 || plans[0].Data.PlanHash == "" || plans[len(plans)-1].Data.PlanHash != plans[0].Data.PlanHash {
		t.Errorf("%d parts, hash %q", len(plans), plans[0].Data.PlanHash)
	}
	if notes := plans[0].Data.Notes; notes[len(notes)-1] != fmt.Sprintf("%d more are left out", 40-len(notes)+1) {
		t.Errorf("the last of %d notes is %s", len(notes), notes[len(notes)-1])
	}
}

func TestManyRolloutsAreListedInParts(t *testing.T) {
	t.Parallel()
	d := document()
	for n := range 500 {
		d.Rollouts = append(d.Rollouts, rollout(t, single, func(r *state.Rollout) { r.ID = fmt.Sprintf("%016x", n) }, halt, func(r *state.Rollout) { r.Halt = strings.Repeat("\x00", 2000) }))
	}
	all := from().Status(message, cause("m"), d)
	if checkParts(t, all, 500, 0); len(all) < 5 {
		t.Errorf("%d parts", len(all))
	}
}

// spoil writes a text into every field of a member that comes from RDS or from a message. The region is one that the function has asked.
func spoil(m *state.Member, text string) {
	m.Engine, m.EngineVersion, m.AutoUpgradeMinorVersion = text, text, text
	m.Before, m.Target, m.Why, m.Busy = text, text, text, text
	if m.Call != nil {
		m.Call.TaskID, m.Call.RequestID, m.Call.Task, m.Call.Moved = text, text, text, text
	}
	if m.End != nil {
		m.End.After, m.End.Detail, m.End.Code, m.End.RequestID = text, text, text, text
	}
}

// hostile is a document in which every text that comes from elsewhere is the given one.
func hostile(tb testing.TB, text string) *state.Document {
	tb.Helper()
	var members []state.Member
	for n, s := range []state.MemberState{state.Called, state.Proven, state.Failed, state.Unverified, state.LeftOut} {
		members = append(members, member(fmt.Sprint("rm-", n), s, func(m *state.Member) { spoil(m, text) }))
	}
	members = append(members, member(text, state.Failed, func(m *state.Member) { spoil(m, text) }))
	odd := state.Cause{Trigger: events.MNSTopic, MessageID: text, FCRequestID: text}
	notes := make([]string, 40)
	for n := range notes {
		notes[n] = text
	}
	common := func(r *state.Rollout) {
		r.Cause, r.Notes, r.Request.Fleet.Advisory.ID = odd, notes, "x"+text
		for n := range r.Waves {
			r.Waves[n] = state.Wave{Number: n + 1, Why: text, Began: noon, Done: noon}
		}
	}
	open := rollout(tb, bulletin, common, having(members...), func(r *state.Rollout) { r.ID, r.Severity = other, "low" })
	over := rollout(tb, bulletin, common, having(members[1:]...), halt, func(r *state.Rollout) { r.Halt = text })
	alone := rollout(tb, bulletin, common, having(members[5]), closed, func(r *state.Rollout) { r.ID = strings.Repeat("1", 16) })
	waiting := rollout(tb, bulletin, common, waits, func(r *state.Rollout) { r.ID = strings.Repeat("2", 16) })
	d := document(open, over, alone, waiting)
	for n, answer := range []state.Answer{state.AnswerJoined, state.AnswerRefused, state.AnswerStopped} {
		d.Messages = append(d.Messages, &state.Message{ID: strings.Repeat(fmt.Sprint(n), 16), Received: noon, Cause: odd, Answer: answer, Rollout: id, Detail: text})
	}
	return d
}

// allOf returns all notifications that a document has in it.
func allOf(f notice.From, d *state.Document, text string) (all []notice.Notification) {
	var marks []plan.Mark
	for _, m := range d.Messages {
		marks = append(marks, plan.Mark{What: plan.WhatAnswer, Message: m.ID})
	}
	for _, r := range d.Rollouts {
		for _, what := range []plan.What{plan.WhatWaiting, plan.WhatHalted, plan.WhatReport} {
			marks = append(marks, plan.Mark{What: what, Rollout: r.ID})
		}
		for n := range r.Waves {
			marks = append(marks, plan.Mark{What: plan.WhatBegan, Rollout: r.ID, Wave: n + 1}, plan.Mark{What: plan.WhatDone, Rollout: r.ID, Wave: n + 1})
		}
		for n := range r.Members {
			marks = append(marks, plan.Mark{What: plan.WhatAccepted, Rollout: r.ID, Member: r.Members[n].DBInstanceID}, plan.Mark{What: plan.WhatEnd, Rollout: r.ID, Member: r.Members[n].DBInstanceID})
		}
	}
	for _, m := range marks {
		all = append(all, f.Of(d, m)...)
	}
	problems := make([]string, 100)
	for n := range problems {
		problems[n] = text
	}
	odd := d.Rollouts[0].Cause
	all = append(all, f.Plan(d.Rollouts[0], plan.Digest(text))...)
	all = append(all, f.Status(message, odd, d)...)
	return append(all, f.Rejected(message, odd, problems))
}

// TestWhateverRDSSaysFitsIntoAMessage is for texts of a megabyte, of characters of which JSON makes six bytes each.
func TestWhateverRDSSaysFitsIntoAMessage(t *testing.T) {
	t.Parallel()
	for name, character := range map[string]string{"marks": "<", "control characters": "\x00", "line separators": "\u2028", "no UTF-8": "\xff", "Chinese": "实", "letters": "x"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Repeat(character, 1<<20)
			all := allOf(from(), hostile(t, text), text)
			if len(all) < 30 {
				t.Errorf("%d notifications", len(all))
			}
			check(t, all...)
		})
	}
}

func TestATextThatFitsIsNotCut(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("x", 998), strings.Repeat("实", 332), "short"} {
		m := member("rm-1", state.Failed, func(m *state.Member) { m.End.Detail = text })
		equal(t, text, notice.Entries(rollout(t, sweep, having(m)))[0].Detail)
	}
	m := member("rm-1", state.Failed, func(m *state.Member) { m.End.Detail = strings.Repeat("x", 999) })
	if got := notice.Entries(rollout(t, sweep, having(m)))[0].Detail; got != strings.Repeat("x", 995)+"…" {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func TestARefusalThatRDSExplainsAtLengthIsOneEntryOfFewBytes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<", 1<<20)
	m := member(long, state.Failed, func(m *state.Member) {
		m.Call = member("", state.Called).Call
		spoil(m, long)
		m.End.Kind = fault.Invalid
	})
	text, err := json.Marshal(notice.Entries(rollout(t, bulletin, having(m)))[0])
	if err != nil || len(text) > 8_000 {
		t.Errorf("an entry has %d bytes, %v", len(text), err)
	}
}

// FuzzNotification holds that what is published is JSON of letters that print, whatever RDS says, and that it fits into a message.
func FuzzNotification(f *testing.F) {
	f.Add("slow down")
	f.Add("rm-\x00\x1b[2J")
	f.Add("</MessageBody>]]>" + strings.Repeat("<", 1000))
	f.Add("\xff\xfe\u2028\u202e\ufffe\"\\")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		for _, n := range allOf(from(), hostile(t, text), text) {
			body, err := json.Marshal(n)
			if err != nil || len(body) >= limit || strings.ContainsFunc(string(body), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%d bytes, %v", len(body), err)
			}
		}
	})
}
