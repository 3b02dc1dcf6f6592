package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/local/fakerds"
)

const upgradeCall = "UpgradeDBInstanceKernelVersion"

// noon is when every play begins, on a Sunday.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// play plays something in a world of its own, in virtual time. Its notifications are not checked
// against the schema, which would take longer than all else: the stories do that.
func play(t *testing.T, policy string, what func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		w := newWorld(t, policy)
		w.hasty = true
		what(t, w)
	})
}

// twoBehind plays a story of two instances that are behind, of which a fleet's rollout upgrades one after the other. What is published is checked
// against its schema.
func twoBehind(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	play(t, oneByOne, func(t *testing.T, w *world) {
		t.Helper()
		w.hasty = false
		w.rds.Add(behind("rm-1"), behind("rm-2"))
		story(t, w)
	})
}

// published is what a subscriber of the result topic knows about one instance in one rollout.
type published struct {
	accepted, ended map[string]bool // by id of the notifications
	ends            []string        // their statuses
}

// promises checks what holds whatever happens, and returns what was published about each instance, by rollout and instance.
//
//	for each instance and rollout  at most one accepted call; an acceptance under one id; an end of one status, under one id
//	for each message               one account under one id, and after it no news of its rollout
//	for each id                    one content
//	for each accepted call         an intent of its own in the document before it, and no later than verify.first after that
//	for the document               each number can be read, and follows from the one before it
func (w *world) promises(t *testing.T) map[string]*published {
	t.Helper()
	history := w.history(t)
	w.checkCalls(t, history)
	accounts, bodies, closed := map[string]*published{}, map[string]string{}, map[string]string{}
	for _, m := range w.mns.Published(topic) {
		n := told{Tag: m.Tag}
		if err := json.Unmarshal([]byte(m.Body), &n); err != nil {
			t.Fatal(err)
		}
		first, known := bodies[n.ID]
		bodies[n.ID] = m.Body
		if known && first != m.Body && n.Tag != "halted" && n.Tag != "wave" && n.Data.Joined == "" { // these say how far others have come
			t.Errorf("one id, two contents:\n%s\n%s", first, m.Body)
		}
		if report := closed[n.Data.Rollout]; !known && report != "" {
			t.Errorf("published after the account of rollout %s: %s", n.Data.Rollout, n)
		}
		if n.Tag == "report" || n.Tag == "rejected" {
			closed[n.Data.Rollout] = n.ID
		}
		if n.Data.DBInstanceID == "" || n.Tag == "report" {
			continue
		}
		key := n.Data.Rollout + " " + n.Data.DBInstanceID
		a := accounts[key]
		if a == nil {
			a = &published{accepted: map[string]bool{}, ended: map[string]bool{}}
			accounts[key] = a
		}
		switch {
		case n.Tag == "accepted":
			a.accepted[n.ID] = true
		case !a.ended[n.ID]:
			a.ended[n.ID] = true
			a.ends = append(a.ends, n.Tag)
		}
	}
	for key, a := range accounts {
		if len(a.accepted) > 1 || len(a.ended) > 1 {
			t.Errorf("%s: acceptance was published under %d ids, and these ends were: %v", key, len(a.accepted), a.ends)
		}
	}
	return accounts
}

// history returns all documents in their order, and checks that each one can be read and follows from the one before it.
func (w *world) history(t *testing.T) (all []*state.Document) {
	t.Helper()
	for n, o := range w.oss.Objects(prefix + "/state/") {
		d, err := state.Decode(o.Content)
		if err != nil || d.Number != int64(n+1) || o.Key != fmt.Sprintf("%s/state/%012d.json", prefix, n+1) {
			t.Fatalf("object %d, %s: %v", n+1, o.Key, err)
		}
		if len(all) > 0 {
			if err := follows(all[len(all)-1], d); err != nil {
				t.Errorf("document %d: %v", d.Number, err)
			}
		}
		all = append(all, d)
	}
	return all
}

// steps are the states that a member can come to from each state.
var steps = map[state.MemberState][]state.MemberState{
	state.Pending: {state.Pending, state.Intent, state.Proven, state.LeftOut},
	state.Intent:  {state.Intent, state.Called, state.Proven, state.Pending, state.Failed, state.Unverified, state.LeftOut},
	state.Called:  {state.Called, state.Proven, state.Failed, state.Unverified, state.LeftOut},
}

