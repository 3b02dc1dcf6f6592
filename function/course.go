package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// course is one rollout on its way through one invocation.
type course struct {
	account upgrade.Account
	rollout *upgrade.Rollout
	wake    time.Time                   // when this step of the rollout began; the same however often it is begun again
	doubt   time.Time                   // since when the calls of this step may have been made before; zero if they cannot
	known   map[string]upgrade.Instance // what has been read of the fleet
	held    string                      // the handle of the message that holds the rollout now, "" if none does
	halted  string                      // why the rollout had been halted before
	alive   bool                        // a request that was delivered again, and whose rollout is under way
	ended   bool                        // nothing is left to do
}

// course begins the rollout of a request. One that has been under way for a while may have been here before, and made calls.
func (r *run) course(a upgrade.Account, request events.Request, published time.Time) *course {
	now := r.now()
	c := &course{account: a, rollout: upgrade.Begin(a.Rollout, request, r.invocation.Region, a.Cause), wake: now}
	if published.After(now) {
		published = time.Time{} // a clock is wrong, or the event is
	}
	late := !published.IsZero() && now.Sub(published) > promptly
	if request.Fleet != nil && (late || a.Cause.RetryCount > 0) {
		c.rollout.Doubt = published.UTC()
		if published.IsZero() {
			c.rollout.Doubt = now.Add(-mayBeRetried).UTC()
		}
	}
	return c
}

const (
	// promptly is how soon a message is here that has not been here before.
	promptly = time.Minute
	// mayBeRetried is longer than Function Compute goes on delivering an event (maxAsyncEventAgeInSeconds in s.yaml).
	mayBeRetried = 3 * time.Hour
)

var errStale = errors.New("stale")

// followsUp tells whether what must happen later can be remembered.
func (r *run) followsUp() bool { return r.config.FollowUpQueue != "" }

func (c *course) question(r *run) upgrade.Question {
	q := upgrade.Question{
		Request: c.rollout.Request, Mode: c.account.Mode, Rollout: c.rollout.ID, Region: c.rollout.Region, Policy: r.config.Policy,
		Now: r.now(), Memory: c.rollout, Doubt: c.rollout.Doubt,
	}
	if q.Doubt.IsZero() || !c.doubt.IsZero() && c.doubt.Before(q.Doubt) {
		q.Doubt = c.doubt
	}
	if r.followsUp() {
		q.Room = max(1, c.rollout.Room())
	}
	return q
}

// repeated tells whether a request was delivered again whose rollout is under way, and of which no claim tells: it bakes, or waits. Only
// the process that has sent its follow-up knows.
func (r *run) repeated(c *course, plan []upgrade.Decision) bool {
	seq, known := r.overtaken[c.rollout.ID]
	return c.rollout.Seq == 0 && known && seq < over && !upgrade.Alive(plan)
}

// refusal says why a request cannot be served as it is: it needs follow-ups that there are not, or its plan is no longer what it was.
func (r *run) refusal(c *course, plan []upgrade.Decision) error {
	if c.rollout.Seq > 0 || c.account.Mode == policy.Off {
		return nil
	}
	if c.alive = upgrade.Alive(plan); c.alive {
		return nil
	}
	_, behind := upgrade.NextWave(plan)
	want := c.rollout.Request.PlanHash
	switch {
	case want != "" && want != upgrade.PlanHash(plan):
		return fmt.Errorf("planHash: the plan is no longer %s but %s: the fleet has changed; send the request in mode plan again, and look at it", want, upgrade.PlanHash(plan))
	case behind > 0 && !r.followsUp():
		return fmt.Errorf("%d instances would have to wait for a later wave, and without FOLLOWUP_QUEUE there is only one: set it, or select fewer instances", behind)
	default:
		return nil
	}
}

// observeFlight looks at what is in flight, and at nothing else.
func (r *run) observeFlight(ctx context.Context, c *course) (fleet []upgrade.Instance) {
	for region, ids := range c.rollout.InFlight() {
		seen, _ := r.observer(c).Observe(ctx, upgrade.Scope{Regions: []string{region}, IDs: ids, Doubt: c.rollout.Watched}) // by id there is no listing that could fail
		fleet = append(fleet, seen...)
	}
	c.know(fleet)
	return fleet
}

// know keeps what was read, so that nothing is read twice. Tags and claims are read again: this run changes them.
func (c *course) know(fleet []upgrade.Instance) {
	c.known = map[string]upgrade.Instance{}
	for _, i := range fleet {
		if i.Fault == nil {
			i.Tasks, i.TasksAsked = nil, false
			c.known[i.ID] = i
		}
	}
}

