package state_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/schema"
)

// byHand are changes that somebody could make to a document with an editor, each with the error that begins with its path. The schema refuses all
// of them, but for those that no schema can see.
var byHand = map[string]struct {
	old, with string
	want      string
	unseen    bool // the schema does not see it
}{
	"an unknown field":               {`"nonce":`, `"colour": "red", "nonce":`, "colour is not a field that this version knows", false},
	"an unknown field of a member":   {`{"DBInstanceId":"rm-1",`, `{"colour":"red","DBInstanceId":"rm-1",`, "rollouts[1].members[0].colour is not a field", false},
	"a field in other letters":       {`"nonce":`, `"Nonce":`, "Nonce is not a field", false},
	"a field of a request":           {`"kind":"sweep"`, `"kind":"sweep","colour":"red"`, "rollouts[0].request.colour is not a field", true},
	"a field of a wave of a request": {`{"percent":100}`, `{"percent":100,"size":3}`, "rollouts[0].request.fleet.rollout.waves[1].size is not a field", true},
	"a key that is given twice":      {`"number": 42,`, `"number": 42, "number": 42,`, "number is given twice", true},
	"twice in a member":              {`"state":"called"`, `"state":"called","state":"called"`, "rollouts[1].members[2].state is given twice", true},
	"one key of last twice":          {`"77aa": {`, `"5b1f": {`, `last["5b1f"] is given twice`, true},
	"a missing number":               {`"number": 42,`, ``, "number is missing", false},
	"a missing state":                {`"state":"called",`, ``, "rollouts[1].members[2].state is missing", false},
	"an intent without a time":       {`"state":"intent","call":{"at":"2026-11-22T11:30:00Z",`, `"state":"intent","call":{`, "rollouts[1].members[1].call.at is missing", false},
	"a null":                         {`"halt": "1 did not succeed, and the request allows 0: rm-8 failed"`, `"halt": null`, "rollouts[0].halt is null", false},
	"null for a list":                {`"tasks": [`, `"tasks": null, "x": [`, "tasks is null", false},
	"null for a member":              {`{"DBInstanceId":"rm-1",`, `null, {"DBInstanceId":"rm-1",`, "rollouts[1].members[0] is null", false},
	"a text for a number":            {`"number": 42`, `"number": "42"`, `number is the text "42": want a whole number`, false},
	"a number with a fraction":       {`"number": 42`, `"number": 42.5`, "number is the number 42.5: want a whole number", false},
	"a number beyond all":            {`"number": 42`, `"number": 99999999999999999999`, "number is the number 99999999999999999999: want", false},
	"a number for a text":            {`"by": "1-6747-1"`, `"by": 1`, "by is the number 1: want a text", false},
	"an object for a list":           {`"tasks": [`, `"tasks": {}, "x": [`, "tasks is an object: want a list", false},
	"a list for an object":           {`"last": {`, `"last": [], "x": {`, "last is a list: want an object", false},
	"a number for an end":            {`"77aa": {"at":"2026-11-22T12:00:00Z","ended":"stopped"}`, `"77aa": 5`, `last["77aa"] is the number 5: want an object`, false},
	"true for a text":                {`"by": "1-6747-1"`, `"by": true`, "by is true: want a text", false},
	"a list for a member":            {`{"DBInstanceId":"rm-1",`, `[], {"DBInstanceId":"rm-1",`, "rollouts[1].members[0] is a list: want an object", false},
	"a text for true":                {`"left":true`, `"left":"true"`, `rollouts[1].members[3].call.left is the text "true": want true or false`, false},
	"a text for a list of texts":     {`"tasksBefore":["226917001"]`, `"tasksBefore":[226917001]`, "rollouts[1].members[1].call.tasksBefore[0] is the number 226917001: want a text", false},
	"a text for a percentage":        {`{"percent":100}`, `{"percent":"all"}`, `rollouts[0].request.fleet.rollout.waves[1].percent is the text "all": want a number`, true},
	"a time of another zone":         {`"written": "2026-11-22T12:00:00Z"`, `"written": "2026-11-22T20:00:00+08:00"`, `written is the text "2026-11-22T20:00:00+08:00": want a time in UTC`, false},
	"a time without its letters":     {`"written": "2026-11-22T12:00:00Z"`, `"written": "2026-11-22 12:00"`, `written is the text "2026-11-22 12:00": want a time in UTC`, false},
	"a time that is a number":        {`"written": "2026-11-22T12:00:00Z"`, `"written": 1795348800`, "written is the number 1795348800: want a time in UTC", false},
	"the time before all":            {`"written": "2026-11-22T12:00:00Z"`, `"written": "0001-01-01T00:00:00Z"`, `written is the text "0001-01-01T00:00:00Z": want a time in UTC`, true},
	"an unknown state":               {`"state":"called"`, `"state":"calling"`, `rollouts[1].members[2].state is "calling": want one of ["pending" "intent"`, false},
	"an unknown state of a rollout":  {`"state": "open"`, `"state": "opened"`, `rollouts[1].state is "opened": want one of ["waiting" "open"`, false},
	"a wave of 0":                    {`"wave":1,"state":"pending"`, `"wave":0,"state":"pending"`, "rollouts[1].members[0].wave is missing, and the member is pending: want 1 or more", false},
	"a wave below 0":                 {`"wave":1,"state":"pending"`, `"wave":-1,"state":"pending"`, "rollouts[1].members[0].wave is -1: want 0 or more", false},
	"an unknown verdict":             {`"verdict":"affected"`, `"verdict":"vulnerable"`, `rollouts[1].members[7].verdict is "vulnerable": want one of ["affected" "not_affected" "unknown" ""]`, false},
	"a target that was removed":      {`"target":"rds_20260228","wave":1,"state":"called"`, `"wave":1,"state":"called"`, "rollouts[1].members[2].target is missing, and the member is called", false},
	"a member twice":                 {`{"DBInstanceId":"rm-1",`, `{"DBInstanceId":"rm-2",`, `rollouts[1].members[1].DBInstanceId is "rm-2", which another entry has, too`, true},
	"an empty id":                    {`{"DBInstanceId":"rm-1",`, `{"DBInstanceId":"",`, "rollouts[1].members[0].DBInstanceId is missing", false},
	"a version of 0":                 {`"version": 1`, `"version": 0`, "version is 0: want 1", false},
	"no version":                     {`"version": 1,`, ``, "version is missing", false},
	"a text behind it":               {"  ]\n}\n", "  ]\n}\n{}", "the document is not JSON", false},
	"an end that was cut off":        {"  ]\n}\n", "  ]\n", "the document is not JSON", false},
	"a letter that is half":          {`"by": "1-6747-1"`, "\"by\": \"\xe5\x81\"", "the document is not valid UTF-8", true},
}

