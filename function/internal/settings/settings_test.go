package settings_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/settings"
)

// house has a field of each kind that a file may set.
type house struct {
	Name  string   `yaml:"name"`
	Warm  bool     `yaml:"warm"`
	Rooms int      `yaml:"rooms"`
	Rent  float64  `yaml:"rent"`
	Rest  *pause   `yaml:"rest,omitempty"`
	Door  door     `yaml:"door"`
	Gate  *door    `yaml:"gate,omitempty"`
	Cats  []string `yaml:"cats,omitempty"`
	Keys  []door   `yaml:"keys,omitempty"`
	owner string
}

type door struct {
	Color string `yaml:"color"`
	Locks int    `yaml:"locks"`
}

// pause reads itself from its text.
type pause time.Duration

func (p *pause) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New("no pause")
	}
	*p = pause(d)
	return nil
}

func built() house {
	rest := pause(time.Hour)
	return house{Name: "old", Warm: true, Rooms: 3, Rent: 1.5, Rest: &rest, Door: door{"red", 2}, Gate: &door{"iron", 1}, owner: "nobody"}
}

func TestAFileChangesWhatItSets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		want  func(h *house)
		empty bool
	}{
		"an empty file":                    {"", func(*house) {}, true},
		"a file of comments":               {"# name: new\n\n# nothing yet", func(*house) {}, true},
		"a document of nothing":            {"---\n# nothing\n", func(*house) {}, true},
		"a byte order mark":                {"\ufeffname: new", func(h *house) { h.Name = "new" }, false},
		"a text":                           {"name: new", func(h *house) { h.Name = "new" }, false},
		"a text that looks like a number":  {"name: 12", func(h *house) { h.Name = "12" }, false},
		"a text over two lines":            {"name: |\n  a\n  b\n", func(h *house) { h.Name = "a\nb\n" }, false},
		"a key in quotes":                  {`"name": new`, func(h *house) { h.Name = "new" }, false},
		"a truth value":                    {"warm: false", func(h *house) { h.Warm = false }, false},
		"a whole number":                   {"rooms: -4", func(h *house) { h.Rooms = -4 }, false},
		"a number":                         {"rent: 2e-3", func(h *house) { h.Rent = 0.002 }, false},
		"a value that reads itself":        {"rest: 5m", func(h *house) { *h.Rest = pause(5 * time.Minute) }, false},
		"a part keeps the other parts":     {"door: {locks: 1}", func(h *house) { h.Door.Locks = 1 }, false},
		"nor a part behind a pointer":      {"gate: {locks: 5}", func(h *house) { h.Gate = &door{"iron", 5} }, false},
		"a list":                           {"cats: [a, 'b']", func(h *house) { h.Cats = []string{"a", "b"} }, false},
		"a list of keys":                   {"keys:\n  - color: blue\n  - {locks: 9}\n", func(h *house) { h.Keys = []door{{"blue", 0}, {"", 9}} }, false},
		"the document's marks":             {"%YAML 1.1\n---\nname: new\n...\n", func(h *house) { h.Name = "new" }, false},
		"the default itself is not shared": {"rest: 1h\nrooms: 3", func(*house) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, want := built(), built()
			rest, gate := got.Rest, got.Gate
			c.want(&want)
			file, err := settings.Read([]byte(c.text), &got)
			if err != nil || file.Err() != nil || file.Empty() != c.empty {
				t.Fatalf("got %v, %v; empty: %t", err, file.Err(), file.Empty())
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(house{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if *rest != pause(time.Hour) || *gate != (door{"iron", 1}) {
				t.Errorf("the defaults have become %v, %v", *rest, *gate)
			}
		})
	}
}

func TestWhatAFileMayNotSay(t *testing.T) {
	t.Parallel()
	const empty = "is empty: give it a value, or leave it out"
	const plain = "anchors, aliases and tags are not accepted: write the value itself"
	const key = "want a key, by its plain name: anchors, aliases, merge keys and tags are not accepted"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"a key without a value":           {"rooms: 1\nname:\n", []string{"line 2, column 6: name: " + empty}},
		"null":                            {"name: null", []string{"line 1, column 7: name: " + empty}},
		"a tilde":                         {"name: ~", []string{"line 1, column 7: name: " + empty}},
		"an empty text":                   {`name: ""`, []string{"line 1, column 7: name: " + empty}},
		"a text of blanks":                {`name: "  "`, []string{"line 1, column 7: name: " + empty}},
		"empty keys":                      {"door: {}", []string{"line 1, column 7: door: " + empty}},
		"an empty list":                   {"cats: []", []string{"line 1, column 7: cats: " + empty}},
		"an empty item":                   {"cats:\n  - a\n  - # b\n", []string{"line 3, column 4: cats[1]: " + empty}},
		"an empty item that has keys":     {"keys:\n  -\n  - {}\n", []string{"line 2, column 4: keys[0]: " + empty, "line 3, column 5: keys[1]: " + empty}},
		"an empty value of an item":       {"keys: [{color: }]", []string{"line 1, column 16: keys[0].color: " + empty}},
		"a whole file of null":            {"~", []string{"line 1, column 1: " + empty}},
		"a whole file of no keys":         {"{}", []string{"line 1, column 1: " + empty}},
		"a whole file of an empty text":   {`""`, []string{"line 1, column 1: " + empty}},
		"a whole file that is a list":     {"- name", []string{"line 1, column 1: want keys with values, got a list"}},
		"a whole file that is a word":     {"name", []string{"line 1, column 1: want keys with values, got a single value"}},
		"a list for a text":               {"name: [new]", []string{"line 1, column 7: name: want a single value, got a list"}},
		"keys for a number":               {"rooms: {one: 1}", []string{"line 1, column 8: rooms: want a single value, got keys with values"}},
		"a text for keys":                 {"door: red", []string{"line 1, column 7: door: want keys with values, got a single value"}},
		"a text for a list":               {"cats: a", []string{"line 1, column 7: cats: want a list, got a single value"}},
		"keys for a value reading itself": {"rest: {a: 1h}", []string{"line 1, column 7: rest: want a single value, got keys with values"}},
		"a word for a number":             {"rooms: many\nrent: much\nwarm: very\nrest: long", []string{`line 1, column 8: rooms: "many" is not a whole number`, `line 2, column 7: rent: "much" is not a number`, `line 3, column 7: warm: "very": want true or false`, `line 4, column 7: rest: no pause`}},
		"half a room":                     {"rooms: 1.5", []string{`line 1, column 8: rooms: "1.5" is not a whole number`}},
		"more rooms than can be counted":  {"rooms: 9223372036854775808", []string{`line 1, column 8: rooms: "9223372036854775808" is not a whole number`}},
		"a long word":                     {"rooms: " + strings.Repeat("x", 61), []string{`line 1, column 8: rooms: "` + strings.Repeat("x", 60) + `"… is not a whole number`}},
		"an unknown key":                  {"nmae: new", []string{`line 1, column 1: "nmae" is not a key: want cats, door, gate, keys, name, rent, rest, rooms or warm, did you mean name?`}},
		"an unknown key like none":        {"door:\n  handle: 1", []string{`line 2, column 3: door: "handle" is not a key: want color or locks`}},
		"an unknown key of an item":       {"keys: [{colour: red}]", []string{`line 1, column 9: keys[0]: "colour" is not a key: want color or locks, did you mean color?`}},
		"a field that has no key":         {"owner: me", []string{`line 1, column 1: "owner" is not a key: want cats, door, gate, keys, name, rent, rest, rooms or warm`}},
		"a key of nothing":                {`"": new`, []string{`line 1, column 1: "" is not a key: want cats, door, gate, keys, name, rent, rest, rooms or warm`}},
		"a key twice":                     {"name: a\ndoor: {locks: 1, locks: 2}\nname: b", []string{"line 2, column 18: door.locks: is given twice, first on line 2", "line 3, column 1: name: is given twice, first on line 1"}},
		"a key in quotes, too":            {"name: a\n\"name\": b", []string{"line 2, column 1: name: is given twice, first on line 1"}},
		"a key that is a list":            {"[name]: a", []string{"line 1, column 1: " + key}},
		"a key with a tag":                {"!!str name: a", []string{"line 1, column 1: " + key}},
		"keys that are merged":            {"door: {<<: {color: red}, locks: 1}", []string{"line 1, column 8: door: " + key}},
		"an anchor":                       {"name: &n new", []string{"line 1, column 7: name: " + plain}},
		"an alias":                        {"name: &n new\ncats: *n", []string{"line 1, column 7: name: " + plain, "line 2, column 7: cats: " + plain}},
		"an alias of what it is in":       {"keys: &k [*k]", []string{"line 1, column 7: keys: " + plain}},
		"a tag":                           {"name: !!binary b2Zm", []string{"line 1, column 7: name: " + plain}},
		"a tag without a text":            {"--- !!null\n", []string{"line 1, column 5: " + plain}},
		"a second document":               {"name: a\n---\nname: b", []string{"line 2, column 1: a second document begins here: want one"}},
		"a second document and more":      {"nam: a\n---\nname: b", []string{`line 1, column 1: "nam" is not a key: want cats, door, gate, keys, name, rent, rest, rooms or warm, did you mean name?`, "line 2, column 1: a second document begins here: want one"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := built()
			file, err := settings.Read([]byte(c.text), &got)
			if err != nil {
				t.Fatal(err)
			}
			var problems settings.Problems
			if !errors.As(file.Err(), &problems) {
				t.Fatalf("got %+v, %v", got, file.Err())
			}
			if diff := cmp.Diff(c.want, problems.Lines()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhatIsNoYAMLIsAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"name: [", "name: a\n---\nname: [", "name: *n", "\tname: a", "name: \x00"} {
		if file, err := settings.Read([]byte(text), &house{}); err == nil || !strings.HasPrefix(err.Error(), "yaml: ") {
			t.Errorf("%q: got %v, %v", text, file, err)
		}
	}
}

func TestAProblemOfAValueStandsWhereTheValueStands(t *testing.T) {
	t.Parallel()
	const text = "door:\n  color: red\nkeys:\n  - color: blue\n  -\nrooms: many\n"
	for path, want := range map[string]string{
		"door.color":     "line 2, column 10: door.color: it is ugly",
		"door.locks":     "line 2, column 3: door.locks: it is ugly", // the keys of the door stand there
		"keys[0].locks":  "line 4, column 5: keys[0].locks: it is ugly",
		"rent":           "line 1, column 1: rent: it is ugly",
		"keys[1]":        "", // what could not be read has its problem
		"keys[1].color":  "",
		"rooms":          "",
		"keys[0].color":  "line 4, column 12: keys[0].color: it is ugly",
		"keys[10].color": "line 4, column 3: keys[10].color: it is ugly",
	} {
		file, err := settings.Read([]byte(text), &house{})
		if err != nil {
			t.Fatal(err)
		}
		before := strings.Count(file.Err().Error(), "; ")
		file.Wrong(path, "it is ugly")
		got := file.Err().Error()
		if want == "" && strings.Count(got, "; ") != before || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	whole, err := settings.Read([]byte("- door"), &house{})
	if err != nil {
		t.Fatal(err)
	}
	if whole.Wrong("name", "is missing"); strings.Contains(whole.Err().Error(), "missing") {
		t.Errorf("of a file that could not be read at all: %v", whole.Err())
	}
}

func TestProblemsComeInTheOrderOfTheFileAndNotTooMany(t *testing.T) {
	t.Parallel()
	text := ""
	for n := range 23 {
		text += fmt.Sprintf("k%d: 1\n", n)
	}
	file, err := settings.Read([]byte("name: a\n"+text), &house{})
	if err != nil {
		t.Fatal(err)
	}
	file.Wrong("name", "it is ugly")
	var problems settings.Problems
	if !errors.As(file.Err(), &problems) {
		t.Fatal(file.Err())
	}
	lines := problems.Lines()
	if len(problems) != 24 || len(lines) != 21 || lines[0] != "line 1, column 7: name: it is ugly" || !strings.HasPrefix(lines[19], "line 20, ") || lines[20] != "and 4 more" {
		t.Errorf("got %d problems, %q", len(problems), lines)
	}
	if got := file.Err().Error(); got != strings.Join(lines, "; ") {
		t.Errorf("got %q", got)
	}
}

func TestATypeThatNoRuleIsForIsAMistakeOfTheProgram(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("it is read")
		}
	}()
	var into struct {
		Odd complex64 `yaml:"odd"`
	}
	_, _ = settings.Read([]byte("odd: 1"), &into)
}

func TestWords(t *testing.T) {
	t.Parallel()
	for want, words := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := settings.Listed(words, "or"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if diff := cmp.Diff([]string{"color", "locks"}, settings.Keys(reflect.TypeFor[door]())); diff != "" {
		t.Error(diff)
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{"name: a", "keys: [{color: red}, ~]", "a: &a [*a]", "door: {<<: {color: red}}", "---\n---\n", "? [name]\n: x", "name: !!binary x", "cats:\n -\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		h := built()
		file, err := settings.Read(text, &h)
		if err != nil || file.Err() == nil {
			return
		}
		var problems settings.Problems
		if !errors.As(file.Err(), &problems) {
			t.Fatal(file.Err())
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Text == "" || strings.ContainsAny(p.String(), "\n\x00") {
				t.Errorf("%q: %+v", text, p)
			}
		}
	})
}
