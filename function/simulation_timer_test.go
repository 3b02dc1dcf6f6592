package main_test

import (
	"fmt"
	"time"

	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
)

// ticks is the timer: every five minutes, but some are lost, and most of those at which nothing is to be done.
func (s *theatre) ticks() {
	for quiet := (calm{}); ; {
		time.Sleep(5 * time.Minute)
		s.mu.Lock()
		over := s.over
		skip := quiet.goesOn(s) || s.chance("tick") < s.lost || s.idle() && s.chance("idle") < 0.95
		s.mu.Unlock()
		switch {
		case over:
			return
		case !skip:
			s.all.Go(s.tick)
		}
	}
}

// calm is a time in which ticks find nothing to do. The longer it lasts, the more of them are lost.
type calm struct {
	number       int64 // of the document
	stirred      int
	slots, until int
}

// goesOn reports whether this tick is lost in the calm.
func (c *calm) goesOn(s *theatre) bool {
	if s.newest.Number != c.number || s.stirred != c.stirred {
		*c = calm{number: s.newest.Number, stirred: s.stirred, until: 1}
	}
	if c.slots++; c.slots < c.until {
		return true
	}
	c.until = c.slots + min(c.slots, 12)
	return false
}

// idle reports whether a tick would find nothing to do.
func (s *theatre) idle() bool {
	p := plan.On(s.newest, plan.Setting{Now: time.Now().UTC().Truncate(time.Second), Policy: s.process.policy, Region: region})
	return len(p.Flights()) == 0 && len(p.Openings()) == 0 && len(p.Turn()) == 0 && len(plan.Unpublished(s.newest)) == 0 &&
		len(s.newest.ToArchive()) == 0 && s.process.policy.Mode == policy.Apply && !s.newest.Old(time.Now())
}

func (s *theatre) tick() {
	s.mu.Lock()
	before, alone := s.visits, s.active == 0
	stirred := s.stirred
	front, statuses := plan.Front(s.newest), s.statuses()
	s.mu.Unlock()
	event := `{"triggerTime":"` + time.Now().UTC().Format(time.RFC3339) + `","triggerName":"tick","payload":"{\"kind\":\"tick\"}"}`
	v, ok := s.invoke("tick", event, fmt.Sprintf("1-tick-%d", time.Now().Unix()), 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok && alone && s.patient() && s.visits == before+1 && !v.troubled && len(s.storms) == 0 && s.stirred == stirred && front != nil && s.statuses() == statuses {
		s.checkProgress(v, front)
	}
}

// statuses returns those of all instances.
func (s *theatre) statuses() (all string) {
	for _, i := range s.rds.Instances() {
		all += i.DBInstanceStatus + " "
	}
	return all
}

// patient reports whether an invocation has time enough for all that it may have to do.
func (s *theatre) patient() bool { return s.tale.timeout >= time.Minute && s.slow <= time.Second }

// settle lets all of it come to an end: nothing happens any more but ticks.
func (s *theatre) settle() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.all.Wait()
	s.trouble, s.lost, s.crowded, s.storms, s.second, s.ambushes = 0, 0, 0, nil, nil, nil
	s.tale.timeout, s.slow = 10*time.Minute, 20*time.Millisecond
	setting := s.process.setting
	setting.mode = ""
	s.process = s.begin(setting)
	quiet := calm{}
	for until := time.Now().Add(60 * 24 * time.Hour); time.Now().Before(until) && s.visits < mostVisits; time.Sleep(5 * time.Minute) {
		if s.settled() {
			return
		}
		if !quiet.goesOn(s) && !s.idle() {
			s.tick()
		}
	}
}

// settled reports whether nothing is left to be done.
func (s *theatre) settled() bool {
	d := s.newest
	for _, r := range d.Rollouts {
		if !r.Ended() || r.Archived.IsZero() {
			return false
		}
	}
	return inFlight(d) == 0 && len(plan.Unpublished(d)) == 0
}
