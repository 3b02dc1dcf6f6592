package policy_test

import (
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/policy"
)

// now is when the policies are asked.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

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
			got := parse(t, c.text).Notes(now)
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

func TestOnlyTheZonesAreNotedApart(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"mode: off": "",
		`windows: {allow: [{from: "01:00", to: "05:00", zone: Asia/Shanghai}]}`:      "",
		"mode: off\nwindows: {allow: [{from: \"01:00\", to: \"05:00\", zone: EST}]}": "windows.allow[0].zone: EST is no Area/City: its clocks are UTC-05:00 all year",
	} {
		got := strings.Join(parse(t, text).ZoneNotes(now), "\n")
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestThePolicySaysWhenItsNextWindowsAre(t *testing.T) {
	t.Parallel()
	got := parse(t, `windows: {allow: [{days: [mon], from: "01:00", to: "05:00", zone: Asia/Shanghai}]}`).Openings(time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC))
	const first = "Sun 2026-11-29 17:00 UTC to Sun 2026-11-29 21:00 UTC, which is Mon 2026-11-30 01:00 +08:00 to Mon 2026-11-30 05:00 +08:00 in Asia/Shanghai"
	if len(got) != 3 || got[0].String() != first {
		t.Errorf("got %v, want three, from %s on", got, first)
	}
	if got := policy.Default().Openings(now); got != nil {
		t.Errorf("without windows: got %v", got)
	}
}
