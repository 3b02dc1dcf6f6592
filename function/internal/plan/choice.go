package plan

import (
	"cmp"
	"slices"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/window"
)

// choice is what is decided about one selected instance when a rollout opens: its target and its wave, or why it is left out.
type choice struct {
	instance fleet.Instance
	target   string
	why      string
	verdict  advisory.Verdict
	at       window.Placed // when it would be called, as things are now
	skip     *skip
	failed   *skip // it has failed since the request; nil if not

	stage, wave int
	replicas    []*choice // those that go before it
}

// chosen reports whether the instance is to be upgraded.
func (c *choice) chosen() bool { return c.skip == nil }

// chosenOf returns the choices that are to be upgraded.
func chosenOf(choices []*choice) []*choice {
	return slices.DeleteFunc(slices.Clone(choices), func(c *choice) bool { return !c.chosen() })
}

// choicesOf returns one choice for each selected instance, in the order of region and id, whatever the fleet's.
//
// These things are asked in turn; the first that stops the instance names the reason:
//
//	it was read              → gone, in_progress, unread
//	what it is, its tags     → engine_unsupported, not_affected, held (it does not fit the selection), not_opted_in, held, locked, not_running
//	the version              → see target.go
//	its last failure         → failed_before
//	the time                 → outside_window
//	its replicas             → replica_first, see replica.go
//	the request's waves      → held: it is in none of them
func choicesOf(p *Plan, r *state.Rollout, all []fleet.Instance) []*choice {
	q := p.question(r.Request)
	choices, aims := make([]*choice, 0, len(all)), map[alike]aim{}
	for _, i := range all {
		choices = append(choices, choiceOf(p, q, r, i, aims))
	}
	slices.SortStableFunc(choices, inOrder)
	choices = slices.CompactFunc(choices, func(a, b *choice) bool { return inOrder(a, b) == 0 }) // a list of many pages may repeat an instance
	if r.Request.Fleet != nil {
		q.arrange(choices)
	}
	for _, c := range chosenOf(choices) {
		c.wave = max(1, c.wave)
	}
	return choices
}

func inOrder(a, b *choice) int {
	return cmp.Or(cmp.Compare(a.instance.RegionID, b.instance.RegionID), cmp.Compare(a.instance.ID, b.instance.ID))
}

func choiceOf(p *Plan, q question, r *state.Rollout, i fleet.Instance, aims map[alike]aim) *choice {
	c := &choice{instance: i}
	if c.skip = unreadable(i); c.skip != nil {
		return c
	}
	a, known := aims[alikeOf(i)]
	if !known {
		a = q.aim(i)
		aims[alikeOf(i)] = a
	}
	c.target, c.why, c.verdict, c.failed = a.target, a.why, a.verdict, skipFailed(p.Document, r, i.ID)
	c.skip = cmp.Or(q.skipInstance(i), a.skip, c.failed)
	if c.skip == nil && single(r) {
		c.skip = busy(p.Document, i)
	}
	if c.skip == nil {
		c.at, c.skip = q.place(i)
	}
	return c
}

// unreadable returns why an instance is left out that could not be read, nil if it was.
func unreadable(i fleet.Instance) *skip {
	switch {
	case i.Fault == nil:
		return nil
	case i.Fault.Kind == fault.NotFound:
		return skipf(Gone, "RDS does not know it: %v", i.Fault)
	case i.Fault.Kind == fault.Conflict:
		return skipf(InProgress, "it is busy: %v", i.Fault)
	default:
		return skipf(Unread, "it could not be read: %v", i.Fault)
	}
}

// skipFailed leaves alone an instance that has failed since the request was sent, or of which a timer asks. An operator's later request asks it
// again.
func skipFailed(d *state.Document, r *state.Rollout, id string) *skip {
	fail := cmp.Or(d.Instance(id), &state.Instance{}).Fail
	if fail == nil || r.Cause.Trigger != events.Timer && sent(r).Truncate(time.Second).After(fail.At) && !untoldFailure(d, id, fail) {
		return nil
	}
	return skipf(FailedBefore, "its upgrade to %s did not succeed in rollout %s at %s: look at it, and ask for it again",
		fail.Target, fail.Rollout, Stamp(fail.At))
}

// untoldFailure reports whether nobody has been told of a failure yet: then it counts as newer than any request.
func untoldFailure(d *state.Document, id string, fail *state.Fail) bool {
	m := cmp.Or(d.Rollout(fail.Rollout), &state.Rollout{}).Member(id)
	return m != nil && m.Untold()
}

// alike is what the aim of an instance depends on. Those of one kind have one list of offers (see fleet.Observer).
type alike struct {
	engine, engineVersion, category, storageType, current, latest string

	offers         *fleet.Offer // the first
	many, unlisted int
}

func alikeOf(i fleet.Instance) alike {
	a := alike{i.Engine, i.EngineVersion, i.Category, i.StorageType, i.CurrentKernelVersion, i.LatestKernelVersion, nil, len(i.Offers), i.Unlisted}
	if len(i.Offers) > 0 {
		a.offers = &i.Offers[0]
	}
	return a
}
