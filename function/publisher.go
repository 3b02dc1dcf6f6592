package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"

	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/parallel"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/transport"
)

// publisher puts notifications on the result topic.
type publisher struct {
	topic       *mns.Client
	name        string
	credentials invocation.Credentials
	log         journal
	level       slog.Level // of the line of each notification that was published
}

// few is how many instances have a line each at level INFO, and are published one after the other; of more there is a summary, the lines are at
// level DEBUG, and the notifications go side by side.
const few = 20

// news publishes news of a document, and returns what of it was published. Those of one kind that follow each other go side by side if they are
// many. The account of a rollout comes after all that it closes with, or not now.
func (p *publisher) news(ctx context.Context, from notice.From, d *state.Document, marks []plan.Mark) (published []plan.Mark, err error) {
	faults, held := make([]error, len(marks)), &missing{}
	for first, last := 0, 0; first < len(marks); first = last {
		for last = first; last < len(marks) && marks[last].What == marks[first].What; last++ {
		}
		some, workers := *p, 1
		if some.level = levelOf(last - first); some.level == slog.LevelDebug {
			workers = transport.Parallel
			p.log.Info("notification", "what", marks[first].What, "count", last-first)
		}
		parallel.Do(workers, last-first, func(n int) {
			mark := marks[first+n]
			if faults[first+n] = held.fault(mark); faults[first+n] == nil {
				faults[first+n] = some.these(ctx, from.Of(d, mark)...)
				held.note(mark, faults[first+n])
			}
		})
	}
	for n, fault := range faults {
		if fault == nil {
			published = append(published, marks[n])
		}
	}
	return published, errors.Join(faults...)
}

// these publishes notifications, one after the other.
func (p *publisher) these(ctx context.Context, notifications ...notice.Notification) error {
	for _, n := range notifications {
		if err := p.one(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// one publishes a notification, again and again until it is out, refused for good, or time is up. One that may have been published is published
// again: its id stays the same.
func (p *publisher) one(ctx context.Context, n notice.Notification) error {
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	messageID, err := pace.Retry(ctx, func() (string, error) {
		return p.topic.Publish(ctx, p.credentials, p.name, string(body), n.Tag())
	})
	p.log.notification(ctx, p.level, n, messageID, err)
	return err
}

// missing has the rollouts of which something could not be published.
type missing struct {
	sync.Mutex
	rollouts map[string]error
}

// fault returns why the account of a rollout is not published now, nil if it may be.
func (m *missing) fault(mark plan.Mark) error {
	m.Lock()
	defer m.Unlock()
	if mark.What != plan.WhatReport && mark.What != plan.WhatHalted {
		return nil
	}
	return m.rollouts[mark.Rollout]
}

func (m *missing) note(mark plan.Mark, err error) {
	m.Lock()
	defer m.Unlock()
	if err != nil && mark.Rollout != "" {
		if m.rollouts == nil {
			m.rollouts = map[string]error{}
		}
		m.rollouts[mark.Rollout] = err
	}
}