// arm remembers the wave before its first call is made.
func (r *run) arm(ctx context.Context, c *course, plan []upgrade.Decision) error {
	if !r.followsUp() || c.alive {
		return nil
	}
	c.rollout.Adopt(plan)
	c.rollout.Enrol(plan)
	steps, behind := upgrade.NextWave(plan)
	if len(steps) == 0 {
		return nil
	}
	c.rollout.Arm(steps, behind, r.config.Policy.Verify, r.now())
	return r.send(ctx, c)
}

// note remembers what became of a wave, and whether anything is left to do.
func (c *course) note(r *run, outcomes []upgrade.Outcome) []upgrade.Outcome {
	switch {
	case !r.followsUp():
		return upgrade.Uncalled(outcomes)
	case c.alive:
		return upgrade.Silent(upgrade.Undecided(outcomes))
	}
	v := r.config.Policy.Verify
	c.rollout.Note(outcomes, v, r.now())
	if c.rollout.Halt == "" {
		c.rollout.Halt = c.rollout.Overdrawn()
	}
	if c.rollout.Halt != "" {
		outcomes = c.rollout.Hold(outcomes)
	}
	c.ended = c.rollout.Ends(outcomes, v, r.now())
	return upgrade.Undecided(outcomes)
}

// notifications are what there is to tell: transitions, and when it is time for them the halt and the report.
func (c *course) notifications(r *run, outcomes []upgrade.Outcome) []upgrade.Notification {
	a := c.account
	switch {
	case a.Mode == policy.Off && c.rollout.Request.Fleet != nil:
		return append(a.Halt("the policy's mode is off", outcomes), a.Report("the policy's mode is off", outcomes)...)
	case a.Mode == policy.Apply && !r.followsUp() && c.rollout.Request.Fleet != nil && upgrade.Again(outcomes) == nil:
		return append(a.Transitions(outcomes), a.Report("", outcomes)...) // there is no later
	case a.Mode != policy.Apply || !r.followsUp():
		return a.Notifications(outcomes)
	}
	all := a.Transitions(outcomes)
	if c.rollout.Halt != c.halted {
		all = append(all, a.Halt(c.rollout.Halt, outcomes)...)
	}
	if c.ended {
		all = append(all, a.Report(c.rollout.Halt, c.rollout.Account(outcomes))...)
	}
	return all
}

// follow ends this step of a rollout: what is left goes into a follow-up, or without one back to Function Compute.
func (r *run) follow(ctx context.Context, c *course, outcomes []upgrade.Outcome, err error) (RequestReport, error) {
	entry := reportOf(c.account, outcomes)
	switch {
	case errors.Is(err, errStale):
		return r.drop(ctx, c, "the claims show that the rollout has gone on without it")
	case err != nil:
		return RequestReport{}, err
	case !r.followsUp() || c.account.Mode == policy.Plan:
		return entry, upgrade.Again(outcomes)
	case c.account.Mode != policy.Apply || c.alive:
		return entry, nil
	case c.ended:
		r.discard(ctx, c, over)
		return entry, nil
	}
	if err := r.send(ctx, c); err != nil {
		return RequestReport{}, errors.Join(upgrade.Again(outcomes), err) // what is left goes back to Function Compute after all
	}
	return entry, nil
}

// blind ends a step whose fleet could not be listed.
func (r *run) blind(ctx context.Context, c *course, err error) (RequestReport, error) {
	begun := c.rollout.Seq > 0
	f := fault.From(err)
	passing := fault.Passing(f) || f.Kind == fault.Conflict // of a list that cannot be had now
	switch {
	case passing && r.followsUp() && c.account.Mode == policy.Apply && c.rollout.Patient(r.config.Policy.Verify, r.now()):
		r.log.Warn("fleet", "rollout", c.account.Rollout, "error", f.Error())
		return r.follow(ctx, c, c.rollout.Unproven(), nil)
	case passing && !begun:
		return RequestReport{}, f
	case !begun:
		return r.reject(ctx, c.account, fmt.Errorf("the fleet cannot be listed: %w", f))
	}
	c.rollout.Halt, c.ended = "the fleet cannot be listed: "+f.Error(), true
	outcomes := c.rollout.Account(c.rollout.Unproven())
	if err := r.tell(ctx, c, nil, c.notifications(r, outcomes)); err != nil {
		return RequestReport{}, err
	}
	return r.follow(ctx, c, outcomes, nil)
}

// drop puts a follow-up away that another has overtaken.
func (r *run) drop(ctx context.Context, c *course, why string) (RequestReport, error) {
	r.log.Warn("follow-up", "rollout", c.rollout.ID, "seq", c.rollout.Seq, "dropped", why)
	r.discard(ctx, c, 0) // another of a lesser number may be the one that has gone on
	return RequestReport{Rollout: c.rollout.ID, Problems: []string{why}}, nil
}
