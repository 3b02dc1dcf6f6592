package policy_test

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/settings"
)

// The tests below go through the type of the policy, so that a key or a list that is added later is held to the same rules.

// spot is a place in a policy file at which something can be written: a key, or the first item of a list.
type spot struct {
	path string
	is   reflect.Type // without pointers
}

// leaf reports whether a single value is written there.
func (s spot) leaf() bool {
	reads := reflect.PointerTo(s.is).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	return reads || s.is.Kind() != reflect.Struct && s.is.Kind() != reflect.Slice
}

// spots returns each key and each list's first item of a type, the outer ones first.
func spots(path string, t reflect.Type) (all []spot) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	here := spot{path, t}
	if path != "" {
		all = append(all, here)
	}
	switch {
	case here.leaf():
	case t.Kind() == reflect.Slice:
		all = append(all, spots(path+"[0]", t.Elem())...)
	default:
		for n := range t.NumField() {
			if key, _, _ := strings.Cut(t.Field(n).Tag.Get("yaml"), ","); key != "" {
				all = append(all, spots(strings.TrimPrefix(path+"."+key, "."), t.Field(n).Type)...)
			}
		}
	}
	return all
}

// write returns a file that has a value at a path and nothing else, and where the value stands.
func write(path, value string) (text string, line, column int) {
	var lines []string
	for step := range strings.SplitSeq(strings.ReplaceAll(path, "[0]", ".-"), ".") {
		if step != "-" {
			step += ":"
		}
		lines = append(lines, strings.Repeat("  ", len(lines))+step)
	}
	if path == "" {
		lines = []string{""}
	}
	last := &lines[len(lines)-1]
	if *last != "" && value != "" {
		*last += " "
	}
	column = len(*last) + 1
	*last += value
	return strings.Join(lines, "\n") + "\n", len(lines), column
}

func TestTheSpotsAreThoseOfThePolicy(t *testing.T) {
	t.Parallel()
	all := spots("", reflect.TypeFor[policy.Policy]())
	var paths []string
	for _, s := range all {
		paths = append(paths, s.path)
	}
	for _, want := range []string{
		"mode", "windows", "windows.allow", "windows.allow[0]", "windows.allow[0].days", "windows.allow[0].days[0]", "windows.deny[0].zone",
		"tempo.critical.bake", "tempo.default.UpgradeTime", "verify.giveUp",
	} {
		if !slices.Contains(paths, want) {
			t.Errorf("%s is not among %s", want, paths)
		}
	}
	text, line, column := write("windows.allow[0].days[0]", "mon")
	if want := "windows:\n  allow:\n    -\n      days:\n        - mon\n"; text != want || line != 5 || column != 11 {
		t.Errorf("written as %q, line %d, column %d", text, line, column)
	}
}

// wrong holds that a file is refused with a problem at a place.
func wrong(t *testing.T, text string, line, column int, problem string) {
	t.Helper()
	want := fmt.Sprintf("line %d, column %d: %s", line, column, problem)
	if _, err := policy.Parse([]byte(text), time.LoadLocation); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s\ngot %v, want %s", text, err, want)
	}
}

func TestNoKeyAndNoItemOfAPolicyIsEmpty(t *testing.T) {
	t.Parallel()
	for _, s := range spots("", reflect.TypeFor[policy.Policy]()) {
		for _, nothing := range []string{"", "~", "null", "NULL", `""`, "''", `" "`, "[]", "{}", "# " + s.path} {
			text, line, column := write(s.path, nothing)
			if strings.HasPrefix(nothing, "#") { // as if the value were commented out
				column -= len(" ")
			}
			wrong(t, text, line, column, s.path+": is empty: give it a value, or leave it out")
		}
	}
}

func TestEachValueOfAPolicyHasItsOwnShape(t *testing.T) {
	t.Parallel()
	for _, s := range spots("", reflect.TypeFor[policy.Policy]()) {
		want := map[string]string{"[x]": "a list", "{x: y}": "keys with values", "x": "a single value"}
		own := map[reflect.Kind]string{reflect.Struct: "{x: y}", reflect.Slice: "[x]"}[s.is.Kind()]
		if s.leaf() {
			own = "x"
		}
		for value, name := range want {
			if value != own {
				text, line, column := write(s.path, value)
				wrong(t, text, line, column, s.path+": want "+want[own]+", got "+name)
			}
		}
		for _, value := range []string{"&a x", "!!str x", "!x x"} {
			text, line, column := write(s.path, value)
			wrong(t, text, line, column, s.path+": anchors, aliases and tags are not accepted: write the value itself")
		}
		if s.leaf() && s.is.Kind() != reflect.String {
			text, line, column := write(s.path, "many")
			wrong(t, text, line, column, s.path+`: "many"`)
		}
	}
}

