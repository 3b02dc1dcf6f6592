package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// Requests: what becomes of a message. There are cases for each line of the table above Receive.
func TestWhatAMessageBecomes(t *testing.T) {
	t.Parallel()
	critical, high := advise("CVE-1", "critical", ""), advise("CVE-1", "high", "")
	dev := advise("CVE-1", "critical", `,"select":{"tags":{"env":"dev"}}`)
	// closed is a rollout "r-0" of the sweep that has ended, and of which everything was published an hour later.
	closed := func(s *story) {
		s.receive("r-0", sweepAll)
		s.open()
		s.after(time.Hour).publish()
	}
	halted := func(s *story) {
		s.receive("r-0", sweepAll)
		s.receive("stop-0", `{"kind":"stop","rollout":"0123456789abcdef"}`) // of another one: refused
		s.setting.Policy.Mode = policy.Off
		s.settle()
		s.setting.Policy.Mode = policy.Apply
	}
	cases := map[string]struct {
		before  func(s *story)
		sent    time.Duration // from the time at which it is received
		message string
		answer  state.Answer
		rollout string
		says    string
	}{
		"a request begins a rollout":                   {nil, 0, sweepAll, state.AnswerBegan, "r-1", ""},
		"a request for one instance begins one, too":   {nil, 0, oneAtOnce, state.AnswerBegan, "r-1", ""},
		"one that was sent 7 days ago is served":       {nil, -7 * 24 * time.Hour, sweepAll, state.AnswerBegan, "r-1", ""},
		"one that is older is refused":                 {nil, -7*24*time.Hour - time.Second, sweepAll, state.AnswerRefused, "", "the message was sent at 2026-11-15T11:59:59Z, more than 7 days ago: send it again if it is still wanted"},
		"a time in the future is the sender's clock":   {nil, 24 * time.Hour, sweepAll, state.AnswerBegan, "r-1", ""},
		"a region that is none of the policy's":        {nil, 0, `{"kind":"sweep","select":{"RegionId":["cn-beijing"]}}`, state.AnswerRefused, "", "select.RegionId asks for cn-beijing"},
		"one instance may be in any region":            {nil, 0, `{"DBInstanceId":"rm-1","RegionId":"cn-beijing"}`, state.AnswerBegan, "r-1", ""},
		"the same waits":                               {func(s *story) { s.receive("r-0", sweepAll) }, 0, sweepAll, state.AnswerJoined, "r-0", "the same was asked for before and is under way: it begins with the next look at the fleet"},
		"the same waits, faster and in other waves":    {func(s *story) { s.receive("r-0", sweepAll) }, 0, `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"maxFailures":7}}`, state.AnswerJoined, "r-0", ""},
		"the same is open":                             {func(s *story) { s.fleet = mysqls(1); s.receive("r-0", sweepAll); s.open() }, 0, sweepAll, state.AnswerJoined, "r-0", "0 proven, wave 1 of 1 is next, with 1 waiting"},
		"the same is halted, and that is unpublished":  {halted, 0, sweepAll, state.AnswerJoined, "r-0", "the same was halted (the policy's mode is off), and that is being published only now: send it again if it is still wanted"},
		"the same is halted, and that was published":   {func(s *story) { halted(s); s.publish(); s.after(time.Second) }, 0, sweepAll, state.AnswerBegan, "r-1", ""},
		"sent before the halt was published":           {func(s *story) { halted(s); s.after(time.Minute).publish() }, 0, sweepAll, state.AnswerJoined, "r-0", "the same was halted at 2026-11-22T12:01:00Z, after this message was sent: send it again if it is still wanted"},
		"sent before the end was published":            {closed, 0, sweepAll, state.AnswerJoined, "r-0", "the same was closed at 2026-11-22T13:00:00Z"},
		"sent in the second of the end":                {func(s *story) { closed(s); s.after(2 * time.Second) }, -2*time.Second + 999*time.Millisecond, sweepAll, state.AnswerJoined, "r-0", "the same was closed"},
		"sent in the future, in the second of the end": {closed, time.Hour, sweepAll, state.AnswerJoined, "r-0", "the same was closed"},
		"sent a second after the end":                  {func(s *story) { closed(s); s.after(2 * time.Second) }, -time.Second, sweepAll, state.AnswerBegan, "r-1", ""},
		"sent before its rollout was refused":          {refused, -time.Minute, sweepAll, state.AnswerRefused, "", "the same was closed at 2026-11-22T12:00:00Z, after this message was sent"},
		"a sweep while an advisory is under way":       {func(s *story) { s.receive("r-0", critical) }, 0, sweepAll, state.AnswerJoined, "r-0", "a sweep begins only when no rollout is under way, and rollout r-0 is: it begins with the next look at the fleet"},
		"a sweep while another sweep is":               {func(s *story) { s.receive("r-0", sweepAll) }, 0, `{"kind":"sweep","select":{"Engine":"MySQL"}}`, state.AnswerJoined, "r-0", "a sweep begins only when"},
		"a sweep while one instance is upgraded":       {func(s *story) { s.receive("r-0", oneAtOnce) }, 0, sweepAll, state.AnswerBegan, "r-1", ""},
		"a sweep while another one is halted":          {halted, 0, `{"kind":"sweep","select":{"Engine":"MySQL"}}`, state.AnswerBegan, "r-1", ""},
		"an advisory while a sweep is under way":       {func(s *story) { s.receive("r-0", sweepAll) }, 0, critical, state.AnswerBegan, "r-1", ""},
		"the same advisory with another severity":      {func(s *story) { s.receive("r-0", high) }, 0, critical, state.AnswerJoined, "r-0", "the same was asked for before"},
		"the same advisory with another selection":     {func(s *story) { s.receive("r-0", critical) }, 0, dev, state.AnswerBegan, "r-1", ""},
		"an advisory that was stopped before it came":  {func(s *story) { s.receive("stop", `{"kind":"stop","advisory":"CVE-1"}`) }, -time.Second, critical, state.AnswerRefused, "", "the same was stopped at 2026-11-22T12:00:00Z, after this message was sent"},
		"the same with another selection":              {func(s *story) { s.receive("r-0", critical); s.receive("stop", `{"kind":"stop","advisory":"CVE-1"}`) }, -time.Second, dev, state.AnswerRefused, "", "the same was stopped"},
		"the same, sent after the stop":                {func(s *story) { s.receive("stop", `{"kind":"stop","advisory":"CVE-1"}`); s.after(time.Second) }, 0, critical, state.AnswerBegan, "r-1", ""},
		"a sweep after a stop of an advisory":          {func(s *story) { s.receive("stop", `{"kind":"stop","advisory":"CVE-1"}`) }, -time.Second, sweepAll, state.AnswerBegan, "r-1", ""},
		"an end that is later than the stop":           {func(s *story) { stoppedAndClosed(s) }, -time.Second, critical, state.AnswerJoined, "r-0", "the same was closed at 2026-11-22T14:00:00Z"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, "")
			if c.before != nil {
				c.before(s)
			}
			m := s.receiveSent("r-1", s.setting.Now.Add(c.sent), c.message)
			if m.Answer != c.answer || m.Rollout != c.rollout || !strings.Contains(m.Detail, c.says) {
				t.Errorf("it was %s %s %q; want %s %s %q", m.Answer, m.Rollout, m.Detail, c.answer, c.rollout, c.says)
			}
			if began := s.document.Rollout("r-1") != nil; began != (c.answer == state.AnswerBegan) {
				t.Errorf("it has begun a rollout: %t", began)
			}
		})
	}
}

