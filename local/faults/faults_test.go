package faults_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/rig"
)

func TestParse(t *testing.T) {
	cases := []struct {
		text string
		want faults.Fault
	}{
		{"SendMessage=latency:50ms", faults.Fault{Action: "SendMessage", Kind: faults.Latency, Delay: 50 * time.Millisecond}},
		{"*=latency:0s", faults.Fault{Action: "*", Kind: faults.Latency}},
		{"DescribeDBInstances=throttle:3", faults.Fault{Action: "DescribeDBInstances", Kind: faults.Throttle, Times: 3}},
		{"DescribeDBInstances=throttle", faults.Fault{Action: "DescribeDBInstances", Kind: faults.Throttle}},
		{"*=5xx:1", faults.Fault{Action: "*", Kind: faults.ServerError, Times: 1}},
		{"*=quota:20", faults.Fault{Action: "*", Kind: faults.Quota, PerSecond: 20}},
		{"TagResources=quota:0.5", faults.Fault{Action: "TagResources", Kind: faults.Quota, PerSecond: 0.5}},
	}
	for _, kind := range faults.Kinds()[1:] {
		cases = append(cases, struct {
			text string
			want faults.Fault
		}{"A=" + string(kind) + ":2", faults.Fault{Action: "A", Kind: kind, Times: 2}})
	}
	for _, tc := range cases {
		got, err := faults.Parse(tc.text)
		if err != nil || got != tc.want {
			t.Errorf("%s: got %+v, %v", tc.text, got, err)
		}
		if got.String() != tc.text {
			t.Errorf("%s is written %s", tc.text, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"nothing", "", "want ACTION=KIND[:N]"},
		{"no kind", "DescribeDBInstances", "want ACTION=KIND[:N]"},
		{"no action", "=throttle", "want ACTION=KIND[:N]"},
		{"an unknown kind", "A=flood:1", `unknown kind "flood": want one of [latency throttle`},
		{"an unknown kind, though there are quotas", "A=flood:1", "token-expired quota]"},
		{"an empty number", "A=throttle:", "neither a number of calls"},
		{"a number that is none", "A=throttle:many", "neither a number of calls"},
		{"a number below zero", "A=throttle:-1", "neither a number of calls"},
		{"latency without a duration", "A=latency", "for latency, a duration"},
		{"latency by a number", "A=latency:3", "for latency, a duration"},
		{"latency below zero", "A=latency:-1s", "for latency, a duration"},
		{"a quota without a number", "A=quota", "for quota, the calls per second"},
		{"a quota of nothing", "A=quota:0", "for quota, the calls per second"},
		{"a quota below zero", "A=quota:-1", "for quota, the calls per second"},
		{"a quota that is no number", "A=quota:NaN", "for quota, the calls per second"},
		{"a quota without a bound", "A=quota:Inf", "for quota, the calls per second"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := faults.Parse(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// met tells, for each call of A, which fault it met.
func met(t *testing.T, s *faults.Set, calls int) []string {
	t.Helper()
	var all []string
	for range calls {
		w := serve(s, &service{action: "A"}, nil)
		all = append(all, strings.TrimSpace(w.Body.String()))
	}
	return all
}

func TestFaultLastsForItsNumberOfCalls(t *testing.T) {
	cases := []struct {
		name   string
		faults []faults.Fault
		want   []string
		left   []string
	}{
		{"none", nil, []string{"ok", "ok"}, nil},
		{"two", []faults.Fault{{Action: "A", Kind: faults.Throttle, Times: 2}}, []string{"throttle", "throttle", "ok"}, nil},
		{"without end", []faults.Fault{{Action: "A", Kind: faults.Throttle}}, []string{"throttle", "throttle", "throttle"}, []string{"A=throttle"}},
		{"of another action", []faults.Fault{{Action: "B", Kind: faults.Throttle, Times: 1}}, []string{"ok"}, []string{"B=throttle:1"}},
		{"of every action", []faults.Fault{{Action: "*", Kind: faults.Throttle, Times: 1}}, []string{"throttle", "ok"}, nil},
		{
			"one after the other, in the order in which they came",
			[]faults.Fault{{Action: "A", Kind: faults.TokenExpired, Times: 1}, {Action: "*", Kind: faults.ServerError, Times: 2}},
			[]string{"token-expired", "5xx", "5xx", "ok"},
			nil,
		},
		{
			"of which some are left",
			[]faults.Fault{{Action: "A", Kind: faults.Throttle, Times: 3}},
			[]string{"throttle"},
			[]string{"A=throttle:2"},
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var s faults.Set
			s.Add(tc.faults...)
			if diff := cmp.Diff(tc.want, met(t, &s, len(tc.want))); diff != "" {
				t.Error(diff)
			}
			var left []string
			for _, f := range s.List() {
				left = append(left, f.String())
			}
			if diff := cmp.Diff(tc.left, left); diff != "" {
				t.Errorf("left: %s", diff)
			}
		})
	}
}

func TestAQuotaTakesSoManyCallsASecond(t *testing.T) {
	quota := func(action string, perSecond float64) faults.Fault {
		return faults.Fault{Action: action, Kind: faults.Quota, PerSecond: perSecond}
	}
	once := faults.Fault{Action: "A", Kind: faults.ServerError, Times: 1}
	cases := []struct {
		name   string
		faults []faults.Fault
		calls  []string // by turns the pause before a call, and its action
		want   string
		left   int
	}{
		{"at once as many as a second has", []faults.Fault{quota("A", 2)}, []string{"0s", "A", "0s", "A", "0s", "A"}, "ok ok throttle", 1},
		{"one more as soon as there is room for it", []faults.Fault{quota("A", 2)}, []string{"0s", "A", "0s", "A", "499ms", "A", "1ms", "A"}, "ok ok throttle ok", 1},
		{"no more after a long pause", []faults.Fault{quota("A", 1)}, []string{"0s", "A", "1h", "A", "0s", "A"}, "ok ok throttle", 1},
		{"one in two seconds", []faults.Fault{quota("A", 0.5)}, []string{"0s", "A", "1s", "A", "1s", "A"}, "ok throttle ok", 1},
		{"of every action together", []faults.Fault{quota("*", 1)}, []string{"0s", "A", "0s", "B"}, "ok throttle", 1},
		{"of another action", []faults.Fault{quota("B", 1)}, []string{"0s", "A", "0s", "A"}, "ok ok", 1},
		{"the least of several", []faults.Fault{quota("*", 3), quota("A", 1)}, []string{"0s", "A", "0s", "A", "0s", "B", "0s", "B"}, "ok throttle ok throttle", 2},
		{"and what is over it meets no other fault", []faults.Fault{once, quota("A", 1)}, []string{"0s", "B", "0s", "A", "0s", "A"}, "ok 5xx throttle", 1},
		{"which waits for the next that is not", []faults.Fault{quota("A", 1), once, once}, []string{"0s", "A", "0s", "A", "1s", "A", "1s", "A"}, "5xx throttle 5xx ok", 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			clock := rig.NewClock(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
			s := faults.Set{Now: clock.Now}
			s.Add(tc.faults...)
			var got []string
			for n := 0; n < len(tc.calls); n += 2 {
				pause, err := time.ParseDuration(tc.calls[n])
				if err != nil {
					t.Fatal(err)
				}
				clock.Advance(pause)
				got = append(got, serve(&s, &service{action: tc.calls[n+1]}, nil).Body.String())
			}
			if met := strings.Join(got, " "); met != tc.want || len(s.List()) != tc.left {
				t.Errorf("got %s, want %s; %d faults are left, want %d", met, tc.want, len(s.List()), tc.left)
			}
		})
	}
}

func TestAQuotaWithoutAClockGoesByTheMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s faults.Set
		s.Add(faults.Fault{Action: "A", Kind: faults.Quota, PerSecond: 1})
		got := met(t, &s, 2)
		time.Sleep(time.Second)
		if got = append(got, met(t, &s, 2)...); !cmp.Equal(got, []string{"ok", "throttle", "ok", "throttle"}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestClearEndsAllFaults(t *testing.T) {
	var s faults.Set
	s.Add(faults.Fault{Action: "A", Kind: faults.Throttle})
	s.Clear()
	if got := met(t, &s, 1); got[0] != "ok" || len(s.List()) != 0 {
		t.Errorf("got %v, left %v", got, s.List())
	}
}

func TestListIsACopy(t *testing.T) {
	var s faults.Set
	s.Add(faults.Fault{Action: "A", Kind: faults.Throttle})
	s.List()[0].Action = "B"
	if got := s.List()[0].Action; got != "A" {
		t.Errorf("got %s", got)
	}
}

func TestManyCallsAtATimeMeetAFaultAsOftenAsItSays(t *testing.T) {
	var s faults.Set
	s.Add(faults.Fault{Action: "A", Kind: faults.Throttle, Times: 30})
	var met atomic.Int32
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if w := serve(&s, &service{action: "A"}, nil); w.Code == 400 {
				met.Add(1)
			}
		})
	}
	all.Wait()
	if met.Load() != 30 {
		t.Errorf("%d calls met it", met.Load())
	}
}
