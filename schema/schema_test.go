package schema_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"rds-kernel-upgrade/local/golden"
	"rds-kernel-upgrade/schema"
)

// accepted is a notification of the scenarios.
func accepted(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../testdata/scenarios/upgrade-at-once/5-notification.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return string(all[0])
}

func TestEveryNotificationOfTheScenariosPasses(t *testing.T) {
	t.Parallel()
	for _, folder := range golden.Scenarios(t, "..") {
		text, err := os.ReadFile(folder + "/5-notification.json")
		if err != nil {
			t.Fatal(err)
		}
		var all []json.RawMessage
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
		for _, body := range all {
			var event struct{ Type string }
			if err := json.Unmarshal(body, &event); err != nil {
				t.Fatal(err)
			}
			if err := schema.Check(body, strings.TrimPrefix(event.Type, "rds.kernelupgrade.")); err != nil {
				t.Errorf("%s: %v", folder, err)
			}
		}
	}
}

func TestASpoiltNotificationIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, with string }{
		"another version of CloudEvents": {`"specversion": "1.0"`, `"specversion": "0.3"`},
		"an id of another form":          {`"id": "`, `"id": "x`},
		"an unknown type":                {`kernelupgrade.accepted`, `kernelupgrade.done`},
		"a type that is not its tag":     {`kernelupgrade.accepted`, `kernelupgrade.completed`},
		"an unknown field":               {`"wave": 1`, `"wave": 1, "colour": "red"`},
		"no wave":                        {`"wave": 1,`, ``},
		"a wave of text":                 {`"wave": 1`, `"wave": "1"`},
		"no target":                      {`"TargetMinorVersion": "rds_20260228",`, ``},
		"an unknown status":              {`"status": "accepted"`, `"status": "done"`},
		"a status that is not its type":  {`"status": "accepted"`, `"status": "failed"`},
		"an unknown trigger":             {`"trigger": "mns_topic"`, `"trigger": "pigeon"`},
		"a time of another form":         {`"acceptedAt": "2026-11-22T12:00:00Z"`, `"acceptedAt": "2026-11-22 12:00"`},
		"a subject that is no instance":  {`"subject": "acs:rds`, `"subject": "acs:ecs`},
		"no JSON":                        {`{`, `<`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := accepted(t)
			spoilt := strings.Replace(whole, c.old, c.with, 1)
			if spoilt == whole {
				t.Fatalf("%s is not in %s", c.old, whole)
			}
			if err := schema.Check([]byte(spoilt), "accepted"); err == nil {
				t.Errorf("it passes: %s", spoilt)
			}
		})
	}
}

// The samples are what no field of an instance makes complete.
const (
	envelope = `{"specversion":"1.0","id":"96210424fe85a9fc49f653638cf66f38","source":"acs:fc:cn-hangzhou:1234567890123456:functions/f",
		"time":"2026-11-22T12:00:00Z","datacontenttype":"application/json",`
	said     = `"observedAt":"2026-11-22T12:00:00Z","rollout":"a7dc258ff8bf0089","cause":{"trigger":"timer","fcRequestId":"1-2","retryCount":0}`
	account  = `"mode":"apply","counts":{},"instances":[],` + said
	progress = `{"rollout":"c05c4c9acad7fc92","state":"open","since":"2026-11-22T12:00:00Z","kind":"sweep","wave":1,"waves":2,"counts":{"pending":2},"detail":"wave 1 of 2 is under way"}`
)

// samples are notifications, by tag and what is in them.
func samples() map[string]string {
	return map[string]string{
		"wave":    envelope + `"type":"rds.kernelupgrade.wave","data":{"status":"wave","event":"began","wave":1,"detail":"wave 1 of 2 has begun",` + said + `}}`,
		"waiting": envelope + `"type":"rds.kernelupgrade.wave","data":{"status":"wave","event":"waiting","detail":"it waits",` + said + `}}`,
		"report":  envelope + `"type":"rds.kernelupgrade.report","data":{"status":"report","rollouts":[` + progress + `],` + account + `}}`,
		"answer":  envelope + `"type":"rds.kernelupgrade.report","data":{"status":"report","joined":"c05c4c9acad7fc92","detail":"it is under way",` + account + `}}`,
		"halted":  envelope + `"type":"rds.kernelupgrade.halted","data":{"status":"halted","reason":"held","detail":"2 failed",` + account + `}}`,
		"entries": envelope + `"type":"rds.kernelupgrade.report","data":{"status":"report","mode":"apply","counts":{"skipped":1},"instances":[
			{"DBInstanceId":"rm-1","RegionId":"cn-hangzhou","status":"skipped","reason":"failed_before","verdict":"vulnerable"}],` + said + `}}`,
	}
}

