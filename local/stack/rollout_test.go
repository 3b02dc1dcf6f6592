package stack_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/stack"
)

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

// inOrder fails unless every wave was proven, told and baked before the first call of the next, the instance with the tag came first, and
// the replicas came before their primary.
func (c *cloud) inOrder(t *testing.T) {
	t.Helper()
	called, wave, ready := map[string]time.Time{}, map[string]float64{}, map[string]time.Time{}
	for _, call := range c.RDS.CallsOf(upgradeCall) {
		called[call.DBInstanceID] = call.At
	}
	for _, n := range c.notifications(t) {
		if n.Tag != "completed" {
			continue
		}
		instance := n.Data["DBInstanceId"].(string)
		observed, err := time.Parse(time.RFC3339, n.Data["observedAt"].(string))
		if err != nil || n.Data["advisory"] != "SEC-1" {
			t.Errorf("%v in %v", err, n.Data)
		}
		wave[instance], ready[instance] = n.Data["wave"].(float64), n.at
		if baked := observed.Add(time.Second); baked.After(n.at) {
			ready[instance] = baked
		}
	}
	for before := range wave {
		for after := range wave {
			if wave[before] < wave[after] && called[after].Before(ready[before]) {
				t.Errorf("%s of wave %v was called before %s of wave %v was proven and baked", after, wave[after], before, wave[before])
			}
		}
	}
	if wave["rm-dev"] != 1 || wave["rr-one"] <= 1 || wave["rr-one"] >= wave["rm-primary"] || wave["rr-two"] >= wave["rm-primary"] {
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
	c := start(t, rolling(append(members("rm-1", "rm-2"), canary)...))
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
	if all := c.accounts(t); len(all) != 1 || len(all[0].status) != len(three) || all[0].detail != "the policy's mode is off" {
		t.Errorf("the reports are %+v", all)
	}
	c.redeploy(t, prompt)
	c.request(t, sweeping)
	c.play(t)
	c.upgradedOnce(t, three...)
	c.clean(t)
	c.explain(t)
}
