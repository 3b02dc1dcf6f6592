package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// send puts the rollout on the queue, to come back when there is something to do, and then takes away the message that held it
// before: at every moment there is one.
func (r *run) send(ctx context.Context, c *course) error {
	ctx, cancel := context.WithDeadline(ctx, r.deadline)
	defer cancel()
	c.rollout.Seq++
	c.rollout.Sent = r.now().UTC()
	body, err := c.rollout.Body()
	if err != nil {
		return err
	}
	delay := delayOf(c.rollout)
	var receipt mns.Receipt
	err = upgrade.Retry(ctx, func() (err error) {
		receipt, err = r.topic.Send(ctx, r.invocation.Credentials, r.config.FollowUpQueue, body, delay)
		return err
	})
	if err != nil {
		return err
	}
	r.log.Info("follow-up", "rollout", c.rollout.ID, "seq", c.rollout.Seq, "wave", c.rollout.Wave, "inFlight", len(c.rollout.Flight),
		"next", c.rollout.Next.UTC().Format(time.RFC3339), "messageId", receipt.MessageID)
	r.discard(ctx, c, c.rollout.Seq-1)
	c.held = receipt.Handle
	return nil
}

// hop is how long a follow-up waits on the queue at most; what is to come later is sent on when it is received. The queue would take 7
// days, but it forgets a message 7 days after it was sent: it would be gone the moment it could be received. So the timer may be
// out of order for 6 days until a rollout is lost.
const hop = 24 * time.Hour

func delayOf(r *upgrade.Rollout) time.Duration { return min(max(0, r.Next.Sub(r.Sent)), hop) }

// discard deletes the message that held the rollout. That it cannot be deleted does no harm: it is known by its number when it comes.
func (r *run) discard(ctx context.Context, c *course, seq int) {
	if len(r.overtaken) >= maxKnown {
		clear(r.overtaken) // as in a new process
	}
	r.overtaken[c.rollout.ID] = max(r.overtaken[c.rollout.ID], seq)
	r.remove(ctx, c)
}

// remove deletes the message that is held.
func (r *run) remove(ctx context.Context, c *course) {
	if c.held == "" {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, r.deadline)
	defer cancel()
	err := upgrade.Retry(ctx, func() error {
		return r.topic.Delete(ctx, r.invocation.Credentials, r.config.FollowUpQueue, c.held)
	})
	if err != nil {
		r.log.LogAttrs(ctx, slog.LevelWarn, "follow-up", slog.String("rollout", c.rollout.ID), slog.String("error", err.Error()))
	}
	c.held = ""
}

// maxKnown bounds of how many rollouts a process knows which follow-ups are of no use any more.
const maxKnown = 1000

// over is the number of a follow-up behind every other.
const over = upgrade.MaxSeq

// maxReceipts is how often a follow-up is received until it is put away.
const maxReceipts = 5

// followUps goes on with every rollout for which something is to be done now.
func (r *run) followUps(ctx context.Context, a upgrade.Account) (RequestReport, error) {
	if !r.followsUp() {
		return r.reject(ctx, a, errors.New("kind: follow-ups: FOLLOWUP_QUEUE is not set: set it in the function's environment variables (s.yaml), or remove the timer"))
	}
	entry := RequestReport{Rollout: a.Rollout, Mode: r.config.Policy.Mode}
	work, cancel := r.working(ctx)
	defer cancel()
	var faults []error
	for work.Err() == nil {
		batch, err := r.topic.Receive(work, r.invocation.Credentials, r.config.FollowUpQueue)
		if err != nil || len(batch) == 0 {
			return entry, errors.Join(append(faults, err)...)
		}
		for _, m := range newest(batch) {
			done, err := r.followUp(ctx, a, m)
			entry.FollowUps, faults = append(entry.FollowUps, done), append(faults, err)
		}
	}
	return entry, errors.Join(faults...)
}

// received is a follow-up's message and what is in it.
type received struct {
	mns.Message
	rollout *upgrade.Rollout
	broken  error
}

