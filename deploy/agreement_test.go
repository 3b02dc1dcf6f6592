package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/events"
)

// template reads the ROS template.
func template(t *testing.T) map[string]any {
	t.Helper()
	document, problems := templateOf(read(t, "resources.ros.yaml"))
	if problems != nil {
		t.Fatal(problems)
	}
	return document
}

// templateOf opens the text of a template. Fn::Sub becomes its text, with the operator's names of the variables.
func templateOf(text []byte) (map[string]any, []string) {
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, []string{err.Error()}
	}
	var problems []string
	substituted(document, func(problem string) { problems = append(problems, problem) })
	return document, problems
}

func substituted(value any, refuse func(problem string)) any {
	switch v := value.(type) {
	case map[string]any:
		if sub, ok := v["Fn::Sub"].(string); ok && len(v) == 1 {
			return placeholder.ReplaceAllStringFunc(sub, func(p string) string {
				if inTemplate[p] == "" {
					refuse(fmt.Sprintf("resources.ros.yaml: %s in %q is neither a parameter nor a pseudo parameter", p, sub))
				}
				return inTemplate[p]
			})
		}
		if ref, ok := v["Ref"].(string); ok && len(v) == 1 {
			return substituted(map[string]any{"Fn::Sub": "${" + ref + "}"}, refuse)
		}
		for key := range v {
			v[key] = substituted(v[key], refuse)
		}
	case []any:
		for n := range v {
			v[n] = substituted(v[n], refuse)
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

func TestTheTemplateAgreesWithTheOtherFiles(t *testing.T) {
	t.Parallel()
	for _, problem := range templateProblems(t, read(t, "resources.ros.yaml")) {
		t.Error(problem)
	}
}

// templateProblems says in what the text of a template disagrees with s.yaml and the policies.
func templateProblems(t *testing.T, text []byte) []string {
	t.Helper()
	all, problems := templateOf(text)
	if problems != nil {
		return problems
	}
	problems = bucket(all)
	for name, files := range map[string]string{"FunctionRole": "function", "TriggerRole": "trigger"} {
		properties := at[map[string]any](all, "Resources", name, "Properties")
		want := map[string]any{
			"trust":    document(t, files+"-trust.json"),
			"policies": []any{map[string]any{"PolicyName": properties["RoleName"], "PolicyDocument": document(t, files+"-policy.json")}},
		}
		got := map[string]any{"trust": properties["AssumeRolePolicyDocument"], "policies": properties["Policies"]}
		if diff := cmp.Diff(want, got); diff != "" {
			problems = append(problems, fmt.Sprintf("%s (-json +template):\n%s", name, diff))
		}
	}
	return problems
}

// bucket says what is wrong with the bucket of a template. A key that is not listed here is refused, above all VersioningConfiguration: the
// function refuses a bucket that has or ever had versioning.
func bucket(all map[string]any) []string {
	return object(map[string]rule{
		"Type":           exactly("ALIYUN::OSS::Bucket"),
		"DeletionPolicy": exactly("Retain"),
		"Properties": object(map[string]rule{
			"BucketName":        exactly("${STATE_BUCKET}"),
			"AccessControl":     exactly("private"),
			"BlockPublicAccess": exactly(true),
			"LifecycleConfiguration": object(map[string]rule{"Rule": each(object(map[string]rule{
				"ID": prose(), "Status": exactly("Enabled"),
				"Prefix": exactly(statePrefix + "/state/"), // the archive under rollouts/ stays
				// The newest number is up to a day old (state.MaxAge). A week is the least that leaves time to notice that the timer is off.
				"Expiration": object(map[string]rule{"Days": whole(7, 365, 1)}, nil),
			}, nil))}, nil),
		}, nil),
	}, nil)("State", at[any](all, "Resources", "State"))
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
		"ALIYUN::RAM::Role": "RoleName", "ALIYUN::OSS::Bucket": "BucketName",
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
		"OSS::Bucket the-state",
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

func TestTheManifestAndThePoliciesMeanTheSame(t *testing.T) {
	t.Parallel()
	for _, problem := range grantProblems(t, func(file string) []byte { return read(t, file) }) {
		t.Error(problem)
	}
}

// grantProblems says where a resource that s.yaml names is not the one that a policy lets its user have.
func grantProblems(t *testing.T, text func(file string) []byte) []string {
	t.Helper()
	props := manifestProps(t)
	mns := "acs:mns:cn-hangzhou:1234567890123456:"
	instances := []string{"acs:rds:*:1234567890123456:dbinstance/*"}
	function := "acs:fc:cn-hangzhou:1234567890123456:functions/" + props["functionName"].(string)
	topic := mns + "/topics/" + at[string](props, "environmentVariables", "RESULT_TOPIC") + "/messages"
	failures := at[string](props, "asyncInvokeConfig", "destinationConfig", "onFailure", "destination")
	bucket := "acs:oss:*:1234567890123456:" + at[string](props, "environmentVariables", "STATE_BUCKET")
	objects, first := bucket+"/"+statePrefix+"/*", bucket+"/"+firstDocument(t)
	logs := fmt.Sprintf("acs:log:cn-hangzhou:1234567890123456:project/%s/logstore/%s",
		at[string](props, "logConfig", "project"), at[string](props, "logConfig", "logstore"))
	requests := props["triggers"].([]any)[0].(map[string]any)
	cases := []struct {
		file, action string
		want         []string
	}{
		{"function-policy.json", "rds:DescribeDBInstances", instances},
		{"function-policy.json", "rds:DescribeDBInstanceAttribute", instances},
		{"function-policy.json", "rds:UpgradeDBInstanceKernelVersion", instances},
		{"function-policy.json", "mns:PublishMessage", []string{topic}},
		{"function-policy.json", "mns:SendMessage", []string{failures}},
		{"function-policy.json", "oss:GetObject", []string{objects}},
		{"function-policy.json", "oss:PutObject", []string{objects}},
		{"function-policy.json", "oss:ListObjects", []string{bucket}},
		{"function-policy.json", "oss:GetBucketVersioning", []string{bucket}},
		{"function-policy.json", "log:PostLogStoreLogs", []string{logs}},
		{"trigger-policy.json", "fc:InvokeFunction", []string{function, function + "/" + requests["qualifier"].(string)}},
		{"deployer-policy.json", "fc:UpdateFunction", []string{function, function + "/*"}},
		{"deployer-policy.json", "ram:PassRole", []string{props["role"].(string), requests["invocationRole"].(string)}},
		{"deployer-policy.json", "mns:Subscribe", []string{requests["sourceArn"].(string) + "/subscriptions/*"}},
		{"deployer-policy.json", "oss:GetObject", []string{first}},
		{"deployer-policy.json", "oss:PutObject", []string{first}},
		{"deployer-policy.json", "oss:ListObjects", []string{bucket}},
		{"deployer-policy.json", "oss:GetBucketVersioning", []string{bucket}},
	}
	var problems []string
	for _, c := range cases {
		got := parsePolicy(t, c.file, text(c.file)).resourcesOf(c.action)
		for n := range got {
			got[n] = asOperator(t, got[n])
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			problems = append(problems, fmt.Sprintf("%s: %s (-s.yaml +policy):\n%s", c.file, c.action, diff))
		}
	}
	return problems
}

// firstDocument returns the key of the document's first number, in the form that function/internal/state gives it.
func firstDocument(t *testing.T) string {
	t.Helper()
	const store = "../function/internal/state/store.go"
	form := regexp.MustCompile(`"%s(%0[0-9]+d\.json)", k\.folder\(\)`).FindSubmatch(read(t, store))
	if form == nil || !bytes.Contains(read(t, store), []byte(`string(k) + "/state/"`)) {
		t.Fatalf("%s: the form of the keys is not found", store)
	}
	return statePrefix + "/state/" + fmt.Sprintf(string(form[1]), 1)
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
		variables:      variablesOfTheCode(t),
		functionRole:   at[string](role(t, "FunctionRole"), "RoleName"),
		triggerRole:    at[string](role(t, "TriggerRole"), "RoleName"),
		callsPerSecond: callsPerSecond(t),
	}
}

// callsPerSecond is the rate of the policy that is packed.
func callsPerSecond(t *testing.T) float64 {
	t.Helper()
	var policy map[string]any
	if err := yaml.Unmarshal(read(t, "../policy.yaml"), &policy); err != nil {
		t.Fatal(err)
	}
	rate, ok := number(at[any](policy, "rate", "callsPerSecond"))
	if !ok {
		t.Fatal("policy.yaml: rate.callsPerSecond is not where it was")
	}
	return rate
}

// TestTheLocalCloudHasTheNamesOfTheDeployment: what is tried there is what is deployed.
func TestTheLocalCloudHasTheNamesOfTheDeployment(t *testing.T) {
	t.Parallel()
	props := manifestProps(t)
	names := []any{props["functionName"]}
	for _, trigger := range props["triggers"].([]any) {
		if t := trigger.(map[string]any); t["triggerName"] == tickTimer {
			names = append(names, tickTimer, at[string](t, "triggerConfig", "payload"))
		}
	}
	if len(names) != 3 {
		t.Fatalf("s.yaml has the names %v: want the function, its clock and the clock's payload", names)
	}
	constants := constantsOf(t, "../local/stack/stack.go")
	for _, name := range names {
		if !slices.Contains(constants, name.(string)) {
			t.Errorf("local/stack has no constant that is %v", name)
		}
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
	for _, name := range []string{
		"`" + tickTimer + "`", "`nightly`", "`kernel-upgrade` = `auto`",
		strings.TrimPrefix(firstDocument(t), statePrefix+"/"), "oss://$STATE_BUCKET/" + statePrefix + "/rollouts/",
	} {
		if !strings.Contains(readme, name) {
			t.Errorf("deploy/README.md does not mention %s", name)
		}
	}
	_, request, _ := strings.Cut(readme, `       {"kind"`)
	request, _, _ = strings.Cut(`{"kind"`+request, "\n\n")
	if _, err := events.Parse([]byte(request), time.Now()); err != nil {
		t.Errorf("deploy/README.md: the request %s: %v", request, err)
	}
	for name := range operator {
		if !strings.Contains(readme, "export "+name+"=") {
			t.Errorf("deploy/README.md does not export %s", name)
		}
	}
}
