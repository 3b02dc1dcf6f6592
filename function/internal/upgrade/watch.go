package upgrade

import (
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/version"
	"rds-kernel-upgrade/function/internal/window"
)

// Watch says what has become of what is in flight, and remembers it. The fleet holds those instances as they are now.
//
//	the instance, the claim on it, its task        then
//	runs the target, Running                       completed; the claim goes
//	the call's task has failed, or was cancelled   failed, with RDS's reason
//	the call's task is Scheduled or Waiting        look again; its time is told
//	not Running, or a task has begun               accepted, if that was not known yet; look again
//	Running again, or the call's task is Succeed,  look again; the second time failed: it came back without the version
//	without the target
//	Running, nothing seen                          look again
//	… verify.giveUp after it was due               unverified; had it left Running, failed: it did not come back
//	… and RDS cannot be asked for the task         look again, for verify.giveUp more
//	gone                                           left alone: somebody has deleted it
//	another rollout's claim                        unverified: that rollout has it
//	intent or no claim, nothing for verify.first   the call was not made: it waits for a wave again; failed, when that goes on for verify.giveUp
//	could not be read                              look again; for good, and verify.giveUp after it was due: unverified
func (r *Rollout) Watch(fleet []Instance, v policy.Verify, now time.Time) (outcomes []Outcome) {
	r.Looks++
	var left []Flight
	for _, f := range r.Flight {
		n := slices.IndexFunc(fleet, func(i Instance) bool { return i.ID == f.DBInstanceID && i.RegionID == f.RegionID })
		if n < 0 {
			left = append(left, f)
			continue
		}
		s := sight{Flight: f, Instance: fleet[n], rollout: r, verify: v, now: now}
		s.look()
		outcomes = append(outcomes, s.outcomes...)
		if s.stays {
			left = append(left, s.Flight)
		}
	}
	r.Flight = left
	return outcomes
}

// sight is one look at one instance in flight.
type sight struct {
	Flight
	Instance Instance
	rollout  *Rollout
	verify   policy.Verify
	now      time.Time

	outcomes []Outcome
	stays    bool // in flight
}

func (s *sight) look() {
	i := s.Instance
	gone := i.Fault != nil && i.Fault.Kind == fault.NotFound
	if i.Fault != nil && !gone {
		s.unread()
		return
	}
	s.Looks++
	s.Left = s.Left || !gone && s.away()
	switch {
	case gone:
		s.gone()
	case i.proven(s.Target):
		s.accept()
		s.end(Completed, "")
	case i.Claim != nil && i.Claim.Rollout != s.rollout.ID:
		s.end(Unverified, fmt.Sprintf("rollout %s has claimed it meanwhile", i.Claim.Rollout))
	case s.called():
		s.accept()
		s.wait()
	default:
		s.unseen()
	}
}

// gone ends what somebody has deleted. That is no failure of the rollout's.
func (s *sight) gone() {
	o := s.outcome(Skipped, "it was deleted while its upgrade was in flight")
	o.Reason = Gone
	s.rollout.settle(o)
	s.outcomes = append(s.outcomes, o)
}

// unseen waits for a call that nothing shows, or ends it: it was not made, and the instance waits for a wave again, but not for ever.
func (s *sight) unseen() {
	if s.stays = s.open(); s.stays {
		return
	}
	if since := s.rollout.unclear(s.DBInstanceID, s.now); !s.now.Before(since.Add(time.Duration(s.verify.GiveUp))) {
		s.end(Failed, "since "+stamp(since)+" no call of it has had a clear answer, and none has shown anything")
		return
	}
	o := s.outcome(Pending, "the call has shown nothing: it was not made")
	o.Release = s.Instance.Claim != nil
	s.outcomes = append(s.outcomes, o)
}

// unclear tells since when calls of an instance are known to come to nothing.
func (r *Rollout) unclear(id string, now time.Time) (since time.Time) {
	since, known := r.Unclear[id]
	if known {
		return since
	}
	if r.Unclear == nil {
		r.Unclear = map[string]time.Time{}
	}
	r.Unclear[id] = now
	return now
}

// unread gives an instance that cannot be looked at as much time as any other, and more while the fault may pass.
func (s *sight) unread() {
	if s.stays = fault.Passing(s.Instance.Fault) || !s.late(); !s.stays {
		s.end(Unverified, "it cannot be looked at: "+s.Instance.Fault.Error())
	}
}

// late tells whether the upgrade has had all its time.
func (s *sight) late() bool { return !s.now.Before(s.Due.Add(time.Duration(s.verify.GiveUp))) }

