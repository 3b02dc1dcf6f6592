package events_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
)

func TestProblemsComeAllAtOnceInTheOrderOfTheDocumentation(t *testing.T) {
	t.Parallel()
	_, err := events.Parse([]byte(`{
		"zone": 1, "mode": 2, "RegionId": 3, "another": 4, "TargetMinorVersion": 5, "SwitchTime": 6,
		"UpgradeTime": "SpecifyTime", "DBInstanceId": 8, "Action": 9, "zone": 10
	}`), now)
	var invalid *events.Invalid
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v, want a *Invalid", err)
	}
	want := &events.Invalid{Subject: "request", Problems: []events.Problem{
		{Path: "$.Action", Message: "want a string, got a number"},
		{Path: "$.DBInstanceId", Message: "want a string, got a number"},
		{Path: "$.SwitchTime", Message: "want a string, got a number"},
		{Path: "$.TargetMinorVersion", Message: "want a string, got a number"},
		{Path: "$.RegionId", Message: "want a string, got a number"},
		{Path: "$.mode", Message: "want a string, got a number"},
		{Path: "$.zone", Message: "is not a field of a request"},
		{Path: "$.another", Message: "is not a field of a request"},
	}}
	if diff := cmp.Diff(want, invalid); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAProblemSaysItsPathWithoutTheRoot(t *testing.T) {
	t.Parallel()
	err := &events.Invalid{Subject: "event", Problems: []events.Problem{
		{Path: "$", Message: "a"}, {Path: "$.x", Message: "b"}, {Path: "$[1].y", Message: "c"}, {Path: `$["z z"]`, Message: "d"},
	}}
	if got, want := err.Error(), `event: a; x: b; [1].y: c; ["z z"]: d`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTextsThatAreNoRequest(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":                          "request: want an object, got nothing",
		"[]":                        `request: want an object, got an array "[]"`,
		"null":                      "request: want an object, got null",
		"true":                      `request: want an object, got a boolean "true"`,
		`"x"`:                       `request: want an object, got a string "x"`,
		"hello":                     `request: want an object, got text "hello"`,
		"<a/>":                      `request: want an object, got XML "<a/>"`,
		"{":                         "request: is broken JSON: it ends after character 1, before it is complete",
		"{} {}":                     "request: is broken JSON: character 4 is { (U+007B) after the end of the JSON text",
		`{"a":1,`:                   "request: is broken JSON: it ends after character 7, before it is complete",
		"{\xff}":                    "request: is not valid UTF-8",
		strings.Repeat(" ", 65_537): "request: is 65537 bytes long: want at most 65536",
	} {
		if _, err := events.Parse([]byte(body), now); err == nil || err.Error() != want {
			t.Errorf("%.20q: got %v, want %s", body, err, want)
		}
	}
}

func TestFormsThatMayLookOddAreTaken(t *testing.T) {
	t.Parallel()
	for _, fields := range []string{
		`"DBInstanceId":"rr-bp1abcd"`, `"DBInstanceId":"pgm-2ze9d66o65q1g02g6"`, `"DBInstanceId":"pgr-1"`, `"DBInstanceId":"newkind-1"`,
		`"DBInstanceId":"` + strings.Repeat("r", 64) + `"`,
		`"DBInstanceId":"rm-1","RegionId":"cn-hangzhou-finance-1"`, `"DBInstanceId":"rm-1","RegionId":"us-west-1"`,
		`"DBInstanceId":"rm-1","TargetMinorVersion":"15.0.4073.23"`, `"DBInstanceId":"rm-1","TargetMinorVersion":"rds_postgres_1400_20220830"`,
		`"DBInstanceId":"rm-1","TargetMinorVersion":"` + strings.Repeat("v", 64) + `"`,
		`"\u0044BInstanceId":"rm-1"`,
		`"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-22T12:00:01Z"`,
		`"DBInstanceId":"rm-1","withReplicas":true`, `"DBInstanceId":"rm-1","withReplicas":false`,
	} {
		if _, err := events.Parse([]byte("{"+fields+"}"), now); err != nil {
			t.Errorf("%s: %v", fields, err)
		}
	}
}

