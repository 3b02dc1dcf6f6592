package upgrade_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/function/internal/upgrade"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/golden"
	"rds-kernel-upgrade/local/sts"
)

// TestScenarios owns the stage from fleet to plan of testdata/scenarios: what is observed, and what is decided. Nothing is called.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, folder := range golden.Scenarios(t, "../../..") {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newScenario(t, folder)
				golden.JSON(t, folder+"/3-plan.json", s.plan(t))
			})
		})
	}
}

// scenario is a fleet, and what is to be decided about it.
type scenario struct {
	golden.Setting
	message  events.Message
	policy   policy.Policy
	observer upgrade.Observer
}

func newScenario(t *testing.T, folder string) scenario {
	t.Helper()
	s := scenario{Setting: golden.SettingOf(t, folder), message: messageOf(t, folder), policy: policy.Default()}
	if s.Policy != "" {
		var err error
		if s.policy, err = policy.Parse([]byte(s.Policy), time.LoadLocation); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Until(s.Clock))
	t.Cleanup(func() { time.Sleep(time.Minute) }) // until the SDK has ended its own goroutines
	s.observer = upgrade.Observer{Reader: readerOf(t, folder), Now: s.Clock, Workers: 1}
	return s
}

// readerOf gives the fleet through the eyes of the real adapter.
func readerOf(t *testing.T, folder string) *rds.Client {
	t.Helper()
	keys := sts.NewKeyring(time.Now)
	cloud := fakerds.New(fakerds.Options{Now: time.Now, Keys: keys})
	file, err := os.Open(folder + "/fleet.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if err := cloud.Load(file); err != nil {
		t.Fatal(err)
	}
	key := keys.Issue(time.Hour)
	endpoint := transport.Endpoint{Scheme: "http", Host: "127.0.0.1:9001"}
	return rds.New(transport.Over(pool{cloud}), pace.New(1e6, time.Now), &endpoint, invocation.NewCredentials(key.ID, key.Secret, key.Token))
}

// pool carries requests to a service in this process.
type pool struct{ http.Handler }

func (p pool) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	p.ServeHTTP(answer, r)
	return answer.Result(), nil
}

func (pool) CloseIdleConnections() {}

func messageOf(t *testing.T, folder string) events.Message {
	t.Helper()
	event, err := os.ReadFile(folder + "/1-event.json")
	if err != nil {
		t.Fatal(err)
	}
	messages, err := events.Decode(event)
	if err != nil || len(messages) != 1 || messages[0].Err != nil {
		t.Fatalf("got %+v, %v; want one message", messages, err)
	}
	return messages[0]
}

// plan decides about the request, or about what the follow-up asks.
func (s scenario) plan(t *testing.T) planView {
	t.Helper()
	request, err := events.Parse(s.message.Body, s.Clock)
	var invalid *events.Invalid
	switch {
	case errors.As(err, &invalid):
		return planView{Why: "the message is no request"}
	case err != nil:
		t.Fatal(err)
	case request.Kind == events.KindFollowUps:
		return s.wakeUp(t)
	}
	id := upgrade.RolloutID(string(s.message.Trigger), s.message.ID)
	return s.decide(t, upgrade.Begin(id, request, "cn-hangzhou", upgrade.Cause{}), s.policy.ModeOf(request))
}

// wakeUp looks at what is in flight, and goes on from there.
func (s scenario) wakeUp(t *testing.T) planView {
	t.Helper()
	rollout, err := upgrade.ParseFollowUp(s.Queue)
	const most = 5
	switch {
	case s.Queue == "":
		return planView{Why: "there is no follow-up"}
	case err != nil:
		return planView{Why: err.Error()}
	case !s.Enqueued.Equal(rollout.Sent):
		return planView{Why: "the follow-up is a copy"}
	case s.Receipts >= most:
		return planView{Why: "the follow-up has been received too often"}
	case rollout.Next.After(s.Clock):
		return planView{Why: "there is nothing to do yet", Next: rollout.Next}
	}
	var fleet []upgrade.Instance
	for region, ids := range rollout.InFlight() {
		fleet = append(fleet, s.observe(t, upgrade.Scope{Regions: []string{region}, IDs: ids, Doubt: rollout.Watched})...)
	}
	if rollout.Stale(fleet) {
		return planView{Why: "the follow-up is overtaken"}
	}
	watched := len(rollout.Flight) > 0
	outcomes := rollout.Watch(fleet, s.policy.Verify, s.Clock)
	if !rollout.GoesOn(s.policy, watched, s.Clock) {
		return planView{Why: "the fleet is not looked at yet", Watch: viewOutcomes(outcomes), Next: rollout.Next}
	}
	view := s.decide(t, rollout, policy.Apply)
	view.Watch, view.Halt = viewOutcomes(outcomes), rollout.Halt
	return view
}