func TestNotificationsOfRolloutsPass(t *testing.T) {
	t.Parallel()
	for name, body := range samples() {
		_, tag, _ := strings.Cut(body, "rds.kernelupgrade.")
		tag, _, _ = strings.Cut(tag, `"`)
		if err := schema.Check([]byte(body), tag); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASpoiltNotificationOfARolloutIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sample, tag, old, with string }{
		"words that are empty":               {"waiting", "wave", `"detail":"it waits"`, `"detail":""`},
		"a wave without an event":            {"wave", "wave", `"event":"began",`, ``},
		"a wave with an unknown event":       {"wave", "wave", `"began"`, `"ended"`},
		"a wave that began without a number": {"wave", "wave", `"wave":1,`, ``},
		"a wave without words":               {"wave", "wave", `"detail":"wave 1 of 2 has begun",`, ``},
		"a wave of another status":           {"wave", "wave", `"status":"wave"`, `"status":"report"`},
		"a wave with a subject":              {"wave", "wave", `"data":`, `"subject":"acs:rds:cn-hangzhou:1:dbinstance/rm-1","data":`},
		"an event of what is no wave":        {"answer", "report", `"joined":"c05c4c9acad7fc92"`, `"event":"began","wave":1`},
		"a report of another status":         {"report", "report", `"status":"report"`, `"status":"plan"`},
		"a report without a mode":            {"report", "report", `"mode":"apply",`, ``},
		"a rollout that is no id":            {"report", "report", `"rollout":"c05c4c9acad7fc92"`, `"rollout":"c05c"`},
		"a rollout in an unknown state":      {"report", "report", `"state":"open"`, `"state":"closed"`},
		"a rollout without words":            {"report", "report", `,"detail":"wave 1 of 2 is under way"`, ``},
		"a rollout with an unknown field":    {"report", "report", `"waves":2`, `"colour":"red"`},
		"a joined rollout that is no id":     {"answer", "report", `"joined":"c05c4c9acad7fc92"`, `"joined":"rm-1"`},
		"the text of a follow-up":            {"answer", "report", `"joined":"c05c4c9acad7fc92"`, `"message":"{}"`},
		"a halt without a reason":            {"halted", "halted", `"reason":"held",`, ``},
		"a halt without counts":              {"halted", "halted", `"counts":{},`, ``},
		"a halt with a subject":              {"halted", "halted", `"data":`, `"subject":"acs:rds:cn-hangzhou:1:dbinstance/rm-1","data":`},
		"an unknown verdict":                 {"entries", "report", `"vulnerable"`, `"affected"`},
		"an unknown reason":                  {"entries", "report", `"failed_before"`, `"failed"`},
		"an entry without a region":          {"entries", "report", `"RegionId":"cn-hangzhou",`, ``},
		"a count of none":                    {"entries", "report", `{"skipped":1}`, `{"skipped":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := samples()[c.sample]
			spoilt := strings.Replace(whole, c.old, c.with, 1)
			if spoilt == whole {
				t.Fatalf("%s is not in %s", c.old, whole)
			}
			if err := schema.Check([]byte(spoilt), c.tag); err == nil {
				t.Errorf("it passes: %s", spoilt)
			}
		})
	}
}

func TestANotificationThatMNSWouldNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	long := strings.Replace(accepted(t), `"wave": 1`, `"wave": 1, "detail": "`+strings.Repeat("x", 64<<10)+`"`, 1)
	if err := schema.Check([]byte(long), "accepted"); err == nil || !strings.Contains(err.Error(), "MNS takes 65536") {
		t.Errorf("got %v", err)
	}
}
