package main_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/local/fakerds"
)

// weaving is a schedule of two processes that work on one document at the same time, as they may without reservedConcurrency: 1. The first one
// sends so many requests, then the second one so many, then the first one all others, then the second one all others.
type weaving struct {
	first, second int

	firstWaits, secondWaits, firstEnds chan struct{}
}

// whole is more requests than any process sends.
const whole = math.MaxInt

func newWeaving(first, second int) *weaving { return &weaving{first: first, second: second} }

// process is one of the two, and its way to the services.
type process struct {
	*world
	most  int           // requests before it waits
	waits chan struct{} // closed when it does, or has ended
	until chan struct{} // closed when it goes on

	mu     sync.Mutex
	sent   int
	looked bool  // the last one only looked at the fleet
	reads  []int // how many requests it had sent before each one that only looks at the fleet, and follows another such
	writes []int // how many requests it had sent before each one that changes the document or an instance
	once   sync.Once
}

// RoundTrip carries a request when its turn has come.
func (p *process) RoundTrip(r *http.Request) (*http.Response, error) {
	service, _ := p.serviceOf(r)
	p.mu.Lock()
	write, looks := r.Method == http.MethodPut || actionOf(service, r) == upgradeCall, service == "rds" && actionOf(service, r) != upgradeCall
	switch {
	case write:
		p.writes = append(p.writes, p.sent)
	case looks && p.looked:
		p.reads = append(p.reads, p.sent)
	}
	p.looked = looks
	p.sent++
	wait := p.sent > p.most
	p.mu.Unlock()
	if wait {
		p.once.Do(func() { close(p.waits) })
		<-p.until
	}
	time.Sleep(time.Millisecond) // so that the times are in the order of the requests
	return p.world.RoundTrip(r)
}

// play lets both processes handle their events. What has failed is queued.
func (v *weaving) play(d *delivery, first, second string) (both [2]*process) {
	v.firstWaits, v.secondWaits, v.firstEnds = make(chan struct{}), make(chan struct{}), make(chan struct{})
	other := *d.world
	both = [2]*process{
		{world: d.world, most: v.first, waits: v.firstWaits, until: v.secondWaits},
		{world: &other, most: v.second, waits: v.secondWaits, until: v.firstEnds},
	}
	var failed [2]bool
	run := func(n int, event string) {
		p := both[n]
		p.restart()
		p.function.Over(p)
		p.invoked = byMessage * (n + 5)
		_, err := p.deliver(event, 0)
		failed[n] = err != nil
		p.once.Do(func() { close(p.waits) })
		if n == 0 {
			close(v.firstEnds)
		}
	}
	var wait sync.WaitGroup
	wait.Go(func() { run(0, first) })
	<-v.firstWaits
	wait.Go(func() { run(1, second) })
	wait.Wait()
	for n, event := range []string{first, second} {
		if failed[n] {
			d.queue = append(d.queue, &queued{event: event, number: byMessage * (n + 5), next: time.Now().Add(time.Minute), delivery: 1})
		}
	}
	d.invoked = 0
	d.into(d.world)
	return both
}

// duel is what two processes do at the same time.
type duel struct {
	alike    bool // both do the same, so that it does not matter which is the first
	policy   string
	fleet    []fakerds.Instance
	before   string        // a message that has been handled before
	after    time.Duration // that; the timer has ticked until then, and would tick again now
	events   [2]func(w *world) string
	messages int    // that have an account in the end
	calls    int    // how many instances are called in the end; of a stop it is the most
	stop     string // the rollout of the message that stops the other
	bake     time.Duration
}

func message(id, body string) func(w *world) string {
	return func(w *world) string { return w.event(id, body) }
}

func ticking(*world) string { return timer() }

const (
	sweepNow   = `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`
	sweepBaked = `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"5m"}}`
	advise     = `{"kind":"advisory","advisory":` + advisoryA1 + `,"schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`
)

var two = []fakerds.Instance{behind("rm-1", quickly), behind("rm-2", quickly)}

