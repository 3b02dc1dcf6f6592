package deploy_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// policy is a RAM policy in the one form that these files use: lists everywhere.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string][]string `json:",omitempty"`
}

func readPolicy(t *testing.T, file string) policy {
	t.Helper()
	return parsePolicy(t, file, read(t, file))
}

func parsePolicy(t *testing.T, file string, text []byte) policy {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var p policy
	if err := decoder.Decode(&p); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return p
}

func (p policy) actions() []string {
	var all []string
	for _, s := range p.Statement {
		all = append(all, s.Action...)
	}
	slices.Sort(all)
	return all
}

// resourcesOf gives what an action is granted on.
func (p policy) resourcesOf(action string) []string {
	var all []string
	for _, s := range p.Statement {
		if slices.Contains(s.Action, action) {
			all = append(all, s.Resource...)
		}
	}
	return all
}

// policies are the files that say what somebody may do.
func policies(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*-policy.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("policies: %v, %v: want the function's, the trigger's and the deployer's", files, err)
	}
	return files
}

// platform is what Function Compute does in the function's name, which no line of its code calls.
var platform = map[string]string{
	"mns:SendMessage":      "asyncInvokeConfig.destinationConfig.onFailure is written to with the function's role",
	"log:PostLogStoreLogs": "the function's output goes to logConfig's logstore with the function's role",
}

// otherNames are second names of rights, by what the code calls. MNS's official pages disagree on the right that BatchReceiveMessage
// needs: its own page (doc-detail/35137) has mns:BatchReceiveMessage, another one (help.aliyun.com/zh/mns/b3asrm) mns:ReceiveMessage.
// Both are granted, and both of the right to delete. On one queue the second name permits nothing that the first does not.
var otherNames = map[string]string{
	"mns:BatchReceiveMessage": "mns:ReceiveMessage",
	"mns:DeleteMessage":       "mns:BatchDeleteMessage",
}

func TestTheFunctionMayDoExactlyWhatItsCodeCanCall(t *testing.T) {
	t.Parallel()
	called := actionsOfTheCode(t)
	want := slices.Clone(called)
	for _, action := range []string{"rds:UpgradeDBInstanceKernelVersion", "rds:DescribeDBInstanceAttribute", "mns:PublishMessage"} {
		if !slices.Contains(want, action) {
			t.Fatalf("the code calls %v: %s is not found any more", want, action)
		}
	}
	for action := range platform {
		want = append(want, action)
	}
	for action, other := range otherNames {
		if !slices.Contains(called, action) || slices.Contains(called, other) {
			t.Errorf("%s is another name for %s: the code calls %v", other, action, called)
		}
		want = append(want, other)
	}
	slices.Sort(want)
	if diff := cmp.Diff(slices.Compact(want), readPolicy(t, "function-policy.json").actions()); diff != "" {
		t.Errorf("function-policy.json (-called +granted):\n%s", diff)
	}
}

// wherever holds the actions whose permission cannot be given for a resource: a policy that names one would not take effect.
var wherever = map[string]string{
	"rds:DescribeDBMiniEngineVersions": `RDS API 2014-08-15, DescribeDBMiniEngineVersions, RAM authorization: "All Resource *"`,
	"rds:DescribeHistoryTasks":         `RDS API 2014-08-15, DescribeHistoryTasks, RAM authorization: "All Resource *"`,
	"fc:GetTempBucketToken":            "fc3 uploads the package to a bucket of Function Compute's, of which no resource form is documented",
}

func TestNoPolicyIsWiderThanTheCloudForces(t *testing.T) {
	t.Parallel()
	for _, file := range policies(t) {
		p := readPolicy(t, file)
		if p.Version != "1" {
			t.Errorf("%s: version %q: want 1", file, p.Version)
		}
		for _, s := range p.Statement {
			if s.Effect != "Allow" || len(s.Action) == 0 || len(s.Resource) == 0 {
				t.Errorf("%s: %v: want Allow, actions and resources", file, s)
			}
			for _, action := range s.Action {
				if strings.Contains(action, "*") {
					t.Errorf("%s: action %s: want every action by name", file, action)
				}
				if slices.Contains(s.Resource, "*") != (wherever[action] != "") {
					t.Errorf("%s: %s on %v: want * where the cloud forces it, and nowhere else", file, action, s.Resource)
				}
			}
			for _, resource := range s.Resource {
				if resource != "*" && strings.Contains(resource, ":*:*:") || strings.HasPrefix(resource, "acs:mns:*") {
					t.Errorf("%s: resource %s: want this account, and for MNS this region", file, resource)
				}
				asOperator(t, resource)
			}
		}
	}
}

func TestOnlyInstancesWithTheTagCanBeUpgraded(t *testing.T) {
	t.Parallel()
	want := map[string]map[string][]string{"StringEquals": {"rds:ResourceTag/kernel-upgrade": {"auto"}}}
	found := 0
	for _, s := range readPolicy(t, "function-policy.json").Statement {
		if slices.Contains(s.Action, upgradeAction) {
			found++
			if diff := cmp.Diff(want, s.Condition); diff != "" {
				t.Errorf("the condition (-want +got):\n%s", diff)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d grants of %s: want one", found, upgradeAction)
	}
}

const upgradeAction = "rds:UpgradeDBInstanceKernelVersion"

// TestTheConditionIsOnNothingElse: reading has no condition key, TagResources has none either, so that a condition would turn the
// permission off, and a claim that was written on an instance without the tag must come off it again.
func TestTheConditionIsOnNothingElse(t *testing.T) {
	t.Parallel()
	for _, file := range policies(t) {
		for _, s := range readPolicy(t, file).Statement {
			if s.Condition != nil && !cmp.Equal(s.Action, []string{upgradeAction}) {
				t.Errorf("%s: %v has a condition", file, s.Action)
			}
		}
	}
}
