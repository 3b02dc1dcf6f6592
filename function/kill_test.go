package main_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/local/fakerds"
)

// killer ends the process of a world at some of its requests: that one takes effect, its answer is lost, and no other one of that process
// arrives. What the process still does by itself has no effect that anybody could see.
//
// A process that is killed after a request which changes nothing leaves behind what it would have left after the one before it. So the requests
// that count are those that change something, and the first one of each delivery of a message: that is then a delivery which does nothing. A
// killer that is thorough counts all of them.
type killer struct {
	*world
	at       []int // the numbers of the requests at which it kills, from 1 on
	thorough bool
	sparse   bool                                          // of messages that are published one after the other only the first one counts
	vain     bool                                          // the request at which it kills does not arrive
	carry    func(r *http.Request) (*http.Response, error) // how requests reach the services; nil: as they are

	mu        sync.Mutex
	dead      bool
	message   int      // the number of the last invocation that has sent a request
	names     []string // of the requests that count
	published bool     // the last one that counts was to publish something
}

// RoundTrip carries a request of the process that lives.
func (k *killer) RoundTrip(r *http.Request) (*http.Response, error) {
	lives, last := k.next(r)
	if !lives || last && k.vain {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	carry := k.world.RoundTrip
	if k.carry != nil {
		carry = k.carry
	}
	answer, err := carry(r)
	if k.isDead() {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return answer, err
}

// next counts a request, and reports whether the process still lives, and whether it is killed at this one.
func (k *killer) next(r *http.Request) (lives, last bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return false, false
	}
	service, _ := k.serviceOf(r)
	action := actionOf(service, r)
	if !k.thorough && (k.message == k.invoked || k.invoked < byMessage) && r.Method == http.MethodGet && action != upgradeCall {
		return true, false
	}
	if again := k.published && r.Method == http.MethodPost; again && k.sparse {
		return true, false
	}
	k.published = r.Method == http.MethodPost
	k.message = k.invoked
	k.names = append(k.names, action)
	k.dead = slices.Contains(k.at, len(k.names))
	return true, k.dead
}

func (k *killer) isDead() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dead
}

// into puts the killer into a world.
func (k *killer) into(w *world) {
	k.world, w.timeout = w, 12*time.Second
	w.function.Over(k)
}

// revive gives the world a new process if the one that it has was killed, and reports whether it was.
func (k *killer) revive() (killed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		k.restart()
		k.function.Over(k)
	}
	killed, k.dead, k.message = k.dead, false, 0
	return killed
}

// String says where the process was killed.
func (k *killer) String() string {
	var text strings.Builder
	for _, n := range k.at {
		if n <= len(k.names) {
			_, _ = fmt.Fprintf(&text, "killed at %d (%s) ", n, k.names[n-1])
		}
	}
	return text.String()
}

// queued is an event that waits in Function Compute's queue.
type queued struct {
	event    string
	number   int // of the invocation, which stays the same when it is delivered again
	next     time.Time
	delivery int // how often it was delivered
}

// delivery plays messages to their end. Function Compute delivers a message again, after 1, 2, 4, … minutes, as long as its invocation fails or
// is killed; the timer ticks every five minutes.
type delivery struct {
	*killer
	queue  []*queued
	outage time.Duration // how long the timer does not tick
	ticks  int           // how often the timer ticks before a message is delivered again
	every  time.Duration // how often the timer ticks; every five minutes if it is not set
	failed []string      // the errors of invocations, by kind
}

// byMessage begins the numbers of the invocations by messages; those by the timer are smaller.
const byMessage = 1000

func (d *delivery) send(id, body string) {
	d.tb.Helper()
	d.queue = append(d.queue, &queued{event: d.event(id, body), number: byMessage * (1 + len(d.queue)), next: time.Now()})
}

// sendAt sends a message at a later time.
func (d *delivery) sendAt(id, body string, after time.Duration) {
	d.tb.Helper()
	event := strings.Replace(d.event(id, body), fmt.Sprint(time.Now().UnixMilli()), fmt.Sprint(time.Now().Add(after).UnixMilli()), 1)
	d.queue = append(d.queue, &queued{event: event, number: byMessage * (1 + len(d.queue)), next: time.Now().Add(after)})
}

// goOn plays until nothing is left to do.
func (d *delivery) goOn(t *testing.T) {
	t.Helper()
	steps := 0
	d.play(cmp.Or(d.every, 5*time.Minute), func() bool {
		steps++
		return steps > 500 || len(d.queue) == 0 && d.over(t)
	})
	if steps > 500 {
		t.Error("it does not end")
	}
}

// play delivers what is due, and lets the timer tick, until something is so.
func (d *delivery) play(every time.Duration, until func() bool) {
	tick := time.Now().Add(d.outage).Truncate(every).Add(every)
	for !until() {
		n := d.due()
		if n >= 0 && !tick.Before(d.queue[n].next) {
			d.deliverNext(n)
			continue
		}
		time.Sleep(time.Until(tick))
		d.invoked++
		d.try(timer(), 0)
		for tick = tick.Add(every); tick.Before(time.Now()); tick = tick.Add(every) {
		}
	}
}