func TestFormsThatGoTooFarAreRefused(t *testing.T) {
	t.Parallel()
	for _, fields := range []string{
		`"DBInstanceId":"r"`, `"DBInstanceId":"1rm"`, `"DBInstanceId":"-rm"`, `"DBInstanceId":"rm_1"`, `"DBInstanceId":"rm-1,rm-2"`, `"DBInstanceId":"rm-ä"`,
		`"DBInstanceId":"` + strings.Repeat("r", 65) + `"`,
		`"DBInstanceId":"rm-1","RegionId":"cn"`, `"DBInstanceId":"rm-1","RegionId":"cn-"`, `"DBInstanceId":"rm-1","RegionId":"cn_hangzhou"`,
		`"DBInstanceId":"rm-1","TargetMinorVersion":"` + strings.Repeat("v", 65) + `"`, `"DBInstanceId":"rm-1","TargetMinorVersion":"a/b"`,
		`"DBInstanceId":"rm-1","UpgradeTime":"Immediate "`, `"DBInstanceId":"rm-1","kind":"Upgrade"`, `"DBInstanceId":"rm-1","kind":""`, `"DBInstanceId":"rm-1","mode":""`,
		`"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"2027-02-29T18:00:00Z"`,
		`"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"2026-12-01T18:00:00z"`,
		`"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"2026-12-01T8:00:00Z"`,
	} {
		if r, err := events.Parse([]byte("{"+fields+"}"), now); err == nil {
			t.Errorf("%s: got %+v, want an error", fields, r)
		}
	}
}

// The field is a person's word that the restart of the read-only instances is meant, so nothing that only looks like true is taken for it.
func TestWithReplicasIsTrueOrFalse(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"true": "true <nil>", "false": "false <nil>", " true ": "true <nil>",
		`"true"`: "want true or false, got a string", `"yes"`: "want true or false, got a string", `""`: "want true or false, got a string",
		"1": "want true or false, got a number", "null": "want true or false, got null", "[true]": "want true or false, got an array", "{}": "want true or false, got an object",
	} {
		r, err := events.Parse([]byte(`{"DBInstanceId":"pgm-1","withReplicas":`+value+`}`), now)
		got := fmt.Sprint(r.Upgrade.WithReplicas, " ", err)
		if err != nil {
			got = strings.TrimPrefix(err.Error(), "request: withReplicas: ")
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", value, got, want)
		}
	}
}

