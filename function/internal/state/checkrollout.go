package state

import (
	"cmp"
	"encoding/json"
	"strings"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/fault"
)

// check reports what is impossible in a rollout, whatever the others are.
func (r *Rollout) check() *flaw {
	members := make([]*Member, len(r.Members))
	for n := range members {
		members[n] = &r.Members[n]
	}
	return cmp.Or(
		checkName(r.ID).in("id"),
		oneOf(r.State, Waiting, Open, Halted, Closed).in("state"),
		oneOf(r.Severity, append(events.Severities(), "")...).in("severity"),
		r.checkState(), r.checkTold(), r.checkRequest(), r.checkWaves(), checkList(members).in("members"),
	)
}

// checkName refuses an id that could not stand in the key of an archive.
func checkName(id string) *flaw {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	if len(id) > 64 || strings.Trim(id, letters) != "" {
		return flawed("is %s: want at most 64 letters, digits, dashes and underscores", quoted(id))
	}
	return nil
}

// checkState holds what is known of a rollout against its state.
func (r *Rollout) checkState() *flaw {
	switch {
	case r.State == Halted && r.Halt == "":
		return flawed("is missing: want why the rollout is halted").in("halt")
	case r.Live() && r.Halt != "":
		return flawed("is given, and the rollout is %s", r.State).in("halt")
	case r.State == Waiting && len(r.Members) > 0:
		return flawed("is given, and the rollout is waiting").in("members")
	case r.State == Closed && !r.Ended():
		return flawed("is closed, and members are still pending or in flight").in("state")
	}
	return nil
}

// checkTold reports what cannot have been published of the rollout yet, or was not before it went into the archive.
func (r *Rollout) checkTold() *flaw {
	switch {
	case r.Halt == "" && !r.Told.Halted.IsZero():
		return flawed("is given, and the rollout was never halted").in("told.halted")
	case !r.Ended() && !r.Told.Report.IsZero():
		return flawed("is given, and the rollout has not ended").in("told.report")
	case !r.AllTold() && !r.Archived.IsZero():
		return flawed("is given, and not everything about the rollout has been published").in("archived")
	}
	return nil
}

// checkRequest reports what a rollout needs of its request, and one whose JSON this package could not read again.
func (r *Rollout) checkRequest() *flaw {
	text, err := json.Marshal(r.Request)
	if err != nil {
		return flawed("cannot be written: %v", err).in("request")
	}
	f := readJSON(text, &events.Request{})
	switch {
	case f != nil:
	case r.Request.Kind == "":
		f = flawed("is missing").in("kind")
	case r.Request.Kind == events.KindUpgrade && r.Request.Upgrade.DBInstanceID == "":
		f = flawed("is missing").in("upgrade.DBInstanceId")
	case r.Request.Kind != events.KindUpgrade && r.Request.Fleet == nil:
		f = flawed("is missing").in("fleet")
	}
	return f.in("request")
}

func (r *Rollout) checkWaves() *flaw {
	for n, w := range r.Waves {
		f := oneOf(w.Told, ToldBegan, ToldDone, "").in("told")
		switch {
		case f != nil:
		case w.Number < 1:
			f = flawed("is 0: waves count from 1").in("wave")
		case n > 0 && w.Number <= r.Waves[n-1].Number:
			f = flawed("is %d, after wave %d", w.Number, r.Waves[n-1].Number).in("wave")
		case w.Began.IsZero() && w.Told != "":
			f = flawed("is given, and the wave has not begun").in("told")
		case w.Done.IsZero() && w.Told == ToldDone:
			f = flawed("is done, and the wave is not").in("told")
		}
		if f != nil {
			return f.at(n).in("waves")
		}
	}
	return nil
}

// check reports what is impossible in a member: see the table of the states.
func (m *Member) check() *flaw {
	return cmp.Or(
		oneOf(m.State, Pending, Intent, Called, Proven, Failed, Unverified, LeftOut).in("state"),
		oneOf(m.Verdict, advisory.Affected, advisory.NotAffected, advisory.Unknown, "").in("verdict"),
		oneOf(m.Told, ToldAccepted, ToldEnd, "").in("told"),
		m.checkPlan(), m.checkCall().in("call"), m.checkEnd().in("end"), m.checkTold().in("told"),
	)
}

// checkPlan reports what is missing of a member that is to be upgraded, or was. One that was left out or failed may have been planned or not.
func (m *Member) checkPlan() *flaw {
	switch {
	case m.State == LeftOut || m.State == Failed:
		return nil
	case m.Wave < 1:
		return flawed("is missing, and the member is %s: want 1 or more", m.State).in("wave")
	case m.Target == "":
		return flawed("is missing, and the member is %s", m.State).in("target")
	case m.Busy != "" && m.State != Pending:
		return flawed("is given, and the member is %s", m.State).in("busy")
	}
	return nil
}

func (m *Member) checkCall() *flaw {
	c := m.Call
	if c == nil && (m.State.InFlight() || m.State == Unverified) {
		return flawed("is missing, and the member is %s", m.State)
	}
	if c == nil {
		return nil
	}
	switch f := oneOf(c.UpgradeTime, events.Immediate, events.MaintainTime, events.SpecifyTime).in("UpgradeTime"); {
	case f != nil:
		return f
	case m.State == Pending:
		return flawed("is given, and the member is pending")
	case m.State == Intent && !c.AcceptedAt.IsZero():
		return flawed("is given, and the member is still an intent").in("acceptedAt")
	case m.State == Called && c.AcceptedAt.IsZero():
		return flawed("is missing, and the member is called").in("acceptedAt")
	case (c.UpgradeTime == events.SpecifyTime) == c.SwitchTime.IsZero():
		return flawed("goes with UpgradeTime SpecifyTime, and with no other").in("SwitchTime")
	}
	return nil
}

func (m *Member) checkEnd() *flaw {
	e := m.End
	switch {
	case e == nil && m.State.Terminal():
		return flawed("is missing, and the member is %s", m.State)
	case e == nil:
		return nil
	case !m.State.Terminal():
		return flawed("is given, and the member is %s", m.State)
	case m.State == LeftOut && e.Reason == "":
		return flawed("is missing: want why the instance was left out").in("reason")
	case m.State != Proven && e.After != "":
		return flawed("is given, and the member is %s", m.State).in("after")
	}
	return oneOf(e.Kind, fault.Invalid, fault.Denied, fault.NotFound, fault.Conflict, fault.Throttled, fault.Unavailable, fault.Expired,
		fault.Internal, fault.Unproven, "").in("kind")
}

func (m *Member) checkTold() *flaw {
	switch {
	case m.Told == ToldAccepted && !m.Accepted():
		return flawed("is accepted, and no call was accepted")
	case m.Told == ToldEnd && !m.State.Terminal():
		return flawed("is end, and the member is %s", m.State)
	}
	return nil
}
