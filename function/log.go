package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// The log has one line for each noun: event, request, fleet, plan, outcome, notification.

func (r *run) logRequest(ctx context.Context, a upgrade.Account, request events.Request, err error) {
	attrs := []slog.Attr{slog.String("rollout", a.Rollout), slog.String("messageId", a.Cause.MessageID)}
	if err != nil {
		r.log.LogAttrs(ctx, slog.LevelWarn, "request", append(attrs, slog.Any("problems", problemsOf(err)))...)
		return
	}
	attrs = append(attrs, slog.String("kind", string(request.Kind)), slog.String("mode", string(a.Mode)))
	if u := request.Upgrade; request.Kind == events.KindUpgrade {
		attrs = append(attrs, slog.String("DBInstanceId", u.DBInstanceID), slog.String("UpgradeTime", string(u.UpgradeTime)),
			slog.String("TargetMinorVersion", u.TargetMinorVersion))
	}
	if a.Advisory != "" {
		attrs = append(attrs, slog.String("advisory", a.Advisory))
	}
	r.log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

// few is how many instances have a line each at level INFO, and are told of one after the other; of more there is a summary, the lines are
// at level DEBUG, and the notifications go side by side.
const few = 20

func levelOf(instances int) slog.Level {
	if instances > few {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

func (r *run) logFleet(ctx context.Context, fleet []upgrade.Instance) {
	level, faults := levelOf(len(fleet)), 0
	for _, i := range fleet {
		attrs := []slog.Attr{
			slog.String("DBInstanceId", i.ID), slog.String("DBInstanceStatus", i.Status),
			slog.String("CurrentKernelVersion", i.CurrentKernelVersion), slog.String("LatestKernelVersion", i.LatestKernelVersion),
		}
		if i.Fault != nil {
			faults++
			attrs = append(attrs, slog.String("error", i.Fault.Error()))
		}
		if i.Claim != nil {
			attrs = append(attrs, slog.String("claim", i.Claim.String()))
		}
		r.log.LogAttrs(ctx, level, "fleet", attrs...)
	}
	if level == slog.LevelDebug {
		r.log.LogAttrs(ctx, slog.LevelInfo, "fleet", slog.Int("instances", len(fleet)), slog.Int("faults", faults))
	}
}

func (r *run) logPlan(ctx context.Context, a upgrade.Account, plan []upgrade.Decision) {
	level, steps := levelOf(len(plan)), 0
	for _, d := range plan {
		attrs := []slog.Attr{
			slog.String("rollout", a.Rollout), slog.String("DBInstanceId", d.Instance.ID), slog.String("target", d.Target),
		}
		switch {
		case d.Step != nil:
			steps++
			attrs = append(attrs, slog.String("step", d.Step.UpgradeTime), slog.Int("wave", d.Step.Wave), slog.String("why", d.Step.Why))
		case d.Skip != nil:
			attrs = append(attrs, slog.String("skip", string(d.Skip.Reason)), slog.String("detail", d.Skip.Detail))
		}
		r.log.LogAttrs(ctx, level, "plan", attrs...)
	}
	if level == slog.LevelDebug {
		next, behind := upgrade.NextWave(plan)
		r.log.LogAttrs(ctx, slog.LevelInfo, "plan", slog.String("rollout", a.Rollout), slog.Int("steps", steps), slog.Int("next", len(next)),
			slog.Int("behind", behind), slog.Int("skips", len(plan)-steps))
	}
}

// logOutcomes leaves out what the plan has said already.
func (r *run) logOutcomes(ctx context.Context, outcomes []upgrade.Outcome) {
	for _, o := range outcomes {
		if len(outcomes) > few && o.Fault == nil && (o.Told || o.Status == upgrade.Skipped || o.Status == upgrade.Pending) {
			continue
		}
		attrs := []slog.Attr{
			slog.String("rollout", o.Rollout), slog.String("DBInstanceId", o.Instance.ID), slog.String("status", string(o.Status)),
			slog.String("reason", string(o.Reason)), slog.String("TaskId", o.TaskID), slog.String("RequestId", o.RequestID),
			slog.String("TargetMinorVersion", o.TargetMinorVersion),
		}
		level := slog.LevelInfo
		if o.Fault != nil {
			level, attrs = slog.LevelWarn, append(attrs, slog.String("error", o.Fault.Error()))
		}
		r.log.LogAttrs(ctx, level, "outcome", attrs...)
	}
}

func (r *run) logNotification(ctx context.Context, n upgrade.Notification, messageID string, err error) {
	attrs := []slog.Attr{slog.String("tag", n.Tag()), slog.String("id", n.ID), slog.String("messageId", messageID)}
	if err != nil {
		r.log.LogAttrs(ctx, slog.LevelError, "notification", append(attrs, slog.String("error", err.Error()))...)
		return
	}
	r.log.LogAttrs(ctx, slog.LevelInfo, "notification", attrs...)
}

// logRate says that the API has refused calls by flow control, and what rate is left.
func (r *run) logRate() {
	if calls, perSecond := r.limit.Throttled(); calls > r.throttled {
		r.log.Warn("rate", "throttled", calls-r.throttled, "callsPerSecond", perSecond)
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
