package events_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"rds-kernel-upgrade/events"
)

// What is wanted in place of a character, in JSON.
const (
	straight = `JSON takes only the straight quote "`
	ordinary = "JSON takes only the ordinary space (U+0020)"
	nothing  = "remove it"
)

// lookalikes are the characters that editors, chats and web pages put into a text, and what an error calls them.
var lookalikes = []struct {
	rune   rune
	called string
	inJSON string
}{
	{'\u201c', "\u201c (U+201C, left double quotation mark)", straight},
	{'\u201d', "\u201d (U+201D, right double quotation mark)", straight},
	{'\u201e', "\u201e (U+201E, double low-9 quotation mark)", straight},
	{'\u201f', "\u201f (U+201F, double high-reversed-9 quotation mark)", straight},
	{'\u00ab', "\u00ab (U+00AB, left-pointing double angle quotation mark)", straight},
	{'\u00bb', "\u00bb (U+00BB, right-pointing double angle quotation mark)", straight},
	{'\u2018', "\u2018 (U+2018, left single quotation mark)", straight},
	{'\u2019', "\u2019 (U+2019, right single quotation mark)", straight},
	{'\u300c', "\u300c (U+300C, left corner bracket)", straight},
	{'\uff02', "\uff02 (U+FF02, fullwidth quotation mark)", straight},
	{'\u00a0', "a no-break space (U+00A0)", ordinary},
	{'\u2000', "an en quad (U+2000)", ordinary},
	{'\u2001', "an em quad (U+2001)", ordinary},
	{'\u2002', "an en space (U+2002)", ordinary},
	{'\u2003', "an em space (U+2003)", ordinary},
	{'\u2004', "a three-per-em space (U+2004)", ordinary},
	{'\u2005', "a four-per-em space (U+2005)", ordinary},
	{'\u2006', "a six-per-em space (U+2006)", ordinary},
	{'\u2007', "a figure space (U+2007)", ordinary},
	{'\u2008', "a punctuation space (U+2008)", ordinary},
	{'\u2009', "a thin space (U+2009)", ordinary},
	{'\u200a', "a hair space (U+200A)", ordinary},
	{'\u202f', "a narrow no-break space (U+202F)", ordinary},
	{'\u205f', "a medium mathematical space (U+205F)", ordinary},
	{'\u3000', "an ideographic space (U+3000)", ordinary},
	{'\u2800', "a braille pattern blank (U+2800)", ordinary},
	{'\u2028', "a line separator (U+2028)", ordinary},
	{'\u0085', "a next line (U+0085)", ordinary},
	{'\u200b', "a zero width space (U+200B)", nothing},
	{'\u200c', "a zero width non-joiner (U+200C)", nothing},
	{'\u200d', "a zero width joiner (U+200D)", nothing},
	{'\u2060', "a word joiner (U+2060)", nothing},
	{'\ufeff', "a byte order mark (U+FEFF)", nothing},
	{'\u00ad', "a soft hyphen (U+00AD)", nothing},
	{'\u202e', "a right-to-left override (U+202E)", nothing},
	{'\u2066', "a left-to-right isolate (U+2066)", nothing},
	{'\u3164', "a Hangul filler (U+3164)", nothing},
	{'\ufe0f', "a variation selector-16 (U+FE0F)", nothing},
	{'\U000e0041', "U+E0041", nothing},
	{'\uff5b', "\uff5b (U+FF5B, fullwidth left curly bracket)", "JSON takes only the plain { (U+007B)"},
	{'\uff5d', "\uff5d (U+FF5D, fullwidth right curly bracket)", "JSON takes only the plain } (U+007D)"},
	{'\uff1a', "\uff1a (U+FF1A, fullwidth colon)", "JSON takes only the plain : (U+003A)"},
	{'\uff0c', "\uff0c (U+FF0C, fullwidth comma)", "JSON takes only the plain , (U+002C)"},
	{'\uff15', "\uff15 (U+FF15, fullwidth 5)", "JSON takes only the plain 5 (U+0035)"},
	{'\u2013', "\u2013 (U+2013, en dash)", "JSON takes only the plain - (U+002D)"},
	{'\u2014', "\u2014 (U+2014, em dash)", "JSON takes only the plain - (U+002D)"},
	{'\u2212', "\u2212 (U+2212, minus sign)", "JSON takes only the plain - (U+002D)"},
}

