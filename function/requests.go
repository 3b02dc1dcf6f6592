package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// request is one message on its way through the function.
type request struct {
	plan.Request
	mode     policy.Mode    // what it asks for and what the policy allows decide the mode together
	problems []string       // of a message that is no request
	planned  *state.Rollout // of one in mode plan: what it would begin
}

// unknownTrigger is the trigger of what fits no envelope.
const unknownTrigger events.Trigger = "unknown"

// requests takes the messages out of an event, and reads them. An event that fits no envelope is one message that cannot be opened.
func (r *run) requests(event []byte) (all []*request) {
	messages, err := events.Decode(event)
	if err != nil {
		messages = []events.Message{{Trigger: unknownTrigger, Err: err}}
	}
	r.log.Info("event", "bytes", len(event), "messages", len(messages), "trigger", messages[0].Trigger, "retryCount", r.invocation.RetryCount)
	for n, m := range messages {
		all = append(all, newRequest(r, m, n))
		r.log.request(all[n])
	}
	return all
}

// newRequest reads the text of a message. Where the envelope has no id, the invocation's own and the place in the event serve: Function Compute keeps
// both when it tries again.
func newRequest(r *run, m events.Message, n int) *request {
	id := cmp.Or(m.ID, fmt.Sprintf("%s#%d", r.invocation.RequestID, n))
	one := &request{Request: plan.Request{
		ID: plan.MessageID(m.Trigger, id), Published: m.Published,
		Cause: state.Cause{Trigger: m.Trigger, MessageID: m.ID, FCRequestID: r.invocation.RequestID, RetryCount: r.invocation.RetryCount},
	}}
	err := m.Err
	if err == nil {
		// It is read as of when it was sent: a SwitchTime that has passed since does not make it wrong when it is delivered again.
		one.Request.Request, err = events.Parse(m.Body, plan.SentAt(m.Published, r.now()))
	}
	if invalid, ok := errors.AsType[*events.Invalid](err); ok {
		for _, p := range invalid.Problems {
			one.problems = append(one.problems, p.String())
		}
	} else if err != nil {
		one.problems = []string{err.Error()}
	}
	one.mode = r.config.Policy.ModeOf(one.Request.Request)
	return one
}

// reads reports whether a request changes nothing: it is answered by what the document and the fleet show.
func (q *request) reads() bool {
	switch q.Request.Request.Kind {
	case events.KindTick, events.KindStatus:
		return true
	case events.KindStop:
		return false
	default:
		return q.mode == policy.Plan
	}
}

// acts reports whether a request asks for anything to be done. What is due waits for that, or for the next tick.
func (q *request) acts() bool { return q.Request.Request.Kind == events.KindTick || !q.reads() }

// reject publishes which messages are no requests, and returns the others. That needs no state.
func (r *run) reject(ctx context.Context, requests []*request) (valid []*request, err error) {
	for _, one := range requests {
		if one.problems == nil {
			valid = append(valid, one)
			continue
		}
		err = errors.Join(err, r.publisher.send(ctx, slog.LevelInfo, r.from().Rejected(one.ID, one.Cause, one.problems)))
	}
	return valid, err
}

// answer answers the requests that change nothing: what is under way, and what would be done.
func (r *run) answer(ctx context.Context, requests []*request) (err error) {
	for _, one := range requests {
		known := r.documents.newest.Message(one.ID)
		switch kind := one.Request.Request.Kind; {
		case kind == events.KindTick:
		case kind == events.KindStatus:
			err = errors.Join(err, r.publisher.send(ctx, slog.LevelInfo, r.from().Status(one.ID, one.Cause, r.documents.newest)...))
		case one.reads(), known != nil && known.Answer == state.AnswerGiven:
			err = errors.Join(err, r.plan(ctx, one))
		}
	}
	return err
}

// plan answers a request that is only to be planned: it publishes what the request would do. First it writes down that this is its answer: delivered
// again, perhaps when the mode is another one, the request is planned again, and begins nothing. One that has begun something before is not planned.
func (r *run) plan(ctx context.Context, one *request) error {
	if err := r.documents.change(ctx, func(p *plan.Plan) { p.Given(one.Request) }); err != nil {
		return err
	}
	if known := r.documents.newest.Message(one.ID); known != nil && known.Answer != state.AnswerGiven {
		return nil
	}
	p := plan.On(r.documents.newest, r.setting())
	if refusal := p.Refusal(one.Request); refusal != "" {
		one.problems = []string{refusal}
		return r.publisher.send(ctx, slog.LevelInfo, r.from().Rejected(one.ID, one.Cause, one.problems))
	}
	work, cancel := working(ctx, r.now())
	defer cancel()
	fleet, err := newObserver(r).observe(work, p.Scope(one.Request.Request))
	if err != nil {
		return err
	}
	var hash string
	one.planned, hash = p.Preview(one.Request, fleet)
	return r.publisher.send(ctx, slog.LevelInfo, r.from().Plan(one.planned, hash)...)
}
