package faults_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/faults"
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
		{"an unknown kind", "A=flood:1", `unknown kind "flood"`},
		{"an empty number", "A=throttle:", "neither a number of calls"},
		{"a number that is none", "A=throttle:many", "neither a number of calls"},
		{"a number below zero", "A=throttle:-1", "neither a number of calls"},
		{"latency without a duration", "A=latency", "for latency, a duration"},
		{"latency by a number", "A=latency:3", "for latency, a duration"},
		{"latency below zero", "A=latency:-1s", "for latency, a duration"},
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
