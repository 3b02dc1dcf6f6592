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

func TestTheFunctionMayDoExactlyWhatItsCodeCanCall(t *testing.T) {
	t.Parallel()
	want := actionsOfTheCode(t)
	for _, action := range []string{"rds:UpgradeDBInstanceKernelVersion", "rds:DescribeDBInstanceAttribute", "mns:PublishMessage", "oss:PutObject"} {
		if !slices.Contains(want, action) {
			t.Fatalf("the code calls %v: %s is not found any more", want, action)
		}
	}
	for action := range platform {
		want = append(want, action)
	}
	slices.Sort(want)
	if diff := cmp.Diff(slices.Compact(want), readPolicy(t, "function-policy.json").actions()); diff != "" {
		t.Errorf("function-policy.json (-called +granted):\n%s", diff)
	}
}

// TestTheFunctionMayWriteNoTag: who can write tags can opt in any instance of the account.
func TestTheFunctionMayWriteNoTag(t *testing.T) {
	t.Parallel()
	for _, action := range readPolicy(t, "function-policy.json").actions() {
		if strings.Contains(action, "Tag") && action != "rds:ListTagResources" {
			t.Errorf("function-policy.json grants %s", action)
		}
	}
}

// TestTheDeployerMayMakeTheFirstDocumentOnly: `make state` lists, creates the first number, and reads it when it exists already.
func TestTheDeployerMayMakeTheFirstDocumentOnly(t *testing.T) {
	t.Parallel()
	want := []string{"oss:GetBucketVersioning", "oss:GetObject", "oss:ListObjects", "oss:PutObject"}
	got := slices.DeleteFunc(readPolicy(t, "deployer-policy.json").actions(), func(action string) bool { return !strings.HasPrefix(action, "oss:") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deployer-policy.json (-want +granted):\n%s", diff)
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
	hasCondition(t, "function-policy.json", "rds:UpgradeDBInstanceKernelVersion")
}

// The function lists the numbers of the document. Whoever deploys lists the archives, too: where there are some and no document, it was lost.
func TestOnlyWhatIsOfTheDocumentCanBeListed(t *testing.T) {
	t.Parallel()
	hasCondition(t, "function-policy.json", "oss:ListObjects")
	hasCondition(t, "deployer-policy.json", "oss:ListObjects")
}

// conditions are all conditions that there are, by their action; wider are those of the deployer that are not the function's. Only StringEquals
// is used.
var (
	conditions = map[string]map[string][]string{
		"rds:UpgradeDBInstanceKernelVersion": {"rds:ResourceTag/kernel-upgrade": {"auto"}},
		"oss:ListObjects":                    {"oss:Prefix": {statePrefix + "/state/"}},
	}
	wider = map[string]map[string][]string{
		"oss:ListObjects": {"oss:Prefix": {statePrefix + "/state/", statePrefix + "/rollouts/"}},
	}
)

// hasCondition checks that a policy grants an action once, and with its condition.
func hasCondition(t *testing.T, file, action string) {
	t.Helper()
	found, want := 0, conditions[action]
	if file == "deployer-policy.json" {
		want = wider[action]
	}
	for _, s := range readPolicy(t, file).Statement {
		if slices.Contains(s.Action, action) {
			found++
			if diff := cmp.Diff(map[string]map[string][]string{"StringEquals": want}, s.Condition); diff != "" {
				t.Errorf("%s: %s: the condition (-want +got):\n%s", file, action, diff)
			}
		}
	}
	if found != 1 {
		t.Errorf("%s: %d grants of %s: want one", file, found, action)
	}
}

// TestAConditionIsOnNothingElse: an action that does not know the condition's key would not be permitted at all.
func TestAConditionIsOnNothingElse(t *testing.T) {
	t.Parallel()
	for _, file := range policies(t) {
		for _, s := range readPolicy(t, file).Statement {
			if s.Condition != nil && (len(s.Action) != 1 || conditions[s.Action[0]] == nil) {
				t.Errorf("%s: %v has a condition", file, s.Action)
			}
		}
	}
}
