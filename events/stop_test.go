package events_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
)

func TestARequestToStopNamesOneRolloutOrOneAdvisory(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]events.Stop{
		`"rollout":"a7dc258ff8bf0089"`:                      {Rollout: "a7dc258ff8bf0089"},
		`"rollout":"0000000000000000"`:                      {Rollout: "0000000000000000"},
		`"advisory":"CVE-2026-1"`:                           {Advisory: "CVE-2026-1"},
		`"advisory":"` + strings.Repeat("版", 42) + `"`:      {Advisory: strings.Repeat("版", 42)},
		`"advisory":"` + strings.Repeat("x", 128) + `"`:     {Advisory: strings.Repeat("x", 128)},
		`"advisory":"an id with spaces, as some have them"`: {Advisory: "an id with spaces, as some have them"},
	} {
		r, err := events.Parse([]byte(`{"kind":"stop",`+fields+`}`), now)
		if diff := cmp.Diff(events.Request{Kind: events.KindStop, Stop: &want}, r); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", fields, err, diff)
		}
		remember(t, r)
	}
}

func TestARequestToStopIsRefusedWithWhatToDo(t *testing.T) {
	t.Parallel()
	const (
		one      = ` rollout and advisory: want one of them, such as {"kind":"stop","rollout":"a7dc258ff8bf0089"}`
		rollout  = "want the id of a rollout as notifications print it, such as a7dc258ff8bf0089: 16 digits or lower-case letters from a to f"
		advisory = "want the id of an advisory, such as CVE-2026-1"
	)
	for fields, want := range map[string]string{
		``: `has neither rollout nor advisory: want one of them, such as {"kind":"stop","rollout":"a7dc258ff8bf0089"}`,
		`,"rollout":"a7dc258ff8bf0089","advisory":"x"`:   "has more than one of" + one,
		`,"advisory":"x","advisory":"y"`:                 "advisory: is given 2 times: want it once; has more than one of" + one,
		`,"rollout":""`:                                  "rollout: is empty: " + rollout,
		`,"rollout":"a7dc258ff8bf008"`:                   `rollout: "a7dc258ff8bf008" has another form: ` + rollout,
		`,"rollout":"a7dc258ff8bf00891"`:                 `rollout: "a7dc258ff8bf00891" has another form: ` + rollout,
		`,"rollout":"A7DC258FF8BF0089"`:                  `rollout: "A7DC258FF8BF0089" has another form: ` + rollout,
		`,"rollout":"a7dc258ff8bf0089 "`:                 `rollout: "a7dc258ff8bf0089 " has blanks around it: want none`,
		`,"rollout":{"bake":"1h"}`:                       "rollout: " + rollout + ", got an object",
		`,"rollout":null`:                                "rollout: " + rollout + ", got null",
		`,"advisory":{"id":"CVE-2026-1"}`:                "advisory: " + advisory + ", got an object",
		`,"advisory":["CVE-2026-1"]`:                     "advisory: " + advisory + ", got an array",
		`,"advisory":1`:                                  "advisory: " + advisory + ", got a number",
		`,"advisory":""`:                                 "advisory: is empty: " + advisory,
		`,"advisory":"` + strings.Repeat("x", 129) + `"`: "advisory: is 129 bytes long: want at most 128",
		`,"advisory":"x","mode":"apply"`:                 "mode: belongs to a request of kind upgrade, advisory or sweep, and this one is of kind stop",
		`,"advisory":"x","planHash":""`:                  "planHash: belongs to a request of kind upgrade, advisory or sweep, and this one is of kind stop",
		`,"advisory":"x","select":{}`:                    "select: belongs to a request of kind advisory or sweep, and this one is of kind stop",
		`,"DBInstanceId":"rm-1","advisory":"x"`:          "DBInstanceId: belongs to a request of kind upgrade, and this one is of kind stop",
		`,"advisory":"x","why":"it is Friday"`:           "why: is not a field of a request",
	} {
		if r, err := events.Parse([]byte(`{"kind":"stop"`+fields+`}`), now); fmt.Sprint(err) != "request: "+want {
			t.Errorf("%s: got %+v\n%v\nwant %s", fields, r, err, want)
		}
	}
}

// A tick and a status ask for nothing in particular, so no field has a meaning there.
func TestATickAndAStatusTakeNoFields(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]events.Kind{"tick": events.KindTick, "follow-ups": events.KindTick, "status": events.KindStatus} {
		r, err := events.Parse([]byte(`{"kind":"`+kind+`"}`), now)
		if diff := cmp.Diff(events.Request{Kind: want}, r); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", kind, err, diff)
		}
		for field := range events.Fields() {
			if field == "kind" || strings.Contains(field, ".") {
				continue
			}
			_, err := events.Parse([]byte(`{"kind":"`+kind+`","`+field+`":"x"}`), now)
			var invalid *events.Invalid
			if !errors.As(err, &invalid) || len(invalid.Problems) != 1 || !strings.HasSuffix(invalid.Problems[0].Message, ", and this one is of kind "+kind) {
				t.Errorf("%s with %s: got %v", kind, field, err)
			}
		}
	}
}

func TestAKindThatIsNoLongerSentIsAnsweredWithTheNewOne(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"follow-up", "followUps", "Follow-Ups"} {
		want := `request: kind: "` + kind + `" is not a value: want upgrade, advisory, sweep, tick, status or stop (exact case), did you mean tick?`
		if _, err := events.Parse([]byte(`{"kind":"`+kind+`"}`), now); fmt.Sprint(err) != want {
			t.Errorf("%s: got %v, want %s", kind, err, want)
		}
	}
}

func TestTheIdOfARegionIsHeldToTheRuleOfRequests(t *testing.T) {
	t.Parallel()
	const want = "want the id of a region, such as cn-hangzhou"
	for id, problem := range map[string]string{
		"cn-hangzhou": "", "us-west-1": "", "cn-hangzhou-finance-1": "",
		"":             `"" has another form: ` + want,
		"cn":           `"cn" has another form: ` + want,
		"CN-Hangzhou":  `"CN-Hangzhou" has another form: ` + want,
		"cn-hangzhou ": `"cn-hangzhou " has blanks around it: want none`,
		"cn\u2013a":    `"cn–a" has – (U+2013, en dash) as character 3: want the plain - (U+002D)`,
		"cn-a\u200b":   `"cn-a\u200b" ends with a zero width space (U+200B): remove it`,
	} {
		if got := events.RegionProblem(id); got != problem {
			t.Errorf("%q: got %s, want %s", id, got, problem)
		}
	}
}

func TestSeveritiesBeginWithTheMostSevere(t *testing.T) {
	t.Parallel()
	all := events.Severities()
	if diff := cmp.Diff([]string{"critical", "high", "medium", "low"}, all); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, severity := range all {
		body := `{"kind":"advisory","advisory":{"id":"1","severity":"` + severity + `","affected":[{"Engine":"MySQL","fixedIn":"rds_20260228"}]}}`
		if r, err := events.Parse([]byte(body), now); err != nil || r.Fleet.Advisory.Severity != severity {
			t.Errorf("%s: got %+v, %v", severity, r, err)
		}
	}
}
