package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"time"
)

// network carries the requests of a world's function badly: it brings some of them twice, some too late, and some in another order. What it
// does to a request follows from the seed, and from how many of its kind there were before.
type network struct {
	*world
	seed  uint64
	every time.Duration // how often the timer ticks
	late  time.Duration // how long the network holds a request at the most, of which the function has given up waiting for an answer
	// carry is asked first what becomes of a request; what it does not take goes as chance has it. Nil takes nothing.
	carry func(r *http.Request, arrive arrival) (answer *http.Response, err error, taken bool)

	mu    sync.Mutex
	seen  map[string]int // by kind: how many requests there were
	under sync.WaitGroup // requests that will still arrive
}

// arrival lets a request, or another copy of it, reach its service.
type arrival func(context.Context) (*http.Response, error)

// fate draws what becomes of a request: one of five gets into trouble.
func (n *network) fate(r *http.Request) (random *rand.Rand, trouble bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	about := r.Method + r.URL.Path + r.URL.Query().Get("Action") + r.URL.Query().Get("DBInstanceId")
	n.seen[about]++
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, n.seed, about, n.seen[about])
	random = rand.New(rand.NewPCG(h.Sum64(), n.seed))
	return random, random.IntN(5) == 0
}

// RoundTrip carries a request.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	var arrive arrival = func(ctx context.Context) (*http.Response, error) {
		again := r.Clone(ctx)
		again.Body = io.NopCloser(bytes.NewReader(body))
		return n.world.RoundTrip(again)
	}
	if n.carry != nil {
		if answer, err, taken := n.carry(r, arrive); taken {
			return answer, err
		}
	}
	random, trouble := n.fate(r)
	if !trouble {
		return arrive(r.Context())
	}
	pause := time.Duration(random.Int64N(int64(3 * time.Second)))
	switch random.IntN(4) {
	case 0: // a copy comes before it
		drop(arrive(context.WithoutCancel(r.Context())))
	case 1: // a copy comes after it
		n.later(time.Duration(random.Int64N(int64(n.late))), arrive)
	case 2: // others that were sent later come before it
		time.Sleep(pause)
	default:
		return n.giveUp(r, pause+time.Duration(random.Int64N(int64(n.late-pause))), arrive)
	}
	return arrive(r.Context())
}

// giveUp holds a request longer than the function waits for its answer, if that is less.
func (n *network) giveUp(r *http.Request, d time.Duration, arrive arrival) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	n.later(d, arrive)
	<-r.Context().Done()
	return nil, errors.New("no answer came in time")
}

func (n *network) later(d time.Duration, arrive arrival) {
	n.under.Go(func() {
		time.Sleep(d)
		drop(arrive(context.Background())) // nobody waits for the answer any more
	})
}

func drop(answer *http.Response, err error) {
	if err == nil {
		_ = answer.Body.Close()
	}
}

// play takes a request to its end, and waits for what the network still has.
func (n *network) play(t *testing.T, w *world, id, request string) {
	t.Helper()
	n.world, n.seen = w, map[string]int{}
	d := &delivery{killer: &killer{carry: n.RoundTrip}, every: n.every}
	d.into(w)
	w.timeout = 10 * time.Minute
	d.send(id, request)
	d.goOn(t)
	n.under.Wait()
	d.goOn(t)
	n.under.Wait()
}

// carried are requests that a bad network has to carry: about a fleet with a replica, in waves, and about one instance.
var carried = map[string]struct {
	every   time.Duration // how often the timer ticks
	request string
	want    ending
}{
	"a sweep in waves": {
		0, `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"waves":[{"percent":30},{"percent":100}],"bake":"1h"}}`,
		ending{ends: completed("rm-1", "rm-2", "rm-3", "rr-1"), bake: time.Hour},
	},
	"a sweep in the maintenance window": {
		20 * time.Minute, `{"kind":"sweep","schedule":{"UpgradeTime":"MaintainTime"},"rollout":{"bake":"0s"}}`,
		ending{ends: completed("rm-1", "rm-2", "rm-3", "rr-1")},
	},
	"an upgrade at once": {0, `{"DBInstanceId":"rm-2"}`, ending{ends: completed("rm-2")}},
	"an upgrade later":   {time.Hour, `{"DBInstanceId":"rm-2","UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-23T15:00:00Z"}`, ending{ends: completed("rm-2")}},
}

func completed(ids ...string) map[string]string {
	ends := map[string]string{}
	for _, id := range ids {
		ends[id] = "completed"
	}
	return ends
}

