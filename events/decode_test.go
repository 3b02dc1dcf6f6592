package events_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
)

// The requests that the samples carry.
var (
	maintain = events.Request{
		Kind:    events.KindUpgrade,
		Upgrade: events.Upgrade{DBInstanceID: "rm-bp1abcd", UpgradeTime: events.MaintainTime},
	}
	specified = events.Request{
		Kind: events.KindUpgrade,
		Upgrade: events.Upgrade{
			DBInstanceID:       "rm-bp1abcd",
			UpgradeTime:        events.SpecifyTime,
			SwitchTime:         time.Date(2026, 12, 1, 18, 0, 0, 0, time.UTC),
			TargetMinorVersion: "rds_20260228",
		},
	}
)

// The requests about fleets that the samples carry.
var (
	advised = events.Request{
		Kind: events.KindAdvisory, Mode: events.Apply,
		Fleet: &events.Fleet{
			Select:   events.Select{RegionIDs: []string{"cn-hangzhou", "cn-shanghai"}, Tags: map[string]string{"env": "prod"}},
			Schedule: events.Schedule{UpgradeTime: events.Immediate},
			Rollout: events.Rollout{
				Waves: []events.Wave{{Tags: map[string]string{"canary": "yes"}}, {Percent: 10}, {Percent: 100}},
				Bake:  new(time.Hour), MaxFailures: 1,
			},
			Advisory: &events.Advisory{
				ID: "CVE-2026-1", Severity: "critical", Summary: "A client may crash the server",
				Affected: []events.Affected{
					{Engine: "MySQL", EngineVersion: "8.0", FixedIn: "rds_20260228"},
					{Engine: "PostgreSQL", EngineVersion: "15.0", FixedIn: "15.10"},
				},
			},
		},
	}
	published = events.Request{
		Kind: events.KindAdvisory, Mode: events.Plan,
		Fleet: &events.Fleet{Advisory: &events.Advisory{
			ID: "BIT-postgresql-2024-4317", Severity: "low",
			Affected: []events.Affected{{Engine: "PostgreSQL", Ranges: []events.Range{
				{Introduced: "14.0.0", Fixed: "14.12.0"}, {Introduced: "15.0.0", Fixed: "15.7.0"}, {Introduced: "16.0.0", Fixed: "16.3.0"},
			}}},
		}},
	}
	swept = events.Request{
		Kind: events.KindSweep,
		Fleet: &events.Fleet{
			Select:   events.Select{Engine: "PostgreSQL", ResourceGroupID: "rg-acfm4abcd"},
			Schedule: events.Schedule{UpgradeTime: events.MaintainTime},
			Rollout:  events.Rollout{Waves: []events.Wave{{Percent: 12.5}, {Percent: 100}}, Bake: new(36 * time.Hour)},
		},
	}
)

// received is a message as far as it is not text, with the request in it.
type received struct {
	Trigger    events.Trigger
	ID, Source string
	Request    events.Request
}