// refused is a rollout that was taken back since its plan is no longer what was asked for.
func refused(s *story) {
	s.receive("r-0", `{"kind":"sweep","planHash":"00000000000000000000000000000000"}`)
	s.open()
}

// stoppedAndClosed is an advisory that was stopped, asked for again, and has ended.
func stoppedAndClosed(s *story) {
	s.receive("stop", `{"kind":"stop","advisory":"CVE-1"}`)
	s.after(time.Hour).receive("r-0", advise("CVE-1", "critical", ""))
	s.after(time.Hour).open()
}

func TestAMessageBecomesARolloutThatWaits(t *testing.T) {
	t.Parallel()
	s := begin(t, "")
	sent := noon.Add(-time.Hour)
	s.receiveSent("r-1", sent, advise("CVE-1", "high", ""))
	want := &state.Rollout{
		ID: "r-1", Key: plan.KeyOf(parse(t, advise("CVE-1", "high", ""))), State: state.Waiting, Since: noon, Severity: "high", Published: sent, Received: noon,
		Cause: state.Cause{Trigger: events.MNSTopic, MessageID: "M-r-1", FCRequestID: "1-2-3"}, Request: parse(t, advise("CVE-1", "high", "")),
	}
	if diff := cmp.Diff(want, s.rollout("r-1")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	m := &state.Message{ID: "r-1", Received: noon, Published: sent, Cause: want.Cause, Answer: state.AnswerBegan, Rollout: "r-1"}
	if diff := cmp.Diff(m, s.document.Message("r-1")); diff != "" {
		t.Errorf("the message (-want +got):\n%s", diff)
	}
}

// Requests: a delivery of a message that is known is nothing new, whatever has happened since.
func TestAMessageThatIsDeliveredAgainChangesNothing(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(s *story){
		"its rollout waits":     func(*story) {},
		"its rollout has ended": func(s *story) { s.open(); s.after(time.Hour).publish(); s.after(24 * time.Hour) },
		"its rollout was stopped": func(s *story) {
			s.receive("stop", `{"kind":"stop","rollout":"aaaaaaaaaaaaaaaa"}`)
			s.publish()
			s.after(time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, "")
			s.receive("aaaaaaaaaaaaaaaa", sweepAll)
			before(s)
			loaded := s.document.Clone()
			s.receiveSent("aaaaaaaaaaaaaaaa", noon, sweepAll)
			if !state.Equal(loaded, s.document) {
				t.Error("the document has changed")
			}
		})
	}
}

