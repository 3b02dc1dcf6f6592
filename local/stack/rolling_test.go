package stack_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/stack"
)

const (
	upgradeCall = "UpgradeDBInstanceKernelVersion"
	older       = "rds_20240101"
	newer       = "rds_20240630"
)

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

func members(ids ...string) (fleet []fakerds.Instance) {
	for _, id := range ids {
		fleet = append(fleet, member(id))
	}
	return fleet
}

// until waits for something to happen in the background.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience()); !done(); time.Sleep(unit / 4) {
		if time.Now().After(end) {
			t.Fatalf("it did not happen in time: %s", what)
		}
	}
}

// idle waits until the function has dealt with every event.
func (c *cloud) idle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience())
	defer cancel()
	if err := c.FC.WaitIdle(ctx); err != nil {
		t.Fatal(err)
	}
}

// request publishes a request, and waits until the function has dealt with it.
func (c *cloud) request(t *testing.T, body string) {
	t.Helper()
	before := len(c.FC.Invocations())
	if _, err := stack.NewClient(c.MNSURL).Request(body); err != nil {
		t.Fatal(err)
	}
	until(t, "the request reaches the function", func() bool { return len(c.FC.Invocations()) > before })
	c.idle(t)
}

// later gives the function an event in the background.
func (c *cloud) later(t *testing.T, event []byte) {
	t.Helper()
	if _, err := c.FC.InvokeAsync(stack.RequestTopic, event); err != nil {
		t.Fatal(err)
	}
}

func (c *cloud) tick(t *testing.T) {
	t.Helper()
	if _, err := c.FC.Tick(stack.TickTimer, stack.TickPayload); err != nil {
		t.Fatal(err)
	}
	c.idle(t)
}

// document reads the newest document.
func (c *cloud) document(t *testing.T) stack.Document {
	t.Helper()
	d, err := c.Document()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// play lets the timer tick until nothing is to be done any more.
func (c *cloud) play(t *testing.T) { t.Helper(); c.playWith(t, func() { c.tick(t) }) }

func (c *cloud) playWith(t *testing.T, tick func()) {
	t.Helper()
	c.idle(t)
	until(t, "the rollouts end", func() bool {
		if c.document(t).Settled() {
			return true
		}
		time.Sleep(first() / 4)
		tick()
		return false
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

// told returns the ids of the distinct notifications of a tag, by instance.
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
	id, detail, joined string
	status             map[string]string // by instance
}

// accounts returns the reports of rollouts, the first of each id, after checking that each has every instance once.
func (c *cloud) accounts(t *testing.T) []account {
	t.Helper()
	return slices.DeleteFunc(c.reports(t), func(a account) bool { return a.joined != "" })
}

// joined returns the reports of requests that have joined a rollout.
func (c *cloud) joined(t *testing.T) []account {
	t.Helper()
	return slices.DeleteFunc(c.reports(t), func(a account) bool { return a.joined == "" })
}

func (c *cloud) reports(t *testing.T) (all []account) {
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
	a.joined, _ = n.Data["joined"].(string)
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

// clean fails if anything is left to do, if the history has a gap, or if a rollout has no archive.
func (c *cloud) clean(t *testing.T) {
	t.Helper()
	d := c.document(t)
	if !d.Settled() || int(d.Number) != c.StateWrites()+1 {
		t.Errorf("document %d after %d writes is not settled, or one is missing: %s", d.Number, c.StateWrites(), d.Text)
	}
	archives, err := c.Archives()
	if err != nil || len(archives) != len(d.Rollouts) {
		t.Errorf("%d archives of %d rollouts: %v", len(archives), len(d.Rollouts), err)
	}
	for _, a := range archives {
		if a.Rollout.Told.Report.IsZero() {
			t.Errorf("the archive has no report that was published: %s", a.Text)
		}
	}
	c.noSecrets(t)
}

// upgradedOnce fails unless each of the instances was called once, and that and its proof were published under one id each.
func (c *cloud) upgradedOnce(t *testing.T, ids ...string) {
	t.Helper()
	want := map[string]int{}
	for _, id := range ids {
		want[id] = 1
		if i, _ := c.RDS.Instance(id); i.CurrentKernelVersion != i.LatestKernelVersion {
			t.Errorf("%s runs %s", id, i.CurrentKernelVersion)
		}
		for _, tag := range []string{"accepted", "completed"} {
			if told := c.told(t, tag)[id]; len(told) != 1 {
				t.Errorf("%s of %s has the ids %v, want one", tag, id, told)
			}
		}
	}
	if got := c.accepted(); !maps.Equal(got, want) {
		t.Errorf("accepted calls: %v, want %v", got, want)
	}
}

// all returns a status for instances.
func all(status string, ids ...string) map[string]string {
	want := map[string]string{}
	for _, id := range ids {
		want[id] = status
	}
	return want
}

// wantAccounts fails unless these, in this order, are the reports of rollouts.
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
