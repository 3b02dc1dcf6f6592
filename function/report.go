package main

import (
	"errors"

	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// Report is what an invocation returns: the account so far of every request in the event. It is a struct because the runtime would code a
// []byte in base64.
type Report struct {
	FCRequestID string          `json:"fcRequestId"`
	Requests    []RequestReport `json:"requests"`
}

// RequestReport is the account of one message.
type RequestReport struct {
	MessageID string          `json:"messageId,omitempty"`
	Rollout   string          `json:"rollout"`
	Mode      policy.Mode     `json:"mode,omitempty"`
	Status    upgrade.Status  `json:"status,omitempty"` // rejected, if the message is no request
	Problems  []string        `json:"problems,omitempty"`
	Notes     []string        `json:"notes,omitempty"` // what in the request or the policy is probably not meant
	Instances []upgrade.Entry `json:"instances,omitempty"`
	FollowUps []RequestReport `json:"followUps,omitempty"` // of a request to go on with the rollouts under way
}

func reportOf(a upgrade.Account, outcomes []upgrade.Outcome) RequestReport {
	entry := RequestReport{MessageID: a.Cause.MessageID, Rollout: a.Rollout, Mode: a.Mode, Notes: a.Notes}
	for _, o := range outcomes {
		entry.Instances = append(entry.Instances, o.Entry())
	}
	return entry
}

// problemsOf lists what is wrong with a message.
func problemsOf(err error) []string {
	var invalid *events.Invalid
	if !errors.As(err, &invalid) {
		return []string{err.Error()}
	}
	list := make([]string, 0, len(invalid.Problems))
	for _, p := range invalid.Problems {
		list = append(list, p.String())
	}
	return list
}

// failure makes the error that Function Compute gets. The runtime names an error by its Go type, which would be "joinError"
// or "wrapError"; this one it passes on as it is, named by the fault's kind.
func failure(err error) error {
	return messages.InvokeResponse_Error{Type: string(fault.From(err).Kind), Message: err.Error()}
}