func TestEverySampleGivesItsRequests(t *testing.T) {
	t.Parallel()
	all := specified
	all.Mode, all.Upgrade.RegionID = events.Apply, "cn-hangzhou"
	minimal := events.Request{
		Kind:    events.KindUpgrade,
		Upgrade: events.Upgrade{DBInstanceID: "rm-bp1abcd", UpgradeTime: events.Immediate},
	}
	replicas := events.Request{
		Kind:    events.KindUpgrade,
		Upgrade: events.Upgrade{DBInstanceID: "pgm-bp2efgh", UpgradeTime: events.MaintainTime, WithReplicas: true},
	}
	planned := minimal
	planned.Mode, planned.Upgrade.DBInstanceID = events.Plan, "pgm-bp2efgh"
	topic := func(r events.Request) []received {
		return []received{{events.MNSTopic, "2F5B3C082B923D4EAC694B76D9286A11", "rds-kernel-upgrade-requests", r}}
	}
	queue := func(id string, r events.Request) received {
		return received{events.MNSQueue, "C6DB60D1574661357FA2272774451F" + id, "zeus", r}
	}
	tick := func(name string, r events.Request) []received {
		return []received{{events.Timer, name + "@2026-11-22T11:59:00Z", name, r}}
	}

	want := map[string][]received{
		"mns-topic-json":                     topic(specified),
		"mns-topic-json-quoted-time":         topic(maintain),
		"mns-topic-json-attributes":          topic(maintain),
		"mns-topic-json-base64":              topic(maintain),
		"mns-topic-stream":                   {{Trigger: events.Direct, Request: maintain}},
		"mns-topic-stream-base64":            {{Trigger: events.Direct, Request: maintain}},
		"mns-topic-stream-attributes":        {{Trigger: events.MNSTopic, Request: maintain}},
		"mns-topic-stream-attributes-base64": {{Trigger: events.MNSTopic, Request: maintain}},
		"mns-queue-one":                      {queue("2B", maintain)},
		"mns-queue-one-base64":               {queue("2B", maintain)},
		"mns-queue-batch":                    {queue("01", maintain), queue("02", planned), queue("03", specified)},
		"mns-topic-json-advisory":            topic(advised),
		"mns-topic-json-advisory-osv":        topic(published),
		"timer":                              tick("nightly", maintain),
		"timer-base64":                       tick("nightly", maintain),
		"timer-sweep":                        tick("nightly", swept),
		"timer-tick":                         tick("tick", events.Request{Kind: events.KindTick}),
		"timer-follow-ups":                   tick("followUps", events.Request{Kind: events.KindTick}),
		"direct-status":                      {{Trigger: events.Direct, Request: events.Request{Kind: events.KindStatus}}},
		"direct-stop-rollout":                {{Trigger: events.Direct, Request: events.Request{Kind: events.KindStop, Stop: &events.Stop{Rollout: "a7dc258ff8bf0089"}}}},
		"direct-stop-advisory":               {{Trigger: events.Direct, Request: events.Request{Kind: events.KindStop, Stop: &events.Stop{Advisory: "CVE-2026-1"}}}},
		"direct":                             {{Trigger: events.Direct, Request: all}},
		"direct-minimal":                     {{Trigger: events.Direct, Request: minimal}},
		"direct-with-replicas":               {{Trigger: events.Direct, Request: replicas}},
	}
	got := map[string][]received{}
	for name, event := range readSamples(t, samples) {
		for _, m := range decode(t, event) {
			if m.Err != nil {
				t.Fatalf("%s: %v", name, m.Err)
			}
			request, err := events.Parse(m.Body, now)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got[name] = append(got[name], received{m.Trigger, m.ID, m.Source, request})
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestABadElementLeavesTheOthersAsTheyAre(t *testing.T) {
	t.Parallel()
	element := func(id, body string) string {
		data := object(t, map[string]any{"messageId": id, "messageBody": body})
		return `{"specversion":"1.0","type":"mns:Queue:SendMessage","subject":"acs:mns:cn-hangzhou:1:queues/q","data":` + data + `}`
	}
	good := element("1", `{"DBInstanceId":"rm-1"}`)
	for _, bad := range []string{
		"null", "42", `"text"`, "[]", "{}", `{"DBInstanceId":"rm-1"}`,
		element("1", "TEST"), element("", `{"DBInstanceId":"rm-1"}`),
		`{"specversion":"1.0","type":"mns:Queue:SendMessage"}`,
		`{"specversion":"1.0","type":"other"}`,
		`{"specversion":"` + "\xff" + `"}`,
		element("1", strings.Repeat("x", 70_000)),
		`{"specversion":"1.0","x":"` + strings.Repeat("x", 600_000) + `"}`,
	} {
		alone := decode(t, []byte("["+good+"]"))[0]
		got := decode(t, []byte("["+good+","+bad+","+good+"]"))
		if len(got) != 3 {
			t.Fatalf("%.60s: got %d messages, want 3", bad, len(got))
		}
		for _, i := range []int{0, 2} {
			if diff := cmp.Diff(alone, got[i]); diff != "" {
				t.Errorf("%.60s: element %d changed (-alone +beside it)\n%s", bad, i, diff)
			}
		}
		var invalid *events.Invalid
		if !errors.As(got[1].Err, &invalid) || got[1].Body != nil || got[1].Trigger != events.MNSQueue {
			t.Fatalf("%.60s: got %+v, want a message of the queue with an Invalid and no body", bad, got[1])
		}
		if invalid.Subject != "event" || !strings.HasPrefix(invalid.Problems[0].Path, "$[1]") {
			t.Errorf("%.60s: got %+v, want a problem of the event at $[1]", bad, invalid)
		}
	}
}

func TestAMessageThatCannotBeOpenedStillSaysWhichItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event string
		want  events.Message
	}{
		{`{"TopicName":"t","MessageId":"1","Message":"hello"}`, events.Message{Trigger: events.MNSTopic, ID: "1", Source: "t"}},
		{`{"triggerName":"n","triggerTime":"2026-11-22T11:59:00Z","payload":""}`, events.Message{Trigger: events.Timer, ID: "n@2026-11-22T11:59:00Z", Source: "n"}},
		{`{"triggerName":"n","triggerTime":4,"payload":""}`, events.Message{Trigger: events.Timer, Source: "n"}},
		{`{"triggerName":null,"triggerTime":"2026-11-22T11:59:00Z","payload":""}`, events.Message{Trigger: events.Timer}},
		{`{"body":"","attrs":{}}`, events.Message{Trigger: events.MNSTopic}},
		{queueEvent(`"acs:mns:cn-hangzhou:1:queues/q"`, `"x"`), events.Message{Trigger: events.MNSQueue, ID: "1", Source: "q"}},
		{queueEvent(`"acs:mns:cn-hangzhou:1:topics/q"`, `"x"`), events.Message{Trigger: events.MNSQueue, ID: "1"}},
		{queueEvent(`7`, `"x"`), events.Message{Trigger: events.MNSQueue, ID: "1"}},
		{queueEvent(`"a","subject":"b"`, `"x"`), events.Message{Trigger: events.MNSQueue, ID: "1"}},
		{queueEvent(`"acs:mns:cn-hangzhou:1:queues/`+strings.Repeat("q", 300)+`"`, `"x"`), events.Message{Trigger: events.MNSQueue, ID: "1"}},
		{`{"DBInstanceId":"` + strings.Repeat("r", 65_536) + `"}`, events.Message{Trigger: events.Direct}},
		{`{"TopicName":"t","MessageId":"` + strings.Repeat("1", 257) + `","Message":"{\"mode\":1}"}`, events.Message{Trigger: events.MNSTopic, Source: "t"}},
	} {
		got := decode(t, []byte(c.event))[0]
		if got.Err == nil {
			t.Errorf("%.80s: no error", c.event)
		}
		got.Err, got.Published = nil, time.Time{}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%.80s (-want +got)\n%s", c.event, diff)
		}
	}
}

