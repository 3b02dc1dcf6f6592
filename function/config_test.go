package main_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/transport"
)

func TestEachVariableOfTheEnvironment(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "other.yaml")
	if err := os.WriteFile(file, []byte("mode: plan\nbudget: {maxInstances: 7}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	endpoint := func(scheme, host string) *transport.Endpoint { return &transport.Endpoint{Scheme: scheme, Host: host} }
	for _, c := range []struct {
		name, value string
		got         func(function.Config) any
		want        any    // what it sets
		wrong       string // or what is wrong with it
	}{
		{"RESULT_TOPIC", "", nil, nil, "RESULT_TOPIC is not set: set it in the function's environment variables (s.yaml)"},
		{"RESULT_TOPIC", "results-2", func(c function.Config) any { return c.ResultTopic }, "results-2", ""},
		{"RESULT_TOPIC", "a/b", nil, nil, `RESULT_TOPIC: "a/b": want the name of a topic: letters, digits and hyphens, up to 120`},
		{"RESULT_TOPIC", strings.Repeat("a", 121), nil, nil, "RESULT_TOPIC: "},

		{"STATE_BUCKET", "", nil, nil, "STATE_BUCKET is not set: set it in the function's environment variables (s.yaml)"},
		{"STATE_BUCKET", "my-state", func(c function.Config) any { return c.StateBucket }, "my-state", ""},
		{"STATE_BUCKET", "My-State", nil, nil, `STATE_BUCKET: "My-State": want the name of a bucket: lower-case letters, digits and hyphens, 3 to 63`},
		{"STATE_BUCKET", "ab", nil, nil, "STATE_BUCKET: "},
		{"STATE_BUCKET", "-ab", nil, nil, "STATE_BUCKET: "},
		{"STATE_BUCKET", "oss://my-state", nil, nil, "STATE_BUCKET: "},
		{"STATE_BUCKET", strings.Repeat("a", 64), nil, nil, "STATE_BUCKET: "},

		{"STATE_PREFIX", "", func(c function.Config) any { return c.StatePrefix }, "rds-kernel-upgrade", ""},
		{"STATE_PREFIX", "team-b/upgrades_2", func(c function.Config) any { return c.StatePrefix }, "team-b/upgrades_2", ""},
		{"STATE_PREFIX", "/a", nil, nil, `STATE_PREFIX: "/a": want what keys begin with, up to 200 letters, digits, hyphens and underscores, with single slashes between them`},
		{"STATE_PREFIX", "a/", nil, nil, "STATE_PREFIX: "},
		{"STATE_PREFIX", "a//b", nil, nil, "STATE_PREFIX: "},
		{"STATE_PREFIX", "a/../b", nil, nil, "STATE_PREFIX: "},
		{"STATE_PREFIX", strings.Repeat("a", 201), nil, nil, "STATE_PREFIX: "},

		{"RDS_ENDPOINT", "", func(c function.Config) any { return c.RDSEndpoint }, (*transport.Endpoint)(nil), ""},
		{"RDS_ENDPOINT", "https://rds.aliyuncs.com", func(c function.Config) any { return c.RDSEndpoint }, endpoint("https", "rds.aliyuncs.com"), ""},
		{"RDS_ENDPOINT", "http://rds.aliyuncs.com", nil, nil, `RDS_ENDPOINT: "http://rds.aliyuncs.com" sends credentials in plain text`},
		{"MNS_ENDPOINT", "http://127.0.0.1:9002", func(c function.Config) any { return c.MNSEndpoint }, endpoint("http", "127.0.0.1:9002"), ""},
		{"MNS_ENDPOINT", "https://user:password@host", nil, nil, "MNS_ENDPOINT: an endpoint has no user or password"},
		{"OSS_ENDPOINT", "https://oss-cn-hangzhou.aliyuncs.com", func(c function.Config) any { return c.OSSEndpoint }, endpoint("https", "oss-cn-hangzhou.aliyuncs.com"), ""},
		{"OSS_ENDPOINT", "oss-cn-hangzhou.aliyuncs.com", nil, nil, `OSS_ENDPOINT: "oss-cn-hangzhou.aliyuncs.com" is not an endpoint`},

		{"MODE", "", func(c function.Config) any { return c.Policy.Mode }, policy.Apply, ""},
		{"MODE", "apply", func(c function.Config) any { return c.Policy.Mode }, policy.Apply, ""},
		{"MODE", "plan", func(c function.Config) any { return c.Policy.Mode }, policy.Plan, ""},
		{"MODE", "off", func(c function.Config) any { return c.Policy.Mode }, policy.Off, ""},
		{"MODE", "OFF", nil, nil, `MODE: "OFF": want apply, plan or off`},
		{"MODE", "false", nil, nil, "MODE: "},

		{"POLICY_FILE", file, func(c function.Config) any { return c.Policy.Budget.MaxInstances }, 7, ""},
		{"POLICY_FILE", "/nowhere/policy.yaml", nil, nil, "POLICY_FILE: open /nowhere/policy.yaml: no such file or directory"},
		{"POLICY_FILE", folder, nil, nil, "POLICY_FILE: read "},

		{"LOG_LEVEL", "", func(c function.Config) any { return c.LogLevel }, slog.LevelInfo, ""},
		{"LOG_LEVEL", "DEBUG", func(c function.Config) any { return c.LogLevel }, slog.LevelDebug, ""},
		{"LOG_LEVEL", "LOUD", nil, nil, "LOG_LEVEL: "},

		{"DEBUG", "x,y", func(c function.Config) any { return c.ResultTopic }, topic, ""},
		{"DEBUG", "x,sdk", nil, nil, `DEBUG: "sdk" prints the credentials: unset it`},
		{"DEBUG", "tea", nil, nil, `DEBUG: "tea" prints the credentials`},
		{"DEBUG", "signer", nil, nil, `DEBUG: "signer" prints the credentials`},
	} {
		t.Run(fmt.Sprintf("%s=%.30s", c.name, c.value), func(t *testing.T) {
			t.Parallel()
			got, err := function.LoadConfig(environment(map[string]string{c.name: c.value}), t.TempDir())
			if c.wrong != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.wrong) {
					t.Errorf("got %v, want %s", err, c.wrong)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(c.got(got), c.want) {
				t.Errorf("got %v, %v, want %v", c.got(got), err, c.want)
			}
		})
	}
}

// The stricter of the two modes holds: one change in the console stops everything, and none in it frees what the policy forbids.
func TestTheStricterModeHolds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ environment, file, want policy.Mode }{
		{"", "apply", "apply"},
		{"", "plan", "plan"},
		{"", "off", "off"},
		{"apply", "plan", "plan"},
		{"apply", "off", "off"},
		{"plan", "apply", "plan"},
		{"plan", "off", "off"},
		{"off", "apply", "off"},
		{"off", "plan", "off"},
		{"off", "", "off"},
		{"", "", "apply"},
	} {
		folder := t.TempDir()
		if c.file != "" {
			if err := os.WriteFile(filepath.Join(folder, "policy.yaml"), fmt.Appendf(nil, "mode: %s\n", c.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := function.LoadConfig(environment(map[string]string{"MODE": string(c.environment)}), folder)
		if err != nil || got.Policy.Mode != c.want {
			t.Errorf("MODE %q and the file's %q: got %s, %v, want %s", c.environment, c.file, got.Policy.Mode, err, c.want)
		}
	}
}

// All that is wrong comes at once, one problem a line, and what is right is there all the same.
func TestAllThatIsWrongComesAtOnce(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "policy.yaml"), []byte("freeze: []\nbudget: {maxInstances: 0}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := function.LoadConfig(environment(map[string]string{
		"STATE_BUCKET": "", "STATE_PREFIX": "//", "RDS_ENDPOINT": "rds", "MNS_ENDPOINT": "mns", "OSS_ENDPOINT": "oss", "MODE": "on", "LOG_LEVEL": "LOUD", "DEBUG": "sdk",
	}), folder)
	if err == nil || c.ResultTopic != topic {
		t.Fatalf("got %+v, %v", c, err)
	}
	for _, part := range []string{
		"is not a key", "budget.maxInstances: 0", "STATE_BUCKET is not set", "STATE_PREFIX: ", "RDS_ENDPOINT: ", "MNS_ENDPOINT: ", "OSS_ENDPOINT: ", "MODE: ", "LOG_LEVEL: ", "DEBUG: ",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
}

