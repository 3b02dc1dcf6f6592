package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
)

// do lets one thing happen.
func (s *theatre) do(d deed) {
	s.mu.Lock()
	s.stirred++
	s.mu.Unlock()
	switch d.what {
	case "advisory", "sweep", "one":
		s.send(s.letter(d.what, s.fill(d.text, d.who)), d.copies)
	case "nightly":
		s.send(s.timed(d.text), d.copies)
	case "again":
		if old := s.asked(d.n); old != nil {
			s.send(s.letter(old.what, old.body), d.copies)
		}
	case "stop":
		s.send(s.letter("stop", s.stopText(d.n)), d.copies)
	case "tick":
		s.all.Go(s.tick)
	case "ambush":
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ambushes = append(s.ambushes, *d.then)
	case "storm", "policy", "mode", "restart", "second", "kill":
		s.mu.Lock()
		defer s.mu.Unlock()
		s.operate(d)
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.meddle(d, s.fleet[d.who%len(s.fleet)].DBInstanceID)
	}
}

// letter is a message on the request topic, sent now.
func (s *theatre) letter(what, body string) *letter {
	l := &letter{id: fmt.Sprintf("M%d", len(s.letters)+1), what: what, body: body, sent: time.Now()}
	l.event, l.rollout = s.event(l.id, l.body), plan.MessageID(events.MNSTopic, l.id)
	return l
}

// timed is the event of a timer that asks for something every night.
func (s *theatre) timed(body string) *letter {
	now := time.Now().UTC().Format(time.RFC3339)
	l := &letter{id: fmt.Sprintf("M%d", len(s.letters)+1), what: "nightly", body: body, sent: time.Now(), timer: true}
	payload, _ := json.Marshal(l.body) // a text
	timer := "nightly-" + l.id         // a timer has one payload, and ticks once in a second
	l.event = `{"triggerTime":"` + now + `","triggerName":"` + timer + `","payload":` + string(payload) + `}`
	l.rollout = plan.MessageID(events.Timer, timer+"@"+now)
	return l
}

// fill writes the instance and its region into a request for one.
func (s *theatre) fill(body string, who int) string {
	i := s.fleet[who%len(s.fleet)]
	return strings.NewReplacer("$id", i.DBInstanceID, "$region", i.RegionID).Replace(body)
}

// spring lets happen what waits for the next intents, in another process than theirs.
func (s *theatre) spring() {
	if len(s.ambushes) == 0 {
		return
	}
	next := s.ambushes[0]
	s.ambushes = s.ambushes[1:]
	if s.second == nil && next.what != "kill" {
		s.operate(deed{what: "second"})
	}
	s.all.Go(func() {
		time.Sleep(next.after)
		s.do(next)
	})
}

