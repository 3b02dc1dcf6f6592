package pace_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/pace"
)

func always() error { return nil }

// evenly makes calls that ask first, so many at the same time, and returns when each began.
func evenly(t *testing.T, l *pace.Limiter, workers, calls int) (begun []time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	start, work := time.Now(), make(chan int)
	for range workers {
		all.Go(func() {
			for range work {
				done, err := l.TakeEvenly(t.Context(), always)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				begun = append(begun, time.Since(start))
				mu.Unlock()
				time.Sleep(time.Second)
				done(false)
			}
		})
	}
	for n := range calls {
		work <- n
	}
	close(work)
	all.Wait()
	return begun
}

func TestCallsThatAskFirstGoOneByOneAtTheRate(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{0.5, 1, 2, 10, 200} {
		t.Run(fmt.Sprint(perSecond, " a second"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := pace.New(perSecond, time.Now)
				time.Sleep(time.Hour) // all that can be saved up is there
				for n, at := range evenly(t, l, 500, 20) {
					if want := time.Duration(float64(n) / perSecond * float64(time.Second)); (at - want).Abs() > time.Microsecond {
						t.Fatalf("call %d began after %s, want %s", n, at, want)
					}
				}
			})
		})
	}
}

// They share the rate with the others: nothing of it is theirs alone.
func TestCallsThatAskFirstCountAsAllOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(10, time.Now)
		for range 10 {
			take(t, l, false)
		}
		start := time.Now()
		if begun := evenly(t, l, 1, 1); begun[0] != 100*time.Millisecond {
			t.Errorf("the first began after %s, want 100ms: what was saved up is spent", begun[0])
		}
		time.Sleep(time.Until(start.Add(100 * time.Millisecond)))
		take(t, l, false)
		if got := time.Since(start); got < 200*time.Millisecond {
			t.Errorf("the call after it began after %s, want 200ms", got)
		}
	})
}

func TestTheGapFollowsTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(100, time.Now)
		take(t, l, true)
		time.Sleep(10 * time.Second) // the rate is 70, and seven of other kinds would go at once
		for n, at := range evenly(t, l, 20, 10) {
			if want := time.Duration(float64(n) / 70 * float64(time.Second)); (at - want).Abs() > time.Microsecond {
				t.Errorf("call %d began after %s, want %s", n, at, want)
			}
		}
	})
}

func TestWhetherACallMayBeMadeIsAskedWhenAllWaitingIsOver(t *testing.T) {
	t.Parallel()
	halted := errors.New("halted")
	for name, test := range map[string]struct {
		before func(t *testing.T, l *pace.Limiter) // what is to be waited for
	}{
		"behind the others": {func(t *testing.T, l *pace.Limiter) {
			t.Helper()
			for range 10 {
				take(t, l, false)
			}
		}},
		"behind one of its own kind": {func(t *testing.T, l *pace.Limiter) { t.Helper(); evenly(t, l, 1, 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := pace.New(0.5, time.Now)
				time.Sleep(time.Hour)
				test.before(t, l)
				start, halt := time.Now(), time.Now().Add(500*time.Millisecond)
				_, err := l.TakeEvenly(t.Context(), func() error {
					if time.Now().Before(halt) {
						return nil
					}
					return halted
				})
				if took := time.Since(start); !errors.Is(err, halted) || took < time.Second {
					t.Errorf("got %v after %s; want a refusal when the wait is over", err, took)
				}
			})
		})
	}
}

// When the one in front has been refused, those behind it do not wait for the rate to be refused as well.
func TestNobodyWaitsForACallThatMayNotBeMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, halted := pace.New(1./30, time.Now), errors.New("halted")
		evenly(t, l, 1, 1)
		start := time.Now()
		halt := start.Add(time.Second)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				_, err := l.TakeEvenly(t.Context(), func() error {
					if time.Now().Before(halt) {
						return nil
					}
					return halted
				})
				if !errors.Is(err, halted) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("50 waited %s, want no longer than the one in front", took)
		}
	})
}

func TestWithoutTheTimeNoCallAsksTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, asked := pace.New(0.1, time.Now), 0
		time.Sleep(time.Hour)
		may := func() error { asked++; return nil }
		if _, err := l.TakeEvenly(t.Context(), may); err != nil || asked != 2 {
			t.Errorf("got %v, and it was asked %d times, want 2", err, asked)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := l.TakeEvenly(ctx, may); !errors.Is(err, pace.ErrNoTime) || time.Since(start) > 0 || asked != 3 {
			t.Errorf("error %v after %s, asked %d times; want one at once: the next call is in 10 s", err, time.Since(start), asked)
		}
		// Another has the wait before it.
		go func() { _, _ = l.TakeEvenly(context.Background(), always) }()
		synctest.Wait()
		if _, err := l.TakeEvenly(ctx, may); !errors.Is(err, pace.ErrNoTime) || time.Since(start) != 5*time.Second {
			t.Errorf("error %v after %s, want one when the time is over", err, time.Since(start))
		}
		time.Sleep(time.Minute)
	})
}

// A refusal leaves the turn to the next one, whose call may be made for all that is known.
func TestARefusalLeavesTheTurnToTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, halted := pace.New(10, time.Now), errors.New("halted")
		for range 5 {
			if _, err := l.TakeEvenly(t.Context(), func() error { return halted }); !errors.Is(err, halted) {
				t.Errorf("got %v", err)
			}
		}
		if begun := evenly(t, l, 1, 1); begun[0] != 0 {
			t.Errorf("it began after %s: those that were refused at once have cost it time", begun[0])
		}
	})
}

// The rate would leave the time, and the gap to the call before does not.
func TestWithoutTheTimeForTheGapNoCallIsMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := pace.New(10, time.Now)
		evenly(t, l, 1, 1)
		time.Sleep(time.Hour)
		for n, want := range []error{nil, pace.ErrNoTime} {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if _, err := l.TakeEvenly(ctx, always); !errors.Is(err, want) {
				t.Errorf("call %d: %v, want %v", n+1, err, want)
			}
			cancel()
		}
	})
}
