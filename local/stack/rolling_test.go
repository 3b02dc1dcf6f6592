package stack_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/stack"
)

const (
	upgradeCall = "UpgradeDBInstanceKernelVersion"
	older       = "rds_20240101"
	newer       = "rds_20240630"

	// prompt is a policy under which a rollout takes seconds. Nothing is given up because the machine is slow.
	prompt = `verify: {first: 1s, giveUp: 10m}
rate: {callsPerSecond: 1000}
budget: {maxInstances: 50, maxPercent: 100}
tempo: {default: {UpgradeTime: Immediate, bake: 0s}}
`
)

// rolling is a cloud whose rollouts are followed up. What a process that dies has received comes again after 2 seconds.
func rolling(fleet ...fakerds.Instance) setup {
	return setup{
		policy: prompt, fleet: fleet, env: map[string]string{"FOLLOWUP_QUEUE": stack.FollowUps},
		queue: func(a *fakemns.QueueAttributes) { a.VisibilityTimeout = 2 },
	}
}

// member is an instance of a fleet that can be upgraded in no time.
func member(id string, tags ...string) fakerds.Instance {
	i := fakerds.Instance{
		DBInstanceID: id, CurrentKernelVersion: older, LatestKernelVersion: newer,
		Tags: map[string]string{"kernel-upgrade": "auto"}, Upgrade: fakerds.Upgrade{Takes: 300 * time.Millisecond},
	}
	for n := 0; n+1 < len(tags); n += 2 {
		i.Tags[tags[n]] = tags[n+1]
	}
	return i
}

// patience is for a machine that is busy with much else.
const patience = 10 * time.Minute

// until waits for something to happen in the background.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not happen in time: %s", what)
		}
	}
}

// idle waits until the function has dealt with every event.
func (c *cloud) idle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.FC.WaitIdle(ctx); err != nil {
		t.Fatal(err)
	}
}

// request publishes a request, and waits until Function Compute has it.
func (c *cloud) request(t *testing.T, body string) {
	t.Helper()
	before := len(c.FC.Invocations())
	if _, err := stack.NewClient(c.MNSURL).Request(body); err != nil {
		t.Fatal(err)
	}
	until(t, "the request reaches the function", func() bool { return len(c.FC.Invocations()) > before })
}

func (c *cloud) tick(t *testing.T) {
	t.Helper()
	if _, err := c.FC.Tick(stack.FollowUpsTimer, stack.FollowUpsPayload); err != nil {
		t.Fatal(err)
	}
}

// due tells whether a follow-up can be received.
func (c *cloud) due() bool {
	return slices.ContainsFunc(c.MNS.Messages(stack.FollowUps), func(m fakemns.QueueMessage) bool { return m.State == fakemns.Active })
}

// play lets the timer tick whenever a follow-up can be received, until there is none and the function has nothing to do.
func (c *cloud) play(t *testing.T) {
	t.Helper()
	c.idle(t)
	until(t, "the rollouts end", func() bool {
		if c.due() {
			c.tick(t)
			c.idle(t)
		}
		return len(c.MNS.Messages(stack.FollowUps)) == 0
	})
}

// accepted counts the upgrade calls that RDS has accepted, by instance.
func (c *cloud) accepted() map[string]int {
	accepted := map[string]int{}
	for _, call := range c.RDS.CallsOf(upgradeCall) {
		if call.Accepted {
			accepted[call.DBInstanceID]++
		}
	}
	return accepted
}

// told gives the ids of the distinct notifications of a transition, by instance.
func (c *cloud) told(t *testing.T, tag string) map[string][]string {
	t.Helper()
	told := map[string][]string{}
	for _, n := range c.notifications(t) {
		instance, _ := n.Data["DBInstanceId"].(string)
		if n.Tag == tag && instance != "" && !slices.Contains(told[instance], n.ID) {
			told[instance] = append(told[instance], n.ID)
		}
	}
	return told
}

// account is what a report says.
type account struct {
	id, detail string
	status     map[string]string // by instance
}

