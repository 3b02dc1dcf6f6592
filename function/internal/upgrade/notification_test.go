package upgrade_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
	"rds-kernel-upgrade/schema"
)

func accountOf(rollout string, mode policy.Mode) upgrade.Account {
	return upgrade.Account{
		Source: "acs:fc:cn-hangzhou:1234567890123456:functions/rds-kernel-upgrade", Account: "1234567890123456",
		Rollout: upgrade.RolloutID("mns_topic", rollout), Mode: mode, Now: now,
		Cause: upgrade.Cause{Trigger: "mns_topic", MessageID: rollout, FCRequestID: "1-2-3"},
	}
}

// TestWhatTheAPISaysIsBounded is for an API that says a megabyte.
func TestWhatTheAPISaysIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<", 1<<20)
	o := upgrade.Outcome{
		Instance: upgrade.Instance{ID: long, RegionID: long, Engine: long, EngineVersion: long, CurrentKernelVersion: long}, Target: long, Detail: long,
		Fault:      &fault.Error{Kind: fault.Invalid, Code: long, Message: long, RequestID: long},
		Acceptance: upgrade.Acceptance{RequestID: long, TaskID: long, DBInstanceName: long, TargetMinorVersion: long},
	}
	text, err := json.Marshal(o.Entry())
	if err != nil || len(text) > 8_000 {
		t.Errorf("an entry has %d bytes, %v", len(text), err)
	}
}

func TestEveryRequestIsClosedByOneReportOnceNothingIsLeft(t *testing.T) {
	t.Parallel()
	doubt := &fault.Error{Kind: fault.Unavailable, Message: "lost", InDoubt: true}
	cases := map[string]struct {
		status upgrade.Status
		fault  *fault.Error
		mode   policy.Mode
		want   []string
	}{
		"accepted: the upgrade is on its way": {upgrade.Accepted, nil, policy.Apply, []string{"accepted"}},
		"completed":                           {upgrade.Completed, nil, policy.Apply, []string{"completed", "report"}},
		"failed":                              {upgrade.Failed, errTag, policy.Apply, []string{"failed", "report"}},
		"skipped":                             {upgrade.Skipped, nil, policy.Apply, []string{"report"}},
		"halted":                              {upgrade.Halted, nil, policy.Off, []string{"halted", "report"}},
		"planned":                             {upgrade.Planned, nil, policy.Plan, []string{"plan", "report"}},
		"in doubt: it is delivered again":     {upgrade.Unverified, doubt, policy.Apply, []string{"unverified"}},
		"never proven":                        {upgrade.Unverified, nil, policy.Apply, []string{"unverified", "report"}},
		"pending: it is delivered again":      {upgrade.Pending, errTag, policy.Apply, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := accountOf("m", c.mode)
			o := upgrade.Outcome{
				Instance: mysql(), Status: c.status, Fault: c.fault, Rollout: a.Rollout, Target: newer, AcceptedAt: now,
				UpgradeTime: string(events.Immediate),
			}
			if c.status == upgrade.Completed {
				o.Instance.CurrentKernelVersion = newer
			}
			var tags []string
			for _, n := range a.Notifications([]upgrade.Outcome{o}) {
				tags = append(tags, n.Tag())
				if body, err := json.Marshal(n); err != nil || schema.Check(body, n.Tag()) != nil {
					t.Errorf("%s: %v %v", body, err, schema.Check(body, n.Tag()))
				}
			}
			if diff := cmp.Diff(c.want, tags); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAnIDIsTheSameExactlyForTheSameTransition(t *testing.T) {
	t.Parallel()
	idOf := func(rollout string, change ...func(o *upgrade.Outcome)) string {
		a := accountOf(rollout, policy.Apply)
		o := upgrade.Outcome{Instance: mysql(), Status: upgrade.Accepted, Rollout: a.Rollout, Target: newer}
		for _, f := range change {
			f(&o)
		}
		return a.Notifications([]upgrade.Outcome{o})[0].ID
	}
	first := idOf("m")
	for name, same := range map[string]string{
		"told again":                            idOf("m"),
		"told again without the API's answer":   idOf("m", func(o *upgrade.Outcome) { o.Acceptance = answer }),
		"told again when the version has moved": idOf("m", func(o *upgrade.Outcome) { o.Instance.CurrentKernelVersion = newer }),
	} {
		if same != first {
			t.Errorf("%s: another id", name)
		}
	}
	for name, other := range map[string]string{
		"another message":  idOf("m2"),
		"another status":   idOf("m", func(o *upgrade.Outcome) { o.Status = upgrade.Failed }),
		"another instance": idOf("m", func(o *upgrade.Outcome) { o.Instance.ID = "rm-2" }),
		"another version":  idOf("m", func(o *upgrade.Outcome) { o.Target = "rds_20261101" }),
	} {
		if other == first {
			t.Errorf("%s: the same id", name)
		}
	}
}

func TestAPlanHasTheSameHashExactlyWhenItIsTheSamePlan(t *testing.T) {
	t.Parallel()
	hashOf := func(message, target string) string {
		a := accountOf(message, policy.Plan)
		o := upgrade.Outcome{Instance: mysql(), Status: upgrade.Planned, Rollout: a.Rollout, Target: target, UpgradeTime: "Immediate"}
		return a.Notifications([]upgrade.Outcome{o})[0].Data.PlanHash
	}
	if hashOf("m", newer) != hashOf("m2", newer) {
		t.Error("two messages with the same plan have two hashes")
	}
	if hashOf("m", newer) == hashOf("m", older) {
		t.Error("two plans have one hash")
	}
}

func TestARejectionOfTheWorstMessageFitsIntoOneMessage(t *testing.T) {
	t.Parallel()
	body := []byte("{")
	for n := range 4000 { // more wrong fields than are listed, near the size limit of a message
		if n > 0 {
			body = append(body, ',')
		}
		body = append(body, `"wrong`+string(rune('a'+n%26))+string(rune('a'+n/26%26))+string(rune('a'+n/676))+`":1`...)
	}
	_, err := events.Parse(append(body, '}'), now)
	invalid, ok := err.(*events.Invalid) //nolint:errorlint // Parse documents the type
	if !ok {
		t.Fatalf("got %v", err)
	}
	n := accountOf("m", "").Rejected(texts(invalid))
	text, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Check(text, "rejected"); err != nil {
		t.Error(err)
	}
}

func TestACompletedPostgreSQLSaysWhichExtensionsToLookAt(t *testing.T) {
	t.Parallel()
	for engine, want := range map[string]bool{"PostgreSQL": true, "MySQL": false} {
		for _, status := range []upgrade.Status{upgrade.Completed, upgrade.Accepted} {
			i := member(id, func(i *upgrade.Instance) { i.Engine = engine })
			n := upgrade.Account{}.Transitions([]upgrade.Outcome{{Instance: i, Status: status}})[0]
			if got := strings.Contains(n.Data.Detail, "ALTER EXTENSION"); got != (want && status == upgrade.Completed) {
				t.Errorf("%s %s: %q", engine, status, n.Data.Detail)
			}
		}
	}
}
