package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakefc"
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
		binary = filepath.Join(folder, "main")
		return rig.Build(binary, "../../function", rig.DeployFlags()...)
	}))
}

const id = "rm-bp1orders"

// cloud is a local cloud with one instance that can be upgraded, and what the tests ask of it.
type cloud struct {
	*stack.Stack
	logs *tape.Tape
}

// setup says how a test's cloud differs from the usual one.
type setup struct {
	policy   string // policy.yaml
	format   fakefc.TopicFormat
	instance func(i *fakerds.Instance)
	rds      func(o *fakerds.Options)
	fc       func(o *fakefc.Options)
	env      map[string]string
	wrap     func(c *cloud, service string, next http.Handler) http.Handler
}

// quick is a policy under which a doubt is over soon.
const quick = "verify: {first: 300ms}\nrate: {callsPerSecond: 1000}\n"

func start(tb testing.TB, s setup) *cloud {
	tb.Helper()
	c := &cloud{logs: &tape.Tape{}}
	policy := filepath.Join(tb.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(s.policy), 0o600); err != nil {
		tb.Fatal(err)
	}
	env := map[string]string{"POLICY_FILE": policy}
	for name, value := range s.env {
		env[name] = value
	}
	var err error
	c.Stack, err = stack.Start(stack.Options{
		Binary: binary, Now: time.Now, TopicFormat: s.format, Env: env,
		FunctionSetup: func(o *fakefc.Options) {
			o.Stdout, o.RetryDelay = c.logs, 200*time.Millisecond
			if s.fc != nil {
				s.fc(o)
			}
		},
		RDSSetup: s.rds,
		Wrap: func(service string, next http.Handler) http.Handler {
			if s.wrap == nil {
				return next
			}
			return s.wrap(c, service, next)
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close(context.Background()) })
	i := fakerds.Instance{
		DBInstanceID: id, CurrentKernelVersion: "rds_20240101", LatestKernelVersion: "rds_20260228",
		Upgrade: fakerds.Upgrade{Takes: time.Hour},
	}
	if s.instance != nil {
		s.instance(&i)
	}
	c.RDS.Add(i)
	return c
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
}

// notifications gives what was published so far, each checked against the schema.
func (c *cloud) notifications(tb testing.TB) []notification {
	tb.Helper()
	var all []notification
	for _, m := range c.MNS.Published(stack.ResultTopic) {
		if err := schema.Check([]byte(m.Body), m.Tag); err != nil {
			tb.Errorf("%v\n%s", err, m.Body)
		}
		n := notification{Tag: m.Tag}
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
	for _, n := range all {
		list = append(list, n.Tag)
	}
	return strings.Join(list, " ")
}

// tagsOf gives the claim on the instance.
func (c *cloud) claim() string {
	i, _ := c.RDS.Instance(id)
	return i.Tags["kernel-upgrade-claim"]
}

// noSecrets fails if anything that left the function holds a part of its credentials.
func (c *cloud) noSecrets(tb testing.TB) {
	tb.Helper()
	texts := map[string]string{"log": c.logs.String()}
	for n, i := range c.FC.Invocations() {
		texts[fmt.Sprintf("answer %d", n)] = i.Body
	}
	for n, m := range c.MNS.Published(stack.ResultTopic) {
		texts[fmt.Sprintf("notification %d", n)] = m.Body
	}
	for where, text := range texts {
		for _, secret := range []string{"local-sts-secret-", "CAIS-local", "STS.local-"} {
			if strings.Contains(text, secret) {
				tb.Errorf("%s holds %q…: %s", where, secret, text)
			}
		}
	}
}
