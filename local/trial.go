package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/fleet"
	"rds-kernel-upgrade/local/show"
	"rds-kernel-upgrade/local/stack"
)

// What the function has in a deployment (s.yaml).
const (
	deployedTimeout = 1800 * time.Second
	deployedMemory  = 128 // MB
)

// trial is one generated fleet, and how the function is to work on it.
type trial struct {
	binary  string
	size    int
	latency time.Duration
	rate    float64
}

// result is what came of it.
type result struct {
	size, upgraded int
	calls          map[string]int // to RDS, by action
	mns, told      int            // calls to MNS, and notifications
	oss            int            // calls to OSS
	writes, bytes  int            // of the document, and how large it is in the end
	kinds          int            // of instances, as RDS lists versions for them
	waves          int
	wall           time.Duration
	peak           int64 // bytes
}

// sum gives the calls to RDS.
func (r result) sum() (sum int) {
	for _, count := range r.calls {
		sum += count
	}
	return sum
}

// sweep is the request: everything that is behind, at once.
const sweep = `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"}}`

// fleetPolicy lets one wave have everything, and a rollout go on as soon as it can.
const fleetPolicy = `budget: {maxInstances: 1000000, maxPercent: 100}
tempo: {default: {UpgradeTime: Immediate, bake: 0s}}
verify: {first: %s, giveUp: 10m}
rate: {callsPerSecond: %f}
`

// run lets one invocation do all: the first wave of a sweep. A primary whose replicas are behind would need a second wave, so here all replicas run
// the latest version. The invocation ends within verify.first of its intents, so that is long.
func (t trial) run(ctx context.Context, now func() time.Time) (r result, err error) {
	s, end, err := t.cloud(ctx, now, deployedTimeout)
	if err != nil {
		return r, err
	}
	defer end()
	change(s, func(i *fakerds.Instance) {
		if i.MasterInstanceID != "" {
			i.CurrentKernelVersion = i.LatestKernelVersion
		}
	})
	t.hinder(s)
	answer, err := s.FC.Invoke(ctx, []byte(sweep))
	if err == nil && answer.ErrorType != "" {
		err = fmt.Errorf("the invocation failed: %.1000s", answer.Body)
	}
	if err != nil {
		return r, err
	}
	if r, err = t.account(s); err != nil {
		return r, err
	}
	r.wall, r.peak = answer.Duration, answer.MaxMemoryUsage
	err = r.complete(s, "accepted", false)
	return r, err
}

// patience is how long a rollout may take.
const patience = 10 * time.Minute

// rollout sends the request, and waits until its report is out and nothing is left to do. What is busy with something else would be
// waited for until verify.giveUp, so here nothing is.
func (t trial) rollout(ctx context.Context, now func() time.Time) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, end, err := t.cloud(ctx, now, 2*time.Second+time.Duration(t.size)*t.latency/10, stack.TickEvery(time.Second))
	if err != nil {
		return r, err
	}
	defer end()
	change(s, func(i *fakerds.Instance) {
		if i.DBInstanceStatus != "Stopped" {
			i.DBInstanceStatus = "Running"
		}
	})
	t.hinder(s)
	if _, err := s.FC.InvokeAsync(stack.RequestTopic, fakefc.TopicEvent(fakefc.JSON, fakefc.TopicMessage{
		TopicOwner: stack.Account, TopicName: stack.RequestTopic, Subscriber: stack.Account, SubscriptionName: stack.Function,
		MessageID: "2F5B3C082B923D4EAC694B76D9280001", Body: sweep,
	})); err != nil {
		return r, err
	}
	if err := reported(ctx, s); err != nil {
		return r, err
	}
	if err := s.FC.WaitIdle(ctx); err != nil {
		return r, err
	}
	if r, err = t.account(s); err != nil {
		return r, err
	}
	published := s.MNS.Published(stack.ResultTopic)
	r.wall = published[len(published)-1].PublishTime.Sub(s.FC.Invocations()[0].Started)
	err = r.complete(s, "completed", true)
	return r, err
}

