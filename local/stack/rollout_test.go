package stack_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/stack"
)

const (
	upgradeCall = "UpgradeDBInstanceKernelVersion"
	older       = "rds_20240101"
	newer       = "rds_20240630"

	// prompt is a policy under which a rollout takes seconds.
	prompt = `verify: {first: 1s, giveUp: 15s}
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

// until waits for something to happen in the background.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not happen in time: %s", what)
		}
	}
}

// idle waits until the function has dealt with every event.
func (c *cloud) idle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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
	id, rollout string
	detail      string
	status      map[string]string // by instance
}

// accounts gives the reports, the first of each id, after checking that the counts add up and each instance stands in there once.
func (c *cloud) accounts(t *testing.T) (all []account) {
	t.Helper()
	for _, n := range c.notifications(t) {
		if n.Tag != "report" && (n.Tag != "halted" || n.Data["counts"] == nil) {
			continue
		}
		a := account{id: n.ID, rollout: n.Data["rollout"].(string), status: map[string]string{}}
		a.detail, _ = n.Data["detail"].(string)
		counts := map[string]int{}
		for _, entry := range n.Data["instances"].([]any) {
			e := entry.(map[string]any)
			instance, status := e["DBInstanceId"].(string), e["status"].(string)
			if a.status[instance] != "" {
				t.Errorf("%s stands twice in a %s", instance, n.Tag)
			}
			a.status[instance] = status
			counts[status]++
		}
		said := map[string]int{}
		for status, number := range n.Data["counts"].(map[string]any) {
			said[status] = int(number.(float64))
		}
		if n.Tag == "halted" { // it lists what the rollout has to do with, and counts all
			continue
		}
		if !maps.Equal(counts, said) {
			t.Errorf("a report counts %v, and lists %v", said, counts)
		}
		if !slices.ContainsFunc(all, func(b account) bool { return b.id == a.id }) {
			all = append(all, a)
		}
	}
	return all
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
	want := map[string]int{}
	for _, id := range ids {
		want[id] = 1
		for _, tag := range []string{"accepted", "completed"} {
			if told := c.told(t, tag)[id]; len(told) != 1 {
				t.Errorf("%s of %s has the ids %v, want one", tag, id, told)
			}
		}
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

func TestAnUpgradeIsProvenByItself(t *testing.T) {
	t.Parallel()
	s := rolling(member(id))
	s.timers = []stack.Timer{stack.FollowUpsEvery(250 * time.Millisecond)}
	c := start(t, s)
	client := stack.NewClient(c.MNSURL)
	if _, err := client.Request(plain); err != nil {
		t.Fatal(err)
	}
	until(t, "the rollout is reported", func() bool { return len(c.ids(t, "report")) > 0 && len(c.MNS.Messages(stack.FollowUps)) == 0 })
	if got := tags(c.notifications(t)); got != "accepted completed report" {
		t.Errorf("got %s", got)
	}
	for range 3 {
		if _, ok, err := client.Receive(); !ok || err != nil {
			t.Errorf("a subscriber gets %v, %v", ok, err)
		}
	}
	completed := c.notifications(t)[1].Data
	if completed["before"] != older || completed["after"] != newer || completed["acceptedAt"] == "" || completed["looks"] != 1.0 {
		t.Errorf("the proof is %v", completed)
	}
	c.upgradedOnce(t, id)
	c.wantAccounts(t, all("completed", id))
	until(t, "the claim goes", func() bool { return c.claim() == "" })
	c.clean(t)
	c.explain(t)
}

// advised is a fleet of which an advisory for MySQL 8.0 concerns all but the last three.
func advised() []fakerds.Instance {
	replica := func(id string) fakerds.Instance {
		i := member(id, "env", "prod")
		i.MasterInstanceID = "rm-primary"
		return i
	}
	away := func(i fakerds.Instance) fakerds.Instance {
		i.RegionID = "cn-shanghai"
		return i
	}
	fixed, closed, other := member("rm-fixed"), member("rm-closed"), away(member("pgm-other"))
	fixed.CurrentKernelVersion = newer
	closed.Tags = nil
	other.Engine, other.EngineVersion = "PostgreSQL", "15.0"
	other.CurrentKernelVersion, other.LatestKernelVersion = "rds_postgres_1500_20240101", "rds_postgres_1500_20240630"
	return []fakerds.Instance{
		member("rm-primary", "env", "prod"), replica("rr-one"), replica("rr-two"), away(member("rm-dev", "env", "dev")), away(member("rm-prod", "env", "prod")),
		fixed, closed, other,
	}
}

const advisory = `{"kind":"advisory",
	"advisory":{"id":"SEC-1","severity":"high","affected":[{"Engine":"MySQL","EngineVersion":"8.0","fixedIn":"` + newer + `"}]},
	"select":{"RegionId":["cn-hangzhou","cn-shanghai"]},"schedule":{"UpgradeTime":"Immediate"},
	"rollout":{"waves":[{"tags":{"env":"dev"}},{"percent":50},{"percent":100}],"bake":"1s"}}`

func TestAnAdvisoryTakesAFleetOfTwoRegionsToItsEnd(t *testing.T) {
	t.Parallel()
	c := start(t, rolling(advised()...))
	c.request(t, advisory)
	c.play(t)
	affected := []string{"rm-primary", "rr-one", "rr-two", "rm-dev", "rm-prod"}
	c.upgradedOnce(t, affected...)
	want := all("completed", affected...)
	maps.Copy(want, all("skipped", "rm-fixed", "rm-closed", "pgm-other"))
	c.wantAccounts(t, want)
	c.inOrder(t)
	c.clean(t)
	c.explain(t)
}

// inOrder fails unless every wave was proven and told before the first call of the next, the instance with the tag came first, and the
// replicas before their primary.
func (c *cloud) inOrder(t *testing.T) {
	t.Helper()
	called, wave, proven := map[string]time.Time{}, map[string]int{}, map[string]time.Time{}
	for _, call := range c.RDS.CallsOf(upgradeCall) {
		called[call.DBInstanceID] = call.At
	}
	for _, n := range c.notifications(t) {
		instance, _ := n.Data["DBInstanceId"].(string)
		switch n.Tag {
		case "accepted":
			wave[instance] = int(n.Data["wave"].(float64))
		case "completed":
			proven[instance] = n.at
			if n.Data["advisory"] != "SEC-1" || wave[instance] != int(n.Data["wave"].(float64)) {
				t.Errorf("%s is %v", instance, n.Data)
			}
		}
	}
	for before := range wave {
		for after := range wave {
			if wave[before] < wave[after] && proven[before].Add(time.Second).After(called[after]) {
				t.Errorf("%s of wave %d was called before %s of wave %d was proven, and a second had passed", after, wave[after], before, wave[before])
			}
		}
	}
	if wave["rm-dev"] != 1 || wave["rr-one"] == 1 || wave["rr-one"] >= wave["rm-primary"] || wave["rr-two"] >= wave["rm-primary"] {
		t.Errorf("the waves are %v", wave)
	}
}

// sweeping is a sweep in two waves: one instance of three, then the others.
const sweeping = `{"kind":"sweep","rollout":{"waves":[{"percent":33},{"percent":100}],"bake":"0s"}}`

var three = []string{"rm-1", "rm-2", "rm-3"}

func members(ids ...string) (fleet []fakerds.Instance) {
	for _, id := range ids {
		fleet = append(fleet, member(id))
	}
	return fleet
}

func TestTenDeliveriesOfASweepAreOneRollout(t *testing.T) {
	t.Parallel()
	for _, together := range []int{1, 10} {
		t.Run(fmt.Sprintf("%d at a time", together), func(t *testing.T) {
			t.Parallel()
			s := rolling(members(three...)...)
			s.fc = func(o *fakefc.Options) { o.Concurrency = together }
			c := start(t, s)
			event := topicEvent(sweeping)
			c.deliverMany(t, event, 10, together)
			until(t, "the first wave can be proven", c.due)
			c.tick(t)
			c.idle(t)
			c.deliverMany(t, event, 3, together) // while the second wave is in flight
			c.play(t)
			c.deliverMany(t, event, 3, together) // and when all is over
			c.play(t)
			c.upgradedOnce(t, three...)
			rollouts := map[any]bool{}
			for _, n := range c.notifications(t) {
				rollouts[n.Data["rollout"]] = true
			}
			if len(rollouts) != 1 {
				t.Errorf("there are %d rollouts", len(rollouts))
			}
			c.wantAccounts(t, all("completed", three...))
			c.clean(t)
			c.explain(t)
		})
	}
}

// TestARolloutThatHaltsGoesOnWhenItIsAskedForAgain lets the canary come back without the version.
func TestARolloutThatHaltsGoesOnWhenItIsAskedForAgain(t *testing.T) {
	t.Parallel()
	canary := member("rm-canary", "env", "dev")
	canary.Upgrade = fakerds.Upgrade{Takes: 2500 * time.Millisecond, Fails: true}
	s := rolling(append(members("rm-1", "rm-2"), canary)...)
	s.policy = strings.Replace(prompt, "giveUp: 15s", "giveUp: 5s", 1)
	c := start(t, s)
	const request = `{"kind":"sweep","rollout":{"waves":[{"tags":{"env":"dev"}},{"percent":100}],"maxFailures":0}}`
	c.request(t, request)
	c.play(t)
	halted := all("skipped", "rm-1", "rm-2")
	halted["rm-canary"] = "failed"
	c.wantAccounts(t, halted)
	if got := tags(c.notifications(t)); got != "accepted failed halted report" {
		t.Errorf("got %s", got)
	}
	if got := c.accepted(); !maps.Equal(got, map[string]int{"rm-canary": 1}) {
		t.Errorf("accepted calls: %v", got)
	}
	c.clean(t)

	c.RDS.Update("rm-canary", func(i *fakerds.Instance) { i.Upgrade = fakerds.Upgrade{Takes: 300 * time.Millisecond} })
	c.request(t, request)
	c.play(t)
	c.wantAccounts(t, halted, all("completed", "rm-canary", "rm-1", "rm-2"))
	if got := c.accepted(); !maps.Equal(got, map[string]int{"rm-canary": 2, "rm-1": 1, "rm-2": 1}) {
		t.Errorf("accepted calls: %v", got)
	}
	c.clean(t)
	c.explain(t)
}

// redeploy puts another policy beside the function: the process that runs ends, and the next event starts one that reads it.
func (c *cloud) redeploy(t *testing.T, policy string) {
	t.Helper()
	c.decree(t, policy)
	c.FC.Kill()
}

func TestTheKillSwitchStopsARolloutAndItGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	c := start(t, rolling(members(three...)...))
	c.request(t, sweeping)
	c.idle(t)
	c.redeploy(t, prompt+"mode: off\n")
	c.play(t)
	if got := tags(c.notifications(t)); got != "accepted completed halted report" {
		t.Errorf("got %s", got)
	}
	if got := len(c.accepted()); got != 1 {
		t.Errorf("%d instances were called, want the one of the first wave", got)
	}
	c.clean(t)
	for _, a := range c.accounts(t) {
		if len(a.status) != 3 || a.detail != "the policy's mode is off" {
			t.Errorf("the report is %+v", a)
		}
	}
	c.redeploy(t, prompt)
	c.request(t, sweeping)
	c.play(t)
	c.upgradedOnce(t, three...)
	c.clean(t)
	c.explain(t)
}
