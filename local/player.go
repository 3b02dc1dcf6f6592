package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/show"
	"rds-kernel-upgrade/local/stack"
	"rds-kernel-upgrade/local/tape"
)

// upgradeCall is the call that the function is for.
const upgradeCall = "UpgradeDBInstanceKernelVersion"

// player lets scenes happen, and shows what comes of them.
type player struct {
	stack  *stack.Stack
	client *stack.Client
	log    *tape.Tape
	now    func() time.Time
	board  *show.Board
	view   view

	calls, received int             // how much was seen
	seen            map[string]bool // the names of the scene's notifications, when no part of them follows
	had             map[string]bool // the ids of notifications
	rollouts        []string        // those that were reported
	second          *fakefc.Server  // another process of the function; nil until there is one
}

// play sends a scene's request, and looks until its last notification has come and the function has nothing to do.
func (p *player) play(ctx context.Context, s scene) error {
	p.seen = map[string]bool{}
	if !s.goesOn {
		p.board.Begin()
	}
	if s.request != "" {
		if _, err := p.client.Request(s.request); err != nil {
			return err
		}
	}
	if s.trouble != nil {
		if err := s.trouble(ctx, p); err != nil {
			return err
		}
	}
	if err := p.until(ctx, func() bool { return p.seen[s.last] || p.seen["rejected"] }); err != nil {
		return fmt.Errorf("no %s: %w", s.last, err)
	}
	if err := p.idle(ctx); err != nil {
		return err
	}
	return p.until(ctx, func() bool { return p.received >= len(p.stack.MNS.Published(stack.ResultTopic)) })
}

// idle waits until the function has nothing to do; where its clock goes on, what it does then changes nothing.
func (p *player) idle(ctx context.Context) error {
	err := p.stack.FC.WaitIdle(ctx)
	if p.second != nil {
		err = errors.Join(err, p.second.WaitIdle(ctx))
	}
	return err
}

// end stops what the scenes have begun.
func (p *player) end() {
	p.view.End()
	if p.second != nil {
		p.second.Close(context.Background())
	}
}

// until looks at what happens in the background until it is done.
func (p *player) until(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := p.look(); err != nil || done() {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("it did not happen in time: %w", ctx.Err())
		}
	}
}

// look shows the calls and the notifications that are new.
func (p *player) look() error {
	calls := p.stack.RDS.CallsOf(upgradeCall)
	for _, call := range calls[p.calls:] {
		c := show.Call{
			DBInstanceID: call.Params["DBInstanceId"], UpgradeTime: call.Params["UpgradeTime"],
			TargetMinorVersion: call.Params["TargetMinorVersion"], Signer: call.Signer, Status: call.Status, Code: call.Code,
		}
		p.board.Call(c)
		p.view.Call(p.now(), c)
	}
	p.calls = len(calls)
	for {
		body, ok, err := p.client.Receive()
		if err != nil || !ok {
			p.view.Refresh(p.now())
			return err
		}
		p.received++
		if err := p.notice(body); err != nil {
			return err
		}
	}
}

func (p *player) notice(body string) error {
	n, err := show.Read(body)
	if err != nil {
		return err
	}
	if p.had[n.ID] { // two processes may publish the same: its id says so
		return nil
	}
	p.had[n.ID] = true
	if n.Last() {
		p.seen[n.Name()] = true
	}
	if n.Name() == "report" && !slices.Contains(p.rollouts, n.Data.Rollout) {
		p.rollouts = append(p.rollouts, n.Data.Rollout)
	}
	p.board.Apply(n)
	p.view.Notification(p.now(), n)
	return nil
}

// mark says how much has happened so far.
type mark struct{ calls, published int }

func (p *player) mark() mark {
	return mark{len(p.stack.RDS.CallsOf(upgradeCall)), len(p.stack.MNS.Published(stack.ResultTopic))}
}

// since returns what has happened since, as the services have it. What two processes have published under one id is one notification.
func (p *player) since(m mark) (o outcome, err error) {
	o = outcome{calls: p.stack.RDS.CallsOf(upgradeCall)[m.calls:], fleet: p.stack.RDS.Instances()}
	for _, message := range p.stack.MNS.Published(stack.ResultTopic)[m.published:] {
		n, err := show.Read(message.Body)
		o.unread = errors.Join(o.unread, err)
		if !slices.ContainsFunc(o.told, func(t told) bool { return t.ID == n.ID }) {
			o.told = append(o.told, told{n, message.PublishTime})
		}
	}
	if p.second != nil {
		o.second = len(p.second.Invocations())
	}
	if o.state, err = p.stack.Document(); err != nil {
		return o, err
	}
	o.archives, err = p.stack.Archives()
	return o, err
}