// isInvisible reports what the lookalikes say of themselves.
func isInvisible(called string) bool { return !strings.Contains(called, ", ") }

// envelopes returns events that hold the text of a request as each trigger hands it over, and how an error about that text begins.
func envelopes(t *testing.T, body string) map[string]string {
	t.Helper()
	coded := base64.StdEncoding.EncodeToString([]byte(body))
	text, codedText := object(t, body), object(t, coded)
	message := func(body string) string { return strings.TrimSpace(queueEvent(`"s"`, body)) }
	const good = `"{\"DBInstanceId\":\"rm-1\"}"`
	return map[string]string{
		object(t, map[string]any{"TopicName": "t", "MessageId": "1", "Message": body}):  "event: Message: ",
		object(t, map[string]any{"TopicName": "t", "MessageId": "1", "Message": coded}): "event: Message: is base64 of broken JSON: ",
		object(t, map[string]any{"body": body, "attrs": map[string]any{}}):              "event: body: ",
		object(t, map[string]any{"body": coded, "attrs": map[string]any{}}):             "event: body: is base64 of broken JSON: ",
		message(text):      "event: data.messageBody: ",
		message(codedText): "event: data.messageBody: is base64 of broken JSON: ",
		"[" + message(good) + "," + message(text) + "]":      "ok\nevent: [1].data.messageBody: ",
		"[" + message(good) + "," + message(codedText) + "]": "ok\nevent: [1].data.messageBody: is base64 of broken JSON: ",
		timerEvent(t, body):  "event: payload: ",
		timerEvent(t, coded): "event: payload: is base64 of broken JSON: ",
		body:                 "event: got an object that is broken JSON: ",
		"\ufeff" + body:      "event: got an object that is broken JSON: ",
		coded:                "event: got base64 of an object that is broken JSON: ",
	}
}

func TestACharacterThatJSONDoesNotTakeIsNamedWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, c := range lookalikes {
		odd := string(c.rune)
		for written, place := range map[string]string{
			`{` + odd + `"DBInstanceId":"rm-1"}`:                      "character 2",
			`{"DBInstanceId"` + odd + `"rm-1"}`:                       "character 16",
			`{"DBInstanceId":` + odd + `rm-1` + odd + `}`:             "character 17",
			`{"DBInstanceId":"rm-1"` + odd + `"mode":"plan"}`:         "character 23",
			`{"DBInstanceId":"版本"` + odd + `}`:                        "character 21",
			`{"DBInstanceId":"rm-1"}` + odd:                           "character 24",
			"{\n  \"DBInstanceId\":\r\n  " + odd + "\"rm-1\"\n}\n":    "character 3 of line 3",
			" \n{" + odd + `"DBInstanceId":"rm-1"}`:                   "character 2 of line 2",
			`{"kind":"sweep","rollout":{"maxFailures":` + odd + `5}}`: "character 42",
		} {
			want := place + " is " + c.called + ": " + c.inJSON
			for event, prefix := range envelopes(t, written) {
				if got := receive([]byte(event)); got != prefix+want+"\n" {
					t.Errorf("%q\ngot  %s\nwant %s", event, got, prefix+want)
				}
			}
			if _, err := events.Parse([]byte(written), now); err == nil || err.Error() != "request: "+want {
				t.Errorf("Parse of %q\ngot  %v\nwant request: %s", written, err, want)
			}
		}
	}
}

func TestACharacterBeforeTheFirstBraceIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range lookalikes {
		written, advice := string(c.rune)+`{"DBInstanceId":"rm-1"}`, c.inJSON
		switch {
		case advice == straight:
			advice = nothing // it stands around the whole
		case c.rune == '\uff5b':
			written = strings.Replace(written, "{", "", 1)
		case c.rune == '\ufeff' || !isInvisible(c.called):
			continue
		}
		for event, prefix := range envelopes(t, written) {
			want := prefix + "character 1 is " + c.called + ": " + advice + "\n"
			if got := receive([]byte(event)); got != want {
				t.Errorf("%q\ngot  %s\nwant %s", event, got, want)
			}
		}
	}
}