// cloud starts a local cloud with the fleet, in which the function has what it has in a deployment.
func (t trial) cloud(ctx context.Context, now func() time.Time, first time.Duration, timers ...stack.Timer) (s *stack.Stack, end func(), err error) {
	folder, err := os.MkdirTemp("", "bench-fleet")
	if err != nil {
		return nil, nil, err
	}
	policy := filepath.Join(folder, "policy.yaml")
	if err = os.WriteFile(policy, fmt.Appendf(nil, fleetPolicy, first, t.rate), 0o600); err == nil {
		s, err = stack.Start(stack.Options{
			Binary: t.binary, Now: now, Env: map[string]string{"POLICY_FILE": policy}, Timers: timers,
			Fleet:         bytes.NewReader(fleet.Spec{Size: t.size, Seed: 1, Region: stack.Region}.File()),
			FunctionSetup: func(o *fakefc.Options) { o.Timeout, o.MemoryMB = deployedTimeout, deployedMemory },
			RDSSetup:      func(o *fakerds.Options) { o.UpgradeTakes = time.Second },
		})
	}
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(folder))
	}
	return s, func() {
		s.Close(context.WithoutCancel(ctx))
		_ = os.RemoveAll(folder)
	}, nil
}

// change changes every instance.
func change(s *stack.Stack, change func(*fakerds.Instance)) {
	for _, i := range s.RDS.Instances() {
		s.RDS.Update(i.DBInstanceID, change)
	}
}

// hinder makes every answer late.
func (t trial) hinder(s *stack.Stack) {
	late := faults.Fault{Action: "*", Kind: faults.Latency, Delay: t.latency}
	s.RDS.Faults().Add(late)
	s.MNS.Faults().Add(late)
	s.OSS.Faults().Add(late)
}

// reported waits until the account of the request is published.
func reported(ctx context.Context, s *stack.Stack) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, m := range s.MNS.Published(stack.ResultTopic) {
			if m.Tag == "report" {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("no report was published: %w", ctx.Err())
		}
	}
}

// account counts what was called.
func (t trial) account(s *stack.Stack) (result, error) {
	d, err := s.Document()
	r := result{
		size: t.size, calls: map[string]int{}, mns: len(s.MNS.Calls()), told: len(s.MNS.Published(stack.ResultTopic)), oss: len(s.OSS.Calls()),
		writes: s.StateWrites(), bytes: d.Size, kinds: kinds(s.RDS.Instances()), waves: 1,
	}
	for _, c := range s.RDS.Calls() {
		r.calls[c.Action]++
		if c.Accepted {
			r.upgraded++
		}
	}
	return r, err
}

// kinds counts the kinds of instances for which RDS lists versions.
func kinds(fleet []fakerds.Instance) int {
	all := map[[5]string]bool{}
	for _, i := range fleet {
		all[[5]string{i.RegionID, i.Engine, i.EngineVersion, i.Category, i.DBInstanceStorageType}] = true
	}
	return len(all)
}

// complete reads the notifications, those with the same id once.
func (r *result) complete(s *stack.Stack, name string, reported bool) error {
	seen, names := map[string]bool{}, map[string]int{}
	for _, m := range s.MNS.Published(stack.ResultTopic) {
		n, err := show.Read(m.Body)
		if err != nil {
			return err
		}
		if !seen[n.ID] {
			names[n.Name()]++
		}
		seen[n.ID], r.waves = true, max(r.waves, n.Data.Wave)
	}
	return r.wentWell(names, name, reported)
}

// wentWell wants every upgrade to be accepted at its first call, and published under a name, and nothing to have gone wrong. A rollout is over when
// it is reported.
func (r *result) wentWell(names map[string]int, name string, reported bool) error {
	wrong := names["failed"] + names["unverified"] + names["halted"] + names["rejected"]
	if calls := r.calls[upgradeCall]; wrong > 0 || reported != (names["report"] > 0) || names[name] != r.upgraded || calls != r.upgraded {
		return fmt.Errorf("it did not go well: %d upgrade calls, %d accepted; the notifications are: %s", calls, r.upgraded, listed(names))
	}
	return nil
}
