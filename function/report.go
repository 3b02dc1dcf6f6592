package main

import (
	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
)

// Report is what an invocation returns: what has become of every request in the event, so far. It is a struct because the runtime would code a
// []byte in base64.
type Report struct {
	FCRequestID string          `json:"fcRequestId"`
	Requests    []RequestReport `json:"requests"`
}

// RequestReport is what has become of one message, or of one rollout.
type RequestReport struct {
	MessageID string         `json:"messageId,omitempty"`
	Rollout   string         `json:"rollout"`
	Mode      policy.Mode    `json:"mode,omitempty"`
	State     string         `json:"state,omitempty"`  // of a rollout
	Status    notice.Status  `json:"status,omitempty"` // rejected, if the message is no request
	Detail    string         `json:"detail,omitempty"` // what has become of the message, in words
	Problems  []string       `json:"problems,omitempty"`
	Notes     []string       `json:"notes,omitempty"` // what in the request or the policy is probably not meant
	Instances []notice.Entry `json:"instances,omitempty"`

	Rollouts []RequestReport `json:"rollouts,omitempty"` // of a tick or a status: what is under way and what waits
}

// report returns what has become of the requests of the event, as the document has it now.
func (r *run) report(requests []*request) *Report {
	report := &Report{FCRequestID: r.invocation.RequestID}
	for _, one := range requests {
		entry := RequestReport{MessageID: one.Cause.MessageID, Rollout: one.ID, Mode: one.mode}
		switch kind := one.Request.Request.Kind; {
		case one.problems != nil:
			entry.Mode, entry.Status, entry.Problems = "", notice.Rejected, one.problems
		case one.planned != nil:
			entry.Notes, entry.Instances = one.planned.Notes, notice.Entries(one.planned)
		case kind == events.KindTick, kind == events.KindStatus:
			entry.Mode, entry.Rollouts = r.config.Policy.Mode, underWay(r.documents.newest, r.setting())
		default:
			describe(&entry, r.documents.newest, one.ID)
		}
		report.Requests = append(report.Requests, entry)
	}
	return report
}

// describe writes down what the document says of a message.
func describe(entry *RequestReport, document *state.Document, id string) {
	m := document.Message(id)
	if m == nil {
		return
	}
	entry.Detail = m.Detail
	if m.Answer == state.AnswerRefused {
		entry.Status, entry.Problems, entry.Detail = notice.Rejected, []string{m.Detail}, ""
	}
	if rollout := document.Rollout(id); rollout != nil {
		entry.State, entry.Notes, entry.Instances = string(rollout.State), rollout.Notes, notice.Entries(rollout)
	}
}

// underWay returns the rollouts that have not ended.
func underWay(document *state.Document, setting plan.Setting) (all []RequestReport) {
	p := &plan.Plan{Setting: setting, Document: document} // which is only read
	for _, rollout := range document.Rollouts {
		if !rollout.Ended() {
			all = append(all, RequestReport{
				MessageID: rollout.Cause.MessageID, Rollout: rollout.ID, State: string(rollout.State), Detail: p.Progress(rollout),
			})
		}
	}
	return all
}

// failure makes the error that Function Compute gets. The runtime names an error by its Go type, which would be "joinError"
// or "wrapError"; this one it passes on as it is, named by the fault's kind.
func failure(err error) error {
	return messages.InvokeResponse_Error{Type: string(fault.From(err).Kind), Message: err.Error()}
}
