package events_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/local/rig"
)

// affordable is what reading may take of memory, counted without what was freed on the way: 64 bytes for each that arrived, and what a
// message of 64 KB takes that is made of the smallest objects.
func affordable(size int) uint64 { return uint64(64*size + 64<<20) }

// frugally wants an answer in bounded memory. Tests that use it are not parallel: it counts what the process takes.
func frugally(t *testing.T, size int, read func() string, want string) {
	t.Helper()
	var got string
	rig.Frugally(t, affordable(size), func() { got = read() })
	if !strings.HasPrefix(got, want) {
		t.Errorf("got %.200s, want %s", got, want)
	}
}

// list gives a list of n times the same.
func list(n int, element string) string {
	return "[" + strings.Repeat(element+",", n-1) + element + "]"
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func TestAHostileRequestGetsAnAnswer(t *testing.T) {
	sweep := func(fields string) string { return `{"kind":"sweep",` + fields + `}` }
	advisory := func(fields string) string { return `{"kind":"advisory","advisory":{"id":"x",` + fields + `}}` }
	osv := func(fields string) string {
		return advisory(`"affected":[{"package":{"ecosystem":"Bitnami","name":"postgresql"},` + fields + `}]`)
	}
	const deep = "request: is broken JSON: character 100"
	digits := strings.Repeat("9", 60_000)
	for name, c := range map[string]struct{ body, want string }{
		"an unknown field nested as deep as 64 KB allow":     {sweep(`"x":` + nested(32_000)), deep},
		"an unknown field nested as deep as JSON is read":    {sweep(`"x":` + nested(9_990)), "request: x: is not a field of a request\n"},
		"a field of a request nested deep":                   {sweep(`"select":` + nested(9_990)), "request: select: want an object, got an array\n"},
		"an advisory nested deep":                            {advisory(`"affected":` + nested(32_000)), deep},
		"an OSV record nested deep where it may be anything": {osv(`"versions":["15.1"],"database_specific":` + nested(9_980)), "ok"},
		"nested 100,000 deep":                                {sweep(`"x":` + nested(100_000)), "request: is 200021 bytes long: want at most 65536\n"},

		"a percent beyond all numbers":          {sweep(`"rollout":{"waves":[{"percent":1e400}]}`), "request: rollout.waves[0].percent: 1e400 is out of range: want a number above 0, up to 100\n"},
		"a percent of next to nothing":          {sweep(`"rollout":{"waves":[{"percent":1e-400},{"percent":100}]}`), "request: rollout.waves[0].percent: 1e-400 is out of range"},
		"a percent of 60,000 digits":            {sweep(`"rollout":{"waves":[{"percent":` + digits + `}]}`), "request: rollout.waves[0].percent: " + digits[:48] + " is out of range: want"},
		"failures of 60,000 digits":             {sweep(`"rollout":{"maxFailures":` + digits + `}`), "request: rollout.maxFailures: " + digits[:48] + " is out of range: want"},
		"failures of minus nothing":             {sweep(`"rollout":{"maxFailures":-0}`), "ok"},
		"failures with an exponent":             {sweep(`"rollout":{"maxFailures":1e0}`), "request: rollout.maxFailures: 1e0 is out of range"},
		"a severity that is no number either":   {osv(`"versions":["15.1"],"database_specific":{"severity":1e400}`), "ok"},
		"an id that is a number":                {`{"DBInstanceId":1e400}`, "request: DBInstanceId: want a string, got a number\n"},
		"a bake of 60,000 digits":               {sweep(`"rollout":{"bake":"` + digits + `d"}`), `request: rollout.bake: "` + digits[:48] + `"… is not a duration`},
		"a bake that turns over":                {sweep(`"rollout":{"bake":"65535d2562047h"}`), `request: rollout.bake: "65535d2562047h" is not a duration`},
		"a bake of the longest time that is":    {sweep(`"rollout":{"bake":"2562047h47m16.854775807s"}`), `request: rollout.bake: "2562047h47m16.854775807s" is not a duration`},
		"a bake in many parts":                  {sweep(`"rollout":{"bake":"` + strings.Repeat("1ns", 20_000) + `"}`), "ok"},
		"a SwitchTime after all times":          {`{"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"9999-12-31T23:59:59Z"}`, `request: SwitchTime: "9999-12-31T23:59:59Z" is 7973 years ahead`},
		"a SwitchTime after that":               {`{"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"10000-01-01T00:00:00Z"}`, `request: SwitchTime: "10000-01-01T00:00:00Z" has another form`},
		"a SwitchTime whose offset leads there": {`{"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"9999-12-31T23:59:59-23:59"}`, `request: SwitchTime: "9999-12-31T23:59:59-23:59" has an offset`},

		"two values for a key":                         {`{"DBInstanceId":"rm-1","DBInstanceId":"rm-2"}`, "request: DBInstanceId: is given 2 times: want it once\n"},
		"two values for a key inside":                  {sweep(`"select":{"Engine":"MySQL","Engine":"MySQL"}`), "request: select.Engine: is given 2 times"},
		"two values for a tag":                         {sweep(`"select":{"tags":{"env":"a","env":"b"}}`), "request: select.tags.env: is given twice"},
		"a key in another case beside the right one":   {`{"DBInstanceId":"rm-1","dbinstanceid":"rm-2"}`, "request: dbinstanceid: is not a field of a request, did you mean DBInstanceId?\n"},
		"a key that only Unicode takes for the same":   {sweep(`"ſelect":{"Engine":"MySQL"}`), `request: ["ſelect"]: is not a field of a request, did you mean select?`},
		"such a key beside the right one, in a record": {osv(`"versions":["15.1"],"verſionſ":["16.1"]`), `request: advisory.affected[0]["verſionſ"]: is not a field of an affected entry of OSV, did you mean versions?`},
		"one value of thousands":                       {`{` + strings.Repeat(`"mode":"plan",`, 4_600) + `"DBInstanceId":"rm-1"}`, "request: mode: is given 4600 times: want it once\n"},
		"thousands of unknown keys":                    {`{` + strings.Repeat(`"a":1,`, 10_900) + `"DBInstanceId":"rm-1"}`, "request: a: is not a field of a request\n"},

		"NUL in an id":                      {`{"DBInstanceId":"rm-\u0000"}`, `request: DBInstanceId: "rm-\x00" has another form`},
		"a line break in an id":             {`{"DBInstanceId":"rm-1\n"}`, `request: DBInstanceId: "rm-1\n" has blanks around it`},
		"a line break inside an id":         {`{"DBInstanceId":"rm-1\n{\"level\":\"INFO\"}"}`, `request: DBInstanceId: "rm-1\n{\"level\":\"INFO\"}" has another form`},
		"a query in an id":                  {`{"DBInstanceId":"rm-1&Action=DeleteDBInstance"}`, `request: DBInstanceId: "rm-1&Action=DeleteDBInstance" has another form`},
		"a path in a region":                {`{"DBInstanceId":"rm-1","RegionId":"cn-hangzhou/../x"}`, `request: RegionId: "cn-hangzhou/../x" has another form`},
		"another host in a region":          {`{"DBInstanceId":"rm-1","RegionId":"evil.example.com#"}`, `request: RegionId: "evil.example.com#" has another form`},
		"markup in an advisory's id":        {advisory(`"affected":[{"Engine":"MySQL","fixedIn":"rds_20260228"}]`), "ok"},
		"an escape sequence in its id":      {`{"kind":"advisory","advisory":{"id":"\u001b[2J","affected":[]}}`, `request: advisory.id: "\x1b[2J" has letters that do not print`},
		"text that runs backwards":          {sweep(`"select":{"tags":{"env":"\u202edorp"}}`), `request: select.tags.env: "\u202edorp" begins with a right-to-left override (U+202E): remove it`},
		"half a letter":                     {sweep(`"mode":"\ud800"`), "request: mode: \"\ufffd\" is not a value"},
		"a key of control characters":       {`{"DBInstanceId":"rm-1","\u0000\u001b":1}`, `request: ["\x00\x1b"]: is not a field of a request`},
		"a key of 60,000 bytes":             {`{"DBInstanceId":"rm-1","` + strings.Repeat("k", 60_000) + `":1}`, `request: ["` + strings.Repeat("k", 48) + `"…]: is not a field of a request` + "\n"},
		"a value of 60,000 bytes":           {`{"DBInstanceId":"` + strings.Repeat("\\u0001", 10_000) + `"}`, `request: DBInstanceId: "` + strings.Repeat(`\x01`, 48) + `"… has another form`},
		"bytes that are no letters":         {"{\"DBInstanceId\":\"rm-\xff\"}", "request: is not valid UTF-8\n"},
		"a byte order mark of another kind": {"\xff\xfe{\x00}\x00", "request: is not valid UTF-8\n"},

		"thousands of waves":                {sweep(`"rollout":{"waves":` + list(20_000, "{}") + `}`), "request: rollout.waves: has more than 20 elements"},
		"thousands of ids":                  {sweep(`"select":{"DBInstanceId":` + list(9_000, `"rm-1"`) + `}`), "request: select.DBInstanceId: has more than 100 elements"},
		"thousands of entries":              {advisory(`"affected":` + list(21_000, "{}")), "request: advisory.affected: has more than 100 elements"},
		"thousands of entries of a record":  {advisory(`"schema_version":"1","affected":` + list(9_000, "{}")), "request: advisory.affected: names neither MySQL nor PostgreSQL"},
		"thousands of ranges":               {osv(`"ranges":` + list(9_000, "{}")), "request: advisory.affected[0].ranges[0].type: is missing"},
		"thousands of events":               {osv(`"ranges":[{"type":"SEMVER","events":` + list(9_000, "{}") + `}]`), "ok"},
		"thousands of versions":             {osv(`"versions":` + list(9_000, `""`)), "request: advisory: comes to "},
		"thousands of versions of a number": {osv(`"versions":` + list(30_000, `1`)), "request: advisory.affected[0].versions[0]: want a string, got a number"},
	} {
		t.Run(name, func(t *testing.T) {
			frugally(t, len(c.body), func() string {
				_, err := events.Parse([]byte(c.body), now)
				if err == nil {
					return "ok"
				}
				checkErrorText(t, err)
				return strings.ReplaceAll(err.Error(), "; ", "\n") + "\n"
			}, c.want)
		})
	}
}

func TestAHostileEventGetsAnAnswer(t *testing.T) {
	const request = `{"DBInstanceId":"rm-1"}`
	topic := func(id string) string {
		text, _ := json.Marshal(map[string]string{"TopicName": "t", "MessageId": id, "Message": request})
		return string(text)
	}
	coded := func(times int) string {
		text := request
		for range times {
			text = base64.StdEncoding.EncodeToString([]byte(text))
		}
		return text
	}
	message := func(body string) string { return queueEvent(`"s"`, strconv.Quote(body)) }
	const noUnprintable = " has letters that do not print\n"
	for name, c := range map[string]struct{ event, want string }{
		"an object nested 100,000 deep":             {strings.Repeat(`{"mode":`, 65_000), "event: got an object that is broken JSON: character 80001 is { (U+007B), nested deeper than JSON is read"},
		"one that is longer than any envelope":      {strings.Repeat(`{"mode":`, 100_000), "event: got an object that is 800000 bytes long"},
		"an array nested 100,000 deep":              {nested(100_000), "event: got an array that is broken JSON: character 10001 is [ (U+005B), nested deeper than JSON is read"},
		"an element nested deep":                    {"[" + nested(9_990) + "]", `event: [0]: want an object, got an array "[[[`},
		"base64 of an object nested deep":           {base64.StdEncoding.EncodeToString([]byte(strings.Repeat(`{"":`, 12_000))), "event: got base64 of an object that is broken JSON: character 40001"},
		"a message whose body is nested deep":       {message(nested(30_000)), `event: data.messageBody: want a request as JSON or base64 of JSON, got text "[[[`},
		"base64 of a request":                       {coded(1), "ok"},
		"base64 of base64 of a request":             {coded(2), `event: got text "`},
		"base64 of base64 of base64":                {coded(3), `event: got text "`},
		"a message whose body is base64 of base64":  {message(coded(2)), "event: data.messageBody: want a request as JSON or base64 of JSON, got text"},
		"what is compressed":                        {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff", "event: got text"},
		"what is compressed, in base64":             {"H4sIAAAAAAAC/w==", "event: got text"},
		"32 MB of one object":                       {`{"x":"` + strings.Repeat("x", 32<<20-8) + `"}`, "event: got an object that is 33554432 bytes long: want at most 524288"},
		"32 MB of one text":                         {`"` + strings.Repeat("x", 32<<20-2) + `"`, "event: got text that is 33554432 bytes long: want at most 65536"},
		"32 MB of blanks":                           {strings.Repeat(" ", 32<<20), "event: got an empty event"},
		"32 MB of blanks that are none in JSON":     {strings.Repeat("\u00a0", 16<<20), "event: got text that is 33554432 bytes long"},
		"32 MB of them before an object":            {strings.Repeat("\u00a0", 16<<20) + request, "event: got text that is 33554455 bytes long"},
		"64 KB of curly quotes":                     {message(strings.Repeat("\u201c", 21_000)), "event: data.messageBody: want a request as JSON or base64 of JSON, got text"},
		"64 KB of keys in curly quotes":             {message("{" + strings.Repeat("\u201ca\u201d:1,", 5_000)), "event: data.messageBody: character 2 is \u201c (U+201C, left double quotation mark): JSON takes"},
		"a string of 64 KB that a curly quote ends": {message(`{"` + strings.Repeat("x", 60_000) + "\u201d:1}"), "event: data.messageBody: is broken JSON: it ends after character 60006, before it is complete; character 60003 is \u201d"},
		"32 MB of NUL":                              {strings.Repeat("\x00", 32<<20), "event: got text that is 33554432 bytes long"},
		"a million numbers":                         {list(1<<20, "1"), "event: got an array of more than 10000 elements"},
		"32 MB of brackets":                         {strings.Repeat("[", 32<<20), "event: got an array that is broken JSON: character 10001"},
		"30,000 messages":                           {list(30_000, `{"specversion":"1.0","type":"x"}`), "event: got an array of more than 10000 elements"},
		"2,000 messages":                            {list(2_000, message(request)), "ok"},
		"10,000 of nothing":                         {list(10_000, "{}"), "event: [0]: want an MNS queue message (a CloudEvent with data.messageBody), got an object without keys\n"},
		"messages of thousands of keys each":        {list(20, `{"specversion":"1.0","type":"mns:Queue:SendMessage",`+strings.Repeat(`"a":1,`, 2_000)+`"data":{"messageId":"1","messageBody":"{}"}}`), "request: DBInstanceId: is missing"},
		"128 KB of one message":                     {timerEvent(t, strings.Repeat(" ", 128<<10)), "event: payload: is 131072 bytes long: want at most 65536"},
		"an envelope of thousands of unknown keys":  {`{` + strings.Repeat(`"a":1,`, 20_000) + `"triggerTime":"t","triggerName":"n","payload":"{}"}`, "event: a: is not known here: want only triggerTime, triggerName, payload; a: is"},
		"an object of thousands of unknown keys":    {`{` + strings.Repeat(`"a":1,`, 20_000) + `"b":1}`, `event: got an object with the keys "a", "a"`},

		"an id with NUL":                         {topic("1\x00"), "event: MessageId: " + `"1\x00"` + noUnprintable},
		"an id with a line break":                {topic("1\n{\"level\":\"INFO\"}"), `event: MessageId: "1\n{\"level\":\"INFO\"}"` + noUnprintable},
		"an id that clears the screen":           {topic("\x1b[2J"), `event: MessageId: "\x1b[2J"` + noUnprintable},
		"an id that XML cannot hold":             {topic("1\uffff"), `event: MessageId: "1\uffff"` + noUnprintable},
		"an id that runs backwards":              {topic("\u202e1"), `event: MessageId: "\u202e1" begins with a right-to-left override (U+202E): remove it` + "\n"},
		"an id with markup, which is escaped":    {topic("</MessageBody>]]>&amp;"), "ok"},
		"an id in Chinese":                       {topic("消息一"), "ok"},
		"a timer's name with a line break":       {`{"triggerName":"a\nb","triggerTime":"t","payload":"{}"}`, `event: triggerName: "a\nb"` + noUnprintable},
		"a key that is given twice":              {`{"TopicName":"t","MessageId":"1","Message":"{}","MessageId":"2"}`, "event: MessageId: is given 2 times: want it once\n"},
		"a key that is also there in lower case": {`{"TopicName":"t","MessageId":"1","Message":` + strconv.Quote(request) + `,"message":"{}"}`, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			frugally(t, len(c.event), func() string { return receive([]byte(c.event)) }, c.want)
		})
	}
}

// The source of a queue's message is no more than a name.
func TestASubjectThatDoesNotPrintIsNoSource(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]string{
		`"acs:mns:cn-hangzhou:1:queues/q"`:       "q",
		`"acs:mns:cn-hangzhou:1:queues/q\u0000"`: "",
		`"acs:mns:cn-hangzhou:1:queues/q\n"`:     "",
		`"acs:mns:cn-hangzhou:1:queues/"`:        "",
	} {
		if m := decode(t, []byte(queueEvent(subject, `"{}"`)))[0]; m.Err != nil || m.Source != want {
			t.Errorf("%s: got %q, %v; want %q", subject, m.Source, m.Err, want)
		}
	}
}

