package policy_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/local/rig"
)

// policyFile is the policy that is packed beside the binary.
const policyFile = "../../../policy.yaml"

func TestThePolicyFileStatesTheDefaults(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(policyFile)
	if err != nil {
		t.Fatal(err)
	}
	got, err := policy.Parse(text, time.LoadLocation)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(policy.Default(), got, plain); diff != "" {
		t.Errorf("policy.yaml is not the default policy (-want +got):\n%s", diff)
	}
}

func TestThePolicyFileStatesEveryKey(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(policyFile)
	if err != nil {
		t.Fatal(err)
	}
	all, err := yaml.Marshal(policy.Default())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(keysOf(t, all), keysOf(t, text)); diff != "" {
		t.Errorf("the keys of policy.yaml (-want +got):\n%s", diff)
	}
}

func TestTheWindowsInTheCommentsOfThePolicyFileHold(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(policyFile)
	if err != nil {
		t.Fatal(err)
	}
	example := ""
	for line := range strings.Lines(string(text)) {
		if commented, ok := strings.CutPrefix(line, "#   "); ok && (example != "" || commented == "windows:\n") {
			example += commented
		}
	}
	p, err := policy.Parse([]byte(example), time.LoadLocation)
	if err != nil || len(p.Windows.Allow) != 1 || len(p.Windows.Deny) != 1 || len(p.Notes(now.AddDate(0, -1, 0))) > 0 {
		t.Errorf("%s\nis read as %+v, %v", example, p.Windows, err)
	}
}

func TestTheRegionsInTheCommentsOfThePolicyFileHold(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(policyFile)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "\n#   regions:")
	example, _, _ := strings.Cut(after, "\n")
	if got := parse(t, "regions:"+example).Regions; len(got) < 2 {
		t.Errorf("the example %q is read as %q", example, got)
	}
}

// keysOf gives the keys of a YAML document, the nested ones with their parents' names before them.
func keysOf(t *testing.T, text []byte) []string {
	t.Helper()
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var keys []string
	var walk func(path string, m map[string]any)
	walk = func(path string, m map[string]any) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			keys = append(keys, path+key)
			if child, ok := m[key].(map[string]any); ok {
				walk(path+key+".", child)
			}
		}
	}
	walk("", document)
	return keys
}

// TestThePolicyReferenceStatesKeysAndDefaults compares the table with what `make policy` prints of the defaults.
func TestThePolicyReferenceStatesKeysAndDefaults(t *testing.T) {
	t.Parallel()
	text, err := yaml.Marshal(policy.Default())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"regions": "none: the function's own", "windows.allow": "none: always", "windows.deny": "none"} // what is empty is not printed
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, value any)
	walk = func(path string, value any) {
		m, nested := value.(map[string]any)
		for key, inner := range m {
			walk(path+"."+key, inner)
		}
		if !nested {
			want[strings.TrimPrefix(path, ".")] = fmt.Sprint(value)
		}
	}
	walk("", document)
	got := map[string]string{}
	for _, row := range rig.Table(t, "../../../docs/policy.md", "key") {
		got[row[0]] = row[1]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/policy.md (-policy +table):\n%s", diff)
	}
}