func TestABodyMayBeWrittenInManyWays(t *testing.T) {
	t.Parallel()
	const plain = `{"DBInstanceId":"rm-bp1abcd","TargetMinorVersion":"???>>>~~~"}` // has + and / in base64
	wide := base64.StdEncoding.EncodeToString([]byte(plain))
	for name, written := range map[string]string{
		"plain":                              plain,
		"with blanks around it":              " \r\n\t" + plain + "\n",
		"after a byte order mark":            "\ufeff" + plain,
		"base64":                             wide,
		"base64 without padding":             base64.RawStdEncoding.EncodeToString([]byte(plain)),
		"base64 in the URL alphabet":         base64.URLEncoding.EncodeToString([]byte(plain)),
		"base64 in the URL alphabet, no pad": base64.RawURLEncoding.EncodeToString([]byte(plain)),
		"base64 with blanks around it":       "\n " + wide + " \n",
		"base64 on several lines":            wide[:40] + "\n" + wide[40:] + "\n",
		"base64 of blanks around it":         base64.StdEncoding.EncodeToString([]byte(" \ufeff" + plain + "\n")),
	} {
		for envelope, event := range map[string]string{
			"direct": written,
			"topic":  object(t, map[string]any{"TopicName": "t", "MessageId": "1", "Message": written}),
			"stream": object(t, map[string]any{"body": written, "attrs": map[string]any{}}),
			"timer":  object(t, map[string]any{"triggerName": "n", "triggerTime": "t", "payload": written}),
			"queue":  queueEvent(`"s"`, object(t, written)),
		} {
			if m := decode(t, []byte(event))[0]; m.Err != nil || string(m.Body) != plain {
				t.Errorf("%s, %s: got %s, %v", envelope, name, m.Body, m.Err)
			}
		}
	}
}

