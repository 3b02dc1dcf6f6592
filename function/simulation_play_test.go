package main_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/window"
	"rds-kernel-upgrade/local/fakerds"
)

// theatre is the stage on which a tale is played, and who watches it.
type theatre struct {
	*world
	tale
	calendar *window.Calendar // nil: any time is permitted
	random   *rand.Rand       // of the main thread

	mu       sync.Mutex // held while a service answers and while something is watched
	story    []string
	wrong    []string
	fates    map[string]int // how many requests of one kind there were
	storms   []storm
	ambushes []deed       // what waits for the next intents
	process  *taleProcess // the newest one
	second   *taleProcess // another one beside it, nil if there is none
	born     int          // processes
	visits   int          // invocations so far
	active   int          // invocations under way
	stirred  int          // how often something has happened that a tick may have to do with
	over     bool         // the script has ended
	all      sync.WaitGroup

	letters []*letter
	foreign map[string][]string // what people have asked RDS for, by instance
	deleted map[string]bool
	records
}

// process is one process of the function, with the policy that it has read.
type taleProcess struct {
	s        *theatre
	name     string
	function *function.Function
	setting  taleSetting
	policy   policy.Policy
	dead     bool
	running  map[*visit]context.CancelFunc
}

// visit is one invocation.
type visit struct {
	process  *taleProcess
	name     string
	troubled bool
	listed   map[string]sighting    // by region: what the latest listing has shown
	calls    map[string][]*outgoing // by rollout
	looked   time.Time              // when RDS answered last
	wrote    map[string]*intent     // the intents that it has written, by instance
}

// letter is one message that asks for something.
type letter struct {
	id, body, event, what string
	rollout               string // that it would begin
	timer                 bool
	sent                  time.Time
	acknowledged          bool
}

type visitKey struct{}

// play plays a tale to its end, and returns what went wrong.
func (d tale) play(t *testing.T) []string {
	t.Helper()
	s := &theatre{
		world: newWorld(t, d.policy.text(), func(o *fakerds.Options) { o.OtherTaskIDs = d.otherID }), tale: d, random: rand.New(rand.NewPCG(d.seed, 1)),
		fates: map[string]int{}, foreign: map[string][]string{}, deleted: map[string]bool{}, records: newRecords(),
	}
	s.hasty = true
	s.rds.AddVersion(taleVersions...)
	s.rds.Add(d.fleet...)
	for _, i := range d.fleet {
		if i.Upgrade.Scheduled > 0 {
			s.foreign[i.DBInstanceID] = append(s.foreign[i.DBInstanceID], "scheduled before the tale")
		}
	}
	for _, i := range d.fleet {
		if i.DBInstanceStatus == "Backingup" { // no backup takes for ever
			s.all.Go(func() { s.later(time.Duration(s.seed%20)*time.Hour, func() { s.rds.Update(i.DBInstanceID, wake) }) })
		}
	}
	s.newest = s.document()
	s.process = s.begin(d.policy)
	s.calendar = calendarOf(s.process.policy)
	s.all.Go(s.ticks)
	for _, next := range d.script {
		time.Sleep(next.after)
		s.do(next)
	}
	time.Sleep(time.Hour)
	s.settle()
	s.checkEnd()
	if len(s.wrong) == 0 {
		return nil
	}
	return append(append(s.wrong, "the story:"), s.story[max(0, len(s.story)-storyLines):]...)
}

// mostVisits is how many invocations a tale may have. One that goes on for ever has more.
const mostVisits = 3000

// storyLines is how many lines of a story are printed.
const storyLines = 400

func calendarOf(p policy.Policy) *window.Calendar {
	return p.Windows.Calendar(time.LoadLocation, func(string, string) {}) // it was read before
}

