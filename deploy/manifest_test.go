package deploy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/local/pack"
)

// facts is what s.yaml must agree with.
type facts struct {
	variables      map[string]bool // the function's environment; true: required
	functionRole   string
	triggerRole    string
	callsPerSecond float64 // of the policy that is packed
}

const (
	tickTimer     = "tick"
	largestFleet  = 10_000
	throttleRetry = 18_000 // seconds for which Function Compute tries a throttled event again ("Retry policy" of FC 3.0)
)

// statePrefix is the default of STATE_PREFIX. The rights and the lifecycle rule in deploy/ are for this prefix alone.
const statePrefix = "rds-kernel-upgrade"

const (
	topicForm = `acs:mns:cn-hangzhou:1234567890123456:/topics/[A-Za-z0-9][A-Za-z0-9-]{0,119}`
	queueForm = `acs:mns:cn-hangzhou:1234567890123456:/queues/[A-Za-z0-9][A-Za-z0-9-]{0,119}/messages`
	nameForm  = `[A-Za-z_][A-Za-z0-9_-]{0,127}` // of functions and triggers
	// bucketForm is OSS's rule for names of buckets.
	bucketForm = `[a-z0-9][a-z0-9-]{1,61}[a-z0-9]`
)

// problemsOf says all that is wrong with the text of an s.yaml.
func problemsOf(manifest []byte, f facts) []string {
	var document map[string]any
	if err := yaml.Unmarshal(manifest, &document); err != nil {
		return []string{err.Error()}
	}
	if problems := resolve("s.yaml", document, variablesOf(document)); problems != nil {
		return problems
	}
	if problems := wholeFile(f)("s.yaml", document); problems != nil {
		return problems
	}
	return together(at[map[string]any](document, "resources", "upgrader", "props"), f)
}

// variablesOf gives what ${vars.x} stands for.
func variablesOf(document map[string]any) func(string) (string, bool) {
	vars := at[map[string]any](document, "vars")
	var lookup func(string) (string, bool)
	lookup = func(name string) (string, bool) {
		if env, ok := strings.CutPrefix(name, "env('"); ok {
			value, ok := operator[strings.TrimSuffix(env, "')")]
			return value, ok
		}
		own, ok := strings.CutPrefix(name, "vars.")
		value, isText := vars[own].(string)
		if !ok || !isText {
			return "", false
		}
		value, err := expand(value, lookup)
		return value, err == nil
	}
	return lookup
}

// resolve replaces the placeholders in every text of a document, as Serverless Devs does.
func resolve(path string, value any, lookup func(string) (string, bool)) []string {
	var problems []string
	replace := func(path string, v any, set func(string)) {
		s, ok := v.(string)
		if !ok {
			problems = append(problems, resolve(path, v, lookup)...)
			return
		}
		s, err := expand(s, lookup)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", path, err))
		}
		set(s)
	}
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			replace(path+"."+key, v[key], func(s string) { v[key] = s })
		}
	case []any:
		for n := range v {
			replace(fmt.Sprintf("%s[%d]", path, n), v[n], func(s string) { v[n] = s })
		}
	}
	return problems
}

// wholeFile is the shape of the whole file.
func wholeFile(f facts) rule {
	return object(map[string]rule{
		"edition": exactly("3.0.0"),
		"name":    prose(),
		"access":  prose(),
		"vars":    object(map[string]rule{"region": prose(), "account": prose()}, nil),
		"resources": object(map[string]rule{"upgrader": object(map[string]rule{
			"component": exactly("fc3"),
			"actions":   object(map[string]rule{"pre-deploy": each(command("make package"), command("make state"))}, nil),
			"props":     props(f),
		}, nil)}, nil),
	}, nil)
}

// command is the shape of one action.
func command(run string) rule {
	return object(map[string]rule{"run": exactly(run), "path": exactly("./")}, nil)
}

// props is the shape of the function. Keys that fc3 knows and this function has no use for are not in it.
func props(f facts) rule {
	return object(map[string]rule{
		"region":               text(`[a-z]{2}-[a-z0-9-]+`, "a region"),
		"functionName":         text(nameForm, "a function's name"),
		"runtime":              exactly("go1"),
		"handler":              exactly(pack.Handler),
		"code":                 text(`\./target/.+\.zip`, "the package that make package leaves, ./target/….zip"),
		"cpu":                  vcpu(),
		"memorySize":           whole(128, 32768, 64),
		"diskSize":             exactly(512),
		"timeout":              whole(60, 86400, 1),
		"role":                 exactly("acs:ram::1234567890123456:role/" + f.functionRole),
		"environmentVariables": environment(f),
		"logConfig": object(map[string]rule{
			"project":  text(`[a-z0-9][a-z0-9-]{1,61}[a-z0-9]`, "the name of a log project"),
			"logstore": text(`[a-z0-9][a-z0-9_-]{1,34}[a-z0-9]`, "the name of a logstore"),
		}, map[string]rule{
			"enableRequestMetrics": boolean(), "enableInstanceMetrics": boolean(),
			"logBeginRule": text("None|DefaultRegex", "None or DefaultRegex"),
		}),
		"concurrencyConfig": object(map[string]rule{"reservedConcurrency": exactly(1)}, nil),
		"asyncInvokeConfig": object(map[string]rule{
			"maxAsyncRetryAttempts":     whole(0, 8, 1),
			"maxAsyncEventAgeInSeconds": whole(1, 604800, 1), // the API's bounds: those of fc3 are wider
			"destinationConfig": object(map[string]rule{
				"onFailure": object(map[string]rule{"destination": text(queueForm, "an MNS queue in the function's region and account")}, nil),
			}, nil),
		}, nil),
		"triggers": list(trigger(f)),
	}, map[string]rule{
		"description":         prose(),
		"instanceConcurrency": exactly(1), // the built-in runtimes serve one event at a time
	})
}

