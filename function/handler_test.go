package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/rig"
)

const request = `{"DBInstanceId":"` + id + `"}`

func TestEveryEnvelopeReachesTheInstance(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, fast+"mode: plan\n", map[string]string{"FOLLOWUP_QUEUE": queue}) // whatever instance the sample names: nothing is called
			if err := c.mns.CreateQueue(queue); err != nil {
				t.Fatal(err)
			}
			c.at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
			event, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			report, err := c.invoke(t, string(event))
			if err != nil {
				t.Fatal(err)
			}
			fleet := strings.Contains(file, "sweep") || strings.Contains(file, "advisory")
			for _, r := range report.Requests {
				if r.Status == "rejected" || len(r.Instances) != 1 && !fleet && !strings.Contains(file, "follow-ups") {
					t.Errorf("got %+v", r)
				}
			}
			if strings.Contains(file, "follow-ups") {
				return // there was nothing to go on with, so there is nothing to tell
			}
			trigger, _, _ := strings.Cut(filepath.Base(file), "-")
			if n := c.notes(t)[0]; !strings.HasPrefix(n.Data.Cause.Trigger, strings.TrimSuffix(trigger, ".json")) && n.Data.Cause.Trigger != "direct" {
				t.Errorf("the trigger is told as %s", n.Data.Cause.Trigger)
			}
		})
	}
}

