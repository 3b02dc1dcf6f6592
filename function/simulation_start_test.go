package main_test

import (
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/version"
)

// watchIntents asks what must hold of the calls that a document announces.
func (s *theatre) watchIntents(v *visit, prev, next *state.Document) {
	began := map[string]int{}
	for _, r := range next.Rollouts {
		old := prev.Rollout(r.ID)
		if old == nil {
			old = &state.Rollout{}
		}
		for n := range r.Members {
			m := &r.Members[n]
			was := old.Member(m.DBInstanceID)
			if m.State != state.Intent || was != nil && was.State == state.Intent && was.Call.At.Equal(m.Call.At) {
				continue
			}
			began[r.ID]++
			own := &intent{rollout: r.ID, at: m.Call.At, allowed: -1}
			if r.Request.Fleet != nil {
				own.allowed = r.Request.Fleet.Rollout.MaxFailures - r.Count(state.Failed, state.Unverified)
				s.watchFleetIntent(v, r, m)
			}
			v.wrote[m.DBInstanceID] = own
			s.watchIntent(v, r, m)
		}
	}
	if len(began) > 0 {
		s.spring()
	}
	fleets := 0
	for id := range began {
		if r := next.Rollout(id); r.Request.Fleet != nil {
			fleets++
			s.watchFront(r, prev, next)
			s.watchBudget(v, r, next)
		}
	}
	if fleets > 1 {
		s.blame(15, "document %d begins calls of %d rollouts of fleets", next.Number, fleets)
	}
}

// watchIntent asks what must hold of any call.
func (s *theatre) watchIntent(v *visit, r *state.Rollout, m *state.Member) {
	id, now := m.DBInstanceID, time.Now()
	if m.Call.At.Before(v.looked.Truncate(time.Second)) || m.Call.At.After(now) {
		s.blame(1, "the intent of %s is of %s; RDS has answered last at %s", id, m.Call.At, v.looked)
	}
	if s.taken[r.ID+" "+id] > 0 {
		s.blame(1, "%s is to be called again in rollout %s, and was accepted before", id, r.ID)
	}
	if v.process.policy.Mode != "apply" {
		s.blame(12, "%s is to be called, and the mode is %s", id, v.process.policy.Mode)
	}
	if !r.Live() {
		s.blame(12, "%s is to be called, and rollout %s is %s", id, r.ID, r.State)
	}
	fail, failed := s.fails[id]
	i, _ := s.rds.Instance(id)
	if !failed || fail.rollout == r.ID || version.Reached(i.CurrentKernelVersion, fail.target) {
		return
	}
	sent := s.letterOf(r.ID)
	told := true
	if other := s.newest.Rollout(fail.rollout); other != nil && other.Member(id) != nil {
		told = other.Member(id).Told == state.ToldEnd
	}
	if sent.timer || !sent.sent.After(fail.at) || !told {
		s.blame(11, "%s has failed at %s in rollout %s (told %t), and is to be called in rollout %s (by a timer %t) that was sent at %s", id, fail.at, fail.rollout, told, r.ID, sent.timer, sent.sent)
	}
}

// watchFleetIntent asks what must hold of a call of a rollout of a fleet.
func (s *theatre) watchFleetIntent(v *visit, r *state.Rollout, m *state.Member) {
	if failed := r.Count(state.Failed, state.Unverified); failed > r.Request.Fleet.Rollout.MaxFailures {
		s.blame(7, "%s is to be called in rollout %s, of which %d have failed", m.DBInstanceID, r.ID, failed)
	}
	proven := map[int]int{}
	before := 0
	for n := range r.Members {
		lower := &r.Members[n]
		if lower.Wave < 1 || lower.Wave >= m.Wave {
			continue
		}
		before = max(before, lower.Wave)
		if !lower.State.Terminal() {
			s.blame(3, "%s of wave %d is to be called, and %s of wave %d is %s", m.DBInstanceID, m.Wave, lower.DBInstanceID, lower.Wave, lower.State)
		}
		if lower.State == state.Proven {
			proven[lower.Wave]++
		}
	}
	if before > 0 && proven[before] == 0 {
		s.blame(3, "%s of wave %d is to be called, and none of wave %d was proven", m.DBInstanceID, m.Wave, before)
	}
	if from := s.bakedFrom(r, m.Wave); m.Call.At.Before(from.Add(bakeOf(r.Request, r.Severity, v.process.policy))) {
		s.blame(3, "%s of wave %d is to be called in the bake, which began at %s", m.DBInstanceID, m.Wave, from)
	}
}