// tell writes a line of the story. The caller holds the lock, or nothing else is under way.
func (s *theatre) tell(format string, args ...any) {
	s.story = append(s.story, time.Now().UTC().Format("02 15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// blame writes down that a promise was broken.
func (s *theatre) blame(promise int, format string, args ...any) {
	text := fmt.Sprintf("(%d) ", promise) + fmt.Sprintf(format, args...)
	s.tell("!!! %s", text)
	s.wrong = append(s.wrong, time.Now().UTC().Format("02 15:04:05 ")+text)
}

// begin starts a process.
func (s *theatre) begin(setting taleSetting) *taleProcess {
	s.born++
	p := &taleProcess{s: s, name: fmt.Sprint("process ", s.born), setting: setting, running: map[*visit]context.CancelFunc{}}
	if err := os.WriteFile(filepath.Join(s.folder, "policy.yaml"), []byte(unlimited(setting.text())), 0o600); err != nil {
		s.tb.Fatal(err)
	}
	p.function = function.New(func(name string) string {
		switch name {
		case "MODE":
			return setting.mode
		case "LOG_LEVEL":
			return "ERROR"
		}
		return s.env[name]
	}, s.folder, time.Now, io.Discard)
	p.function.Over(p)
	var err error
	if p.policy, err = policy.Parse([]byte(setting.text()), time.LoadLocation); err != nil {
		s.tb.Fatal(err)
	}
	p.policy.Mode = policy.Stricter(p.policy.Mode, policy.Mode(setting.mode))
	s.tell("%s begins with %s", p.name, strings.ReplaceAll(fmt.Sprintf("%+v", setting), "\n", " "))
	return p
}

// kill ends a process at once. The caller holds the lock.
func (p *taleProcess) kill(why string) {
	p.s.tell("%s is killed %s", p.name, why)
	p.dead = true
	p.s.stirred++
	for _, cancel := range p.running {
		cancel()
	}
	if p == p.s.second {
		p.s.second = nil
	}
	if p == p.s.process {
		p.s.process = p.s.begin(p.setting)
	}
}

// invoke runs the function with an event, as Function Compute does, in one of the processes that there are.
func (s *theatre) invoke(name, event, requestID string, retries int) (v *visit, ok bool) {
	s.mu.Lock()
	p := s.process
	if s.second != nil && s.chance("process "+name) < 0.5 {
		p = s.second
	}
	s.visits++
	alone, number := s.active == 0, s.visits
	v = &visit{process: p, name: fmt.Sprintf("%s#%d", name, s.visits), listed: map[string]sighting{}, calls: map[string][]*outgoing{}, wrote: map[string]*intent{}}
	key := s.keys.Issue(2 * time.Hour)
	fc := &fccontext.FcContext{
		RequestID: requestID, RetryCount: retries, Region: region, AccountId: account,
		Credentials: fccontext.Credentials{AccessKeyId: key.ID, AccessKeySecret: key.Secret, SecurityToken: key.Token},
		Function:    fccontext.Function{Name: "rds-kernel-upgrade"},
	}
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), visitKey{}, v), s.tale.timeout)
	p.running[v] = cancel
	s.active++
	s.mu.Unlock()
	_, err := p.function.Handle(fccontext.NewContext(ctx, fc), []byte(event))
	cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(p.running, v)
	s.active--
	if err != nil || p.dead {
		s.tell("%s in %s ends with %v", v.name, p.name, err)
	}
	if err != nil && !p.dead && alone && s.visits == number && !v.troubled && len(s.storms) == 0 && s.patient() {
		s.blame(14, "%s fails, and nothing has disturbed it: %v", v.name, err)
	}
	return v, err == nil && !p.dead
}

// send delivers a message as often and as late as is said, and again where that fails, as Function Compute does.
func (s *theatre) send(l *letter, copies []time.Duration) {
	s.mu.Lock()
	s.letters = append(s.letters, l)
	s.tell("message %s is sent, with id %s, to come after %v: %s", l.id, l.rollout, copies, l.body)
	s.mu.Unlock()
	for n, after := range copies {
		s.all.Go(func() {
			time.Sleep(after)
			requestID := fmt.Sprintf("1-%s-%d", strings.TrimPrefix(l.id, "M"), n)
			for retries := range 4 {
				_, ok := s.invoke(l.id, l.event, requestID, retries)
				s.mu.Lock()
				s.stirred++
				l.acknowledged = l.acknowledged || ok
				s.mu.Unlock()
				if ok {
					return
				}
				time.Sleep(time.Minute << retries)
			}
		})
	}
}

// rolloutsOf returns the rollouts of the newest document that are about an advisory.
func (s *theatre) rolloutsOf(advisory string) (all []*state.Rollout) {
	for _, r := range s.newest.Rollouts {
		if plan.AdvisoryOf(r.Request) == advisory {
			all = append(all, r)
		}
	}
	return all
}
