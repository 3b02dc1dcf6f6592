package act_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/plan"
)

func TestEachRolloutStopsAtItsOwnFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := slices.Concat(intents("none", 20, 0), intents("two", 20, 2), intents("any", 20, -1), intents("good", 20, 0))
		s := newCaller(1e9, time.Second, func(_ int, id string) error {
			if strings.Contains(id, "good") {
				return nil
			}
			return denied
		})
		results := s.make(t.Context(), t, 4, all)
		wantEnds(t, of("none", results), map[string]int{"refused": 1, tooMany: 19})
		wantEnds(t, of("any", results), map[string]int{"refused": 20})
		wantEnds(t, of("good", results), map[string]int{"accepted": 20})
		if got := ends(of("two", results)); got["refused"] < 3 || got["refused"] > 3+3 || got["refused"]+got[tooMany] != 20 {
			t.Errorf("got %v", got)
		}
	})
}

// The workers that a rollout cannot use, because its first call is alone, make the calls of the next ones meanwhile.
func TestARolloutThatWaitsForItsFirstAnswerHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := append(intents("a", 30, 0), intents("b", 30, -1)...)
		s := newCaller(1e9, time.Second, accept)
		s.takes = func(id string) time.Duration {
			if id == all[0].Call.DBInstanceID {
				return time.Minute
			}
			return time.Second
		}
		start := time.Now()
		s.make(t.Context(), t, 4, all)
		for _, m := range s.made {
			if began := m.begun.Sub(start); strings.HasPrefix(m.id, "rm-b") && began > 10*time.Second {
				t.Errorf("%s began after %s", m.id, began)
			}
		}
	})
}

func TestTurnsComeInTheOrderOfTheIntents(t *testing.T) {
	t.Parallel()
	for name, all := range map[string][]plan.Intent{
		"one rollout after the other": slices.Concat(intents("b", 5, 0), intents("c", 5, -1), intents("a", 5, 2)),
		"mixed": {
			intents("a", 2, 0)[0], intents("b", 2, 1)[0], intents("a", 2, 0)[1], intents("b", 2, 1)[1],
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCaller(10, time.Second, accept)
				s.make(t.Context(), t, 1, all)
				var want []string
				for _, i := range all {
					want = append(want, i.Call.DBInstanceID)
				}
				if diff := cmp.Diff(want, s.ids()); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}

// TestEveryPromiseHoldsForRandomRollouts mixes rollouts, answers, times and limits.
func TestEveryPromiseHoldsForRandomRollouts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { play(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func play(t *testing.T, random *rand.Rand) {
	t.Helper()
	start := time.Now()
	var all []plan.Intent
	for n := range 1 + random.IntN(5) {
		all = append(all, intents(string(rune('a'+n)), random.IntN(30), random.IntN(5)-1)...)
	}
	random.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	script, takes := map[string][]error{}, map[string]time.Duration{}
	for n := range all {
		id := all[n].Call.DBInstanceID
		for random.IntN(3) == 0 {
			script[id] = append(script[id], []error{throttled, unsent, denied, busy, deleted, expired, lost, broken}[random.IntN(8)])
		}
		takes[id] = time.Duration(random.Int64N(int64(3 * time.Second)))
		if random.IntN(4) == 0 {
			all[n].Latest = start.Add(time.Duration(random.Int64N(int64(20 * time.Second))))
		}
	}
	s := newCaller([]float64{1, 5, 50, 1e9}[random.IntN(4)], 0, nil)
	s.takes = func(id string) time.Duration { return takes[id] }
	tries := map[string]int{}
	s.answer = func(_ int, id string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		tries[id]++
		if n := tries[id] - 1; n < len(script[id]) {
			return script[id][n]
		}
		return nil
	}
	left := time.Duration(1+random.IntN(40)) * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), left)
	defer cancel()
	workers := 1 + random.IntN(12)
	s.make(ctx, t, workers, all)
	if got := s.most(); got > workers {
		t.Errorf("%d calls were in flight, want at most %d", got, workers)
	}
	end := start.Add(left - min(3*time.Second, left/4))
	calls := map[string][]*made{} // of each rollout
	for n, m := range s.made {
		i := all[slices.IndexFunc(all, func(i plan.Intent) bool { return i.Call.DBInstanceID == m.id })]
		if m.begun.After(end) || !i.Latest.IsZero() && !m.begun.Before(i.Latest) {
			t.Errorf("call %d of %s began too late", n, m.id)
		}
		calls[i.Rollout] = append(calls[i.Rollout], m)
	}
	for _, i := range all {
		wantGate(t, i, calls[i.Rollout])
		delete(calls, i.Rollout)
	}
}

// wantGate checks the calls of one rollout, in the order in which they began.
func wantGate(t *testing.T, i plan.Intent, calls []*made) {
	t.Helper()
	if due := haltDue(calls, i.Allowed); !due.IsZero() && calls[len(calls)-1].begun.After(due) {
		t.Errorf("rollout %s: a call began after the halt was due", i.Rollout)
	}
	for n, m := range calls {
		alone := i.Allowed == 0 && !slices.ContainsFunc(calls, func(a *made) bool { return a.err == nil && !a.ended.After(m.begun) })
		if alone && slices.ContainsFunc(calls[:n], func(a *made) bool { return a.ended.After(m.begun) }) {
			t.Errorf("rollout %s: call %d was not alone", i.Rollout, n)
		}
	}
}
