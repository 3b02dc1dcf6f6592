package main_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	local "rds-kernel-upgrade/local"
	"rds-kernel-upgrade/local/tape"
)

const windows = `windows:
  allow: [{days: [mon], from: "01:00", to: "05:00", zone: Asia/Shanghai}, {days: [tue], from: "01:00", to: "05:00"}]
  deny: [{from: "2026-11-10T00:00", to: "2026-11-12T00:00", zone: Europe/Berlin, why: "fair"}]
`

// packWith packs a stand-in for the binary with a policy.
func packWith(t *testing.T, policy string, flags ...string) (file string, err error) {
	t.Helper()
	folder := t.TempDir()
	file = filepath.Join(folder, "p.zip")
	for name, text := range map[string]string{"main": "a binary", "policy.yaml": policy} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out tape.Tape
	args := []string{"package", "--binary", filepath.Join(folder, "main"), "--policy", filepath.Join(folder, "policy.yaml"), "--zip", file}
	return file, local.Run(t.Context(), &out, &out, append(args, flags...)...)
}

func TestThePackageHoldsTheZonesThatThePolicyNamesAndNoOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy string
		want   []string
	}{
		"two zones":         {windows, []string{"main", "policy.yaml", "zoneinfo/Asia/Shanghai", "zoneinfo/Europe/Berlin"}},
		"windows in UTC":    {`windows: {allow: [{from: "01:00", to: "02:00"}]}`, []string{"main", "policy.yaml"}},
		"no windows at all": {"mode: apply\n", []string{"main", "policy.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := packWith(t, c.policy)
			if err != nil {
				t.Fatal(err)
			}
			archive, err := zip.OpenReader(file)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = archive.Close() }()
			var names []string
			for _, f := range archive.File {
				names = append(names, f.Name)
			}
			if diff := cmp.Diff(c.want, names); diff != "" {
				t.Errorf("the package (-want +got):\n%s", diff)
			}
		})
	}
}

func TestThePackageIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	var texts [2][]byte
	for n := range texts {
		file, err := packWith(t, windows)
		if err != nil {
			t.Fatal(err)
		}
		if texts[n], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("two runs differ")
	}
}

func TestAZoneThatCannotBePackedStopsThePackage(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for name, c := range map[string]struct {
		policy string
		flags  []string
		want   string
	}{
		"no such zone":          {strings.Replace(windows, "Berlin", "Atlantis", 1), nil, `policy.yaml: pack: time zone "Europe/Atlantis": the IANA time zone database has no such zone`},
		"no such database":      {windows, []string{"--zoneinfo", filepath.Join(empty, "none.zip")}, "name one with --zoneinfo"},
		"a database of nothing": {windows, []string{"--zoneinfo", empty}, `time zone "Asia/Shanghai"`},
		"a policy of no YAML":   {"windows: [", nil, "policy.yaml: pack: the policy: yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := packWith(t, c.policy, c.flags...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v: want %q", err, c.want)
			}
			if _, err := os.Stat(file); err == nil {
				t.Error("a package is there all the same")
			}
		})
	}
}