func (s scenario) decide(t *testing.T, rollout *upgrade.Rollout, mode policy.Mode) planView {
	t.Helper()
	q := upgrade.Question{
		Request: rollout.Request, Mode: mode, Rollout: rollout.ID, Region: rollout.Region, Policy: s.policy, Now: s.Clock, Memory: rollout,
	}
	if !s.Alone {
		q.Room = rollout.Room()
	}
	fleet := q.Unseen()
	if mode != policy.Off {
		fleet = s.observe(t, q.Scope())
	}
	decisions := q.Decide(fleet)
	view := planView{Plan: viewPlan(decisions)}
	if rollout.Seq == 0 && mode != policy.Off {
		view.PlanHash = upgrade.PlanHash(decisions)
	}
	return view
}

func (s scenario) observe(t *testing.T, scope upgrade.Scope) []upgrade.Instance {
	t.Helper()
	fleet, err := s.observer.Observe(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	return fleet
}

func texts(invalid *events.Invalid) []string {
	list := []string{}
	for _, p := range invalid.Problems {
		list = append(list, p.String())
	}
	return list
}

// planView shows a plan as the scenario files do.
type planView struct {
	Watch    []outcomeView  `json:"watch,omitempty"` // what has become of what is in flight
	Halt     string         `json:"halt,omitempty"`
	Why      string         `json:"none,omitempty"` // why there is no plan
	Next     time.Time      `json:"next,omitzero"`  // when there will be something to do
	PlanHash string         `json:"planHash,omitempty"`
	Plan     []decisionView `json:"plan,omitzero"`
}

type outcomeView struct {
	DBInstanceID string         `json:"DBInstanceId"`
	Status       upgrade.Status `json:"status"`
	Detail       string         `json:"detail,omitempty"`
	Looks        int            `json:"looks"`
}

type decisionView struct {
	DBInstanceID string         `json:"DBInstanceId"`
	RegionID     string         `json:"RegionId"`
	Target       string         `json:"target,omitempty"`
	Step         *stepView      `json:"step,omitempty"`
	Skip         upgrade.Reason `json:"skip,omitempty"`
	Waits        bool           `json:"waits,omitempty"` // the reason passes by itself
	Detail       string         `json:"detail,omitempty"`
	Fault        string         `json:"fault,omitempty"`
	Settled      upgrade.Status `json:"settled,omitempty"` // what an earlier claim has come to
	Past         upgrade.Status `json:"past,omitempty"`    // what this rollout has done with it before
	Halted       bool           `json:"halted,omitempty"`
}

type stepView struct {
	Wave               int       `json:"wave"`
	TargetMinorVersion string    `json:"TargetMinorVersion,omitempty"` // as asked
	UpgradeTime        string    `json:"UpgradeTime"`
	SwitchTime         time.Time `json:"SwitchTime,omitzero"`
	Due                time.Time `json:"due"`
	Why                string    `json:"why,omitempty"`
}

func viewOutcomes(outcomes []upgrade.Outcome) (view []outcomeView) {
	for _, o := range outcomes {
		view = append(view, outcomeView{o.Instance.ID, o.Status, o.Detail, o.Looks})
	}
	return view
}

func viewPlan(plan []upgrade.Decision) []decisionView {
	view := []decisionView{}
	for _, d := range plan {
		v := decisionView{DBInstanceID: d.Instance.ID, RegionID: d.Instance.RegionID, Target: d.Target, Halted: d.Halted, Waits: d.Wait}
		switch {
		case d.Step != nil:
			s := d.Step
			v.Step = &stepView{s.Wave, s.Asked, s.UpgradeTime, s.SwitchTime, s.Due, s.Why}
		case d.Skip != nil:
			v.Skip, v.Detail = d.Skip.Reason, d.Skip.Detail
		case d.Fault != nil:
			v.Fault = fmt.Sprintf("%s: %s", d.Fault.Kind, d.Fault.Message)
		case d.Past != nil:
			v.Past, v.Detail = d.Past.Status, d.Past.Detail
		}
		if d.Settlement != nil {
			v.Settled = d.Settlement.Status
		}
		view = append(view, v)
	}
	return view
}
