package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/window"
)

// parse returns the policy of a text that is right.
func parse(tb testing.TB, text string) policy.Policy {
	tb.Helper()
	p, err := policy.Parse([]byte(text), time.LoadLocation)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func lasting(d time.Duration) *policy.Duration {
	u := policy.Duration(d)
	return &u
}

func TestEveryKeyOfAPolicyIsRead(t *testing.T) {
	t.Parallel()
	const text = `
mode: plan
regions: [cn-shanghai, cn-hangzhou-finance-1]
optIn: {tag: upgrade, value: "yes"}
hold: {tag: leave-alone}
windows:
  allow: [{days: [mon, fri], from: "01:00", to: "05:00", zone: Asia/Shanghai}]
  deny: [{from: "2026-11-10T00:00", to: "2026-11-12T00:00", zone: Asia/Shanghai, why: "11.11"}]
budget: {maxInstances: 7, maxPercent: 12.5}
tempo:
  critical: {UpgradeTime: MaintainTime, bake: 2h}
  high: {UpgradeTime: Immediate, bake: 3h}
  medium: {bake: 4h}
  low: {bake: 30d}
  default: {UpgradeTime: Immediate, bake: 1d}
versions: {minAge: 30d, beta: true}
rate: {callsPerSecond: 2.5}
verify: {first: 1m, giveUp: 1d12h}
`
	want := policy.Policy{
		Mode: policy.Plan, Regions: []string{"cn-shanghai", "cn-hangzhou-finance-1"}, OptIn: policy.OptIn{Tag: "upgrade", Value: "yes"}, Hold: policy.Hold{Tag: "leave-alone"},
		Windows: window.Windows{
			Allow: []window.Allow{{Days: []string{"mon", "fri"}, From: "01:00", To: "05:00", Zone: "Asia/Shanghai"}},
			Deny:  []window.Deny{{From: "2026-11-10T00:00", To: "2026-11-12T00:00", Zone: "Asia/Shanghai", Why: "11.11"}},
		},
		Budget: policy.Budget{MaxInstances: 7, MaxPercent: 12.5},
		Tempo: policy.Tempo{
			Critical: policy.Pace{UpgradeTime: events.MaintainTime, Bake: lasting(2 * time.Hour)}, High: policy.Pace{UpgradeTime: events.Immediate, Bake: lasting(3 * time.Hour)},
			Medium: policy.Pace{Bake: lasting(4 * time.Hour)}, Low: policy.Pace{Bake: lasting(30 * 24 * time.Hour)},
			Default: policy.Pace{UpgradeTime: events.Immediate, Bake: lasting(24 * time.Hour)},
		},
		Versions: policy.Versions{MinAge: *lasting(30 * 24 * time.Hour), Beta: true}, Rate: policy.Rate{CallsPerSecond: 2.5},
		Verify: policy.Verify{First: *lasting(time.Minute), GiveUp: *lasting(36 * time.Hour)},
	}
	if diff := cmp.Diff(want, parse(t, text), plain); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAllThatIsWrongWithAPolicyIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	const text = `
mode: always
optIn: {tag: "", value: auto}
windows: {allow: [{from: "25:00", to: "05:00", zone: Asia/Shanghai}], deny: [{from: "2026-11-10", to: "2026-11-12T00:00", zone: Mars/Base}]}
budget: {maxInstances: 0, maxPercent: 101}
tempo: {urgent: {bake: 1h}, high: {UpgradeTime: SpecifyTime}, default: {UpgradeTime: "", bake: 1h}}
rate: {callsPerSecond: -1}
verify: {first: 0s}
mod: plan
rate: {callsPerSecond: 1}
`
	want := []string{
		`line 2, column 7: mode: "always": want apply, plan or off`,
		`line 3, column 14: optIn.tag: is empty: give it a value, or leave it out`,
		`line 4, column 26: windows.allow[0].from: "25:00": want a time from 00:00 to 23:59`,
		`line 4, column 85: windows.deny[0].from: "2026-11-10": want a time such as 2026-11-10T00:00`,
		`line 4, column 129: windows.deny[0].zone: "Mars/Base": no such zone is known: want a name such as Asia/Shanghai`,
		`line 5, column 24: budget.maxInstances: 0: want 1 or more`,
		`line 5, column 39: budget.maxPercent: 101: want more than 0, up to 100`,
		`line 6, column 9: tempo: "urgent" is not a key: want critical, default, high, low or medium`,
		`line 6, column 49: tempo.high.UpgradeTime: "SpecifyTime": want Immediate or MaintainTime`,
		`line 6, column 86: tempo.default.UpgradeTime: is empty: give it a value, or leave it out`,
		`line 7, column 24: rate.callsPerSecond: -1: want more than 0, up to 1000000000`,
		`line 8, column 17: verify.first: 0s: want 1s or more: an invocation must end within verify.first of writing its intents, and with less no call would fit`,
		`line 9, column 1: "mod" is not a key: want budget, hold, mode, optIn, rate, regions, tempo, verify, versions or windows, did you mean mode?`,
		`line 10, column 1: rate: is given twice, first on line 7`,
	}
	_, err := policy.Parse([]byte(text), time.LoadLocation)
	if err == nil {
		t.Fatal("it is accepted")
	}
	if diff := cmp.Diff("policy: "+strings.Join(want, "; "), err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAWrongValueOfAFleetsPolicyIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"an opt-in without a value":          {`optIn: {tag: x, value: ""}`, "optIn.value: is empty"},
		"a percent of nothing":               {"budget: {maxPercent: 0}", "budget.maxPercent: 0"},
		"a percent that is no number":        {"budget: {maxPercent: .nan}", `budget.maxPercent: ".nan" is not a number`},
		"half an instance":                   {"budget: {maxInstances: 0.5}", "is not a whole number"},
		"a bake that is no duration":         {"tempo: {high: {bake: soon}}", `"soon" is not a duration`},
		"a window that ends nowhere":         {`windows: {allow: [{from: "01:00", zone: UTC}]}`, "line 1, column 19: windows.allow[0].to: is missing: want a time from 00:00 to 24:00"},
		"an unknown key in a window":         {`windows: {allow: [{form: "01:00", to: "02:00", zone: UTC}]}`, "want days, from, to or zone, did you mean from?"},
		"an unknown key in a severity":       {"tempo: {high: {bakes: 1h}}", `"bakes" is not a key: want UpgradeTime or bake, did you mean bake?`},
		"an age of less than nothing":        {"versions: {minAge: -1d}", "is not a duration"},
		"a look after less than a second":    {"verify: {first: 999ms}", "verify.first: 999ms: want 1s or more: an invocation must end within verify.first of writing its intents"},
		"giving up at once":                  {"verify: {giveUp: 0s}", "verify.giveUp: 0s: want more than 0"},
		"a key of a group that has only one": {"rate: {calls: 1}", `"calls" is not a key`},
		"no YAML at all":                     {"mode: [", "policy: yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p, err := policy.Parse([]byte(c.text), time.LoadLocation); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error with %q", p, err, c.want)
			}
		})
	}
}