func TestACharacterThatBase64DoesNotTakeIsNamedWithItsPlace(t *testing.T) {
	t.Parallel()
	coded := base64.RawURLEncoding.EncodeToString([]byte(`{"DBInstanceId":"rm-1","x":"???>>>~~~"}`)) // has - and _ in it
	for _, c := range lookalikes {
		written, n := coded[:10]+string(c.rune)+coded[10:], 11
		switch {
		case strings.HasSuffix(c.inJSON, "- (U+002D)"):
			n = strings.Index(coded, "-") + 1
			written = strings.Replace(coded, "-", string(c.rune), 1)
		case strings.HasSuffix(c.inJSON, "5 (U+0035)"):
			n = strings.Index(coded, "5") + 1
			written = strings.Replace(coded, "5", string(c.rune), 1)
		case strings.HasPrefix(c.inJSON, "JSON takes only the plain"):
			continue // base64 has no such character
		}
		want := fmt.Sprintf("character %d is %s: base64 takes only letters, digits, +, /, -, _ and =\n", n, c.called)
		for event, prefix := range map[string]string{
			timerEvent(t, written):                "event: payload: ",
			written:                               "event: got text that is not base64: ",
			"\ufeff" + written:                    "event: got text that is not base64: ",
			queueEvent(`"s"`, object(t, written)): "event: data.messageBody: ",
		} {
			if got := receive([]byte(event)); got != prefix+want {
				t.Errorf("%q\ngot  %s\nwant %s", event, got, prefix+want)
			}
		}
	}
}

// An editor may change one quotation mark of a pair only. The error then is further on, and says where to look.
func TestEachStraightQuoteThatWasReplacedIsNamed(t *testing.T) {
	t.Parallel()
	for name, event := range readSamples(t, samples) {
		for _, m := range decode(t, event) {
			body := string(m.Body)
			for at := range body {
				if body[at] != '"' {
					continue
				}
				for _, c := range lookalikes {
					if c.inJSON != straight || c.rune == '\u2018' || c.rune == '\u2019' {
						continue
					}
					_, err := events.Parse([]byte(body[:at]+string(c.rune)+body[at+1:]), now)
					want := fmt.Sprintf("%s is %s", position(body, at), c.called)
					if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), straight) {
						t.Fatalf("%s, byte %d: got %v, want …%s…", name, at, err, want)
					}
				}
			}
		}
	}
}

// position says where a byte of a text stands, apart from how the package does.
func position(text string, at int) string {
	lines := strings.Split(text[:at], "\n")
	n := len([]rune(lines[len(lines)-1])) + 1
	if !strings.Contains(strings.TrimRight(text, " \t\r\n"), "\n") {
		return fmt.Sprintf("character %d", n)
	}
	return fmt.Sprintf("character %d of line %d", n, len(lines))
}

func TestEverySyntaxErrorNamesTheCharacterAndItsPlace(t *testing.T) {
	t.Parallel()
	for name, event := range readSamples(t, samples) {
		if strings.Contains(name, "osv") {
			continue // it is long, and JSON like the others
		}
		for _, m := range decode(t, event) {
			body := string(m.Body)
			for at := range body {
				for _, odd := range []string{"", "x", "'", "{", "}", "]", ",", ":", `\`, `"`, "0", "-", " ", "\n", "\x00", "\x7f", "â", "ä", "版", "\U0001f600", "а", "\u2026"} {
					checkSyntax(t, body[:at]+odd+body[at+1:])
					checkSyntax(t, body[:at]+odd)
				}
			}
		}
	}
}

// checkSyntax compares an error with what encoding/json says of its place.
func checkSyntax(t *testing.T, text string) {
	t.Helper()
	text = strings.TrimRight(text, " \t\r\n")
	var syntax *json.SyntaxError
	if !errors.As(json.Unmarshal([]byte(text), new(json.RawMessage)), &syntax) || !strings.HasPrefix(text, "{") {
		return
	}
	var want, code string
	if strings.HasPrefix(syntax.Error(), "unexpected end") {
		_, size := utf8.DecodeLastRuneInString(text)
		want = "it ends after " + position(text, len(text)-size)
	} else {
		at := int(syntax.Offset) - 1
		r, _ := utf8.DecodeRuneInString(text[at:])
		want = position(text, at) + " is "
		if unicode.IsPrint(r) && r != ' ' {
			want += string(r) + " "
		}
		code = fmt.Sprintf("U+%04X", r)
	}
	_, err := events.Parse([]byte(text), now)
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), code) || strings.Contains(err.Error(), "invalid character") {
		t.Fatalf("%q: got %v, want …%s… and %s", text, err, want, code)
	}
}