// away tells whether the restart has begun. An instance at rest shows nothing of a call of which nobody knows whether it was made.
func (s *sight) away() bool {
	i := s.Instance
	return !i.running() && (s.known() || !i.resting()) && !s.now.Before(s.begins())
}

// known tells whether the call is known to have been accepted.
func (s *sight) known() bool {
	c := s.Instance.Claim
	return !s.AcceptedAt.IsZero() || c != nil && c.State == Called
}

// called tells whether the call has been accepted: it was, or is now seen to have been.
func (s *sight) called() bool { return s.known() || s.Instance.taskSince(s.At) || s.Left }

// open tells whether a call that nothing shows may still turn out to have been made. Where the claim is gone, what is remembered of it counts.
func (s *sight) open() bool {
	i := s.Instance
	if i.Claim == nil {
		i.Claim = &Claim{At: s.At.Add(-time.Second), Due: s.Due} // this one is exact
	}
	return s.now.Before(i.again(s.verify))
}

// begins is when the restart can begin: what is seen before has another reason.
func (s *sight) begins() time.Time {
	maintenance, ok := window.ParseMaintenance(s.Instance.MaintainTime)
	switch {
	case s.UpgradeTime == string(events.SpecifyTime):
		return s.SwitchTime
	case s.UpgradeTime == string(events.MaintainTime) && ok:
		from, _ := maintenance.Next(s.At)
		return from
	default:
		return s.At
	}
}

// accept tells of an acceptance that was not known before. What shows under another rollout's claim is that one's.
func (s *sight) accept() {
	if c := s.Instance.Claim; !s.AcceptedAt.IsZero() || c != nil && c.Rollout != s.rollout.ID {
		return
	}
	s.AcceptedAt = s.At
	delete(s.rollout.Unclear, s.DBInstanceID)
	o := s.outcome(Accepted, "")
	if c := s.Instance.Claim; c != nil {
		o.Acceptance = c.Acceptance
		if c.State == Intent && !s.Instance.proven(s.Target) {
			called := *c
			called.State = Called
			o.Becomes = &called
		}
	}
	s.outcomes = append(s.outcomes, o)
}

func (s *sight) end(status Status, detail string) {
	o := s.outcome(status, detail)
	o.Release = s.Instance.Claim != nil && s.Instance.Claim.Rollout == s.rollout.ID
	s.rollout.settle(o)
	if status == Completed {
		s.rollout.Proven++
	}
	s.outcomes = append(s.outcomes, o)
}

func (s *sight) outcome(status Status, detail string) Outcome {
	o := Outcome{
		Instance: s.Instance, Status: status, Detail: detail, Rollout: s.rollout.ID, Target: s.Target, Wave: s.rollout.Wave,
		UpgradeTime: s.UpgradeTime, SwitchTime: s.SwitchTime, AcceptedAt: s.AcceptedAt, Before: s.Before, Looks: s.Looks,
	}
	o.Instance.ID, o.Instance.RegionID = s.DBInstanceID, s.RegionID
	if status == Failed || status == Unverified {
		o.Fault = &fault.Error{Op: "upgrade: " + s.DBInstanceID, Kind: fault.Unproven, Message: detail}
	}
	return o
}

// Adopt takes instances that have a claim of this rollout into what is in flight: the process had ended before it could remember them.
func (r *Rollout) Adopt(decisions []Decision) {
	for _, d := range decisions {
		known := slices.ContainsFunc(r.Flight, func(f Flight) bool { return f.DBInstanceID == d.Instance.ID })
		if c := d.Instance.Claim; d.Alive && !known && c != nil {
			r.Flight = append(r.Flight, Flight{
				DBInstanceID: d.Instance.ID, RegionID: d.Instance.RegionID, Before: before(d.Instance, c.Target), Target: c.Target, At: c.At, Due: c.Due,
			})
		}
	}
}

// before is the version that an instance had, as far as it can still be seen.
func before(i Instance, target string) string {
	if version.Reached(i.CurrentKernelVersion, target) {
		return ""
	}
	return i.CurrentKernelVersion
}

// Stale tells whether a follow-up is older than what the claims show: the rollout has gone on without it.
func (r *Rollout) Stale(fleet []Instance) bool {
	return slices.ContainsFunc(fleet, func(i Instance) bool {
		return i.Claim != nil && i.Claim.Rollout == r.ID && max(1, i.Claim.Wave) > max(1, r.Wave)
	})
}
