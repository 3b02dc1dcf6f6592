package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/function/internal/policy"
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
				_, err := policy.Parse([]byte(c.text), time.LoadLocation)
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
		"regions: [cn-hangzhou, cn-shanghai]", "regions: [cn-hangzhou, cn-hangzhou]", "rate: {callsPerSecond: 1e-9}", "budget: {maxInstances: 0x10, maxPercent: 1e2}", "optIn: {tag: [], value: {}}", "versions: {minAge: 2562047h, beta: yes}", "---\n---\n", "? mode\n: off",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := policy.Parse(text, time.LoadLocation)
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
		again, err := policy.Parse(printed, time.LoadLocation)
		if diff := cmp.Diff(p, again, plain, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%q is printed as %q: %v (-want +got):\n%s", text, printed, err, diff)
		}
		p.Notes(now)
	})
}