var duels = map[string]duel{
	"one message is delivered to both": {
		alike: true,
		fleet: two[:1], events: [2]func(*world) string{message("M1", sweepNow), message("M1", sweepNow)}, messages: 1, calls: 1,
	},
	"the same is asked for twice": {
		alike: true,
		fleet: two[:1], events: [2]func(*world) string{message("M1", sweepNow), message("M2", sweepNow)}, messages: 2, calls: 1,
	},
	"two requests for one instance": {
		alike: true,
		fleet: two[:1], events: [2]func(*world) string{message("M1", `{"DBInstanceId":"rm-1"}`), message("M2", `{"DBInstanceId":"rm-1"}`)}, messages: 2, calls: 1,
	},
	"a request for one instance, and one for the fleet": {
		fleet: two[:1], events: [2]func(*world) string{message("M1", `{"DBInstanceId":"rm-1"}`), message("M2", advise)}, messages: 2, calls: 1,
	},
	"two ticks when the next wave is due": {
		alike: true,
		fleet: two, before: sweepBaked, after: 10 * time.Minute, events: [2]func(*world) string{ticking, ticking}, messages: 1, calls: 2, bake: 5 * time.Minute,
	},
	"a tick when the next wave is due, and an advisory about the same instances": {
		fleet: two, before: sweepBaked, after: 10 * time.Minute, events: [2]func(*world) string{ticking, message("M2", advise)}, messages: 2, calls: 2, bake: 5 * time.Minute,
	},
	"a tick when an upgrade has failed, and an advisory about the same instances": {
		fleet: []fakerds.Instance{behind("rm-1", silently), behind("rm-2", silently)}, before: sweepBaked, after: 10 * time.Minute,
		events: [2]func(*world) string{ticking, message("M2", advise)}, messages: 2, calls: 2,
	},
	"a tick when the next wave is due, and a stop": {
		fleet: two, before: sweepBaked, after: 10 * time.Minute,
		events: [2]func(*world) string{ticking, message("M2", `{"kind":"stop","rollout":"`+rolloutM1+`"}`)}, messages: 2, calls: 2, stop: "M2", bake: 5 * time.Minute,
	},
	"a request, and a stop of it": {
		fleet: two[:1], events: [2]func(*world) string{message("M1", advise), message("M2", `{"kind":"stop","advisory":"A-1"}`)}, messages: 2, calls: 1, stop: "M2",
	},
}

// play plays a duel once, and returns both processes.
func (c duel) play(t *testing.T, v *weaving, swap bool) (both [2]*process) {
	t.Helper()
	play(t, oneByOne+c.policy, func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(c.fleet...)
		d := &delivery{killer: &killer{}}
		d.into(w)
		if c.before != "" {
			d.send("M1", c.before)
			d.deliverNext(0)
			w.pass(c.after - 5*time.Minute)
			time.Sleep(5 * time.Minute)
		}
		first, second := c.events[0](w), c.events[1](w)
		if swap {
			first, second = second, first
		}
		both = v.play(d, first, second)
		d.goOn(t)
		c.check(t, w)
		w.allAccepted(t)
		if t.Failed() {
			t.Logf("first %d, second %d of %d and %d, swapped %v", v.first, v.second, both[0].sent, both[1].sent, swap)
			w.explain(t)
		}
	})
	return both
}

// check fails unless everything came as it comes with one process.
func (c duel) check(t *testing.T, w *world) {
	t.Helper()
	accounts, reports, accepted := w.promises(t), w.reports(t), w.accepted()
	if len(reports) != c.messages || !w.over(t) {
		t.Errorf("%d messages have an account, want %d; all is over: %v", len(reports), c.messages, w.over(t))
	}
	if len(accepted) != c.calls && (c.stop == "" || len(accepted) > c.calls) {
		t.Errorf("called: %v, want %d", accepted, c.calls)
	}
	for id, calls := range accepted {
		acceptances, ends := 0, 0
		for key, a := range accounts {
			if key[len(key)-len(id):] == id {
				acceptances, ends = acceptances+len(a.accepted), ends+len(a.ends)
			}
		}
		if calls != 1 || acceptances != 1 || ends != 1 {
			t.Errorf("%s: %d calls were accepted, which was published under %d ids; ends: %d", id, calls, acceptances, ends)
		}
	}
	c.checkTimes(t, w)
}

// checkTimes fails if two instances were upgraded at the same time, the second one too early, or one after a stop was answered.
func (c duel) checkTimes(t *testing.T, w *world) {
	t.Helper()
	calls := slices.DeleteFunc(w.rds.CallsOf(upgradeCall), func(c fakerds.Call) bool { return !c.Accepted })
	for n, call := range calls {
		if n > 0 && call.At.Before(calls[n-1].At.Add(2*time.Minute+c.bake)) {
			t.Errorf("%s was called at %s, and the one before it at %s", call.DBInstanceID, call.At.Format(time.TimeOnly), calls[n-1].At.Format(time.TimeOnly))
		}
		if c.stop == "" {
			continue
		}
		if stopped := w.publishedAt(t, plan.MessageID(events.MNSTopic, c.stop)); call.At.After(stopped) {
			t.Errorf("%s was called at %s, and the stop was answered at %s", call.DBInstanceID, call.At.Format(time.TimeOnly), stopped.Format(time.TimeOnly))
		}
	}
}

// TestTwoProcessesInAnyOrder lets the second process work wholly between two requests of the first one, for every pair of requests that follow
// each other but those that look at the fleet: whatever they see, the first one decides anew when it finds the second one's document. It also lets it begin there, and wait before each request of its own that changes the document or an instance until the first one
// has ended; with -thorough before each of its requests.
func TestTwoProcessesInAnyOrder(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, c := range duels {
		for _, swap := range []bool{false, true} {
			if swap && c.alike && !*thorough {
				continue
			}
			t.Run(fmt.Sprintf("%s, swapped %v", name, swap), func(t *testing.T) {
				t.Parallel()
				plays := 1
				alone := c.play(t, newWeaving(whole, whole), swap)[0]
				for first := 0; first < alone.sent && !t.Failed(); first++ {
					if slices.Contains(alone.reads, first) && !*thorough {
						continue
					}
					for _, second := range c.play(t, newWeaving(first, whole), swap)[1].places() {
						c.play(t, newWeaving(first, second), swap)
						plays++
					}
					plays++
				}
				t.Logf("%d plays", plays)
			})
		}
	}
}

