package main

import (
	"context"
	"errors"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// Handle takes one event through the function:
//
//	event → request → fleet → plan → outcome → notification
//
// It returns the report so far. An error means that Function Compute is to deliver the event again, which is always safe; what
// can never succeed is published as rejected or failed, and acknowledged.
func (f *Function) Handle(ctx context.Context, event []byte) (report *Report, err error) {
	defer f.transport.Close() // the process is frozen from here to the next event
	run, err := f.begin(ctx)
	if err != nil {
		return nil, failure(err)
	}
	defer run.recover(&err)
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
	if err != nil {
		return r.reject(ctx, account, err)
	}
	fleet := r.fleet(ctx, account, request)
	plan := r.plan(ctx, account, request, fleet)
	if err := r.settle(ctx, account, plan); err != nil {
		return RequestReport{}, err
	}
	outcomes := r.apply(ctx, account, plan)
	if err := r.tell(ctx, account, outcomes, account.Notifications(outcomes)); err != nil {
		return RequestReport{}, err
	}
	return reportOf(account, outcomes), upgrade.Again(outcomes)
}

// request checks the text of a message. What it asks for and what the policy allows decide the mode together.
func (r *run) request(ctx context.Context, a *upgrade.Account, m events.Message) (events.Request, error) {
	request, err := events.Request{}, m.Err
	if err == nil {
		request, err = events.Parse(m.Body, r.now())
		a.Mode = r.config.Policy.ModeOf(request)
	}
	r.logRequest(ctx, *a, request, err)
	return request, err
}

// fleet looks at the instances that the request names, unless the kill switch is on: then nothing is asked of RDS at all.
func (r *run) fleet(ctx context.Context, a upgrade.Account, request events.Request) []upgrade.Instance {
	u := request.Upgrade
	region, ids := r.regionOf(u), []string{u.DBInstanceID}
	if a.Mode == upgrade.Off {
		return upgrade.Unseen(region, ids)
	}
	ctx, cancel := r.working(ctx)
	defer cancel()
	fleet := upgrade.Observe(ctx, r.rds, region, ids, u.TargetMinorVersion != "", r.now())
	r.logFleet(ctx, fleet)
	return fleet
}

// plan decides, without asking anybody.
func (r *run) plan(ctx context.Context, a upgrade.Account, request events.Request, fleet []upgrade.Instance) []upgrade.Decision {
	q := upgrade.Question{Request: request.Upgrade, Mode: a.Mode, Rollout: a.Rollout, Policy: r.config.Policy, Now: r.now()}
	plan := q.Decide(fleet)
	r.logPlan(ctx, a, plan)
	return plan
}

// apply carries the plan out, if the mode says so.
func (r *run) apply(ctx context.Context, a upgrade.Account, plan []upgrade.Decision) []upgrade.Outcome {
	if a.Mode != upgrade.Apply {
		return upgrade.Preview(plan, a.Rollout)
	}
	work, cancel := r.working(ctx)
	defer cancel()
	outcomes := r.writer(a).Apply(work, plan)
	r.logOutcomes(ctx, outcomes)
	return outcomes
}

// settle tells what earlier rollouts have come to on these instances, before anything new begins there.
func (r *run) settle(ctx context.Context, a upgrade.Account, plan []upgrade.Decision) error {
	if a.Mode != upgrade.Apply {
		return nil
	}
	outcomes := upgrade.Settled(plan)
	r.logOutcomes(ctx, outcomes)
	return r.tell(ctx, a, outcomes, a.Transitions(outcomes))
}

// tell publishes notifications, and then does to the claims what their outcomes say.
func (r *run) tell(ctx context.Context, a upgrade.Account, outcomes []upgrade.Outcome, notifications []upgrade.Notification) error {
	if err := r.publish(ctx, notifications...); err != nil {
		return err
	}
	for _, o := range outcomes {
		r.writer(a).Conclude(ctx, o)
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
// have been published is published again: its id stays the same.
func (r *run) publish(ctx context.Context, notifications ...upgrade.Notification) error {
	var faults []error
	for _, n := range notifications {
		faults = append(faults, r.publishOne(ctx, n))
	}
	return errors.Join(faults...)
}
