package main_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
)

var (
	soakEvents = flag.Int("soak", 60, "how many events the soak gives to one function")
	soakSeed   = flag.Uint64("soak.seed", 1, "what the soak's chances follow from")
)

// TestASoakLeavesNoGoroutineBehind gives one function event after event, while calls fail and credentials expire. Afterwards no goroutine is left
// of them, and everything that was asked for has an end. It is not parallel: it counts the whole process.
func TestASoakLeavesNoGoroutineBehind(t *testing.T) {
	play(t, "tempo: {default: {UpgradeTime: Immediate, bake: 0s}}\nbudget: {maxInstances: 50, maxPercent: 100}\n", func(t *testing.T, w *world) {
		t.Helper()
		random := rand.New(rand.NewPCG(*soakSeed, 0))
		var before int
		for n := range *soakEvents {
			w.weather(random)
			_, _ = w.invoke(w.soaked(n, random))
			time.Sleep(time.Duration(random.IntN(120)) * time.Second)
			if n == *soakEvents/10 {
				before = settled()
			}
		}
		if after := settled(); after > before+*soakEvents/10 { // one for each event would be many more; a few are the process's own
			t.Errorf("seed %d: %d goroutines after %d events, %d after %d", *soakSeed, before, *soakEvents/10, after, *soakEvents)
		}
		w.rds.Faults().Clear()
		w.mns.Faults().Clear()
		w.oss.Faults().Clear()
		for range 12 {
			time.Sleep(time.Hour)
			w.must(w.tick())
		}
		if called := w.accepted(); len(called) < *soakEvents/4 || len(w.mns.Published(topic)) < *soakEvents/2 {
			t.Errorf("it has done little: %d calls, %d notifications", len(called), len(w.mns.Published(topic)))
		}
		for _, r := range w.document().Rollouts {
			if !r.AllTold() {
				t.Errorf("rollout %s is %s", r.ID, r.State)
			}
		}
	})
}

// settled is how many goroutines there are when those that end by themselves have ended.
func settled() int {
	time.Sleep(5 * time.Minute)
	synctest.Wait()
	return runtime.NumGoroutine()
}

// weather is what the next event meets: mostly nothing.
func (w *world) weather(random *rand.Rand) {
	sets := []*faults.Set{w.rds.Faults(), w.mns.Faults(), w.oss.Faults()}
	for _, set := range sets {
		set.Clear()
	}
	if random.IntN(50) == 0 {
		w.keys.ExpireAll()
	}
	if random.IntN(5) > 0 {
		return
	}
	kinds := slices.DeleteFunc(faults.Kinds(), func(k faults.Kind) bool { return k == faults.Latency })
	sets[random.IntN(len(sets))].Add(faults.Fault{Action: "*", Kind: kinds[random.IntN(len(kinds))], Times: 1 + random.IntN(3)})
}

// soaked is the event of a number.
func (w *world) soaked(n int, random *rand.Rand) string {
	id := fmt.Sprintf("rm-%06d", n)
	w.rds.Add(behind(id, with(fakerds.Upgrade{Takes: time.Minute})))
	switch random.IntN(8) {
	case 0:
		return timer()
	case 1:
		return `{"DBInstanceId":7}`
	case 2:
		return fmt.Sprintf(`{"kind":"sweep","select":{"DBInstanceId":["%s","rm-%06d"]}}`, id, random.IntN(n+1))
	case 3:
		return fmt.Sprintf(`{"mode":"plan","DBInstanceId":"%s"}`, id)
	default:
		return fmt.Sprintf(`{"DBInstanceId":"%s"}`, id)
	}
}
