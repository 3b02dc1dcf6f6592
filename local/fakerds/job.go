package fakerds

import "time"

const (
	running  = "Running"
	unlocked = "Unlock"
)

// job is one accepted upgrade. All that becomes of it follows from the clock.
type job struct {
	id                    int
	target                string
	accepted, start, end  time.Time
	upgrade               Upgrade
	begun, done, canceled bool
}

// pending gives the upgrade that is scheduled or running.
func (r *record) pending() *job {
	if len(r.jobs) == 0 || r.jobs[len(r.jobs)-1].done {
		return nil
	}
	return r.jobs[len(r.jobs)-1]
}

// add gives an instance an upgrade, accepted at one time and beginning at another.
func (s *Server) add(r *record, target string, accepted, start time.Time) *job {
	s.lastTask++
	j := &job{id: s.lastTask, target: target, accepted: accepted, start: start, upgrade: r.Upgrade.withDefaults(s.options)}
	j.end = start.Add(j.upgrade.Takes)
	r.jobs = append(r.jobs, j)
	return j
}

// settle brings an instance to where the clock says that it is. Its primary comes first: that one's upgrade may take it along.
func (s *Server) settle(r *record, now time.Time) {
	if primary := s.fleet.byID[r.MasterInstanceID]; primary != nil && primary.takesReplicasAlong() {
		s.advance(primary, now)
	}
	s.advance(r, now)
}

// advance brings the instance's own upgrade to where the clock says that it is.
func (s *Server) advance(r *record, now time.Time) {
	j := r.pending()
	if j == nil {
		return
	}
	if !j.begun && !now.Before(j.start) {
		if r.takesReplicasAlong() {
			s.takeAlong(r, j)
		}
		j.begun = true
		r.DBInstanceStatus = j.upgrade.Status
	}
	if !j.begun || now.Before(j.end) {
		return
	}
	j.done = true
	r.DBInstanceStatus = running
	if !j.upgrade.Silent && !j.upgrade.Fails {
		r.CurrentKernelVersion = j.target
	}
}

// takesReplicasAlong reports whether an upgrade of the instance first upgrades its read-only instances: documented for PostgreSQL on
// cloud disks, on others nobody upgrades it, and for no other engine.
func (i Instance) takesReplicasAlong() bool {
	return i.Engine == "PostgreSQL" && i.MasterInstanceID == ""
}

// takeAlong begins, at the time at which a primary's upgrade begins, the upgrades of its read-only instances that are below the target,
// side by side, and lets the primary follow when all of them have ended. A failure of one of them is the primary's own.
func (s *Server) takeAlong(primary *record, j *job) {
	last := j.start
	for _, id := range primary.ReadOnlyDBInstanceIDs {
		replica := s.fleet.byID[id]
		if replica == nil {
			continue
		}
		s.advance(replica, j.start)
		own := s.takenAlong(replica, primary.DBInstanceID, j)
		if own == nil {
			continue
		}
		if own.end.After(last) {
			last = own.end
		}
		if own.upgrade.Fails {
			j.upgrade.Fails, j.upgrade.Reason = true, own.upgrade.Reason
		}
	}
	j.end = last.Add(j.upgrade.Takes)
}

// takenAlong returns the upgrade of a read-only instance that its primary has to wait for: the one that is running there, or a new one
// if the instance is below the target. One that is scheduled there is cancelled. An instance that cannot be upgraded now stays.
func (s *Server) takenAlong(r *record, primary string, with *job) *job {
	pending := r.pending()
	if pending != nil && pending.begun {
		return pending
	}
	order, comparable := compareVersions(r.CurrentKernelVersion, with.target)
	if !comparable || order >= 0 || r.DBInstanceStatus != running || r.LockMode != unlocked {
		return nil
	}
	if pending != nil {
		pending.cancel(with.start)
	}
	own := s.add(r, with.target, with.start, with.start)
	own.begun = true
	r.DBInstanceStatus, r.RestartedBy = own.upgrade.Status, primary
	return own
}

func (j *job) cancel(now time.Time) { j.done, j.canceled, j.end = true, true, now }

// CancelUpgrade cancels the upgrade that is scheduled for an instance, as somebody does in the console, and reports whether there was
// one. An upgrade that has begun cannot be cancelled.
func (s *Server) CancelUpgrade(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.fleet.byID[id]
	if r == nil {
		return false
	}
	s.settle(r, s.options.Now())
	j := r.pending()
	if j == nil || j.begun {
		return false
	}
	j.cancel(s.options.Now())
	return true
}

// scheduleInConsole lets somebody else have scheduled an upgrade of the instance to its latest version, where Upgrade.Scheduled says so
// and there is something to upgrade to.
func (s *Server) scheduleInConsole(r *record) {
	target, code := s.target(r.Instance, "")
	if r.Upgrade.Scheduled == 0 || !r.supportsUpgrade() || code != "" {
		return
	}
	now := s.options.Now()
	s.add(r, target, now, now.Add(r.Upgrade.Scheduled))
}
