package main

import (
	"context"
	"errors"

	"rds-kernel-upgrade/function/internal/act"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
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
	ctx, cancel, err := run.begin(ctx)
	defer cancel()
	if err != nil {
		return nil, failure(err)
	}
	defer run.log.rate(run.limit)()
	done, err := run.wait(ctx)
	if err != nil {
		return nil, failure(err)
	}
	defer done()
	requests := run.requests(event)
	if err := errors.Join(run.reject(ctx, requests), run.serve(ctx, requests)); err != nil {
		return nil, failure(err)
	}
	return run.report(requests), nil
}

// serve goes once through what the document says is to be done, and through what the requests ask for. Where they only ask, nothing is done.
//
//	load → observe → decide → write → call → write → publish → write
func (r *run) serve(ctx context.Context, q requests) error {
	switch {
	case !q.needState():
		return nil
	case !q.act():
		_, err := r.documents.load(ctx)
		if err != nil {
			return err
		}
		return r.answer(ctx, q)
	}
	intents, err := r.decide(ctx, q.asked())
	if err != nil {
		return err
	}
	ctx, cancel := r.within(ctx, intents)
	defer cancel()
	if err := r.record(ctx, r.call(ctx, intents)); err != nil {
		return err
	}
	return errors.Join(r.publish(ctx), r.answer(ctx, q))
}

// decide writes the next document, and returns the calls that are now this invocation's own. Where another invocation has written meanwhile,
// nothing of what was decided holds: it is decided anew.
func (r *run) decide(ctx context.Context, asked []plan.Request) ([]plan.Intent, error) {
	for tries := 1; ; tries++ {
		document, err := r.documents.load(ctx)
		if err != nil {
			return nil, err
		}
		next := r.next(ctx, document, asked)
		err = r.documents.save(ctx, next)
		if err == nil {
			return next.Intents(), nil
		}
		if !state.Conflicts(err) || tries == maxTries {
			return nil, err
		}
	}
}

// next observes the fleet and decides, without writing anything.
func (r *run) next(ctx context.Context, document *state.Document, asked []plan.Request) *plan.Plan {
	ctx, cancel := r.working(ctx)
	defer cancel()
	fleet := r.observer()
	p := plan.On(document, r.setting())
	for _, request := range asked {
		p.Receive(request)
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
	r.log.plan(ctx, document, p)
	return p
}

// call makes the calls of the intents.
func (r *run) call(ctx context.Context, intents []plan.Intent) []plan.Result {
	if len(intents) == 0 {
		return nil
	}
	work, cancel := r.working(ctx)
	defer cancel()
	calls := act.Calls{
		Caller: r.rds, Now: r.now, Workers: transport.Parallel,
		OnPanic: func(results []plan.Result) { _ = r.record(ctx, results) }, // the panic itself is the invocation's error
	}
	results := calls.Make(work, intents)
	r.log.results(ctx, results)
	return results
}

// record writes down what the calls have come to.
func (r *run) record(ctx context.Context, results []plan.Result) error {
	if len(results) == 0 {
		return nil
	}
	return r.documents.change(ctx, func(p *plan.Plan) { p.Record(results) })
}

// publish publishes what the document says is unpublished, and writes down that it was. What could not be published, or was published and not
// written down, is published by the next invocation under the same id.
func (r *run) publish(ctx context.Context) error {
	document := r.documents.document
	published, fault := r.publisher.news(ctx, r.from(), document, plan.Unpublished(document))
	if len(published) == 0 && len(document.ToArchive()) == 0 {
		return fault
	}
	return errors.Join(fault, r.documents.change(ctx, func(p *plan.Plan) {
		p.Published(published)
		r.documents.archive(ctx, p)
	}))
}
