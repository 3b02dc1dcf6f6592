package main_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// planView is what an invocation has decided, as the scenario files show it: the difference between the first document that it has written and
// the one before it. What was published, and what the calls have come to, are the stages after it. Of a request in mode plan it is the plan that
// was published.
type planView struct {
	None      string          `json:"none,omitempty"` // why there is nothing to see
	Messages  []messageView   `json:"messages,omitempty"`
	Rollouts  []rolloutView   `json:"rollouts,omitempty"`
	Removed   []string        `json:"removed,omitempty"` // rollouts that have left the document
	Instances []rememberView  `json:"instances,omitempty"`
	PlanHash  string          `json:"planHash,omitempty"`
	Plan      []planEntryView `json:"plan,omitempty"`
}

// messageView is what a message has become.
type messageView struct {
	Answer  state.Answer `json:"answer"`
	Rollout string       `json:"rollout,omitempty"`
	Detail  string       `json:"detail,omitempty"`
}

// rolloutView is a rollout that was changed, with the members that were.
type rolloutView struct {
	Rollout string             `json:"rollout"`
	Asks    string             `json:"asks"` // what it asks for, in words
	Was     state.RolloutState `json:"was,omitempty"`
	State   state.RolloutState `json:"state"`
	Halt    string             `json:"halt,omitempty"`
	Notes   []string           `json:"notes,omitempty"`
	Waves   []waveView         `json:"waves,omitempty"`
	Members []memberView       `json:"members,omitempty"`
}

type waveView struct {
	Wave  int       `json:"wave"`
	Why   string    `json:"why,omitempty"`
	Began time.Time `json:"began,omitzero"`
	Done  time.Time `json:"done,omitzero"`
}

// memberView is a member that was changed.
type memberView struct {
	DBInstanceID string            `json:"DBInstanceId"`
	RegionID     string            `json:"RegionId"`
	Was          state.MemberState `json:"was,omitempty"`
	State        state.MemberState `json:"state"`
	Wave         int               `json:"wave,omitempty"`
	Target       string            `json:"target,omitempty"`
	Verdict      string            `json:"verdict,omitempty"`
	Why          string            `json:"why,omitempty"`
	WantedSince  time.Time         `json:"wantedSince,omitzero"`
	Busy         string            `json:"busy,omitempty"`
	Call         *callView         `json:"call,omitempty"`
	End          *endView          `json:"end,omitempty"`
}

type callView struct {
	UpgradeTime string    `json:"UpgradeTime"`
	SwitchTime  time.Time `json:"SwitchTime,omitzero"`
	At          time.Time `json:"at"`
	Due         time.Time `json:"due"`
	Moved       string    `json:"moved,omitempty"`
	Task        string    `json:"task,omitempty"`
	Looks       int       `json:"looks,omitempty"`
	Left        bool      `json:"left,omitempty"`
	Back        bool      `json:"back,omitempty"`
}

