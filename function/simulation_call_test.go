package main_test

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/version"
	"rds-kernel-upgrade/function/internal/window"
	"rds-kernel-upgrade/local/fakerds"
)

const kernelCall = "UpgradeDBInstanceKernelVersion"

// outgoing is one upgrade call of an invocation.
type outgoing struct {
	instance string
	over     bool // it is not on its way any more, answered or not
	accepted bool
	failed   bool // it was refused for good, and the function knows
}

// sighting is what a listing of a region has shown.
type sighting struct {
	at        time.Time
	upgrading []string
}

// upgradeStatuses are those that an instance has during an upgrade, where it shows one.
var upgradeStatuses = []string{"EngineVersionUpgrading", "TRANSING"}

// upgrading reports whether RDS shows an instance in an upgrade.
func (s *theatre) upgrading(id string) bool {
	i, _ := s.rds.Instance(id)
	return slices.Contains(upgradeStatuses, i.DBInstanceStatus)
}

func (s *theatre) watchListing(e *errand) {
	q := e.request.URL.Query()
	if q.Get("Engine") != "" || q.Get("Tags") != "" || q.Get("DBInstanceId") != "" {
		return
	}
	seen := sighting{at: time.Now()}
	for _, i := range s.rds.Instances() {
		if i.RegionID == q.Get("RegionId") && s.upgrading(i.DBInstanceID) {
			seen.upgrading = append(seen.upgrading, i.DBInstanceID)
		}
	}
	e.visit.listed[q.Get("RegionId")] = seen
}

// watchSend asks what must hold when a call leaves the process.
func (s *theatre) watchSend(e *errand) {
	own := e.visit.wrote[e.about]
	if own == nil {
		s.blame(1, "%s is called without an intent of the invocation", e.about)
		return
	}
	s.tell("%s calls %s of rollout %s: %s %s", e.visit.name, e.about, own.rollout, e.request.URL.Query().Get("UpgradeTime"), e.request.URL.Query().Get("SwitchTime"))
	if now := time.Now(); now.After(own.at.Add(time.Duration(e.process.policy.Verify.First))) {
		s.blame(1, "%s is called %s after its intent", e.about, now.Sub(own.at))
	}
	if why := s.ended[own.rollout]; why != "" {
		s.blame(12, "%s of rollout %s is called after %s", e.about, own.rollout, why)
	}
	s.watchGate(e, own)
	s.watchTime(e)
	e.visit.calls[own.rollout] = append(e.visit.calls[own.rollout], &outgoing{instance: e.about})
}

// watchGate asks whether a call may be made beside the others, and after those that have failed.
func (s *theatre) watchGate(e *errand, own *intent) {
	if own.allowed < 0 {
		return
	}
	failed, open, accepted := 0, 0, 0
	for _, c := range e.visit.calls[own.rollout] {
		switch {
		case c.failed:
			failed++
		case c.accepted:
			accepted++
		case !c.over:
			open++
		}
	}
	if failed > own.allowed {
		s.blame(7, "%s of rollout %s is called after %d refusals, and %d may fail", e.about, own.rollout, failed, own.allowed)
	}
	if own.allowed == 0 && accepted == 0 && open > 0 {
		s.blame(7, "%s of rollout %s is called beside another one, and none was accepted so far", e.about, own.rollout)
	}
}

// watchTime asks whether the restart may be when it will be.
func (s *theatre) watchTime(e *errand) {
	q, now := e.request.URL.Query(), time.Now()
	check := func(at time.Time) {
		if !s.calendar.Permits(at) {
			s.blame(4, "%s %s %s is outside: %s", e.about, q.Get("UpgradeTime"), at.UTC(), s.calendar.Why(at))
		}
	}
	i, _ := s.rds.Instance(e.about)
	switch q.Get("UpgradeTime") {
	case "Immediate":
		check(now)
	case "SpecifyTime":
		at, _ := time.Parse(time.RFC3339, q.Get("SwitchTime"))
		check(at)
	case "MaintainTime":
		m, _ := window.ParseMaintenance(i.MaintainTime)
		from, to := m.Next(now)
		if !from.After(now) { // it may begin in the next one
			_, to = m.Next(to)
		}
		for at := from; at.Before(to); at = at.Add(10 * time.Minute) {
			if in, _ := m.Next(at); !at.Before(now) && !in.After(at) {
				check(at)
			}
		}
	}
}

// watchArrival asks what must hold when a call reaches RDS.
func (s *theatre) watchArrival(e *errand) {
	own := e.visit.wrote[e.about]
	i, found := s.rds.Instance(e.about)
	if own == nil || !found {
		return
	}
	r := s.rolloutOf(own.rollout)
	target := cmp.Or(e.request.URL.Query().Get("TargetMinorVersion"), i.LatestKernelVersion)
	if order, known := version.Compare(target, i.CurrentKernelVersion); !known || order < 0 && len(s.foreign[e.about]) == 0 {
		s.blame(5, "%s is called from %s to %s", e.about, i.CurrentKernelVersion, target)
	}
	for _, v := range taleVersions {
		bad := v.StatusDesc != "" || v.ExpireStatus != "" || v.ReleaseType != ""
		if v.MinorVersion == target && bad {
			s.blame(5, "%s is called to %s, which is none to go to", e.about, target)
		}
	}
	if made, known := version.Date(target); known && own.at.Sub(made) < 14*24*time.Hour && r.Severity != "critical" {
		s.blame(5, "%s is called to %s, which is too young", e.about, target)
	}
	if r.Request.Fleet != nil {
		s.watchReplicas(e.about, i, target, r)
	}
}

