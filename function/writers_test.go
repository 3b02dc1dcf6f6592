package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
)

// writers are two processes of the function over the same services, as there would be without reservedConcurrency: 1.
type writers struct {
	first, second *world
	order         []int // whose request is next

	mu      sync.Mutex
	at      int // in the order
	done    [2]bool
	changed chan struct{} // closed when one of them has gone on
}

// pen is the way of one of the writers to the services.
type pen struct {
	*world
	both *writers
	who  int
}

// patience is how long a writer waits for the other one's turn: less than a call may take. The other may be pausing.
const patience = 6 * time.Second

// RoundTrip waits for the writer's turn.
func (p pen) RoundTrip(r *http.Request) (*http.Response, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		mine, changed := p.both.turn(p.who)
		if !mine {
			select {
			case <-changed:
				continue
			case <-late.C:
			}
		}
		answer, err := p.world.RoundTrip(r)
		p.both.goneOn(func(b *writers) {
			if b.at < len(b.order) && b.order[b.at] == p.who {
				b.at++
			}
		})
		return answer, err
	}
}

func (b *writers) turn(who int) (mine bool, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at >= len(b.order) || b.order[b.at] == who || b.done[1-who], b.changed
}

func (b *writers) goneOn(how func(b *writers)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	how(b)
	close(b.changed)
	b.changed = make(chan struct{})
}

// writersOf gives a world a second process.
func writersOf(w *world) *writers {
	other := *w
	b := &writers{first: w, second: &other, changed: make(chan struct{})}
	b.second.invoked, w.hasty, b.second.hasty, w.timeout, b.second.timeout = 5000, true, true, 10*time.Minute, 10*time.Minute
	for n, each := range []*world{b.first, b.second} {
		each.restart()
		each.function.Over(pen{each, b, n})
	}
	return b
}

// write lets both work at the same time.
func (b *writers) write(t *testing.T, first, second string) {
	t.Helper()
	var both sync.WaitGroup
	for n, each := range []struct {
		w     *world
		event string
	}{{b.first, first}, {b.second, second}} {
		both.Go(func() {
			for range 9 {
				if _, err := each.w.invoke(each.event); err == nil {
					break
				}
				time.Sleep(time.Minute)
			}
			b.goneOn(func(b *writers) { b.done[n] = true })
		})
	}
	both.Wait()
}

// goOn lets the two take turns with the timer.
func (b *writers) goOn(t *testing.T) {
	t.Helper()
	b.done = [2]bool{true, true}
	for ticks := 0; len(b.first.mns.Messages(queue)) > 0; ticks++ {
		if ticks > 300 {
			t.Fatalf("it does not end: %s", b.first.mns.Messages(queue)[0].Body)
		}
		time.Sleep(time.Until(b.first.due()))
		_, _ = []*world{b.first, b.second}[ticks%2].tick()
	}
}

// merges gives all orders of the requests of two, n of each.
func merges(n int) (all [][]int) {
	var extend func(order []int, first, second int)
	extend = func(order []int, first, second int) {
		if first == 0 && second == 0 {
			all = append(all, slices.Clone(order))
			return
		}
		if first > 0 {
			extend(append(order, 0), first-1, second)
		}
		if second > 0 {
			extend(append(order, 1), first, second-1)
		}
	}
	extend(nil, n, n)
	return all
}

// interleave plays two messages at the same time, in every order in which their first requests can reach the services: both look, both
// find no claim, both claim, and both call. Then the two take turns.
func interleave(t *testing.T, policy string, queued bool, fleet func(w *world), messages [2][2]string, check func(t *testing.T, w *world)) {
	t.Helper()
	for n, order := range merges(4) {
		if n%(4-crowds) > 0 { // with the race detector a third of them must do
			continue
		}
		quick(t, policy, func(t *testing.T, w *world) {
			t.Helper()
			if !queued {
				delete(w.env, "FOLLOWUP_QUEUE")
			}
			fleet(w)
			b := writersOf(w)
			b.order = order
			b.write(t, w.event(messages[0][0], messages[0][1]), w.event(messages[1][0], messages[1][1]))
			b.goOn(t)
			check(t, w)
			if t.Failed() {
				t.Logf("order %v\n%s\n%s", order, strings.Join(w.unique(), "\n"), w.log)
			}
		})
	}
}

// asked are the ways to ask for one upgrade. When the last is played nothing is permitted yet.
var asked = map[string]struct{ policy, request string }{
	"Immediate":                      {"", one},
	"MaintainTime":                   {"", `{"DBInstanceId":"rm-2","UpgradeTime":"MaintainTime"}`},
	"SpecifyTime":                    {"", carried["an upgrade later"].request},
	"Immediate, outside the windows": {`windows: {allow: [{days: [mon], from: "01:00", to: "05:00", zone: UTC}]}` + "\n", one},
}

