package stack_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/stack"
)

var (
	soakEvents = flag.Int("soak", 60, "how many events the soak gives to one process")
	soakSeed   = flag.Uint64("soak.seed", 1, "what the soak's chances follow from")
)

// soak is one process that is given event after event, and what is known of them.
type soak struct {
	*cloud
	t      *testing.T
	random *rand.Rand
	pid    int
	expire atomic.Int32 // how many requests from now on the credentials expire
	sent   []message    // the latest ones, for those that come again
	ids    []string     // the request id of each event
	number int          // of messages and instances so far
	wanted []string     // instances that a request has asked for and nothing stands against
	prices []footprint  // of the process, in the course of time
}

// message is what a request came in.
type message struct {
	event     []byte
	instances []string
}

// footprint is what a process holds while it is frozen.
type footprint struct{ files, threads, kilobytes int }

// greater takes the greater of each.
func (f footprint) greater(g footprint) footprint {
	return footprint{max(f.files, g.files), max(f.threads, g.threads), max(f.kilobytes, g.kilobytes)}
}

// TestManyEventsInOneProcess gives one process single upgrades, sweeps, advisories, plans, nonsense, repeats and the timer, while
// calls fail in every way, credentials expire and the process is frozen after each. Nothing may grow, and nothing may be lost.
func TestManyEventsInOneProcess(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	for n := range *soakEvents {
		s.trouble(n)
		s.send(s.event(n))
		s.settle()
		if n%10 == 0 {
			s.prices = append(s.prices, s.measure())
		}
		if n%50 == 0 {
			s.noOpenConnections(t)
		}
	}
	s.goodWeather()
	s.play(t)
	s.oneProcess()
	s.noGrowth()
	s.accountsFor()
	s.clean(t)
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{t: t, random: rand.New(rand.NewPCG(*soakSeed, 0))}
	o := setup{fleet: []fakerds.Instance{}}
	o.fc = func(o *fakefc.Options) {
		o.RetryDelay = unit / 4
		o.OnStart = func(pid int) {
			if s.pid != 0 {
				t.Errorf("process %d came after process %d", pid, s.pid)
			}
			s.pid = pid
		}
	}
	o.wrap = func(c *cloud, _ string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s.expire.Add(-1) == 0 {
				c.Keys.ExpireAll()
			}
			next.ServeHTTP(w, r)
		})
	}
	s.cloud = start(t, o)
	return s
}

// settle waits until the process has dealt with the event, and is frozen again.
func (s *soak) settle() { s.t.Helper(); s.idle(s.t) }

func (s *soak) goodWeather() {
	s.expire.Store(0)
	s.RDS.Faults().Clear()
	s.MNS.Faults().Clear()
	s.OSS.Faults().Clear()
}

// trouble is the weather of one event: mostly good. A call that gets no answer at all costs its whole timeout, so that is rare.
func (s *soak) trouble(n int) {
	s.goodWeather()
	if s.random.IntN(40) == 0 {
		s.expire.Store(int32(1 + s.random.IntN(8)))
	}
	if n%50 == 0 {
		s.Keys.ExpireAll() // what earlier events brought
	}
	kinds := slices.DeleteFunc(faults.Kinds(), func(k faults.Kind) bool { return k == faults.Hang })
	set, actions := s.RDS.Faults(), []string{
		"*", upgradeCall, "ListTagResources", "DescribeDBInstanceAttribute", "DescribeDBInstances", "DescribeHistoryTasks",
	}
	switch s.random.IntN(3) {
	case 0:
		set, actions = s.MNS.Faults(), []string{"*"}
	case 1:
		set, actions = s.OSS.Faults(), []string{"*", "PutObject", "GetObject", "ListObjectsV2", "GetBucketVersioning"}
	}
	f := faults.Fault{Action: actions[s.random.IntN(len(actions))], Kind: kinds[s.random.IntN(len(kinds))], Times: 1}
	switch {
	case n%1000 == 999:
		f.Kind = faults.Hang
	case s.random.IntN(10) > 0:
		return
	case f.Kind == faults.Latency:
		f.Delay = time.Duration(s.random.IntN(30)) * time.Millisecond
	}
	set.Add(f)
}

// event is the next that happens.
func (s *soak) event(n int) message {
	switch chance := s.random.IntN(100); {
	case n%5 == 4:
		return message{event: ticking()}
	case chance < 47:
		return s.message(`{"DBInstanceId":"%s"}`, s.fresh(1))
	case chance < 53: // while another rollout is under way it begins nothing
		return s.message(`{"kind":"sweep","select":{"DBInstanceId":["%s"]},"rollout":{"waves":[{"percent":50},{"percent":100}]}}`, s.idleOne())
	case chance < 57:
		return s.message(`{"kind":"advisory","advisory":{"id":"SEC-1","affected":[{"Engine":"MySQL","EngineVersion":"8.0","fixedIn":"`+newer+`"}]},"select":{"DBInstanceId":["%s"]}}`, s.fresh(2))
	case chance < 62:
		return s.message(`{"kind":"status"}%s`, nil)
	case chance < 65:
		return s.plan()
	case chance < 70:
		return s.message(`{"kind":"sweep","select":{"RegionId":["cn-shanghai"]},"mode":"plan"}%s`, nil)
	case chance < 75:
		return s.batch()
	case chance < 80:
		return s.nonsense()
	case chance < 85:
		return s.message(`{"DBInstanceId":"%s"}`, s.anyOf()) // somebody asks for the same
	default:
		return s.again()
	}
}

