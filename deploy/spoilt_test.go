package deploy_test

import (
	"strings"
	"testing"
)

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
		"a time-out too short for one request": {"timeout: 300", "timeout: 3", "props.timeout: got int 3: want a whole number from 60 to 600"},

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
		"a sixth variable of the operator":           {"${env('FAILURE_QUEUE')}", "${env('DEAD_QUEUE')}", "${env('DEAD_QUEUE')} is not one of the operator's variables"},
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
		"no age of events":                           {"        maxAsyncEventAgeInSeconds: 3600\n", "", "maxAsyncEventAgeInSeconds is missing"},
		"an age that fc3 takes and the API does not": {"maxAsyncEventAgeInSeconds: 3600", "maxAsyncEventAgeInSeconds: 2592000", "from 1 to 604800"},
		"more retries than there are":                {"maxAsyncRetryAttempts: 8", "maxAsyncRetryAttempts: 9", "maxAsyncRetryAttempts: got int 9"},
		"retries left to the default":                {"        maxAsyncRetryAttempts: 8\n", "", "maxAsyncRetryAttempts is missing"},
		"an unknown key deep inside":                 {"maxAsyncRetryAttempts: 8", "maxAsyncRetryAttempts: 8\n        maxRetries: 8", "asyncInvokeConfig: unknown key maxRetries"},
		"no reserved concurrency":                    {"reservedConcurrency: 1", "reserved: 1", "concurrencyConfig: reservedConcurrency is missing"},
		"two at a time":                              {"reservedConcurrency: 1", "reservedConcurrency: 2", "concurrencyConfig.reservedConcurrency: got int 2: want 1"},
		"many at a time in one process":              {"timeout: 300", "timeout: 300\n      instanceConcurrency: 10", "props.instanceConcurrency: got int 10: want 1"},
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

		"a cron expression of five fields":      {"0 0 18 * * *", "0 18 * * *", "5 fields: want second minute hour day month weekday"},
		"a cron expression with a zone":         {"0 0 18 * * *", "CRON_TZ=Asia/Shanghai 0 0 2 * * *", "7 fields"},
		"an hour that there is not":             {"0 0 18 * * *", "0 0 24 * * *", "hour 24: want 23 at most"},
		"a weekday in words":                    {"0 0 18 * * *", "0 0 18 * * never", `weekday "never"`},
		"every second":                          {"0 0 18 * * *", "@every 1s", "want a minute or more"},
		"every now and then":                    {"0 0 18 * * *", "@every now", "invalid duration"},
		"a cron expression that is a number":    {"'0 0 18 * * *'", "18", "cronExpression: got int 18: want a text"},
		"a timer that is on in words":           {"enable: false", "enable: 'no'", "enable: got \"no\": want true or false"},
		"a payload that is no text":             {`'{"DBInstanceId":"rm-example","UpgradeTime":"MaintainTime","mode":"plan"}'`, `{"DBInstanceId":"rm-example"}`, "payload: got a mapping of DBInstanceId: want a text"},
		"a payload that is no request":          {`"UpgradeTime":"MaintainTime"`, `"UpgradeTime":"maintaintime"`, "UpgradeTime"},
		"a payload with the words of a draft":   {`"DBInstanceId":"rm-example"`, `"instanceId":"rm-example"`, "DBInstanceId"},
		"a payload that is empty":               {`'{"DBInstanceId":"rm-example","UpgradeTime":"MaintainTime","mode":"plan"}'`, "''", "payload"},
		"a timer with the topic's fields":       {"enable: false", "enable: false\n            filterTag: x", "triggers[1].triggerConfig: unknown key filterTag"},
		"a timer without a payload":             {`            payload: '{"DBInstanceId":"rm-example","UpgradeTime":"MaintainTime","mode":"plan"}'` + "\n", "", "triggers[1].triggerConfig: payload is missing"},
		"a configuration that is nothing known": {"triggerConfig:\n            enable: false", "triggerConfig:\n            nonsense: 1", "unknown key nonsense"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if n := strings.Count(whole, c.old); n != 1 {
				t.Fatalf("%q is %d times in s.yaml: want it once", c.old, n)
			}
			problems := problemsOf([]byte(strings.Replace(whole, c.old, c.new, 1)), f)
			if !strings.Contains(strings.Join(problems, "\n"), c.want) {
				t.Errorf("refused with %q: want %q", problems, c.want)
			}
		})
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
	from, to := strings.Index(whole, "        # fc3 never updates"), strings.Index(whole, "        # An example")
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
