package main_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/rig"
)

var (
	soakEvents = flag.Int("soak", 120, "how many events the soak gives to one function")
	soakSeed   = flag.Uint64("soak.seed", 1, "what the soak's chances follow from")
)

// moreLeftovers is what one look may find more than another: a connection that a fault has broken takes a moment to go on both sides, with
// up to three goroutines.
const moreLeftovers = 5

// TestASoakLeavesNoGoroutineBehind gives one function event after event over real connections, while calls fail and credentials expire. What
// cannot be seen of a process from outside is counted here: its goroutines. It is not parallel: it counts the whole process.
func TestASoakLeavesNoGoroutineBehind(t *testing.T) {
	c := newCloud(t, fast+"tempo: {default: {UpgradeTime: Immediate, bake: 0s}}\nbudget: {maxInstances: 50, maxPercent: 100}\n", map[string]string{"FOLLOWUP_QUEUE": queue})
	if err := c.mns.CreateQueue(queue); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(*soakSeed, 0))
	var before rig.Leftovers
	for n := range *soakEvents {
		c.weather(random)
		_, _ = c.invoke(t, c.soaked(n, random), func(fc *fccontext.FcContext) { fc.RequestID = fmt.Sprintf("1-67318f55-%08x-db2afabf2b30", n) })
		if n == *soakEvents/10 {
			before = rig.Settled(t, 20*time.Millisecond)
		}
	}
	after := rig.Settled(t, 20*time.Millisecond)
	t.Logf("seed %d: after %d events %+v, after %d events %+v", *soakSeed, *soakEvents/10, before, *soakEvents, after)
	if after.Goroutines > before.Goroutines+moreLeftovers || after.Files > before.Files+moreLeftovers {
		t.Errorf("%+v, then %+v", before, after)
	}
	if accepted := c.upgrades(); accepted < *soakEvents/4 || len(c.mns.Published(topic)) < *soakEvents/2 {
		t.Errorf("it has done little: %d calls, %d notifications", accepted, len(c.mns.Published(topic)))
	}
}

// weather is what the next event meets: mostly nothing.
func (c *cloud) weather(random *rand.Rand) {
	c.rds.Faults().Clear()
	c.mns.Faults().Clear()
	if random.IntN(50) == 0 {
		c.keys.ExpireAll()
	}
	if random.IntN(10) > 0 {
		return
	}
	kinds := slices.DeleteFunc(faults.Kinds(), func(k faults.Kind) bool { return k == faults.Hang }) // it costs 10 seconds
	f := faults.Fault{Action: "*", Kind: kinds[random.IntN(len(kinds))], Times: 1, Delay: 5 * time.Millisecond}
	if random.IntN(2) == 0 {
		c.rds.Faults().Add(f)
	} else {
		c.mns.Faults().Add(f)
	}
}

// soaked is the event of a number.
func (c *cloud) soaked(n int, random *rand.Rand) string {
	id := fmt.Sprintf("rm-%06d", n)
	c.rds.Add(fakerds.Instance{
		DBInstanceID: id, CurrentKernelVersion: "rds_20240101", LatestKernelVersion: "rds_20260228",
		Tags: map[string]string{"kernel-upgrade": "auto"}, Upgrade: fakerds.Upgrade{Takes: 10 * time.Millisecond},
	})
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