// fresh adds instances that a request is to upgrade, and of which one in twenty will refuse.
func (s *soak) fresh(n int) (ids []string) {
	for range n {
		i := s.idleOne()
		s.RDS.Update(i[0], func(i *fakerds.Instance) {
			if n == 1 && s.random.IntN(20) == 0 {
				i.Upgrade.Refuse = "InvalidMinorVerison.NotFound"
			}
		})
		if i, _ := s.RDS.Instance(i[0]); i.Upgrade.Refuse == "" {
			s.wanted = append(s.wanted, i.DBInstanceID)
		}
		ids = append(ids, i[0])
	}
	return ids
}

// idleOne adds an instance.
func (s *soak) idleOne() []string {
	s.number++
	i := member(fmt.Sprintf("rm-%06d", s.number))
	i.Upgrade.Takes = time.Duration(50+s.random.IntN(200)) * time.Millisecond
	s.RDS.Add(i)
	return []string{i.DBInstanceID}
}

// plan is a request that changes nothing.
func (s *soak) plan() message {
	return s.message(`{"mode":"plan","DBInstanceId":"`+s.idleOne()[0]+`"}%s`, nil)
}

// anyOf gives an instance that an earlier message was about, or a new one.
func (s *soak) anyOf() []string {
	for range s.sent {
		if m := s.sent[s.random.IntN(len(s.sent))]; len(m.instances) > 0 {
			return m.instances[:1]
		}
	}
	return s.fresh(1)
}

// message puts a request into one of the envelopes.
func (s *soak) message(format string, instances []string) message {
	body := fmt.Sprintf(format, strings.Join(instances, `","`))
	return s.remember(message{s.envelope(body), instances})
}

func (s *soak) envelope(body string) []byte {
	s.number++
	m := fakefc.TopicMessage{
		TopicOwner: stack.Account, TopicName: stack.RequestTopic, Subscriber: stack.Account, SubscriptionName: stack.Function,
		MessageID: fmt.Sprintf("M%06d", s.number), Body: body, PublishTime: time.Now(),
	}
	switch s.random.IntN(4) {
	case 0:
		return fakefc.TopicEvent(fakefc.STREAM, m)
	case 1:
		return fakefc.TimerEvent(fmt.Sprint("timer-", s.number), time.Now(), body)
	default:
		return fakefc.TopicEvent(fakefc.JSON, m)
	}
}

// batch is a batch from a queue: two requests, and one that is none.
func (s *soak) batch() message {
	at, ids := time.Now(), s.fresh(2)
	bodies := []string{`{"DBInstanceId":"` + ids[0] + `"}`, "nonsense", `{"DBInstanceId":"` + ids[1] + `"}`}
	var all []fakefc.QueueMessage
	for n, body := range bodies {
		s.number++
		all = append(all, fakefc.QueueMessage{ID: strconv.Itoa(n), RequestID: "r", MessageID: fmt.Sprintf("M%06d", s.number), Body: body, Sent: at, Published: at})
	}
	trigger := fakefc.QueueTrigger{Name: "q", Account: stack.Account, Region: stack.Region, Queue: "requests"}
	return s.remember(message{fakefc.QueueEvent(trigger, all...), ids})
}

// nonsense is an event that is no request.
func (s *soak) nonsense() message {
	all := []string{
		"", "null", "[]", `{"DBInstanceId":7}`, `{"DBInstanceID":"rm-1"}`, `{"kind":"sweep","select":{}`, strings.Repeat("[", 5000), "\xff\xfe",
		`{"kind":"advisory","advisory":{"id":"A"}}`,
	}
	text := all[s.random.IntN(len(all))]
	if s.random.IntN(2) == 0 {
		return message{event: s.envelope(text)}
	}
	return message{event: []byte(text)}
}

// again is an event that has been here before, or a plan if none has.
func (s *soak) again() message {
	if len(s.sent) == 0 {
		return s.plan()
	}
	return s.sent[s.random.IntN(len(s.sent))]
}

func (s *soak) remember(m message) message {
	const most = 40
	if s.sent = append(s.sent, m); len(s.sent) > most {
		s.sent = s.sent[1:]
	}
	return m
}

func (s *soak) send(m message) {
	s.t.Helper()
	id, err := s.FC.InvokeAsync(stack.RequestTopic, m.event)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ids = append(s.ids, id)
}

// measure looks at the process, which is frozen.
func (s *soak) measure() footprint {
	s.t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid))
	status, err2 := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil || err2 != nil {
		s.t.Skip("the system does not tell what a process holds")
	}
	field := func(name string) (n int) {
		_, rest, _ := bytes.Cut(status, []byte("\n"+name+":"))
		n, _ = strconv.Atoi(string(bytes.Fields(rest)[0]))
		return n
	}
	return footprint{len(open), field("Threads"), field("VmRSS")}
}