func TestWhatIsTooLongIsRefused(t *testing.T) {
	t.Parallel()
	request := func(size int) string {
		return `{"DBInstanceId":"` + strings.Repeat("r", size-len(`{"DBInstanceId":""}`)) + `"}`
	}
	elements := func(n int) string { return "[" + strings.Repeat("1,", n-1) + "1]" }
	for name, c := range map[string]struct {
		event, want string // an empty want stands for no error
	}{
		"a request of 64 KB is taken":         {request(65_536), ""},
		"with blanks around it, too":          {" " + request(65_536) + "\n", ""},
		"and in base64":                       {"\n" + base64.StdEncoding.EncodeToString([]byte(request(49_152))) + "\n", ""},
		"an envelope of 512 KB with blanks":   {" " + `{"x":"` + strings.Repeat("x", 524_280) + `"}` + "\n", "event: got an object with the keys"},
		"a request of one byte more is not":   {request(65_537), "event: is 65537 bytes long: want at most 65536"},
		"a payload of one byte more is not":   {timerEvent(t, request(65_537)), "event: payload: is 65537 bytes long: want at most 65536"},
		"its length in base64 is what counts": {base64.StdEncoding.EncodeToString([]byte(request(60_000))), "event: got text that is 80000 bytes long: want at most 65536"},
		"an escaped body of 64 KB is taken":   {timerEvent(t, `{"x":"`+strings.Repeat("<", 65_000)+`"}`), ""},
		"an envelope of more than 512 KB":     {`{"x":"` + strings.Repeat("x", 524_288) + `"}`, "event: got an object that is 524296 bytes long: want at most 524288"},
		"an array of 10,000 is taken":         {elements(10_000), ""},
		"an array of one more is not":         {elements(10_001), "event: got an array of more than 10000 elements: want an MNS"},
		"an array nested without end":         {strings.Repeat("[", 200_000), "event: got an array that is broken JSON: character 10001 is [ (U+005B), nested deeper than JSON is read"},
		"an object nested without end":        {strings.Repeat(`{"mode":`, 50_000), "event: got an object that is broken JSON: character 80001 is { (U+007B), nested deeper than JSON is read"},
	} {
		messages, err := events.Decode([]byte(c.event))
		if err == nil && len(messages) == 1 {
			err = messages[0].Err
		}
		if got := fmt.Sprint(err); (c.want == "") != (err == nil) || !strings.HasPrefix(got, c.want) && c.want != "" {
			t.Errorf("%s: got %.120s, want %s", name, got, c.want)
		}
	}
}

func TestWhatIsNotUTF8IsRefusedWhereverItStands(t *testing.T) {
	t.Parallel()
	bad := "{\"DBInstanceId\":\"rm-\xff\"}"
	for event, want := range map[string]string{
		bad: "event: got an object that is not valid UTF-8: want an MNS",
		base64.StdEncoding.EncodeToString([]byte(bad)):                                          "event: got base64 of an object that is not valid UTF-8: want an MNS",
		timerEvent(t, base64.StdEncoding.EncodeToString([]byte(bad))):                           "event: payload: is not valid UTF-8\n",
		"[" + queueEvent(`"s"`, "\"\xff\"") + "]":                                               "event: [0]: is not valid UTF-8\n",
		timerEvent(t, base64.StdEncoding.EncodeToString([]byte("\xff"+`{"DBInstanceId":"x"}`))): `event: payload: want a request as JSON or base64 of JSON, got text "`,
	} {
		if got := receive([]byte(event)); !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %s want %s", event, got, want)
		}
	}
}

