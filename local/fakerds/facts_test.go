package fakerds_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakerds"
)

// facts are what the service's own metadata says, of the actions that the fake serves.
type facts struct {
	Actions map[string]struct {
		Parameters map[string]fact
		Answer     map[string]any
		Errors     map[string][]string
	}
	ErrorsOfNearlyEveryAction map[string][]string
}

type fact struct {
	Type, Style                string
	Required                   bool
	Minimum, Maximum, MaxItems int
	Values                     []string
	Items                      map[string]string
}

func readFacts(t *testing.T) (f facts) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/api/rds.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTheActionsAreAmongTheFacts(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(readFacts(t).Actions)), fakerds.Actions()); diff != "" {
		t.Errorf("actions (-facts +fake):\n%s", diff)
	}
}

// members are the most members of a list. The metadata has 51 instances and 21 tags; the descriptions of the same parameters say 1 to 50
// and 1 to 20, and the message of the refusal says 50. The fake keeps to the smaller number: what it takes, the service takes too.
func members(inMetadata int) int { return max(inMetadata-1, 0) }

func TestTheParametersAreThoseOfTheFacts(t *testing.T) {
	t.Parallel()
	for action, known := range readFacts(t).Actions {
		want, got := map[string]fact{}, map[string]fact{}
		for name, p := range known.Parameters {
			if p.MaxItems = members(p.MaxItems); p.Type == "array" && p.Style != "repeatList" {
				t.Errorf("%s: %s is written as a %s", action, name, p.Style)
			}
			p.Style = ""
			want[name] = p
		}
		for _, p := range fakerds.ParametersOf(action) {
			got[p.Name] = asFact(p)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-facts +fake):\n%s", action, diff)
		}
	}
}

func asFact(p fakerds.Parameter) fact {
	f := fact{Type: p.Kind, Required: p.Required, Values: p.Values, Minimum: p.Least, Maximum: p.Most}
	if p.Kind == "array" {
		f.MaxItems, f.Maximum = p.Most, 0
	}
	for _, field := range p.Fields {
		if f.Items == nil {
			f.Items = map[string]string{}
		}
		f.Items[field.Name] = map[bool]string{true: "required", false: "optional"}[field.Required]
	}
	return f
}

func TestWhatIsNotModelledIsListed(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, line := range fakerds.NotSupported() {
		action, names, _ := strings.Cut(line, ": ")
		for name := range strings.SplitSeq(strings.ReplaceAll(names, ";", ","), ", ") {
			listed[action+" "+name] = true
		}
	}
	for _, action := range fakerds.Actions() {
		for _, p := range fakerds.ParametersOf(action) {
			if p.Unmodelled != listed[action+" "+p.Name] {
				t.Errorf("%s %s: not modelled: %t, and listed as not supported: %t", action, p.Name, p.Unmodelled, listed[action+" "+p.Name])
			}
		}
	}
}

func TestOnlyDocumentedParametersAreRead(t *testing.T) {
	t.Parallel()
	for name, parameter := range map[string]string{
		"a parameter that the service does not have": "RegionId", "a parameter that is not modelled": "Expired",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("it was read")
				}
			}()
			fakerds.Read(describe, parameter)
		})
	}
}

