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
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/local/faults"
)

// network carries the requests of a world's function badly: it brings some of them twice, some too late, and some in another order. What it
// does to a request follows from the seed, and from how many of its kind there were before.
type network struct {
	*world
	seed    uint64
	trouble float64       // how likely a request gets into trouble
	late    time.Duration // how long the network holds a request at the most, of which the function has given up waiting for an answer
	// carry is asked first what becomes of a request; what it does not take goes as chance has it. Nil takes nothing.
	carry func(r *http.Request, arrive arrival) (answer *http.Response, err error, taken bool)

	mu    sync.Mutex
	seen  map[string]int // by kind: how many requests there were
	under sync.WaitGroup // requests that will still arrive
}

// arrival lets a request, or another copy of it, reach its service.
type arrival func(context.Context) (*http.Response, error)

// over puts a network between a world and its services.
func (w *world) over(n *network) *network {
	n.world, n.seen = w, map[string]int{}
	w.timeout, w.hasty = 10*time.Minute, true
	w.function.Over(n)
	w.tb.Cleanup(n.under.Wait)
	return n
}

// fate draws what becomes of a request.
func (n *network) fate(r *http.Request) (random *rand.Rand, trouble bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	about := r.Method + r.URL.Path + r.URL.Query().Get("Action") + r.URL.Query().Get("DBInstanceId")
	n.seen[about]++
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, n.seed, about, n.seen[about])
	random = rand.New(rand.NewPCG(h.Sum64(), n.seed))
	return random, random.Float64() < n.trouble
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
func (n *network) play(id, request string) {
	n.tb.Helper()
	event := n.event(id, request)
	n.invoked++
	for retries := range 9 {
		if _, err := n.deliver(event, retries); err == nil {
			break
		}
		time.Sleep(time.Minute << retries)
	}
	n.goOn()
	n.under.Wait()
	n.goOn()
}

// goOn lets the timer tick until nothing is on the queue.
func (n *network) goOn() {
	n.tb.Helper()
	for ticks := 0; len(n.mns.Messages(queue)) > 0; ticks++ {
		if ticks > 300 {
			n.tb.Fatalf("it does not end: %s", n.mns.Messages(queue)[0].Body)
		}
		time.Sleep(time.Until(n.due()))
		_, _ = n.tick()
	}
}

// accepted counts the accepted calls, by instance.
func (w *world) accepted() map[string]int {
	accepted := map[string]int{}
	for _, call := range w.rds.CallsOf(upgradeCall) {
		if call.Accepted {
			accepted[call.DBInstanceID]++
		}
	}
	return accepted
}

// toldOnce fails unless these were called once, and that and their proof were told under one id each.
func (w *world) toldOnce(t *testing.T, ids ...string) {
	t.Helper()
	told, accepted := w.unique(), w.accepted()
	for _, id := range ids {
		count := func(tag string) (n int) {
			for _, line := range told {
				if strings.HasPrefix(line, tag+" "+id+" ") {
					n++
				}
			}
			return n
		}
		if accepted[id] != 1 || count("accepted") != 1 || count("completed") != 1 || count("failed")+count("unverified") > 0 {
			t.Errorf("%s: %d calls were accepted; accepted is told %d times, completed %d", id, accepted[id], count("accepted"), count("completed"))
		}
	}
	if n := len(slices.DeleteFunc(slices.Clone(told), func(l string) bool { return !strings.HasPrefix(l, "report ") })); n != 1 {
		t.Errorf("there are %d reports", n)
	}
	if t.Failed() {
		t.Log(strings.Join(told, "\n"))
	}
}

// Requests that a bad network has to carry: about a fleet with a replica, in waves, and about one instance.
var carried = map[string]struct {
	request string
	ids     []string
}{
	"a sweep in waves":           {`{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"waves":[{"percent":30},{"percent":100}],"bake":"1h"}}`, []string{"rm-1", "rm-2", "rm-3", "rr-1"}},
	"a sweep in the maintenance": {`{"kind":"sweep","schedule":{"UpgradeTime":"MaintainTime"},"rollout":{"bake":"0s"}}`, []string{"rm-1", "rm-2", "rm-3", "rr-1"}},
	"an upgrade at once":         {`{"DBInstanceId":"rm-2"}`, []string{"rm-2"}},
	"an upgrade later":           {`{"DBInstanceId":"rm-2","UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-23T15:00:00Z"}`, []string{"rm-2"}},
}

func (w *world) fleetOfFour() {
	w.rds.Add(behind("rm-1"), behind("rm-2"), behind("rm-3"), behind("rr-1", replicaOf("rm-1")))
}

