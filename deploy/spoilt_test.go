package deploy_test

import (
	"strings"
	"testing"
)

const nightlyPayload = `{"kind":"sweep","select":{"tags":{"env":"dev"}},"schedule":{"UpgradeTime":"MaintainTime"},"mode":"plan"}`

func TestTheManifestIsRight(t *testing.T) {
	t.Parallel()
	for _, problem := range problemsOf(read(t, "../s.yaml"), theFacts(t)) {
		t.Error(problem)
	}
}

// TestASpoiltManifestIsRefused spoils one place of s.yaml at a time. fc3's schema lets most of these pass, a missing time-out or
// role as well as every wrong trigger, and only notes the others in its debug log.
func TestASpoiltManifestIsRefused(t *testing.T) {
	t.Parallel()
	whole := string(read(t, "../s.yaml"))
	f := theFacts(t)
	cases := map[string]struct {
		old, new string // old occurs once
		want     string
	}{
		"runtime misspelt":                           {"runtime: go1", "runetime: go1", "props: unknown key runetime"},
		"runtime left out":                           {"      runtime: go1\n", "", "props: runtime is missing"},
		"a custom runtime, which the SDK cannot use": {"runtime: go1", "runtime: custom.debian12", `props.runtime: got "custom.debian12": want "go1"`},
		"a handler that is not in the package":       {"handler: main #", "handler: bootstrap #", `props.handler: got "bootstrap": want "main"`},
		"a handler as other languages have it":       {"handler: main #", "handler: index.handler #", "props.handler: got"},
		"a folder as the code":                       {"./target/rds-kernel-upgrade.zip", "./target", "want the package that make package leaves"},
		"another package":                            {"./target/rds-kernel-upgrade.zip", "./target/other.zip", "./target/other.zip is not named after the function"},
		"the package is not built":                   {"- run: make package", "- run: make build", `pre-deploy[0].run: got "make build": want "make package"`},
		"no first document":                          {"        - run: make state\n          path: ./\n", "", "pre-deploy: got a list of 1: want a list of 2"},
		"the first document before the package":      {"- run: make state", "- run: make package", `pre-deploy[1].run: got "make package": want "make state"`},
		"an action that edition 3 never runs":        {"        - run: make state\n", "      post-deploy:\n        - run: make state\n", "actions: unknown key post-deploy"},
		"another component":                          {"component: fc3", "component: fc", `upgrader.component: got "fc": want "fc3"`},
		"edition 2":                                  {"edition: 3.0.0", "edition: 1.0.0", `s.yaml.edition: got "1.0.0"`},
		"a key twice":                                {"handler: main #", "runtime: go1\n      handler: main #", `already defined`},
		"no YAML":                                    {"props:", "props: [", "yaml:"},
		"a list where a mapping belongs":             {"concurrencyConfig:\n        reservedConcurrency: 1", "concurrencyConfig: [1]", "concurrencyConfig: got a list of 1: want a mapping"},
		"a mapping where a list belongs":             {"triggers:\n", "triggers: {}\n      oldTriggers:\n", "props.triggers: got a mapping of : want a list"},

		"memory that is no multiple of 64":     {"memorySize: 128", "memorySize: 100", "props.memorySize: got int 100"},
		"memory in quotes":                     {"memorySize: 128", "memorySize: '128'", `props.memorySize: got "128"`},
		"too much CPU for the memory":          {"cpu: 0.1", "cpu: 0.15", "want 1 to 4 GB for each vCPU"},
		"too little CPU for the memory":        {"memorySize: 128", "memorySize: 512", "cpu 0.1 and 0.5 GB"},
		"CPU between two steps":                {"cpu: 0.1", "cpu: 0.12", "want a multiple of 0.05"},
		"CPU in words":                         {"cpu: 0.1", "cpu: little", `props.cpu: got "little"`},
		"a disk size that there is not":        {"diskSize: 512", "diskSize: 1024", "props.diskSize: got int 1024: want 512"},
		"a time-out too short for one request": {"timeout: 1800", "timeout: 3", "props.timeout: got int 3: want a whole number from 60 to 86400"},
		"a time-out too short for a fleet":     {"timeout: 1800", "timeout: 1100", "to read 10000 instances at 10 calls a second takes 1030 seconds"},
		"a time-out that there is not":         {"timeout: 1800", "timeout: 90000", "from 60 to 86400"},

		"the broad default role":               {"role: acs:ram::${vars.account}:role/rds-kernel-upgrade-fc", "role: auto", `props.role: got "auto"`},
		"a role that deploy/ does not make":    {"role/rds-kernel-upgrade-fc", "role/AliyunFCDefaultRole", `want "acs:ram::1234567890123456:role/rds-kernel-upgrade-fc"`},
		"the trigger's role for the function":  {"role/rds-kernel-upgrade-fc", "role/rds-kernel-upgrade-mns", "props.role: got"},
		"an account written into a role":       {"role: acs:ram::${vars.account}", "role: acs:ram::1111111111111111", "props.role: got"},
		"no role for the trigger":              {"          invocationRole: acs:ram::${vars.account}:role/rds-kernel-upgrade-mns\n", "", "triggers[0]: invocationRole is missing"},
		"the broad default role for a trigger": {"role/rds-kernel-upgrade-mns", "role/AliyunMNSNotificationRole", "triggers[0].invocationRole: got"},

		"a variable that is a number":                {"LOG_LEVEL: INFO", "LOG_LEVEL: 0", "environmentVariables.LOG_LEVEL: got int 0: want a text"},
		"a variable that is a truth value":           {"LOG_LEVEL: INFO", "POLICY_FILE: true", "environmentVariables.POLICY_FILE: got bool true: want a text"},
		"a variable without a value":                 {"LOG_LEVEL: INFO", "LOG_LEVEL:", "environmentVariables.LOG_LEVEL: got nothing"},
		"a log level that there is not":              {"LOG_LEVEL: INFO", "LOG_LEVEL: LOUD", "LOG_LEVEL: \"LOUD\""},
		"a variable that the function does not know": {"LOG_LEVEL: INFO", "DRY_RUN: 'true'", "environmentVariables: unknown key DRY_RUN"},
		"a variable that the function requires":      {"        RESULT_TOPIC: ${env('RESULT_TOPIC')}\n", "", "environmentVariables: RESULT_TOPIC is missing"},
		"a seventh variable of the operator":         {"${env('FAILURE_QUEUE')}", "${env('DEAD_QUEUE')}", "${env('DEAD_QUEUE')} is not one of the operator's variables"},
		"a placeholder in the shell's form":          {"${env('FC_REGION')}", "${FC_REGION}", "is not one of the operator's variables"},
		"a variable of the file that there is not":   {"region: ${vars.region}", "region: ${vars.place}", "${vars.place} is not one of"},
		"a region that is none":                      {"region: ${vars.region}", "region: Hangzhou", "props.region: got"},
		"results to the topic that triggers":         {"RESULT_TOPIC: ${env('RESULT_TOPIC')}", "RESULT_TOPIC: ${env('REQUEST_TOPIC')}", "it would run for ever"},
		"requests from the topic of the results":     {"/topics/${env('REQUEST_TOPIC')}", "/topics/${env('RESULT_TOPIC')}", "it would run for ever"},
		"failures to the topic that triggers":        {"/queues/${env('FAILURE_QUEUE')}/messages", "/topics/${env('REQUEST_TOPIC')}/messages", "onFailure.destination: got"},
		"failures to a queue without its last part":  {"/queues/${env('FAILURE_QUEUE')}/messages", "/queues/${env('FAILURE_QUEUE')}", "want an MNS queue"},
		"failures to a queue of another region":      {"destination: acs:mns:${vars.region}:", "destination: acs:mns:cn-beijing:", "in the function's region and account"},
		"successes to a destination":                 {"          onFailure:", "          onSuccess: {destination: x}\n          onFailure:", "destinationConfig: unknown key onSuccess"},
		"no destination for failures":                {"          onFailure:", "          onfailure:", "onFailure is missing"},
		"no age of events":                           {"        maxAsyncEventAgeInSeconds: 7200\n", "", "maxAsyncEventAgeInSeconds is missing"},
		"an age that fc3 takes and the API does not": {"maxAsyncEventAgeInSeconds: 7200", "maxAsyncEventAgeInSeconds: 2592000", "from 1 to 604800"},
		"more retries than there are":                {"maxAsyncRetryAttempts: 8", "maxAsyncRetryAttempts: 9", "maxAsyncRetryAttempts: got int 9"},
		"retries left to the default":                {"        maxAsyncRetryAttempts: 8\n", "", "maxAsyncRetryAttempts is missing"},
		"an unknown key deep inside":                 {"maxAsyncRetryAttempts: 8", "maxAsyncRetryAttempts: 8\n        maxRetries: 8", "asyncInvokeConfig: unknown key maxRetries"},
		"no reserved concurrency":                    {"reservedConcurrency: 1", "reserved: 1", "concurrencyConfig: reservedConcurrency is missing"},
		"two at a time":                              {"reservedConcurrency: 1", "reservedConcurrency: 2", "concurrencyConfig.reservedConcurrency: got int 2: want 1"},
		"many at a time in one process":              {"timeout: 1800", "timeout: 1800\n      instanceConcurrency: 10", "props.instanceConcurrency: got int 10: want 1"},
		"logs to a project that fc3 makes up":        {"logConfig:\n", "logConfig: auto\n      oldLogConfig:\n", `props.logConfig: got "auto": want a mapping`},
		"a log project in capitals":                  {"project: rds-kernel-upgrade-", "project: RDS-", "want the name of a log project"},
		"a truth value in quotes":                    {"enableRequestMetrics: true", "enableRequestMetrics: 'yes'", "want true or false"},

		"a topic as a bare stream":                  {"notifyContentFormat: JSON", "notifyContentFormat: STREAM", `notifyContentFormat: got "STREAM": want "JSON"`},
		"the strategy that goes on for a day":       {"notifyStrategy: BACKOFF_RETRY", "notifyStrategy: EXPONENTIAL_DECAY_RETRY", `want "BACKOFF_RETRY"`},
		"a strategy misspelt":                       {"notifyStrategy: BACKOFF_RETRY", "notifyStrategy: BACK_OFF_RETRY", "notifyStrategy: got"},
		"a field of another service's subscription": {"notifyStrategy: BACKOFF_RETRY", "notifyStrategy: BACKOFF_RETRY\n            topicName: x", "triggerConfig: unknown key topicName"},
		"a tag that MNS would not take":             {"notifyStrategy: BACKOFF_RETRY", "notifyStrategy: BACKOFF_RETRY\n            filterTag: much-too-long-a-tag", "a tag of up to 16 characters"},
		"a topic of another account":                {"sourceArn: acs:mns:${vars.region}:${vars.account}", "sourceArn: acs:mns:${vars.region}:1111111111111111", "triggers[0].sourceArn: got"},
		"a topic without its slash":                 {"${vars.account}:/topics/", "${vars.account}:topics/", "triggers[0].sourceArn: got"},
		"a type of trigger that is unknown":         {"triggerType: mns_topic", "triggerType: mns-topic", `triggers[0].triggerType: got "mns-topic": want mns_topic or timer`},
		"no topic at all":                           {"triggerType: mns_topic", "triggerType: timer", "triggers[0]"},
		"two triggers of one name":                  {"triggerName: nightly", "triggerName: requests", "two triggers are named requests"},
		"a name that begins with a digit":           {"triggerName: nightly", "triggerName: 2nd", "want a trigger's name"},

		"no bucket":                                {"        STATE_BUCKET: ${env('STATE_BUCKET')}", "        #", "environmentVariables: STATE_BUCKET is missing"},
		"a bucket by an address":                   {"STATE_BUCKET: ${env('STATE_BUCKET')}", "STATE_BUCKET: oss://${env('STATE_BUCKET')}", "STATE_BUCKET: got \"oss://the-state\": want the name of a bucket"},
		"a bucket in capitals":                     {"STATE_BUCKET: ${env('STATE_BUCKET')}", "STATE_BUCKET: State", "want the name of a bucket"},
		"a prefix on which the role has no rights": {"STATE_BUCKET: ${env('STATE_BUCKET')}", "STATE_BUCKET: ${env('STATE_BUCKET')}\n        STATE_PREFIX: other", `STATE_PREFIX: got "other": want "rds-kernel-upgrade"`},
		"the queue of an older version":            {"STATE_BUCKET: ${env('STATE_BUCKET')}", "STATE_BUCKET: ${env('STATE_BUCKET')}\n        FOLLOWUP_QUEUE: follow-ups", "environmentVariables: unknown key FOLLOWUP_QUEUE"},
		"an age that a long run uses up":           {"maxAsyncEventAgeInSeconds: 7200", "maxAsyncEventAgeInSeconds: 3600", "maxAsyncEventAgeInSeconds: 3600: want 7200 or more"},
		"an age that no throttled event reaches":   {"maxAsyncEventAgeInSeconds: 7200", "maxAsyncEventAgeInSeconds: 86400", "18000 at most"},

		"a clock that is off":                     {"enable: true", "enable: false", "triggers[1] tick: off: no rollout would ever continue"},
		"a clock by another name":                 {"triggerName: tick", "triggerName: followUps", "no timer is named tick"},
		"a clock that is a sweep":                 {`{"kind":"tick"}`, `{"kind":"sweep"}`, "triggers[1] tick: the timer tick sends a tick, and no other timer does"},
		"a clock with a payload that is refused":  {`{"kind":"tick"}`, `{"kind":"ticks"}`, "triggers[1].triggerConfig.payload"},
		"a clock with a payload that is too much": {`{"kind":"tick"}`, `{"kind":"tick","mode":"plan"}`, "triggers[1].triggerConfig.payload"},
		"a clock that is slow":                    {"@every 5m", "@every 1h", "want @every and 15 minutes at most"},
		"a clock that ticks once a day":           {"@every 5m", "0 0 4 * * *", "want @every and 15 minutes at most"},
		"a clock that is too fast":                {"@every 5m", "@every 5s", "want a minute or more"},
		"a second clock":                          {`'` + nightlyPayload + `'`, `'{"kind":"tick"}'`, "triggers[2] nightly: the timer tick sends a tick, and no other timer does"},

		"a cron expression of five fields":      {"0 0 18 * * *", "0 18 * * *", "5 fields: want second minute hour day month weekday"},
		"a cron expression with a zone":         {"0 0 18 * * *", "CRON_TZ=Asia/Shanghai 0 0 2 * * *", "7 fields"},
		"an hour that there is not":             {"0 0 18 * * *", "0 0 24 * * *", "hour 24: want 23 at most"},
		"a weekday in words":                    {"0 0 18 * * *", "0 0 18 * * never", `weekday "never"`},
		"every second":                          {"0 0 18 * * *", "@every 1s", "want a minute or more"},
		"every now and then":                    {"0 0 18 * * *", "@every now", "invalid duration"},
		"a cron expression that is a number":    {"'0 0 18 * * *'", "18", "cronExpression: got int 18: want a text"},
		"a timer that is on in words":           {"enable: false", "enable: 'no'", "enable: got \"no\": want true or false"},
		"a payload that is no text":             {`'` + nightlyPayload + `'`, `{"kind":"sweep"}`, "payload: got a mapping of kind: want a text"},
		"a payload that is no request":          {`"UpgradeTime":"MaintainTime"`, `"UpgradeTime":"maintaintime"`, "UpgradeTime"},
		"a payload with the words of a draft":   {`"select":{"tags"`, `"selector":{"tags"`, "select"},
		"a payload that is empty":               {`'` + nightlyPayload + `'`, "''", "payload"},
		"a timer with the topic's fields":       {"enable: false", "enable: false\n            filterTag: x", "triggers[2].triggerConfig: unknown key filterTag"},
		"a timer without a payload":             {"            payload: '" + nightlyPayload + "'\n", "", "triggers[2].triggerConfig: payload is missing"},
		"a configuration that is nothing known": {"triggerConfig:\n            enable: false", "triggerConfig:\n            nonsense: 1", "unknown key nonsense"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := problemsOf(spoil(t, whole, c.old, c.new), f)
			if !strings.Contains(strings.Join(problems, "\n"), c.want) {
				t.Errorf("refused with %q: want %q", problems, c.want)
			}
		})
	}
}

