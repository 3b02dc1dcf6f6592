package upgrade_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/parallel"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// slow is the API behind a rate limit, with upgrade calls that take their time. It remembers when each of them began and ended.
type slow struct {
	*api
	limit  *pace.Limiter
	takes  time.Duration
	answer func(n int) error // to the nth call, from 0 on

	records sync.Mutex
	made    []made // in the order in which they began
}

// made is an upgrade call that was made.
type made struct {
	begun, ended time.Time
	err          error
}

func newSlow(t *testing.T, perSecond float64, takes time.Duration, fleet []upgrade.Instance, answer func(n int) error) *slow {
	t.Helper()
	return &slow{api: newAPI(t, fleet...), limit: pace.New(perSecond, time.Now), takes: takes, answer: answer}
}

func (s *slow) Upgrade(ctx context.Context, step upgrade.Step, may func() error) (upgrade.Acceptance, error) {
	learn, err := s.limit.TakeEvenly(ctx, may)
	if err != nil {
		return upgrade.Acceptance{}, err
	}
	s.records.Lock()
	n := len(s.made)
	s.made = append(s.made, made{begun: time.Now()})
	s.records.Unlock()
	time.Sleep(s.takes)
	err = s.answer(n)
	s.records.Lock()
	s.made[n].ended, s.made[n].err = time.Now(), err
	s.records.Unlock()
	var f *fault.Error
	learn(errors.As(err, &f) && f.Kind == fault.Throttled)
	if err != nil {
		return upgrade.Acceptance{}, err
	}
	return s.api.Upgrade(ctx, step, func() error { return nil })
}

// apply carries out a plan, with so many failures allowed.
func (s *slow) apply(t *testing.T, workers, allowed int, plan []upgrade.Decision) []upgrade.Outcome {
	t.Helper()
	run := s.run(rollout, now)
	run.API, run.Now, run.Workers, run.Allowed = s, time.Now, workers, allowed
	return run.Apply(t.Context(), plan)
}

// accepting accepts the first calls and refuses the others for good.
func accepting(first int) func(n int) error {
	return func(n int) error {
		if n < first {
			return nil
		}
		return denied
	}
}

// inTheAir is how many calls begin, at the most, in the time that one takes.
func (s *slow) inTheAir() (most int) {
	for n, last := range s.made {
		inside := 0
		for _, m := range s.made[:n+1] {
			if last.begun.Sub(m.begun) < s.takes {
				inside++
			}
		}
		most = max(most, inside)
	}
	return most
}

// haltDue is when the answer came of the refusal that is one too many; zero if there is none.
func (s *slow) haltDue(allowed int) time.Time {
	var refused []time.Time
	for _, m := range s.made {
		if m.err != nil {
			refused = append(refused, m.ended)
		}
	}
	if len(refused) <= allowed {
		return time.Time{}
	}
	slices.SortFunc(refused, time.Time.Compare)
	return refused[allowed]
}

// TestNothingIsCalledWhenTooManyHaveFailedButWhatIsInTheAir plays waves with every concurrency, rate and time that a call takes.
func TestNothingIsCalledWhenTooManyHaveFailedButWhatIsInTheAir(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 2, 3, 8, 16, 50} {
		for _, instances := range []int{1, 10, 120} {
			t.Run(fmt.Sprint(workers, " workers, ", instances, " instances"), func(t *testing.T) {
				t.Parallel()
				fleet := members(instances)
				plan := wide(sweep()).Decide(fleet)
				for _, perSecond := range []float64{1, 2, 10, 50} {
					for _, takes := range []time.Duration{10 * time.Millisecond, 300 * time.Millisecond, 5 * time.Second} {
						for _, c := range []struct{ allowed, accepted int }{{0, 0}, {0, 1}, {0, 7}, {1, 0}, {3, 0}, {3, 2}} {
							synctest.Test(t, func(t *testing.T) {
								s := newSlow(t, perSecond, takes, fleet, accepting(c.accepted))
								s.wantHalt(t, c.allowed, c.accepted, s.apply(t, workers, c.allowed, plan))
							})
						}
					}
				}
			})
		}
	}
}

