package state_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/schema"
)

// documents draws documents that can be.
func documents() *rapid.Generator[*state.Document] {
	return rapid.Custom(func(t *rapid.T) *state.Document {
		d := &state.Document{
			Version: state.Version, Number: rapid.Int64Range(1, 999_999_999_999).Draw(t, "number"), Nonce: words(t, "nonce"),
			Written: moment(t, "written"), By: words(t, "by"), Last: map[string]state.Last{},
		}
		for n := range rapid.IntRange(0, 4).Draw(t, "rollouts") {
			d.Rollouts = append(d.Rollouts, rollout(t, n))
		}
		for range rapid.IntRange(0, 3).Draw(t, "ends") {
			ended := rapid.SampledFrom([]state.Ending{state.EndedHalted, state.EndedStopped, state.EndedClosed}).Draw(t, "ended")
			d.Last[words(t, "key")] = state.Last{At: moment(t, "at"), Ended: ended, Rollout: maybe(t, words)}
		}
		for n := range rapid.IntRange(0, 3).Draw(t, "instances") {
			i := d.Remember(fmt.Sprint("rm-", n), words(t, "RegionId"))
			if i.Landed = maybe(t, moment); i.Landed.IsZero() || rapid.Bool().Draw(t, "fail") {
				i.Fail = &state.Fail{At: moment(t, "at"), Target: words(t, "target"), Rollout: words(t, "rollout")}
			}
		}
		for n := range rapid.IntRange(0, 2).Draw(t, "tasks") {
			d.Tasks = append(d.Tasks, &state.Task{
				ID: fmt.Sprint(n), DBInstanceID: words(t, "id"), RegionID: words(t, "RegionId"), StartTime: maybe(t, moment), SwitchTime: maybe(t, moment),
				Deadline: maybe(t, moment), Seen: moment(t, "seen"), Told: maybe(t, moment),
			})
		}
		for n := range rapid.IntRange(0, 4).Draw(t, "messages") {
			answers := []state.Answer{state.AnswerBegan, state.AnswerJoined, state.AnswerRefused, state.AnswerStopped, state.AnswerGiven}
			d.Messages = append(d.Messages, &state.Message{
				ID: fmt.Sprint(words(t, "id"), n), Received: moment(t, "received"), Published: maybe(t, moment), Cause: causes(t),
				Answer: rapid.SampledFrom(answers).Draw(t, "answer"), Rollout: words(t, "rollout"), Key: words(t, "key"), Detail: maybe(t, words),
				Told: maybe(t, moment),
			})
		}
		if len(d.Last) == 0 {
			d.Last = nil
		}
		d.Sort()
		return d
	})
}

func rollout(t *rapid.T, n int) *state.Rollout {
	r := &state.Rollout{
		ID: fmt.Sprint("r", n), Key: fmt.Sprint(words(t, "key"), n), Since: moment(t, "since"), Published: maybe(t, moment), Received: moment(t, "received"),
		Severity: rapid.SampledFrom([]string{"critical", "high", "medium", "low", ""}).Draw(t, "severity"), Cause: causes(t),
		State:   rapid.SampledFrom([]state.RolloutState{state.Waiting, state.Open, state.Halted, state.Closed}).Draw(t, "state"),
		Request: rapid.SampledFrom(requests()).Draw(t, "request"), TriedSince: maybe(t, moment),
	}
	for k := range rapid.IntRange(0, 3).Draw(t, "waves") {
		w := state.Wave{Number: k + 1, Stage: rapid.IntRange(0, 3).Draw(t, "stage"), Why: maybe(t, words), Began: moment(t, "began"), Done: moment(t, "done")}
		w.Told = rapid.SampledFrom([]state.WaveTold{"", state.ToldBegan, state.ToldDone}).Draw(t, "told")
		r.Waves = append(r.Waves, w)
	}
	if r.State == state.Halted {
		r.Halt = words(t, "halt")
	}
	if r.State != state.Waiting {
		for k := range rapid.IntRange(0, 5).Draw(t, "members") {
			r.Members = append(r.Members, randomMember(t, fmt.Sprintf("rm-%d-%d", n, k), r.State == state.Closed))
		}
		r.Notes = []string{words(t, "note")}
	}
	return r
}