// newest puts the messages in order so that of two of one rollout the newer one comes first: the older is then known to be overtaken.
func newest(batch []mns.Message) []received {
	all := make([]received, 0, len(batch))
	for _, m := range batch {
		rollout, err := upgrade.ParseFollowUp(m.Body)
		all = append(all, received{m, rollout, err})
	}
	slices.SortStableFunc(all, func(a, b received) int { return b.seq() - a.seq() })
	return all
}

// seq puts what cannot be read last.
func (m received) seq() int {
	if m.broken != nil {
		return 0
	}
	return m.rollout.Seq
}

// followUp goes on with one rollout. What cannot be done now is tried again later: by a message of its own if the fault may pass,
// and else by this one, which comes back until it is put away.
func (r *run) followUp(ctx context.Context, a upgrade.Account, m received) (RequestReport, error) {
	c := &course{account: a, rollout: m.rollout, wake: r.now(), held: m.Handle}
	switch {
	case m.broken != nil:
		return r.putAway(ctx, c, m, m.broken.Error())
	case m.rollout.Seq <= r.overtaken[m.rollout.ID]:
		return r.drop(ctx, c, "a newer follow-up of the rollout has been served")
	case m.copied():
		return r.putAway(ctx, c, m, "the follow-up is a copy: it was not put on the queue when it was sent; send the original request again")
	case m.Receipts > maxReceipts:
		return r.putAway(ctx, c, m, fmt.Sprintf("the follow-up was received %d times, and the function ended each time before it was done; send the original request again", m.Receipts-1))
	}
	if m.Receipts > 1 {
		c.wake, c.doubt = m.FirstReceived, m.FirstReceived
	}
	c.account.Rollout, c.account.Mode, c.account.Advisory = m.rollout.ID, policy.Apply, upgrade.AdvisoryID(m.rollout.Request)
	c.account.Cause = m.rollout.Cause
	c.account.Cause.FCRequestID, c.account.Cause.RetryCount = a.Cause.FCRequestID, a.Cause.RetryCount
	c.halted = m.rollout.Halt
	if m.rollout.Next.After(r.now().Add(time.Second)) {
		return r.follow(ctx, c, c.rollout.Unproven(), nil)
	}
	entry, err := r.advance(ctx, c)
	if err != nil && fault.Passing(fault.From(err)) && c.held == m.Handle {
		return r.postpone(ctx, c, m, err)
	}
	return entry, err
}

// postpone sends a follow-up again as it was.
func (r *run) postpone(ctx context.Context, c *course, m received, err error) (RequestReport, error) {
	again, _ := upgrade.ParseFollowUp(m.Body) // it was read before
	again.Next = r.now().Add(time.Duration(r.config.Policy.Verify.First))
	c.rollout = again
	return RequestReport{Rollout: again.ID, Problems: []string{err.Error()}}, r.send(ctx, c)
}

// copied tells whether somebody else put the message on the queue. Whether its time there is that of sending or that of becoming
// visible is not documented.
func (m received) copied() bool {
	const tolerance = 10 * time.Minute
	near := func(t time.Time) bool { return m.Enqueued.Sub(t).Abs() <= tolerance }
	visible := m.rollout.Sent.Add(delayOf(m.rollout))
	return !near(m.rollout.Sent) && !near(visible)
}

// putAway reports a follow-up that cannot be served, with its text, and takes it off the queue.
func (r *run) putAway(ctx context.Context, c *course, m received, problem string) (RequestReport, error) {
	if c.rollout == nil {
		c.rollout = upgrade.Begin(upgrade.RolloutID("follow-up", m.ID), events.Request{}, "", upgrade.Cause{})
	}
	c.account.Rollout = c.rollout.ID
	entry := RequestReport{MessageID: m.ID, Rollout: c.rollout.ID, Status: upgrade.Rejected, Problems: []string{problem}}
	if err := r.publish(ctx, c.account.PutAway(problem, m.Body)...); err != nil {
		return entry, err
	}
	if m.broken == nil && m.copied() {
		r.remove(ctx, c) // what it is a copy of is still to come
		return entry, nil
	}
	r.discard(ctx, c, c.rollout.Seq)
	return entry, nil
}
