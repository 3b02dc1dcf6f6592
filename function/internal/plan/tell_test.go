package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// news returns what is unpublished, in words.
func (s *story) news() string {
	var all []string
	for _, m := range plan.Unpublished(s.document) {
		text := string(m.What)
		switch m.What {
		case plan.WhatAnswer:
			text += " " + m.Message
		case plan.WhatBegan, plan.WhatDone:
			text += fmt.Sprintf(" %s/%d", m.Rollout, m.Wave)
		case plan.WhatAccepted, plan.WhatEnd:
			text += fmt.Sprintf(" %s/%s/%d", m.Rollout, m.Member, m.Wave)
		default:
			text += " " + m.Rollout
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func (s *story) wantNews(want string) {
	s.Helper()
	if got := s.news(); got != want {
		s.Errorf("unpublished is %q, want %q", got, want)
	}
}

// News: what has to be published of a rollout on its way, in the order in which it is, and each once.
func TestWhatIsPublishedOfARollout(t *testing.T) {
	t.Parallel()
	s := inWaves(t, `,"bake":"0s","maxFailures":1`)
	s.wantNews("")
	intents := s.tick()
	s.wantNews("began r-1/1")
	s.accept(intents...)
	s.wantNews("began r-1/1, accepted r-1/d-1/1")
	s.publish()
	s.wantNews("")
	s.land("d-1")
	s.wantNews("end r-1/d-1/1, done r-1/1")
	s.accept(s.tick()...)
	s.wantNews("end r-1/d-1/1, done r-1/1, began r-1/2, accepted r-1/d-2/2")
	s.publish()
	s.land("d-2")
	s.publish()
	s.record(plan.Result{Intent: s.tick()[0], Made: true, Fault: denied})
	s.wantNews("began r-1/3, end r-1/d-3/3, done r-1/3, report r-1")
	s.publish()
	s.wantNews("")
	if r := s.rollout("r-1"); !r.AllTold() || !s.document.Message("r-1").Told.Equal(s.setting.Now) {
		t.Errorf("all is published: %t, %+v", r.AllTold(), s.document.Message("r-1"))
	}
}

// News: of one instance there are no waves. What was left out, or ran the target without a call, stands in the report alone.
func TestWhatIsPublishedOfOneInstance(t *testing.T) {
	t.Parallel()
	s := begin(t, "", mysql("rm-1"))
	s.receive("r-1", oneAtOnce)
	s.accept(s.tick()...)
	s.wantNews("accepted r-1/rm-1/1")
	s.land("rm-1")
	s.wantNews("accepted r-1/rm-1/1, end r-1/rm-1/1, report r-1")
	for name, c := range map[string]change{"it was left out": locked, "it runs the target": current(newer)} {
		s := begin(t, "", mysql("rm-1"))
		s.receive("r-1", oneAtOnce)
		s.open()
		s.change(c)
		if s.tick(); s.news() != "report r-1" {
			t.Errorf("%s: unpublished is %q", name, s.news())
		}
	}
}

// News: a rollout that waits says so, if another one is at the front.
func TestARolloutThatWaitsSaysSo(t *testing.T) {
	t.Parallel()
	s := begin(t, wide, mysqls(2)...)
	s.receive("r-1", advise("CVE-1", "low", ""))
	s.wantNews("")
	s.receive("r-2", advise("CVE-2", "low", ""))
	s.receive("r-3", `{"DBInstanceId":"rm-000"}`)
	s.wantNews("waiting r-2")
	s.publish()
	if told := s.rollout("r-2").Told.Waiting; !told.Equal(noon) {
		t.Errorf("published at %s", told)
	}
	s.wantNews("")
	s.after(time.Hour).do(func(p *plan.Plan) { p.Published([]plan.Mark{{What: plan.WhatWaiting, Rollout: "r-2"}}) })
	if told := s.rollout("r-2").Told.Waiting; !told.Equal(noon) {
		t.Errorf("published again, and noted for %s", told)
	}
}

// News: the answers to messages. One that began a rollout has the rollout's report.
func TestWhenAMessageIsAnswered(t *testing.T) {
	t.Parallel()
	s := begin(t, wide, mysqls(2)...)
	s.receive("r-1", sweepAll)
	s.receive("r-2", sweepAll)
	s.receive("r-3", `{"kind":"sweep","select":{"RegionId":["cn-beijing"]}}`)
	s.wantNews("answer r-2, answer r-3")
	if m := plan.Unpublished(s.document)[0]; m.Rollout != "r-1" {
		t.Errorf("it joined %q", m.Rollout)
	}
	s.after(time.Minute).publish()
	s.wantNews("")
	if m := s.document.Message("r-2"); !m.Told.Equal(noon.Add(time.Minute)) {
		t.Errorf("it was answered at %s", m.Told)
	}
	s.after(time.Minute).do(func(p *plan.Plan) {
		p.Published([]plan.Mark{{What: plan.WhatAnswer, Message: "r-2"}, {What: plan.WhatAnswer, Message: "unknown"}, {What: plan.WhatReport, Rollout: "unknown"}})
	})
	if m := s.document.Message("r-2"); !m.Told.Equal(noon.Add(time.Minute)) {
		t.Errorf("it was answered again at %s", m.Told)
	}
}

// Stop: it is answered when no intent of what it means is left. The same holds for the news that a rollout was halted.
func TestAStopIsAnsweredWhenNoIntentIsLeft(t *testing.T) {
	t.Parallel()
	s := begin(t, atOnce, mysqls(2)...)
	s.receive("aaaaaaaaaaaaaaaa", advised("low"))
	intents := s.tick()
	s.accept(intents[0])
	s.publish()
	s.receive("stop-1", `{"kind":"stop","rollout":"aaaaaaaaaaaaaaaa"}`)
	s.receive("stop-2", `{"kind":"stop","advisory":"CVE-1"}`)
	s.receive("stop-3", `{"kind":"stop","advisory":"CVE-2"}`)
	s.wantNews("answer stop-3")
	s.record(plan.Result{Intent: intents[1], Made: true, Fault: lost})
	s.wantNews("answer stop-3")
	s.after(first).settle()
	s.wantNews("answer stop-1, answer stop-2, answer stop-3, halted aaaaaaaaaaaaaaaa")
	s.publish()
	s.land("rm-000", "rm-001")
	s.wantNews("end aaaaaaaaaaaaaaaa/" + intents[0].Call.DBInstanceID + "/1, done aaaaaaaaaaaaaaaa/1, report aaaaaaaaaaaaaaaa")
}

// News: a rollout that was halted with nothing in flight has ended.
func TestAHaltIsPublishedBeforeTheReport(t *testing.T) {
	t.Parallel()
	s := begin(t, wide)
	s.receive("r-1", sweepAll)
	s.setting.Policy.Mode = policy.Off
	s.settle()
	s.wantNews("halted r-1, report r-1")
	s.after(time.Minute).publish()
	if told := s.rollout("r-1").Told; !told.Halted.Equal(noon.Add(time.Minute)) || !told.Report.Equal(noon.Add(time.Minute)) {
		t.Errorf("published at %+v", told)
	}
}

// News count from when they were published: what was sent before, by somebody who could not know of them, does not begin anything anew.
func TestAnEndCountsFromWhenItWasPublished(t *testing.T) {
	t.Parallel()
	s := begin(t, wide)
	s.receive("r-1", sweepAll)
	s.setting.Policy.Mode = policy.Off
	s.settle()
	key := s.rollout("r-1").Key
	check := func(want time.Duration) {
		t.Helper()
		if last := s.document.Last[key]; !last.At.Equal(noon.Add(want)) || last.Ended != state.EndedHalted || last.Rollout != "r-1" {
			t.Errorf("it ended %+v, want %s", last, noon.Add(want))
		}
	}
	check(0)
	halted, report := []plan.Mark{{What: plan.WhatHalted, Rollout: "r-1"}}, []plan.Mark{{What: plan.WhatReport, Rollout: "r-1"}}
	s.after(time.Minute).do(func(p *plan.Plan) { p.Published(halted) })
	check(time.Minute)
	s.after(time.Minute).do(func(p *plan.Plan) { p.Published(halted) }) // by another process
	check(time.Minute)
	s.do(func(p *plan.Plan) { p.Published(report) })
	check(2 * time.Minute)
	s.after(time.Minute).do(func(p *plan.Plan) { p.Published(report) })
	check(2 * time.Minute)
	if told := s.rollout("r-1").Told; !told.Halted.Equal(noon.Add(time.Minute)) || !told.Report.Equal(noon.Add(2*time.Minute)) {
		t.Errorf("published at %+v", told)
	}
}

// News: an end that is no longer the latest one of its key is not moved, and none is moved backwards.
func TestOnlyTheLatestEndIsMoved(t *testing.T) {
	t.Parallel()
	s := begin(t, "")
	s.receive("r-1", sweepAll)
	s.open()
	key := s.rollout("r-1").Key
	for name, last := range map[string]state.Last{
		"another rollout's end":  {At: noon, Ended: state.EndedStopped, Rollout: "r-2"},
		"an end that is later":   {At: noon.Add(24 * time.Hour), Ended: state.EndedClosed, Rollout: "r-1"},
		"an end of no rollout":   {At: noon, Ended: state.EndedClosed},
		"no end, which is gone ": {},
	} {
		s := &story{TB: t, setting: s.setting, document: s.document.Clone()}
		s.document.Last = map[string]state.Last{key: last}
		if last.At.IsZero() {
			s.document.Last = nil
		}
		s.after(time.Hour).do(func(p *plan.Plan) { p.Published([]plan.Mark{{What: plan.WhatReport, Rollout: "r-1"}}) })
		if s.document.Last[key] != last {
			t.Errorf("%s: it became %+v", name, s.document.Last[key])
		}
	}
}

// Stop: what it ends counts from when it was answered.
func TestAStopCountsFromWhenItWasAnswered(t *testing.T) {
	t.Parallel()
	s := begin(t, wide)
	s.receive("stop", `{"kind":"stop","advisory":"CVE-1"}`)
	s.after(time.Minute).publish()
	if last := s.document.Last["advisory CVE-1"]; last != (state.Last{At: noon.Add(time.Minute), Ended: state.EndedStopped}) {
		t.Errorf("it ended %+v", last)
	}
	s.after(time.Minute)
	if m := s.receiveSent("r-1", noon.Add(30*time.Second), advised("low")); m.Answer != state.AnswerRefused {
		t.Errorf("what was sent before the answer %s", m.Answer)
	}
	if m := s.receiveSent("r-2", noon.Add(90*time.Second), advised("low")); m.Answer != state.AnswerBegan {
		t.Errorf("what was sent after it %s", m.Answer)
	}
	s.receive("other", sweepAll)
	s.document.Last[s.rollout("r-2").Key] = state.Last{At: noon, Ended: state.EndedClosed}
	s.after(time.Minute).publish() // of a message that is no stop
	if last := s.document.Last[s.rollout("r-2").Key]; !last.At.Equal(noon) {
		t.Errorf("an end was moved: %+v", last)
	}
}

// Memory of failures: it counts from when it was published, if it is still of that rollout.
func TestAFailureCountsFromWhenItWasPublished(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(s *story)
		want   time.Duration
	}{
		"it was published":                {func(*story) {}, time.Hour},
		"another rollout has failed, too": {func(s *story) { s.document.Instance("rm-1").Fail.Rollout = "r-9" }, 0},
	} {
		s := begin(t, atOnce, mysql("rm-1"))
		s.receive("r-1", sweepAll)
		s.record(plan.Result{Intent: s.tick()[0], Made: true, Fault: denied})
		c.change(s)
		s.after(time.Hour).publish()
		if fail := s.document.Instance("rm-1").Fail; !fail.At.Equal(noon.Add(c.want)) {
			t.Errorf("%s: it failed at %s", name, fail.At)
		}
		s.after(time.Hour).do(func(p *plan.Plan) { p.Published([]plan.Mark{{What: plan.WhatEnd, Rollout: "r-1", Member: "rm-1"}}) })
		if fail := s.document.Instance("rm-1").Fail; !fail.At.Equal(noon.Add(c.want)) {
			t.Errorf("%s: published again, it failed at %s", name, fail.At)
		}
		for _, known := range [][]*state.Instance{nil, {{DBInstanceID: "rm-1", RegionID: region, Landed: noon}}} {
			s.document.Instances = known
			s.member("r-1", "rm-1").Told = ""
			s.publish()
			if i := s.document.Instance("rm-1"); i != nil && i.Fail != nil {
				t.Errorf("%s: a failure that is forgotten came back", name)
			}
		}
	}
}

// News: RDS's id of a call is not needed once its acceptance was published. An end counts only after its acceptance, and that a wave is done only
// after that it began: what could not be published is published later.
func TestAnEndCountsOnlyAfterItsBeginning(t *testing.T) {
	t.Parallel()
	s := begin(t, atOnce, mysql("rm-1"))
	s.receive("r-1", sweepAll)
	s.accept(s.tick()...)
	s.land("rm-1")
	only := func(marks ...plan.Mark) {
		t.Helper()
		s.do(func(p *plan.Plan) { p.Published(marks) })
	}
	end, done := plan.Mark{What: plan.WhatEnd, Rollout: "r-1", Member: "rm-1"}, plan.Mark{What: plan.WhatDone, Rollout: "r-1", Wave: 1}
	s.wantNews("began r-1/1, accepted r-1/rm-1/1, end r-1/rm-1/1, done r-1/1, report r-1")
	only(end, done)
	s.wantNews("began r-1/1, accepted r-1/rm-1/1, end r-1/rm-1/1, done r-1/1, report r-1")
	if id := s.member("r-1", "rm-1").Call.RequestID; id != "C0FFEE" {
		t.Errorf("the id of the call is %q", id)
	}
	only(plan.Mark{What: plan.WhatAccepted, Rollout: "r-1", Member: "rm-1"}, plan.Mark{What: plan.WhatBegan, Rollout: "r-1", Wave: 1})
	only(plan.Mark{What: plan.WhatBegan, Rollout: "r-1", Wave: 1})
	s.wantNews("end r-1/rm-1/1, done r-1/1, report r-1")
	if m := s.member("r-1", "rm-1"); m.Call.RequestID != "" || m.Told != state.ToldAccepted {
		t.Errorf("the id of the call is %q", m.Call.RequestID)
	}
	only(end, done, plan.Mark{What: plan.WhatDone, Rollout: "r-1", Wave: 9}, plan.Mark{What: plan.WhatEnd, Rollout: "r-1", Member: "rm-9"})
	s.wantNews("report r-1")
	only(end, done, plan.Mark{What: plan.WhatAccepted, Rollout: "r-1", Member: "rm-1"}, plan.Mark{What: plan.WhatBegan, Rollout: "r-1", Wave: 1})
	s.wantNews("report r-1")
}

// News: marks of what is not there are no news.
func TestMarksOfWhatHasNotHappenedChangeNothing(t *testing.T) {
	t.Parallel()
	s := begin(t, atOnce, mysql("rm-1"))
	s.receive("r-1", sweepAll)
	s.tick()
	before := s.document.Clone()
	s.do(func(p *plan.Plan) {
		p.Published([]plan.Mark{{What: plan.WhatEnd, Rollout: "r-1", Member: "rm-1"}, {What: plan.WhatAccepted, Rollout: "r-1", Member: "rm-1"}})
	})
	if !state.Equal(before, s.document) {
		t.Error("the document has changed")
	}
}

// News: an end without an acceptance is published alone.
func TestAFailedCallHasNoAcceptance(t *testing.T) {
	t.Parallel()
	s := begin(t, "", mysql("rm-1"))
	s.receive("r-1", oneAtOnce)
	s.record(plan.Result{Intent: s.tick()[0], Made: true, Fault: denied})
	s.wantNews("end r-1/rm-1/1, report r-1")
	s.publish()
	s.wantNews("")
	s = begin(t, "", mysql("rm-1", fails(denied)))
	s.receive("r-1", oneAtOnce)
	s.tick()
	s.wantNews("end r-1/rm-1/0, report r-1")
	s.publish()
	s.wantNews("")
	s = flying(t)
	s.do(func(p *plan.Plan) { p.Settle([]fleet.Instance{mysql("rm-1", fails(missing))}) })
	if got := s.news(); strings.Contains(got, "end ") {
		t.Errorf("what was left out is published: %s", got)
	}
}

// News are the same whoever asks, and asking changes nothing.
func TestAskingForNewsChangesNothing(t *testing.T) {
	t.Parallel()
	s := flying(t)
	before := s.document.Clone()
	first := plan.Unpublished(s.document)
	if diff := cmp.Diff(first, plan.Unpublished(s.document)); diff != "" || !state.Equal(before, s.document) {
		t.Errorf("asked twice:\n%s", diff)
	}
}