func randomMember(t *rapid.T, id string, ended bool) state.Member {
	states := []state.MemberState{state.Proven, state.Failed, state.Unverified, state.LeftOut, state.Pending, state.Intent, state.Called}
	if ended {
		states = states[:4]
	}
	m := state.Member{
		DBInstanceID: id, RegionID: words(t, "RegionId"), Engine: maybe(t, words), EngineVersion: maybe(t, words), AutoUpgradeMinorVersion: maybe(t, words),
		Wave: rapid.IntRange(1, 9).Draw(t, "wave"), State: rapid.SampledFrom(states).Draw(t, "state"), Before: maybe(t, words), Target: words(t, "target"),
		Verdict: rapid.SampledFrom([]advisory.Verdict{advisory.Affected, advisory.NotAffected, advisory.Unknown, ""}).Draw(t, "verdict"),
		Why:     maybe(t, words), WantedSince: maybe(t, moment),
	}
	if m.State == state.Pending || m.State == state.LeftOut {
		m.Busy = maybe(t, words)
	}
	if (m.State == state.LeftOut || m.State == state.Failed) && rapid.Bool().Draw(t, "from the beginning") {
		m.Wave, m.Target = 0, ""
	}
	if m.State != state.Pending {
		m.Call = &state.Call{At: moment(t, "at"), Due: moment(t, "due"), UpgradeTime: events.MaintainTime, TaskID: maybe(t, words), RequestID: maybe(t, words)}
		m.Call.Looks, m.Call.Left, m.Call.Back = rapid.IntRange(0, 9).Draw(t, "looks"), rapid.Bool().Draw(t, "left"), rapid.Bool().Draw(t, "back")
		m.Call.TasksBefore, m.Call.Task, m.Call.Moved = []string{words(t, "task")}, maybe(t, words), maybe(t, words)
		if rapid.Bool().Draw(t, "specified") {
			m.Call.UpgradeTime, m.Call.SwitchTime = events.SpecifyTime, moment(t, "SwitchTime")
		}
	}
	if m.State == state.Called || m.State == state.Proven {
		m.Call.AcceptedAt = moment(t, "acceptedAt")
		m.Told = rapid.SampledFrom([]state.MemberTold{"", state.ToldAccepted}).Draw(t, "told")
	}
	if m.State.Terminal() {
		m.End = &state.End{At: moment(t, "at"), Reason: words(t, "reason"), Detail: maybe(t, words), Kind: "Unproven", Code: maybe(t, words), RequestID: maybe(t, words)}
		m.Told = rapid.SampledFrom([]state.MemberTold{m.Told, state.ToldEnd}).Draw(t, "told")
	}
	return m
}

func causes(t *rapid.T) state.Cause {
	return state.Cause{Trigger: events.Timer, MessageID: maybe(t, words), FCRequestID: words(t, "fcRequestId"), RetryCount: rapid.IntRange(0, 3).Draw(t, "retryCount")}
}

// words draws any text that is not empty.
func words(t *rapid.T, label string) string { return rapid.StringN(1, 20, -1).Draw(t, label) }

// moment draws a time, most often a whole second.
func moment(t *rapid.T, label string) time.Time {
	at := noon.Add(time.Duration(rapid.IntRange(-1e6, 1e6).Draw(t, label)) * time.Second)
	if rapid.IntRange(0, 9).Draw(t, "fraction") == 0 {
		at = at.Add(time.Duration(rapid.IntRange(1, 1e9-1).Draw(t, "nanoseconds")))
	}
	return at
}

