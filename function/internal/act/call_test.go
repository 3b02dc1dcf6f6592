package act_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/plan"
)

func TestOneIntentComesToOneResult(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []error
		calls   int // -1: several
		end     string
	}{
		"an accepted call":                                    {nil, 1, "accepted"},
		"a call refused for good":                             {[]error{denied}, 1, "refused"},
		"a throttled call is made again":                      {[]error{throttled, throttled}, 3, "accepted"},
		"a call that was surely not sent is made again":       {[]error{unsent}, 2, "accepted"},
		"a throttled call that is then refused for good":      {[]error{throttled, denied}, 2, "refused"},
		"a throttled call ends with the time":                 {slices.Repeat([]error{throttled}, 500), -1, "refused"},
		"expired credentials are for the next invocation":     {[]error{expired}, 1, "refused"},
		"an instance that became busy":                        {[]error{busy}, 1, "refused"},
		"an instance that was deleted":                        {[]error{deleted}, 1, "refused"},
		"a lost answer is not asked for again":                {[]error{lost}, 1, "in doubt"},
		"an answer that cannot be read":                       {[]error{broken}, 1, "in doubt"},
		"a throttled call whose second answer is lost":        {[]error{throttled, lost}, 2, "in doubt"},
		"an error that is no fault is the function's own one": {[]error{errors.New("no adapter's")}, 1, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCaller(1e9, time.Second, answering(c.answers...))
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				wantEnds(t, s.make(ctx, t, 4, intents("a", 1, 0)), map[string]int{c.end: 1})
				if n := len(s.made); n != c.calls && (c.calls >= 0 || n < 2) {
					t.Errorf("%d calls, want %d", n, c.calls)
				}
			})
		})
	}
}

func TestNoIntentsAreNoResults(t *testing.T) {
	t.Parallel()
	if got := newCaller(1, 0, accept).make(t.Context(), t, 16, nil); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// No call begins in the last three seconds, or in the last quarter of a shorter time.
func TestNoCallBeginsWithTooLittleTimeLeft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		left, takes time.Duration
		made        int // of 12, one after the other
	}{
		"a minute is enough for all":       {time.Minute, 2 * time.Second, 12},
		"in 15 s they begin in 12":         {15 * time.Second, 2 * time.Second, 7},
		"in 12 s they begin in 9":          {12 * time.Second, 2 * time.Second, 5},
		"in 4 s they begin in 3":           {4 * time.Second, 500 * time.Millisecond, 7},
		"in 1 s they begin in 750 ms":      {time.Second, 100 * time.Millisecond, 8},
		"a trial's invocation of 1 s can":  {time.Second, 900 * time.Millisecond, 1},
		"the time is over at the start":    {0, time.Second, 0},
		"it was over before the beginning": {-time.Minute, time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCaller(1e9, c.takes, accept)
				ctx, cancel := context.WithTimeout(t.Context(), c.left)
				defer cancel()
				wantEnds(t, s.make(ctx, t, 1, intents("a", 12, -1)), map[string]int{"accepted": c.made, tooShort: 12 - c.made})
			})
		})
	}
}

func TestAfterACancellationNoCallBegins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newCaller(1e9, time.Second, func(n int, _ string) error {
			if n == 2 {
				cancel()
			}
			return nil
		})
		wantEnds(t, s.make(ctx, t, 1, intents("a", 12, 0)), map[string]int{"accepted": 3, tooShort: 9})
	})
}

// Time that runs out while a call waits for the rate limit is looked at when the wait is over.
func TestACallThatHasWaitedTooLongIsNotMade(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 6} {
		synctest.Test(t, func(t *testing.T) {
			s := newCaller(0.5, time.Millisecond, accept)
			ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second) // of which the last 1.75 s are no time to begin
			defer cancel()
			wantEnds(t, s.make(ctx, t, workers, intents("a", 6, -1)), map[string]int{"accepted": 3, tooShort: 3})
		})
	}
}