func TestADocumentThatWasChangedWronglyIsRefused(t *testing.T) {
	t.Parallel()
	whole := text(t, document(t))
	for name, c := range byHand {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoilt := strings.Replace(whole, c.old, c.with, 1)
			if spoilt == whole {
				t.Fatalf("%s is not in %s", c.old, whole)
			}
			if _, err := state.Decode([]byte(spoilt)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err := schema.CheckState([]byte(spoilt)); (err == nil) != c.unseen {
				t.Errorf("the schema says %v", err)
			}
		})
	}
}

func TestADocumentThatWasChangedRightlyIsRead(t *testing.T) {
	t.Parallel()
	whole := text(t, document(t))
	for name, c := range map[string]struct{ old, with string }{
		"blanks":                    {`"number": 42,`, "\t\"number\" :\r\n 42 ,"},
		"fields in another order":   {"\"version\": 1,\n  \"number\": 42,", `"number": 42, "version": 1,`},
		"entries in another order":  {`{"DBInstanceId":"rm-1","RegionId":"cn-hangzhou","Engine":"MySQL","EngineVersion":"8.0","before":"rds_20250131","target":"rds_20260228","wave":1,"state":"pending"},`, ``},
		"a letter that is escaped":  {`"by": "1-6747-1"`, `"by": "1\u002d6747-1"`},
		"an empty list":             {`"tasksBefore":["226917001"]`, `"tasksBefore":[]`},
		"a fraction of a second":    {`"written": "2026-11-22T12:00:00Z"`, `"written": "2026-11-22T12:00:00.25Z"`},
		"a number that is restored": {`"number": 42,`, `"number": 41,`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(whole, c.old, c.with, 1)
			if name == "entries in another order" {
				changed = strings.Replace(changed, "\"rm-7\"", "\"rm-7\"", 1)
				changed = strings.Replace(changed, `{"DBInstanceId":"rm-7"`, c.old+"\n"+`{"DBInstanceId":"rm-7"`, 1)
			}
			if changed == whole {
				t.Fatalf("%s is not in %s", c.old, whole)
			}
			d, err := state.Decode([]byte(changed))
			if err != nil {
				t.Fatal(err)
			}
			if d.Rollout("r-open").Member("rm-1") == nil {
				t.Error("the members are not in order")
			}
			text(t, d)
		})
	}
}