// oneProcess fails unless one process has answered every event, at last without an error.
func (s *soak) oneProcess() {
	s.t.Helper()
	last, processes, errors := map[string]fakefc.Invocation{}, map[string]int{}, 0
	for _, i := range s.FC.Invocations() {
		last[i.RequestID] = i
		processes[i.InstanceID]++
		if i.ErrorType != "" {
			errors++
		}
		if i.End != fakefc.Answered {
			s.t.Errorf("an invocation %s: %s", i.End, i.Event)
		}
	}
	for _, i := range last {
		if i.ErrorType != "" {
			s.t.Errorf("an event was given up: %s %s", i.Event, i.Body)
		}
	}
	if len(processes) != 1 || len(s.FC.Dropped()) > 0 {
		s.t.Errorf("there were the processes %v, and %d events were dropped", processes, len(s.FC.Dropped()))
	}
	s.t.Logf("seed %d: %d invocations of one process, %d of them ended in an error and were repeated", *soakSeed, len(s.FC.Invocations()), errors)
}

// What a process may have grown by when the last tenth of its events is compared with the first two. One that is frozen in the middle of
// closing a broken connection still has it; the runtime adds a thread when all others happen to be in the kernel; the document, which the process
// reads at each event, has a week's messages, and is held several times while it is read and written.
const (
	moreFiles     = 2
	moreThreads   = 2
	moreKilobytes = 2 << 10
	copies        = 10 // of the document
)

// noGrowth compares the process with itself.
func (s *soak) noGrowth() {
	s.t.Helper()
	tenth := max(1, len(s.prices)/10)
	var tenths []footprint
	for part := range slices.Chunk(s.prices, tenth) {
		var most footprint
		for _, f := range part {
			most = most.greater(f)
		}
		tenths = append(tenths, most)
		s.t.Logf("after %5d events: at most %d files and sockets, %d threads, %d KB resident", min(len(tenths)*tenth*10, *soakEvents), most.files, most.threads, most.kilobytes)
	}
	if len(tenths) < 3 {
		return
	}
	early, late := tenths[0].greater(tenths[1]), tenths[len(tenths)-1]
	more := moreKilobytes + copies*len(s.document(s.t).Text)>>10
	if late.files > early.files+moreFiles || late.threads > early.threads+moreThreads || late.kilobytes > early.kilobytes+more {
		s.t.Errorf("from %+v it has grown to %+v", early, late)
	}
}

// accountsFor fails unless every message has one account, and every instance that could be upgraded was: called once, and published once.
func (s *soak) accountsFor() {
	s.t.Helper()
	told := map[string][]string{} // by what, rollout and instance: the ids
	notifications := s.notifications(s.t)
	for _, n := range notifications {
		about := n.Data["rollout"]
		switch n.Tag {
		case "report", "rejected":
			n.Tag = "account"
		default:
			about = n.Data["DBInstanceId"]
		}
		if key := fmt.Sprint(n.Tag, about); !slices.Contains(told[key], n.ID) {
			told[key] = append(told[key], n.ID)
		}
	}
	rollouts := s.rollouts()
	for _, rollout := range rollouts {
		if ids := told["account"+rollout]; len(ids) != 1 {
			s.t.Errorf("message %s has the accounts %v, want one\n%s", rollout, ids, s.log(rollout))
		}
	}
	accepted := s.accepted()
	for _, id := range s.wanted {
		for _, tag := range []string{"accepted", "completed"} {
			if ids := told[tag+id]; accepted[id] != 1 || len(ids) != 1 {
				s.t.Errorf("%s: %d calls accepted, %s is published as %v\n%s", id, accepted[id], tag, ids, s.log(id))
			}
		}
	}
	for id, times := range accepted {
		if times != 1 {
			s.t.Errorf("%s: %d calls accepted", id, times)
		}
	}
	s.t.Logf("%d messages, each with one account; %d instances, each called and published once; %d notifications; %d calls of RDS; document %d",
		len(rollouts), len(accepted), len(notifications), len(s.RDS.Calls()), s.document(s.t).Number)
}

// log gives what the function has logged of something.
func (s *soak) log(about string) string {
	var lines []string
	for line := range strings.Lines(s.logs.String()) {
		if strings.Contains(line, about) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// rollouts returns the names of the messages that the function has answered for.
func (s *soak) rollouts() (all []string) {
	s.t.Helper()
	seen := map[string]bool{}
	for _, i := range s.FC.Invocations() {
		var r report
		if i.ErrorType != "" || strings.Contains(i.Event, `"triggerName":"tick"`) {
			continue
		}
		if err := json.Unmarshal([]byte(i.Body), &r); err != nil {
			s.t.Fatal(err)
		}
		for _, request := range r.Requests {
			if !seen[request.Rollout] {
				seen[request.Rollout] = true
				all = append(all, request.Rollout)
			}
		}
	}
	return all
}