// due returns the place of the event that is delivered next, -1 if there is none.
func (d *delivery) due() int {
	next := -1
	for n, q := range d.queue {
		if next < 0 || q.next.Before(d.queue[next].next) {
			next = n
		}
	}
	return next
}

// try invokes the function, and reports whether the event is done with.
func (d *delivery) try(event string, retries int) (ended bool) {
	_, err := d.deliver(event, retries)
	if err != nil {
		var failure messages.InvokeResponse_Error
		_ = errors.As(err, &failure)
		d.failed = append(d.failed, cmp.Or(failure.Type, err.Error()))
	}
	return !d.revive() && err == nil
}

func (d *delivery) deliverNext(n int) {
	q, last := d.queue[n], d.invoked
	time.Sleep(time.Until(q.next))
	d.invoked = q.number
	ended := d.try(q.event, q.delivery)
	d.invoked = last
	if ended {
		d.queue = slices.Delete(d.queue, n, n+1)
		return
	}
	q.next = time.Now().Add(time.Minute << q.delivery)
	if q.delivery == 0 {
		q.next = q.next.Add(time.Duration(d.ticks) * 5 * time.Minute)
	}
	q.delivery++
}

// killed is a rollout that is played, with the process killed on the way.
type killed struct {
	sparse          bool // of the killer
	pairs           bool // every pair of kills is played, and not only with -thorough
	policy, request string
	stop            string // a message that follows after two minutes
	fleet           []fakerds.Instance
	want            ending
	delivery        delivery
}

// play plays it once, and returns how many requests counted.
func (c killed) play(t *testing.T, k *killer) (counted int) {
	t.Helper()
	play(t, c.policy, func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(c.fleet...)
		k.into(w)
		d := c.delivery
		d.killer = k
		d.send("M1", c.request)
		if c.stop != "" {
			d.sendAt("M2", c.stop, 2*time.Minute)
		}
		d.goOn(t)
		if c.stop != "" {
			checkStopped(t, w)
		} else {
			c.want.check(t, w)
		}
		w.allAccepted(t)
		if t.Failed() {
			t.Log(k)
			w.explain(t)
		}
	})
	return len(k.names)
}

// rolloutM1 is the rollout that message M1 begins.
var rolloutM1 = plan.MessageID(events.MNSTopic, "M1")

const (
	allAtOnce = "budget: {maxInstances: 50, maxPercent: 100}\n"
	oneByOne  = "budget: {maxInstances: 1, maxPercent: 100}\n"
)

var (
	quickly  = with(fakerds.Upgrade{Takes: 2 * time.Minute})
	silently = with(fakerds.Upgrade{Takes: 2 * time.Minute, Silent: true})
)

// wavesAndTrouble is the rollout that has everything: two waves, a bake, a replica, and an instance that comes back without the version.
var wavesAndTrouble = killed{
	policy:  allAtOnce,
	request: `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"waves":[{"percent":50},{"percent":100}],"bake":"20m","maxFailures":1}}`,
	fleet:   []fakerds.Instance{behind("rm-1", quickly), behind("rr-1", quickly, replicaOf("rm-1")), behind("rm-2", quickly), behind("rm-3", silently)},
	want:    ending{ends: map[string]string{"rm-1": "completed", "rr-1": "completed", "rm-2": "completed", "rm-3": "failed"}, bake: 20 * time.Minute},
}

// TestTheProcessIsKilledAtAnyRequest kills the process once, at each request in turn.
func TestTheProcessIsKilledAtAnyRequest(t *testing.T) {
	t.Parallel()
	for name, vain := range map[string]bool{"after the request": false, "before the request": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at, all := 0, 1; at <= all && !t.Failed(); at += step() {
				n := wavesAndTrouble.play(t, &killer{at: []int{at}, thorough: true, vain: vain})
				if at == 0 {
					all = n
				}
			}
		})
	}
}

// TestTheTimerTicksBeforeTheMessageIsDeliveredAgain kills the first delivery of the message at each of its requests that counts.
func TestTheTimerTicksBeforeTheMessageIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for ticks := 1; ticks <= 3; ticks++ {
		for at := 1; at <= 8; at++ {
			t.Run(fmt.Sprintf("%d times, killed at %d", ticks, at), func(t *testing.T) {
				c := wavesAndTrouble
				c.delivery.ticks = ticks
				c.play(t, &killer{at: []int{at}})
			})
		}
	}
}

