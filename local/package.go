package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"rds-kernel-upgrade/local/pack"
)

// The bars for what is deployed, in bytes: a cold start downloads, unpacks and maps it.
const (
	maxBinary = 14_000_000
	maxZip    = 5_200_000
)

// packed is where the binary and the package are.
type packed struct{ binary, policy, zip string }

func (p *packed) parse(c console, name string, args []string) error {
	f := c.flags(name)
	f.StringVar(&p.binary, "binary", "target/main", "the built function")
	f.StringVar(&p.policy, "policy", "policy.yaml", "the policy")
	f.StringVar(&p.zip, "zip", "target/rds-kernel-upgrade.zip", "the package")
	return f.Parse(args)
}

// makePackage packs the binary and the policy.
func makePackage(_ context.Context, c console, args []string) error {
	var p packed
	if err := p.parse(c, "package", args); err != nil {
		return err
	}
	var zip bytes.Buffer
	binary, err := os.ReadFile(p.binary)
	policy, err2 := os.ReadFile(p.policy)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	err = pack.Write(&zip, pack.File{Name: pack.Handler, Data: binary}, pack.File{Name: "policy.yaml", Data: policy})
	if err != nil {
		return err
	}
	return os.WriteFile(p.zip, zip.Bytes(), 0o600)
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