func TestAnUnrecognizedEventSaysWhatWasSeenAndWhatToDo(t *testing.T) {
	t.Parallel()
	for event, seen := range map[string]string{
		"null":                            "null",
		`{"events":[]}`:                   `an object with the keys "events"`,
		`{"eventId":"1","eventType":"x"}`: "a maintenance event of RDS (eventId, eventType)",
		`{"product":"x","content":"x"}`:   "an event of CloudMonitor (product, content)",
	} {
		messages, err := events.Decode([]byte(event))
		var unrecognized *events.Unrecognized
		if !errors.As(err, &unrecognized) || messages != nil {
			t.Fatalf("%s: got %v, %v, want Unrecognized alone", event, messages, err)
		}
		if unrecognized.Seen != seen || unrecognized.Advice == "" {
			t.Errorf("%s: got %+v, want it to have seen %s", event, unrecognized, seen)
		}
	}
}

func TestNamesMayBe256BytesLong(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("n", 256)
	for _, event := range []string{
		object(t, map[string]any{"TopicName": name, "MessageId": name, "Message": "{}"}),
		object(t, map[string]any{"triggerName": name, "triggerTime": name, "payload": "{}"}),
		queueEvent(`"acs:mns:cn-hangzhou:1:queues/`+name+`"`, `"{}"`),
	} {
		if m := decode(t, []byte(event))[0]; m.Err != nil || m.Source != name {
			t.Errorf("%.60s: got the source %q, %v", event, m.Source, m.Err)
		}
	}
}

func TestAnUnknownObjectShowsAtMostEightKeys(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]string{
		`{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0}`:       `"g", "h": want`,
		`{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0}`: `"g", "h" and 1 more: want`,
	} {
		if _, err := events.Decode([]byte(event)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want …%s…", err, want)
		}
	}
}

func decode(t *testing.T, event []byte) []events.Message {
	t.Helper()
	messages, err := events.Decode(event)
	if err != nil {
		t.Fatalf("%.80s: %v", event, err)
	}
	return messages
}

// object gives a value as JSON.
func object(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func timerEvent(t *testing.T, payload string) string {
	t.Helper()
	return object(t, map[string]any{"triggerName": "n", "triggerTime": "t", "payload": payload})
}

// queueEvent gives a queue's message; both arguments are JSON.
func queueEvent(subject, body string) string {
	return `{"specversion":"1.0","type":"mns:Queue:SendMessage","subject":` + subject +
		`,"data":{"messageId":"1","messageBody":` + body + `}}`
}

func TestTheEnvelopeSaysWhenTheMessageWasSent(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	topic := func(publishTime string) string {
		return `{"TopicName":"t","MessageId":"1","Message":"{\"DBInstanceId\":\"rm-bp1abcd\"}"` + publishTime + `}`
	}
	for event, want := range map[string]time.Time{
		topic(`,"PublishTime":1795348800000`):               at,
		topic(`,"PublishTime":"1795348800000"`):             at,
		topic(`,"PublishTime":"2026-11-22T20:00:00+08:00"`): at,
		topic(``):                      {},
		topic(`,"PublishTime":"soon"`): {},
		topic(`,"PublishTime":-1`):     {},
		topic(`,"PublishTime":1795348800000,"PublishTime":1`):                                      {},
		`{"triggerName":"n","triggerTime":"2026-11-22T12:00:00Z","payload":"{\"kind\":\"tick\"}"}`: at,
		`{"DBInstanceId":"rm-bp1abcd"}`:                                                            {},
	} {
		m := decode(t, []byte(event))[0]
		if m.Err != nil || !m.Published.Equal(want) {
			t.Errorf("%s: got %v, %v; want %v", event, m.Published, m.Err, want)
		}
	}
}
