package fakefc_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakefc"
)

func TestATimerTicksUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	ticks := make(chan time.Time)
	var period time.Duration
	stopped := make(chan struct{})
	s := newServer(t, func(o *fakefc.Options) {
		o.Ticker = func(p time.Duration) (<-chan time.Time, func()) {
			period = p
			return ticks, func() { close(stopped) }
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Every(ctx, "tick", time.Minute, `{"kind":"tick"}`) }()
	ticks <- time.Now()
	ticks <- time.Now()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("error %v, want none", err)
	}
	<-stopped
	waitIdle(t, s)
	if period != time.Minute {
		t.Errorf("period %s, want 1m", period)
	}
	list := s.Invocations()
	if len(list) != 2 {
		t.Fatalf("%d attempts, want 2", len(list))
	}
	for _, i := range list {
		event := decode[map[string]string](t, []byte(i.Event))
		if i.Trigger != "tick" || !i.Async || event["payload"] != `{"kind":"tick"}` || event["triggerName"] != "tick" {
			t.Errorf("attempt %+v, want one by the timer", i)
		}
		if at, err := time.Parse(time.RFC3339, event["triggerTime"]); err != nil || time.Since(at) > time.Minute {
			t.Errorf("trigger time %q, want now", event["triggerTime"])
		}
	}
}

func TestARealTimerTicks(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = s.Every(ctx, "fast", time.Millisecond, "") }()
	waitFor(t, "two ticks", func() bool { return len(s.Invocations()) >= 2 })
}

func TestATimerCanBeFiredByHand(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Every(ctx, "nightly", 0, "sweep") }()
	tick := func(method, name string) *httptest.ResponseRecorder {
		return serve(s, httptest.NewRequestWithContext(t.Context(), method, "/_local/tick/"+name, nil))
	}
	waitFor(t, "the timer", func() bool { return tick(http.MethodPost, "nightly").Code == http.StatusAccepted })
	waitIdle(t, s)
	list := s.Invocations()
	if len(list) != 1 || list[0].Trigger != "nightly" || !slices.Contains([]string{"sweep"}, decode[map[string]string](t, []byte(list[0].Event))["payload"]) {
		t.Errorf("attempts %+v, want one by the timer", list)
	}
	for _, c := range []struct {
		name, method, timer string
		status              int
	}{
		{"an unknown timer", http.MethodPost, "other", http.StatusNotFound},
		{"another method", http.MethodGet, "nightly", http.StatusBadRequest},
	} {
		if w := tick(c.method, c.timer); w.Code != c.status {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.status)
		}
	}
	for _, taken := range []string{"nightly", ""} {
		if err := s.Every(ctx, taken, 0, ""); err == nil {
			t.Errorf("a timer named %q was taken", taken)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if w := tick(http.MethodPost, "nightly"); w.Code != http.StatusNotFound {
		t.Errorf("after its end: %d, want 404", w.Code)
	}
}

func TestATimerEndsWithTheServer(t *testing.T) {
	t.Parallel()
	ticks := make(chan time.Time, 1)
	s := newServer(t, func(o *fakefc.Options) {
		o.Ticker = func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} }
	})
	done := make(chan error)
	go func() { done <- s.Every(t.Context(), "nightly", time.Hour, "") }()
	s.Close(t.Context())
	ticks <- time.Now()
	if err := <-done; !errors.Is(err, fakefc.ErrClosed) {
		t.Errorf("error %v, want %v", err, fakefc.ErrClosed)
	}
}

func TestTimersTickBesideEachOtherInTheBackground(t *testing.T) {
	t.Parallel()
	ticks := map[time.Duration]chan time.Time{time.Minute: make(chan time.Time), time.Hour: make(chan time.Time)}
	var stopped sync.WaitGroup
	stopped.Add(len(ticks))
	s := newServer(t, func(o *fakefc.Options) {
		o.Ticker = func(p time.Duration) (<-chan time.Time, func()) { return ticks[p], stopped.Done }
	})
	if err := errors.Join(s.AddTimer("tick", time.Minute, "look"), s.AddTimer("nightly", time.Hour, "sweep")); err != nil {
		t.Fatal(err)
	}
	for _, taken := range []string{"nightly", ""} {
		if err := s.AddTimer(taken, time.Second, ""); err == nil || !strings.Contains(err.Error(), "a name that no other has") {
			t.Errorf("a timer named %q: error %v", taken, err)
		}
	}
	for _, period := range []time.Duration{time.Minute, time.Hour, time.Minute} {
		ticks[period] <- time.Now()
	}
	waitFor(t, "three ticks", func() bool { return len(s.Invocations()) == 3 })
	waitIdle(t, s)
	seen := map[string]int{}
	for _, i := range s.Invocations() {
		seen[i.Trigger+" "+decode[map[string]string](t, []byte(i.Event))["payload"]]++
	}
	if seen["tick look"] != 2 || seen["nightly sweep"] != 1 {
		t.Errorf("ticks %v, want 2 of tick and 1 of nightly", seen)
	}
	s.Close(t.Context())
	stopped.Wait()
	if err := s.AddTimer("late", time.Second, ""); !errors.Is(err, fakefc.ErrClosed) {
		t.Errorf("error %v, want %v", err, fakefc.ErrClosed)
	}
}

func TestATimerInTheBackgroundIsThereAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if err := s.AddTimer("nightly", 0, "sweep"); err != nil {
		t.Fatal(err)
	}
	if w := serve(s, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/_local/tick/nightly", nil)); w.Code != http.StatusAccepted {
		t.Errorf("got %d, want 202", w.Code)
	}
	waitIdle(t, s)
	if list := s.Invocations(); len(list) != 1 || list[0].Trigger != "nightly" {
		t.Errorf("attempts %+v, want one by the timer", list)
	}
}