// follows returns why a document cannot have been written after another one, nil if it can.
func follows(before, after *state.Document) error {
	for _, m := range before.Messages {
		if now := after.Message(m.ID); now == nil || !m.Told.IsZero() && now.Answer != m.Answer {
			return fmt.Errorf("message %s was forgotten, or has another answer", m.ID)
		}
	}
	for _, r := range before.Rollouts {
		now := after.Rollout(r.ID)
		switch {
		case now == nil && r.State == state.Waiting: // it was refused
			continue
		case now == nil:
			return fmt.Errorf("rollout %s was forgotten", r.ID)
		case !r.Live() && now.Live(), r.Ended() && now.State != r.State:
			return fmt.Errorf("rollout %s was %s, and is %s", r.ID, r.State, now.State)
		case len(r.Members) > 0 && len(r.Members) != len(now.Members):
			return fmt.Errorf("rollout %s had %d members, and has %d", r.ID, len(r.Members), len(now.Members))
		}
		for n := range r.Members {
			if err := memberFollows(&r.Members[n], &now.Members[n]); err != nil {
				return fmt.Errorf("rollout %s, %s: %w", r.ID, r.Members[n].DBInstanceID, err)
			}
		}
	}
	return nil
}

func memberFollows(before, after *state.Member) error {
	switch {
	case before.DBInstanceID != after.DBInstanceID, before.Wave != after.Wave, before.Target != after.Target:
		return errors.New("it is another member")
	case before.State.Terminal() && (before.State != after.State || !before.End.At.Equal(after.End.At) || before.End.Detail != after.End.Detail):
		return fmt.Errorf("it was %s, and is %s", before.State, after.State)
	case !before.State.Terminal() && !slices.Contains(steps[before.State], after.State):
		return fmt.Errorf("it was %s, and is %s", before.State, after.State)
	case before.State == state.Called && after.State == state.Called && !before.Call.At.Equal(after.Call.At):
		return errors.New("it was called again while it was in flight")
	case before.Told != "" && after.Told == "", before.Told == state.ToldEnd && after.Told != state.ToldEnd:
		return errors.New("what was published of it was forgotten")
	}
	return nil
}

// checkCalls fails unless each accepted call was made for an intent of its own that the document had then.
func (w *world) checkCalls(t *testing.T, history []*state.Document) {
	t.Helper()
	used := map[string]time.Time{}
	for _, c := range w.rds.CallsOf(upgradeCall) {
		if !c.Accepted {
			continue
		}
		rollout, at := intentOf(history, c)
		switch {
		case at.IsZero():
			t.Errorf("the call of %s at %s has no intent", c.DBInstanceID, c.At.Format(time.TimeOnly))
		case !used[rollout+c.DBInstanceID].IsZero():
			t.Errorf("%s was called twice in rollout %s: by the intents of %s and %s", c.DBInstanceID, rollout, used[rollout+c.DBInstanceID].Format(time.TimeOnly), at.Format(time.TimeOnly))
		}
		used[rollout+c.DBInstanceID] = at
	}
}

// intentOf returns the latest intent that was written before a call of its instance, with its rollout; a zero time if there is none.
func intentOf(history []*state.Document, c fakerds.Call) (rollout string, at time.Time) {
	for _, d := range history {
		for _, r := range d.Rollouts {
			if m := r.Member(c.DBInstanceID); m != nil && m.State == state.Intent && !m.Call.At.After(c.At) && m.Call.At.After(at) {
				rollout, at = r.ID, m.Call.At
			}
		}
	}
	return rollout, at
}

// accepted counts the accepted calls, by instance.
func (w *world) accepted() map[string]int {
	accepted := map[string]int{}
	for _, c := range w.rds.CallsOf(upgradeCall) {
		if c.Accepted {
			accepted[c.DBInstanceID]++
		}
	}
	return accepted
}

// reports returns the last account of each message, by the rollout that it began or would have begun.
func (w *world) reports(t *testing.T) map[string]told {
	t.Helper()
	all := map[string]told{}
	for _, m := range w.mns.Published(topic) {
		if m.Tag != "report" && m.Tag != "rejected" {
			continue
		}
		n := told{Tag: m.Tag}
		if err := json.Unmarshal([]byte(m.Body), &n); err != nil {
			t.Fatal(err)
		}
		all[n.Data.Rollout] = n
	}
	return all
}

// allAccepted fails if a call was refused: somebody has then made it who had no right to, and only RDS has kept it from being a second one.
func (w *world) allAccepted(t *testing.T) {
	t.Helper()
	for _, c := range w.rds.CallsOf(upgradeCall) {
		if !c.Accepted {
			t.Errorf("the call of %s at %s was refused: %s", c.DBInstanceID, c.At.Format(time.TimeOnly), c.Code)
		}
	}
}

// publishedAt returns when a message was first answered.
func (w *world) publishedAt(t *testing.T, rollout string) time.Time {
	t.Helper()
	for _, m := range w.mns.Published(topic) {
		if (m.Tag == "report" || m.Tag == "rejected") && strings.Contains(m.Body, `"rollout":"`+rollout+`"`) {
			return m.PublishTime
		}
	}
	t.Errorf("%s has no account", rollout)
	return time.Time{}
}

