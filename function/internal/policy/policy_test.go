package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/policy"
)

// plain compares policies by what the file says.
var plain = cmpopts.IgnoreUnexported(policy.Policy{})

func TestAPolicyFileChangesTheDefaults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		want func(p *policy.Policy)
	}{
		"an empty file changes nothing": {"", func(*policy.Policy) {}},
		"a comment changes nothing":     {"# nothing yet\n", func(*policy.Policy) {}},
		"nor does an empty document":    {"---\n# nothing yet\n", func(*policy.Policy) {}},
		"the mode":                      {"mode: plan", func(p *policy.Policy) { p.Mode = policy.Plan }},
		"the kill switch in quotes":     {"mode: \"off\"", func(p *policy.Policy) { p.Mode = policy.Off }},
		"the kill switch as it is":      {"mode: off", func(p *policy.Policy) { p.Mode = policy.Off }},
		"betas":                         {"versions: {beta: true}", func(p *policy.Policy) { p.Versions.Beta = true }},
		"the rate":                      {"rate: {callsPerSecond: 2.5}", func(p *policy.Policy) { p.Rate.CallsPerSecond = 2.5 }},
		"days": {"verify: {first: 1m, giveUp: 1d12h}", func(p *policy.Policy) {
			p.Verify = policy.Verify{First: policy.Duration(time.Minute), GiveUp: policy.Duration(36 * time.Hour)}
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := policy.Default()
			c.want(&want)
			got, err := policy.Parse([]byte(c.text), time.LoadLocation)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, plain); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			printed, err := yaml.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := policy.Parse(printed, time.LoadLocation); err != nil || !cmp.Equal(again, got, plain) {
				t.Errorf("printed as %q it reads back as %+v, %v", printed, again, err)
			}
		})
	}
}

func TestAWrongPolicyIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"an unknown key":            {"mod: plan", `"mod" is not a key: want budget`},
		"an unknown key inside":     {"verify: {frist: 5m}", `"frist" is not a key: want first or giveUp`},
		"an unknown mode":           {"mode: on", `"on": want apply, plan or off`},
		"an empty mode":             {"mode: \"\"", "mode: is empty"},
		"a duration without a unit": {"verify: {first: 5}", `"5" is not a duration`},
		"a negative duration":       {"verify: {first: -5m}", `"-5m" is not a duration`},
		"negative days":             {"verify: {first: -1d}", "is not a duration"},
		"no wait at all":            {"verify: {first: 0s}", "verify.first: 0s: want 1s or more"},
		"a rate of nothing":         {"rate: {callsPerSecond: 0}", "want more than 0"},
		"a list":                    {"- mode", "want keys with values, got a list"},
		"half an instance":          {"budget: {maxInstances: 1.5}", `line 1, column 24: budget.maxInstances: "1.5" is not a whole number`},
		"two values for one key":    {"mode: plan\nmode: apply", "line 2, column 1: mode: is given twice, first on line 1"},
		"a mode that is misspelt":   {"mode: aply", `mode: "aply": want apply, plan or off, did you mean apply?`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p, err := policy.Parse([]byte(c.text), time.LoadLocation); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error with %q", p, err, c.want)
			}
		})
	}
}

func TestTheStricterModeWins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy  policy.Mode
		request events.Mode
		want    policy.Mode
	}{
		{policy.Apply, "", policy.Apply},
		{policy.Apply, events.Apply, policy.Apply},
		{policy.Apply, events.Plan, policy.Plan},
		{policy.Plan, "", policy.Plan},
		{policy.Plan, events.Apply, policy.Plan},
		{policy.Plan, events.Plan, policy.Plan},
		{policy.Off, "", policy.Off},
		{policy.Off, events.Apply, policy.Off},
		{policy.Off, events.Plan, policy.Off},
	} {
		if got := (policy.Policy{Mode: c.policy}).ModeOf(events.Request{Mode: c.request}); got != c.want {
			t.Errorf("policy %s and request %q: got %s, want %s", c.policy, c.request, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("mode: plan\nverify: {first: 1d}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := policy.Parse(text, time.LoadLocation); err == nil && (p.Rate.CallsPerSecond <= 0 || p.Verify.First < policy.Duration(time.Second)) {
			t.Errorf("%q gives %+v", text, p)
		}
	})
}