// A rollout remembers the time, so it is one that JSON can write.
func TestATimeThatCannotBeWrittenIsNone(t *testing.T) {
	t.Parallel()
	for published, known := range map[string]bool{
		"1795348800000": true, `"9999-12-31T23:59:59Z"`: true, "253402300799999": true,
		"253402300800000": false, "9223372036854775807": false, "9223372036854775808": false, "-1": false, "0": false, "1e400": false, "1e12": false,
		`"9999-12-31T23:59:59-00:01"`: false, `"0000-01-01T00:00:00+00:01"`: false, `"0001-01-01T00:00:00Z"`: false, `"1969-12-31T23:59:59Z"`: false,
	} {
		m := decode(t, []byte(`{"TopicName":"t","MessageId":"1","Message":"{}","PublishTime":`+published+`}`))[0]
		if _, err := json.Marshal(m.Published); m.Err != nil || err != nil || m.Published.IsZero() == known {
			t.Errorf("%s: got %v, %v, %v", published, m.Published, m.Err, err)
		}
	}
}

// Whatever is wrong with a request, what a notification says of it fits into one message of MNS, beside an envelope of the longest names.
func TestARefusalFitsIntoOneMessage(t *testing.T) {
	t.Parallel()
	tags := func(letter string) string {
		var waves []string
		for w := range 20 {
			var pairs []string
			for p := range 4 {
				text, _ := json.Marshal(fmt.Sprintf("%s%02d%d\x01", strings.Repeat(letter, 44/len(letter)), w, p))
				pairs = append(pairs, string(text)+":"+string(text))
			}
			waves = append(waves, `{"tags":{`+strings.Join(pairs, ",")+`}}`)
		}
		return `{"kind":"sweep","rollout":{"waves":[` + strings.Join(waves, ",") + `]}}`
	}
	unknown := func(letter string) string {
		var keys []string
		for n := range 120 {
			text, _ := json.Marshal(fmt.Sprintf("%s%d", strings.Repeat(letter, 44/len(letter)), n))
			keys = append(keys, string(text)+":1")
		}
		return "{" + strings.Join(keys, ",") + "}"
	}
	for _, letter := range []string{"<", "&", `"`, `\`, "\x01", "\x7f", "\u2028", "\u0080", "版", "\U0001f600"} {
		for _, body := range []string{tags(letter), unknown(letter)} {
			_, err := events.Parse([]byte(body), now)
			var refused *events.Invalid
			if !asInvalid(err, &refused) || len(told(refused)) > 25<<10 || len(refused.Problems) < 30 {
				t.Errorf("%q: got %d problems in %d bytes", letter, len(refused.Problems), len(told(refused)))
			}
		}
	}
}

// The severity decides about the tempo, so it is not taken from a key that only looks like it, nor from one of two.
func TestTheSeverityOfARecordIsOne(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`{"severity":"HIGH"}`:                           "high",
		`{"severity":"LOW","severity":"CRITICAL"}`:      "",
		`{"severity":"LOW","SEVERITY":"CRITICAL"}`:      "low",
		`{"Severity":"CRITICAL"}`:                       "",
		`{"\u0073everity":"LOW"}`:                       "low",
		`{"severity":["CRITICAL"]}`:                     "",
		`{"severity":{"severity":"CRITICAL"}}`:          "",
		`["severity","CRITICAL"]`:                       "",
		`null`:                                          "",
		`{"severity":null}`:                             "",
		`{"severity":"critical "}`:                      "",
		`{"severity":"` + strings.Repeat("x", 9) + `"}`: "",
	} {
		r, err := events.Parse([]byte(`{"kind":"advisory","advisory":{"id":"x","database_specific":`+given+
			`,"affected":[{"package":{"ecosystem":"Bitnami","name":"postgresql"},"versions":["15.1"]}]}}`), now)
		if err != nil || r.Fleet.Advisory.Severity != want {
			t.Errorf("%s: got %+v, %v; want %q", given, r.Fleet, err, want)
		}
	}
}

func asInvalid(err error, into **events.Invalid) (ok bool) {
	*into, ok = err.(*events.Invalid) //nolint:errorlint // Parse gives it as it is
	if !ok {
		*into = &events.Invalid{}
	}
	return ok
}

// What time it is makes no difference to how much is read.
func TestNoTimeIsTooFarAway(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{{}, time.Unix(1<<62, 0), time.Unix(-1<<62, 0)} {
		_, err := events.Parse([]byte(`{"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"2026-12-01T18:00:00Z"}`), at)
		if err != nil {
			checkErrorText(t, err)
		}
	}
}