// over reports whether the document has nothing left to do.
func (w *world) over(t *testing.T) bool {
	t.Helper()
	objects := w.oss.Objects(prefix + "/state/")
	d, err := state.Decode(objects[len(objects)-1].Content)
	if err != nil {
		t.Fatal(err)
	}
	return isOver(d)
}

func isOver(d *state.Document) bool {
	return !slices.ContainsFunc(d.Rollouts, func(r *state.Rollout) bool { return r.Archived.IsZero() }) &&
		!slices.ContainsFunc(d.Messages, func(m *state.Message) bool { return m.Told.IsZero() })
}

// ending is what is wanted of a rollout in the end.
type ending struct {
	ends map[string]string // what was published last of each instance that was called: completed, or failed or skipped
	bake time.Duration     // between the end of the upgrades of one wave and the calls of the next
	also int               // how many messages have an account besides
}

// check fails unless one rollout has come to this end: each instance was called once and has this end, there is one report that says the same,
// the next wave was called when the one before it had baked, and everything is archived.
func (e ending) check(t *testing.T, w *world) {
	t.Helper()
	accounts, reports := w.promises(t), w.reports(t)
	if len(reports) != 1+e.also {
		t.Errorf("%d messages have an account", len(reports))
	}
	accepted := w.accepted()
	for rollout, report := range reports {
		if len(report.Data.Instances) == 0 {
			continue
		}
		lines := map[string]string{}
		for _, i := range report.Data.Instances {
			lines[i.DBInstanceID] = i.Status
		}
		for id, end := range e.ends {
			a := accounts[rollout+" "+id]
			if a == nil && accepted[id] == 0 && lines[id] == "skipped" && strings.HasSuffix(end, " or skipped") {
				continue
			}
			if accepted[id] != 1 || a == nil || len(a.accepted) != 1 || len(a.ends) != 1 || !slices.Contains(strings.Split(end, " or "), a.ends[0]) || lines[id] != a.ends[0] {
				t.Errorf("%s: %d calls were accepted; published: %+v; in the report: %q; want %s once", id, accepted[id], a, lines[id], end)
			}
		}
		e.checkBake(t, w, report)
	}
	if len(accepted) > len(e.ends) {
		t.Errorf("called: %v", accepted)
	}
	if archives := w.oss.Objects(prefix + "/rollouts/"); len(archives) != 1 || !w.over(t) {
		t.Errorf("%d archives, and all is over: %v", len(archives), w.over(t))
	}
}

// checkBake compares the calls of each wave with the time at which RDS had upgraded the waves before it.
func (e ending) checkBake(t *testing.T, w *world, report told) {
	t.Helper()
	called, upgraded := map[int]time.Time{}, map[int]time.Time{} // the first call, and the last upgrade, by wave
	for _, i := range report.Data.Instances {
		for _, c := range w.rds.CallsOf(upgradeCall) {
			if !c.Accepted || c.DBInstanceID != i.DBInstanceID {
				continue
			}
			instance, _ := w.rds.Instance(i.DBInstanceID)
			if called[i.Wave].IsZero() || c.At.Before(called[i.Wave]) {
				called[i.Wave] = c.At
			}
			if end := c.At.Add(instance.Upgrade.Takes); !instance.Upgrade.Silent && !instance.Upgrade.Fails && end.After(upgraded[i.Wave]) {
				upgraded[i.Wave] = end
			}
		}
	}
	for wave := 2; !called[wave].IsZero(); wave++ {
		if from := upgraded[wave-1].Add(e.bake); upgraded[wave-1].IsZero() || called[wave].Before(from) {
			t.Errorf("wave %d was called at %s, and wave %d had baked at %s", wave, called[wave].Format(time.TimeOnly), wave-1, from.Format(time.TimeOnly))
		}
	}
}

// explain logs what has happened, if the test has failed.
func (w *world) explain(t *testing.T) {
	t.Helper()
	if !t.Failed() {
		return
	}
	var lines bytes.Buffer
	for _, m := range w.mns.Published(topic) {
		n := told{Tag: m.Tag}
		_ = json.Unmarshal([]byte(m.Body), &n)
		_, _ = fmt.Fprintln(&lines, m.PublishTime.UTC().Format(time.TimeOnly), n.ID[:6], n, strings.Join(n.Data.Problems, "; "))
		for _, i := range n.Data.Instances {
			_, _ = fmt.Fprintf(&lines, "    %s %s %s %s\n", i.DBInstanceID, i.Status, i.Reason, i.Detail)
		}
	}
	for _, c := range w.rds.CallsOf(upgradeCall) {
		_, _ = fmt.Fprintln(&lines, c.At.UTC().Format(time.TimeOnly), "call", c.DBInstanceID, c.Status, c.Code)
	}
	t.Logf("%s\n%s", strings.TrimSpace(lines.String()), w.log)
}