// places returns after how many requests the process is to wait.
func (p *process) places() (all []int) {
	if !*thorough {
		return p.writes
	}
	for n := range p.sent {
		all = append(all, n)
	}
	return all
}

// frozen is a process that is frozen at one of its requests, and wakes up later. What it has read of the clock is then long ago.
type frozen struct {
	*world
	at      int           // the number of the request
	pause   time.Duration // for which it is frozen
	arrives bool          // the request is sent when it wakes up; else the process notices that its time is over
	after   bool          // it is frozen when it has the answer, and not before the request is sent

	mu   sync.Mutex
	sent int
	what string // the action of the request
}

// RoundTrip carries a request.
func (f *frozen) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.sent++
	now := f.sent == f.at
	if now {
		service, _ := f.serviceOf(r)
		f.what = actionOf(service, r)
	}
	f.mu.Unlock()
	if now {
		time.Sleep(f.pause)
	}
	if r.Context().Err() != nil && (!now || !f.arrives) {
		return nil, r.Context().Err()
	}
	return f.world.RoundTrip(r)
}

// thaw lets the frozen process handle an event, and another one all that comes meanwhile: the event, which Function Compute delivers again when
// the invocation has had its time, and the timer.
func (f *frozen) thaw(t *testing.T, d *delivery, event string) {
	t.Helper()
	one := *d.world
	f.world = &one
	f.restart()
	f.function.Over(f)
	f.invoked, f.timeout = byMessage, 10*time.Minute
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = f.deliver(event, 0)
	}()
	d.queue = append(d.queue, &queued{event: event, number: byMessage, next: time.Now().Add(11 * time.Minute), delivery: 1})
	time.Sleep(time.Second)
	d.goOn(t)
	<-done
	d.goOn(t)
}

// TestAFrozenProcessChangesNothing freezes a process at each of its requests, for longer than verify.first. It wakes up before the request is sent,
// or when it has the answer.
//
// Its request may still arrive when it wakes up. Where that is a call, and verify.first is over, the call has been given up, and another process may
// have called. RDS refuses the late one while the upgrade runs and when it is done, and from 15 minutes after it was signed. So it can be a second
// upgrade only if the first one has failed meanwhile, the process was frozen between its last look at the clock and the network, and verify.first
// is shorter than 15 minutes. That case is left out here.
func TestAFrozenProcessChangesNothing(t *testing.T) {
	t.Parallel()
	const patiently = "verify: {first: 16m}\n"
	failing := with(fakerds.Upgrade{Takes: 20 * time.Second, Silent: true})
	for name, c := range map[string]struct {
		policy string
		frozen *frozen
		fails  bool // the upgrade comes back without the version before the process wakes up
	}{
		"before it sends, for 3 hours":                           {"", &frozen{pause: 3 * time.Hour}, false},
		"before it sends what arrives, for 6 minutes":            {"", &frozen{pause: 6 * time.Minute, arrives: true}, false},
		"before it sends what arrives, for 3 hours":              {"", &frozen{pause: 3 * time.Hour, arrives: true}, false},
		"before it sends what arrives, for 6 minutes, and fails": {"", &frozen{pause: 6 * time.Minute, arrives: true}, true},
		"before it sends what arrives, patiently, and fails":     {patiently, &frozen{pause: 18 * time.Minute, arrives: true}, true},
		"when it has the answer, for 6 minutes":                  {"", &frozen{pause: 6 * time.Minute, after: true}, false},
		"when it has the answer, for 6 minutes, and fails":       {"", &frozen{pause: 6 * time.Minute, after: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at, sent := 0, 0; at <= sent && !t.Failed(); at += step() { // the first play is for the number of requests
				play(t, oneByOne+c.policy, func(t *testing.T, w *world) {
					t.Helper()
					want := duel{messages: 1, calls: 2, bake: 5 * time.Minute}
					w.rds.Add(two...)
					if c.fails {
						want.calls = 1
						for _, i := range two {
							w.rds.Update(i.DBInstanceID, failing)
						}
					}
					d := &delivery{killer: &killer{}}
					d.into(w)
					f := &frozen{at: at, pause: c.frozen.pause, arrives: c.frozen.arrives, after: c.frozen.after}
					f.thaw(t, d, w.event("M1", sweepBaked))
					sent = max(sent, f.sent)
					if late := f.what == upgradeCall && f.arrives && c.policy == ""; !late || !c.fails {
						want.check(t, w)
					}
					if t.Failed() {
						t.Logf("frozen at %d (%s)", f.at, f.what)
						w.explain(t)
					}
				})
			}
		})
	}
}
