package pack_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/pack"
)

func TestThePolicysZonesAreFound(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		policy string
		want   []string
	}{
		"an empty policy":    {"", nil},
		"no windows":         {"mode: apply\noptIn: {tag: zone, value: x}\n", nil},
		"a zone elsewhere":   {"rate: {zone: Asia/Tokyo}\n", nil},
		"windows of nothing": {"windows:\n", nil},
		"an empty zone":      {`windows: {allow: [{from: "01:00", zone: ""}, {zone: }, {zone: ~}]}`, nil},
		"all lists, each zone once and in order": {`
windows:
  allow:
    - {days: [mon], from: "01:00", to: "05:00", zone: Europe/Berlin}
    - {from: "01:00", to: "02:00", zone: Asia/Shanghai}
    - {from: "03:00", to: "04:00", zone: "Europe/Berlin"}
  deny:
    - {from: "2026-11-10T00:00", to: "2026-11-12T00:00", zone: America/New_York, why: zone}
`, []string{"America/New_York", "Asia/Shanghai", "Europe/Berlin"}},
		"by an alias from elsewhere": {"night: &n {from: '01:00', zone: Asia/Tokyo}\nwindows: {allow: [*n]}\n", []string{"Asia/Tokyo"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := pack.Zones([]byte(c.policy))
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("error %v, zones (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestAPolicyThatIsNoYAMLHasNoZones(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"windows: [", "- windows", "windows: &w [*w]"} {
		if _, err := pack.Zones([]byte(policy)); err == nil || !strings.Contains(err.Error(), "pack: the policy: yaml:") {
			t.Errorf("%s: error %v", policy, err)
		}
	}
}

// database opens Go's own time zone database.
func database(t *testing.T) fs.FS {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib/time/zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = archive.Close() })
	return archive
}

func TestAZoneIsPackedAsTheDatabaseHasIt(t *testing.T) {
	t.Parallel()
	files, err := pack.ZoneFiles([]string{"Asia/Shanghai", "Europe/Berlin", "UTC"}, database(t))
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for n, name := range []string{"zoneinfo/Asia/Shanghai", "zoneinfo/Europe/Berlin", "zoneinfo/UTC"} {
		if files[n].Name != name {
			t.Errorf("file %d is %s, want %s", n, files[n].Name, name)
		}
	}
	zone, err := time.LoadLocationFromTZData("Europe/Berlin", files[1].Data)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{"2026-03-29T00:59:59Z": "01:59:59", "2026-03-29T01:00:00Z": "03:00:00"} {
		parsed, err := time.Parse(time.RFC3339, at)
		if got := parsed.In(zone).Format(time.TimeOnly); err != nil || got != want {
			t.Errorf("%s is %s in Berlin, want %s (%v)", at, got, want, err)
		}
	}
}

// broken is a database that cannot be read.
type broken struct{}

var errBroken = errors.New("input/output error")

func (broken) Open(string) (fs.File, error) { return nil, errBroken }

func TestADatabaseThatLacksAZoneIsFollowedByTheNext(t *testing.T) {
	t.Parallel()
	whole := database(t)
	berlin, err := fs.ReadFile(whole, "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	own := fstest.MapFS{"Asia/Shanghai": {Data: berlin}} // as the first has it, wrong or not
	files, err := pack.ZoneFiles([]string{"Asia/Shanghai", "Europe/Berlin"}, own, whole)
	if err != nil || len(files) != 2 || !bytes.Equal(files[0].Data, berlin) || !bytes.Equal(files[1].Data, berlin) {
		t.Errorf("%d files, %v", len(files), err)
	}
	if _, err := pack.ZoneFiles([]string{"Asia/Shanghai"}, broken{}, whole); !errors.Is(err, errBroken) {
		t.Errorf("a database that cannot be read: %v", err)
	}
}

func TestAZoneThatThereIsNotIsRefused(t *testing.T) {
	t.Parallel()
	whole := database(t)
	folder := fstest.MapFS{"zone.tab": {Data: []byte("CN\t+3114+12128\tAsia/Shanghai\n")}, "Asia": {Mode: fs.ModeDir | 0o755}}
	for name, c := range map[string]struct{ zone, want string }{
		"a city":                          {"Shanghai", `time zone "Shanghai": the IANA time zone database has no such zone`},
		"another spelling":                {"asia/shanghai", "in the database's own spelling"},
		"the machine's own":               {"Local", "no such zone"},
		"a continent":                     {"Asia", "no such zone"},
		"an offset":                       {"+08:00", "no such zone"},
		"a way out of the package":        {"../../etc/localtime", "want a name of the IANA time zone database"},
		"a path from the root":            {"/usr/share/zoneinfo/Asia/Shanghai", "want a name of the IANA"},
		"a path from Windows":             {`Asia\Shanghai`, "want a name of the IANA"},
		"the database itself":             {".", "want a name of the IANA"},
		"a file of the database, no zone": {"zone.tab", "malformed time zone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, err := pack.ZoneFiles([]string{c.zone}, folder, whole)
			if err == nil || !strings.Contains(err.Error(), c.want) || len(files) != 0 {
				t.Errorf("%d files, error %v: want %q", len(files), err, c.want)
			}
		})
	}
	_, err := pack.ZoneFiles([]string{"Atlantis", "Asia/Shanghai", "Utopia"}, whole)
	if err == nil || !strings.Contains(err.Error(), "Atlantis") || !strings.Contains(err.Error(), "Utopia") || strings.Contains(err.Error(), `"Asia/Shanghai"`) {
		t.Errorf("error %v: want both that are wrong", err)
	}
}

// TestAFolderOfTheSystemIsADatabase is the fallback of a Go without its own.
func TestAFolderOfTheSystemIsADatabase(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	data, err := fs.ReadFile(database(t), "Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(filepath.Join(folder, "Asia"), 0o700), os.WriteFile(filepath.Join(folder, "Asia/Shanghai"), data, 0o600)); err != nil {
		t.Fatal(err)
	}
	files, err := pack.ZoneFiles([]string{"Asia/Shanghai"}, os.DirFS(filepath.Join(folder, "nowhere")), os.DirFS(folder))
	if err != nil || len(files) != 1 || !bytes.Equal(files[0].Data, data) {
		t.Errorf("%v, %v", files, err)
	}
	if _, err := pack.ZoneFiles([]string{"Asia"}, os.DirFS(folder)); err == nil || !strings.Contains(err.Error(), "no such zone") {
		t.Errorf("a folder: %v", err)
	}
}

func TestThePackageTakesZonesInTheirFolder(t *testing.T) {
	t.Parallel()
	zones, err := pack.ZoneFiles([]string{"Asia/Shanghai", "America/Argentina/Ushuaia"}, database(t))
	if err != nil {
		t.Fatal(err)
	}
	text := write(t, append(zones, files()...)...)
	if !bytes.Equal(text, write(t, append(files(), zones[1], zones[0])...)) {
		t.Error("the order of the files matters")
	}
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range archive.File {
		got = append(got, f.Name+" "+f.Mode().String())
	}
	want := []string{
		"main -rwxr-xr-x", "policy.yaml -rw-r--r--", "zoneinfo/America/Argentina/Ushuaia -rw-r--r--", "zoneinfo/Asia/Shanghai -rw-r--r--",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the package (-want +got):\n%s", diff)
	}
	data, err := fs.ReadFile(archive, "zoneinfo/Asia/Shanghai")
	if err != nil || !bytes.Equal(data, zones[0].Data) {
		t.Errorf("the zone came out with %d of %d bytes: %v", len(data), len(zones[0].Data), err)
	}
}