// Stop: it halts what it means, ends what it means when there is nothing yet, and names what it has stopped.
func TestWhatAStopStops(t *testing.T) {
	t.Parallel()
	const stopAdvisory = `{"kind":"stop","advisory":"CVE-1"}`
	dev := `,"select":{"tags":{"env":"dev"}}`
	for name, c := range map[string]struct {
		before  func(s *story)
		stop    string
		answer  state.Answer
		says    string
		rollout string
		halted  []string
	}{
		"a rollout by its id":              {func(*story) {}, `{"kind":"stop","rollout":"%s"}`, state.AnswerStopped, "stopped: aaaaaaaaaaaaaaaa; nothing more is called", "aaaaaaaaaaaaaaaa", []string{"aaaaaaaaaaaaaaaa"}},
		"a rollout that nobody knows":      {func(*story) {}, `{"kind":"stop","rollout":"0123456789abcdef"}`, state.AnswerRefused, "there is no rollout 0123456789abcdef", "", nil},
		"a rollout that has ended":         {func(s *story) { s.open() }, `{"kind":"stop","rollout":"%s"}`, state.AnswerStopped, "nothing that it means was under way", "aaaaaaaaaaaaaaaa", nil},
		"all rollouts of an advisory":      {func(s *story) { s.receive("bbbbbbbbbbbbbbbb", advise("CVE-1", "low", dev)) }, stopAdvisory, state.AnswerStopped, "stopped: aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbb;", "bbbbbbbbbbbbbbbb", []string{"aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"}},
		"but not those of another one":     {func(s *story) { s.receive("bbbbbbbbbbbbbbbb", advise("CVE-2", "low", "")) }, stopAdvisory, state.AnswerStopped, "stopped: aaaaaaaaaaaaaaaa;", "aaaaaaaaaaaaaaaa", []string{"aaaaaaaaaaaaaaaa"}},
		"and no request for one instance":  {func(s *story) { s.receive("bbbbbbbbbbbbbbbb", oneAtOnce) }, stopAdvisory, state.AnswerStopped, "stopped: aaaaaaaaaaaaaaaa;", "aaaaaaaaaaaaaaaa", []string{"aaaaaaaaaaaaaaaa"}},
		"an advisory that nobody asks for": {func(*story) {}, `{"kind":"stop","advisory":"CVE-9"}`, state.AnswerStopped, "nothing that it means was under way; what was sent before it begins nothing", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, "")
			s.receive("aaaaaaaaaaaaaaaa", advise("CVE-1", "critical", ""))
			c.before(s)
			m := s.receive("stop", strings.ReplaceAll(c.stop, "%s", "aaaaaaaaaaaaaaaa"))
			if m.Answer != c.answer || m.Rollout != c.rollout || !strings.Contains(m.Detail, c.says) {
				t.Errorf("it was %s %s %q; want %s %s %q", m.Answer, m.Rollout, m.Detail, c.answer, c.rollout, c.says)
			}
			if named := m.Key != ""; named != (c.answer == state.AnswerStopped) {
				t.Errorf("it has stopped %q", m.Key)
			}
			var halted []string
			for _, r := range s.document.Rollouts {
				if r.State == state.Halted {
					halted = append(halted, r.ID)
					if r.Halt != "an operator stopped it" || s.document.Last[r.Key] != (state.Last{At: noon, Ended: state.EndedStopped, Rollout: r.ID}) {
						t.Errorf("it was halted by %q, and its key ended: %+v", r.Halt, s.document.Last[r.Key])
					}
				}
			}
			if diff := cmp.Diff(c.halted, halted); diff != "" {
				t.Errorf("halted (-want +got):\n%s", diff)
			}
		})
	}
}

