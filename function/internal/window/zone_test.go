package window_test

import (
	"archive/zip"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// advent is the instant of the notes below.
var advent = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func notesOf(t *testing.T, zone string) []string {
	t.Helper()
	return must(t, every("01:00", "05:00", zone)).Notes(advent)
}

// A zone of this kind says the opposite of what most people read in its name.
func TestTheSignOfEachEtcZoneIsExplained(t *testing.T) {
	t.Parallel()
	for sign := -14; sign <= 12; sign++ {
		name := fmt.Sprintf("Etc/GMT%+d", sign)
		_, seconds := advent.In(zone(name)).Zone()
		if seconds != -sign*3600 {
			t.Fatalf("%s is %d seconds ahead of UTC", name, seconds)
		}
		got := notesOf(t, name)
		switch want := ""; {
		case sign == 0:
			want = "windows.allow[0].zone: " + name + " is no Area/City: its clocks are UTC all year, without summer time; write UTC"
			if len(got) != 1 || got[0] != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		case len(got) != 1:
			t.Errorf("%s: got %q, want one note", name, got)
		default:
			want = fmt.Sprintf("windows.allow[0].zone: %s is %d hours BEHIND UTC (UTC-%02d:00), not UTC%+d: its sign is reversed; ", name, sign, sign, sign)
			if sign < 0 {
				want = fmt.Sprintf("windows.allow[0].zone: %s is %d hours AHEAD OF UTC (UTC+%02d:00), not UTC%+d: its sign is reversed; ", name, -sign, -sign, sign)
			}
			if got := strings.Replace(got[0], "1 hour ", "1 hours ", 1); !strings.HasPrefix(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if advice := strings.SplitN(got[0], "; ", 2)[1]; strings.Contains(advice, "Etc/") || strings.Count(advice, "UTC") != 2 {
				t.Errorf("%s: advised %q; want a city for each of both offsets", name, advice)
			}
		}
	}
	want := "windows.allow[0].zone: Etc/GMT+8 is 8 hours BEHIND UTC (UTC-08:00), not UTC+8: its sign is reversed; for UTC+08:00 write Asia/Shanghai; " +
		"for UTC-08:00 write Pacific/Pitcairn, or America/Los_Angeles, which has summer time"
	if got := notesOf(t, "Etc/GMT+8"); got[0] != want {
		t.Errorf("got %q, want %q", got[0], want)
	}
}

func TestWhatAZoneIsThatIsNoAreaAndCity(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"EST":               "its clocks are UTC-05:00 all year, without summer time; write America/New_York for New York, or America/Panama, which has no summer time",
		"MST":               "its clocks are UTC-07:00 all year, without summer time; write America/Denver for Denver, or America/Phoenix, which has no summer time",
		"HST":               "its clocks are UTC-10:00 all year, without summer time; write Pacific/Honolulu",
		"EST5EDT":           "its clocks are UTC-05:00 and UTC-04:00, by the season; write America/New_York",
		"CST6CDT":           "its clocks are UTC-06:00 and UTC-05:00, by the season; write America/Chicago",
		"CET":               "its clocks are UTC+01:00 and UTC+02:00, by the season; write the city, such as Europe/Berlin or Europe/Paris",
		"GMT":               "its clocks are UTC all year, without summer time; write UTC, or Europe/London for London, which has summer time",
		"Etc/GMT":           "its clocks are UTC all year, without summer time; write UTC, or Europe/London for London, which has summer time",
		"Zulu":              "its clocks are UTC all year, without summer time; write UTC",
		"PRC":               "its clocks are UTC+08:00 all year, without summer time; write Asia/Shanghai",
		"US/Pacific":        "its clocks are UTC-08:00 and UTC-07:00, by the season; write America/Los_Angeles",
		"Chile/Continental": "its clocks are UTC-03:00 and UTC-04:00, by the season; write the Area/City whose clocks are meant, such as Asia/Shanghai",
		"Jamaica":           "its clocks are UTC-05:00 all year, without summer time; write the Area/City whose clocks are meant, such as Asia/Shanghai",
	} {
		want = "windows.allow[0].zone: " + name + " is no Area/City: " + want
		if got := notesOf(t, name); len(got) != 1 || got[0] != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	inner, problems := read(every("01:00", "05:00", "right/Asia/Shanghai"),
		func(name string) (*time.Location, error) { return time.FixedZone(name, 8*3600), nil })
	if problems != nil {
		t.Fatal(problems)
	}
	if got := inner.Notes(advent); len(got) != 1 || !strings.HasSuffix(got[0], "; write Asia/Shanghai") {
		t.Errorf("got %q", got)
	}
}

// TestEachZoneIsPlainOrNoted goes through Go's time zone database, and holds that a name is noted exactly if it does not name a place.
func TestEachZoneIsPlainOrNoted(t *testing.T) {
	t.Parallel()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	database, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = database.Close() }()
	plain := regexp.MustCompile(`^((Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/.+|UTC|Etc/UTC)$`)
	noted, all := 0, 0
	for _, file := range database.File {
		if strings.HasSuffix(file.Name, "/") {
			continue
		}
		all++
		notes := notesOf(t, file.Name)
		if plain.MatchString(file.Name) == (len(notes) > 0) || len(notes) > 1 {
			t.Errorf("%s: got %q", file.Name, notes)
		}
		noted += len(notes)
	}
	if noted < 100 || noted == all {
		t.Errorf("%d of %d zones are noted", noted, all)
	}
}

func TestARefusedZoneSaysWhatToWrite(t *testing.T) {
	t.Parallel()
	const china = "for UTC+08:00 write Asia/Shanghai"
	for want, names := range map[string][]string{
		china: {"GMT+8", "UTC+8", "gmt+8", "UTC+08:00", "UTC +8", "GMT+0800", "+8", "+08:00", "+0800", "UTC8", "Etc/GMT+08", "Etc/UTC+8", "8", "CST-8"},
		"for UTC-08:00 write Pacific/Pitcairn, or America/Los_Angeles, which has summer time": {"GMT-8", "UTC-08:00", "-08:00", "UTC−8", "PST8"},
		"for UTC+05:30 write Asia/Kolkata":                                                      {"GMT+5:30", "UTC+0530", "+05:30"},
		"for UTC write UTC, or Europe/London, which has summer time":                            {"UTC+0", "+00:00", "Etc/UTC-0"},
		"no Area/City is known at UTC+08:20":                                                    {"UTC+8:20"},
		"no Area/City is known at UTC-12:00":                                                    {"UTC-12"},
		"write Asia/Shanghai":                                                                   {"Beijing", "beijing", "Asia/Beijing", "Asia/Hangzhou", "Shanghai", "asia/shanghai", "China Standard Time", "北京时间", "CN"},
		"write Asia/Shanghai for China, or America/Chicago for the United States":               {"CST", "cst"},
		"write Asia/Kolkata for India, Asia/Jerusalem for Israel, or Europe/Dublin for Ireland": {"IST"},
		"write Europe/London for London, or Asia/Dhaka for Bangladesh":                          {"BST"},
		"write Asia/Tokyo":       {"JST", "Tokyo"},
		"write Europe/Berlin":    {"Berlin", "Frankfurt", "Germany/Berlin"},
		"write America/New_York": {"New York", "EDT", "US/New York"},
		"write UTC":              {"utc", "Z"},
		"want a name such as Asia/Shanghai, did you mean Asia/Shanghai?": {"Asia/Shanghia", "Asia/Shanghigh", "Asia/Shanghai\u00a0"},
		"want a name such as Asia/Shanghai":                              {"Mars", "Mars/Base", "UTC+15", "UTC+8:99", "Mars2", "../../etc/passwd", strings.Repeat("x", 60_000)},
	} {
		for _, name := range names {
			got := refusal(name)
			if whole := fmt.Sprintf("windows.allow[0].zone: %.60q: no such zone is known: %s", name, want); got != whole {
				t.Errorf("got %.300s, want %s", got, whole)
			}
		}
	}
}

// refusal returns the problem of a zone that is not known.
func refusal(name string) string {
	_, problems := read(every("01:00", "05:00", name), func(string) (*time.Location, error) { return nil, errors.New("unknown") })
	return strings.Join(problems, "\n")
}

// TestWhatIsAdvisedHolds reads the advice for every offset and abbreviation, and asks the time zone database about it.
func TestWhatIsAdvisedHolds(t *testing.T) {
	t.Parallel()
	city := regexp.MustCompile(`(?:Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_]+(?:, which has (?:no )?summer time)?`)
	advised := 0
	check := func(name string, minutes *int) {
		got := refusal(name)
		if got == "" || strings.Contains(strings.ReplaceAll(got, name, ""), "Etc/") {
			t.Errorf("%s: %s", name, got)
			return
		}
		for _, found := range city.FindAllString(strings.SplitN(got, " write ", 2)[1], -1) {
			advised++
			name, words, _ := strings.Cut(found, ", ")
			if notes := notesOf(t, name); len(notes) > 0 {
				t.Errorf("%s is advised, and yet %q", name, notes)
			}
			_, winter := advent.In(zone(name)).Zone()
			_, summer := advent.AddDate(0, 6, 0).In(zone(name)).Zone()
			if words != "" && (winter != summer) != (words == "which has summer time") || minutes != nil && words == "" && winter != summer {
				t.Errorf("%s: %s: from %d to %d", name, words, winter, summer)
			}
			if minutes != nil && min(winter, summer) != *minutes*60 {
				t.Errorf("%s is advised for %d minutes, and is %d ahead", name, *minutes, winter/60)
			}
		}
	}
	for minutes := -14 * 60; minutes <= 14*60; minutes += 15 {
		name := fmt.Sprintf("UTC%+03d:%02d", minutes/60, max(minutes, -minutes)%60)
		if minutes < 0 && minutes > -60 {
			name = fmt.Sprintf("UTC-00:%02d", -minutes)
		}
		if !strings.Contains(refusal(name), "no Area/City is known") {
			check(name, &minutes)
		}
	}
	for _, name := range []string{
		"Beijing", "Shenzhen", "Guangzhou", "Chengdu", "China", "BJT", "CST", "CDT", "CT", "EST", "EDT", "ET", "MST", "MDT", "PST", "PDT", "PT", "HST", "Hawaii", "GMT", "BST",
		"GB", "UK", "Eire", "WET", "WEST", "Portugal", "CET", "CEST", "MET", "Frankfurt", "Poland", "EET", "EEST", "Turkey", "MSK", "W-SU", "Israel", "Iran", "GST", "PKT", "IST",
		"India", "Mumbai", "Delhi", "ICT", "WIB", "SGT", "HKT", "Hongkong", "ROC", "JST", "Japan", "KST", "ROK", "Korea", "AEST", "AEDT", "NZ", "NZST", "NZDT", "Navajo", "Virginia", "Silicon Valley",
	} {
		check(name, nil)
	}
	if advised < 90 {
		t.Errorf("%d zones are advised", advised)
	}
}
