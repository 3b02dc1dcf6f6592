package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// template reads the ROS template. Fn::Sub becomes its text, with the operator's names of the variables.
func template(t *testing.T) map[string]any {
	t.Helper()
	var document map[string]any
	if err := yaml.Unmarshal(read(t, "resources.ros.yaml"), &document); err != nil {
		t.Fatal(err)
	}
	return substituted(t, document).(map[string]any)
}

func substituted(t *testing.T, value any) any {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		if sub, ok := v["Fn::Sub"].(string); ok && len(v) == 1 {
			return placeholder.ReplaceAllStringFunc(sub, func(p string) string {
				if inTemplate[p] == "" {
					t.Errorf("resources.ros.yaml: %s in %q is neither a parameter nor a pseudo parameter", p, sub)
				}
				return inTemplate[p]
			})
		}
		if ref, ok := v["Ref"].(string); ok && len(v) == 1 {
			return substituted(t, map[string]any{"Fn::Sub": "${" + ref + "}"})
		}
		for key := range v {
			v[key] = substituted(t, v[key])
		}
	case []any:
		for n := range v {
			v[n] = substituted(t, v[n])
		}
	}
	return value
}

// role finds a role of the template.
func role(t *testing.T, name string) map[string]any {
	t.Helper()
	properties := at[map[string]any](template(t), "Resources", name, "Properties")
	if properties == nil {
		t.Fatalf("resources.ros.yaml: no resource %s", name)
	}
	return properties
}

func document(t *testing.T, file string) map[string]any {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(read(t, file), &d); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return d
}

func TestTheTemplateHasThePoliciesOfTheFiles(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]string{"FunctionRole": "function", "TriggerRole": "trigger"} {
		properties := role(t, name)
		if diff := cmp.Diff(document(t, files+"-trust.json"), properties["AssumeRolePolicyDocument"]); diff != "" {
			t.Errorf("%s: trust (-json +template):\n%s", name, diff)
		}
		attached := at[[]any](properties, "Policies")
		if len(attached) != 1 {
			t.Fatalf("%s: %d policies: want one", name, len(attached))
		}
		if diff := cmp.Diff(document(t, files+"-policy.json"), attached[0].(map[string]any)["PolicyDocument"]); diff != "" {
			t.Errorf("%s: policy (-json +template):\n%s", name, diff)
		}
	}
}

