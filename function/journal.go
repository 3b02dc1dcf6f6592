package main

import (
	"bytes"
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
	ctx := context.Background()
	attrs := []slog.Attr{slog.String("rollout", one.ID), slog.String("messageId", one.Cause.MessageID)}
	if one.problems != nil {
		j.LogAttrs(ctx, slog.LevelWarn, "request", append(attrs, slog.Any("problems", one.problems))...)
		return
	}
	request := one.Request.Request
	attrs = append(attrs, slog.String("kind", string(request.Kind)), slog.String("mode", string(one.mode)))
	if u := request.Upgrade; request.Kind == events.KindUpgrade {
		attrs = append(attrs, slog.String("DBInstanceId", u.DBInstanceID), slog.String("UpgradeTime", string(u.UpgradeTime)),
			slog.String("TargetMinorVersion", u.TargetMinorVersion))
	}
	if id := plan.AdvisoryOf(request); id != "" {
		attrs = append(attrs, slog.String("advisory", id))
	}
	j.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

func levelOf(instances int) slog.Level {
	if instances > few {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// fleet writes down what was seen of instances. Those that were only listed have no version, and are counted.
func (j journal) fleet(ctx context.Context, seen []fleet.Instance) {
	faults, lines := 0, 0
	for _, i := range seen {
		level := levelOf(len(seen))
		if i.Listed && i.Fault == nil {
			level = slog.LevelDebug
		}
		attrs := []slog.Attr{
			slog.String("DBInstanceId", i.ID), slog.String("DBInstanceStatus", i.Status),
			slog.String("CurrentKernelVersion", i.CurrentKernelVersion), slog.String("LatestKernelVersion", i.LatestKernelVersion),
		}
		if i.Fault != nil {
			faults++
			attrs = append(attrs, slog.String("error", i.Fault.Error()))
		}
		j.LogAttrs(ctx, level, "fleet", attrs...)
		if level == slog.LevelInfo {
			lines++
		}
	}
	if lines < len(seen) {
		j.LogAttrs(ctx, slog.LevelInfo, "fleet", slog.Int("instances", len(seen)), slog.Int("faults", faults))
	}
}

// plan writes down what was decided about instances and rollouts since the document was loaded.
func (j journal) plan(ctx context.Context, loaded *state.Document, p *plan.Plan) {
	for _, rollout := range p.Document.Rollouts {
		before := loaded.Rollout(rollout.ID)
		level := levelOf(len(rollout.Members))
		for n := range rollout.Members {
			if m := &rollout.Members[n]; before == nil || before.Member(m.DBInstanceID) == nil || before.Member(m.DBInstanceID).State != m.State {
				j.member(ctx, level, rollout, m)
			}
		}
		if before == nil || before.State != rollout.State || level == slog.LevelDebug {
			j.LogAttrs(ctx, slog.LevelInfo, "plan", slog.String("rollout", rollout.ID), slog.String("state", string(rollout.State)),
				slog.String("halt", rollout.Halt), slog.String("progress", p.Progress(rollout)))
		}
	}
}

func (j journal) member(ctx context.Context, level slog.Level, rollout *state.Rollout, m *state.Member) {
	attrs := []slog.Attr{
		slog.String("rollout", rollout.ID), slog.String("DBInstanceId", m.DBInstanceID), slog.String("state", string(m.State)),
		slog.String("target", m.Target), slog.Int("wave", m.Wave),
	}
	if m.End != nil {
		attrs = append(attrs, slog.String("reason", m.End.Reason), slog.String("detail", m.End.Detail))
	}
	j.LogAttrs(ctx, level, "plan", attrs...)
}

// results writes down what the calls have come to. A refusal always has a line of its own.
func (j journal) results(ctx context.Context, results []plan.Result) {
	made, accepted := 0, 0
	for _, result := range results {
		if result.Made {
			made++
		}
		if !result.AcceptedAt.IsZero() {
			accepted++
		}
		attrs := []slog.Attr{
			slog.String("rollout", result.Intent.Rollout), slog.String("DBInstanceId", result.Intent.Call.DBInstanceID),
			slog.Bool("called", result.Made), slog.Bool("accepted", !result.AcceptedAt.IsZero()), slog.String("TaskId", result.Acceptance.TaskID),
			slog.String("RequestId", result.Acceptance.RequestID), slog.String("detail", result.Detail),
		}
		level := levelOf(len(results))
		if result.Fault != nil {
			level, attrs = slog.LevelWarn, append(attrs, slog.String("error", result.Fault.Error()))
		}
		j.LogAttrs(ctx, level, "outcome", attrs...)
	}
	if levelOf(len(results)) == slog.LevelDebug {
		j.LogAttrs(ctx, slog.LevelInfo, "outcome", slog.Int("intents", len(results)), slog.Int("called", made), slog.Int("accepted", accepted))
	}
}

func (j journal) notification(ctx context.Context, level slog.Level, n notice.Notification, messageID string, err error) {
	attrs := []slog.Attr{slog.String("tag", n.Tag()), slog.String("id", n.ID), slog.String("messageId", messageID)}
	if err != nil {
		j.LogAttrs(ctx, slog.LevelError, "notification", append(attrs, slog.String("error", err.Error()))...)
		return
	}
	j.LogAttrs(ctx, level, "notification", attrs...)
}

// rate returns what says that the API has refused calls by flow control since now, and what rate is left.
func (j journal) rate(limit *pace.Limiter) func() {
	before, _ := limit.Throttled()
	return func() {
		if calls, perSecond := limit.Throttled(); calls > before {
			j.Warn("rate", "throttled", calls-before, "callsPerSecond", perSecond)
		}
	}
}

// discreet is where other packages log. net/http repeats there what a server sends behind its answer: that may be the credentials.
type discreet struct{ io.Writer }

// Write leaves out what a server has sent.
func (d discreet) Write(line []byte) (int, error) {
	said, _, cut := bytes.Cut(line, []byte(" starting with "))
	if !cut {
		return d.Writer.Write(line)
	}
	if _, err := d.Writer.Write(append(bytes.Clone(said), '\n')); err != nil {
		return 0, err
	}
	return len(line), nil
}