// killedTwice are the rollouts that are played with every pair of kills.
var killedTwice = map[string]killed{
	"one upgrade": {
		pairs:   true,
		request: `{"DBInstanceId":"rm-1"}`, fleet: []fakerds.Instance{behind("rm-1", quickly)},
		want: ending{ends: map[string]string{"rm-1": "completed"}},
	},
	"one upgrade that comes back without the version": {
		request: `{"DBInstanceId":"rm-1"}`, fleet: []fakerds.Instance{behind("rm-1", silently)},
		want: ending{ends: map[string]string{"rm-1": "failed"}},
	},
	"one upgrade that comes back without the version when it is given up": {
		pairs:   true,
		policy:  "verify: {first: 5m, giveUp: 5m}\n",
		request: `{"DBInstanceId":"rm-1"}`, fleet: []fakerds.Instance{behind("rm-1", silently)},
		want: ending{ends: map[string]string{"rm-1": "failed or skipped"}},
	},
	"one upgrade that comes back without the version while the timer is out for 7 hours": {
		request: `{"DBInstanceId":"rm-1"}`, fleet: []fakerds.Instance{behind("rm-1", silently)}, delivery: delivery{outage: 7 * time.Hour},
		want: ending{ends: map[string]string{"rm-1": "failed or skipped"}},
	},
	"one upgrade that never restarts": { // where the answer to the call was lost nobody knows RDS's task, and any new one says that it was called
		policy:  "verify: {first: 5m, giveUp: 10m}\n",
		request: `{"DBInstanceId":"rm-1"}`, fleet: []fakerds.Instance{behind("rm-1", with(fakerds.Upgrade{Takes: 900 * time.Hour, Status: "Running"}))},
		want: ending{ends: map[string]string{"rm-1": "unverified or failed"}},
	},
	"two waves and a bake": {
		pairs: true, sparse: true,
		policy:  oneByOne,
		request: `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"10m"}}`,
		fleet:   []fakerds.Instance{behind("rm-1", quickly), behind("rm-2", quickly)},
		want:    ending{ends: map[string]string{"rm-1": "completed", "rm-2": "completed"}, bake: 10 * time.Minute},
	},
	"two waves of which the first fails": {
		policy:  oneByOne,
		request: `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`,
		fleet:   []fakerds.Instance{behind("rm-1", silently), behind("rm-2", silently)},
		want:    ending{ends: map[string]string{"rm-1": "failed"}},
	},
	"a primary of PostgreSQL and its replica": {
		policy:  allAtOnce,
		request: `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`,
		fleet: []fakerds.Instance{
			behind("pg-1", quickly, postgres), behind("pr-1", quickly, replicaOf("pg-1"), postgres),
		},
		want: ending{ends: map[string]string{"pg-1": "completed", "pr-1": "completed"}},
	},
	"an advisory that is stopped": {
		policy:  oneByOne,
		request: `{"kind":"advisory","advisory":` + advisoryA1 + `,"schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`,
		stop:    `{"kind":"stop","advisory":"A-1"}`,
		fleet:   []fakerds.Instance{behind("rm-1", quickly), behind("rm-2", quickly)},
	},
}

// advisoryA1 is about every instance that behind makes.
const advisoryA1 = `{"id":"A-1","affected":[{"Engine":"MySQL","EngineVersion":"8.0","fixedIn":"rds_20260228"}]}`

// checkStopped fails unless nothing was called after the stop was answered, both messages have an account, and what was called has its end.
func checkStopped(t *testing.T, w *world) {
	t.Helper()
	accounts := w.promises(t)
	reports := w.reports(t)
	if len(reports) != 2 || !w.over(t) {
		t.Errorf("the accounts are %v", reports)
	}
	for _, c := range w.rds.CallsOf(upgradeCall) {
		if stopped := w.publishedAt(t, plan.MessageID(events.MNSTopic, "M2")); c.At.After(stopped) {
			t.Errorf("%s was called at %s, and the stop was answered at %s", c.DBInstanceID, c.At.Format(time.TimeOnly), stopped.Format(time.TimeOnly))
		}
		if a := accounts[rolloutM1+" "+c.DBInstanceID]; a == nil || len(a.accepted) != 1 || len(a.ends) != 1 {
			t.Errorf("%s: %+v", c.DBInstanceID, a)
		}
	}
}

// thorough takes minutes.
var thorough = flag.Bool("thorough", false, "play each rollout with every pair of kills, and two processes with every pair of their requests")

// TestTheProcessIsKilledTwice plays every pair of kills of three rollouts, and of the others every kill.
func TestTheProcessIsKilledTwice(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, c := range killedTwice {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plays, most := 0, 1
			if c.pairs || *thorough {
				most = 2
			}
			c.after(t, nil, most, &plays)
			t.Logf("%d plays with up to %d kills", plays, most)
		})
	}
}

// after plays it with some kills and, as often as that, with one more after the last of them.
func (c killed) after(t *testing.T, kills []int, more int, plays *int) {
	t.Helper()
	k := &killer{at: kills, sparse: c.sparse && !*thorough}
	all := c.play(t, k)
	*plays++
	last := 0
	if len(kills) > 0 {
		last = kills[len(kills)-1]
	}
	for at := last + 1; more > 0 && at <= all && !t.Failed(); at++ {
		c.after(t, append(slices.Clone(kills), at), more-1, plays)
	}
}