// maybe draws a value or nothing.
func maybe[T any](t *rapid.T, draw func(*rapid.T, string) T) (value T) {
	if rapid.Bool().Draw(t, "given") {
		value = draw(t, "value")
	}
	return value
}

// requests are requests as package events reads them.
func requests() (all []events.Request) {
	for _, body := range []string{
		`{"DBInstanceId":"rm-bp1abcd","UpgradeTime":"SpecifyTime","SwitchTime":"2026-12-01T18:00:00Z","TargetMinorVersion":"rds_20260228"}`,
		`{"DBInstanceId":"rm-bp1abcd","withReplicas":true}`,
		`{"kind":"sweep","select":{"RegionId":["cn-hangzhou","cn-beijing"],"DBInstanceId":["rm-1","rm-2"]},"schedule":{"UpgradeTime":"MaintainTime"},"mode":"apply"}`,
		`{"kind":"advisory","advisory":{"id":"CVE-2026-1","severity":"critical","summary":"a < b","affected":[{"Engine":"PostgreSQL","EngineVersion":"15.0","fixedIn":"15.10"},
			{"Engine":"MySQL","fixedIn":"rds_20260228"}]},"rollout":{"waves":[{"tags":{"env":"dev"}},{"percent":12.5},{"percent":100}],"bake":"1d12h","maxFailures":3}}`,
	} {
		request, err := events.Parse([]byte(body), noon)
		if err != nil {
			panic(err)
		}
		all = append(all, request)
	}
	return all
}

func TestEveryDocumentIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := documents().Draw(t, "document")
		first, err := state.Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.CheckState(first); err != nil {
			t.Fatalf("the schema says %v", err)
		}
		again, err := state.Decode(first)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Fatalf("(-written +read):\n%s", diff)
		}
		if second, err := state.Encode(again); err != nil || string(second) != string(first) {
			t.Fatalf("%v, and the second writing (-first +second):\n%s", err, cmp.Diff(string(first), string(second)))
		}
	})
}

func TestTheOrderOfListsDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := documents().Draw(t, "document")
		want, err := state.Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		d.Rollouts = rapid.Permutation(d.Rollouts).Draw(t, "rollouts")
		d.Messages = rapid.Permutation(d.Messages).Draw(t, "messages")
		d.Instances = rapid.Permutation(d.Instances).Draw(t, "instances")
		d.Tasks = rapid.Permutation(d.Tasks).Draw(t, "tasks")
		for _, r := range d.Rollouts {
			r.Waves = rapid.Permutation(r.Waves).Draw(t, "waves")
			r.Enrol(rapid.Permutation(r.Members).Draw(t, "members"))
		}
		d.Sort()
		if got, err := state.Encode(d); err != nil || string(got) != string(want) {
			t.Fatalf("%v, (-want +got):\n%s", err, cmp.Diff(string(want), string(got)))
		}
	})
}

// corrupted reads an object in which one byte is wrong: it is refused, or it is another document that can be.
func corrupted(t *rapid.T, object []byte) {
	spoilt := append([]byte(nil), object...)
	spoilt[rapid.IntRange(0, len(spoilt)-1).Draw(t, "place")] ^= byte(rapid.IntRange(1, 255).Draw(t, "change"))
	d, err := state.Decode(spoilt)
	if err != nil {
		return
	}
	if _, err := state.Encode(d); err != nil {
		t.Fatalf("it was read, and cannot be written: %v", err)
	}
}

func TestOneWrongByteIsSeenOrHarmless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		object, err := state.Encode(documents().Draw(t, "document"))
		if err != nil {
			t.Fatal(err)
		}
		corrupted(t, object)
	})
}

func TestOneWrongByteOfACompressedObjectIsSeenOrHarmless(t *testing.T) {
	t.Parallel()
	object, err := state.Encode(fleetOf(t, 300, halfway))
	if err != nil || object[0] != 0x1f {
		t.Fatalf("%v, or it is not compressed", err)
	}
	rapid.Check(t, func(t *rapid.T) { corrupted(t, object) })
}
