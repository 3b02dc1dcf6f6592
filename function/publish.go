package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/parallel"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/transport"
)

// publish publishes what the document says is unpublished, and writes down that it was. What could not be published, or was published and not
// written down, is published by the next invocation under the same id.
func (r *run) publish(ctx context.Context) error {
	published, fault := r.publisher.news(ctx, r.from(), r.documents.newest)
	if len(published) == 0 && len(r.documents.newest.ToArchive()) == 0 {
		return fault
	}
	return errors.Join(fault, r.documents.change(ctx, func(p *plan.Plan) {
		p.Published(published)
		r.documents.archive(ctx, p)
	}))
}

// publisher publishes to the result topic for one invocation.
type publisher struct {
	topic       *mns.Client
	name        string
	credentials invocation.Credentials
	log         journal
}

// few is how many instances have a line each at level INFO, and are published one after the other; of more there is a summary, the lines are at
// level DEBUG, and the notifications go side by side.
const few = 20

// news publishes what is unpublished of the document, and returns what of it was published. Those of one kind that follow each other go side by side if they are
// many. The account of a rollout comes after all that it closes with, or not now.
func (p *publisher) news(ctx context.Context, from notice.From, document *state.Document) (published []plan.Mark, err error) {
	marks := plan.Unpublished(document)
	faults := make([]error, len(marks))
	held := map[string]error{} // by rollout: why its account is not published now
	for first, last := 0, 0; first < len(marks); first = last {
		for last = first; last < len(marks) && marks[last].What == marks[first].What; last++ {
		}
		what, group, faults := marks[first].What, marks[first:last], faults[first:last]
		level, workers := levelOf(len(group)), 1
		if level == slog.LevelDebug {
			workers = transport.Parallel
			p.log.Info("notification", "what", what, "count", len(group))
		}
		parallel.Do(workers, len(group), func(n int) {
			if what == plan.WhatReport || what == plan.WhatHalted {
				faults[n] = held[group[n].Rollout]
			}
			if faults[n] == nil {
				faults[n] = p.send(ctx, level, from.Of(document, group[n])...)
			}
		})
		for n, mark := range group {
			if faults[n] == nil {
				published = append(published, mark)
			} else {
				held[mark.Rollout] = faults[n]
			}
		}
	}
	return published, errors.Join(faults...)
}

// send publishes notifications, one after the other, and each again and again until it is out, refused for good, or time is up. One that may have
// been published is published again: its id stays the same.
func (p *publisher) send(ctx context.Context, level slog.Level, notifications ...notice.Notification) error {
	for _, n := range notifications {
		body, err := json.Marshal(n)
		if err != nil {
			return err
		}
		messageID, err := pace.Retry(ctx, func() (string, error) {
			return p.topic.Publish(ctx, p.credentials, p.name, string(body), n.Tag())
		})
		p.log.notification(level, n, messageID, err)
		if err != nil {
			return err
		}
	}
	return nil
}
