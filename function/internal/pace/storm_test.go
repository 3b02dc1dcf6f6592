package pace_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"golang.org/x/time/rate"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/pace"
)

const (
	calls     = 10_000 // a fleet of ten thousand has a few hundred more
	workers   = 16
	latency   = 50 * time.Millisecond
	perSecond = 10 // the policy's default
)

// weather is what the API takes from ten seconds after the beginning on, for ten minutes: so many calls per second.
type weather struct {
	name  string
	quota float64
}

var weathers = []weather{
	{"no storm", -1},
	{"10 min at half the rate", perSecond / 2},
	{"10 min at a tenth of the rate", perSecond / 10.},
	{"10 min without a single call", 0},
}

// limits are the ways to keep to a rate: the function's, and two that it was compared with.
var limits = []struct {
	name string
	make func() taker
}{
	{"adaptive", func() taker { return pace.New(perSecond, time.Now) }},
	{"fixed", func() taker { return fixed{rate.NewLimiter(perSecond, perSecond)} }},
	{"none", func() taker { return fixed{rate.NewLimiter(rate.Inf, 0)} }},
}

type taker interface {
	Take(ctx context.Context) (done func(throttled bool), err error)
}

type fixed struct{ *rate.Limiter }

func (f fixed) Take(ctx context.Context) (func(bool), error) { return func(bool) {}, f.Wait(ctx) }

// api takes calls up to its quota.
type api struct {
	from, until time.Time
	quota       *rate.Limiter
	mu          sync.Mutex
	taken       int
	refused     int
}

func newAPI(w weather) *api {
	a := &api{from: time.Now().Add(10 * time.Second), quota: rate.NewLimiter(rate.Limit(w.quota), max(1, int(w.quota)))}
	a.until = a.from.Add(10 * time.Minute)
	if w.quota < 0 {
		a.until = a.from
	}
	if w.quota == 0 {
		a.quota = rate.NewLimiter(0, 0)
	}
	return a
}

func (a *api) call() error {
	time.Sleep(latency)
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); !now.Before(a.from) && now.Before(a.until) && !a.quota.Allow() {
		a.refused++
		return &fault.Error{Kind: fault.Throttled, Code: "Throttling.User", Message: "Request was denied due to user flow control."}
	}
	a.taken++
	return nil
}

// passed is what a storm comes to.
type passed struct {
	wall           time.Duration
	taken, refused int
}

func (p passed) wasted() float64 { return 100 * float64(p.refused) / float64(p.taken+p.refused) }

// pass makes all the calls, as a run does: sixteen at a time, each again until it is taken.
func pass(w weather, limit taker) passed {
	a, start := newAPI(w), time.Now()
	work := make(chan int)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range work {
				_, _ = pace.Retry(context.Background(), func() (int, error) {
					done, err := limit.Take(context.Background())
					if err != nil {
						return 0, err
					}
					err = a.call()
					done(err != nil)
					return 0, err
				})
			}
		})
	}
	for n := range calls {
		work <- n
	}
	close(work)
	all.Wait()
	return passed{time.Since(start), a.taken, a.refused}
}

// TestAThrottlingStormLosesNothingAndWastesLittle prints the comparison that docs/benchmarks.md has; the time is virtual.
func TestAThrottlingStormLosesNothingAndWastesLittle(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(table, "weather\tlimiter\tcalls taken\trefused\twasted\twall time\t\n")
	for _, w := range weathers {
		for _, limit := range limits {
			var got passed
			synctest.Test(t, func(*testing.T) { got = pass(w, limit.make()) })
			_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%.1f %%\t%s\t\n", w.name, limit.name, got.taken, got.refused, got.wasted(), got.wall.Round(time.Second))
			if got.taken != calls {
				t.Errorf("%s, %s: %d calls taken, want %d: some were lost", w.name, limit.name, got.taken, calls)
			}
			if limit.name == "adaptive" && got.wasted() >= 10 {
				t.Errorf("%s: %.1f %% of the calls were wasted, want less than 10 %%", w.name, got.wasted())
			}
		}
	}
	_ = table.Flush()
	t.Log("\n" + text.String())
}