// wantHalt checks a wave of which the first calls were accepted and all others refused.
func (s *slow) wantHalt(t *testing.T, allowed, accepted int, outcomes []upgrade.Outcome) {
	t.Helper()
	_, perSecond := s.limit.Throttled()
	what := fmt.Sprintf("%v calls a second of %s each, %d may fail, %d are accepted", perSecond, s.takes, allowed, accepted)
	air := int(math.Ceil(perSecond * s.takes.Seconds()))
	most := accepted + allowed + 1 + air
	if allowed == 0 && accepted == 0 {
		most = 1
	}
	if n := len(s.made); n > most || n < min(len(outcomes), accepted+allowed+1) {
		t.Errorf("%s: %d calls were made, want at most %d", what, n, most)
	}
	if got := s.inTheAir(); got > air {
		t.Errorf("%s: %d calls were in the air, want at most %d", what, got, air)
	}
	due := s.haltDue(allowed)
	for n, m := range s.made {
		if !due.IsZero() && m.begun.After(due) {
			t.Errorf("%s: call %d began %s after the halt was due", what, n, m.begun.Sub(due))
		}
	}
	accepted = min(accepted, len(outcomes))
	want := map[upgrade.Status]int{}
	for status, n := range map[upgrade.Status]int{
		upgrade.Accepted: accepted, upgrade.Failed: len(s.made) - accepted, upgrade.Pending: len(outcomes) - len(s.made),
	} {
		if n > 0 {
			want[status] = n
		}
	}
	if diff := cmp.Diff(want, statuses(outcomes)); diff != "" || len(s.tags) != accepted {
		t.Errorf("%s: %d claims are left (-want +got):\n%s", what, len(s.tags), diff)
	}
	for _, o := range outcomes {
		if o.Status == upgrade.Pending && (o.Reason != upgrade.Held || o.Fault != nil) {
			t.Errorf("%s: got %+v", what, o)
		}
	}
}

// A wave in which no call may fail begins with one alone, over all its chunks; whatever is no failure does not halt it.
func TestOneCallIsAloneUntilOneIsAccepted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		allowed int
		answers []error // to the first calls; all others are accepted
		alone   int     // how many calls are made one after the other
		after   int     // how many begin before the next of them is answered, at least
	}{
		"the first is accepted":                      {0, nil, 1, 10},
		"the first instances are busy":               {0, []error{busy, busy, busy}, 4, 10},
		"the first is throttled":                     {0, []error{throttled, throttled}, 3, 10},
		"the first has no clear answer":              {0, []error{lostAnswer(false), lostAnswer(false)}, 3, 10},
		"the first must go with the next delivery":   {0, []error{expired}, 2, 10},
		"one may fail: they go side by side at once": {1, nil, 0, 10},
		"any number may fail":                        {-1, nil, 0, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fleet := members(120)
				s := newSlow(t, 1e9, time.Second, fleet, func(n int) error {
					if n < len(c.answers) {
						return c.answers[n]
					}
					return nil
				})
				outcomes := s.apply(t, 16, c.allowed, wide(sweep()).Decide(fleet))
				for n := range c.alone {
					if next := s.made[n+1]; next.begun.Before(s.made[n].ended) {
						t.Errorf("call %d began before call %d was answered", n+1, n)
					}
				}
				first := s.made[c.alone]
				side := slices.IndexFunc(s.made, func(m made) bool { return !m.begun.Before(first.ended) }) - c.alone
				if side < c.after {
					t.Errorf("%d calls were made side by side then, want at least %d", side, c.after)
				}
				if got := statuses(outcomes); got[upgrade.Accepted] < 120-len(c.answers) || got[upgrade.Failed] > 0 {
					t.Errorf("got %v", got)
				}
			})
		})
	}
}

