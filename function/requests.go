package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// requests is what the messages of one event ask for.
type requests []*request

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
func (r *run) requests(event []byte) (q requests) {
	messages, err := events.Decode(event)
	if err != nil {
		messages = []events.Message{{Trigger: unknownTrigger, Err: err}}
	}
	r.log.Info("event", "bytes", len(event), "messages", len(messages), "trigger", messages[0].Trigger, "retryCount", r.invocation.RetryCount)
	for n, m := range messages {
		one := r.request(m, n)
		r.log.request(one)
		q = append(q, one)
	}
	return q
}

// request reads the text of a message. Where the envelope has no id, the invocation's own and the place in the event serve: Function Compute keeps
// both when it tries again.
func (r *run) request(m events.Message, n int) *request {
	id := m.ID
	if id == "" {
		id = fmt.Sprintf("%s#%d", r.invocation.RequestID, n)
	}
	one := &request{Request: plan.Request{
		ID: plan.MessageID(m.Trigger, id), Published: m.Published,
		Cause: state.Cause{Trigger: m.Trigger, MessageID: m.ID, FCRequestID: r.invocation.RequestID, RetryCount: r.invocation.RetryCount},
	}}
	err := m.Err
	if err == nil {
		// It is read as of when it was sent: a SwitchTime that has passed since does not make it wrong when it is delivered again.
		one.Request.Request, err = events.Parse(m.Body, plan.SentAt(m.Published, r.now()))
	}
	if err != nil {
		one.problems = problemsOf(err)
	}
	one.mode = r.config.Policy.ModeOf(one.Request.Request)
	return one
}

// kind is what sort of request it is, "" if it is none.
func (q *request) kind() events.Kind {
	if q.problems != nil {
		return ""
	}
	return q.Request.Request.Kind
}

// reads reports whether a request changes nothing: it is answered by what the document and the fleet show.
func (q *request) reads() bool {
	switch q.kind() {
	case "", events.KindTick, events.KindStatus:
		return true
	case events.KindStop:
		return false
	default:
		return q.mode == policy.Plan
	}
}

// needState reports whether the event asks for anything but to be rejected.
func (q requests) needState() bool {
	return slices.ContainsFunc(q, func(one *request) bool { return one.problems == nil })
}

// act reports whether the event asks for anything to be done. What is due waits for that, or for the next tick.
func (q requests) act() bool {
	return slices.ContainsFunc(q, func(one *request) bool { return one.kind() == events.KindTick || !one.reads() })
}

// asked returns the requests that change the document.
func (q requests) asked() (asked []plan.Request) {
	for _, one := range q {
		if !one.reads() {
			asked = append(asked, one.Request)
		}
	}
	return asked
}

// reject publishes which messages are no requests. That needs no state.
func (r *run) reject(ctx context.Context, q requests) error {
	var faults []error
	for _, one := range q {
		if one.problems != nil {
			faults = append(faults, r.publisher.these(ctx, r.from().Rejected(one.ID, one.Cause, one.problems)))
		}
	}
	return errors.Join(faults...)
}

// answer answers the requests that change nothing: what is under way, and what would be done.
func (r *run) answer(ctx context.Context, q requests) error {
	var faults []error
	for _, one := range q {
		known := r.documents.document.Message(one.ID)
		switch {
		case one.kind() == events.KindStatus:
			faults = append(faults, r.publisher.these(ctx, r.from().Status(one.ID, one.Cause, r.documents.document)...))
		case one.kind() == "", one.kind() == events.KindTick:
		case one.reads(), known != nil && known.Answer == state.AnswerGiven:
			faults = append(faults, r.plan(ctx, one))
		}
	}
	return errors.Join(faults...)
}

// plan answers a request that is only to be planned. First it writes down that this is its answer: delivered again, perhaps when the mode is another
// one, the request is planned again, and begins nothing. One that has begun something before is not planned.
func (r *run) plan(ctx context.Context, one *request) error {
	if err := r.documents.change(ctx, func(p *plan.Plan) { p.Given(one.Request) }); err != nil {
		return err
	}
	if known := r.documents.document.Message(one.ID); known != nil && known.Answer != state.AnswerGiven {
		return nil
	}
	return r.preview(ctx, one)
}

// preview publishes what a request would do.
func (r *run) preview(ctx context.Context, one *request) error {
	p := plan.On(r.documents.document, r.setting())
	if refusal := p.Refusal(one.Request); refusal != "" {
		one.problems = []string{refusal}
		return r.publisher.these(ctx, r.from().Rejected(one.ID, one.Cause, one.problems))
	}
	work, cancel := r.working(ctx)
	defer cancel()
	fleet, err := r.observer().observe(work, p.Scope(one.Request.Request))
	if err != nil {
		return err
	}
	var hash string
	one.planned, hash = p.Preview(one.Request, fleet)
	return r.publisher.these(ctx, r.from().Plan(one.planned, hash)...)
}