// TestEachLimitAndEachNamedValueHolds asks for a page, a kind or a type at the limit of what is documented, and beyond it.
func TestEachLimitAndEachNamedValueHolds(t *testing.T) {
	t.Parallel()
	base := map[string]map[string]string{
		upgrade: params("DBInstanceId", "rm-1", "SwitchTime", "2026-12-01T18:00:00Z"), describe: params("DBInstanceId", "rm-1"),
		miniVersions: params("RegionId", "cn-hangzhou", "DBInstanceId", "rm-1"), history: today(), listing: params("RegionId", "cn-hangzhou"),
		"ListTagResources": resources([]string{"rm-1"}), "TagResources": resources([]string{"rm-1"}, "Tag.1.Key", "k"),
		"UntagResources": resources([]string{"rm-1"}, "TagKey.1", "env"),
	}
	tried := 0
	for action := range base {
		for _, p := range fakerds.ParametersOf(action) {
			inside, outside := slices.Clone(p.Values), []string{}
			if len(p.Values) > 0 {
				outside = append(outside, "nonsense", strings.ToLower(p.Values[0])+"x")
			}
			if p.Kind == "integer" && len(p.Values) == 0 {
				inside, outside = append(inside, strconv.Itoa(p.Least)), append(outside, strconv.Itoa(p.Least-1), "1.5")
				if p.Most > 0 {
					inside, outside = append(inside, strconv.Itoa(p.Most)), append(outside, strconv.Itoa(p.Most+1))
				}
			}
			try := func(value string) answer {
				tried++
				own := maps.Clone(base[action])
				own[p.Name] = value
				return whole(t).call(t, action, own)
			}
			for _, value := range inside {
				unmodelled := p.Unmodelled || p.Name == "ResourceType" && value != "INSTANCE"
				if a := try(value); a.status != 200 != unmodelled || unmodelled && !strings.Contains(a.text("Message"), "local cloud") {
					t.Errorf("%s %s=%s: %d %v", action, p.Name, value, a.status, a.body)
				}
			}
			for _, value := range outside {
				if a := try(value); a.status == 200 || strings.Contains(a.text("Message"), "local cloud") {
					t.Errorf("%s %s=%s: %d %v", action, p.Name, value, a.status, a.body)
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d tried", tried)
	}
}

// whole is a cloud in which every answer has something in each of its lists.
func whole(t *testing.T) *cloud {
	t.Helper()
	c := newCloud(t)
	primary, replica := mysql("rm-1"), mysql("rr-1")
	replica.MasterInstanceID, primary.Tags = "rm-1", params("env", "dev")
	c.Add(primary, replica)
	return c
}

func TestTheAnswersHaveFieldsAndTypesOfTheFacts(t *testing.T) {
	t.Parallel()
	own := map[string]map[string]string{
		upgrade: params("DBInstanceId", "rm-1"), describe: params("DBInstanceId", "rm-1"),
		miniVersions: params("RegionId", "cn-hangzhou", "DBInstanceId", "rm-1"), history: today(), listing: params("RegionId", "cn-hangzhou"),
		"DescribeRegions": nil, "ListTagResources": resources([]string{"rm-1"}),
		"TagResources":   resources([]string{"rm-1"}, "Tag.1.Key", "k"),
		"UntagResources": resources([]string{"rm-1"}, "TagKey.1", "env"),
	}
	for action, known := range readFacts(t).Actions {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			c := whole(t)
			if action == history {
				c.ok(t, upgrade, params("DBInstanceId", "rm-1"))
			}
			for _, wrong := range unlike(known.Answer, c.ok(t, action, own[action]).body, action) {
				t.Error(wrong)
			}
		})
	}
}

// unlike lists what an answer has that is not so in the facts: a name that they do not have, a value of another type, and a list in which
// nothing stands, so that nothing is compared.
func unlike(want, got any, path string) (wrong []string) {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is no object: %v", path, got)}
		}
		for name, value := range object {
			if known, there := want[name]; there {
				wrong = append(wrong, unlike(known, value, path+"."+name)...)
			} else {
				wrong = append(wrong, path+"."+name+" is not documented")
			}
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) == 0 {
			return []string{fmt.Sprintf("%s is no list with anything in it: %v", path, got)}
		}
		for n, value := range list {
			nested := unlike(want[0], value, fmt.Sprintf("%s.%d", path, n))
			if n == 0 || !slices.ContainsFunc(nested, func(text string) bool { return strings.Contains(text, "anything") }) {
				wrong = append(wrong, nested...)
			}
		}
	default:
		if typeOf(got, want.(string)) != want {
			return []string{fmt.Sprintf("%s is %T, want %s", path, got, want)}
		}
	}
	return wrong
}

// typeOf returns the type of a value in the words of the facts; a whole number is an integer, and a number where one is wanted.
func typeOf(value any, wanted string) string {
	switch v := value.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if wanted == "number" || v != math.Trunc(v) {
			return "number"
		}
		return "integer"
	default:
		return fmt.Sprintf("%T", value)
	}
}

func TestTheComparisonOfAnswersFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want, got string
		wrong     int
	}{
		"nothing":                         {`{"a":"string","b":[{"c":"integer"}]}`, `{"a":"x","b":[{"c":1},{"c":2}]}`, 0},
		"a name that is not documented":   {`{"a":"string"}`, `{"b":"x"}`, 1},
		"one that is nested":              {`{"a":[{"b":"string"}]}`, `{"a":[{"b":"x"},{"c":"x"}]}`, 1},
		"a number for a text":             {`{"a":"string"}`, `{"a":1}`, 1},
		"a fraction for a whole number":   {`{"a":"integer"}`, `{"a":1.5}`, 1},
		"a whole number for a number":     {`{"a":"number"}`, `{"a":1}`, 0},
		"an object for a list":            {`{"a":["string"]}`, `{"a":{}}`, 1},
		"a list without anything":         {`{"a":["string"]}`, `{"a":[]}`, 1},
		"a text for an object":            {`{"a":{"b":"string"}}`, `{"a":"x"}`, 1},
		"nothing at all for a text":       {`{"a":"string"}`, `{"a":null}`, 1},
		"a truth for a text":              {`{"a":"string"}`, `{"a":true}`, 1},
		"the second of a list is a truth": {`["string"]`, `["x",true]`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want, got any
			if json.Unmarshal([]byte(c.want), &want) != nil || json.Unmarshal([]byte(c.got), &got) != nil {
				t.Fatal("no JSON")
			}
			if wrong := unlike(want, got, ""); len(wrong) != c.wrong {
				t.Errorf("got %q, want %d", wrong, c.wrong)
			}
		})
	}
}