// TestASweepMayBeTurnedOn: `make deploy` runs these tests, and the timer is there to be used.
func TestASweepMayBeTurnedOn(t *testing.T) {
	t.Parallel()
	whole := spoil(t, string(read(t, "../s.yaml")), "enable: false", "enable: true #")
	whole = spoil(t, string(whole), nightlyPayload, `{"kind":"sweep","mode":"apply"}`)
	for _, problem := range problemsOf(whole, theFacts(t)) {
		t.Error(problem)
	}
}

func TestARoleThatFC3WouldRenameIsRefused(t *testing.T) {
	t.Parallel()
	f := theFacts(t)
	f.functionRole = "RDS-Kernel-Upgrade"
	text := strings.Replace(string(read(t, "../s.yaml")), "role/rds-kernel-upgrade-fc", "role/RDS-Kernel-Upgrade", 1)
	problems := strings.Join(problemsOf([]byte(text), f), "\n")
	if want := `fc3 makes "RDS-Kernel-Upgrade" lower case`; !strings.Contains(problems, want) {
		t.Errorf("problems %q: want %q", problems, want)
	}
}

func TestAManifestWithoutATopicIsRefused(t *testing.T) {
	t.Parallel()
	whole := string(read(t, "../s.yaml"))
	from, to := strings.Index(whole, "        # fc3 never updates"), strings.Index(whole, "        # The only clock of the rollouts")
	if from < 0 || to < from {
		t.Fatal("the topic's trigger is not found")
	}
	problems := problemsOf([]byte(whole[:from]+whole[to:]), theFacts(t))
	if want := "no trigger is an mns_topic"; strings.Join(problems, "\n") != want {
		t.Errorf("problems %q: want %q", problems, want)
	}
}