// bakedFrom returns when the latest instance of the waves before one was proven, or has landed, whoever did it.
func (s *theatre) bakedFrom(r *state.Rollout, wave int) (from time.Time) {
	for n := range r.Members {
		if m := &r.Members[n]; m.Wave > 0 && m.Wave < wave {
			for _, at := range []time.Time{s.proofs[m.DBInstanceID], s.landed[m.DBInstanceID]} {
				if at.After(from) {
					from = at
				}
			}
		}
	}
	return from
}

// watchFront asks whether it is a rollout's turn.
func (s *theatre) watchFront(r *state.Rollout, prev, next *state.Document) {
	rank := func(severity string) int {
		return slices.Index([]string{"critical", "high", "medium", "low", ""}, severity)
	}
	for _, other := range next.Rollouts {
		if other == r || !other.Live() || other.Request.Fleet == nil {
			continue
		}
		old := prev.Rollout(other.ID)
		sooner := old != nil && old.State == state.Open && other.State == state.Open && s.letterOf(other.ID).sent.Before(s.letterOf(r.ID).sent)
		if rank(other.Severity) < rank(r.Severity) || rank(other.Severity) == rank(r.Severity) && sooner {
			s.blame(15, "rollout %s (%s) calls, and rollout %s (%s) is %s", r.ID, r.Severity, other.ID, other.Severity, other.State)
		}
	}
}

// watchBudget counts what is under way: what the document has in flight, and what RDS has shown at work when it was listed last.
func (s *theatre) watchBudget(v *visit, r *state.Rollout, next *state.Document) {
	busy := map[string]string{}
	for _, region := range []string{"cn-hangzhou", "cn-shanghai"} {
		seen, found := v.listed[region]
		if !found || time.Since(seen.at) > 10*time.Minute {
			s.blame(2, "rollout %s calls, and %s was not listed before, but at %s", r.ID, region, seen.at)
		}
		for _, id := range seen.upgrading {
			if s.upgrading(id) { // else it has ended since, and the instance was read after it was listed
				busy[id] = "upgrading"
			}
		}
	}
	for _, other := range next.Rollouts {
		for _, m := range other.In(state.Intent, state.Called) {
			busy[m.DBInstanceID] = string(m.State) + " in " + other.ID
		}
	}
	members := 0
	for n := range r.Members {
		if r.Members[n].Wave > 0 {
			members++
		}
	}
	setting := v.process.setting
	if most := max(1, min(setting.most, int(setting.percent*float64(members)/100))); len(busy) > most {
		s.blame(2, "%d are under way, and the budget of rollout %s is %d: %v", len(busy), r.ID, most, busy)
	}
}

// watchOpening asks whether the members of a rollout are what it selects.
func (s *theatre) watchOpening(v *visit, r *state.Rollout) {
	for _, other := range s.newest.WithKey(r.Key) {
		if other != r && other.Live() {
			s.blame(11, "rollout %s opens beside %s, which asks for the same", r.ID, other.ID)
		}
	}
	var want []string
	for _, i := range s.rds.Instances() {
		if s.selects(r.Request, i.RegionID, i.DBInstanceID, i.Tags) {
			want = append(want, i.DBInstanceID)
		}
	}
	s.selected[r.ID] = want
	for _, id := range want {
		if r.Member(id) == nil && !strings.HasPrefix(id, "rm-new") {
			s.blame(10, "%s is selected, and is no member of rollout %s", id, r.ID)
		}
	}
	for n := range r.Members {
		if m := &r.Members[n]; !slices.Contains(want, m.DBInstanceID) && m.State != state.LeftOut && !s.deleted[m.DBInstanceID] {
			s.blame(10, "%s is a member of rollout %s, and is not selected", m.DBInstanceID, r.ID)
		}
	}
	_ = v
}

func (s *theatre) selects(r events.Request, region, id string, tags map[string]string) bool {
	f := r.Fleet
	if f == nil {
		return id == r.Upgrade.DBInstanceID
	}
	for key, value := range f.Select.Tags {
		if tags[key] != value {
			return false
		}
	}
	return (len(f.Select.RegionIDs) == 0 || slices.Contains(f.Select.RegionIDs, region)) && (len(f.Select.DBInstanceIDs) == 0 || slices.Contains(f.Select.DBInstanceIDs, id))
}