func TestASyntaxErrorSaysWhatIsWanted(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{`:                      "it ends after character 1, before it is complete",
		`{"版":`:                  "it ends after character 5, before it is complete",
		`{"a":"版`:                "it ends after character 7, before it is complete",
		"{\"a\":\n  \"b\nc":      "character 5 of line 2 is a line feed (U+000A) inside a string, where it has to be escaped",
		"{\n\"a\":1,\n":          "it ends after character 6 of line 2, before it is complete",
		`{a:1}`:                  "character 2 is a (U+0061), where a key in straight quotes is wanted",
		`{"a":1,}`:               "character 8 is } (U+007D), where a key in straight quotes is wanted",
		`{"a" 1}`:                "character 6 is 1 (U+0031), where a colon is wanted",
		`{"a":}`:                 "character 6 is } (U+007D), where a value is wanted",
		`{"a":1 "b":2}`:          `character 8 is " (U+0022), where a comma or } is wanted`,
		`{"a":[1 2]}`:            "character 9 is 2 (U+0032), where a comma or ] is wanted",
		`{}}`:                    "character 3 is } (U+007D) after the end of the JSON text",
		"{\"a\":\"\t\"}":         "character 7 is a tab (U+0009) inside a string, where it has to be escaped",
		"{\"a\":\"\x00\"}":       "character 7 is U+0000 inside a string, where it has to be escaped",
		`{"a":"\x"}`:             `character 8 is x (U+0078) in string escape code`,
		`{"a":"\u00g0"}`:         `character 11 is g (U+0067) in \u hexadecimal character escape`,
		`{"a":t rue}`:            "character 7 is a space (U+0020) in literal true (expecting 'r')",
		`{"a":tr'ue}`:            "character 8 is ' (U+0027, apostrophe) in literal true (expecting 'u')",
		`{"a":-x}`:               "character 7 is x (U+0078) in numeric literal",
		`{"a":1'000}`:            "character 7 is ' (U+0027, apostrophe), where a comma or } is wanted",
		`{"a":"x\"y”,"b":1}`:     `character 14 is b (U+0062), where a comma or } is wanted; character 11 is ” (U+201D, right double quotation mark), which does not end a string: JSON takes only the straight quote "`,
		`{"a":"“x”","b" 1}`:      "character 16 is 1 (U+0031), where a colon is wanted",
		`{"a":"x”}`:              `it ends after character 9, before it is complete; character 8 is ” (U+201D, right double quotation mark), which does not end a string: JSON takes only the straight quote "`,
		`{"a":"x’s"` + "\u2026}": "character 11 is … (U+2026), where a comma or } is wanted",
	} {
		if _, err := events.Parse([]byte(body), now); err == nil || err.Error() != "request: is broken JSON: "+want {
			t.Errorf("%s\ngot  %v\nwant request: is broken JSON: %s", body, err, want)
		}
	}
	for body, want := range map[string]string{
		`{'a':1}`:     `character 2 is ' (U+0027, apostrophe): JSON takes only the straight quote "`,
		"{\"a\":`b`}": "character 6 is ` (U+0060, grave accent): JSON takes only the straight quote \"",
		`{"a":"\“"}`:  `character 8 is “ (U+201C, left double quotation mark): JSON takes only the straight quote "`,
		`{"a":tr“ue}`: `character 8 is “ (U+201C, left double quotation mark): JSON takes only the straight quote "`,
	} {
		if _, err := events.Parse([]byte(body), now); err == nil || err.Error() != "request: "+want {
			t.Errorf("%s\ngot  %v\nwant request: %s", body, err, want)
		}
	}
}

func TestTheIdOfAPublishedRecordIsRefusedLikeOurOwn(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"CVE\u20132026-1":  "request: advisory.id: \"CVE\u20132026-1\" has \u2013 (U+2013, en dash) as character 4: want the plain - (U+002D)",
		"CVE-2026-1\u200b": "request: advisory.id: \"CVE-2026-1\\u200b\" ends with a zero width space (U+200B): remove it",
		"\u6f0f\u6d1e-1":   "<nil>", // in Chinese
	} {
		_, err := events.Parse([]byte(`{"kind":"advisory","advisory":{"schema_version":"1","id":"`+id+
			`","affected":[{"package":{"ecosystem":"Bitnami","name":"postgresql"},"versions":["15.1"]}]}}`), now)
		if fmt.Sprint(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAByteThatIsNoUTF8InAnArrayIsNotTakenForACharacter(t *testing.T) {
	t.Parallel()
	want := "event: got an array that is broken JSON: character 2 is not valid UTF-8: want an MNS"
	if got := receive([]byte("[\xe2]")); !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// fields are the strings that a request may have, by their paths. The # marks the middle of the value.
var fields = map[string]string{
	"kind":               `{"kind":"up#grade","DBInstanceId":"rm-1"}`,
	"Action":             `{"Action":"UpgradeDB#InstanceKernelVersion","DBInstanceId":"rm-1"}`,
	"DBInstanceId":       `{"DBInstanceId":"rm-#1"}`,
	"UpgradeTime":        `{"DBInstanceId":"rm-1","UpgradeTime":"Maintain#Time"}`,
	"SwitchTime":         `{"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"2026-12#-01T18:00:00Z"}`,
	"TargetMinorVersion": `{"DBInstanceId":"rm-1","TargetMinorVersion":"rds_2026#0228"}`,
	"RegionId":           `{"DBInstanceId":"rm-1","RegionId":"cn-hang#zhou"}`,
	"mode":               `{"DBInstanceId":"rm-1","mode":"pl#an"}`,
	"planHash":           `{"DBInstanceId":"rm-1","planHash":"0123456789abcdef#0123456789abcdef"}`,

	"select.RegionId[1]":        `{"kind":"sweep","select":{"RegionId":["cn-hangzhou","cn-shang#hai"]}}`,
	"select.tags.env":           `{"kind":"sweep","select":{"tags":{"env":"pr#od"}}}`,
	"select.ResourceGroupId":    `{"kind":"sweep","select":{"ResourceGroupId":"rg-acfm#4abcd"}}`,
	"select.Engine":             `{"kind":"sweep","select":{"Engine":"My#SQL"}}`,
	"select.DBInstanceId[0]":    `{"kind":"sweep","select":{"DBInstanceId":["rm-#1"]}}`,
	"schedule.UpgradeTime":      `{"kind":"sweep","schedule":{"UpgradeTime":"Maintain#Time"}}`,
	"schedule.SwitchTime":       `{"kind":"sweep","schedule":{"UpgradeTime":"SpecifyTime","SwitchTime":"2026-12#-01T18:00:00Z"}}`,
	"rollout.bake":              `{"kind":"sweep","rollout":{"bake":"2#4h"}}`,
	"rollout.waves[0].tags.env": `{"kind":"sweep","rollout":{"waves":[{"tags":{"env":"d#ev"}},{"percent":100}]}}`,

	"advisory.id":                        `{"kind":"advisory","advisory":{"id":"CVE-2026#-1","affected":[{"Engine":"MySQL","fixedIn":"rds_20260228"}]}}`,
	"advisory.severity":                  `{"kind":"advisory","advisory":{"id":"1","severity":"hi#gh","affected":[{"Engine":"MySQL","fixedIn":"rds_20260228"}]}}`,
	"advisory.affected[0].Engine":        `{"kind":"advisory","advisory":{"id":"1","affected":[{"Engine":"My#SQL","fixedIn":"rds_20260228"}]}}`,
	"advisory.affected[0].EngineVersion": `{"kind":"advisory","advisory":{"id":"1","affected":[{"Engine":"MySQL","EngineVersion":"8#.0","fixedIn":"rds_20260228"}]}}`,
	"advisory.affected[0].fixedIn":       `{"kind":"advisory","advisory":{"id":"1","affected":[{"Engine":"MySQL","fixedIn":"rds_2026#0228"}]}}`,
}

// freeFields hold a person's words.
var freeFields = map[string]bool{"advisory.summary": true}

func TestTheTableOfFieldsHasEveryString(t *testing.T) {
	t.Parallel()
	others := []string{ // objects, lists and numbers
		"withReplicas", "advisory", "select", "schedule", "rollout", "select.tags", "rollout.waves", "rollout.waves[].tags", "rollout.waves[].percent",
		"rollout.maxFailures", "advisory.affected",
	}
	for name := range events.Fields() {
		known := slices.Contains(others, name) || freeFields[name]
		for field := range fields {
			known = known || strings.NewReplacer("[0]", "", "[1]", "").Replace(field) == strings.ReplaceAll(name, "[]", "")
		}
		if !known {
			t.Errorf("%s is in no table", name)
		}
	}
	for field, body := range fields {
		if _, err := events.Parse([]byte(strings.Replace(body, "#", "", 1)), now); err != nil {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestAnInvisibleCharacterIsNamedInEveryField(t *testing.T) {
	t.Parallel()
	for field, body := range fields {
		for _, c := range lookalikes {
			if !isInvisible(c.called) {
				continue
			}
			for _, form := range []func(rune) string{asItIs, escaped} {
				checkPlaces(t, field, body, form(c.rune), c.called, c.inJSON == ordinary)
			}
		}
	}
}

func asItIs(r rune) string { return string(r) }

func escaped(r rune) string {
	text, _ := json.Marshal(string(r))
	return strings.Trim(strings.ReplaceAll(string(text), string(r), fmt.Sprintf(`\u%04x`, r)), `"`)
}

// checkPlaces puts a character to the beginning, the middle and the end of the value of a field.
func checkPlaces(t *testing.T, field, body, written, called string, blank bool) {
	t.Helper()
	if strings.HasPrefix(called, "U+E") { // which takes two escapes
		written = "\U000e0041"
	}
	middle := strings.Index(body, "#")
	start, end := strings.LastIndex(body[:middle], `"`)+1, middle+strings.Index(body[middle:], `"`)
	value := body[start:middle] + body[middle+1:end]
	advice := ": remove it"
	between := advice
	if blank {
		between = ": write an ordinary space, or none"
	}
	for place, want := range map[int]string{
		0:              " begins with " + called + advice,
		middle - start: fmt.Sprintf(" has %s as character %d%s", called, middle-start+1, between),
		len(value):     " ends with " + called + advice,
	} {
		text := body[:start] + value[:place] + written + value[place:] + body[end:]
		_, err := events.Parse([]byte(text), now)
		var invalid *events.Invalid
		if !errors.As(err, &invalid) || invalid.Problems[0].Path != "$."+field || !strings.HasSuffix(invalid.Problems[0].Message, want) {
			t.Errorf("%s\ngot  %v\nwant $.%s: …%s", text, err, field, want)
		}
	}
}

// In a tag every script and every mark that shows is a wish of somebody. In the other fields some marks can only be others by mistake.
func TestACharacterThatLooksLikeAnotherIsNamedInEveryFieldButTags(t *testing.T) {
	t.Parallel()
	for field, body := range fields {
		for _, c := range lookalikes {
			if isInvisible(c.called) {
				continue
			}
			_, err := events.Parse([]byte(strings.Replace(body, "#", string(c.rune), 1)), now)
			if strings.Contains(field, "tags") {
				if err != nil {
					t.Errorf("%s with %s: %v", field, c.called, err)
				}
				continue
			}
			advice := "remove it"
			if c.inJSON != straight {
				advice = strings.Replace(c.inJSON, "JSON takes only", "want", 1)
			}
			var invalid *events.Invalid
			if !errors.As(err, &invalid) || invalid.Problems[0].Path != "$."+field ||
				!strings.Contains(invalid.Problems[0].Message, " has "+c.called+" as character ") || !strings.HasSuffix(invalid.Problems[0].Message, ": "+advice) {
				t.Errorf("%s\ngot  %v\nwant $.%s: … has %s as character …: %s", body, err, field, c.called, advice)
			}
		}
	}
}

func TestALetterOfAnotherScriptIsNamedBesideWhatIsWanted(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"DBInstanceId":"rm-\u0430"}`:            `request: DBInstanceId: "rm-а" has another form: want the id of an instance, such as rm-bp1abcd: a letter, then 1 to 63 letters, digits or hyphens; it ends with а (U+0430, Cyrillic letter)`,
		`{"DBInstanceId":"rm-1","mode":"plаn"}`:   `request: mode: "plаn" is not a value: want apply or plan (exact case); it has а (U+0430, Cyrillic letter) as character 3`,
		`{"kind":"swee\u03c1"}`:                   `request: kind: "sweeρ" is not a value: want upgrade, advisory, sweep, tick, status or stop (exact case); it ends with ρ (U+03C1, Greek letter)`,
		`{"DBInstanceId":"rm-1","mode":"计划"}`:     `request: mode: "计划" is not a value: want apply or plan (exact case)`,
		`{"DBInstаnceId":"rm-1","UpgradeTime":1}`: `request: DBInstanceId: is missing: want the id of an instance, such as rm-bp1abcd: a letter, then 1 to 63 letters, digits or hyphens; UpgradeTime: want a string, got a number; ["DBInstаnceId"]: is not a field of a request: the key has а (U+0430, Cyrillic letter) as character 7, did you mean DBInstanceId?`,
	} {
		if _, err := events.Parse([]byte(body), now); err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", body, err, want)
		}
	}
}

func TestWhatPeopleWriteForPeopleMayHaveEveryCharacter(t *testing.T) {
	t.Parallel()
	for _, c := range lookalikes {
		for _, body := range []string{
			`{"kind":"advisory","advisory":{"id":"1","summary":"#","affected":[{"Engine":"MySQL","fixedIn":"rds_20260228"}]}}`,
			`{"kind":"advisory","advisory":{"schema_version":"1","id":"1","summary":"a#b","details":"#","affected":[{"package":{"ecosystem":"Bitnami","name":"postgresql"},"versions":["15.1"]}]}}`,
		} {
			if _, err := events.Parse([]byte(strings.ReplaceAll(body, "#", string(c.rune))), now); err != nil {
				t.Errorf("%s: %v", c.called, err)
			}
		}
	}
}

func TestAKeyWithACharacterThatDoesNotBelongThereIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range lookalikes {
		odd := string(c.rune)
		for body, want := range map[string]string{
			`{"DBInstanceId` + odd + `":"rm-1"}`:                                                      "is not a field of a request: the key ends with " + c.called + ", did you mean DBInstanceId?",
			`{"` + odd + `DBInstanceId` + odd + `":"rm-1"}`:                                           "is not a field of a request: the key begins with " + c.called + ", did you mean DBInstanceId?",
			`{"kind":"sweep","select":{"Resource` + odd + `GroupId":"rg-1"}}`:                         "is not a field of select: the key has " + c.called + " as character 9, did you mean ResourceGroupId?",
			`{"kind":"sweep","rollout":{"` + odd + `percentage":1}}`:                                  "is not a field of rollout: the key begins with " + c.called,
			`{"kind":"advisory","advisory":{"id":"1","schema_version":"1","affected` + odd + `":[]}}`: "is not a field of an OSV record: the key ends with " + c.called + ", did you mean affected?",
		} {
			got := receive([]byte(body))
			if !strings.Contains(got, want) || strings.Contains(got, "got an object") {
				t.Errorf("%s\ngot  %s\nwant …%s", body, got, want)
			}
		}
	}
}

func TestATagsKeyWithAnInvisibleCharacterIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range lookalikes {
		_, err := events.Parse([]byte(`{"kind":"sweep","select":{"tags":{"env`+string(c.rune)+`":"prod"}}}`), now)
		if got := fmt.Sprint(err); isInvisible(c.called) != strings.HasSuffix(got, " ends with "+c.called+": remove it") || !isInvisible(c.called) && err != nil {
			t.Errorf("%s: got %s", c.called, got)
		}
	}
}

func TestEveryCharacterThatIsKnownByNameIsFound(t *testing.T) {
	t.Parallel()
	all := events.Characters()
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Error("the table is not in the order of the code points, or has one twice")
	}
	for _, r := range all {
		if r <= unicode.MaxASCII {
			continue
		}
		body := `{"DBInstanceId":"rm-` + string(r) + `1"}`
		if _, err := events.Parse([]byte(body), now); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("(U+%04X", r)) {
			t.Errorf("%q: got %v", body, err)
		}
	}
}