func TestANewerFormatIsNotReadAtAll(t *testing.T) {
	t.Parallel()
	const want = "its format has version 2, and this function knows versions up to 1: it was written by a newer version of the function"
	whole := text(t, document(t))
	for name, spoilt := range map[string]string{
		"one that looks the same":    strings.Replace(whole, `"version": 1`, `"version": 2`, 1),
		"one with a field more":      strings.Replace(whole, `"version": 1`, `"colour": "red", "version": 2`, 1),
		"one with another structure": `{"rollouts": {}, "version": 2}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := state.Decode([]byte(spoilt)); err == nil || err.Error() != want {
				t.Errorf("got %v", err)
			}
			if _, err := state.DecodeArchive([]byte(spoilt)); err == nil || err.Error() != want {
				t.Errorf("as an archive: %v", err)
			}
		})
	}
}

func zipped(tb testing.TB, text []byte) []byte {
	tb.Helper()
	var stored bytes.Buffer
	w := gzip.NewWriter(&stored)
	if _, err := w.Write(text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return stored.Bytes()
}

func TestAnObjectThatIsNoDocumentIsRefused(t *testing.T) {
	t.Parallel()
	whole := []byte(text(t, document(t)))
	const tooLong = 33 << 20
	for name, c := range map[string]struct {
		object []byte
		want   string
	}{
		"an empty one":                        {nil, "the document is empty"},
		"a compressed one that is empty":      {zipped(t, nil), "the document is empty"},
		"a compressed one that is cut off":    {zipped(t, whole)[:200], "the document cannot be decompressed: unexpected EOF"},
		"two bytes of a compressed one":       {[]byte{0x1f, 0x8b}, "the document cannot be decompressed"},
		"a compressed one with a wrong sum":   {append(zipped(t, whole)[:len(zipped(t, whole))-8], 0, 0, 0, 0, 0, 0, 0, 0), "the document cannot be decompressed: gzip: invalid checksum"},
		"something behind a compressed one":   {append(zipped(t, whole), "more"...), "the document cannot be decompressed"},
		"one that unpacks to too much":        {bytes.Repeat(zipped(t, make([]byte, 1<<20)), 33), "the document is longer than 33554432 bytes"},
		"one that is too long":                {bytes.Repeat([]byte(" "), tooLong), "the document is longer than 33554432 bytes"},
		"a text":                              {[]byte("hello"), "the document is not JSON"},
		"a list":                              {[]byte("[]"), "the document is a list: want an object"},
		"a number":                            {[]byte("5"), "the document is the number 5: want an object"},
		"null":                                {[]byte("null"), "the document is null"},
		"many brackets":                       {bytes.Repeat([]byte("["), 1<<20), "the document is not JSON"},
		"a compressed document is a document": {zipped(t, whole), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := state.Decode(c.object)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// shade is a value that reads itself.
type shade string

// UnmarshalJSON knows one shade.
func (s *shade) UnmarshalJSON(text []byte) error {
	if string(text) != `"red"` {
		return errors.New("another shade")
	}
	*s = "red"
	return nil
}

func TestTypesOfOtherPackagesAreReadStrictly(t *testing.T) {
	t.Parallel()
	type paint struct {
		Shade  shade  `json:"shade"`
		Ignore string `json:"-"`
		secret string
		Depth  float64 `json:",omitempty"`
	}
	for name, c := range map[string]struct {
		text string
		want string
		read paint
	}{
		"what is right":                 {`{"shade":"red","Depth":1.5}`, "", paint{Shade: "red", Depth: 1.5}},
		"what the value itself refuses": {`{"shade":"blue"}`, `shade is the text "blue"`, paint{}},
		"a field that is not written":   {`{"shade":"red","-":"x"}`, "- is not a field", paint{}},
		"a field that nobody sees":      {`{"shade":"red","secret":"x"}`, "secret is not a field", paint{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got paint
			err := state.ReadJSON([]byte(c.text), &got)
			if c.want == "" && (err != nil || got != c.read) || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
				t.Errorf("got %v, %v", got, err)
			}
			got.secret = got.Ignore
		})
	}
}