// accounts gives the reports, the first of each id, after checking that each accounts for every instance once.
func (c *cloud) accounts(t *testing.T) (all []account) {
	t.Helper()
	for _, n := range c.notifications(t) {
		if n.Tag != "report" {
			continue
		}
		a := n.account(t)
		if !slices.ContainsFunc(all, func(b account) bool { return b.id == a.id }) {
			all = append(all, a)
		}
	}
	return all
}

func (n notification) account(t *testing.T) account {
	t.Helper()
	a := account{id: n.ID, status: map[string]string{}}
	a.detail, _ = n.Data["detail"].(string)
	listed, said := map[string]int{}, map[string]int{}
	for _, entry := range n.Data["instances"].([]any) {
		e := entry.(map[string]any)
		instance, status := e["DBInstanceId"].(string), e["status"].(string)
		if a.status[instance] != "" {
			t.Errorf("%s stands in a report twice", instance)
		}
		a.status[instance] = status
		listed[status]++
	}
	for status, number := range n.Data["counts"].(map[string]any) {
		said[status] = int(number.(float64))
	}
	if !maps.Equal(listed, said) {
		t.Errorf("a report counts %v, and lists %v", said, listed)
	}
	return a
}

// clean fails if a rollout has left anything behind.
func (c *cloud) clean(t *testing.T) {
	t.Helper()
	for _, i := range c.RDS.Instances() {
		if claim := i.Tags["kernel-upgrade-claim"]; claim != "" {
			t.Errorf("%s still has the claim %q", i.DBInstanceID, claim)
		}
	}
	for _, m := range c.MNS.Messages(stack.FollowUps) {
		t.Errorf("on the queue is still %s", m.Body)
	}
	c.noSecrets(t)
}

// upgradedOnce fails unless each of the instances was called once, and that and its proof were told under one id each.
func (c *cloud) upgradedOnce(t *testing.T, ids ...string) {
	t.Helper()
	c.calledOnce(t, ids...)
	for _, id := range ids {
		for _, tag := range []string{"accepted", "completed"} {
			if told := c.told(t, tag)[id]; len(told) != 1 {
				t.Errorf("%s of %s has the ids %v, want one", tag, id, told)
			}
		}
	}
}

// calledOnce fails unless these instances, and no others, run their latest version after one accepted call each.
func (c *cloud) calledOnce(t *testing.T, ids ...string) {
	t.Helper()
	want := map[string]int{}
	for _, id := range ids {
		want[id] = 1
		if i, _ := c.RDS.Instance(id); i.CurrentKernelVersion != i.LatestKernelVersion {
			t.Errorf("%s runs %s", id, i.CurrentKernelVersion)
		}
	}
	if got := c.accepted(); !maps.Equal(got, want) {
		t.Errorf("accepted calls: %v, want %v", got, want)
	}
}

// all gives a status to instances.
func all(status string, ids ...string) map[string]string {
	want := map[string]string{}
	for _, id := range ids {
		want[id] = status
	}
	return want
}

// wantAccounts fails unless these, in this order, are the reports.
func (c *cloud) wantAccounts(t *testing.T, want ...map[string]string) {
	t.Helper()
	got := c.accounts(t)
	if !slices.EqualFunc(got, want, func(a account, w map[string]string) bool { return maps.Equal(a.status, w) }) {
		t.Errorf("the reports are %+v, want %v", got, want)
	}
}

// explain shows what has happened, if it was not what should.
func (c *cloud) explain(t *testing.T) {
	t.Helper()
	if !t.Failed() {
		return
	}
	for _, n := range c.notifications(t) {
		t.Logf("%s %s %v %v %v", n.at.Format("05.000"), n.Tag, n.Data["DBInstanceId"], n.Data["detail"], n.ID)
	}
	for _, i := range c.FC.Invocations() {
		t.Logf("%s %s %s %s", i.Started.Format("05.000"), i.Trigger, i.End, i.Body)
	}
	t.Log(c.logs)
}
