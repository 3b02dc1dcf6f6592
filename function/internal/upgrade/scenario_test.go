package upgrade_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/upgrade"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/golden"
	"rds-kernel-upgrade/local/sts"
	"rds-kernel-upgrade/schema"
)

// TestScenarios owns the stages plan, outcome and notification of testdata/scenarios.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, folder := range golden.Scenarios(t, "../../..") {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			message := messageOf(t, folder)
			account := upgrade.Account{
				Source: "acs:fc:cn-hangzhou:1234567890123456:functions/rds-kernel-upgrade", Account: "1234567890123456",
				Rollout: upgrade.RolloutID(string(message.Trigger), message.ID), Now: now,
				Cause: upgrade.Cause{Trigger: string(message.Trigger), MessageID: message.ID, FCRequestID: "1-67318f55-1310da55-db2afabf2b30"},
			}
			request, err := events.Parse(message.Body, now)
			var invalid *events.Invalid
			if errors.As(err, &invalid) {
				publish(t, folder, account.Rejected(texts(invalid)))
				return
			}
			policy := policyOf(t, folder)
			account.Mode = policy.ModeOf(request)
			a := fleetOf(t, folder)
			plan := decide(t, a, account, request, policy)
			golden.JSON(t, folder+"/3-plan.json", viewPlan(plan))
			outcomes, settled := upgrade.Preview(plan, account.Rollout), []upgrade.Outcome(nil)
			if account.Mode == upgrade.Apply {
				run := a.run(account.Rollout, now)
				settled, outcomes = upgrade.Settled(plan), run.Apply(t.Context(), plan)
				a.conclude(t, run, append(settled[:len(settled):len(settled)], outcomes...))
			}
			golden.JSON(t, folder+"/4-outcome.json", viewOutcomes(a, append(settled[:len(settled):len(settled)], outcomes...)))
			publish(t, folder, append(account.Transitions(settled), account.Notifications(outcomes)...)...)
		})
	}
}

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

func policyOf(t *testing.T, folder string) upgrade.Policy {
	t.Helper()
	text, err := os.ReadFile(folder + "/policy.yaml")
	if errors.Is(err, os.ErrNotExist) {
		return upgrade.DefaultPolicy()
	}
	policy, err := upgrade.ParsePolicy(text, time.LoadLocation)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

// fleetOf reads the fleet file that the local cloud reads too.
func fleetOf(t *testing.T, folder string) *api {
	t.Helper()
	clock := func() time.Time { return now }
	rds := fakerds.New(fakerds.Options{Now: clock, Keys: sts.NewKeyring(clock)})
	file, err := os.Open(folder + "/fleet.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if err := rds.Load(file); err != nil {
		t.Fatal(err)
	}
	a := newAPI(t)
	for _, i := range rds.Instances() {
		a.add(i)
	}
	return a
}

func (a *api) add(i fakerds.Instance) {
	a.instances[i.DBInstanceID] = upgrade.Instance{
		ID: i.DBInstanceID, Description: i.DBInstanceDescription, RegionID: i.RegionID, Engine: i.Engine, EngineVersion: i.EngineVersion,
		StorageType: i.DBInstanceStorageType, Status: i.DBInstanceStatus, LockMode: i.LockMode, MaintainTime: i.MaintainTime,
		CurrentKernelVersion: i.CurrentKernelVersion, LatestKernelVersion: i.LatestKernelVersion,
	}
	for _, version := range []string{i.CurrentKernelVersion, i.LatestKernelVersion} {
		a.offers[i.DBInstanceID] = append(a.offers[i.DBInstanceID], upgrade.Offer{Version: version, Online: true})
	}
	if claim, ok := i.Tags[upgrade.ClaimTag]; ok {
		a.tags[i.DBInstanceID] = claim
	}
	if code := i.Upgrade.Refuse; code != "" {
		a.fail("Upgrade", &fault.Error{Op: "rds: UpgradeDBInstanceKernelVersion " + i.DBInstanceID, Kind: fault.Invalid, Code: code, Message: "refused"})
	}
}

func decide(t *testing.T, a *api, account upgrade.Account, request events.Request, policy upgrade.Policy) []upgrade.Decision {
	t.Helper()
	q := upgrade.Question{
		Request: request, Mode: account.Mode, Rollout: account.Rollout, Region: "cn-hangzhou", Policy: policy, Now: now,
	}
	if account.Mode == upgrade.Off {
		return q.Decide(q.Unseen())
	}
	return q.Decide(a.observe(t, q))
}

// publish checks notifications as a subscriber would, and compares them with the scenario.
func publish(t *testing.T, folder string, notifications ...upgrade.Notification) {
	t.Helper()
	for _, n := range notifications {
		body, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Check(body, n.Tag()); err != nil {
			t.Errorf("%s: %v", n.Type, err)
		}
	}
	golden.JSON(t, folder+"/5-notification.json", notifications)
}

func texts(invalid *events.Invalid) []string {
	list := []string{}
	for _, p := range invalid.Problems {
		list = append(list, p.String())
	}
	return list
}

// viewPlan shows a plan as the scenario files do.
func viewPlan(plan []upgrade.Decision) any {
	type step struct {
		TargetMinorVersion string `json:"TargetMinorVersion,omitempty"` // as asked
		UpgradeTime        string
		SwitchTime         time.Time `json:"SwitchTime,omitzero"`
		Due                time.Time `json:"due"`
	}
	type decision struct {
		DBInstanceID string         `json:"DBInstanceId"`
		Target       string         `json:"target,omitempty"`
		Step         *step          `json:"step,omitempty"`
		Skip         upgrade.Reason `json:"skip,omitempty"`
		Fault        string         `json:"fault,omitempty"`
		Settled      upgrade.Status `json:"settled,omitempty"`
		Halted       bool           `json:"halted,omitempty"`
	}
	view := []decision{}
	for _, d := range plan {
		v := decision{DBInstanceID: d.Instance.ID, Target: d.Target, Halted: d.Halted}
		switch {
		case d.Step != nil:
			v.Step = &step{d.Step.Asked, d.Step.UpgradeTime, d.Step.SwitchTime, d.Step.Due}
		case d.Skip != nil:
			v.Skip = d.Skip.Reason
		case d.Fault != nil:
			v.Fault = d.Fault.Error()
		}
		if d.Settlement != nil {
			v.Settled = d.Settlement.Status
		}
		view = append(view, v)
	}
	return view
}

// viewOutcomes shows the outcomes, what was called, and the claims that are left.
func viewOutcomes(a *api, outcomes []upgrade.Outcome) any {
	entries := []upgrade.Entry{}
	for _, o := range outcomes {
		entries = append(entries, o.Entry())
	}
	return struct {
		Calls    []string          `json:"calls"`
		Outcomes []upgrade.Entry   `json:"outcomes"`
		Claims   map[string]string `json:"claims"`
	}{a.calls, entries, a.tags}
}
