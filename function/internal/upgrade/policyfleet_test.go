package upgrade_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/upgrade"
	"rds-kernel-upgrade/function/internal/window"
)

func lasting(d time.Duration) *upgrade.Duration {
	u := upgrade.Duration(d)
	return &u
}

func TestEveryKeyOfAPolicyIsRead(t *testing.T) {
	t.Parallel()
	const text = `
mode: plan
optIn: {tag: upgrade, value: "yes"}
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
	want := upgrade.Policy{
		Mode: upgrade.Plan, OptIn: upgrade.OptIn{Tag: "upgrade", Value: "yes"},
		Windows: window.Windows{
			Allow: []window.Allow{{Days: []string{"mon", "fri"}, From: "01:00", To: "05:00", Zone: "Asia/Shanghai"}},
			Deny:  []window.Deny{{From: "2026-11-10T00:00", To: "2026-11-12T00:00", Zone: "Asia/Shanghai", Why: "11.11"}},
		},
		Budget: upgrade.Budget{MaxInstances: 7, MaxPercent: 12.5},
		Tempo: upgrade.Tempo{
			Critical: upgrade.Pace{UpgradeTime: events.MaintainTime, Bake: lasting(2 * time.Hour)}, High: upgrade.Pace{UpgradeTime: events.Immediate, Bake: lasting(3 * time.Hour)},
			Medium: upgrade.Pace{Bake: lasting(4 * time.Hour)}, Low: upgrade.Pace{Bake: lasting(30 * 24 * time.Hour)},
			Default: upgrade.Pace{UpgradeTime: events.Immediate, Bake: lasting(24 * time.Hour)},
		},
		Versions: upgrade.Versions{MinAge: *lasting(30 * 24 * time.Hour), Beta: true}, Rate: upgrade.Rate{CallsPerSecond: 2.5},
		Verify: upgrade.Verify{First: *lasting(time.Minute), GiveUp: *lasting(36 * time.Hour)},
	}
	if diff := cmp.Diff(want, policyFrom(t, text), plain); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestATempoIsTheSeveritysAndElseTheDefaults looks at what a policy does to a step and to a bake.
func TestATempoIsTheSeveritysAndElseTheDefaults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		policy, severity string
		when             events.UpgradeTime
		bake             time.Duration
	}{
		"critical, as it is by default":          {"", "critical", events.Immediate, time.Hour},
		"high: only its bake is its own":         {"", "high", events.MaintainTime, 24 * time.Hour},
		"medium has none of its own":             {"", "medium", events.MaintainTime, 72 * time.Hour},
		"one severity changes, others stay":      {"tempo: {high: {bake: 2h}}", "critical", events.Immediate, time.Hour},
		"the one that changes":                   {"tempo: {high: {bake: 2h}}", "high", events.MaintainTime, 2 * time.Hour},
		"a new one":                              {"tempo: {low: {UpgradeTime: Immediate}}", "low", events.Immediate, 72 * time.Hour},
		"a part of critical leaves the other":    {"tempo: {critical: {bake: 2h}}", "critical", events.Immediate, 2 * time.Hour},
		"and so does the other part":             {"tempo: {critical: {UpgradeTime: MaintainTime}}", "critical", events.MaintainTime, time.Hour},
		"a part of the default leaves the other": {"tempo: {default: {UpgradeTime: Immediate}}", "medium", events.Immediate, 72 * time.Hour},
		"and so does its other part":             {"tempo: {default: {bake: 2h}}", "medium", events.MaintainTime, 2 * time.Hour},
		"another default is that of those below": {"tempo: {default: {UpgradeTime: Immediate, bake: 0s}}", "medium", events.Immediate, 0},
		"and of what high leaves out":            {"tempo: {default: {UpgradeTime: Immediate, bake: 0s}}", "high", events.Immediate, 24 * time.Hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := withAdvisory(sweep(), c.severity, fixedIn("MySQL", newer))
			q.Policy = policyFrom(t, c.policy)
			if d := q.Decide([]upgrade.Instance{member(id)})[0]; d.Step == nil || d.Step.UpgradeTime != string(c.when) {
				t.Errorf("got %+v, %+v; want %s", d.Step, d.Skip, c.when)
			}
			r := upgrade.Begin(rollout, q.Request, "", upgrade.Cause{})
			r.Behind, r.Proven = 1, 1
			if goesOn := r.GoesOn(q.Policy, true, now); goesOn != (c.bake == 0) || !goesOn && r.Next.Sub(now) != c.bake {
				t.Errorf("goes on %t, next in %s; want a bake of %s", goesOn, r.Next.Sub(now), c.bake)
			}
		})
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
		`line 8, column 17: verify.first: 0s: want more than 0`,
		`line 9, column 1: "mod" is not a key: want budget, mode, optIn, rate, tempo, verify, versions or windows, did you mean mode?`,
		`line 10, column 1: rate: is given twice, first on line 7`,
	}
	_, err := upgrade.ParsePolicy([]byte(text), time.LoadLocation)
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
		"giving up at once":                  {"verify: {giveUp: 0s}", "verify.giveUp: 0s: want more than 0"},
		"a key of a group that has only one": {"rate: {calls: 1}", `"calls" is not a key`},
		"no YAML at all":                     {"mode: [", "policy: yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p, err := upgrade.ParsePolicy([]byte(c.text), time.LoadLocation); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error with %q", p, err, c.want)
			}
		})
	}
}

func TestWhatIsProbablyNotMeantIsNoted(t *testing.T) {
	t.Parallel()
	const noWindows = "windows: there are none, so an upgrade may begin at any time"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"an empty file":            {"", []string{"policy: the file sets nothing, or there is none: ", noWindows}},
		"a file of comments":       {"# mode: plan\n", []string{"policy: the file sets nothing, or there is none: ", noWindows}},
		"no windows":               {"mode: apply", []string{noWindows}},
		"mode plan":                {"mode: plan", []string{noWindows, "mode: plan: no upgrade is made"}},
		"the kill switch":          {"mode: off", []string{noWindows, "mode: off: no upgrade is made"}},
		"given up before a look":   {"verify: {first: 2d, giveUp: 1h}", []string{noWindows, "verify: first (2d) is longer than giveUp (1h): "}},
		"a window in a city":       {`windows: {allow: [{from: "01:00", to: "05:00", zone: Asia/Shanghai}]}`, nil},
		"a zone's sign":            {`windows: {allow: [{from: "01:00", to: "05:00", zone: Etc/GMT+8}]}`, []string{"windows.allow[0].zone: Etc/GMT+8 is 8 hours BEHIND UTC (UTC-08:00)"}},
		"a zone that is no city":   {`windows: {allow: [{from: "01:00", to: "05:00", zone: EST}]}`, []string{"windows.allow[0].zone: EST is no Area/City: its clocks are UTC-05:00 all year"}},
		"nothing is permitted":     {`windows: {deny: [{from: "2026-11-01T00:00", to: "2027-03-01T00:00", zone: UTC}]}`, []string{"windows: nothing is permitted within the next 30 days"}},
		"a little is permitted":    {`windows: {deny: [{from: "2026-11-01T00:00", to: "2026-12-22T11:59", zone: UTC}]}`, nil},
		"several things at a time": {"mode: off\nverify: {first: 2d, giveUp: 1h}", []string{noWindows, "verify: ", "mode: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := policyFrom(t, c.text).Notes(now)
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for n := range got {
				if !strings.HasPrefix(got[n], c.want[n]) {
					t.Errorf("got %q, want %q", got[n], c.want[n])
				}
			}
		})
	}
}

func TestThePolicySaysWhenItsNextWindowsAre(t *testing.T) {
	t.Parallel()
	got := policyFrom(t, `windows: {allow: [{days: [mon], from: "01:00", to: "05:00", zone: Asia/Shanghai}]}`).Openings(time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC))
	const first = "Sun 2026-11-29 17:00 UTC to Sun 2026-11-29 21:00 UTC, which is Mon 2026-11-30 01:00 +08:00 to Mon 2026-11-30 05:00 +08:00 in Asia/Shanghai"
	if len(got) != 3 || got[0].String() != first {
		t.Errorf("got %v, want three, from %s on", got, first)
	}
	if got := upgrade.DefaultPolicy().Openings(now); got != nil {
		t.Errorf("without windows: got %v", got)
	}
}

func TestADurationReadsWhatItPrints(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 90 * time.Second: "1m30s", 5 * time.Minute: "5m", 10 * time.Minute: "10m", time.Hour: "1h", 10 * time.Hour: "10h",
		time.Hour + 10*time.Minute: "1h10m", time.Hour + time.Second: "1h0m1s", 24 * time.Hour: "1d", 14 * 24 * time.Hour: "14d", 36 * time.Hour: "1d12h",
		24*time.Hour + time.Second: "1d1s", 250 * time.Millisecond: "250ms", 1500 * time.Millisecond: "1.5s",
	} {
		if got := upgrade.Duration(d).String(); got != want {
			t.Errorf("%s is printed as %q, want %q", d, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]time.Duration{1, time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "unit")
		d := upgrade.Duration(unit * time.Duration(rapid.Int64Range(0, int64(5000*24*time.Hour)/int64(unit)).Draw(t, "count")))
		text, err := d.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back upgrade.Duration
		if err := back.UnmarshalText(text); err != nil || back != d {
			t.Fatalf("%d is printed as %q and read as %d, %v", d, text, back, err)
		}
	})
}
