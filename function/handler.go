package main

import (
	"context"
	"errors"
	"slices"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/parallel"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// Handle takes one event through the function:
//
//	event → request → fleet → plan → outcome → notification
//
// It returns the report so far. An error means that Function Compute is to deliver the event again, which is always safe; what
// can never succeed is published as rejected or failed, and acknowledged.
func (f *Function) Handle(ctx context.Context, event []byte) (report *Report, err error) {
	run := &run{Function: f, log: f.log}
	defer run.recover(&err)
	defer f.transport.Close() // the process is frozen from here to the next event
	if err := run.begin(ctx); err != nil {
		return nil, failure(err)
	}
	defer run.logRate()
	messages := run.open(event)
	report = &Report{FCRequestID: run.invocation.RequestID}
	var faults []error
	for n, m := range messages {
		entry, err := run.serve(ctx, m, run.account(m, n))
		report.Requests = append(report.Requests, entry)
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, failure(err)
	}
	return report, nil
}

// serve takes one message through the function. Its faults are its own: the other messages of the event do not see them.
func (r *run) serve(ctx context.Context, m events.Message, account upgrade.Account) (RequestReport, error) {
	done, err := r.wait(ctx)
	if err != nil {
		return RequestReport{}, err
	}
	defer done()
	request, err := r.request(ctx, &account, m)
	switch {
	case err != nil:
		return r.reject(ctx, account, err)
	case request.Kind == events.KindFollowUps:
		return r.followUps(ctx, account)
	}
	return r.advance(ctx, r.course(account, request, m.Published))
}

// advance takes a rollout, one that begins or one that a follow-up brings, as far as it can go now: what is in flight is looked at;
// when that is proven, and the bake is over, the fleet is observed and planned anew, and the next wave is called.
func (r *run) advance(ctx context.Context, c *course) (RequestReport, error) {
	if seen, goOn, err := r.watch(ctx, c); !goOn || err != nil {
		return r.follow(ctx, c, append(seen, c.rollout.Unproven()...), err)
	}
	fleet, err := r.fleet(ctx, c)
	if err != nil {
		return r.blind(ctx, c, err)
	}
	if c.rollout.Stale(fleet) {
		return r.follow(ctx, c, nil, errStale)
	}
	plan := r.plan(ctx, c, fleet)
	if r.repeated(c, plan) {
		return r.drop(ctx, c, "the rollout is under way: its request was delivered again")
	}
	if err := r.refusal(c, plan); err != nil {
		return r.reject(ctx, c.account, err)
	}
	if err := r.settle(ctx, c, plan); err != nil {
		return RequestReport{}, err
	}
	outcomes, err := r.apply(ctx, c, plan)
	if err != nil {
		return RequestReport{}, err
	}
	if err := r.tell(ctx, c, outcomes, c.notifications(r, outcomes)); err != nil {
		return RequestReport{}, err
	}
	return r.follow(ctx, c, outcomes, nil)
}

// request checks the text of a message. What it asks for and what the policy allows decide the mode together.
func (r *run) request(ctx context.Context, a *upgrade.Account, m events.Message) (events.Request, error) {
	request, err := events.Request{}, m.Err
	if err == nil {
		request, err = events.Parse(m.Body, r.now())
		a.Mode, a.Advisory = r.config.Policy.ModeOf(request), upgrade.AdvisoryID(request)
	}
	r.logRequest(ctx, *a, request, err)
	return request, err
}

// watch looks at what is in flight, and tells what has become of it. It is the whole course of most follow-ups: goOn says that the
// fleet is to be observed.
func (r *run) watch(ctx context.Context, c *course) (seen []upgrade.Outcome, goOn bool, err error) {
	flying := len(c.rollout.Flight) > 0
	if flying {
		work, cancel := r.working(ctx)
		defer cancel()
		fleet := r.observeFlight(work, c)
		if c.rollout.Stale(fleet) {
			return nil, false, errStale
		}
		r.logFleet(ctx, fleet)
		seen = c.rollout.Watch(fleet, r.config.Policy.Verify, c.wake)
		r.logOutcomes(ctx, seen)
		if err := r.tell(ctx, c, seen, c.account.Transitions(seen)); err != nil {
			return nil, false, err
		}
	}
	return seen, c.rollout.GoesOn(r.config.Policy, flying, c.wake), nil
}

// fleet observes what the request is about, unless the kill switch is on: then nothing is asked of RDS at all.
func (r *run) fleet(ctx context.Context, c *course) ([]upgrade.Instance, error) {
	if c.account.Mode == policy.Off {
		return c.question(r).Unseen(), nil
	}
	ctx, cancel := r.working(ctx)
	defer cancel()
	fleet, err := r.observer(c).Observe(ctx, c.question(r).Scope())
	r.logFleet(ctx, fleet)
	return fleet, err
}

// plan decides, without asking anybody.
func (r *run) plan(ctx context.Context, c *course, fleet []upgrade.Instance) []upgrade.Decision {
	q := c.question(r)
	plan := q.Decide(fleet)
	c.account.Notes = q.Notes(plan)
	r.logPlan(ctx, c.account, plan)
	return plan
}

// settle tells what earlier rollouts have come to on these instances, before anything new begins there.
func (r *run) settle(ctx context.Context, c *course, plan []upgrade.Decision) error {
	if c.account.Mode != policy.Apply {
		return nil
	}
	outcomes := upgrade.Settled(plan)
	r.logOutcomes(ctx, outcomes)
	return r.tell(ctx, c, outcomes, c.account.Transitions(outcomes))
}

// apply carries out the next wave of the plan, if the mode says so. The follow-up is armed before the first call, so that a crash
// finds it there.
func (r *run) apply(ctx context.Context, c *course, plan []upgrade.Decision) ([]upgrade.Outcome, error) {
	if c.account.Mode != policy.Apply {
		return upgrade.Preview(plan, c.account.Rollout), nil
	}
	if c.rollout.Halt != "" {
		c.rollout.Adopt(plan) // a request that was delivered again may have made calls
		return c.note(r, c.rollout.Stopped(plan)), nil
	}
	if err := r.arm(ctx, c, plan); err != nil {
		return nil, err
	}
	work, cancel := r.working(ctx)
	defer cancel()
	outcomes := r.writer(c).Apply(work, plan)
	r.logOutcomes(ctx, outcomes)
	return c.note(r, outcomes), nil
}

// tell publishes notifications, and then does to the claims what their outcomes say.
func (r *run) tell(ctx context.Context, c *course, outcomes []upgrade.Outcome, notifications []upgrade.Notification) error {
	if err := r.publish(ctx, notifications...); err != nil {
		return err
	}
	if c.account.Mode == policy.Apply {
		r.writer(c).Conclude(ctx, outcomes)
	}
	return nil
}

// reject publishes that a message is no request, and acknowledges it.
func (r *run) reject(ctx context.Context, a upgrade.Account, err error) (RequestReport, error) {
	problems := problemsOf(err)
	entry := RequestReport{MessageID: a.Cause.MessageID, Rollout: a.Rollout, Status: upgrade.Rejected, Problems: problems}
	return entry, r.publish(ctx, a.Rejected(problems))
}

// publish puts notifications on the result topic, each of them as often as it takes and as long as there is time. One that may
// have been published is published again: its id stays the same. Those about single instances come before the account that closes
// with them; a few go in the order of the plan, and many side by side.
func (r *run) publish(ctx context.Context, notifications ...upgrade.Notification) error {
	single := slices.IndexFunc(notifications, func(n upgrade.Notification) bool { return n.Subject == "" })
	if single < 0 {
		single = len(notifications)
	}
	workers := 1
	if single > few {
		workers = transport.Parallel
	}
	faults := make([]error, len(notifications))
	publish := func(n int) { faults[n] = r.publishOne(ctx, notifications[n]) }
	parallel.Do(workers, single, publish)
	for n := single; n < len(notifications); n++ {
		publish(n)
	}
	return errors.Join(faults...)
}
