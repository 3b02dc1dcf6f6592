package rds_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// facts are what RDS's public metadata says about its actions.
type facts struct {
	Actions map[string]action
	Common  map[string][]string `json:"errorsOfNearlyEveryAction"`
}

type action struct {
	Parameters map[string]parameter
	Errors     map[string][]string // codes by HTTP status
}

type parameter struct {
	Type             string
	Required         bool
	Values           []string
	Minimum, Maximum *int
	Style            string
	MaxItems         int
	Items            map[string]string // of an item's fields, whether it is required
}

// UnmarshalJSON refuses what the type does not have: a fact that no test looks at.
func (p *parameter) UnmarshalJSON(text []byte) error {
	type plain parameter
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode((*plain)(p))
}

func readFacts(t *testing.T) facts {
	t.Helper()
	text, err := os.ReadFile("../../../testdata/api/rds.json")
	must(t, err)
	var f facts
	must(t, json.Unmarshal(text, &f))
	return f
}

// ofTheSDK are the parameters of a call that its action does not declare, and why they are sent all the same.
var ofTheSDK = map[string]string{
	"Action":           "common to all actions",
	"Version":          "common to all actions",
	"Format":           "common to all actions; without it the answer is XML",
	"AccessKeyId":      "of the signature",
	"SecurityToken":    "of the signature",
	"Signature":        "of the signature",
	"SignatureMethod":  "of the signature",
	"SignatureNonce":   "of the signature",
	"SignatureType":    "of the signature: it is empty, and signed so",
	"SignatureVersion": "of the signature",
	"Timestamp":        "of the signature",
	"RegionId":         "the SDK sends its client's region with every request, as Terraform does; actions that do not declare it take it",
}

// described are limits that only the texts of the descriptions have: the most items of a list, and the most ids in one text, with
// commas between them.
var described = map[string]struct {
	most int
	text bool
}{
	"ListTagResources ResourceId":     {most: 50},
	"ListTagResources Tag":            {most: 20},
	"DescribeHistoryTasks InstanceId": {most: 30, text: true},
	"DescribeHistoryTasks TaskId":     {most: 30, text: true},
}

// problems says in what a request is not as its action is documented. The parameters that the SDK adds are left out.
func (f facts) problems(sent url.Values) (all []string) {
	name := sent.Get("Action")
	documented, known := f.Actions[name]
	if !known {
		return []string{name + " is not among the facts"}
	}
	refuse := func(format string, args ...any) { all = append(all, name+": "+fmt.Sprintf(format, args...)) }
	lists := map[string]map[string][]string{} // by parameter and item, the fields that are sent
	for _, full := range slices.Sorted(maps.Keys(sent)) {
		values := sent[full]
		item, rest, listed := strings.Cut(full, ".")
		p, declared := documented.Parameters[item]
		switch {
		case !declared && ofTheSDK[full] != "":
			continue
		case !declared:
			refuse("%s is not documented", full)
		case len(values) != 1:
			refuse("%s is sent %d times", full, len(values))
		case values[0] == "":
			refuse("%s has no value", full)
		case listed != (p.Type == "array"):
			refuse("%s is of the type %s", full, p.Type)
		case listed:
			number, field, _ := strings.Cut(rest, ".")
			if lists[item] == nil {
				lists[item] = map[string][]string{}
			}
			lists[item][number] = append(lists[item][number], field)
		default:
			if wrong := p.wrong(values[0]); wrong != "" {
				refuse("%s %s", full, wrong)
			}
			if d := described[name+" "+full]; d.text && strings.Count(values[0], ",") >= d.most {
				refuse("%s has %d ids, at most %d", full, strings.Count(values[0], ",")+1, d.most)
			}
		}
	}
	for _, parameter := range slices.Sorted(maps.Keys(documented.Parameters)) {
		p := documented.Parameters[parameter]
		if p.Required && sent.Get(parameter) == "" && lists[parameter] == nil {
			refuse("%s is missing", parameter)
		}
		if wrong := p.wrongList(lists[parameter], described[name+" "+parameter].most); wrong != "" {
			refuse("%s %s", parameter, wrong)
		}
	}
	return all
}