func TestEachKeyOfAPolicyIsKnownAndWrittenOnce(t *testing.T) {
	t.Parallel()
	all := append(spots("", reflect.TypeFor[policy.Policy]()), spot{"", reflect.TypeFor[policy.Policy]()})
	for _, s := range all {
		if s.leaf() || s.is.Kind() != reflect.Struct {
			continue
		}
		prefix := s.path + ": "
		if s.path == "" {
			prefix = ""
		}
		keys := settings.Keys(s.is)
		accepted := "is not a key: want " + settings.Listed(keys, "or")
		for _, key := range keys {
			text, line, column := write(s.path, "{"+key+"x: 1, "+key+": ~, "+key+": ~}")
			meant := fmt.Sprintf(", did you mean %s?", key)
			if len(key) < 3 {
				meant = "" // too short to be misspelt
			}
			wrong(t, text, line, column+1, fmt.Sprintf("%s%q %s%s", prefix, key+"x", accepted, meant))
			wrong(t, text, line, column+len("{x: 1, : ~, ")+2*len(key), strings.TrimPrefix(s.path+"."+key, ".")+fmt.Sprintf(": is given twice, first on line %d", line))
		}
		text, line, column := write(s.path, "{nothing of ours: 1}")
		wrong(t, text, line, column+1, fmt.Sprintf("%s%q %s", prefix, "nothing of ours", accepted))
	}
}

// other has a value for each key outside the lists that is not its default.
var other = map[string]string{
	"mode": "plan", "regions": "[cn-shanghai]", "optIn.tag": "other", "optIn.value": "other", "hold.tag": "other", "budget.maxInstances": "1", "budget.maxPercent": "1.5",
	"tempo.critical.UpgradeTime": "MaintainTime", "tempo.critical.bake": "2h", "tempo.high.UpgradeTime": "Immediate", "tempo.high.bake": "2h",
	"tempo.medium.UpgradeTime": "Immediate", "tempo.medium.bake": "2h", "tempo.low.UpgradeTime": "Immediate", "tempo.low.bake": "2h",
	"tempo.default.UpgradeTime": "Immediate", "tempo.default.bake": "2h", "versions.minAge": "1d", "versions.beta": "true",
	"rate.callsPerSecond": "2.5", "verify.first": "1m", "verify.giveUp": "2d",
	"windows.allow": `[{from: "01:00", to: "05:00", zone: UTC}]`, "windows.deny": `[{from: "2026-11-10T00:00", to: "2026-11-12T00:00", zone: UTC}]`,
}

func TestAKeyOfAPolicyLeavesAllOthersAtTheirDefaults(t *testing.T) {
	t.Parallel()
	for _, s := range spots("", reflect.TypeFor[policy.Policy]()) {
		if strings.Contains(s.path, "[") || s.is.Kind() == reflect.Struct && !s.leaf() {
			continue
		}
		value, ok := other[s.path]
		if !ok {
			t.Errorf("%s has no value to try", s.path)
			continue
		}
		text, _, _ := write(s.path, value)
		p, err := policy.Parse([]byte(text), time.LoadLocation)
		if err != nil {
			t.Error(err)
			continue
		}
		want, got := valuesOf(t, policy.Default()), valuesOf(t, p)
		if want[s.path] == got[s.path] {
			t.Errorf("%s has stayed %q", s.path, got[s.path])
		}
		maps.DeleteFunc(got, func(path, _ string) bool { return strings.HasPrefix(path, s.path) })
		delete(want, s.path)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s changes others (-want +got):\n%s", text, diff)
		}
	}
}

// valuesOf returns what is printed of a policy, by path; a list is one value.
func valuesOf(t *testing.T, p policy.Policy) map[string]string {
	t.Helper()
	text, err := yaml.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	var walk func(path string, value any)
	walk = func(path string, value any) {
		if m, ok := value.(map[string]any); ok {
			for key, inner := range m {
				walk(strings.TrimPrefix(path+"."+key, "."), inner)
			}
			return
		}
		values[path] = fmt.Sprint(value)
	}
	walk("", document)
	return values
}
