package stack_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/stack"
)

func TestAnUpgradeIsProvenByItself(t *testing.T) {
	t.Parallel()
	c := start(t, setup{timers: []stack.Timer{stack.TickEvery(first() / 4)}})
	client := stack.NewClient(c.MNSURL)
	if _, err := client.Request(plain); err != nil {
		t.Fatal(err)
	}
	until(t, "the rollout is reported", func() bool { return len(c.ids(t, "report")) > 0 && c.document(t).Settled() })
	if got := tags(c.notifications(t)); got != "accepted completed report" {
		t.Errorf("got %s", got)
	}
	if got := received(t, client); got != "accepted completed report" {
		t.Errorf("a subscriber gets %s", got)
	}
	for _, n := range c.notifications(t) {
		if d := n.Data; n.Tag == "completed" && (d["before"] != older || d["after"] != newer || d["acceptedAt"] == "" || d["looks"].(float64) < 1) {
			t.Errorf("the proof is %v", d)
		}
	}
	c.upgradedOnce(t, id)
	c.wantAccounts(t, all("completed", id))
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

var affected = []string{"rm-primary", "rr-one", "rr-two", "rm-dev", "rm-prod"}

const advisory = `{"kind":"advisory",
	"advisory":{"id":"SEC-1","severity":"high","affected":[{"Engine":"MySQL","EngineVersion":"8.0","fixedIn":"` + newer + `"}]},
	"select":{"RegionId":["cn-hangzhou","cn-shanghai"]},"schedule":{"UpgradeTime":"Immediate"},
	"rollout":{"waves":[{"tags":{"env":"dev"}},{"percent":50},{"percent":100}],"bake":"1s"}}`

func TestAnAdvisoryTakesAFleetOfTwoRegionsToItsEnd(t *testing.T) {
	t.Parallel()
	c := start(t, setup{fleet: advised()})
	c.request(t, advisory)
	c.play(t)
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

// TestTheSameRequestAgainJoinsTheRollout sends it again in a message of its own, while the rollout is under way and when it is over.
func TestTheSameRequestAgainJoinsTheRollout(t *testing.T) {
	t.Parallel()
	c := start(t, setup{fleet: members(three...), fc: concurrent(10)})
	event, again, late := topicEvent(sweeping), messageOf("M2", sweeping), messageOf("M3", sweeping)
	c.deliverMany(t, event, 10, 10)
	c.later(t, again)
	c.play(t)
	c.deliverMany(t, event, 3, 3)
	c.later(t, late) // sent before the end: it begins nothing
	c.play(t)
	c.upgradedOnce(t, three...)
	c.wantAccounts(t, all("completed", three...))
	rollout := c.document(t).Rollouts[0].ID
	for _, a := range c.joined(t) {
		if a.joined != rollout || len(a.status) > 0 {
			t.Errorf("an answer is %+v", a)
		}
	}
	if n := len(c.joined(t)); n != 2 {
		t.Errorf("%d requests were told that they have joined, want 2", n)
	}
	c.clean(t)
	c.explain(t)
}

// concurrent lets one process serve several events at a time, as Function Compute never does with go1.
func concurrent(many int) func(o *fakefc.Options) {
	return func(o *fakefc.Options) { o.Concurrency = many }
}

// deliverMany runs the function several times with an event, so many at a time. On a slow machine the function may not get ready in time: that is an
// error to Function Compute.
func (c *cloud) deliverMany(t *testing.T, event []byte, times, atATime int) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(atATime)
	for range times {
		g.Go(func() error {
			result, err := c.FC.Invoke(context.Background(), event)
			if err == nil && result.End != fakefc.Answered {
				err = fmt.Errorf("an invocation %s", result.End)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// redeploy puts another policy beside the function: the process that runs ends, and the next event starts one that reads it.
func (c *cloud) redeploy(t *testing.T, policy string) {
	t.Helper()
	c.decree(t, policy)
	c.FC.Kill()
}

func TestTheKillSwitchStopsARolloutAndItGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	fleet := members(three...)
	for n := range fleet {
		fleet[n].Upgrade.Takes = first() // so that the second wave does not begin before the switch
	}
	c := start(t, setup{fleet: fleet})
	c.request(t, sweeping)
	c.redeploy(t, quick()+"mode: off\n")
	c.play(t)
	if got := tags(c.notifications(t)); got != "accepted completed halted report" && got != "accepted halted completed report" {
		t.Errorf("got %s", got)
	}
	if got := len(c.accepted()); got != 1 {
		t.Errorf("%d instances were called, want the one of the first wave", got)
	}
	c.clean(t)
	if all := c.accounts(t); len(all) != 1 || len(all[0].status) != len(three) || all[0].detail != "the policy's mode is off" {
		t.Errorf("the reports are %+v", all)
	}
	c.redeploy(t, quick())
	time.Sleep(time.Second) // times are in whole seconds: a request of the second in which the rollout ended is taken for an older one
	c.request(t, sweeping)
	c.play(t)
	c.upgradedOnce(t, three...)
	c.clean(t)
	c.explain(t)
}
