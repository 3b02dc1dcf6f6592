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
		Tempo: map[string]upgrade.Pace{
			"critical": {UpgradeTime: events.MaintainTime, Bake: lasting(2 * time.Hour)}, "high": {UpgradeTime: events.Immediate, Bake: lasting(3 * time.Hour)},
			"medium": {Bake: lasting(4 * time.Hour)}, "low": {Bake: lasting(30 * 24 * time.Hour)},
			"default": {UpgradeTime: events.Immediate, Bake: lasting(24 * time.Hour)},
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
`
	_, err := upgrade.ParsePolicy([]byte(text), time.LoadLocation)
	if err == nil {
		t.Fatal("it is accepted")
	}
	for _, want := range []string{
		`mode: "always": want apply, plan or off`, "optIn: want a tag", "budget.maxInstances: 0: want 1 or more", "budget.maxPercent: 101: want more than 0, up to 100",
		`tempo: "urgent": want one of`, `tempo.high.UpgradeTime: "SpecifyTime": want Immediate or MaintainTime`, "tempo.default: want an UpgradeTime and a bake",
		"rate.callsPerSecond: -1", "verify: first and giveUp", "windows.allow[0]", "windows.deny[0]", "Mars/Base",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %v", err)
	}
}

func TestAWrongValueOfAFleetsPolicyIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"an opt-in without a value":          {`optIn: {tag: x, value: ""}`, "optIn: want a tag"},
		"a percent of nothing":               {"budget: {maxPercent: 0}", "budget.maxPercent: 0"},
		"a percent that is no number":        {"budget: {maxPercent: .nan}", "budget.maxPercent: NaN"},
		"half an instance":                   {"budget: {maxInstances: 0.5}", "is not a whole number"},
		"a bake that is no duration":         {"tempo: {high: {bake: soon}}", `"soon" is not a duration`},
		"a default without a bake":           {"tempo: {default: {UpgradeTime: Immediate}}", "tempo.default: want an UpgradeTime and a bake"},
		"a window that ends nowhere":         {`windows: {allow: [{from: "01:00", zone: UTC}]}`, "windows.allow[0]"},
		"an unknown key in a window":         {`windows: {allow: [{form: "01:00", to: "02:00", zone: UTC}]}`, "form"},
		"an unknown key in a severity":       {"tempo: {high: {bakes: 1h}}", "bakes"},
		"an age of less than nothing":        {"versions: {minAge: -1d}", "is not a duration"},
		"giving up at once":                  {"verify: {giveUp: 0s}", "verify: first and giveUp"},
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
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"the defaults":             {"", nil},
		"mode plan":                {"mode: plan", []string{"mode: plan: no upgrade is made"}},
		"the kill switch":          {"mode: off", []string{"mode: off: no upgrade is made"}},
		"given up before a look":   {"verify: {first: 2d, giveUp: 1h}", []string{"verify: first (2d) is longer than giveUp (1h): "}},
		"nothing is permitted":     {`windows: {deny: [{from: "2026-11-01T00:00", to: "2027-03-01T00:00", zone: UTC}]}`, []string{"windows: nothing is permitted within the next 30 days"}},
		"a little is permitted":    {`windows: {deny: [{from: "2026-11-01T00:00", to: "2026-12-22T11:59", zone: UTC}]}`, nil},
		"several things at a time": {"mode: off\nverify: {first: 2d, giveUp: 1h}", []string{"verify: ", "mode: "}},
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
