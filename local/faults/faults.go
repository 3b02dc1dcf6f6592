// Package faults is the bad weather of the local cloud: latency, throttling, quotas, 5xx, HTML error
// pages, resets, truncated and empty answers, expired tokens.
//
// A Set stands in front of one fake and is changed by a flag, by a test, or over HTTP while the
// fake runs. It never decides what a healthy answer is: the fakes do, and they also write
// the error documents of their own service (see Service).
package faults

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Kind names what goes wrong.
type Kind string

// The faults that a fake can be told to show.
const (
	Latency      Kind = "latency"       // the answer comes late
	Throttle     Kind = "throttle"      // refused by flow control, in the service's words
	ServerError  Kind = "5xx"           // refused by an internal error, in the service's words
	HTML         Kind = "html502"       // a load balancer's page: 502, text/html, no effect
	ResetBefore  Kind = "reset-before"  // the connection is reset before anything happened
	ResetAfter   Kind = "reset-after"   // the call takes effect, then the connection is reset
	Hang         Kind = "hang"          // the call takes effect, then no answer ever comes
	Truncate     Kind = "truncate"      // the call takes effect, half of the answer arrives
	Empty        Kind = "empty200"      // the call takes effect, the answer is 200 without a body
	TokenExpired Kind = "token-expired" // refused because the STS token has expired
)

// Quota is flow control as it really is: so many calls a second are taken, and what is over them is refused as by Throttle.
const Quota Kind = "quota"

// Kinds lists every Kind that can happen to a single call, in the order of the constants. Quota is not among them: it happens to none
// that comes alone.
func Kinds() []Kind {
	return []Kind{
		Latency, Throttle, ServerError, HTML, ResetBefore, ResetAfter, Hang, Truncate, Empty, TokenExpired,
	}
}

// Fault is one kind of trouble for the calls of one action.
type Fault struct {
	Action string        // the API action, such as PublishMessage; "*" is every action
	Kind   Kind          // what goes wrong
	Times  int           // for how many calls; 0 means until it is cleared
	Delay  time.Duration // how late, for Latency

	PerSecond float64 // how many calls, for Quota; all actions that it concerns share them
}

// Parse reads the form that flags and the control address use: ACTION=KIND[:N], where N is a number of
// calls, for latency a duration, and for quota the calls per second.
func Parse(text string) (Fault, error) {
	action, rest, ok := strings.Cut(text, "=")
	if !ok || action == "" {
		return Fault{}, fmt.Errorf("fault %q: want ACTION=KIND[:N], such as DescribeDBInstances=throttle:3", text)
	}
	kind, amount, counted := strings.Cut(rest, ":")
	f := Fault{Action: action, Kind: Kind(kind)}
	if kinds := append(Kinds(), Quota); !slices.Contains(kinds, f.Kind) {
		return Fault{}, fmt.Errorf("fault %q: unknown kind %q: want one of %v", text, kind, kinds)
	}
	return f.withAmount(amount, counted)
}

func (f Fault) withAmount(amount string, counted bool) (Fault, error) {
	var err error
	switch {
	case f.Kind == Latency:
		f.Delay, err = time.ParseDuration(amount)
	case f.Kind == Quota:
		f.PerSecond, err = strconv.ParseFloat(amount, 64)
	case counted:
		f.Times, err = strconv.Atoi(amount)
	}
	if err != nil || f.Times < 0 || f.Delay < 0 || f.Kind == Quota && !(f.PerSecond > 0 && f.PerSecond <= math.MaxInt32) {
		return Fault{}, fmt.Errorf("fault %s=%s: %q is neither a number of calls nor, for latency, a duration, nor, for quota, the calls per second",
			f.Action, f.Kind, amount)
	}
	return f, nil
}

// String gives back the form that Parse reads.
func (f Fault) String() string {
	switch {
	case f.Kind == Latency:
		return fmt.Sprintf("%s=%s:%s", f.Action, f.Kind, f.Delay)
	case f.Kind == Quota:
		return fmt.Sprintf("%s=%s:%v", f.Action, f.Kind, f.PerSecond)
	case f.Times > 0:
		return fmt.Sprintf("%s=%s:%d", f.Action, f.Kind, f.Times)
	default:
		return fmt.Sprintf("%s=%s", f.Action, f.Kind)
	}
}

func (f Fault) concerns(action string) bool { return f.Action == "*" || f.Action == action }

// Set is the faults in force. The zero value has none. It is safe for concurrent use.
type Set struct {
	Now func() time.Time // the clock of quotas, set before the first call; nil is the machine's

	mu     sync.Mutex
	faults []force
}

// force is a fault in force.
type force struct {
	Fault
	taken *rate.Limiter // of a quota
}

// Add puts faults in force.
func (s *Set) Add(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		in := force{Fault: f}
		if f.Kind == Quota {
			in.taken = rate.NewLimiter(rate.Limit(f.PerSecond), max(1, int(f.PerSecond))) // a second's calls may come at once
		}
		s.faults = append(s.faults, in)
	}
}

// Clear ends all faults.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// List gives the faults in force, with the calls that each has left.
func (s *Set) List() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Fault
	for _, f := range s.faults {
		list = append(list, f.Fault)
	}
	return list
}

// take gives what one call of the action meets: all latencies added up, and the first other fault, which has one call fewer left. A
// call that is over a quota is refused, and meets nothing else.
func (s *Set) take(action string) (delay time.Duration, kind Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over(action) {
		kind = Throttle
	}
	left := s.faults[:0]
	for _, f := range s.faults {
		switch {
		case !f.concerns(action), f.Kind == Quota:
		case f.Kind == Latency:
			delay += f.Delay
		case kind == "":
			kind = f.Kind
			if f.Times == 1 {
				continue
			}
			f.Times = max(f.Times-1, 0)
		}
		left = append(left, f)
	}
	s.faults = left
	return delay, kind
}

// over tells whether a call of the action is over a quota. Every quota that concerns it counts it.
func (s *Set) over(action string) (over bool) {
	for _, f := range s.faults {
		switch {
		case f.Kind != Quota || !f.concerns(action):
		case s.Now == nil:
			over = !f.taken.Allow() || over
		default:
			over = !f.taken.AllowN(s.Now(), 1) || over
		}
	}
	return over
}