// Stop: a rollout that was stopped can be asked for again; what was sent before the stop cannot begin it.
func TestAStoppedRolloutIsBegunAnewByALaterMessageOnly(t *testing.T) {
	t.Parallel()
	s := begin(t, "")
	s.receive("aaaaaaaaaaaaaaaa", sweepAll)
	s.after(time.Minute).receive("stop", `{"kind":"stop","rollout":"aaaaaaaaaaaaaaaa"}`)
	s.publish()
	if m := s.after(time.Minute).receiveSent("r-2", noon.Add(30*time.Second), sweepAll); m.Answer != state.AnswerJoined || m.Rollout != "aaaaaaaaaaaaaaaa" {
		t.Errorf("sent before the stop: %+v", m)
	}
	if m := s.receiveSent("r-3", noon.Add(90*time.Second), sweepAll); m.Answer != state.AnswerBegan {
		t.Errorf("sent after the stop: %+v", m)
	}
}

// Requests: what makes two requests the same.
func TestTwoRequestsAreTheSameIfTheyAskForTheSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, second string
		same          bool
	}{
		"two sweeps":                             {sweepAll, sweepAll, true},
		"a sweep and an advisory":                {sweepAll, advise("CVE-1", "low", ""), false},
		"two advisories":                         {advise("CVE-1", "low", ""), advise("CVE-2", "low", ""), false},
		"an advisory with another severity":      {advise("CVE-1", "low", ""), advise("CVE-1", "high", ""), true},
		"an advisory with another selection":     {advise("CVE-1", "low", ""), advise("CVE-1", "low", `,"select":{"Engine":"MySQL"}`), false},
		"other waves, another time and a mode":   {sweepAll, `{"kind":"sweep","mode":"apply","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"1h"}}`, true},
		"regions in another order":               {`{"kind":"sweep","select":{"RegionId":["cn-a","cn-b"]}}`, `{"kind":"sweep","select":{"RegionId":["cn-b","cn-a"]}}`, true},
		"instances in another order":             {`{"kind":"sweep","select":{"DBInstanceId":["rm-1","rm-2"]}}`, `{"kind":"sweep","select":{"DBInstanceId":["rm-2","rm-1"]}}`, true},
		"tags in another order":                  {`{"kind":"sweep","select":{"tags":{"a":"1","b":"2"}}}`, `{"kind":"sweep","select":{"tags":{"b":"2","a":"1"}}}`, true},
		"tags with another value":                {`{"kind":"sweep","select":{"tags":{"a":"1"}}}`, `{"kind":"sweep","select":{"tags":{"a":"2"}}}`, false},
		"one instance":                           {oneAtOnce, oneAtOnce, true},
		"another instance":                       {oneAtOnce, `{"DBInstanceId":"rm-2"}`, false},
		"one instance at another time":           {oneAtOnce, `{"DBInstanceId":"rm-1","UpgradeTime":"MaintainTime"}`, false},
		"one instance to another target version": {oneAtOnce, `{"DBInstanceId":"rm-1","TargetMinorVersion":"rds_20260228"}`, false},
	} {
		first, second := parse(t, c.first), parse(t, c.second)
		if same := plan.KeyOf(first) == plan.KeyOf(second); same != c.same {
			t.Errorf("%s: the same %t, want %t", name, same, c.same)
		}
	}
	r := parse(t, `{"kind":"sweep","select":{"RegionId":["cn-b","cn-a"]}}`)
	plan.KeyOf(r)
	if r.Fleet.Select.RegionIDs[0] != "cn-b" {
		t.Error("the request has changed")
	}
}

