package upgrade_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/upgrade"
	"rds-kernel-upgrade/local/rig"
)

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// What YAML can do and a policy does not need is refused, or means what it says.
func TestAHostilePolicyIsRefusedOrMeansWhatItSays(t *testing.T) {
	laughs := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for letter := 'b'; letter < 'k'; letter++ {
		laughs += fmt.Sprintf("%c: &%c [%s*%c]\n", letter, letter, strings.Repeat(fmt.Sprintf("*%c,", letter-1), 9), letter-1)
	}
	days := "days: &days [mon, tue, wed, thu, fri, sat, sun]"
	for name, c := range map[string]struct{ text, want string }{
		"a billion laughs under a key":    {"windows:\n  allow: *k\n" + laughs, "unknown anchor"},
		"a billion laughs":                {laughs + "windows: {allow: *j}", "policy: "},
		"an alias of itself":              {"windows: &w {allow: [*w]}", "policy: "},
		"an anchor that is used":          {"windows: {allow: [{" + days + `, from: "01:00", to: "05:00", zone: UTC}, {days: *days, from: "10:00", to: "11:00", zone: UTC}]}`, "windows.allow[1].days: anchors, aliases and tags are not accepted"},
		"a key that is merged":            {"verify: {<<: {first: 1m}, giveUp: 2h}", "verify: want a key, by its plain name: anchors, aliases, merge keys"},
		"a key that is merged twice":      {"verify: {<<: {first: 1m}, <<: {first: 2m}}", "line 1, column 27: verify: want a key"},
		"a mode in base64":                {"mode: !!binary b2Zm", "mode: anchors, aliases and tags are not accepted"},
		"a mode in broken base64":         {"mode: !!binary x", "policy: "},
		"a rate that is no number":        {"rate: {callsPerSecond: .nan}", `".nan" is not a number`},
		"a budget that is no number":      {"budget: {maxPercent: nan}", "NaN: want more than 0, up to 100"},
		"a budget of everything there is": {"budget: {maxPercent: inf}", "+Inf: want more than 0, up to 100"},
		"a count beyond all numbers":      {"budget: {maxInstances: 1e400}", "is not a whole number"},
		"a count of 1,000 digits":         {"budget: {maxInstances: " + strings.Repeat("9", 1000) + "}", "is not a whole number"},
		"a count that is a list":          {"budget: {maxInstances: [1]}", "want a single value, got a list"},
		"a duration that turns over":      {"verify: {first: 65535d2562047h}", "is not a duration"},
		"a duration of 1,000 digits":      {"verify: {first: " + strings.Repeat("9", 1000) + "d}", "is not a duration"},
		"a list nested 20,000 deep":       {"windows: " + nested(20_000), "policy: "},
		"an object nested 20,000 deep":    {strings.Repeat("{mode: ", 20_000), "policy: "},
		"a tag of another language":       {"mode: !!python/object:os.system [x]", "policy: "},
		"NUL":                             {"mode: \x00", "policy: yaml: control characters are not allowed"},
		"bytes that are no letters":       {"mode: \xff\xfe", "policy: "},
		"a tab":                           {"verify:\n\tfirst: 5m", "policy: "},
		"a key that is a list":            {"[mode]: plan", "policy: "},
		"a second document":               {"mode: apply\n---\nmode: \"off\"", "line 2, column 1: a second document begins here: want one"},
		"one of more than a page or two":  {strings.Repeat("# nothing\n", 10_000), "100000 bytes: want at most 65536"},
		"thousands of unknown keys":       {strings.Repeat("x", 30) + ": 1\n" + strings.Repeat("# nothing\n", 5_000), "is not a key"},
		"a tempo of an unknown severity":  {`tempo: {"<script>": {bake: 1h}}`, `tempo: "<script>" is not a key: want critical, default, high, low or medium`},
		"a zone that is a path":           {`windows: {allow: [{from: "01:00", to: "05:00", zone: ../../etc/passwd}]}`, `"../../etc/passwd": no such zone is known`},
		"a zone of the machine":           {`windows: {allow: [{from: "01:00", to: "05:00", zone: Local}]}`, `"Local": want the name of a zone`},
	} {
		t.Run(name, func(t *testing.T) {
			rig.Frugally(t, 128<<20, func() {
				_, err := upgrade.ParsePolicy([]byte(c.text), time.LoadLocation)
				if got := fmt.Sprint("ok ", err); c.want == "ok" && err != nil || c.want != "ok" && (err == nil || !strings.Contains(got, c.want)) {
					t.Errorf("got %.300v, want %s", err, c.want)
				}
			})
		})
	}
}

