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
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/stack"
	"rds-kernel-upgrade/local/tape"
	"rds-kernel-upgrade/schema"
)

// binary is the function as it is deployed, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	os.Exit(rig.WithFolder(m, func(folder string) error {
		if err := flag.Set("test.parallel", "8"); err != nil { // they wait for most of their time
			return err
		}
		binary = filepath.Join(folder, "main")
		return rig.Build(binary, "../../function", rig.DeployFlags()...)
	}))
}

const id = "rm-bp1orders"

// cloud is a local cloud with one instance that can be upgraded, and what the tests ask of it.
type cloud struct {
	*stack.Stack
	logs   *tape.Tape
	heard  *ear
	policy string // the file
}

// setup says how a test's cloud differs from the usual one.
type setup struct {
	policy   string // policy.yaml
	format   fakefc.TopicFormat
	instance func(i *fakerds.Instance)
	fleet    []fakerds.Instance // in place of the one instance
	rds      func(o *fakerds.Options)
	fc       func(o *fakefc.Options)
	env      map[string]string // without it there is no follow-up queue, and "accepted" is a request's last word
	queue    func(a *fakemns.QueueAttributes)
	timers   []stack.Timer
	wrap     func(c *cloud, service string, next http.Handler) http.Handler
}

// quick is a policy under which a doubt is over soon.
const quick = "verify: {first: 300ms}\nrate: {callsPerSecond: 1000}\n"