func TestWithReplicasBelongsToTheRequestForOneInstance(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"kind":"sweep","withReplicas":true}`:            "request: withReplicas: belongs to a request of kind upgrade, and this one is of kind sweep: leave it out, and select the read-only instances too",
		`{"kind":"sweep","withReplicas":false}`:           "request: withReplicas: belongs to a request of kind upgrade, and this one is of kind sweep: leave it out, and select the read-only instances too",
		`{"kind":"follow-ups","withReplicas":true}`:       "request: withReplicas: belongs to a request of kind upgrade, and this one is of kind follow-ups",
		`{"kind":"tick","withReplicas":true}`:             "request: withReplicas: belongs to a request of kind upgrade, and this one is of kind tick",
		`{"kind":"upgrade","DBInstanceId":"pgm-1"}`:       "<nil>",
		`{"kind":"sweep","select":{"withReplicas":true}}`: "request: select.withReplicas: is not a field of select",
	} {
		if r, err := events.Parse([]byte(body), now); fmt.Sprint(err) != want || r.Upgrade.WithReplicas {
			t.Errorf("%s: got %+v, %v; want %s", body, r, err, want)
		}
	}
}

// What a rollout remembered before the field was there, and what it remembers without it, is the same text.
func TestWithReplicasIsRememberedOnlyWhenItIsTrue(t *testing.T) {
	t.Parallel()
	for with, want := range map[bool]string{
		false: `{"kind":"upgrade","upgrade":{"DBInstanceId":"pgm-1"}}`,
		true:  `{"kind":"upgrade","upgrade":{"DBInstanceId":"pgm-1","withReplicas":true}}`,
	} {
		r := events.Request{Kind: events.KindUpgrade, Upgrade: events.Upgrade{DBInstanceID: "pgm-1", WithReplicas: with}}
		if text, err := json.Marshal(r); err != nil || string(text) != want {
			t.Errorf("got %s, %v; want %s", text, err, want)
		}
		remember(t, r)
	}
}

func TestNowDecidesWhetherSwitchTimeIsInTheFuture(t *testing.T) {
	t.Parallel()
	body := []byte(`{"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"2026-12-01T18:00:00Z"}`)
	at := time.Date(2026, 12, 1, 18, 0, 0, 0, time.UTC)
	china := time.FixedZone("CST", 8*60*60)
	for name, c := range map[string]struct {
		now time.Time
		ok  bool
	}{
		"a second before":                 {at.Add(-time.Second), true},
		"a second before, in China":       {at.Add(-time.Second).In(china), true},
		"at the time":                     {at, false},
		"a second after":                  {at.Add(time.Second), false},
		"a second after, told in China's": {at.Add(time.Second).In(china), false},
	} {
		if _, err := events.Parse(body, c.now); (err == nil) != c.ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestALongValueIsCutBetweenTwoLetters(t *testing.T) {
	t.Parallel()
	for letters, shown := range map[string]string{
		strings.Repeat("ä", 24):       strings.Repeat("ä", 24) + `"`,
		strings.Repeat("ä", 25):       strings.Repeat("ä", 24) + `"…`,
		"x" + strings.Repeat("ä", 24): "x" + strings.Repeat("ä", 23) + `"…`,
		strings.Repeat("版", 20):       strings.Repeat("版", 16) + `"…`,
	} {
		_, err := events.Parse([]byte(`{"DBInstanceId":"rm-1","mode":"`+letters+`"}`), now)
		want := `request: mode: "` + shown + ` is not a value: want apply or plan (exact case)`
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAtMostAHundredProblemsAreListed(t *testing.T) {
	t.Parallel()
	for n, last := range map[int]events.Problem{
		100: {Path: "$.x99", Message: "is not a field of a request"},
		101: {Path: "$", Message: "and 1 more"},
	} {
		body := `{"DBInstanceId":"rm-1"`
		for i := range n {
			body += fmt.Sprintf(`,"x%02d":0`, i)
		}
		_, err := events.Parse([]byte(body+"}"), now)
		var invalid *events.Invalid
		if !errors.As(err, &invalid) || len(invalid.Problems) != n || invalid.Problems[n-1] != last {
			t.Errorf("%d: got %v, want the last to be %v", n, err, last)
		}
	}
}

// A letter that does not print, or that JSON escapes, is shown at up to six times its length, and a notification has to hold all that
// is listed.
func TestAtMost24KilobytesOfProblemsAreListed(t *testing.T) {
	t.Parallel()
	for name, letter := range map[string]string{"letters that do not print": "\x7f", "letters that JSON escapes": "<", "quotes": `"`} {
		ids := make([]string, 100)
		for i := range ids {
			text, _ := json.Marshal(strings.Repeat(letter, 46) + fmt.Sprint(i))
			ids[i] = string(text)
		}
		_, err := events.Parse([]byte(`{"kind":"sweep","select":{"DBInstanceId":[`+strings.Join(ids, ",")+`]}}`), now)
		var invalid *events.Invalid
		if !errors.As(err, &invalid) {
			t.Fatalf("%s: got %v", name, err)
		}
		listed := len(invalid.Problems) - 1
		want := events.Problem{Path: "$", Message: fmt.Sprintf("and %d more", 100-listed)}
		if last := invalid.Problems[listed]; listed >= 100 || listed < 50 || last != want || len(told(invalid)) > 25<<10 {
			t.Errorf("%s: got %d bytes and %d problems, the last %v, want %v", name, len(told(invalid)), listed, last, want)
		}
	}
}

// told is what a notification says of a refused message.
func told(i *events.Invalid) string {
	problems := make([]string, len(i.Problems))
	for n, p := range i.Problems {
		problems[n] = p.String()
	}
	text, _ := json.Marshal(problems)
	return string(text)
}

func TestEveryNameThatIsNeverSentHasItsOwnAnswer(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"ClientToken", "OwnerId", "OwnerAccount", "ResourceOwnerId", "ResourceOwnerAccount", "Version", "Format",
		"AccessKeyId", "AccessKeySecret", "SecurityToken", "advisory", "select", "schedule", "rollout",
	} {
		_, err := events.Parse([]byte(`{"DBInstanceId":"rm-1","`+name+`":"private"}`), now)
		if err == nil || strings.Contains(err.Error(), "is not a field") || strings.Contains(err.Error(), "private") {
			t.Errorf("%s: got %v, want an answer of its own, without the value", name, err)
		}
	}
}

func TestTheNearestFieldIsNamed(t *testing.T) {
	t.Parallel()
	for name, near := range map[string]string{
		"dbinstanceid": "DBInstanceId", "DBInstanceID": "DBInstanceId", "DbInstanceId": "DBInstanceId", "DBInstance": "DBInstanceId",
		"DBInstanceName": "DBInstanceId", "instance_id": "DBInstanceId", "InstanceId": "DBInstanceId",
		"UpgardeTime": "UpgradeTime", "upgrade_time": "UpgradeTime", "UpdateTime": "UpgradeTime", "UpgradeTimes": "UpgradeTime",
		"SwitchAt": "", "switchtime": "SwitchTime", "MinorVersion": "TargetMinorVersion", "TargetVersion": "TargetMinorVersion",
		"Region": "RegionId", "myRegionId": "RegionId", "regionID": "RegionId", "Mode": "mode", "modes": "mode", "modus": "", "kinds": "kind", "knid": "kind", "mdoe": "mode", "nkdi": "", "action": "Action",
		"selects": "select", "Schedule": "schedule", "rollouts": "rollout", "plan_hash": "planHash", "advisorys": "advisory",
		"dryRun": "", "when": "", "id": "", "": "", "MaintainTime": "", "Engine": "", strings.Repeat("DBInstanceId", 3): "",
	} {
		_, err := events.Parse([]byte(`{"DBInstanceId":"rm-1","`+name+`":""}`), now)
		_, got, _ := strings.Cut(err.Error(), "did you mean ")
		if got = strings.TrimSuffix(got, "?"); got != near {
			t.Errorf("%s: got %q, want %q", name, got, near)
		}
	}
}
