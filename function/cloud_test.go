package main_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/sts"
	"rds-kernel-upgrade/local/tape"
	"rds-kernel-upgrade/schema"
)

const (
	id      = "rm-bp1orders"
	account = "1234567890123456"
	region  = "cn-hangzhou"
	topic   = "rds-kernel-upgrade-results"
)

// cloud is RDS and MNS, and the function in this process.
type cloud struct {
	keys     *sts.Keyring
	rds      *fakerds.Server
	mns      *fakemns.Server
	function *function.Function
	log      *tape.Tape
	env      map[string]string
	explode  bool      // the clock panics with a secret
	at       time.Time // what the function takes for now; zero: the machine's time
}

func newCloud(tb testing.TB, policy string, env map[string]string) *cloud {
	tb.Helper()
	c := &cloud{keys: sts.NewKeyring(time.Now), log: &tape.Tape{}, env: map[string]string{"RESULT_TOPIC": topic}}
	c.rds = fakerds.New(fakerds.Options{Now: time.Now, Keys: c.keys, Account: account, Region: region})
	c.mns = fakemns.New(fakemns.Options{Now: time.Now, Keys: c.keys, Account: account, Region: region})
	tb.Cleanup(c.mns.Close)
	if err := c.mns.CreateTopic(topic); err != nil {
		tb.Fatal(err)
	}
	c.rds.Add(fakerds.Instance{
		DBInstanceID: id, CurrentKernelVersion: "rds_20240101", LatestKernelVersion: "rds_20260228",
		Upgrade: fakerds.Upgrade{Takes: time.Hour},
	})
	for name, handler := range map[string]*httptest.Server{
		"RDS_ENDPOINT": httptest.NewUnstartedServer(c.rds), "MNS_ENDPOINT": httptest.NewUnstartedServer(c.mns),
	} {
		handler.Config.ErrorLog = log.New(io.Discard, "", 0)
		handler.Start()
		tb.Cleanup(handler.Close)
		c.env[name] = handler.URL
	}
	for name, value := range env {
		c.env[name] = value
	}
	folder := tb.TempDir()
	if policy != "" {
		if err := os.WriteFile(filepath.Join(folder, "policy.yaml"), []byte(policy), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	clock := func() time.Time {
		if c.explode {
			panic("CAIS-in-a-panic")
		}
		if !c.at.IsZero() {
			return c.at
		}
		return time.Now()
	}
	c.function = function.New(func(name string) string { return c.env[name] }, folder, clock, c.log)
	return c
}

// writePolicy makes a code folder with the fast policy in it.
func writePolicy(tb testing.TB) string {
	tb.Helper()
	folder := tb.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "policy.yaml"), []byte(fast), 0o600); err != nil {
		tb.Fatal(err)
	}
	return folder
}

// fast is a policy that no test waits for.
const fast = "rate: {callsPerSecond: 100000}\nverify: {first: 200ms}\n"

// invoke runs the function as the runtime does, with credentials of its own.
func (c *cloud) invoke(tb testing.TB, event string, change ...func(fc *fccontext.FcContext)) (*function.Report, error) {
	tb.Helper()
	key := c.keys.Issue(time.Hour)
	fc := &fccontext.FcContext{
		RequestID: "1-67318f55-1310da55-db2afabf2b30", Region: region, AccountId: account,
		Credentials: fccontext.Credentials{AccessKeyId: key.ID, AccessKeySecret: key.Secret, SecurityToken: key.Token},
		Function:    fccontext.Function{Name: "rds-kernel-upgrade"},
	}
	for _, f := range change {
		f(fc)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return c.function.Handle(fccontext.NewContext(ctx, fc), []byte(event))
}

// errorType is the type by which Function Compute knows a function's error.
func errorType(tb testing.TB, err error) string {
	tb.Helper()
	if err == nil {
		return ""
	}
	response, ok := err.(messages.InvokeResponse_Error) //nolint:errorlint // the runtime looks at the value itself
	if !ok {
		tb.Fatalf("%T: the runtime would name it by its Go type", err)
	}
	return response.Type
}

// note is a notification, as a subscriber reads it.
type note struct {
	ID      string `json:"id"`
	Tag     string `json:"-"`
	Subject string `json:"subject"`
	Data    struct {
		Status   string   `json:"status"`
		Reason   string   `json:"reason"`
		Problems []string `json:"problems"`
		Error    struct {
			Kind, Code string
		} `json:"error"`
		Cause struct {
			Trigger   string `json:"trigger"`
			MessageID string `json:"messageId"`
		} `json:"cause"`
	} `json:"data"`
}

func (c *cloud) notes(tb testing.TB) (all []note) {
	tb.Helper()
	for _, m := range c.mns.Published(topic) {
		if err := schema.Check([]byte(m.Body), m.Tag); err != nil {
			tb.Errorf("%v\n%s", err, m.Body)
		}
		n := note{Tag: m.Tag}
		if err := json.Unmarshal([]byte(m.Body), &n); err != nil {
			tb.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

func (c *cloud) tags(tb testing.TB) (tags []string) {
	tb.Helper()
	for _, n := range c.notes(tb) {
		tags = append(tags, n.Tag)
	}
	return tags
}

func (c *cloud) upgrades() int { return len(c.rds.CallsOf("UpgradeDBInstanceKernelVersion")) }
