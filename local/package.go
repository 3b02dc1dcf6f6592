package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"rds-kernel-upgrade/local/pack"
)

// The bars for what is deployed, in bytes: a cold start downloads, unpacks and maps it.
const (
	maxBinary = 14_000_000
	maxZip    = 5_300_000
)

// systemZones is where a Unix has its time zones.
const systemZones = "/usr/share/zoneinfo"

// packed is where the binary and the package are.
type packed struct{ binary, policy, zoneinfo, zip string }

func (p *packed) parse(c console, name string, args []string) error {
	f := c.flags(name)
	f.StringVar(&p.binary, "binary", "target/main", "the built function")
	f.StringVar(&p.policy, "policy", "policy.yaml", "the policy")
	f.StringVar(&p.zoneinfo, "zoneinfo", "", "the time zone database, a zip or a folder (default: Go's own, then "+systemZones+")")
	f.StringVar(&p.zip, "zip", "target/rds-kernel-upgrade.zip", "the package")
	return f.Parse(args)
}

// makePackage packs the binary, the policy, and the time zones that the policy names.
func makePackage(ctx context.Context, c console, args []string) error {
	var p packed
	if err := p.parse(c, "package", args); err != nil {
		return err
	}
	binary, err := os.ReadFile(p.binary)
	policy, err2 := os.ReadFile(p.policy)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	zones, err := p.zones(ctx, policy)
	if err != nil {
		return fmt.Errorf("%s: %w", p.policy, err)
	}
	var text bytes.Buffer
	files := append(zones, pack.File{Name: pack.Handler, Data: binary}, pack.File{Name: "policy.yaml", Data: policy})
	if err := pack.Write(&text, files...); err != nil {
		return err
	}
	return os.WriteFile(p.zip, text.Bytes(), 0o600)
}

// zones gives the files of the time zones that a policy names.
func (p *packed) zones(ctx context.Context, policy []byte) ([]pack.File, error) {
	names, err := pack.Zones(policy)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	databases, closeAll, err := openDatabases(p.places(ctx))
	if err != nil {
		return nil, err
	}
	defer closeAll()
	return pack.ZoneFiles(names, databases...)
}

// places tells where a time zone database may be. Go's own comes first: it is the same on every machine with the same Go.
func (p *packed) places(ctx context.Context) []string {
	if p.zoneinfo != "" {
		return []string{p.zoneinfo}
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return []string{systemZones} // nobody can say where Go is
	}
	return []string{filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"), systemZones}
}

// openDatabases opens those that are there: a zip such as Go's, or a folder such as the system's. One is enough.
func openDatabases(places []string) (databases []fs.FS, closeAll func(), err error) {
	var archives []io.Closer
	var errs []error
	for _, place := range places {
		info, err := os.Stat(place)
		if err == nil && info.IsDir() {
			databases = append(databases, os.DirFS(place))
			continue
		}
		archive, err := zip.OpenReader(place)
		if err != nil {
			errs = append(errs, fmt.Errorf("time zone database %s: %w", place, err))
			continue
		}
		databases, archives = append(databases, archive), append(archives, archive)
	}
	if len(databases) == 0 {
		return nil, nil, fmt.Errorf("%w: name one with --zoneinfo", errors.Join(errs...))
	}
	return databases, func() {
		for _, a := range archives {
			_ = a.Close()
		}
	}, nil
}

// sizes prints the sizes and refuses what is over its bar.
func sizes(_ context.Context, c console, args []string) error {
	var p packed
	if err := p.parse(c, "size", args); err != nil {
		return err
	}
	var over []error
	for _, s := range []struct {
		file string
		bar  int64
	}{{p.binary, maxBinary}, {p.zip, maxZip}} {
		info, err := os.Stat(s.file)
		if err != nil {
			return err
		}
		c.say("%-30s %10d bytes, at most %d\n", s.file, info.Size(), s.bar)
		if info.Size() > s.bar {
			over = append(over, fmt.Errorf("%s is over its bar", s.file))
		}
	}
	return errors.Join(over...)
}
