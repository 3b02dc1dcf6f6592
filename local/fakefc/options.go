package fakefc

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"rds-kernel-upgrade/local/sts"
)

// NoRetries is the value of MaxAsyncRetries for maxAsyncRetryAttempts: 0.
const NoRetries = -1

// The cloud's defaults and limits: "Quotas and limits", "Retry policy" and PutAsyncInvokeConfig of FC 3.0.
const (
	defaultTimeout     = 3 * time.Second
	maxTimeout         = 86400 * time.Second
	defaultMemoryMB    = 512
	defaultRetries     = 3
	maxRetries         = 8
	defaultEventAge    = 24 * time.Hour
	defaultCredentials = 36 * time.Hour
	firstThrottleDelay = 500 * time.Millisecond
	maxSyncEvent       = 32 << 20
	maxAsyncEvent      = 128 << 10
)

// Options describe the function and its platform. Name, Binary, Account, Region, Keys and Now are required.
type Options struct {
	Name    string            // the function's name
	Binary  string            // path of the go1 handler
	CodeDir string            // the code package, the child's working directory; default: the binary's folder
	Env     map[string]string // the function's environmentVariables

	Account, Region string

	Timeout  time.Duration // the function's timeout, in whole seconds; default 3s
	MemoryMB int           // default 512; told to the function, not enforced

	Keys           *sts.Keyring  // who may call the front door, and the source of each invocation's credentials
	CredentialsTTL time.Duration // of those credentials; default 36h

	// Now is the clock of signatures, deadlines, event ages and logs. The child has the machine's clock, so give
	// one that does not run away from it.
	Now func() time.Time

	// Concurrency 0 or 1 is the rule of go1 with reservedConcurrency 1: one invocation at a time. A larger number is for
	// tests alone: so many invocations run side by side in one process, which the cloud never does with go1.
	Concurrency int
	NoFreeze    bool // leave the child running between invocations

	MaxAsyncRetries  int           // after a function error; default 3, NoRetries is none
	MaxAsyncEventAge time.Duration // default 24h
	RetryDelay       time.Duration // pause before a retry after a function error; default 1s
	ThrottleDelay    time.Duration // first back-off of a throttled event, doubled each time; default 500ms

	Stdout  io.Writer     // receives the function's log lines as they are; default: nowhere
	OnStart func(pid int) // called with each new child

	// Ticker drives Every; default: time.NewTicker.
	Ticker func(period time.Duration) (ticks <-chan time.Time, stop func())
}

func (o Options) withDefaults() Options {
	o.CodeDir = cmp.Or(o.CodeDir, filepath.Dir(o.Binary))
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	o.MemoryMB = cmp.Or(o.MemoryMB, defaultMemoryMB)
	o.CredentialsTTL = cmp.Or(o.CredentialsTTL, defaultCredentials)
	o.Concurrency = cmp.Or(o.Concurrency, 1)
	o.MaxAsyncRetries = cmp.Or(o.MaxAsyncRetries, defaultRetries)
	o.MaxAsyncEventAge = cmp.Or(o.MaxAsyncEventAge, defaultEventAge)
	o.RetryDelay = cmp.Or(o.RetryDelay, time.Second)
	o.ThrottleDelay = cmp.Or(o.ThrottleDelay, firstThrottleDelay)
	if o.MaxAsyncRetries == NoRetries {
		o.MaxAsyncRetries = 0
	}
	if o.Stdout == nil {
		o.Stdout = io.Discard
	}
	if o.OnStart == nil {
		o.OnStart = func(int) {}
	}
	if o.Ticker == nil {
		o.Ticker = newTicker
	}
	return o
}

// check finds what the cloud would not have taken either, and what this package cannot do without.
func (o Options) check() error {
	var problems []error
	for _, c := range []struct {
		wrong bool
		text  string
	}{
		{o.Name == "", "Name is empty: name the function"},
		{o.Binary == "", "Binary is empty: give the path of the go1 handler"},
		{o.Account == "" || o.Region == "", "Account and Region are both needed"},
		{o.Keys == nil, "Keys is nil: give the account's keyring"},
		{o.Now == nil, "Now is nil: give a clock"},
		{
			o.Timeout < time.Second || o.Timeout > maxTimeout || o.Timeout%time.Second != 0,
			fmt.Sprintf("Timeout is %s: want whole seconds, 1s to 24h", o.Timeout),
		},
		{o.MemoryMB < 128 || o.MemoryMB > 32768 || o.MemoryMB%64 != 0, fmt.Sprintf(
			"MemoryMB is %d: want a multiple of 64 from 128 to 32768", o.MemoryMB)},
		{o.Concurrency < 1, fmt.Sprintf("Concurrency is %d: want 1, or more in a test", o.Concurrency)},
		{o.MaxAsyncRetries < 0 || o.MaxAsyncRetries > maxRetries, fmt.Sprintf(
			"MaxAsyncRetries is %d: want NoRetries or 1 to %d", o.MaxAsyncRetries, maxRetries)},
	} {
		if c.wrong {
			problems = append(problems, errors.New("fakefc: "+c.text))
		}
	}
	return errors.Join(problems...)
}

func newTicker(period time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(period)
	return t.C, t.Stop
}