// TestAWaveIsAsQuickAsTheRateAndTheWorkersAllow is what strictness may not cost.
func TestAWaveIsAsQuickAsTheRateAndTheWorkersAllow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		instances int
		perSecond float64
		takes     time.Duration
		most      time.Duration
	}{
		"one waits for nothing":                           {1, 10, time.Second, time.Second},
		"nor when the rate is low":                        {1, 0.1, time.Second, time.Second},
		"with a limit of 10 a second it takes 12 s":       {120, 10, time.Second, 1150 * 12 * time.Millisecond},
		"with a limit of 50 a second it takes 8 s":        {400, 50, 100 * time.Millisecond, 1150 * 8 * time.Millisecond},
		"without a limit it is eight times as quick":      {120, 1e9, time.Second, 15 * time.Second},
		"and a large one is thirteen times as quick":      {400, 1e9, time.Second, 31 * time.Second},
		"and at a high rate calls of a millisecond do go": {400, 10_000, 16 * time.Millisecond, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fleet := members(c.instances)
				s := newSlow(t, c.perSecond, c.takes, fleet, accepting(c.instances))
				start := time.Now()
				outcomes := s.apply(t, 16, 0, wide(sweep()).Decide(fleet))
				if took := time.Since(start); took > c.most {
					t.Errorf("it took %s, want at most %s", took, c.most)
				}
				if got := statuses(outcomes)[upgrade.Accepted]; got != c.instances {
					t.Errorf("%d were accepted", got)
				}
			})
		})
	}
}

// What would only be released again is not claimed.
func TestAHaltedWaveClaimsNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fleet := members(400)
		s := newSlow(t, 10, time.Second, fleet, accepting(0))
		outcomes := s.apply(t, 16, 0, wide(sweep()).Decide(fleet))
		if diff := cmp.Diff(map[upgrade.Status]int{upgrade.Failed: 1, upgrade.Pending: 399}, statuses(outcomes)); diff != "" || len(s.tags) != 0 {
			t.Errorf("%d claims are left (-want +got):\n%s", len(s.tags), diff)
		}
		if got := s.counts(); got["Tag"] != 4 || got["Untag"] != 4 || len(s.made) != 1 {
			t.Errorf("calls %v and %d upgrades; want 4 fifties claimed and released, and one call", got, len(s.made))
		}
	})
}

// An instance that cannot be claimed has failed, as one whose call was refused.
func TestClaimsThatAreRefusedCountAsFailures(t *testing.T) {
	t.Parallel()
	for allowed, want := range map[int]map[upgrade.Status]int{
		0:  {upgrade.Failed: 50, upgrade.Pending: 10},
		49: {upgrade.Failed: 50, upgrade.Pending: 10},
		50: {upgrade.Failed: 50, upgrade.Accepted: 10},
	} {
		fleet := members(60)
		a := newAPI(t, fleet...).fail("Tag", denied)
		run := a.run(rollout, now)
		run.Allowed = allowed
		outcomes := run.Apply(t.Context(), wide(sweep()).Decide(fleet))
		if diff := cmp.Diff(want, statuses(outcomes)); diff != "" || len(a.tags) != want[upgrade.Accepted] {
			t.Errorf("%d allowed: %d claims (-want +got):\n%s", allowed, len(a.tags), diff)
		}
	}
}