type endView struct {
	Reason string `json:"reason,omitempty"`
	After  string `json:"after,omitempty"`
	Fault  string `json:"fault,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// rememberView is what is remembered of an instance beyond its rollout.
type rememberView struct {
	DBInstanceID string      `json:"DBInstanceId"`
	Fail         *state.Fail `json:"fail,omitempty"`
	Landed       time.Time   `json:"landed,omitzero"`
	Forgotten    bool        `json:"forgotten,omitempty"`
}

// planEntryView is one instance of a plan that was published.
type planEntryView struct {
	DBInstanceID string `json:"DBInstanceId"`
	RegionID     string `json:"RegionId"`
	Status       string `json:"status"`
	Wave         int    `json:"wave,omitempty"`
	Target       string `json:"TargetMinorVersion,omitempty"`
	UpgradeTime  string `json:"UpgradeTime,omitempty"`
	SwitchTime   string `json:"SwitchTime,omitempty"`
	Verdict      string `json:"verdict,omitempty"`
	Reason       string `json:"reason,omitempty"`
	Detail       string `json:"detail,omitempty"`
}

// planned returns what the invocation has decided.
func (s *stage) planned(t *testing.T, documents []stored) (view planView) {
	t.Helper()
	view = s.published(t)
	for n := 1; n < len(documents); n++ {
		before, after := documents[n-1].document, documents[n].document
		if before != nil && after != nil && after.By == s.requestID() {
			view.Messages, view.Rollouts, view.Instances = viewMessages(before, after), viewRollouts(before, after), viewInstances(before, after)
			view.Removed = viewRemoved(before, after)
			break
		}
	}
	if len(view.Messages)+len(view.Rollouts)+len(view.Removed)+len(view.Instances)+len(view.Plan) == 0 && view.PlanHash == "" {
		view.None = "nothing was decided"
	}
	return view
}

// published returns the plan that was published, if there is one.
func (s *stage) published(t *testing.T) (view planView) {
	t.Helper()
	for _, m := range s.mns.Published(topic) {
		var n struct {
			Data struct {
				PlanHash  string
				Instances []planEntryView
			}
		}
		if err := json.Unmarshal([]byte(m.Body), &n); err != nil {
			t.Fatal(err)
		}
		if m.Tag == "plan" {
			view.PlanHash, view.Plan = n.Data.PlanHash, append(view.Plan, n.Data.Instances...)
		}
	}
	return view
}

func viewMessages(before, after *state.Document) (views []messageView) {
	for _, m := range after.Messages {
		if before.Message(m.ID) == nil {
			views = append(views, messageView{m.Answer, m.Rollout, m.Detail})
		}
	}
	return views
}

func viewRollouts(before, after *state.Document) (views []rolloutView) {
	for _, r := range after.Rollouts {
		old, was := before.Rollout(r.ID), rolloutView{}
		if old != nil {
			was = viewRollout(&state.Rollout{}, old)
		}
		view := viewRollout(old, r)
		if old != nil && len(view.Members) == 0 && cmp.Equal(withoutMembers(was), withoutMembers(view)) {
			continue
		}
		if old != nil && cmp.Equal(was.Notes, view.Notes) {
			view.Notes = nil
		}
		if old != nil && cmp.Equal(was.Waves, view.Waves) {
			view.Waves = nil
		}
		if old != nil && old.State != r.State {
			view.Was = old.State
		}
		views = append(views, view)
	}
	return views
}

func withoutMembers(view rolloutView) rolloutView {
	view.Members = nil
	return view
}

// viewRollout shows a rollout with the members that are not as they were in old, which may be nil.
func viewRollout(old, r *state.Rollout) rolloutView {
	view := rolloutView{Rollout: r.ID, Asks: asks(r), State: r.State, Halt: r.Halt, Notes: r.Notes}
	for _, w := range r.Waves {
		view.Waves = append(view.Waves, waveView{w.Number, w.Why, w.Began, w.Done})
	}
	for n := range r.Members {
		m := viewMember(&r.Members[n])
		if old != nil {
			if was := old.Member(m.DBInstanceID); was != nil {
				if cmp.Equal(viewMember(was), m) {
					continue
				}
				m.Was = was.State
			}
		}
		view.Members = append(view.Members, m)
	}
	return view
}

// asks says what a rollout asks for.
func asks(r *state.Rollout) string {
	switch id := plan.AdvisoryOf(r.Request); {
	case id != "":
		return "advisory " + id
	case r.Request.Fleet == nil:
		return string(r.Request.Kind) + " of " + r.Request.Upgrade.DBInstanceID
	default:
		return string(r.Request.Kind)
	}
}

func viewMember(m *state.Member) memberView {
	view := memberView{
		DBInstanceID: m.DBInstanceID, RegionID: m.RegionID, State: m.State, Wave: m.Wave, Target: m.Target, Verdict: string(m.Verdict), Why: m.Why,
		WantedSince: m.WantedSince, Busy: m.Busy,
	}
	if c := m.Call; c != nil {
		view.Call = &callView{string(c.UpgradeTime), c.SwitchTime, c.At, c.Due, c.Moved, c.Task, c.Looks, c.Left, c.Back}
	}
	if e := m.End; e != nil {
		end := endView{e.Reason, e.After, string(e.Kind), e.Detail}
		if e.Code != "" {
			end.Fault += fmt.Sprintf(" (%s)", e.Code)
		}
		if end != (endView{}) {
			view.End = &end
		}
	}
	return view
}

func viewRemoved(before, after *state.Document) (ids []string) {
	for _, r := range before.Rollouts {
		if after.Rollout(r.ID) == nil {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func viewInstances(before, after *state.Document) (views []rememberView) {
	for _, i := range after.Instances {
		if old := before.Instance(i.DBInstanceID); old == nil || !cmp.Equal(old, i) {
			views = append(views, rememberView{DBInstanceID: i.DBInstanceID, Fail: i.Fail, Landed: i.Landed})
		}
	}
	for _, i := range before.Instances {
		if after.Instance(i.DBInstanceID) == nil {
			views = append(views, rememberView{DBInstanceID: i.DBInstanceID, Forgotten: true})
		}
	}
	return views
}