// vcpu is a multiple of 0.05, from 0.05 to 16.
func vcpu() rule {
	return func(path string, value any) []string {
		n, ok := number(value)
		if steps := n / 0.05; !ok || n < 0.05 || n > 16 || math.Abs(steps-math.Round(steps)) > 1e-9 {
			return []string{fmt.Sprintf("%s: got %s: want a multiple of 0.05, from 0.05 to 16", path, kind(value))}
		}
		return nil
	}
}

func number(value any) (float64, bool) {
	if n, ok := value.(int); ok {
		return float64(n), true
	}
	n, ok := value.(float64)
	return n, ok
}

// environment checks that the variables are the function's own, and texts. Another prefix than the default would be one on which the role has
// no rights.
func environment(f facts) rule {
	required, optional := map[string]rule{}, map[string]rule{}
	for name, isRequired := range f.variables {
		check := prose()
		switch name {
		case "LOG_LEVEL":
			check = parses(func(s string) error { return new(slog.Level).UnmarshalText([]byte(s)) })
		case "STATE_BUCKET":
			check = text(bucketForm, "the name of a bucket")
		case "STATE_PREFIX":
			check = exactly(statePrefix)
		}
		if isRequired {
			required[name] = check
		} else {
			optional[name] = check
		}
	}
	return object(required, optional)
}

// trigger picks the shape by the type: fc3's own schema takes any object as the configuration of any trigger.
func trigger(f facts) rule {
	shapes := map[string]rule{
		"mns_topic": object(map[string]rule{
			"triggerName": text(nameForm, "a trigger's name"), "triggerType": exactly("mns_topic"), "qualifier": exactly("LATEST"),
			"sourceArn":      text(topicForm, "an MNS topic in the function's region and account"),
			"invocationRole": exactly("acs:ram::1234567890123456:role/" + f.triggerRole),
			"triggerConfig": object(map[string]rule{
				"notifyContentFormat": exactly("JSON"), "notifyStrategy": exactly("BACKOFF_RETRY"),
			}, map[string]rule{"filterTag": text(`.{1,16}`, "a tag of up to 16 characters")}),
		}, map[string]rule{"description": prose()}),
		"timer": object(map[string]rule{
			"triggerName": text(nameForm, "a trigger's name"), "triggerType": exactly("timer"), "qualifier": exactly("LATEST"),
			"triggerConfig": object(map[string]rule{
				"enable": boolean(), "cronExpression": parses(parseCron), "payload": parses(parsePayload),
			}, nil),
		}, map[string]rule{"description": prose()}),
	}
	return func(path string, value any) []string {
		m, _ := value.(map[string]any)
		name, _ := m["triggerType"].(string)
		shape := shapes[name]
		if shape == nil {
			return []string{fmt.Sprintf("%s.triggerType: got %s: want mns_topic or timer", path, kind(m["triggerType"]))}
		}
		return shape(path, value)
	}
}

// cronFields are the six fields of a timer's expression: their names and greatest numbers.
var cronFields = []struct {
	name string
	max  int
}{{"second", 59}, {"minute", 59}, {"hour", 23}, {"day", 31}, {"month", 12}, {"weekday", 7}}

var cronField = regexp.MustCompile(`^(\*|\?|[0-9]+(-[0-9]+)?)(/[0-9]+)?(,[0-9]+(-[0-9]+)?)*$`)

// parseCron reads "@every 1h" or six fields. Five, as cron itself has them, would be read with the minute as the second.
func parseCron(expression string) error {
	if every, ok := strings.CutPrefix(expression, "@every "); ok {
		d, err := time.ParseDuration(every)
		if err == nil && d < time.Minute {
			err = errors.New("want a minute or more")
		}
		return err
	}
	fields := strings.Fields(expression)
	if len(fields) != len(cronFields) {
		return fmt.Errorf("%d fields: want second minute hour day month weekday", len(fields))
	}
	for n, field := range fields {
		if !cronField.MatchString(field) {
			return fmt.Errorf("%s %q: want numbers, *, ranges, lists or steps", cronFields[n].name, field)
		}
		for _, digits := range regexp.MustCompile(`[0-9]+`).FindAllString(field, -1) {
			var number int
			if _, err := fmt.Sscan(digits, &number); err != nil || number > cronFields[n].max {
				return fmt.Errorf("%s %s: want %d at most", cronFields[n].name, digits, cronFields[n].max)
			}
		}
	}
	return nil
}