func TestAMessageIsNamedByItsTriggerAndItsID(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, trigger := range []events.Trigger{events.MNSTopic, events.Timer} {
		for _, id := range []string{"", "1", "2"} {
			name, again := plan.MessageID(trigger, id), plan.MessageID(trigger, id)
			if name != again || len(name) != 16 {
				t.Errorf("%s %s has the ids %s and %s", trigger, id, name, again)
			}
			ids[name] = true
		}
	}
	if len(ids) != 6 || plan.Digest("a", "b") == plan.Digest("ab") || len(plan.Digest("a")) != 32 {
		t.Errorf("%d ids for 6 messages", len(ids))
	}
}

// flood fills the document with messages that were answered a minute ago.
func flood(s *story, many int) {
	for n := range many {
		s.document.Messages = append(s.document.Messages, &state.Message{
			ID: fmt.Sprintf("m-%05d", n), Received: noon.Add(-time.Minute), Cause: state.Cause{Trigger: events.MNSTopic, FCRequestID: "1"},
			Answer: state.AnswerGiven, Told: noon.Add(-time.Minute),
		})
	}
	s.document.Sort()
}

// Size: a flood of messages is refused, and does not keep an operator from stopping what it has begun.
func TestAFloodOfMessagesIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		many    int
		message string
		want    state.Answer
	}{
		"the last one that fits":             {4999, sweepAll, state.AnswerBegan},
		"the first one that does not":        {5000, sweepAll, state.AnswerRefused},
		"a stop fits after that":             {5999, `{"kind":"stop","advisory":"CVE-1"}`, state.AnswerStopped},
		"until there are too many, too":      {6000, `{"kind":"stop","advisory":"CVE-1"}`, state.AnswerRefused},
		"a request that would be too old":    {5000, sweepAll, state.AnswerRefused},
		"a request for one instance as well": {5000, oneAtOnce, state.AnswerRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, "")
			flood(s, c.many)
			m := s.receive("x", c.message)
			if m.Answer != c.want || c.want == state.AnswerRefused && !strings.HasPrefix(m.Detail, "too many requests: the document holds ") {
				t.Errorf("it was %s: %q", m.Answer, m.Detail)
			}
		})
	}
}

// Size: what was refused in a flood is forgotten once that was published, and nothing else is.
func TestWhatAFloodLeavesIsForgotten(t *testing.T) {
	t.Parallel()
	s := begin(t, "")
	flood(s, 4998)
	s.receive("r-1", sweepAll)
	s.receive("z", sweepAll) // joins
	s.receive("b", sweepAll)
	s.receive("c", sweepAll)
	tidy := func() int {
		s.do(func(p *plan.Plan) { p.Tidy() })
		return len(s.document.Messages)
	}
	if got := tidy(); got != 5002 {
		t.Errorf("%d messages: what is unpublished was forgotten", got)
	}
	s.publish()
	if got := tidy(); got != 5000 || s.document.Message("b") != nil || s.document.Message("c") != nil {
		t.Errorf("%d messages after it was published", got)
	}
	if s.document.Message("r-1") == nil || s.document.Message("z") == nil {
		t.Error("a message that was served is forgotten")
	}
	if got := tidy(); got != 5000 {
		t.Errorf("%d messages: those that fit are forgotten", got)
	}
}

// Requests: what was answered with a plan was received. Delivered again, when the policy applies, it begins nothing.
func TestARequestThatWasAnsweredWithAPlanBeginsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		many int // messages that there are already
		kept bool
	}{"there is room": {3998, true}, "there is room for one": {3999, true}, "there is none but for requests and stops": {4000, false}} {
		s := begin(t, "", mysql("rm-1"))
		flood(s, c.many)
		q := s.message("r-1", noon.Add(-time.Minute), sweepAll)
		for range 2 {
			s.do(func(p *plan.Plan) { p.Given(q) })
		}
		m := s.document.Message("r-1")
		want := &state.Message{ID: "r-1", Received: noon, Published: noon.Add(-time.Minute), Cause: q.Cause, Answer: state.AnswerGiven, Told: noon}
		if kept := m != nil; kept != c.kept || kept && *m != *want || len(s.document.Messages) > 4000 {
			t.Errorf("%s: %+v, of %d", name, m, len(s.document.Messages))
		}
		if s.do(func(p *plan.Plan) { p.Receive(q) }); (s.document.Rollout("r-1") == nil) != c.kept {
			t.Errorf("%s: it has begun a rollout: %t", name, c.kept)
		}
		if s.wantNews(""); s.document.Message("r-1").Told.IsZero() == c.kept {
			t.Errorf("%s: %+v", name, s.document.Message("r-1"))
		}
	}
}
