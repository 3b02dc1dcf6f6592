package act_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/plan"
)

// begunWithin returns how many calls begin, at the most, in the time that one takes.
func (c *caller) begunWithin(takes time.Duration) (most int) {
	for n, last := range c.made {
		inside := 0
		for _, m := range c.made[:n+1] {
			if last.begun.Sub(m.begun) < takes {
				inside++
			}
		}
		most = max(most, inside)
	}
	return most
}

// haltDue returns when the refusal was answered that is one too many; zero if there is none.
func haltDue(calls []*made, allowed int) time.Time {
	var refused []time.Time
	for _, m := range calls {
		if errors.Is(m.err, denied) {
			refused = append(refused, m.ended)
		}
	}
	if allowed < 0 || len(refused) <= allowed {
		return time.Time{}
	}
	slices.SortFunc(refused, time.Time.Compare)
	return refused[allowed]
}

// TestNothingIsCalledWhenTooManyHaveFailedButWhatIsInFlight plays waves with every concurrency, rate and time that a call takes.
func TestNothingIsCalledWhenTooManyHaveFailedButWhatIsInFlight(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 2, 3, 8, 16, 50} {
		for _, instances := range []int{1, 10, 120} {
			t.Run(fmt.Sprint(workers, " workers, ", instances, " instances"), func(t *testing.T) {
				t.Parallel()
				for _, perSecond := range []float64{1, 2, 10, 50} {
					for _, takes := range []time.Duration{10 * time.Millisecond, 300 * time.Millisecond, 5 * time.Second} {
						for _, w := range []wave{{0, 0}, {0, 1}, {0, 7}, {1, 0}, {3, 0}, {3, 2}} {
							synctest.Test(t, func(t *testing.T) {
								c := newCaller(perSecond, takes, accepting(w.accepted))
								w.want(t, c, perSecond, takes, c.make(t.Context(), t, workers, intents("a", instances, w.allowed)))
							})
						}
					}
				}
			})
		}
	}
}

// wave is a wave of which the first calls are accepted and all others refused.
type wave struct{ allowed, accepted int }

func (w wave) want(t *testing.T, c *caller, perSecond float64, takes time.Duration, results []plan.Result) {
	t.Helper()
	what := fmt.Sprintf("%v calls a second of %s each, %d may fail, %d are accepted", perSecond, takes, w.allowed, w.accepted)
	inFlight := int(math.Ceil(perSecond * takes.Seconds()))
	most := w.accepted + w.allowed + 1 + inFlight
	if w.allowed == 0 && w.accepted == 0 {
		most = 1
	}
	if n := len(c.made); n > most || n < min(len(results), w.accepted+w.allowed+1) {
		t.Errorf("%s: %d calls were made, want at most %d", what, n, most)
	}
	if got := c.begunWithin(takes); got > inFlight {
		t.Errorf("%s: %d calls were in flight, want at most %d", what, got, inFlight)
	}
	due := haltDue(c.made, w.allowed)
	for n, m := range c.made {
		if !due.IsZero() && m.begun.After(due) {
			t.Errorf("%s: call %d began %s after the halt was due", what, n, m.begun.Sub(due))
		}
	}
	accepted := min(w.accepted, len(results))
	wantEnds(t, results, map[string]int{"accepted": accepted, "refused": len(c.made) - accepted, tooMany: len(results) - len(c.made)})
}

// A wave in which no call may fail begins with one alone; whatever is no failure does not halt it.
func TestOneCallIsAloneUntilOneIsAccepted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		allowed int
		answers []error // to the first calls; all others are accepted
		alone   int     // how many calls are made one after the other
	}{
		"the first is accepted":                      {0, nil, 1},
		"the first instances are busy":               {0, []error{busy, busy, busy}, 4},
		"the first instance was deleted":             {0, []error{deleted}, 2},
		"the first is throttled":                     {0, []error{throttled, throttled}, 3},
		"the first has no clear answer":              {0, []error{lost, broken}, 3},
		"the first must go with the next invocation": {0, []error{expired}, 2},
		"one may fail: they go side by side at once": {1, nil, 0},
		"any number may fail":                        {-1, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCaller(1e9, time.Second, answering(c.answers...))
				results := s.make(t.Context(), t, 16, intents("a", 120, c.allowed))
				for n := range c.alone {
					if next := s.made[n+1]; next.begun.Before(s.made[n].ended) {
						t.Errorf("call %d began before call %d was answered", n+1, n)
					}
				}
				first := s.made[c.alone]
				side := slices.IndexFunc(s.made, func(m *made) bool { return !m.begun.Before(first.ended) }) - c.alone
				if side != 16 {
					t.Errorf("%d calls were made side by side then, want 16", side)
				}
				if got := ends(results); got["accepted"] < 120-len(c.answers) || got[tooMany] > 0 {
					t.Errorf("got %v", got)
				}
			})
		})
	}
}

func TestAWaveStopsAtTheFailuresThatAreAllowed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ allowed, refusals, refused, accepted, unmade int }{
		"none is allowed":             {0, 1, 1, 0, 9},
		"two are":                     {2, 3, 3, 0, 7},
		"as many as are allowed fail": {2, 2, 2, 8, 0},
		"any number":                  {-1, 9, 9, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCaller(1e9, time.Second, answering(slices.Repeat([]error{denied}, c.refusals)...))
				results := s.make(t.Context(), t, 1, intents("a", 10, c.allowed))
				wantEnds(t, results, map[string]int{"refused": c.refused, "accepted": c.accepted, tooMany: c.unmade})
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
		"with a limit of 200 a second it takes 5 s":       {1000, 200, 75 * time.Millisecond, 1150 * 5 * time.Millisecond},
		"without a limit it is eight times as quick":      {120, 1e9, time.Second, 15 * time.Second},
		"and a large one is fifteen times as quick":       {400, 1e9, time.Second, 27 * time.Second},
		"and at a high rate calls of a millisecond do go": {400, 10_000, 16 * time.Millisecond, 500 * time.Millisecond},
	} {
		for _, allowed := range []int{0, 1, -1} {
			t.Run(fmt.Sprint(name, ", of which may fail: ", allowed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := newCaller(c.perSecond, c.takes, accept)
					start := time.Now()
					results := s.make(t.Context(), t, 16, intents("a", c.instances, allowed))
					if took := time.Since(start); took > c.most {
						t.Errorf("it took %s, want at most %s", took, c.most)
					}
					wantEnds(t, results, map[string]int{"accepted": c.instances})
				})
			})
		}
	}
}

func TestNoMoreCallsAreInFlightThanThereAreWorkers(t *testing.T) {
	t.Parallel()
	for workers, want := range map[int]int{-1: 1, 0: 1, 1: 1, 3: 3, 16: 16, 1000: 90} {
		t.Run(fmt.Sprint(workers, " workers"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCaller(1e9, time.Second, accept)
				all := slices.Concat(intents("a", 30, -1), intents("b", 30, 1), intents("c", 30, -1))
				s.make(t.Context(), t, workers, all)
				if got := s.most(); got != want {
					t.Errorf("%d calls were in flight, want %d", got, want)
				}
			})
		})
	}
}