// watchReplicas asks whether the replicas of a primary have gone before it.
func (s *theatre) watchReplicas(id string, i fakerds.Instance, target string, r *state.Rollout) {
	for _, other := range s.rds.Instances() {
		if other.MasterInstanceID != id {
			continue
		}
		enough := target
		if i.Engine != fleet.PostgreSQL && r.Request.Fleet.Advisory != nil {
			enough = r.Request.Fleet.Advisory.Affected[0].FixedIn // a replica that is not affected needs no upgrade
		}
		if !version.Reached(other.CurrentKernelVersion, enough) {
			s.blame(6, "%s is called before its replica %s, which runs %s", id, other.DBInstanceID, other.CurrentKernelVersion)
		}
	}
}

// watchAnswer takes down what RDS has answered to a call.
func (s *theatre) watchAnswer(e *errand, status int) {
	s.stirred++
	s.tell("RDS answers %d to the call of %s by %s", status, e.about, e.visit.name)
	i, _ := s.rds.Instance(e.about)
	if strings.HasPrefix(i.Upgrade.Refuse, "Throttling") {
		e.visit.troubled = true // all calls get fewer
	}
	own := e.visit.wrote[e.about]
	if own == nil || status != 200 {
		return
	}
	key := own.rollout + " " + e.about
	if s.taken[key]++; s.taken[key] > 1 {
		s.blame(1, "%s is accepted a second time in rollout %s", e.about, own.rollout)
	}
	if s.rolloutOf(own.rollout).Request.Upgrade.WithReplicas {
		for _, replica := range i.ReadOnlyDBInstanceIDs {
			s.along[replica] = true
		}
	}
	r, m := s.newest.Flight(e.about)
	if m == nil || r.ID != own.rollout || !m.Call.At.Equal(own.at) {
		s.blame(1, "%s is accepted for rollout %s, and the document does not have it in flight", e.about, own.rollout)
	}
}

// learn takes down what the process gets to know of a call.
func (s *theatre) learn(e *errand, status int, trouble string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := e.visit.wrote[e.about]
	if own == nil {
		return
	}
	for _, c := range e.visit.calls[own.rollout] {
		if c.instance == e.about && !c.over {
			c.accepted = status == 200
			i, _ := s.rds.Instance(e.about)
			c.failed = status/100 == 4 && trouble == "" && (i.Upgrade.Refuse == "Forbidden.RAM" || strings.HasPrefix(i.Upgrade.Refuse, "InvalidMinor"))
		}
	}
}

// watchReturn takes down that the process has got an answer to a call, or waits for none any more.
func (s *theatre) watchReturn(e *errand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if own := e.visit.wrote[e.about]; e.action == kernelCall && own != nil {
		for _, c := range e.visit.calls[own.rollout] {
			c.over = c.over || c.instance == e.about
		}
	}
}

// rolloutOf returns a rollout as it was seen last, whether or not it still stands in the document.
func (s *theatre) rolloutOf(id string) *state.Rollout { return s.rollouts[id] }

// checkProgress asks, after a tick that nothing has disturbed, whether what could begin has begun: nobody is left waiting for nothing, and a
// critical advisory is not kept waiting by others. The front is the rollout whose turn it was before the tick.
func (s *theatre) checkProgress(v *visit, front *state.Rollout) {
	d := s.newest
	r := plan.Front(d)
	if v.process.policy.Mode != policy.Apply || r == nil || r.ID != front.ID {
		return
	}
	if r.State == state.Waiting {
		s.blame(13, "rollout %s (%s) is at the front, and has not opened", r.ID, r.Severity)
		return
	}
	if inFlight(d) > 0 || firstPending(r) != firstPending(front) || s.busy() {
		return
	}
	for n := range r.Members {
		if m := &r.Members[n]; m.State == state.Pending && m.Wave == firstPending(r) && s.callable(m) && s.waited(r, m.Wave, v.process.policy) {
			s.blame(13, "%s of rollout %s (%s) could be called, and nothing is", m.DBInstanceID, r.ID, r.Severity)
		}
	}
}

// busy reports whether RDS shows any instance at work, for which a budget may keep a place.
func (s *theatre) busy() bool {
	return slices.ContainsFunc(s.rds.Instances(), func(i fakerds.Instance) bool {
		return !slices.Contains([]string{"Running", "Stopped"}, i.DBInstanceStatus)
	})
}

func firstPending(r *state.Rollout) (wave int) {
	for _, m := range r.In(state.Pending) {
		if wave == 0 || m.Wave < wave {
			wave = m.Wave
		}
	}
	return wave
}

// callable reports whether nothing keeps an instance from being called.
func (s *theatre) callable(m *state.Member) bool {
	i, found := s.rds.Instance(m.DBInstanceID)
	return found && i.DBInstanceStatus == "Running" && i.Upgrade.Refuse == "" && len(s.foreign[m.DBInstanceID]) == 0 && i.Upgrade.Status != "Running" && s.taken[i.DBInstanceID] == 0 && i.RestartedBy == ""
}

// waited reports whether the bake before a wave is surely over.
func (s *theatre) waited(r *state.Rollout, wave int, p policy.Policy) bool {
	return wave == 1 || time.Now().After(s.bakedFrom(r, wave).Add(bakeOf(r.Request, r.Severity, p)+5*time.Second))
}

// bakeOf returns how long a proven wave of a rollout has to run.
func bakeOf(r events.Request, severity string, p policy.Policy) time.Duration {
	if asked := r.Fleet.Rollout.Bake; asked != nil {
		return *asked
	}
	return time.Duration(*p.Pace(severity).Bake)
}