// Time that runs out while a call waits for the rate limit is asked for when the wait is over.
func TestACallThatHasWaitedTooLongIsNotMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fleet := members(6)
		s := newSlow(t, 0.5, time.Millisecond, fleet, accepting(6))
		run := s.run(rollout, now)
		run.API, run.Now, run.Workers = s, time.Now, 6
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second) // no call begins in the last 3 s of them
		defer cancel()
		outcomes := run.Apply(ctx, wide(sweep()).Decide(fleet))
		if diff := cmp.Diff(map[upgrade.Status]int{upgrade.Accepted: 3, upgrade.Pending: 3}, statuses(outcomes)); diff != "" || len(s.tags) != 3 {
			t.Errorf("%d claims (-want +got):\n%s", len(s.tags), diff)
		}
		for _, o := range outcomes {
			if o.Status == upgrade.Pending && o.Reason != upgrade.Deadline {
				t.Errorf("got %+v", o)
			}
		}
	})
}

// fragile panics once: in the first claim that is written, or when the first upgrade call has been accepted, which takes half as long as others.
type fragile struct {
	*slow
	claim, call atomic.Bool
	lost        string // the instance in whose call it has panicked
}

const secretValue = "CAIS-in-a-panic"

func (f *fragile) Tag(ctx context.Context, region string, ids []string, key, value string) error {
	if f.claim.Swap(false) {
		time.Sleep(f.takes / 2) // until the other chunks have begun
		panic(secretValue)
	}
	return f.slow.Tag(ctx, region, ids, key, value)
}

func (f *fragile) Upgrade(ctx context.Context, s upgrade.Step, may func() error) (upgrade.Acceptance, error) {
	if f.call.Swap(false) {
		time.Sleep(f.takes / 2)
		_, err := f.api.Upgrade(ctx, s, may)
		f.lost = s.Instance.ID
		panic(fmt.Sprint(secretValue, err))
	}
	return f.slow.Upgrade(ctx, s, may)
}

// A panic in a worker is the caller's. What is on its way is awaited, and no further call is made in any of the four chunks. The chunk of the
// panic leaves its claims as a killed process does; the others release what they have not called.
func TestAPanicInAWorkerStopsTheWave(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		allowed int
		claim   bool // it is in a claim, and not in a call
		calls   int  // that are made besides
	}{
		"in a claim":               {-1, true, 16},
		"in the first call, alone": {0, false, 0},
		"in a call among others":   {-1, false, 15},
		"when some calls may fail": {3, false, 15},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fleet := members(200)
				f := &fragile{slow: newSlow(t, 1e9, time.Second, fleet, accepting(200))}
				f.claim.Store(c.claim)
				f.call.Store(!c.claim)
				run := f.run(rollout, now)
				run.API, run.Now, run.Workers, run.Allowed = f, time.Now, 16, c.allowed
				wantPanic(t, func() { run.Apply(t.Context(), wide(sweep()).Decide(fleet)) })
				for _, m := range f.made {
					if m.ended.IsZero() {
						t.Error("a call that was on its way was not awaited")
					}
				}
				if len(f.made) != c.calls {
					t.Errorf("%d calls were made besides, want %d", len(f.made), c.calls)
				}
				for chunk := range slices.Chunk(fleet, 50) {
					lost := slices.ContainsFunc(chunk, func(i upgrade.Instance) bool { return i.ID == f.lost })
					for _, i := range chunk {
						called := f.instances[i.ID].Status != "Running"
						if claimed := f.tags[i.ID] != ""; claimed != (called || lost) {
							t.Errorf("%s: called %t, in the chunk of the panic %t, claimed %t", i.ID, called, lost, claimed)
						}
					}
				}
			})
		})
	}
}

// wantPanic wants the panic of fragile on this goroutine, with the stack of the worker and without its value.
func wantPanic(t *testing.T, do func()) {
	t.Helper()
	defer func() {
		t.Helper()
		value := recover()
		kind, stack := parallel.Trace(value)
		if text := fmt.Sprintf("%v %+v %#v %s", value, value, value, stack); value == nil || kind != "string" || strings.Contains(text, secretValue) || !strings.Contains(stack, "upgrade_test.(*fragile)") {
			t.Errorf("got a panic of type %s: %s", kind, text)
		}
	}()
	do()
}