func TestOnlyTheirServicesMayTakeTheRoles(t *testing.T) {
	t.Parallel()
	for file, service := range map[string]string{"function-trust.json": "fc.aliyuncs.com", "trigger-trust.json": "mns.aliyuncs.com"} {
		want := map[string]any{"Version": "1", "Statement": []any{map[string]any{
			"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": []any{service}},
		}}}
		if diff := cmp.Diff(want, document(t, file)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// TestTheTemplateMakesWhatTheFunctionNeeds lists the resources by type and name. The properties' names are ROS's.
func TestTheTemplateMakesWhatTheFunctionNeeds(t *testing.T) {
	t.Parallel()
	names := map[string]string{
		"ALIYUN::MNS::Topic": "TopicName", "ALIYUN::MNS::Queue": "QueueName", "ALIYUN::MNS::Subscription": "Endpoint",
		"ALIYUN::SLS::Project": "Name", "ALIYUN::SLS::Logstore": "LogstoreName", "ALIYUN::SLS::Index": "LogstoreName",
		"ALIYUN::RAM::Role": "RoleName",
	}
	var got []string
	resources := at[map[string]any](template(t), "Resources")
	for _, resource := range slices.Sorted(maps.Keys(resources)) {
		kind := at[string](resources, resource, "Type")
		name := at[string](resources, resource, "Properties", names[kind])
		got = append(got, strings.TrimPrefix(kind, "ALIYUN::")+" "+asOperator(t, name))
	}
	slices.Sort(got)
	want := []string{
		"MNS::Queue the-failures",
		"MNS::Queue the-results-inbox",
		"MNS::Subscription acs:mns:cn-hangzhou:1234567890123456:queues/the-results-inbox",
		"MNS::Topic the-requests",
		"MNS::Topic the-results",
		"RAM::Role rds-kernel-upgrade-fc",
		"RAM::Role rds-kernel-upgrade-mns",
		"SLS::Index function",
		"SLS::Logstore function",
		"SLS::Project rds-kernel-upgrade-1234567890123456",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resources.ros.yaml (-want +got):\n%s", diff)
	}
}

// TestTheManifestAndThePoliciesMeanTheSame: every resource that s.yaml names is the one that a policy lets its user have.
func TestTheManifestAndThePoliciesMeanTheSame(t *testing.T) {
	t.Parallel()
	props := manifestProps(t)
	mns := "acs:mns:cn-hangzhou:1234567890123456:"
	function := "acs:fc:cn-hangzhou:1234567890123456:functions/" + props["functionName"].(string)
	topic := mns + "/topics/" + at[string](props, "environmentVariables", "RESULT_TOPIC") + "/messages"
	queue := at[string](props, "asyncInvokeConfig", "destinationConfig", "onFailure", "destination")
	logs := fmt.Sprintf("acs:log:cn-hangzhou:1234567890123456:project/%s/logstore/%s",
		at[string](props, "logConfig", "project"), at[string](props, "logConfig", "logstore"))
	requests := props["triggers"].([]any)[0].(map[string]any)
	cases := []struct {
		file, action string
		want         []string
	}{
		{"function-policy.json", "mns:PublishMessage", []string{topic}},
		{"function-policy.json", "mns:SendMessage", []string{queue}},
		{"function-policy.json", "log:PostLogStoreLogs", []string{logs}},
		{"trigger-policy.json", "fc:InvokeFunction", []string{function, function + "/" + requests["qualifier"].(string)}},
		{"deployer-policy.json", "fc:UpdateFunction", []string{function, function + "/*"}},
		{"deployer-policy.json", "ram:PassRole", []string{props["role"].(string), requests["invocationRole"].(string)}},
		{"deployer-policy.json", "mns:Subscribe", []string{requests["sourceArn"].(string) + "/subscriptions/*"}},
	}
	for _, c := range cases {
		got := readPolicy(t, c.file).resourcesOf(c.action)
		for n := range got {
			got[n] = asOperator(t, got[n])
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s (-s.yaml +policy):\n%s", c.file, c.action, diff)
		}
	}
}

// manifestProps gives the properties of the function with the operator's values in them.
func manifestProps(t *testing.T) map[string]any {
	t.Helper()
	var d map[string]any
	if err := yaml.Unmarshal(read(t, "../s.yaml"), &d); err != nil {
		t.Fatal(err)
	}
	if problems := resolve("s.yaml", d, variablesOf(d)); problems != nil {
		t.Fatal(problems)
	}
	return at[map[string]any](d, "resources", "upgrader", "props")
}

func theFacts(t *testing.T) facts {
	t.Helper()
	return facts{
		variables:    variablesOfTheCode(t),
		functionRole: at[string](role(t, "FunctionRole"), "RoleName"),
		triggerRole:  at[string](role(t, "TriggerRole"), "RoleName"),
	}
}

// TestTheReadMeNamesEveryFile keeps deploy/README.md complete.
func TestTheReadMeNamesEveryFile(t *testing.T) {
	t.Parallel()
	readme := string(read(t, "README.md"))
	for _, file := range append(policies(t), "function-trust.json", "trigger-trust.json", "resources.ros.yaml") {
		if !strings.Contains(readme, path.Base(file)) {
			t.Errorf("deploy/README.md does not mention %s", file)
		}
	}
	for name := range operator {
		if !strings.Contains(readme, "export "+name+"=") {
			t.Errorf("deploy/README.md does not export %s", name)
		}
	}
}