func TestAReportHasTheFourFieldsOfTheAPI(t *testing.T) {
	t.Parallel()
	c := newCloud(t, fast, nil)
	report, err := c.invoke(t, request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	body := c.mns.Published(topic)[0].Body
	call := c.rds.CallsOf("UpgradeDBInstanceKernelVersion")[0]
	for _, field := range []string{
		`"RequestId":"` + call.RequestID + `"`, `"DBInstanceName":"` + id + `"`, `"TaskId":"226917711"`, `"TargetMinorVersion":"rds_20260228"`,
	} {
		if !strings.Contains(string(text), field) || !strings.Contains(body, field) {
			t.Errorf("%s is not in %s or not in %s", field, text, body)
		}
	}
}

func TestABadMessageInABatchDoesNotTouchTheOthers(t *testing.T) {
	t.Parallel()
	c := newCloud(t, fast, nil)
	element := func(n int, body string) string {
		quoted, _ := json.Marshal(body)
		return fmt.Sprintf(`{"id":"e%d","source":"MNS-Function-q","specversion":"1.0","type":"mns:Queue:SendMessage","subject":"acs:mns:cn-hangzhou:1:queues/q","data":{"requestId":"r","messageId":"m%d","messageBody":%s}}`, n, n, quoted)
	}
	event := "[" + strings.Join([]string{
		element(1, `{"DBInstanceId":"rm-gone"}`), element(2, `{"nonsense":1}`), `17`, `18`, element(4, request), element(5, "not json"),
	}, ",") + "]"
	report, err := c.invoke(t, event)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Requests) != 6 || c.upgrades() != 1 {
		t.Errorf("%d requests, %d upgrade calls", len(report.Requests), c.upgrades())
	}
	want := []string{"failed", "report", "rejected", "rejected", "rejected", "accepted", "rejected"}
	if diff := cmp.Diff(want, c.tags(t)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	ids := map[string]bool{}
	for _, n := range c.notes(t) {
		ids[n.ID] = true
	}
	if len(ids) != len(want) {
		t.Errorf("%d ids for %d things to tell", len(ids), len(want))
	}
}

func TestAWrongMessageIsRejectedAndAcknowledged(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]string{
		"no envelope at all": "\x00\x01",
		"an empty event":     "",
		"two mistakes":       `{"DBInstanceId":"rm 1","UpgradeTime":"now"}`,
		"an advisory":        `{"kind":"advisory"}`,
		"an empty timer":     `{"triggerTime":"2026-11-22T12:00:00Z","triggerName":"nightly","payload":""}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, fast, nil)
			report, err := c.invoke(t, event)
			if err != nil || report.Requests[0].Status != "rejected" {
				t.Fatalf("got %+v, %v", report, err)
			}
			if diff := cmp.Diff([]string{"rejected"}, c.tags(t)); diff != "" || len(c.rds.Calls()) != 0 {
				t.Errorf("%s and %d RDS calls", diff, len(c.rds.Calls()))
			}
			if _, err := c.invoke(t, event); err != nil {
				t.Fatal(err)
			}
			if notes := c.notes(t); notes[0].ID != notes[1].ID || len(notes[0].Data.Problems) == 0 {
				t.Errorf("got %+v", notes)
			}
		})
	}
}

func TestTheModeDecidesHowFarItGoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy, environment, event string
		tags                       []string
		reads                      bool
	}{
		"plan in the environment":    {"", "plan", request, []string{"plan", "report"}, true},
		"off in the environment":     {"mode: plan\n", "off", request, []string{"halted", "report"}, false},
		"apply in it frees nothing":  {"mode: off\n", "apply", request, []string{"halted", "report"}, false},
		"plan in the request":        {"", "", `{"DBInstanceId":"` + id + `","mode":"plan"}`, []string{"plan", "report"}, true},
		"plan in the policy":         {"mode: plan\n", "", `{"DBInstanceId":"` + id + `","mode":"apply"}`, []string{"plan", "report"}, true},
		"the kill switch":            {"mode: off\n", "", request, []string{"halted", "report"}, false},
		"the kill switch beats plan": {"mode: off\n", "", `{"DBInstanceId":"` + id + `","mode":"plan"}`, []string{"halted", "report"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := newCloud(t, fast+c.policy, map[string]string{"MODE": c.environment})
			if _, err := cloud.invoke(t, c.event); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.tags, cloud.tags(t)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, call := range cloud.rds.Calls() {
				if !strings.HasPrefix(call.Action, "Describe") && !strings.HasPrefix(call.Action, "List") {
					t.Errorf("%s was called", call.Action)
				}
			}
			if read := len(cloud.rds.Calls()) > 0; read != c.reads {
				t.Errorf("RDS was asked: %v", read)
			}
		})
	}
}

// TestTheWireCarriesWhatWasAsked is for the three values of UpgradeTime.
func TestTheWireCarriesWhatWasAsked(t *testing.T) {
	t.Parallel()
	later := time.Now().UTC().Add(time.Hour).Format("2006-01-02T15:04:05Z")
	for name, c := range map[string]struct {
		event string
		want  map[string]string
	}{
		"nothing but the id means at once": {request, map[string]string{"UpgradeTime": "Immediate"}},
		"Immediate":                        {`{"DBInstanceId":"` + id + `","UpgradeTime":"Immediate"}`, map[string]string{"UpgradeTime": "Immediate"}},
		"MaintainTime with a version":      {`{"DBInstanceId":"` + id + `","UpgradeTime":"MaintainTime","TargetMinorVersion":"rds_20260228"}`, map[string]string{"UpgradeTime": "MaintainTime", "TargetMinorVersion": "rds_20260228"}},
		"SpecifyTime":                      {`{"DBInstanceId":"` + id + `","UpgradeTime":"SpecifyTime","SwitchTime":"` + later + `"}`, map[string]string{"UpgradeTime": "SpecifyTime", "SwitchTime": later}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := newCloud(t, fast, nil)
			if _, err := cloud.invoke(t, c.event); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name, value := range cloud.rds.CallsOf("UpgradeDBInstanceKernelVersion")[0].Params {
				if slices.Contains([]string{"UpgradeTime", "SwitchTime", "TargetMinorVersion", "ClientToken", "OwnerId"}, name) {
					got[name] = value
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCredentialsComeFromEachInvocation(t *testing.T) {
	t.Parallel()
	c := newCloud(t, fast+"mode: plan\n", nil)
	for range 3 {
		if _, err := c.invoke(t, request); err != nil {
			t.Fatal(err)
		}
	}
	var rds, mns []string
	for _, call := range c.rds.CallsOf("DescribeDBInstanceAttribute") {
		rds = append(rds, call.Params["AccessKeyId"])
	}
	for _, call := range c.mns.CallsOf("PublishMessage") {
		mns = append(mns, call.AccessKeyID)
	}
	want := []string{"STS.local-000001", "STS.local-000002", "STS.local-000003"}
	if diff := cmp.Diff(want, rds); diff != "" {
		t.Errorf("RDS (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, slices.Compact(mns)); diff != "" {
		t.Errorf("MNS (-want +got):\n%s", diff)
	}
}

func TestExpiredAndRefusedCredentialsAreToldApart(t *testing.T) {
	t.Parallel()
	other := func(key fccontext.Credentials) func(fc *fccontext.FcContext) {
		return func(fc *fccontext.FcContext) { fc.Credentials = key }
	}
	c := newCloud(t, fast, nil)
	if _, err := c.invoke(t, request, func(*fccontext.FcContext) { c.keys.ExpireAll() }); errorType(t, err) != "Expired" {
		t.Errorf("expired: got %v", err)
	}
	_, err := c.invoke(t, request, other(fccontext.Credentials{AccessKeyId: "STS.unknown", AccessKeySecret: "s", SecurityToken: "t"}))
	if errorType(t, err) != "Denied" { // the notification of it is refused as well, so Function Compute gets it
		t.Errorf("unknown: got %v", err)
	}
	if _, err := c.invoke(t, request, other(fccontext.Credentials{})); errorType(t, err) != "Invalid" || !strings.Contains(err.Error(), "role") {
		t.Errorf("none: got %v", err)
	}
	if c.upgrades() != 0 || len(c.notes(t)) != 0 {
		t.Errorf("%d calls, notifications %v", c.upgrades(), c.tags(t))
	}
}

func TestADeniedCallFailsForGood(t *testing.T) {
	t.Parallel()
	c := newCloud(t, fast, nil)
	c.rds.Update(id, func(i *fakerds.Instance) { i.Upgrade.Refuse = "InstanceMissingMinorVersionAttr" })
	report, err := c.invoke(t, request)
	if err != nil {
		t.Fatal(err)
	}
	notes := c.notes(t)
	if report.Requests[0].Instances[0].Status != "failed" || notes[0].Tag != "failed" || notes[0].Data.Error.Code != "InstanceMissingMinorVersionAttr" {
		t.Errorf("got %+v and %+v", report, notes)
	}
}

func TestAPublishThatKeepsFailingIsAnErrorAndLosesNothing(t *testing.T) {
	t.Parallel()
	c := newCloud(t, fast, nil)
	c.mns.Faults().Add(faults.Fault{Action: "PublishMessage", Kind: faults.TokenExpired, Times: 1})
	if _, err := c.invoke(t, request); err == nil {
		t.Fatal("the notification is lost")
	}
	if _, err := c.invoke(t, request); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"accepted"}, c.tags(t)); diff != "" || c.upgrades() != 1 {
		t.Errorf("%d calls\n%s", c.upgrades(), diff)
	}
}

func TestAModeThatThereIsNotIsAWrongConfiguration(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"OFF": `want apply, plan or off`, "on": "MODE: ", "false": "MODE: "} {
		cloud := newCloud(t, fast, map[string]string{"MODE": value})
		if _, err := cloud.invoke(t, request); err == nil || !strings.Contains(err.Error(), want) || len(cloud.rds.Calls()) > 0 {
			t.Errorf("MODE=%s: %v, %d calls", value, err, len(cloud.rds.Calls()))
		}
	}
}

func TestAWrongConfigurationFailsEveryInvocation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env      map[string]string
		policy   string
		want     string
		rejected bool // it can be published
	}{
		"no topic":                {map[string]string{"RESULT_TOPIC": ""}, "", "RESULT_TOPIC is not set", false},
		"a topic of no such name": {map[string]string{"RESULT_TOPIC": "a/b"}, "", "not a topic's name", false},
		"RDS in plain text":       {map[string]string{"RDS_ENDPOINT": "http://rds.aliyuncs.com"}, "", "plain text", true},
		"an unknown policy key":   {nil, "freeze: []\n", "is not a key: want budget, hold, mode", true},
		"no such policy file":     {map[string]string{"POLICY_FILE": "/nowhere/policy.yaml"}, "", "no such file", true},
		"an unknown log level":    {map[string]string{"LOG_LEVEL": "LOUD"}, "", "LOG_LEVEL", true},
		"debugging of an SDK":     {map[string]string{"DEBUG": "x,sdk"}, "", "prints the credentials", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := newCloud(t, c.policy, c.env)
			for range 2 {
				_, err := cloud.invoke(t, request)
				if errorType(t, err) != "Invalid" || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
			}
			if got := slices.Contains(cloud.tags(t), "rejected"); got != c.rejected || len(cloud.rds.Calls()) != 0 {
				t.Errorf("published %v, %d RDS calls", cloud.tags(t), len(cloud.rds.Calls()))
			}
		})
	}
}

func TestAnInvocationWithoutItsContextIsRefused(t *testing.T) {
	t.Parallel()
	c := newCloud(t, fast, nil)
	if _, err := c.function.Handle(t.Context(), []byte(request)); err == nil || !strings.Contains(err.Error(), "go1 runtime") {
		t.Errorf("got %v", err)
	}
	for name, change := range map[string]func(fc *fccontext.FcContext){
		"no region":                func(fc *fccontext.FcContext) { fc.Region = "" },
		"a region that is no name": func(fc *fccontext.FcContext) { fc.Region = "a.b.c" },
	} {
		if _, err := c.invoke(t, request, change); errorType(t, err) != "Invalid" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestAThousandInvocationsLeaveNothingBehind is not parallel: it counts the whole process.
func TestAThousandInvocationsLeaveNothingBehind(t *testing.T) {
	c := newCloud(t, fast+"mode: plan\n", nil)
	invoke := func(n int) {
		for range n {
			if _, err := c.invoke(t, request); err != nil {
				t.Fatal(err)
			}
		}
	}
	invoke(10)
	before := rig.Settled(t, 20*time.Millisecond)
	invoke(1000)
	if after := rig.Settled(t, 20*time.Millisecond); after.Goroutines > before.Goroutines+5 || after.Files > before.Files+5 {
		t.Errorf("%+v, then %+v", before, after)
	}
}

func TestNothingThatLeavesHoldsACredential(t *testing.T) {
	t.Parallel()
	for _, kind := range faults.Kinds() {
		if kind == faults.Hang || kind == faults.Latency {
			continue // they say nothing, slowly
		}
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, fast, nil)
			c.rds.Faults().Add(faults.Fault{Action: "UpgradeDBInstanceKernelVersion", Kind: kind, Times: 1})
			c.mns.Faults().Add(faults.Fault{Action: "PublishMessage", Kind: kind, Times: 1})
			report, err := c.invoke(t, request)
			text, _ := json.Marshal(report)
			out := fmt.Sprint(string(text), err, c.log.String(), c.mns.Published(topic))
			for _, secret := range []string{"local-sts-secret-", "CAIS-local", "STS.local-", "Signature="} {
				if strings.Contains(out, secret) {
					t.Errorf("%q is in %s", secret, out)
				}
			}
		})
	}
}

func TestAPanicIsAnErrorThatTellsNoValue(t *testing.T) {
	t.Parallel()
	c := newCloud(t, fast, nil)
	c.explode = true
	_, err := c.invoke(t, request)
	if errorType(t, err) != "Internal" || strings.Contains(err.Error()+c.log.String(), "CAIS-in-a-panic") {
		t.Errorf("got %v and %s", err, c.log.String())
	}
	c.explode = false
	if _, err := c.invoke(t, request); err != nil || c.upgrades() != 1 {
		t.Errorf("the next invocation: %v, %d calls", err, c.upgrades())
	}
}

// TestWhatEarlierRolloutsHaveComeToIsToldFirst is for a publish that fails: nothing new may begin that would cover the old claim.
func TestWhatEarlierRolloutsHaveComeToIsToldFirst(t *testing.T) {
	t.Parallel()
	c := newCloud(t, fast, nil)
	const earlier = "called rds_20250601 00000000000000aa 20261122t110000z 20261122t110000z"
	c.rds.Update(id, func(i *fakerds.Instance) {
		i.CurrentKernelVersion, i.Tags = "rds_20250601", map[string]string{"kernel-upgrade-claim": earlier}
	})
	c.mns.Faults().Add(faults.Fault{Action: "PublishMessage", Kind: faults.TokenExpired, Times: 1})
	if _, err := c.invoke(t, request); err == nil || c.upgrades() != 0 {
		t.Fatalf("got %v after %d calls", err, c.upgrades())
	}
	if i, _ := c.rds.Instance(id); i.Tags["kernel-upgrade-claim"] != earlier {
		t.Errorf("the claim is %v", i.Tags)
	}
	if _, err := c.invoke(t, request); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"completed", "accepted"}, c.tags(t)); diff != "" || c.upgrades() != 1 {
		t.Errorf("%d calls\n%s", c.upgrades(), diff)
	}
	if i, _ := c.rds.Instance(id); !strings.HasPrefix(i.Tags["kernel-upgrade-claim"], "called rds_20260228 ") {
		t.Errorf("the claim is %v", i.Tags)
	}
}
