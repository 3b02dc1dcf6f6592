package main

import (
	"context"
	"errors"
	"fmt"
	"time"

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

	calls, received int    // how much was seen
	last            string // the last notification's tag, when no part of it follows
}

// play sends a scene's request, and looks until its last notification has come and the function has nothing to do.
func (p *player) play(ctx context.Context, s scene) error {
	p.board.Begin()
	p.last = ""
	if _, err := p.client.Request(s.request); err != nil {
		return err
	}
	if err := p.until(ctx, func() bool { return p.last == s.last || p.last == "rejected" }); err != nil {
		return fmt.Errorf("no %s: %w", s.last, err)
	}
	if err := p.stack.FC.WaitIdle(ctx); err != nil {
		return err
	}
	return p.until(ctx, func() bool { return p.received >= len(p.stack.MNS.Published(stack.ResultTopic)) })
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
	if n.Last() {
		p.last = n.Tag()
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

// since gives what has happened since, as the services have it.
func (p *player) since(m mark) outcome {
	o := outcome{calls: p.stack.RDS.CallsOf(upgradeCall)[m.calls:], fleet: p.stack.RDS.Instances()}
	for _, message := range p.stack.MNS.Published(stack.ResultTopic)[m.published:] {
		n, err := show.Read(message.Body)
		o.told, o.unread = append(o.told, told{n, message.PublishTime}), errors.Join(o.unread, err)
	}
	return o
}
