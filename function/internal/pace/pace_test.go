package pace_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/pace"
)

// rateOf returns the current rate.
func rateOf(l *pace.Limiter) float64 {
	_, perSecond := l.Throttled()
	return perSecond
}

// take makes a call of which the API says no or yes.
func take(t *testing.T, l *pace.Limiter, throttled bool) {
	t.Helper()
	done, err := l.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done(throttled)
}

func near(got, want float64) bool { return math.Abs(got-want) < 1e-6*want }

func TestARefusalLowersTheRateAndCallsThatAreTakenRaiseIt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		most  float64
		calls []bool // whether each is refused
		want  float64
	}{
		"at the beginning it is the policy's":                 {10, nil, 10},
		"calls that are taken do not raise it over that":      {10, []bool{false, false}, 10},
		"a refusal takes three tenths off":                    {10, []bool{true}, 7},
		"each that follows does, too":                         {10, []bool{true, true}, 4.9},
		"a call that is taken adds a sixtieth of a second's":  {10, []bool{true, false}, 7 + 10./60/7},
		"where that is more than the rate, it doubles":        {10, []bool{true, true, true, true, true, true, true, true, true, true, false}, 2 * 10 * math.Pow(0.7, 10)},
		"it does not go below one call in half a minute":      {10, []bool{true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true}, 1. / 30},
		"nor is it raised to that when the policy's is lower": {0.01, []bool{true, true}, 0.01},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := pace.New(test.most, time.Now)
				for _, throttled := range test.calls {
					take(t, l, throttled)
				}
				if got := rateOf(l); !near(got, test.want) {
					t.Errorf("%v calls per second, want %v", got, test.want)
				}
			})
		})
	}
}

// Sixteen calls under way are refused by one and the same shortage.
func TestCallsUnderWayTogetherLowerTheRateOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(100, time.Now)
		var all []func(bool)
		for range 16 {
			done, err := l.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, done)
		}
		for _, done := range all[:15] {
			done(true)
		}
		all[15](false) // it was made at the old rate, and says nothing about the new one
		if calls, perSecond := l.Throttled(); calls != 15 || !near(perSecond, 70) {
			t.Errorf("%d calls refused, %v calls per second; want 15, 70", calls, perSecond)
		}
	})
}

func TestTwoMinutesAfterTheLastRefusalItIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(100, time.Now)
		take(t, l, true)
		time.Sleep(2*time.Minute - time.Second)
		take(t, l, true)
		time.Sleep(2*time.Minute - time.Second)
		take(t, l, false)
		if got := rateOf(l); got >= 100 {
			t.Errorf("%v calls per second before it is over", got)
		}
		time.Sleep(time.Second)
		take(t, l, false)
		if got := rateOf(l); got != 100 {
			t.Errorf("%v calls per second, want the policy's 100", got)
		}
	})
}

// After a pause a second's calls may be made at once, and after a refusal a tenth of them.
func TestCallsAreSpreadOverTime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		refused bool
		calls   int
		want    time.Duration
	}{
		"a second's calls go at once":          {false, 100, 0},
		"and one hundredth of a second apart":  {false, 150, 500 * time.Millisecond},
		"after a refusal seven go at once":     {true, 7, 0},
		"and one seventieth of a second apart": {true, 77, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := pace.New(100, time.Now)
				if test.refused {
					take(t, l, true)
				}
				start := time.Now()
				for range test.calls {
					if _, err := l.Take(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(start); (took - test.want).Abs() > 10*time.Millisecond {
					t.Errorf("it took %s, want %s", took, test.want)
				}
			})
		})
	}
}

func TestWithoutTheTimeNoCallIsMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(0.1, time.Now)
		take(t, l, false)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := l.Take(ctx); err == nil || time.Since(start) > 0 {
			t.Errorf("error %v after %s, want one at once: the next call is in 10 s", err, time.Since(start))
		}
		// Another has the wait before it.
		go func() { _, _ = l.Take(context.Background()) }()
		synctest.Wait()
		if _, err := l.Take(ctx); err == nil || time.Since(start) != 5*time.Second {
			t.Errorf("error %v after %s, want one when the time is over", err, time.Since(start))
		}
		time.Sleep(time.Minute)
	})
}

// A rate that rises while somebody waits helps all behind it.
func TestNobodyWaitsByAnOldRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(10, time.Now)
		for range 30 {
			take(t, l, true)
		}
		start, served := time.Now(), make(chan time.Duration, 16)
		for range 16 {
			go func() {
				done, err := l.Take(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				done(false)
				served <- time.Since(start)
			}()
		}
		last := time.Duration(0)
		for range 16 {
			last = max(last, <-served)
		}
		if last > 90*time.Second {
			t.Errorf("the last of 16 calls waited %s after the storm; at the slowest rate it would be 8 minutes", last)
		}
	})
}
