package state_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/local/golden"
	"rds-kernel-upgrade/schema"
)

func TestTheLinesOfADocument(t *testing.T) {
	t.Parallel()
	golden.Text(t, "testdata/document.json", []byte(text(t, document(t))))
}

func TestWritingWhatWasReadChangesNothing(t *testing.T) {
	t.Parallel()
	first := text(t, document(t))
	d, err := state.Decode([]byte(first))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(document(t), d); diff != "" {
		t.Errorf("the document that was read (-written +read):\n%s", diff)
	}
	if diff := cmp.Diff(first, text(t, d)); diff != "" {
		t.Errorf("the second writing (-first +second):\n%s", diff)
	}
}

func TestTheDifferenceOfTwoNumbersIsTheStory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(d *state.Document)
		want   []string // the lines that are new
	}{
		"an intent": {func(d *state.Document) {
			m := d.Rollout("r-open").Member("rm-1")
			m.State, m.Call = state.Intent, &state.Call{At: noon, Due: noon.Add(5 * time.Minute), UpgradeTime: "Immediate"}
		}, []string{
			`{"DBInstanceId":"rm-1","RegionId":"cn-hangzhou","Engine":"MySQL","EngineVersion":"8.0","before":"rds_20250131","target":"rds_20260228","wave":1,"state":"intent","call":{"at":"2026-11-22T12:00:00Z","due":"2026-11-22T12:05:00Z","UpgradeTime":"Immediate"}},`,
		}},
		"a rollout that opens with nothing to do": {func(d *state.Document) {
			d.Rollout("r-wait").State = state.Open
		}, []string{`"state": "open",`}},
		"a message that joins": {func(d *state.Document) {
			d.Messages = append(d.Messages, &state.Message{ID: "timer 5", Received: noon.Add(time.Second), Cause: cause("5"), Answer: state.AnswerJoined, Rollout: "r-open"})
		}, []string{
			`{"id":"mns_topic 4","received":"2026-11-22T12:00:00Z","cause":{"trigger":"mns_topic","messageId":"4","fcRequestId":"1-6747-0","retryCount":1},"answer":"stopped","key":"77aa"},`,
			`{"id":"timer 5","received":"2026-11-22T12:00:01Z","cause":{"trigger":"mns_topic","messageId":"5","fcRequestId":"1-6747-0","retryCount":1},"answer":"joined","rollout":"r-open"}`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, d := map[string]int{}, document(t)
			for line := range strings.Lines(text(t, d)) {
				before[line]++
			}
			c.change(d)
			var got []string
			for line := range strings.Lines(text(t, d)) {
				if before[line]--; before[line] < 0 {
					got = append(got, strings.TrimSpace(line))
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("new lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWordsForPeopleStayReadable(t *testing.T) {
	t.Parallel()
	d := document(t)
	d.Rollouts[0].Halt = "a < b & c > \"d\", 停止\u2028"
	written := text(t, d)
	if !strings.Contains(written, `"a < b & c > \"d\", 停止\u2028"`) {
		t.Errorf("it is written in another form: %s", written)
	}
	again, err := state.Decode([]byte(written))
	if err != nil || again.Rollouts[0].Halt != d.Rollouts[0].Halt {
		t.Errorf("got %v, %v", again, err)
	}
}

func TestAnObjectIsCompressedWhenItIsLong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members int
		zipped  bool
	}{
		"a small rollout can be read without a tool": {50, false},
		"a large one is compressed":                  {1000, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := fleetOf(t, c.members, untouched)
			stored, err := state.Encode(d)
			if err != nil {
				t.Fatal(err)
			}
			if zipped := stored[0] == 0x1f; zipped != c.zipped {
				t.Errorf("compressed is %t, %d bytes", zipped, len(stored))
			}
			again, err := state.Decode(stored)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(d, again); diff != "" {
				t.Errorf("(-written +read):\n%s", diff)
			}
			if second, _ := state.Encode(again); string(second) != string(stored) {
				t.Error("the second writing has other bytes")
			}
		})
	}
}

func TestAnArchiveIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	d := document(t)
	a := d.ArchiveOf(d.Rollout("r-over"))
	if len(a.Messages) != 1 || a.Messages[0].ID != "mns_topic 1" {
		t.Errorf("it has the messages %v", a.Messages)
	}
	stored, err := state.EncodeArchive(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.CheckArchive(stored); err != nil {
		t.Errorf("the schema refuses it: %v", err)
	}
	again, err := state.DecodeArchive(stored)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, again); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}

func TestARolloutThatIsNotOverHasNoArchive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(d *state.Document) *state.Rollout
		want   string
	}{
		"one that is under way": {func(d *state.Document) *state.Rollout { return d.Rollout("r-open") }, "rollout has not ended"},
		"one whose report was not published": {func(d *state.Document) *state.Rollout {
			r := d.Rollout("r-over")
			r.Told.Report = time.Time{}
			r.Archived = time.Time{}
			return r
		}, "rollout has not ended, or not everything about it has been published"},
		"one that could not be named in a key": {func(d *state.Document) *state.Rollout { r := d.Rollout("r-over"); r.ID = "../x"; return r }, "rollout.id is"},
		"one whose request cannot be written": {func(d *state.Document) *state.Rollout {
			r := d.Rollout("r-over")
			r.Request.Fleet.Schedule.SwitchTime = beyond
			return r
		}, "rollout.request cannot be written"},
		"one whose member cannot be": {func(d *state.Document) *state.Rollout { r := d.Rollout("r-over"); r.Members[0].Verdict = "x"; return r }, "rollout.members[0].verdict is \"x\""},
		"one that was never":         {func(*state.Document) *state.Rollout { return nil }, "rollout is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := document(t)
			a := &state.Archive{Version: state.Version, Written: noon, By: "1", Rollout: c.change(d)}
			if _, err := state.EncodeArchive(a); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestAnArchiveThatWasChangedWronglyIsRefused(t *testing.T) {
	t.Parallel()
	d := document(t)
	whole, err := state.EncodeArchive(d.ArchiveOf(d.Rollout("r-over")))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, with, want string }{
		"another version":    {`"version": 1`, `"version": 0`, "version is 0: want 1"},
		"an unknown field":   {`"rollout":`, `"colour": "red", "rollout":`, "colour is not a field"},
		"no rollout":         {`"rollout": {`, `"messages": [], "x": {`, "x is not a field"},
		"a wrong message":    {`"answer":"began"`, `"answer":"no"`, `messages[0].answer is "no"`},
		"a member in flight": {`"state":"failed"`, `"state":"pending"`, "rollout.state is closed, and members are still pending"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoilt := strings.Replace(string(whole), c.old, c.with, 1)
			if _, err := state.DecodeArchive([]byte(spoilt)); err == nil || !strings.HasPrefix(err.Error(), c.want) || spoilt == string(whole) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
