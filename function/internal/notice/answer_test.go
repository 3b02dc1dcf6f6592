package notice_test

import (
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

const message = "0123456789abcdef" // of a message that began nothing

func TestAMessageIsAnswered(t *testing.T) {
	t.Parallel()
	none := map[notice.Status]int{}
	for name, c := range map[string]struct {
		message state.Message
		tag     string
		want    notice.Data
	}{
		"it joined a rollout": {
			state.Message{Answer: state.AnswerJoined, Rollout: id, Detail: "wave 1 of 2 is under way"},
			"report",
			notice.Data{Entry: notice.Entry{Detail: "wave 1 of 2 is under way"}, Joined: id, Advisory: "CVE-2026-1", Mode: policy.Apply, Counts: none, Instances: []notice.Entry{}},
		},
		"it joined a rollout that is not in the document any more": {
			state.Message{Answer: state.AnswerJoined, Rollout: other},
			"report",
			notice.Data{Entry: notice.Entry{Detail: "it was joined"}, Joined: other, Mode: policy.Apply, Counts: none, Instances: []notice.Entry{}},
		},
		"it stopped a rollout": {
			state.Message{Answer: state.AnswerStopped, Rollout: id, Key: "rollout " + id, Detail: "stopped"},
			"report",
			notice.Data{
				Entry: notice.Entry{Detail: "stopped"}, Joined: id, Advisory: "CVE-2026-1", Mode: policy.Apply,
				Counts: map[notice.Status]int{notice.Completed: 1, notice.Accepted: 1}, Instances: []notice.Entry{},
			},
		},
		"it stopped what is not there": {
			state.Message{Answer: state.AnswerStopped, Key: "advisory CVE-2026-9", Detail: "nothing that it means was under way"},
			"report",
			notice.Data{Entry: notice.Entry{Detail: "nothing that it means was under way"}, Mode: policy.Apply, Counts: none, Instances: []notice.Entry{}},
		},
		"it was refused": {
			state.Message{Answer: state.AnswerRefused, Detail: "the message is too old"},
			"rejected",
			notice.Data{Problems: []string{"the message is too old"}},
		},
		"it was refused without a word": {
			state.Message{Answer: state.AnswerRefused}, "rejected", notice.Data{Problems: []string{"it is not served, and no reason is known"}},
		},
		"it was refused because of a rollout": {
			state.Message{Answer: state.AnswerRefused, Rollout: id, Detail: "no"},
			"rejected",
			notice.Data{Problems: []string{"no"}, Joined: id, Advisory: "CVE-2026-1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := document(rollout(t, bulletin, having(member("rm-1", state.Proven), member("rm-2", state.Called))))
			m := c.message
			m.ID, m.Received, m.Cause = message, noon.Add(5*time.Minute), cause("second")
			d.Messages = []*state.Message{&m}
			n := one(t, d, plan.Mark{What: plan.WhatAnswer, Message: message})
			want := c.want
			want.Status, want.Rollout, want.ObservedAt, want.Cause = notice.Status(c.tag), message, "2026-11-22T12:05:00Z", cause("second")
			equal(t, want, n.Data)
			equal(t, plan.Digest(message, "", c.tag, ""), n.ID)
		})
	}
}

func TestAMessageThatBeganARolloutOrAskedAQuestionHasNoOtherAnswer(t *testing.T) {
	t.Parallel()
	for _, answer := range []state.Answer{state.AnswerBegan, state.AnswerGiven} {
		d := document(rollout(t, sweep))
		d.Messages = []*state.Message{{ID: id, Answer: answer, Rollout: id, Received: noon, Cause: cause("m")}}
		if all := of(t, d, plan.Mark{What: plan.WhatAnswer, Message: id}); len(all) > 0 {
			t.Errorf("%s: %+v", answer, all)
		}
	}
}

func TestAMessageThatIsNoRequestIsRejectedWithAllThatIsWrong(t *testing.T) {
	t.Parallel()
	n := from().Rejected(message, cause("m"), []string{"mode: is null", "", "select: is a list"})
	check(t, n)
	equal(t, []string{"mode: is null", "select: is a list"}, n.Data.Problems)
	equal(t, []string{"2026-11-22T13:00:00Z", message, plan.Digest(message, "", "rejected", "")}, []string{n.Data.ObservedAt, n.Data.Rollout, n.ID})
}

func TestAStatusSaysHowFarEachRolloutHasCome(t *testing.T) {
	t.Parallel()
	named := func(name string) func(*state.Rollout) { return func(r *state.Rollout) { r.ID = name } }
	began := func(r *state.Rollout) { r.Waves[0].Began = noon }
	done := func(r *state.Rollout) { r.Waves[0].Began, r.Waves[0].Done = noon, noon.Add(time.Hour) }
	base := notice.Progress{Rollout: id, Since: "2026-11-22T12:00:00Z", State: state.Open, Kind: "sweep", Waves: 2, Counts: map[notice.Status]int{}}
	first := "; rollout c05c4c9acad7fc92 (advisory CVE-2026-1) goes first, because it is more severe (critical, and this one is of unknown severity)"
	for name, c := range map[string]struct {
		rollout *state.Rollout
		front   bool
		want    func(*notice.Progress)
	}{
		"no wave has begun": {rollout(t, sweep), false, func(p *notice.Progress) { p.Detail = "no wave has begun" }},
		"a wave is under way": {
			rollout(t, sweep, began, having(member("rm-1", state.Proven), member("rm-2", state.Called))), false, func(p *notice.Progress) {
				p.Wave, p.Counts = 1, map[notice.Status]int{notice.Completed: 1, notice.Accepted: 1}
				p.Detail = "wave 1 of 2 is under way, with 2 instances: proven 1, out 0"
			},
		},
		"a wave bakes, and a more severe rollout goes first": {
			rollout(t, sweep, done, having(member("rm-1", state.Proven), member("rm-2", state.Pending, inWave(2)))), true, func(p *notice.Progress) {
				p.Wave, p.Counts = 1, map[notice.Status]int{notice.Completed: 1, notice.Pending: 1}
				p.Detail = "wave 1 of 2 is done, with 1 instance: proven 1, out 0 (failed, unverified or left alone); it bakes until 2026-11-23T12:20:00Z, then wave 2 of 2 follows, as the policy's windows and budget permit" + first
			},
		},
		"it waits": {rollout(t, sweep, waits), true, func(p *notice.Progress) {
			p.State, p.Waves, p.Detail = state.Waiting, 0, "it has not looked at its instances yet"+first
		}},
		"it is halted": {rollout(t, sweep, halt, began, having(member("rm-1", state.Called))), true, func(p *notice.Progress) {
			p.State, p.Since, p.Wave, p.Counts = state.Halted, "2026-11-22T12:30:00Z", 1, map[notice.Status]int{notice.Accepted: 1}
			p.Detail = "halted: 2 failed; in flight: 1"
		}},
		"it is for one instance": {rollout(t, single, began, func(r *state.Rollout) { r.Waves = r.Waves[:1] }, having(member("rm-1", state.Intent))), true, func(p *notice.Progress) {
			p.Kind, p.DBInstanceID, p.Wave, p.Waves, p.Counts = "upgrade", "rm-1", 1, 1, map[notice.Status]int{notice.Pending: 1}
			p.Detail = "wave 1 of 1 is under way, with 1 instance: proven 0, out 0"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := document(c.rollout, rollout(t, sweep, closed, named("1111111111111111")))
			if c.front {
				d.Rollouts = append(d.Rollouts, rollout(t, bulletin, named(other), func(r *state.Rollout) { r.Severity = "critical" }))
			}
			all := from().Status(message, cause("m"), d)
			check(t, all...)
			want := base
			c.want(&want)
			equal(t, want, all[0].Data.Rollouts[0])
			equal(t, len(d.Rollouts)-1, len(all[0].Data.Rollouts))
		})
	}
}

func TestAStatusCountsTheRollouts(t *testing.T) {
	t.Parallel()
	numbered := func(n string) func(*state.Rollout) {
		return func(r *state.Rollout) { r.ID = strings.Repeat(n, 16) }
	}
	d := document(rollout(t, sweep, numbered("1")), rollout(t, sweep, waits, numbered("2")), rollout(t, sweep, waits, numbered("3")), rollout(t, sweep, halt, numbered("4")))
	for want, d := range map[string]*state.Document{
		"rollouts: 1 under way, 2 waiting, 1 halted": d,
		"no rollout is under way, and none waits":    document(rollout(t, sweep, closed)),
	} {
		all := from().Status(message, cause("m"), d)
		check(t, all...)
		equal(t, want, all[0].Data.Detail)
		equal(t, plan.Digest(message, "", "report", ""), all[0].ID)
	}
}

func TestARolloutWithoutATimeIsPublishedAtTheTimeOfTheNotification(t *testing.T) {
	t.Parallel()
	r := rollout(t, sweep, closed, func(r *state.Rollout) { r.Since = time.Time{} })
	all := from().Of(document(r), plan.Mark{What: plan.WhatReport, Rollout: id})
	check(t, all...)
	equal(t, "2026-11-22T13:00:00Z", all[0].Data.ObservedAt)
}