// parsePayload reads a timer's payload as the function does.
func parsePayload(payload string) error {
	_, err := requestOf(payload)
	return err
}

// requestOf makes the timer's event of a payload, and opens it with the function's own decoder.
func requestOf(payload string) (events.Request, error) {
	event, err := json.Marshal(map[string]string{"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "timer", "payload": payload})
	if err != nil {
		return events.Request{}, err
	}
	messages, err := events.Decode(event)
	if err != nil {
		return events.Request{}, err
	}
	if len(messages) != 1 || messages[0].Err != nil {
		return events.Request{}, fmt.Errorf("%d messages: %w", len(messages), messages[0].Err)
	}
	return events.Parse(messages[0].Body, time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC))
}

// together checks what is right by itself and wrong in company.
func together(props map[string]any, f facts) []string {
	var problems []string
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	cpu, _ := number(props["cpu"])
	gigabytes := float64(props["memorySize"].(int)) / 1024
	refuse(gigabytes < cpu-1e-9 || gigabytes > 4*cpu+1e-9, "cpu %v and %v GB: want 1 to 4 GB for each vCPU", cpu, gigabytes)
	timeout, age := props["timeout"].(int), at[int](props, "asyncInvokeConfig", "maxAsyncEventAgeInSeconds")
	reading := float64(largestFleet/100+largestFleet+largestFleet/50) / f.callsPerSecond
	refuse(float64(timeout) < reading*1.15, "timeout: %d: to read %d instances at %v calls a second takes %.0f seconds", timeout, largestFleet, f.callsPerSecond, reading)
	refuse(age < 4*timeout || age > throttleRetry,
		"maxAsyncEventAgeInSeconds: %d: want %d or more, since an event may have to wait for two invocations, and %d at most, when throttled events are given up", age, 4*timeout, throttleRetry)
	problems = append(problems, timers(props["triggers"].([]any))...)
	refuse(props["code"] != fmt.Sprintf("./target/%s.zip", props["functionName"]), "code: %v is not named after the function", props["code"])

	seen := map[any]bool{}
	topics := 0
	for _, t := range props["triggers"].([]any) {
		t := t.(map[string]any)
		refuse(seen[t["triggerName"]], "two triggers are named %v", t["triggerName"])
		seen[t["triggerName"]] = true
		if t["triggerType"] != "mns_topic" {
			continue
		}
		topics++
		source := nameOf(t["sourceArn"])
		refuse(source == at[string](props, "environmentVariables", "RESULT_TOPIC"),
			"the function publishes to %s, which triggers it: it would run for ever", source)
	}
	refuse(topics == 0, "no trigger is an mns_topic")
	for what, role := range map[string]string{"role": f.functionRole, "invocationRole": f.triggerRole} {
		refuse(role != strings.ToLower(role), "%s: fc3 makes %q lower case, and RAM would not find it", what, role)
	}
	return problems
}

// timers checks that there is one clock of the rollouts, and that it is on.
func timers(triggers []any) []string {
	var problems []string
	clocks := 0
	for n, t := range triggers {
		t := t.(map[string]any)
		if t["triggerType"] != "timer" {
			continue
		}
		refuse := func(wrong bool, text string) {
			if wrong {
				problems = append(problems, fmt.Sprintf("triggers[%d] %v: %s", n, t["triggerName"], text))
			}
		}
		request, _ := requestOf(at[string](t, "triggerConfig", "payload"))
		isOn, isClock := at[bool](t, "triggerConfig", "enable"), t["triggerName"] == tickTimer
		refuse(isClock != (request.Kind == events.KindTick), "the timer "+tickTimer+" sends a tick, and no other timer does")
		if !isClock {
			continue
		}
		clocks++
		refuse(!isOn, "off: no rollout would ever continue")
		every, isEvery := strings.CutPrefix(at[string](t, "triggerConfig", "cronExpression"), "@every ")
		period, err := time.ParseDuration(every)
		refuse(!isEvery || err != nil || period > 15*time.Minute, "want @every and 15 minutes at most: each step of a rollout waits for a tick")
	}
	if clocks == 0 {
		problems = append(problems, "no timer is named "+tickTimer+": no rollout would ever continue")
	}
	return problems
}

// nameOf gives the last part of acs:mns:region:account:/topics/name.
func nameOf(arn any) string {
	s, _ := arn.(string)
	return s[strings.LastIndex(s, "/")+1:]
}

// at follows keys into a document. What is not there, or is something else, gives the zero value.
func at[T any](document map[string]any, keys ...string) T {
	var value any = document
	for _, key := range keys {
		m, _ := value.(map[string]any)
		value = m[key]
	}
	t, _ := value.(T)
	return t
}