// wrong says what is wrong with a value, "" if nothing is.
func (p parameter) wrong(value string) string {
	n, err := strconv.Atoi(value)
	switch {
	case len(p.Values) > 0 && !slices.Contains(p.Values, value):
		return fmt.Sprintf("is %q, want one of %q", value, p.Values)
	case p.Type == "boolean" && value != "true" && value != "false":
		return fmt.Sprintf("is %q, want true or false", value)
	case p.Type == "integer" && err != nil:
		return fmt.Sprintf("is %q, want a number", value)
	case p.Minimum != nil && n < *p.Minimum, p.Maximum != nil && n > *p.Maximum:
		return fmt.Sprintf("is %d, out of its range", n)
	default:
		return ""
	}
}

// wrongList says what is wrong with a list, of which items has the fields by their items' numbers: Tag.1.Key, or ResourceId.1, whose
// items have one field without a name.
func (p parameter) wrongList(items map[string][]string, most int) string {
	if p.Type != "array" || len(items) == 0 {
		return ""
	}
	switch {
	case p.Style != "repeatList":
		return fmt.Sprintf("is a list in the style %q, and is sent as a repeatList", p.Style)
	case most == 0 || most > p.MaxItems:
		return fmt.Sprintf("is a list of at most %d by its description, and of %d", most, p.MaxItems)
	case len(items) > most:
		return fmt.Sprintf("has %d items, at most %d", len(items), most)
	}
	fields := p.Items
	if fields == nil {
		fields = map[string]string{"": "required"}
	}
	for n := range len(items) {
		item, sent := items[strconv.Itoa(n+1)]
		if !sent {
			return fmt.Sprintf("has %d items, and none is number %d", len(items), n+1)
		}
		for field, presence := range fields {
			if presence == "required" && !slices.Contains(item, field) {
				return fmt.Sprintf("has no %d.%s", n+1, field)
			}
		}
		for _, field := range item {
			if fields[field] == "" {
				return fmt.Sprintf("has items with a %s", field)
			}
		}
	}
	return ""
}

