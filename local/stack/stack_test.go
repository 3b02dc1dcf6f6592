package stack_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/stack"
	"rds-kernel-upgrade/local/tape"
	"rds-kernel-upgrade/schema"
)

// binary is the function as it is deployed, built once for all tests.
var binary string

// unit is what the first invocation of a process takes here, its start included, while as many others run as there are tests. Every limit of these
// tests is a multiple of it, and nothing that they want depends on an invocation being quick enough.
var unit time.Duration

// parallel is how many tests run at once. They wait for most of their time.
const parallel = 8

// patience is how long anything may take: a test that is wrong ends by it.
func patience() time.Duration { return 1000 * unit }

// first is verify.first: the function ends an invocation within this time of its intents.
func first() time.Duration { return max(time.Second, 3*unit) }

// quick is a policy under which nothing is waited for longer than the function must, and nothing is given up because the machine is slow.
func quick() string {
	return fmt.Sprintf(`regions: [cn-hangzhou, cn-shanghai]
verify: {first: %s, giveUp: %s}
rate: {callsPerSecond: 1000}
budget: {maxInstances: 50, maxPercent: 100}
tempo: {default: {UpgradeTime: Immediate, bake: 0s}}
`, first(), patience())
}

func TestMain(m *testing.M) {
	os.Exit(rig.WithFolder(m, func(folder string) error {
		if err := flag.Set("test.parallel", strconv.Itoa(parallel)); err != nil {
			return err
		}
		binary = filepath.Join(folder, "main")
		if err := rig.Build(binary, "../../function", rig.DeployFlags()...); err != nil {
			return err
		}
		return measure(folder)
	}))
}

// measure finds out how fast this machine is.
func measure(folder string) error {
	policy := filepath.Join(folder, "policy.yaml")
	if err := os.WriteFile(policy, []byte("mode: plan\n"), 0o600); err != nil {
		return err
	}
	var g errgroup.Group
	took := make([]time.Duration, parallel)
	for n := range took {
		g.Go(func() (err error) {
			took[n], err = invocation(policy)
			return err
		})
	}
	err := g.Wait()
	unit = slices.Max(took)
	return err
}

// invocation returns how long the first invocation of a process takes.
func invocation(policy string) (time.Duration, error) {
	s, err := stack.Start(stack.Options{Binary: binary, Now: time.Now, Env: map[string]string{"POLICY_FILE": policy}})
	if err != nil {
		return 0, err
	}
	defer s.Close(context.Background())
	s.RDS.Add(fakerds.Instance{DBInstanceID: id, CurrentKernelVersion: older, LatestKernelVersion: newer})
	result, err := s.FC.Invoke(context.Background(), []byte(plain))
	if err == nil && result.ErrorType != "" {
		err = fmt.Errorf("the first invocation: %s", result.Body)
	}
	return result.Duration, err
}

const id = "rm-bp1orders"

// cloud is a local cloud with one instance that can be upgraded, and what the tests ask of it.
type cloud struct {
	*stack.Stack
	logs   *tape.Tape
	heard  *ear
	policy string // the file
	read   []notification
}

// setup says how a test's cloud differs from the usual one.
type setup struct {
	policy   string // policy.yaml; quick if empty
	format   fakefc.TopicFormat
	instance func(i *fakerds.Instance)
	fleet    []fakerds.Instance // in place of the one instance
	fc       func(o *fakefc.Options)
	env      map[string]string
	timers   []stack.Timer
	wrap     func(c *cloud, service string, next http.Handler) http.Handler
}