func start(tb testing.TB, s setup) *cloud {
	tb.Helper()
	c := &cloud{logs: &tape.Tape{}, heard: &ear{}, policy: filepath.Join(tb.TempDir(), "policy.yaml")}
	c.decree(tb, s.policy)
	env := map[string]string{"POLICY_FILE": c.policy, "FOLLOWUP_QUEUE": "", "LOG_LEVEL": "DEBUG"}
	for name, value := range s.env {
		env[name] = value
	}
	var err error
	c.Stack, err = stack.Start(stack.Options{
		Binary: binary, Now: time.Now, TopicFormat: s.format, Env: env, Timers: s.timers,
		FunctionSetup: func(o *fakefc.Options) {
			o.Stdout, o.RetryDelay = c.logs, 200*time.Millisecond
			if s.fc != nil {
				s.fc(o)
			}
		},
		RDSSetup: s.rds, FollowUpSetup: s.queue,
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
	i := fakerds.Instance{
		DBInstanceID: id, CurrentKernelVersion: "rds_20240101", LatestKernelVersion: "rds_20260228",
		Upgrade: fakerds.Upgrade{Takes: time.Hour},
	}
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
func topicEvent(body string) []byte {
	return fakefc.TopicEvent(fakefc.JSON, fakefc.TopicMessage{
		TopicOwner: stack.Account, TopicName: stack.RequestTopic, Subscriber: stack.Account, SubscriptionName: stack.Function,
		MessageID: "2F5B3C082B923D4EAC694B76D9280001", Body: body, MD5: "D6206122A430035E4EC1463CDD704B59", PublishTime: time.Now(),
	})
}

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

// calls counts the upgrade calls, and those of them that RDS accepted.
func (c *cloud) calls() (all, accepted int) {
	for _, call := range c.RDS.CallsOf("UpgradeDBInstanceKernelVersion") {
		all++
		if call.Accepted {
			accepted++
		}
	}
	return all, accepted
}

// notification is what a subscriber sees of one.
type notification struct {
	ID, Tag string
	Data    map[string]any
	at      time.Time // when it was published
}

// notifications gives what was published so far, each checked against the schema.
func (c *cloud) notifications(tb testing.TB) []notification {
	tb.Helper()
	var all []notification
	for _, m := range c.MNS.Published(stack.ResultTopic) {
		if err := schema.Check([]byte(m.Body), m.Tag); err != nil {
			tb.Errorf("%v\n%s", err, m.Body)
		}
		n := notification{Tag: m.Tag, at: m.PublishTime}
		if err := json.Unmarshal([]byte(m.Body), &n); err != nil {
			tb.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// ids gives the distinct ids of the notifications with a tag.
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

func tags(all []notification) string {
	var list []string
	seen := map[string]bool{}
	for _, n := range all {
		if !seen[n.ID] { // what is told again under its id is told once
			list = append(list, n.Tag)
		}
		seen[n.ID] = true
	}
	return strings.Join(list, " ")
}

// tagsOf gives the claim on the instance.
func (c *cloud) claim() string {
	i, _ := c.RDS.Instance(id)
	return i.Tags["kernel-upgrade-claim"]
}

// environment reads what the function's process was given.
func environment(t *testing.T, env map[string]string) map[string]string {
	t.Helper()
	pids := make(chan int, 1)
	c := start(t, setup{policy: quick, env: env, fc: func(o *fakefc.Options) { o.OnStart = func(pid int) { pids <- pid } }})
	c.deliver(t, []byte(plain))
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", <-pids))
	if err != nil {
		t.Skip("the system does not tell a process's environment")
	}
	given := map[string]string{}
	for line := range strings.SplitSeq(string(text), "\x00") {
		name, value, _ := strings.Cut(line, "=")
		given[name] = value
	}
	return given
}

func TestTheFunctionIsToldWhatADeploymentTellsIt(t *testing.T) {
	t.Parallel()
	given := environment(t, map[string]string{"FOLLOWUP_QUEUE": stack.FollowUps})
	if given["RESULT_TOPIC"] != stack.ResultTopic || given["FOLLOWUP_QUEUE"] != stack.FollowUps || !strings.HasPrefix(given["RDS_ENDPOINT"], "http://127.0.0.1:") {
		t.Errorf("got %v", given)
	}
	if given := environment(t, nil); given["FOLLOWUP_QUEUE"] != "" {
		t.Errorf("a queue that was taken away is there: %v", given)
	}
}

func TestTheFollowUpQueueIsAsDeployed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change           func(*fakemns.QueueAttributes)
		visible, retains int
	}{
		"as deployed":               {nil, 2400, 604800},
		"changed for an experiment": {func(a *fakemns.QueueAttributes) { a.VisibilityTimeout = 1 }, 1, 604800},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got fakemns.QueueAttributes
			s, err := stack.Start(stack.Options{Binary: binary, Now: time.Now, FollowUpSetup: func(a *fakemns.QueueAttributes) {
				if c.change != nil {
					c.change(a)
				}
				got = *a
			}})
			if err != nil {
				t.Fatal(err)
			}
			s.Close(t.Context())
			if got.VisibilityTimeout != c.visible || got.MessageRetentionPeriod != c.retains || got.DelaySeconds != 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTimersOfTheStackTickBesideEachOther(t *testing.T) {
	t.Parallel()
	c := start(t, setup{policy: "mode: off\n", timers: []stack.Timer{
		stack.FollowUpsEvery(10 * time.Millisecond), {Name: "nightly", Payload: plain},
	}})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.FCURL+"/_local/tick/nightly", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusAccepted {
		t.Fatalf("%v, %v", answer, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for ticks := map[string]int{}; ticks["nightly"] != 1 || ticks["followUps"] < 2; {
		if ctx.Err() != nil {
			t.Fatalf("ticks %v: want 1 of nightly and 2 or more of followUps", ticks)
		}
		time.Sleep(5 * time.Millisecond)
		clear(ticks)
		for _, i := range c.FC.Invocations() {
			ticks[i.Trigger]++
			if i.Trigger == "followUps" && !strings.Contains(i.Event, `"payload":"{\"kind\":\"follow-ups\"}"`) {
				t.Fatalf("the event is %s", i.Event)
			}
		}
	}
}

func TestTwoTimersOfOneNameAreRefused(t *testing.T) {
	t.Parallel()
	_, err := stack.Start(stack.Options{Binary: binary, Now: time.Now, Timers: []stack.Timer{{Name: "nightly"}, {Name: "nightly"}}})
	if err == nil || !strings.Contains(err.Error(), `timer "nightly"`) {
		t.Errorf("got %v", err)
	}
}