// seeds is how many networks each request meets.
const seeds = 5 * crowds

// TestANetworkThatDuplicatesDelaysAndReorders holds requests for less than verify.first: by then all that will arrive has arrived. A signature
// is good for 15 minutes, so that with a verify.first above that nothing else can happen.
func TestANetworkThatDuplicatesDelaysAndReorders(t *testing.T) {
	t.Parallel()
	for held, policy := range map[time.Duration]string{4 * time.Minute: "", 14 * time.Minute: "verify: {first: 16m}\n"} {
		for name, c := range carried {
			t.Run(fmt.Sprintf("%s, for up to %s", name, held), func(t *testing.T) {
				t.Parallel()
				for seed := range uint64(seeds) {
					quick(t, allAtOnce+policy, func(t *testing.T, w *world) {
						t.Helper()
						w.fleetOfFour()
						w.over(&network{seed: seed, trouble: 0.2, late: held}).play("M1", c.request)
						w.toldOnce(t, c.ids...)
						w.clean()
						if t.Failed() {
							t.Logf("seed %d\n%s", seed, w.log)
						}
					})
				}
			})
		}
	}
}

// nth gives the number of the requests of an action, this one included.
func (n *network) nth(r *http.Request, action string) int {
	if r.URL.Query().Get("Action") != action {
		return 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen[action]++
	return n.seen[action]
}

// holding holds the first request of an action.
func (n *network) holding(action string, d time.Duration) {
	n.carry = func(r *http.Request, arrive arrival) (*http.Response, error, bool) {
		if n.nth(r, action) != 1 {
			return nil, nil, false
		}
		answer, err := n.giveUp(r, d, arrive)
		return answer, err, true
	}
}

const one = `{"DBInstanceId":"rm-2"}`

func TestACallThatArrivesAfterItWasMadeAgainIsRefused(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"at once, while the upgrade runs":    one,
		"later, while the upgrade waits":     `{"DBInstanceId":"rm-2","UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-23T15:00:00Z"}`,
		"in a sweep, while the upgrade runs": `{"kind":"sweep","select":{"DBInstanceId":["rm-2"]},"schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			story(t, allAtOnce, func(t *testing.T, w *world) {
				t.Helper()
				w.fleetOfFour()
				n := w.over(&network{})
				n.holding(upgradeCall, 13*time.Minute)
				n.play("M1", request)
				if calls := w.rds.CallsOf(upgradeCall); len(calls) != 2 || !calls[0].Accepted || calls[1].Accepted {
					t.Errorf("the calls are %+v", calls)
				}
				w.toldOnce(t, "rm-2")
				w.clean()
			})
		})
	}
}

// TestACallThatArrivesWhenNothingWasExpectedAnyMore lets the call that was given up arrive just before it is made again: the second is
// refused, and nobody knows the first for its own. The report says that the instance is busy; what comes of it is not told.
func TestACallThatArrivesWhenNothingWasExpectedAnyMore(t *testing.T) {
	story(t, allAtOnce, func(t *testing.T, w *world) {
		t.Helper()
		w.fleetOfFour()
		n := w.over(&network{})
		var held arrival
		n.carry = func(r *http.Request, arrive arrival) (*http.Response, error, bool) {
			switch n.nth(r, upgradeCall) {
			case 1:
				held = arrive
				answer, err := n.giveUp(r, 0, func(context.Context) (*http.Response, error) { return nil, errors.New("not yet") })
				return answer, err, true
			case 2:
				drop(held(context.Background()))
			}
			return nil, nil, false
		}
		n.play("M1", one)
		if accepted := w.accepted(); accepted["rm-2"] != 1 {
			t.Errorf("accepted: %v", accepted)
		}
		w.same("told", []string{"report rm-2 wave 2 map[skipped:1] (DBInstanceStatus is EngineVersionUpgrading)"}, w.unique())
		w.clean()
	})
}

// TestACallThatIsHeldBeyondTheWindow shows by how much a restart may miss the window: the API takes a request until its signature is 15
// minutes old.
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
			const windows = `windows: {allow: [{days: [sun], from: "11:00", to: "12:03", zone: UTC}]}` + "\n"
			story(t, allAtOnce+windows, func(t *testing.T, w *world) {
				t.Helper()
				w.fleetOfFour()
				n := w.over(&network{})
				n.holding(upgradeCall, c.held)
				if _, err := n.request("M1", one); err != nil {
					t.Fatal(err)
				}
				n.under.Wait()
				if accepted := w.accepted(); accepted["rm-2"] != c.accepted {
					t.Errorf("accepted: %v, %+v", accepted, w.rds.CallsOf(upgradeCall))
				}
			})
		})
	}
}

// TestAClaimThatIsWrittenTooLate lets a copy of the first claim arrive when the rollout is over: it stays until the next request meets it,
// and keeps nobody from anything.
func TestAClaimThatIsWrittenTooLate(t *testing.T) {
	story(t, allAtOnce, func(t *testing.T, w *world) {
		t.Helper()
		w.fleetOfFour()
		n := w.over(&network{})
		n.holding("TagResources", 14*time.Minute)
		n.play("M1", one)
		w.toldOnce(t, "rm-2")
		if i, _ := w.rds.Instance("rm-2"); !strings.HasPrefix(i.Tags["kernel-upgrade-claim"], "intent ") {
			t.Errorf("the tags are %v", i.Tags)
		}
		n.play("M2", one)
		if accepted := w.accepted(); accepted["rm-2"] != 1 {
			t.Errorf("accepted: %v", accepted)
		}
		w.clean()
	})
}

// TestAFollowUpThatIsHeldTooLongIsPutAway lets a copy of a follow-up reach the queue more than ten minutes after it was sent, and the one that
// was sent get lost on its way out. The copy is taken for one that somebody else has put there. That is told, and the next request finds
// what the rollout has left.
func TestAFollowUpThatIsHeldTooLongIsPutAway(t *testing.T) {
	story(t, allAtOnce, func(t *testing.T, w *world) {
		t.Helper()
		w.fleetOfFour()
		n := w.over(&network{})
		sent, lost := 0, false
		n.carry = func(r *http.Request, arrive arrival) (*http.Response, error, bool) {
			switch {
			case !strings.Contains(r.URL.Path, queue):
				return nil, nil, false
			case r.Method == http.MethodPost:
				if sent++; sent == 2 { // the one that waits for SwitchTime
					n.later(11*time.Minute, arrive)
				}
			case r.Method == http.MethodGet && !lost:
				answer, err := arrive(r.Context())
				if lost = err == nil && answer.StatusCode == http.StatusOK; lost {
					return nil, errors.New("the answer was lost"), true
				}
				return answer, err, true
			}
			return nil, nil, false
		}
		n.play("M1", carried["an upgrade later"].request)
		if w.count("rejected") != 1 {
			t.Errorf("told: %v", w.unique())
		}
		w.toldOnce(t, "rm-2")
		w.clean()
	})
}

// TestWhateverIsHeldNothingIsUpgradedTwice holds requests for as long as their signatures are good for. What is told may then fall short (see
// docs/guarantees.md), what is done may not.
func TestWhateverIsHeldNothingIsUpgradedTwice(t *testing.T) {
	t.Parallel()
	for name, c := range carried {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(seeds) {
				quick(t, allAtOnce, func(t *testing.T, w *world) {
					t.Helper()
					w.fleetOfFour()
					w.over(&network{seed: seed, trouble: 0.2, late: 14 * time.Minute}).play("M1", c.request)
					for id, accepted := range w.accepted() {
						if accepted != 1 {
							t.Errorf("seed %d: %s: %d calls were accepted", seed, id, accepted)
						}
					}
					if w.count("report ")+w.count("rejected") == 0 {
						t.Errorf("seed %d: it has no account: %v", seed, w.unique())
					}
				})
			}
		})
	}
}

// TestAPlanThatMeetsAPassingFaultIsTriedAgain is for a fault that ends a look and passes with the next delivery: a plan has no follow-up that
// could take it up.
func TestAPlanThatMeetsAPassingFaultIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"DescribeDBInstances":         `{"kind":"sweep","mode":"plan"}`,
		"DescribeDBInstanceAttribute": `{"DBInstanceId":"rm-1","mode":"plan"}`,
	} {
		t.Run(name, func(t *testing.T) {
			story(t, allAtOnce, func(t *testing.T, w *world) {
				t.Helper()
				w.rds.Add(behind("rm-1"))
				w.rds.Faults().Add(faults.Fault{Action: name, Kind: faults.TokenExpired, Times: 1})
				event := w.event("M1", request)
				if _, err := w.deliver(event, 0); err == nil {
					t.Error("the delivery was acknowledged")
				}
				if _, err := w.deliver(event, 1); err != nil {
					t.Error(err)
				}
				if n := w.count("report "); n != 1 {
					t.Errorf("told: %v", w.unique())
				}
			})
		})
	}
}