// FuzzPolicy holds that what is taken can be printed and taken again, means something at any time, and that what is refused says so.
func FuzzPolicy(f *testing.F) {
	for _, text := range []string{
		"mode: plan", "a: &a [*a]", "verify: {<<: {first: 1m}, giveUp: 2h}", "mode: !!binary b2Zm", "tempo: {critical: null}", "tempo: null", "windows: {allow: null}",
		`windows: {allow: [{days: [mon], from: "01:00", to: "05:00", zone: UTC}], deny: [{from: "2026-11-10T00:00", to: "2026-11-12T00:00", zone: UTC}]}`,
		"rate: {callsPerSecond: 1e-9}", "budget: {maxInstances: 0x10, maxPercent: 1e2}", "optIn: {tag: [], value: {}}", "versions: {minAge: 2562047h, beta: yes}", "---\n---\n", "? mode\n: off",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := upgrade.ParsePolicy(text, time.LoadLocation)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "policy: ") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		printed, err := yaml.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := upgrade.ParsePolicy(printed, time.LoadLocation)
		if diff := cmp.Diff(p, again, plain, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%q is printed as %q: %v (-want +got):\n%s", text, printed, err, diff)
		}
		p.Notes(now)
	})
}

// FuzzClaim holds that a claim which is read is one that can be written into a tag, and that the text of an error prints.
func FuzzClaim(f *testing.F) {
	f.Add("intent rds_20260228 0123456789abcdef.2 20261122t120000z 20261122t120000z")
	f.Add("called x y.-1 00010101t000000z 99991231t235959z 1 2")
	f.Add("called x y.9999999999999999999 20261122t120000z 20261122t120000z")
	f.Add("\x00\u2028 \u00a0 \ufeff")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := upgrade.ParseClaim(text)
		if err != nil {
			if c != nil || strings.ContainsFunc(err.Error(), unicode.IsControl) || !utf8.ValidString(err.Error()) {
				t.Errorf("%q: %+v, %q", text, c, err)
			}
			return
		}
		again, err := upgrade.ParseClaim(c.String())
		if err != nil || again.State != c.State || again.Target != c.Target || again.Rollout != c.Rollout || !again.At.Equal(c.At) || !again.Due.Equal(c.Due) {
			t.Errorf("%q is read as %+v, and that as %+v, %v", text, c, again, err)
		}
	})
}

