package window_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/function/internal/window"
)

const tomorrow = "2026-11-11T00:00"

func TestWindowsAreReadStrictly(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		give window.Windows
		want []string
	}{
		"a window of some days": {
			allowed(window.Allow{Days: []string{"mon", "sun"}, From: "01:00", To: "05:00", Zone: "Asia/Shanghai"}), nil,
		},
		"a window up to midnight":                 {allowed(window.Allow{From: "00:00", To: "24:00", Zone: "UTC"}), nil},
		"a window over midnight":                  {allowed(window.Allow{From: "23:59", To: "00:00", Zone: "UTC"}), nil},
		"a denied minute":                         {denied(window.Deny{From: "2026-11-10T23:59", To: tomorrow, Zone: "UTC"}), nil},
		"no windows at all":                       {window.Windows{}, nil},
		"an hour that no day has":                 {allowed(window.Allow{From: "25:00", To: "05:00", Zone: "UTC"}), []string{`windows.allow[0].from: "25:00": want a time from 00:00 to 23:59`}},
		"a window cannot begin at the day's end":  {allowed(window.Allow{From: "24:00", To: "05:00", Zone: "UTC"}), []string{`windows.allow[0].from: "24:00": want a time from 00:00 to 23:59`}},
		"a window cannot end after the day's end": {allowed(window.Allow{From: "01:00", To: "24:01", Zone: "UTC"}), []string{`windows.allow[0].to: "24:01": want a time from 00:00 to 24:00`}},
		"an hour of one digit":                    {allowed(window.Allow{From: "1:00", To: "05:00", Zone: "UTC"}), []string{`windows.allow[0].from: "1:00": want a time from 00:00 to 23:59`}},
		"seconds are not part of a window":        {allowed(window.Allow{From: "01:00", To: "05:00:00", Zone: "UTC"}), []string{`windows.allow[0].to: "05:00:00": want a time from 00:00 to 24:00`}},
		"a day by its whole name":                 {allowed(window.Allow{Days: []string{"mon", "Tuesday"}, From: "01:00", To: "05:00", Zone: "UTC"}), []string{`windows.allow[0].days[1]: "Tuesday": want mon, tue, wed, thu, fri, sat or sun`}},
		"a day twice":                             {allowed(window.Allow{Days: []string{"mon", "tue", "mon"}, From: "01:00", To: "05:00", Zone: "UTC"}), []string{`windows.allow[0].days[2]: "mon": stands there twice`}},
		"a window of no length":                   {allowed(window.Allow{From: "03:00", To: "03:00", Zone: "UTC"}), []string{`windows.allow[0].to: "03:00": the window has no length: a whole day is from 00:00 to 24:00`}},
		"nor from midnight to midnight":           {allowed(window.Allow{From: "00:00", To: "00:00", Zone: "UTC"}), []string{`windows.allow[0].to: "00:00": the window has no length: a whole day is from 00:00 to 24:00`}},
		"localtime is the machine's zone, too":    {denied(window.Deny{From: "2026-11-10T00:00", To: tomorrow, Zone: "localtime"}), []string{`windows.deny[0].zone: "localtime": want the name of a zone, such as Asia/Shanghai`}},
		"a long value is cut":                     {allowed(window.Allow{From: strings.Repeat("1", 61), To: "05:00", Zone: "UTC"}), []string{`windows.allow[0].from: "` + strings.Repeat("1", 60) + `": want a time from 00:00 to 23:59`}},
		"no zone is not the machine's zone":       {allowed(window.Allow{From: "01:00", To: "05:00"}), []string{`windows.allow[0].zone: is missing: want the name of a zone, such as Asia/Shanghai`}},
		"Local is the machine's zone":             {denied(window.Deny{From: "2026-11-10T00:00", To: tomorrow, Zone: "Local"}), []string{`windows.deny[0].zone: "Local": want the name of a zone, such as Asia/Shanghai`}},
		"a zone that is not known":                {denied(window.Deny{From: "2026-11-10T00:00", To: tomorrow, Zone: "Asia/Hangzhou"}), []string{`windows.deny[0].zone: "Asia/Hangzhou": no such zone is known: write Asia/Shanghai`}},
		"a denial without a time of day":          {denied(window.Deny{From: "2026-11-10", To: tomorrow, Zone: "UTC"}), []string{`windows.deny[0].from: "2026-11-10": want a time such as 2026-11-10T00:00`}},
		"a denial in UTC's own form":              {denied(window.Deny{From: "2026-11-10T00:00", To: "2026-11-11T00:00Z", Zone: "UTC"}), []string{`windows.deny[0].to: "2026-11-11T00:00Z": want a time such as 2026-11-12T00:00`}},
		"a denial whose hour has one digit":       {denied(window.Deny{From: "2026-11-10T9:00", To: tomorrow, Zone: "UTC"}), []string{`windows.deny[0].from: "2026-11-10T9:00": want a time such as 2026-11-10T00:00`}},
		"a denial that ends where it begins":      {denied(window.Deny{From: tomorrow, To: tomorrow, Zone: "UTC"}), []string{`windows.deny[0].to: "2026-11-11T00:00": want a time after 2026-11-11T00:00`}},
		"a denial on a day that does not exist":   {denied(window.Deny{From: "2026-02-29T00:00", To: tomorrow, Zone: "UTC"}), []string{`windows.deny[0].from: "2026-02-29T00:00": want a time such as 2026-11-10T00:00`}},
		"all that is wrong is said at once": {
			window.Windows{
				Allow: []window.Allow{{From: "01:00", To: "05:00", Zone: "UTC"}, {Days: []string{"Mon"}, From: "x", To: "", Zone: "Mars"}},
				Deny:  []window.Deny{{}},
			},
			[]string{
				`windows.allow[1].zone: "Mars": no such zone is known: want a name such as Asia/Shanghai`,
				`windows.allow[1].from: "x": want a time from 00:00 to 23:59`,
				`windows.allow[1].to: is missing: want a time from 00:00 to 24:00`,
				`windows.allow[1].days[0]: "Mon": want mon, tue, wed, thu, fri, sat or sun`,
				`windows.deny[0].zone: is missing: want the name of a zone, such as Asia/Shanghai`,
				`windows.deny[0].from: is missing: want a time such as 2026-11-10T00:00`,
				`windows.deny[0].to: is missing: want a time such as 2026-11-12T00:00`,
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := read(c.give, time.LoadLocation)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestZonesComeFromTheCaller(t *testing.T) {
	t.Parallel()
	w := allowed(window.Allow{From: "01:00", To: "05:00", Zone: "Here/Office"})
	asked := ""
	c, problems := read(w, func(name string) (*time.Location, error) {
		asked = name
		return time.FixedZone(name, 6*60*60), nil
	})
	if problems != nil || asked != "Here/Office" || !c.Permits(at(t, "2026-11-09T19:00:00Z")) || c.Permits(at(t, "2026-11-10T01:00:00Z")) {
		t.Errorf("asked for %q, got the problems %q; want the windows of the zone that was given", asked, problems)
	}
	if _, problems := read(w, func(string) (*time.Location, error) { return nil, errors.New("no") }); problems == nil {
		t.Error("a zone that the caller refuses is taken")
	}
}

func TestWindowsHaveTheKeysOfThePolicyFile(t *testing.T) {
	t.Parallel()
	text := "allow:\n" +
		"    - days: [mon, tue]\n      from: \"01:00\"\n      to: \"05:00\"\n      zone: Asia/Shanghai\n" +
		"deny:\n" +
		"    - from: 2026-11-10T00:00\n      to: 2026-11-12T00:00\n      zone: Asia/Shanghai\n      why: \"11.11\"\n"
	want := window.Windows{
		Allow: []window.Allow{{Days: []string{"mon", "tue"}, From: "01:00", To: "05:00", Zone: "Asia/Shanghai"}},
		Deny:  []window.Deny{{From: "2026-11-10T00:00", To: "2026-11-12T00:00", Zone: "Asia/Shanghai", Why: "11.11"}},
	}
	var got window.Windows
	if err := yaml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	back, err := yaml.Marshal(got)
	if diff := cmp.Diff(text, string(back)); diff != "" || err != nil {
		t.Errorf("written, with the error %v (-want +got):\n%s", err, diff)
	}
}

func allowed(a ...window.Allow) window.Windows { return window.Windows{Allow: a} }

func denied(d ...window.Deny) window.Windows { return window.Windows{Deny: d} }