func TestTimersThatFunctionComputeTakesAreTaken(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{"0 0 18 * * *", "0 */5 * * * *", "0 30 1-5 1,15 * ?", "@every 1m", "@every 24h"} {
		if err := parseCron(expression); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

// spoil changes one place of a file.
func spoil(t *testing.T, whole, old, replacement string) []byte {
	t.Helper()
	if n := strings.Count(whole, old); n != 1 {
		t.Fatalf("%q is there %d times: want it once", old, n)
	}
	return []byte(strings.Replace(whole, old, replacement, 1))
}

func TestASpoiltTemplateIsRefused(t *testing.T) {
	t.Parallel()
	whole := string(read(t, "resources.ros.yaml"))
	for name, c := range map[string]struct{ old, new, want string }{
		"a bucket with a name of its own":         {"BucketName:\n        Ref: StateBucket", "BucketName: rds-kernel-upgrade", `BucketName: got "rds-kernel-upgrade": want "${STATE_BUCKET}"`},
		"a bucket named after nobody's parameter": {"Ref: StateBucket", "Ref: Bucket", "${Bucket}"},
		"no bucket":                          {"  State:\n", "  NoState:\n", "State: got nothing: want a mapping"},
		"a topic in its place":               {"Type: ALIYUN::OSS::Bucket", "Type: ALIYUN::MNS::Topic", "State.Type: got"},
		"a bucket that goes with the stack":  {"    DeletionPolicy: Retain\n", "", "State: DeletionPolicy is missing"},
		"a bucket that everybody may read":   {"AccessControl: private", "AccessControl: public-read", `AccessControl: got "public-read": want "private"`},
		"a bucket that could be made public": {"BlockPublicAccess: true", "BlockPublicAccess: false", "BlockPublicAccess: got bool false"},
		"versioning":                         {"BlockPublicAccess: true", "BlockPublicAccess: true\n      VersioningConfiguration: {Status: Enabled}", "unknown key VersioningConfiguration"},
		"versioning that is suspended":       {"BlockPublicAccess: true", "BlockPublicAccess: true\n      VersioningConfiguration: {Status: Suspended}", "unknown key VersioningConfiguration"},
		"a bucket that is emptied":           {"BlockPublicAccess: true", "BlockPublicAccess: true\n      DeletionForce: true", "unknown key DeletionForce"},
		"a history that grows for ever":      {"Status: Enabled", "Status: Disabled", `Status: got "Disabled": want "Enabled"`},
		"a rule for the archive, too":        {"Prefix: rds-kernel-upgrade/state/", "Prefix: rds-kernel-upgrade/", `Prefix: got "rds-kernel-upgrade/": want "rds-kernel-upgrade/state/"`},
		"a rule for the whole bucket":        {"            Prefix: rds-kernel-upgrade/state/\n", "", "Prefix is missing"},
		"a rule that may take the newest":    {"Days: 30", "Days: 1", "Days: got int 1: want a whole number from 7 to 365"},
		"a second rule":                      {"          - ID: old", "          - {ID: all, Prefix: '', Status: Enabled, Expiration: {Days: 30}}\n          - ID: old", "LifecycleConfiguration.Rule: got a list of 2"},
		"a right less":                       {"['oss:GetObject', ", "[", "oss:GetObject"},
		"a right more":                       {"'oss:PutObject'", "'oss:PutObject', 'oss:DeleteObject'", "oss:DeleteObject"},
		"no right to list the fleet":         {"'rds:DescribeDBInstances', ", "", "rds:DescribeDBInstances"},
		"rights on the whole bucket":         {"${StateBucket}/rds-kernel-upgrade/*", "${StateBucket}/*", "FunctionRole (-json +template)"},
		"a list of the whole bucket":         {"                Condition:\n                  StringEquals:\n                    oss:Prefix: [rds-kernel-upgrade/state/]\n", "", "FunctionRole (-json +template)"},
		"a role that anybody may take":       {"Service: [fc.aliyuncs.com]", "Service: ['*']", "FunctionRole (-json +template)"},
		"a policy by another name":           {"- PolicyName: rds-kernel-upgrade-mns", "- PolicyName: other", "TriggerRole (-json +template)"},
		"no YAML":                            {"Resources:", "Resources: [", "yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := templateProblems(t, spoil(t, whole, c.old, c.new))
			if !strings.Contains(strings.Join(problems, "\n"), c.want) {
				t.Errorf("refused with %q: want %q", problems, c.want)
			}
		})
	}
}

func TestSpoiltRightsAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, old, new, want string }{
		"no right to list the fleet":         {"function", `"rds:DescribeDBInstances", `, "", "rds:DescribeDBInstances (-s.yaml +policy)"},
		"no right to send a failure":         {"function", `/queues/${FAILURE_QUEUE}/messages`, "/queues/other/messages", "mns:SendMessage (-s.yaml +policy)"},
		"a right to send to any queue":       {"function", `/queues/${FAILURE_QUEUE}/messages`, "/queues/*", "mns:SendMessage (-s.yaml +policy)"},
		"a queue without its last part":      {"function", `/queues/${FAILURE_QUEUE}/messages`, "/queues/${FAILURE_QUEUE}", "mns:SendMessage (-s.yaml +policy)"},
		"no right to read the document":      {"function", `"oss:GetObject", `, "", "oss:GetObject (-s.yaml +policy)"},
		"no right to write the document":     {"function", `, "oss:PutObject"`, "", "oss:PutObject (-s.yaml +policy)"},
		"another bucket":                     {"function", `${STATE_BUCKET}/rds-kernel-upgrade/*`, "other/rds-kernel-upgrade/*", "oss:PutObject (-s.yaml +policy)"},
		"the whole bucket":                   {"function", `${STATE_BUCKET}/rds-kernel-upgrade/*`, "${STATE_BUCKET}/*", "oss:GetObject (-s.yaml +policy)"},
		"another prefix":                     {"function", `${STATE_BUCKET}/rds-kernel-upgrade/*`, "${STATE_BUCKET}/other/*", "oss:GetObject (-s.yaml +policy)"},
		"no right to find the newest number": {"function", `"oss:ListObjects"`, `"oss:ListBuckets"`, "oss:ListObjects (-s.yaml +policy)"},
		"no right to see the versioning":     {"function", `"oss:GetBucketVersioning"`, `"oss:GetBucketInfo"`, "oss:GetBucketVersioning (-s.yaml +policy)"},
		"a deployer who may write any state": {"deployer", `/state/000000000001.json`, "/state/*", "oss:PutObject (-s.yaml +policy)"},
		"a first number of another form":     {"deployer", `/state/000000000001.json`, "/state/1.json", "oss:PutObject (-s.yaml +policy)"},
		"a deployer without the list":        {"deployer", `"oss:ListObjects"`, `"oss:ListBuckets"`, "oss:ListObjects (-s.yaml +policy)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := c.file + "-policy.json"
			spoilt := spoil(t, string(read(t, file)), c.old, c.new)
			problems := grantProblems(t, func(name string) []byte {
				if name == file {
					return spoilt
				}
				return read(t, name)
			})
			if !strings.Contains(strings.Join(problems, "\n"), c.want) {
				t.Errorf("refused with %q: want %q", problems, c.want)
			}
		})
	}
}
