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

func TestANotificationThatMNSWouldNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	long := strings.Replace(accepted(t), `"wave": 1`, `"wave": 1, "detail": "`+strings.Repeat("x", 64<<10)+`"`, 1)
	if err := schema.Check([]byte(long), "accepted"); err == nil || !strings.Contains(err.Error(), "MNS takes 65536") {
		t.Errorf("got %v", err)
	}
}