// FuzzFollowUp takes whatever stands in the queue and can be read through a whole step of a rollout: nothing in it may end the process.
func FuzzFollowUp(f *testing.F) {
	plain := upgrade.Begin(rollout, sweep().Request, "cn-hangzhou", upgrade.Cause{})
	flown := begun(events.Rollout{Waves: canaries, MaxFailures: 1})
	flown.Flight, flown.Wave, flown.Behind = []upgrade.Flight{flying()}, 1, 2
	for _, r := range []*upgrade.Rollout{plain, flown, proven("rm-1"), finished("rm-1", upgrade.Failed)} {
		r.Kind, r.Request = "follow-up", sweep().Request
		body, err := r.Body()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, odd := range []string{
		`"seq":9223372036854775807,"wave":-9223372036854775808,"behind":-1,"looks":-1`, `"next":"9999-12-31T23:59:59-23:59","sent":"0000-01-01T00:00:00+23:59"`,
		`"flight":[{"DBInstanceId":"","due":"0001-01-01T00:00:00Z"},{"DBInstanceId":""}],"done":""`, `"pins":{"":""},"busy":{"rm-1":"9999-12-31T23:59:59Z"},"unclear":null`,
	} {
		f.Add(`{"kind":"follow-up","rollout":"r","request":{"kind":"sweep","fleet":{"rollout":{"waves":[{"percent":-1e308},{"tags":null}],"bake":-1,"maxFailures":-1}}},` + odd + `}`)
	}
	f.Add(`{"kind":"follow-up","rollout":"r","request":{"kind":"","fleet":{"advisory":{"id":"","affected":[{},{"ranges":[{}]}]}}}}`)
	f.Add(`{"kind":"follow-up","rollout":"r","request":{"kind":"upgrade","upgrade":{"SwitchTime":"0001-01-01T00:00:00Z"}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := upgrade.ParseFollowUp(body)
		if err != nil {
			if r != nil || !strings.HasPrefix(err.Error(), "follow-up: ") {
				t.Errorf("%q: %+v, %v", body, r, err)
			}
			return
		}
		policy := upgrade.DefaultPolicy()
		fleet := []upgrade.Instance{mysql(), mysql(func(i *upgrade.Instance) { i.ID = "rm-1" })}
		seen := r.Watch(fleet, policy.Verify, now)
		r.GoesOn(policy, true, now)
		r.Stale(fleet)
		q := upgrade.Question{
			Request: r.Request, Mode: upgrade.Apply, Rollout: r.ID, Region: r.Region, Policy: policy, Now: now, Memory: r, Doubt: r.Doubt, Room: max(1, r.Room()),
		}
		q.Scope()
		plan := q.Decide(fleet)
		r.Adopt(plan)
		steps, behind := upgrade.NextWave(plan)
		r.Arm(steps, behind, policy.Verify, now)
		outcomes := upgrade.Preview(plan, "")
		r.Note(outcomes, policy.Verify, now)
		r.Ends(outcomes, policy.Verify, now)
		a := upgrade.Account{Rollout: r.ID, Mode: upgrade.Apply, Now: now}
		a.Report(r.Halt, r.Account(append(outcomes, seen...)))
		if text, err := r.Body(); err == nil {
			if _, err := upgrade.ParseFollowUp(text); err != nil {
				t.Errorf("%q became %q: %v", body, text, err)
			}
		}
	})
}

// FuzzNotification holds that what is told is JSON of letters that print, whatever RDS says, and that a text of usual length fits.
func FuzzNotification(f *testing.F) {
	f.Add("rm-1", "rds_20260228", "slow down", "Throttling.User")
	f.Add("rm-\x00\x1b[2J", "</MessageBody>]]>", strings.Repeat("<", 1000), "\xff\xfe")
	f.Add("\u2028", "\u202e", "\ufffe", `"\`)
	f.Fuzz(func(t *testing.T, id, version, message, code string) {
		if len(id)+len(version)+len(message)+len(code) > 4<<10 {
			t.Skip("RDS has no such texts")
		}
		a := upgrade.Account{Source: "acs:fc", Account: id, Rollout: rollout, Mode: upgrade.Apply, Now: now, Cause: upgrade.Cause{MessageID: code}}
		outcomes := []upgrade.Outcome{{
			Instance: mysql(func(i *upgrade.Instance) { i.ID, i.CurrentKernelVersion, i.EngineVersion = id, version, code }),
			Status:   upgrade.Failed, Target: version, Fault: &fault.Error{Kind: fault.Invalid, Code: code, Message: message, RequestID: code},
		}, {Instance: mysql(), Status: upgrade.Skipped, Detail: message}}
		all := append(a.Transitions(outcomes), a.Report(message, outcomes)...)
		for _, n := range append(append(all, a.Halt(message, outcomes)...), a.PutAway(message, message)...) {
			text, err := json.Marshal(n)
			if err != nil || len(text) > 64<<10 || strings.ContainsFunc(string(text), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%d bytes, %v", len(text), err)
			}
		}
	})
}
