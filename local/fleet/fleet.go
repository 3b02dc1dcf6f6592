// Package fleet makes fleets of any size for the local cloud, as files that fakerds loads:
//
//	gen:10000      ten thousand instances
//	gen:10000:7    as many others
//
// The same text gives the same fleet, byte for byte, on every machine and every day. A generated fleet is like that of a company: MySQL,
// PostgreSQL and a few that the upgrade call does not take; primaries and their read-only instances; most of them Running and opted in,
// many up to date, the others behind by one version or by several; and among the versions some that have expired, were taken offline or
// are still a beta.
//
// It decides nothing about upgrades, and it knows no function: what a fleet comes to is for those to say who are tested with it.
package fleet

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"rds-kernel-upgrade/local/fakerds"
)

// prefix begins a text that describes a fleet, and is no file's name.
const prefix = "gen:"

// most is more than any region has; what is beyond it is a slip of the hand.
const most = 100_000

// Spec says which fleet to make.
type Spec struct {
	Size   int
	Seed   uint64
	Region string // of all instances; several regions if empty
}

// Described tells whether a text describes a fleet, rightly or wrongly.
func Described(text string) bool { return strings.HasPrefix(text, prefix) }

// Parse reads gen:N or gen:N:SEED. The seed is 1 when none is given.
func Parse(text string) (Spec, error) {
	rest, described := strings.CutPrefix(text, prefix)
	number, seed, seeded := strings.Cut(rest, ":")
	size, err := strconv.Atoi(number)
	if !described || err != nil || size < 1 || size > most {
		return Spec{}, fmt.Errorf("fleet %q: want gen:N or gen:N:SEED with N from 1 to %d, such as gen:10000", text, most)
	}
	s := Spec{Size: size, Seed: 1}
	if seeded {
		if s.Seed, err = strconv.ParseUint(seed, 10, 64); err != nil {
			return Spec{}, fmt.Errorf("fleet %q: the seed %q is not a whole number from 0 on", text, seed)
		}
	}
	return s, nil
}

// File gives the fleet as fakerds.Load reads it.
func (s Spec) File() []byte {
	text, err := json.Marshal(struct {
		Instances []fakerds.Instance    `json:"instances"`
		Versions  []fakerds.MiniVersion `json:"versions"`
	}{s.Instances(), versions()})
	if err != nil {
		panic(fmt.Sprintf("a fleet always encodes: %v", err))
	}
	return text
}

// Instances gives the fleet. A read-only instance stands behind its primary.
func (s Spec) Instances() []fakerds.Instance {
	d := &draw{
		Rand: rand.New(rand.NewPCG(s.Seed, 0)), //nolint:gosec // the same fleet again is the purpose
		ids:  map[string]bool{}, lines: lines(), region: s.Region,
	}
	all := make([]fakerds.Instance, 0, s.Size)
	for len(all) < s.Size {
		primary := d.primary(len(all))
		all = append(all, primary)
		for range min(d.replicas(primary), s.Size-len(all)) {
			all = append(all, d.replica(primary, len(all)))
		}
	}
	return all
}
