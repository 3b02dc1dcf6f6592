package main

import (
	"context"
	"errors"
	"slices"

	"rds-kernel-upgrade/function/internal/act"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/transport"
)

// Handle takes one event through the function:
//
//	event → request → state → fleet → plan → outcome → notification
//
// It returns the report so far. An error means that Function Compute is to deliver the event again, which is always safe; what can never
// succeed is published as rejected, and acknowledged.
func (f *Function) Handle(ctx context.Context, event []byte) (report *Report, err error) {
	run := &run{Function: f, log: journal{f.log}}
	defer run.recover(&err)
	defer f.transport.Close() // the process is frozen from here to the next event
	ctx, cancel := whole(ctx, f.now())
	defer cancel()
	done, err := f.wait(ctx)
	if err != nil {
		return nil, failure(err)
	}
	defer done()
	if err := run.begin(ctx); err != nil {
		return nil, failure(err)
	}
	throttled, _ := run.limit.Throttled()
	defer run.log.rate(run.limit, throttled)
	requests := run.requests(event)
	valid, unpublished := run.reject(ctx, requests)
	if err := errors.Join(unpublished, run.serve(ctx, valid)); err != nil {
		return nil, failure(err)
	}
	return run.report(requests), nil
}

// serve goes once through what the document says is to be done, and through what the requests ask for. Where they only ask, nothing is done.
//
//	load → observe → decide → write → call → write → publish → write
func (r *run) serve(ctx context.Context, requests []*request) error {
	if len(requests) == 0 {
		return nil
	}
	if err := r.documents.load(ctx); err != nil {
		return err
	}
	if !slices.ContainsFunc(requests, (*request).acts) {
		return r.answer(ctx, requests)
	}
	var intents []plan.Intent
	if err := r.documents.change(ctx, func(p *plan.Plan) { intents = r.decide(ctx, p, requests) }); err != nil {
		return err
	}
	ctx, cancel := within(ctx, intents, r.config.Policy)
	defer cancel()
	if err := r.record(ctx, r.call(ctx, intents)); err != nil {
		return err
	}
	return errors.Join(r.publish(ctx), r.answer(ctx, requests))
}

// decide observes the fleet and decides, without writing anything. It returns the calls that are this invocation's own once the plan is written.
func (r *run) decide(ctx context.Context, p *plan.Plan, requests []*request) []plan.Intent {
	ctx, cancel := working(ctx, r.now())
	defer cancel()
	fleet := newObserver(r)
	for _, one := range requests {
		if !one.reads() {
			p.Receive(one.Request)
		}
	}
	flights := fleet.look(ctx, p.Flights())
	p.LookEnd = r.setting().Now
	p.Settle(flights)
	for _, rollout := range p.Openings() {
		seen, err := fleet.observe(ctx, p.Scope(rollout.Request))
		p.Now = r.setting().Now
		p.Open(rollout, seen, err)
	}
	if crowd, ok := fleet.crowd(ctx, p.Crowd()); ok {
		turn := fleet.look(ctx, p.Turn())
		p.Now = r.setting().Now
		p.Intend(turn, crowd)
	}
	r.log.plan(r.documents.newest, p)
	return p.Intents()
}

// call makes the calls of the intents.
func (r *run) call(ctx context.Context, intents []plan.Intent) []plan.Result {
	work, cancel := working(ctx, r.now())
	defer cancel()
	calls := act.Calls{
		Caller: r.rds, Now: r.now, Workers: transport.Parallel,
		OnPanic: func(results []plan.Result) { _ = r.record(ctx, results) }, // the panic itself is the invocation's error
	}
	results := calls.Make(work, intents)
	r.log.results(results)
	return results
}

// record writes down what the calls have come to.
func (r *run) record(ctx context.Context, results []plan.Result) error {
	if len(results) == 0 {
		return nil
	}
	return r.documents.change(ctx, func(p *plan.Plan) { p.Record(results) })
}