// asked returns one of the messages that have asked for an upgrade.
func (s *theatre) asked(n int) *letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*letter
	for _, l := range s.letters {
		if l.what != "stop" && l.what != "nightly" {
			all = append(all, l)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[n%len(all)]
}

func (s *theatre) stopText(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.newest.Rollouts; len(known) > 0 && n%3 > 0 {
		return fmt.Sprintf(`{"kind":"stop","rollout":"%s"}`, known[n%len(known)].ID)
	}
	for k := range s.letters { // one that was asked for
		if _, after, found := strings.Cut(s.letters[(k+n)%len(s.letters)].body, `"advisory":{"id":"`); found {
			return fmt.Sprintf(`{"kind":"stop","advisory":"%.5s"}`, after)
		}
	}
	return fmt.Sprintf(`{"kind":"stop","advisory":"SEC-%d"}`, n%5+1)
}

// operate is what whoever operates the function does, and what the cloud does to it.
func (s *theatre) operate(d deed) {
	setting := s.process.setting
	switch d.what {
	case "storm":
		s.brew(d.n)
	case "policy":
		setting.most, setting.percent = d.n%4+1, []float64{100, 50, 20}[d.n%3]
		s.process = s.begin(setting)
	case "mode":
		setting.mode = []string{"plan", "off", "", ""}[d.n%4]
		s.process = s.begin(setting)
		s.all.Go(func() { s.later(time.Duration(d.n+1)*20*time.Minute, s.apply) })
	case "restart":
		s.process = s.begin(setting)
	case "second":
		s.second = s.begin(setting)
		second := s.second
		s.all.Go(func() {
			s.later(time.Duration(d.n+1)*25*time.Minute, func() {
				if s.second == second {
					s.tell("%s gets no more events", second.name)
					s.second = nil
				}
			})
		})
	case "kill":
		s.process.kill("by somebody")
	}
}

// later does something after a while, with the lock held.
func (s *theatre) later(after time.Duration, do func()) {
	time.Sleep(after)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stirred++
	do()
}

// apply ends the time in which the mode was another.
func (s *theatre) apply() {
	if setting := s.process.setting; setting.mode != "" {
		setting.mode = ""
		s.process = s.begin(setting)
	}
}

// storm is a time in which a service fails often.
type storm struct {
	service string
	kind    string
	chance  float64
}

// brew begins a storm that passes.
func (s *theatre) brew(n int) {
	now := storm{
		[]string{"rds", "oss", "mns", "rds"}[n%4],
		[]string{string(faults.Throttle), string(faults.ServerError), "lose", "refuse", string(faults.TokenExpired)}[n%5], []float64{0.2, 0.5, 0.9}[n%3],
	}
	s.storms = append(s.storms, now)
	s.tell("a storm begins: %+v", now)
	s.all.Go(func() {
		s.later(time.Duration(n+1)*4*time.Minute, func() {
			for k, one := range s.storms {
				if one == now {
					s.storms = append(s.storms[:k:k], s.storms[k+1:]...)
					s.tell("the storm ends: %+v", now)
					return
				}
			}
		})
	})
}

// meddle is what people do to the fleet, and what RDS does by itself.
func (s *theatre) meddle(d deed, id string) {
	i, found := s.rds.Instance(id)
	if !found {
		return
	}
	s.tell("somebody does to %s (%s, %s): %s %d", id, i.DBInstanceStatus, i.CurrentKernelVersion, d.what, d.n)
	change := func(what func(i *fakerds.Instance)) { s.rds.Update(id, what) }
	switch d.what {
	case "hold":
		change(func(i *fakerds.Instance) {
			i.Tags["kernel-upgrade-hold"] = []string{"2026-11-25", "2026-11-22T20:00Z", "my reasons"}[d.n%3]
		})
	case "release":
		change(func(i *fakerds.Instance) { delete(i.Tags, "kernel-upgrade-hold") })
	case "opt":
		change(func(i *fakerds.Instance) { i.Tags["kernel-upgrade"] = []string{"auto", "no", "auto"}[d.n%3] })
	case "lock":
		change(func(i *fakerds.Instance) { i.LockMode = []string{"ManualLock", "Unlock"}[d.n%2] })
	case "reboot", "backup", "stop instance":
		s.occupy(i, map[string]string{"reboot": "Rebooting", "backup": "Backingup", "stop instance": "Stopped"}[d.what], time.Duration(d.n*d.n+1)*3*time.Minute)
	case "delete":
		if d.n < 6 {
			s.rds.Remove(id)
			s.deleted[id] = true
			s.rds.Update(i.MasterInstanceID, func(p *fakerds.Instance) {
				p.ReadOnlyDBInstanceIDs = slices.DeleteFunc(p.ReadOnlyDBInstanceIDs, func(replica string) bool { return replica == id })
			})
		}
	case "add":
		s.grow(i, d.n)
	case "by hand":
		s.upgradeByHand(i, fleet.Call{DBInstanceID: id, RegionID: i.RegionID, UpgradeTime: "Immediate"})
	case "schedule":
		at := time.Now().Add(time.Duration(math.Pow(2, float64(d.n))) * time.Minute)
		s.upgradeByHand(i, fleet.Call{DBInstanceID: id, RegionID: i.RegionID, UpgradeTime: "SpecifyTime", SwitchTime: at})
	case "cancel":
		if s.rds.CancelUpgrade(id) {
			s.tell("the upgrade that was scheduled for %s is cancelled", id)
		}
	case "refuse":
		change(func(i *fakerds.Instance) { i.Upgrade.Refuse = []string{"", "", "TaskExists", "Forbidden.RAM"}[d.n%4] })
	case "quality":
		change(func(i *fakerds.Instance) { i.Upgrade.Fails, i.Upgrade.Silent = d.n%4 == 1, d.n%4 == 2 })
	}
}

// occupy gives an instance another status for a while.
func (s *theatre) occupy(i fakerds.Instance, status string, takes time.Duration) {
	if i.DBInstanceStatus != "Running" {
		return
	}
	s.rds.Update(i.DBInstanceID, func(i *fakerds.Instance) { i.DBInstanceStatus = status })
	s.all.Go(func() {
		s.later(takes, func() {
			s.rds.Update(i.DBInstanceID, func(i *fakerds.Instance) {
				if i.DBInstanceStatus == status {
					i.DBInstanceStatus = "Running"
				}
			})
		})
	})
}

// wake ends a backup.
func wake(i *fakerds.Instance) {
	if i.DBInstanceStatus == "Backingup" {
		i.DBInstanceStatus = "Running"
	}
}

// grow adds an instance like another one to the fleet.
func (s *theatre) grow(like fakerds.Instance, n int) {
	i := like
	i.DBInstanceID, i.ReadOnlyDBInstanceIDs, i.RestartedBy, i.Upgrade.Scheduled = fmt.Sprintf("rm-new-%d", s.visits), nil, "", 0
	i.DBInstanceStatus, i.LockMode, i.DBInstanceType = "Running", "Unlock", ""
	if i.Engine == "MySQL" && n%2 == 0 {
		i.CurrentKernelVersion = "rds_20250531"
	}
	s.rds.Add(i)
}

// upgradeByHand asks RDS for an upgrade, as people do in the console.
func (s *theatre) upgradeByHand(i fakerds.Instance, call fleet.Call) {
	endpoint, err := transport.ParseEndpoint(s.env["RDS_ENDPOINT"])
	if err != nil {
		s.tb.Fatal(err)
	}
	key := s.keys.Issue(time.Hour)
	client := rds.New(transport.Over(quiet{s.world}), pace.New(1000, time.Now), &endpoint, invocation.NewCredentials(key.ID, key.Secret, key.Token))
	_, err = client.Upgrade(context.Background(), call, func() error { return nil })
	s.tell("RDS answers to %s by hand, at %s: %v", i.DBInstanceID, call.SwitchTime.UTC().Format(time.TimeOnly), err)
	if err == nil {
		s.foreign[i.DBInstanceID] = append(s.foreign[i.DBInstanceID], call.UpgradeTime)
	}
}