func (w *world) fleetOfFour() {
	w.rds.Add(behind("rm-1"), behind("rm-2"), behind("rm-3"), behind("rr-1", replicaOf("rm-1")))
}

// TestABadNetworkChangesNothing holds requests for less than verify.first: by then all that will arrive has arrived. A signature is good for 15
// minutes, so that with a verify.first above that nothing else can happen.
func TestABadNetworkChangesNothing(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for held, policy := range map[time.Duration]string{4 * time.Minute: "", 14 * time.Minute: "verify: {first: 16m}\n"} {
		for name, c := range carried {
			t.Run(fmt.Sprintf("%s, for up to %s", name, held), func(t *testing.T) {
				t.Parallel()
				for seed := range uint64(5) {
					play(t, allAtOnce+policy, func(t *testing.T, w *world) {
						t.Helper()
						w.fleetOfFour()
						(&network{seed: seed, late: held, every: c.every}).play(t, w, "M1", c.request)
						c.want.check(t, w)
						if t.Failed() {
							t.Logf("seed %d", seed)
							w.explain(t)
						}
					})
				}
			})
		}
	}
}

// TestWhateverIsHeldNothingIsUpgradedTwice holds requests for as long as their signatures are good for, which is longer than verify.first.
func TestWhateverIsHeldNothingIsUpgradedTwice(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, c := range carried {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(5) {
				play(t, allAtOnce, func(t *testing.T, w *world) {
					t.Helper()
					w.fleetOfFour()
					(&network{seed: seed, late: 14 * time.Minute, every: c.every}).play(t, w, "M1", c.request)
					for id, accepted := range w.accepted() {
						if accepted != 1 {
							t.Errorf("%s: %d calls were accepted", id, accepted)
						}
					}
					if len(w.reports(t)) != 1 || !w.over(t) {
						t.Errorf("the accounts are %v", w.reports(t))
					}
					if t.Failed() {
						t.Logf("seed %d", seed)
						w.explain(t)
					}
				})
			}
		})
	}
}

// holding holds the first request of an action.
func (n *network) holding(action string, d time.Duration) {
	held := false
	n.carry = func(r *http.Request, arrive arrival) (*http.Response, error, bool) {
		n.mu.Lock()
		mine := !held && r.URL.Query().Get("Action") == action
		held = held || mine
		n.mu.Unlock()
		if !mine {
			return nil, nil, false
		}
		answer, err := n.giveUp(r, d, arrive)
		return answer, err, true
	}
}

// A call that arrives after it was made again is refused: the upgrade is under way.
func TestACallThatArrivesAfterItWasMadeAgainIsRefused(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, request := range map[string]string{
		"at once, while the upgrade runs":    `{"DBInstanceId":"rm-2"}`,
		"later, while the upgrade waits":     carried["an upgrade later"].request,
		"in a sweep, while the upgrade runs": `{"kind":"sweep","select":{"DBInstanceId":["rm-2"]},"schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, allAtOnce, func(t *testing.T, w *world) {
				t.Helper()
				w.fleetOfFour()
				n := &network{late: time.Minute}
				n.holding(upgradeCall, 13*time.Minute)
				n.play(t, w, "M1", request)
				if calls := w.rds.CallsOf(upgradeCall); len(calls) != 2 || !calls[0].Accepted || calls[1].Accepted {
					t.Errorf("the calls are %+v", calls)
				}
				ending{ends: completed("rm-2")}.check(t, w)
				w.explain(t)
			})
		})
	}
}

// RDS takes a call until its signature is 15 minutes old: by so much a restart may miss the window.
func TestACallThatIsHeldBeyondTheWindow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		held     time.Duration
		accepted int
	}{
		"arrives as long as its signature holds": {14 * time.Minute, 1},
		"is refused afterwards":                  {16 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, allAtOnce+"windows: {allow: [{days: [sun], from: \"11:00\", to: \"12:03\", zone: UTC}]}\n", func(t *testing.T, w *world) {
				t.Helper()
				w.fleetOfFour()
				n := &network{late: time.Minute, world: w, seen: map[string]int{}}
				n.holding(upgradeCall, c.held)
				w.function.Over(n)
				w.send("M1", `{"DBInstanceId":"rm-2"}`)
				n.under.Wait()
				if accepted := w.accepted(); accepted["rm-2"] != c.accepted {
					t.Errorf("accepted: %v, %+v", accepted, w.rds.CallsOf(upgradeCall))
				}
			})
		})
	}
}
