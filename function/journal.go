package main

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// journal is the log of one invocation. It has one line for each noun: event, request, state, fleet, plan, outcome, notification.
type journal struct{ *slog.Logger }

func (j journal) request(one *request) {
	line, request := []any{"rollout", one.ID, "messageId", one.Cause.MessageID}, one.Request.Request
	if one.problems != nil {
		j.Warn("request", append(line, "problems", one.problems)...)
		return
	}
	line = append(line, "kind", request.Kind, "mode", one.mode)
	if u := request.Upgrade; request.Kind == events.KindUpgrade {
		line = append(line, "DBInstanceId", u.DBInstanceID, "UpgradeTime", u.UpgradeTime, "TargetMinorVersion", u.TargetMinorVersion)
	}
	if id := plan.AdvisoryOf(request); id != "" {
		line = append(line, "advisory", id)
	}
	j.Info("request", line...)
}

func levelOf(instances int) slog.Level {
	if instances > few {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// line writes one line. Nothing in it comes from a context.
func (j journal) line(level slog.Level, noun string, says ...any) {
	j.Log(context.Background(), level, noun, says...)
}

// fleet writes down what was seen of instances. Those that were only listed have no version, and are counted.
func (j journal) fleet(seen []fleet.Instance) {
	faults, lines := 0, 0
	for _, i := range seen {
		level, line := levelOf(len(seen)), []any{
			"DBInstanceId", i.ID, "DBInstanceStatus", i.Status,
			"CurrentKernelVersion", i.CurrentKernelVersion, "LatestKernelVersion", i.LatestKernelVersion,
		}
		switch {
		case i.Fault != nil:
			faults++
			line = append(line, "error", i.Fault.Error())
		case i.Listed:
			level = slog.LevelDebug
		}
		j.line(level, "fleet", line...)
		if level == slog.LevelInfo {
			lines++
		}
	}
	if lines < len(seen) {
		j.Info("fleet", "instances", len(seen), "faults", faults)
	}
}

// plan writes down what was decided about instances and rollouts since the document was loaded.
func (j journal) plan(loaded *state.Document, p *plan.Plan) {
	for _, rollout := range p.Document.Rollouts {
		before := cmp.Or(loaded.Rollout(rollout.ID), &state.Rollout{})
		level := levelOf(len(rollout.Members))
		for _, m := range rollout.Members {
			if was := before.Member(m.DBInstanceID); was != nil && was.State == m.State {
				continue
			}
			line := []any{"rollout", rollout.ID, "DBInstanceId", m.DBInstanceID, "state", m.State, "target", m.Target, "wave", m.Wave}
			if m.End != nil {
				line = append(line, "reason", m.End.Reason, "detail", m.End.Detail)
			}
			j.line(level, "plan", line...)
		}
		if before.State != rollout.State || level == slog.LevelDebug {
			j.Info("plan", "rollout", rollout.ID, "state", rollout.State, "halt", rollout.Halt, "progress", p.Progress(rollout))
		}
	}
}

// results writes down what the calls have come to. A refusal always has a line of its own.
func (j journal) results(results []plan.Result) {
	made, accepted := 0, 0
	for _, result := range results {
		if result.Made {
			made++
		}
		if !result.AcceptedAt.IsZero() {
			accepted++
		}
		level, line := levelOf(len(results)), []any{
			"rollout", result.Intent.Rollout, "DBInstanceId", result.Intent.Call.DBInstanceID, "called", result.Made,
			"accepted", !result.AcceptedAt.IsZero(), "TaskId", result.Acceptance.TaskID, "RequestId", result.Acceptance.RequestID, "detail", result.Detail,
		}
		if result.Fault != nil {
			level, line = slog.LevelWarn, append(line, "error", result.Fault.Error())
		}
		j.line(level, "outcome", line...)
	}
	if len(results) > few {
		j.Info("outcome", "intents", len(results), "called", made, "accepted", accepted)
	}
}

func (j journal) notification(level slog.Level, n notice.Notification, messageID string, err error) {
	line := []any{"tag", n.Tag(), "id", n.ID, "messageId", messageID}
	if err != nil {
		level, line = slog.LevelError, append(line, "error", err.Error())
	}
	j.line(level, "notification", line...)
}

// rate says that the API has refused calls by flow control, beyond those before, and what rate is left.
func (j journal) rate(limit *pace.Limiter, before int) {
	if calls, perSecond := limit.Throttled(); calls > before {
		j.Warn("rate", "throttled", calls-before, "callsPerSecond", perSecond)
	}
}

// discreet is where other packages log. net/http repeats there what a server sends behind its answer: that may be the credentials.
type discreet struct{ io.Writer }

// Write leaves out what a server has sent.
func (d discreet) Write(line []byte) (int, error) {
	said, _, cut := bytes.Cut(line, []byte(" starting with "))
	if cut {
		said = append(bytes.Clone(said), '\n')
	}
	if _, err := d.Writer.Write(said); err != nil {
		return 0, err
	}
	return len(line), nil
}