// A wrong configuration fails every invocation, calls nothing, and is published where the topic is known.
func TestAWrongConfigurationFailsEveryInvocation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env      map[string]string
		policy   string
		want     string
		rejected bool // it can be published
	}{
		"no topic":                 {map[string]string{"RESULT_TOPIC": ""}, "", "RESULT_TOPIC is not set", false},
		"a topic of no such name":  {map[string]string{"RESULT_TOPIC": "a/b"}, "", "want the name of a topic", false},
		"no bucket":                {map[string]string{"STATE_BUCKET": ""}, "", "STATE_BUCKET is not set", true},
		"a bucket of no such name": {map[string]string{"STATE_BUCKET": "A"}, "", "want the name of a bucket", true},
		"RDS in plain text":        {map[string]string{"RDS_ENDPOINT": "http://rds.aliyuncs.com"}, "", "plain text", true},
		"an unknown policy key":    {nil, "freeze: []\n", "is not a key: want budget, hold, mode", true},
		"no such policy file":      {map[string]string{"POLICY_FILE": "/nowhere/policy.yaml"}, "", "no such file", true},
		"an unknown mode":          {map[string]string{"MODE": "OFF"}, "", "want apply, plan or off", true},
		"an unknown log level":     {map[string]string{"LOG_LEVEL": "LOUD"}, "", "LOG_LEVEL", true},
		"debugging of an SDK":      {map[string]string{"DEBUG": "x,sdk"}, "", "prints the credentials", true},
		"looks that come too late": {nil, "verify: {first: 10ms}\n", "an invocation must end within verify.first of writing its intents", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, c.policy, func(t *testing.T, w *world) {
				t.Helper()
				w.hasty = false
				for name, value := range c.env {
					w.env[name] = value
				}
				w.restart()
				w.rds.Add(behind("rm-1"))
				event := w.event("M1", oneUpgrade)
				for retries := range 2 {
					_, err := w.deliver(event, retries)
					if errorType(t, err) != "Invalid" || !strings.Contains(err.Error(), c.want) {
						t.Errorf("got %v, want %q", err, c.want)
					}
				}
				notes := w.news()
				if (len(notes) > 0) != c.rejected || len(w.rds.Calls()) != 0 || len(w.oss.Calls()) != w.begun() {
					t.Errorf("published %v, %d RDS calls, %d OSS calls", notes, len(w.rds.Calls()), len(w.oss.Calls()))
				}
				for _, n := range notes {
					if n.Tag != "rejected" || n.ID != notes[0].ID || !strings.HasPrefix(n.Data.Problems[0], "configuration: ") {
						t.Errorf("published %+v", n)
					}
				}
			})
		})
	}
}