func start(tb testing.TB, s setup) *cloud {
	tb.Helper()
	c := &cloud{logs: &tape.Tape{}, heard: &ear{}, policy: filepath.Join(tb.TempDir(), "policy.yaml")}
	if s.policy == "" {
		s.policy = quick()
	}
	c.decree(tb, s.policy)
	env := map[string]string{"POLICY_FILE": c.policy, "LOG_LEVEL": "DEBUG"}
	for name, value := range s.env {
		env[name] = value
	}
	var err error
	c.Stack, err = stack.Start(stack.Options{
		Binary: binary, Now: time.Now, TopicFormat: s.format, Env: env, Timers: s.timers,
		FunctionSetup: func(o *fakefc.Options) {
			o.Stdout, o.MaxAsyncRetries, o.RetryDelay = c.logs, 8, 2*unit
			if s.fc != nil {
				s.fc(o)
			}
		},
		Wrap: func(service string, next http.Handler) http.Handler {
			if s.wrap != nil {
				next = s.wrap(c, service, next)
			}
			return c.heard.listen(service, next)
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close(context.Background()) })
	c.RDS.Add(s.instances()...)
	return c
}

// instances are the one that can be upgraded, or the setup's own.
func (s setup) instances() []fakerds.Instance {
	if s.fleet != nil {
		return s.fleet
	}
	i := member(id)
	if s.instance != nil {
		s.instance(&i)
	}
	return []fakerds.Instance{i}
}

// decree writes the policy, which a process reads when it starts.
func (c *cloud) decree(tb testing.TB, policy string) {
	tb.Helper()
	if err := os.WriteFile(c.policy, []byte(policy), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// topicEvent is an event of the request topic, as Function Compute delivers it again and again.
func topicEvent(body string) []byte { return messageOf("2F5B3C082B923D4EAC694B76D9280001", body) }

// messageOf is an event of the request topic, with an id of its own.
func messageOf(id, body string) []byte {
	return fakefc.TopicEvent(fakefc.JSON, fakefc.TopicMessage{
		TopicOwner: stack.Account, TopicName: stack.RequestTopic, Subscriber: stack.Account, SubscriptionName: stack.Function,
		MessageID: id, Body: body, MD5: "D6206122A430035E4EC1463CDD704B59", PublishTime: time.Now(),
	})
}

// ticking is an event of the timer.
func ticking() []byte { return fakefc.TimerEvent(stack.TickTimer, time.Now(), stack.TickPayload) }

// deliver runs the function once with an event.
func (c *cloud) deliver(tb testing.TB, event []byte) fakefc.Result {
	tb.Helper()
	result, err := c.FC.Invoke(context.Background(), event)
	if err != nil {
		tb.Fatal(err)
	}
	return result
}

// report reads what an invocation returned.
type report struct {
	Requests []struct {
		Rollout   string           `json:"rollout"`
		Status    string           `json:"status"`
		State     string           `json:"state"`
		Problems  []string         `json:"problems"`
		Instances []map[string]any `json:"instances"`
	} `json:"requests"`
	ErrorType    string `json:"errorType"`
	ErrorMessage string `json:"errorMessage"`
}

func read(tb testing.TB, r fakefc.Result) report {
	tb.Helper()
	var v report
	if err := json.Unmarshal(r.Body, &v); err != nil {
		tb.Fatalf("%v: %s", err, r.Body)
	}
	return v
}

// notification is what a subscriber sees of one.
type notification struct {
	ID, Tag string
	Data    map[string]any
	at      time.Time // when it was published
}

// notifications returns what was published so far, each checked against the schema.
func (c *cloud) notifications(tb testing.TB) []notification {
	tb.Helper()
	for _, m := range c.MNS.Published(stack.ResultTopic)[len(c.read):] {
		if err := schema.Check([]byte(m.Body), m.Tag); err != nil {
			tb.Errorf("%v\n%s", err, m.Body)
		}
		n := notification{Tag: m.Tag, at: m.PublishTime}
		if err := json.Unmarshal([]byte(m.Body), &n); err != nil {
			tb.Fatal(err)
		}
		c.read = append(c.read, n)
	}
	return c.read
}

// ids returns the distinct ids of the notifications with a tag.
func (c *cloud) ids(tb testing.TB, tag string) []string {
	tb.Helper()
	var ids []string
	for _, n := range c.notifications(tb) {
		if (tag == "" || n.Tag == tag) && !slices.Contains(ids, n.ID) {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// tags returns what was published, but for the news about waves; what was published again under its id stands once.
func tags(all []notification) string {
	var list []string
	seen := map[string]bool{}
	for _, n := range all {
		if !seen[n.ID] && n.Tag != "wave" {
			list = append(list, n.Tag)
		}
		seen[n.ID] = true
	}
	return strings.Join(list, " ")
}

// subtest is a test of many that are alike.
type subtest struct {
	name string
	run  func(t *testing.T)
}

// atOnce runs subtests side by side, begun in this order, more of them than there are processors: most of the time they wait.
func atOnce(t *testing.T, tests []subtest) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(parallel)
	for _, test := range tests {
		g.Go(func() error {
			t.Run(test.name, test.run)
			return nil
		})
	}
	_ = g.Wait() // the subtests say what is wrong
}

func TestTheFunctionIsToldWhatADeploymentTellsIt(t *testing.T) {
	t.Parallel()
	pids := make(chan int, 1)
	c := start(t, setup{fc: func(o *fakefc.Options) { o.OnStart = func(pid int) { pids <- pid } }})
	c.deliver(t, ticking())
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", <-pids))
	if err != nil {
		t.Skip("the system does not tell a process's environment")
	}
	given := map[string]string{}
	for line := range strings.SplitSeq(string(text), "\x00") {
		name, value, _ := strings.Cut(line, "=")
		given[name] = value
	}
	for name, want := range map[string]string{
		"RESULT_TOPIC": stack.ResultTopic, "STATE_BUCKET": stack.StateBucket, "STATE_PREFIX": "", "MODE": "",
		"RDS_ENDPOINT": c.RDSURL, "MNS_ENDPOINT": c.MNSURL, "OSS_ENDPOINT": c.OSSURL,
	} {
		if given[name] != want {
			t.Errorf("%s is %q, want %q", name, given[name], want)
		}
	}
}

func TestTimersOfTheStackTickBesideEachOther(t *testing.T) {
	t.Parallel()
	c := start(t, setup{policy: "mode: off\n", timers: []stack.Timer{stack.TickEvery(unit), {Name: "nightly", Payload: plain}}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.FCURL+"/_local/tick/nightly", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusAccepted {
		t.Fatalf("%v, %v", answer, err)
	}
	ticks := map[string]int{}
	until(t, "the timers tick", func() bool {
		clear(ticks)
		for _, i := range c.FC.Invocations() {
			ticks[i.Trigger]++
			if i.Trigger == "tick" && !strings.Contains(i.Event, `"payload":"{\"kind\":\"tick\"}"`) {
				t.Fatalf("the event is %s", i.Event)
			}
		}
		return ticks["nightly"] == 1 && ticks["tick"] > 1
	})
}

func TestTwoTimersOfOneNameAreRefused(t *testing.T) {
	t.Parallel()
	_, err := stack.Start(stack.Options{Binary: binary, Now: time.Now, Timers: []stack.Timer{{Name: "nightly"}, {Name: "nightly"}}})
	if err == nil || !strings.Contains(err.Error(), `timer "nightly"`) {
		t.Errorf("got %v", err)
	}
}

func TestABinaryThatMakesNoDocumentIsRefused(t *testing.T) {
	t.Parallel()
	_, err := stack.Start(stack.Options{Binary: "/bin/false", Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), "/bin/false begin: exit status 1") {
		t.Errorf("got %v", err)
	}
}