func TestTheCodesAreThoseOfTheFacts(t *testing.T) {
	t.Parallel()
	f := readFacts(t)
	for action, known := range f.Actions {
		if diff := cmp.Diff(byNumber(t, known.Errors), fakerds.Codes(action)); diff != "" {
			t.Errorf("%s (-facts +fake):\n%s", action, diff)
		}
	}
	if diff := cmp.Diff(byNumber(t, f.ErrorsOfNearlyEveryAction), fakerds.Codes("")); diff != "" {
		t.Errorf("nearly every action (-facts +fake):\n%s", diff)
	}
}

func byNumber(t *testing.T, errors map[string][]string) map[int][]string {
	t.Helper()
	all := map[int][]string{}
	for status, codes := range errors {
		n, err := strconv.Atoi(status)
		if err != nil {
			t.Fatal(err)
		}
		all[n] = codes
	}
	return all
}

func TestACodeThatIsNotInTheFactsSaysWhereItWasSeen(t *testing.T) {
	t.Parallel()
	for code, where := range fakerds.Elsewhere() {
		if len(where) < 10 {
			t.Errorf("%s: seen at %q", code, where)
		}
		for _, codes := range fakerds.Codes("") {
			if slices.Contains(codes, code) {
				t.Errorf("%s is documented for nearly every action", code)
			}
		}
	}
}

// No test can make the fake answer with a code that its action does not have: it panics, and so does every test that would see it.
func TestAnActionIsRefusedOnlyWithItsOwnCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, action, code string
		status             int
	}{
		{"a code of the action", upgrade, "TaskExists", 400},
		{"the code of an event, which another action has", upgrade, "InvalidEVENT", 0},
		{"a code of the action with another status than elsewhere", upgrade, "InvalidDBInstanceName.NotFound", 404},
		{"that code of another action", describe, "InvalidDBInstanceName.NotFound", 400},
		{"a code of nearly every action", listing, "InvalidDBInstanceId.NotFound", 400},
		{"a code of nearly every action where the action has it too", "TagResources", "Request.NotFound", 400},
		{"a code of the gateway", listing, "Throttling.User", 400},
		{"a parameter that is missing", listing, "MissingRegionId", 400},
		{"a code of nobody", listing, "Nope", 0},
		{"a code of an action that there is not", "RestartDBInstance", "TaskExists", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := fakerds.StatusOf(c.action, c.code); got != c.status {
				t.Errorf("got %d, want %d", got, c.status)
			}
			defer func() {
				if panicked := recover() != nil; panicked != (c.status == 0) {
					t.Errorf("panicked: %t", panicked)
				}
			}()
			fakerds.Refuse(c.action, c.code)
		})
	}
}

// TestAFleetFileMayRefuseWithEachDocumentedCode names those of the upgrade and those of nearly every action.
func TestAFleetFileMayRefuseWithEachDocumentedCode(t *testing.T) {
	t.Parallel()
	f := readFacts(t)
	tried := 0
	for _, table := range []map[int][]string{byNumber(t, f.Actions[upgrade].Errors), byNumber(t, f.ErrorsOfNearlyEveryAction)} {
		for status, codes := range table {
			for _, code := range codes {
				tried++
				c := newCloud(t)
				file := fmt.Sprintf(`{"instances":[{"DBInstanceId":"rm-1","CurrentKernelVersion":"rds_20231231","LatestKernelVersion":"rds_20260228","upgrade":{"refuse":%q}}]}`, code)
				if err := c.Load(strings.NewReader(file)); err != nil {
					t.Error(err)
					continue
				}
				if got := c.refused(t, upgrade, params("DBInstanceId", "rm-1"), status, code); len(got.text("Message")) < 10 {
					t.Errorf("%s: message %q", code, got.text("Message"))
				}
				c.clock.Advance(time.Hour)
				wantState(t, c, "Running", "rds_20231231")
			}
		}
	}
	if tried < 80 {
		t.Errorf("only %d codes", tried)
	}
}