// The comparison itself: it is worth as much as it refuses.
func TestWhatIsNotDocumentedIsRefused(t *testing.T) {
	t.Parallel()
	f := readFacts(t)
	number := func(n int) (all string) {
		for i := range n {
			all += fmt.Sprintf("&ResourceId.%d=rm-%d", i+1, i+1)
		}
		return all
	}
	const tag, list, tasks = "Action=ListTagResources&RegionId=r&ResourceType=INSTANCE", "Action=DescribeDBInstances&RegionId=r",
		"Action=DescribeHistoryTasks&FromStartTime=a&ToStartTime=b"
	for name, test := range map[string]struct{ sent, want string }{
		"as documented":                        {tag + number(50) + "&Tag.1.Key=k&Tag.1.Value=v&Tag.2.Key=k", ""},
		"with what the SDK adds":               {"Action=UpgradeDBInstanceKernelVersion&DBInstanceId=rm-1&RegionId=r&SignatureType=&Version=v&Format=JSON&Timestamp=t", ""},
		"every number that there is":           {list + "&PageSize=1&MaxResults=100&PageNumber=0", ""},
		"as many tasks as may be":              {tasks + "&TaskId=1" + strings.Repeat(",1", 29), ""},
		"an action that is not there":          {"Action=DeleteDBInstance", "DeleteDBInstance is not among the facts"},
		"a parameter that is not there":        {"Action=UpgradeDBInstanceKernelVersion&DBInstanceId=rm-1&ClientToken=t", "UpgradeDBInstanceKernelVersion: ClientToken is not documented"},
		"a required parameter less":            {"Action=UpgradeDBInstanceKernelVersion", "UpgradeDBInstanceKernelVersion: DBInstanceId is missing"},
		"a declared region less":               {"Action=DescribeDBInstances", "DescribeDBInstances: RegionId is missing"},
		"a parameter without a value":          {list + "&Engine=", "DescribeDBInstances: Engine has no value"},
		"a parameter twice":                    {list + "&Engine=MySQL&Engine=MySQL", "DescribeDBInstances: Engine is sent 2 times"},
		"a value that is not named":            {"Action=UpgradeDBInstanceKernelVersion&DBInstanceId=rm-1&UpgradeTime=Now", `UpgradeDBInstanceKernelVersion: UpgradeTime is "Now", want one of ["Immediate" "MaintainTime" "SpecifyTime"]`},
		"a number below its range":             {list + "&MaxResults=0", "DescribeDBInstances: MaxResults is 0, out of its range"},
		"a number above its range":             {list + "&MaxResults=101", "DescribeDBInstances: MaxResults is 101, out of its range"},
		"a number that is none":                {list + "&MaxResults=all", `DescribeDBInstances: MaxResults is "all", want a number`},
		"a truth value that is none":           {list + "&QueryAutoRenewal=yes", `DescribeDBInstances: QueryAutoRenewal is "yes", want true or false`},
		"a list as one text":                   {tag + "&ResourceId=rm-1", "ListTagResources: ResourceId is of the type array"},
		"a text as a list":                     {list + "&Engine.1=MySQL", "DescribeDBInstances: Engine.1 is of the type string"},
		"a list of too many":                   {tag + number(51), "ListTagResources: ResourceId has 51 items, at most 50"},
		"a list that begins with nothing":      {tag + "&ResourceId.0=rm-1", "ListTagResources: ResourceId has 1 items, and none is number 1"},
		"a list with a hole":                   {tag + number(1) + "&ResourceId.3=rm-3", "ListTagResources: ResourceId has 2 items, and none is number 2"},
		"an item with a field that is not its": {tag + number(1) + "&Tag.1.Key=k&Tag.1.Scope=s", "ListTagResources: Tag has items with a Scope"},
		"a plain item with a field":            {tag + "&ResourceId.1.Id=rm-1", "ListTagResources: ResourceId has no 1."},
		"an item of a plain list with one":     {tag + number(1) + "&ResourceId.1.Id=rm-1", "ListTagResources: ResourceId has items with a Id"},
		"more tasks than may be":               {tasks + "&TaskId=1" + strings.Repeat(",1", 30), "DescribeHistoryTasks: TaskId has 31 ids, at most 30"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent, err := url.ParseQuery(test.sent)
			must(t, err)
			if got := strings.Join(f.problems(sent), "\n"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	style := parameter{Type: "array", Style: "json", MaxItems: 51}
	if got := style.wrongList(map[string][]string{"1": {""}}, 50); !strings.Contains(got, `in the style "json"`) {
		t.Errorf("another style: got %q", got)
	}
	// No action that the function uses has these two.
	keyed := parameter{Type: "array", Style: "repeatList", MaxItems: 21, Required: true, Items: map[string]string{"Key": "required", "Value": "optional"}}
	if got := keyed.wrongList(map[string][]string{"1": {"Value"}}, 20); got != "has no 1.Key" {
		t.Errorf("an item without its required field: got %q", got)
	}
	made := facts{Actions: map[string]action{"MadeUp": {Parameters: map[string]parameter{"Tag": keyed}}}}
	if got := made.problems(url.Values{"Action": {"MadeUp"}}); !slices.Equal(got, []string{"MadeUp: Tag is missing"}) {
		t.Errorf("a required list less: got %q", got)
	}
}

// silent are the methods of the client that call nothing.
var silent = map[string]string{
	"Patient": "it says how a page of a list is repeated",
}

// Each method of the client is run, whatever there are, and what it sends is compared with the facts.
func TestEveryCallIsAsDocumented(t *testing.T) {
	t.Parallel()
	f := readFacts(t)
	met, undeclared := map[string]bool{}, map[string]bool{}
	for name, m := range methodsOfTheSource(t) {
		requests := sentBy(t, f, name, m)
		if (len(requests) == 0) != (silent[name] != "") {
			t.Errorf("%s makes %d calls: is it one that makes none?", name, len(requests))
		}
		for _, sent := range requests {
			for _, problem := range f.problems(sent) {
				t.Errorf("%s: %s", name, problem)
			}
			called := sent.Get("Action")
			met[called] = true
			for parameter := range sent {
				if _, declared := f.Actions[called].Parameters[parameter]; !declared {
					undeclared[parameter] = true
				}
			}
		}
	}
	if diff := cmp.Diff(actionsOfTheSource(t), slices.Sorted(maps.Keys(met))); diff != "" {
		t.Errorf("actions (-source +seen):\n%s", diff)
	}
	for parameter := range ofTheSDK {
		if !undeclared[parameter] {
			t.Errorf("%s is said to be sent without being declared, and is not", parameter)
		}
	}
}