// The limiter does not wait for a turn that comes after the end.
func TestACallForWhichTheLimiterHasNoTimeIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCaller(0.1, time.Millisecond, accept)
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		results := s.make(ctx, t, 1, intents("a", 3, -1))
		wantEnds(t, results, map[string]int{"accepted": 1, "refused": 1, tooShort: 1})
		if f := results[1].Fault; f.Kind != fault.Unavailable || f.InDoubt {
			t.Errorf("got %+v", f)
		}
	})
}

func TestACallWhoseTimeHasPassedIsNotMade(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		latest    time.Duration // from the start
		perSecond float64
		takes     time.Duration
		answers   []error
		end       string
	}{
		"it had passed at the start":                  {0, 1, time.Second, nil, tooLate},
		"it had passed an hour before the start":      {-time.Hour, 1, time.Second, nil, tooLate},
		"it passes while another call is awaited":     {2 * time.Second, 1e9, time.Second, nil, tooLate},
		"it passes in the wait for the rate limit":    {2 * time.Second, 0.3, time.Second, nil, tooLate},
		"it is a moment later than the turn":          {2*time.Second + 1, 1e9, time.Second, nil, "accepted"},
		"it passes in the call":                       {3 * time.Second, 1e9, time.Second + time.Millisecond, nil, "accepted"},
		"it passes in the call, which is throttled":   {3 * time.Second, 1e9, time.Second + time.Millisecond, []error{nil, nil, throttled}, "refused"},
		"it passes in the pauses of a throttled call": {5 * time.Second, 1e9, time.Second, append([]error{nil, nil}, slices.Repeat([]error{throttled}, 50)...), "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCaller(c.perSecond, c.takes, answering(c.answers...))
				latest := time.Now().Add(c.latest)
				all := intents("a", 3, -1)
				all[2].Latest = latest
				results := s.make(t.Context(), t, 1, all)
				wantEnds(t, results[:2], map[string]int{"accepted": 2})
				wantEnds(t, results[2:], map[string]int{c.end: 1})
				for _, m := range s.made {
					if m.id == all[2].Call.DBInstanceID && !m.begun.Before(latest) {
						t.Errorf("a call began %s after the time had passed", m.begun.Sub(latest))
					}
				}
			})
		})
	}
}

// A call that was throttled is not made again when the gate has closed meanwhile, and its result is what RDS has answered.
func TestAThrottledCallIsNotMadeAgainInAHaltedRollout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := intents("a", 6, 1)
		s := newCaller(1e9, time.Second, func(_ int, id string) error {
			if id == all[0].Call.DBInstanceID {
				return throttled
			}
			return denied
		})
		s.takes = func(id string) time.Duration {
			if id == all[0].Call.DBInstanceID {
				return time.Second
			}
			return 400 * time.Millisecond // two of them fail before the first has its answer
		}
		results := s.make(t.Context(), t, 2, all)
		wantEnds(t, results, map[string]int{"refused": 3, tooMany: 3})
		if f := results[0].Fault; f == nil || f.Kind != fault.Throttled || len(s.made) != 3 {
			t.Errorf("%d calls, and the first has come to %+v", len(s.made), results[0])
		}
	})
}

func TestTheTimeOfAcceptanceIsUTC(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCaller(1, time.Second, accept)
		zone := time.FixedZone("UTC+8", 8*60*60)
		results := clocked(s, func() time.Time { return time.Now().In(zone) }).Make(t.Context(), intents("a", 1, 0))
		if at := results[0].AcceptedAt; at.Location() != time.UTC || !at.Equal(s.made[0].ended) {
			t.Errorf("got %s, want %s", at, s.made[0].ended)
		}
	})
}

// What one intent asks for reaches the API as it is.
func TestTheCallIsTheIntents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := intents("a", 2, 0)
		all[1].Call.TargetMinorVersion, all[1].Call.UpgradeTime, all[1].Call.SwitchTime = "rds_20260228", "SpecifyTime", time.Now().Add(time.Hour)
		s := &recorder{}
		clocked(s, time.Now).Make(t.Context(), all)
		if !slices.Equal(s.calls, []plan.Intent{{Call: all[0].Call}, {Call: all[1].Call}}) {
			t.Errorf("got %+v", s.calls)
		}
	})
}