// count counts the distinct notifications that begin so.
func (w *world) count(prefix string) (n int) {
	for _, line := range w.unique() {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// calledInTime fails unless one call was accepted, and every call was for a time that is permitted.
func (w *world) calledInTime(t *testing.T, asked string) {
	t.Helper()
	if accepted := w.accepted(); accepted["rm-2"] != 1 {
		t.Errorf("accepted: %v", accepted)
	}
	for _, c := range w.rds.CallsOf(upgradeCall) {
		if strings.Contains(asked, "outside") && c.Params["SwitchTime"] != "2026-11-23T01:00:00Z" {
			t.Errorf("a call for %s %s", c.Params["UpgradeTime"], c.Params["SwitchTime"])
		}
	}
}

func TestTwoWritersOfTwoRequestsMakeOneUpgradeAndTellItOnce(t *testing.T) {
	t.Parallel()
	for name, a := range asked {
		for _, queued := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, with a queue %v", name, queued), func(t *testing.T) {
				t.Parallel()
				refused := 0
				interleave(t, allAtOnce+a.policy, queued, (*world).fleetOfFour, [2][2]string{{"M1", a.request}, {"M2", a.request}}, func(t *testing.T, w *world) {
					t.Helper()
					w.calledInTime(t, name)
					if n := w.count("accepted rm-2 "); n != 1 {
						t.Errorf("accepted is told under %d ids", n)
					}
					if queued && (w.count("completed rm-2 ") != 1 || w.count("report ") != 2) {
						t.Error("the end of both is not told once")
					}
					if queued {
						w.clean()
					}
					refused += len(w.rds.CallsOf(upgradeCall)) - 1
				})
				if refused == 0 {
					t.Error("both have never called: nothing was shown")
				}
			})
		}
	}
}

// TestTwoWritersOfOneMessageMayLeaveItsEndUntold is for what cannot be promised: either takes the rollout for its own, and the one whose call
// is refused ends it.
func TestTwoWritersOfOneMessageMayLeaveItsEndUntold(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Immediate", "MaintainTime"} {
		a := asked[name]
		for _, queued := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, with a queue %v", name, queued), func(t *testing.T) {
				t.Parallel()
				untold := 0
				interleave(t, allAtOnce+a.policy, queued, (*world).fleetOfFour, [2][2]string{{"M1", a.request}, {"M1", a.request}}, func(t *testing.T, w *world) {
					t.Helper()
					w.calledInTime(t, name)
					if n := w.count("accepted rm-2 "); n != 1 {
						t.Errorf("accepted is told under %d ids", n)
					}
					if !queued || w.count("completed rm-2 ") == 1 {
						return
					}
					untold++
					if report := w.last("report"); report.Data.Reason != "in_progress" {
						t.Errorf("neither its end is told nor that it is busy: %s", report)
					}
				})
				if queued && untold == 0 {
					t.Error("its end was always told: say so in docs/guarantees.md")
				}
			})
		}
	}
}

func TestTwoWritersNeverTakeAnInstanceDown(t *testing.T) {
	t.Parallel()
	const lower = `{"DBInstanceId":"rm-2","TargetMinorVersion":"rds_20250930"}`
	fleet := func(w *world) {
		w.rds.Add(behind("rm-2", with(fakerds.Upgrade{Takes: time.Millisecond})))
		w.rds.AddVersion(fakerds.MiniVersion{MinorVersion: "rds_20250930"})
	}
	interleave(t, allAtOnce, true, fleet, [2][2]string{{"M1", one}, {"M2", lower}}, func(t *testing.T, w *world) {
		t.Helper()
		var targets []string
		for _, c := range w.rds.CallsOf(upgradeCall) {
			if c.Accepted {
				targets = append(targets, c.Params["TargetMinorVersion"])
			}
		}
		if !slices.IsSorted(targets) || len(targets) == 0 {
			t.Errorf("it was taken to %v", targets)
		}
		w.clean()
	})
}

// TestTwoWritersOfARollout lets one serve the follow-up of a sweep in waves while the other gets something about the same fleet. Where that
// is the same message, the end of an instance may be untold here, too.
func TestTwoWritersOfARollout(t *testing.T) {
	t.Parallel()
	const orders = 20
	request := carried["a sweep in waves"].request
	for name, other := range map[string]func(w *world) string{
		"the timer":       func(*world) string { return timer() },
		"the same again":  func(w *world) string { return w.event("M1", request) },
		"another request": func(w *world) string { return w.event("M2", request) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(orders) {
				quick(t, allAtOnce, func(t *testing.T, w *world) {
					t.Helper()
					w.fleetOfFour()
					b := writersOf(w)
					if _, err := w.request("M1", request); err != nil {
						t.Fatal(err)
					}
					for random := rand.New(rand.NewPCG(seed, 0)); len(b.order) < 60; { // more requests than there are
						b.order = append(b.order, random.IntN(2))
					}
					w.nextWave(t)
					b.write(t, timer(), other(w))
					b.goOn(t)
					for _, id := range carried["a sweep in waves"].ids {
						if n, told, ended := w.accepted()[id], w.count("accepted "+id+" "), w.count("completed "+id+" "); n != 1 || told != 1 || ended > 1 || ended == 0 && name != "the same again" {
							t.Errorf("%s: %d calls were accepted, told %d times, and their end %d times", id, n, told, ended)
						}
					}
					if w.count("completed ") == 4 {
						w.clean()
					}
					if t.Failed() {
						t.Logf("seed %d\n%s\n%s", seed, strings.Join(w.unique(), "\n"), w.log)
					}
				})
			}
		})
	}
}

// nextWave lets the time go by until the next step of the rollout calls.
func (w *world) nextWave(t *testing.T) {
	t.Helper()
	first := len(w.rds.CallsOf(upgradeCall))
	for range 4 {
		time.Sleep(time.Until(w.due()))
		if n := len(w.rds.CallsOf(upgradeCall)); n != first {
			t.Fatalf("there were %d calls", n)
		}
		if strings.Contains(w.followUp(), `"done"`) {
			return
		}
		if _, err := w.tick(); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the first wave was not proven")
}
