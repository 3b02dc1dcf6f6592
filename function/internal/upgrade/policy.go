package upgrade

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/events"
)

// Policy is what a message may not ask for.
type Policy struct {
	Mode     Mode     `yaml:"mode"`
	Versions Versions `yaml:"versions"`
	Rate     Rate     `yaml:"rate"`
	Verify   Verify   `yaml:"verify"`
}

// Mode says how far a run may go.
type Mode string

// The modes, from the freest to the strictest.
const (
	Apply Mode = "apply" // make the calls
	Plan  Mode = "plan"  // publish what would be done
	Off   Mode = "off"   // the kill switch
)

// Versions limits what may be asked for by name.
type Versions struct {
	Beta bool `yaml:"beta"` // whether a version of release type BETA may be a target
}

// Rate bounds all RDS calls of the process together.
type Rate struct {
	CallsPerSecond float64 `yaml:"callsPerSecond"`
}

// Verify says when to believe that nothing has happened.
type Verify struct {
	First  Duration `yaml:"first"`  // how long a call of unknown outcome must have shown nothing before it is made again
	GiveUp Duration `yaml:"giveUp"` // how long after its due time an accepted upgrade may take to be proven
}

// Duration is Go's, with d for days.
type Duration time.Duration

// UnmarshalText reads "90s", "6h", "14d" or "1d12h".
func (d *Duration) UnmarshalText(text []byte) error {
	days, rest, hasDays := strings.Cut(string(text), "d")
	if !hasDays {
		days, rest = "0", string(text)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	total := time.Duration(n) * 24 * time.Hour
	if err == nil && rest != "" {
		var part time.Duration
		part, err = time.ParseDuration(rest)
		total += part
	}
	if err != nil || total < 0 {
		return fmt.Errorf("%q is not a duration: want a form such as 90s, 5m, 6h or 14d", text)
	}
	*d = Duration(total)
	return nil
}

// MarshalText writes Go's form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// DefaultPolicy holds when there is no policy file.
func DefaultPolicy() Policy {
	return Policy{
		Mode:   Apply,
		Rate:   Rate{CallsPerSecond: 10},
		Verify: Verify{First: Duration(5 * time.Minute), GiveUp: Duration(6 * time.Hour)},
	}
}

// ParsePolicy reads a policy file over the defaults. It is strict: a key that it does not know is a rule that would silently not
// hold.
func ParsePolicy(text []byte) (Policy, error) {
	p := DefaultPolicy()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var wrong *yaml.TypeError
	switch err := decoder.Decode(&p); {
	case errors.As(err, &wrong):
		return p, fmt.Errorf("policy: %s", strings.Join(wrong.Errors, "; "))
	case err != nil && !errors.Is(err, io.EOF):
		return p, fmt.Errorf("policy: %w", err)
	}
	switch {
	case p.Mode != Apply && p.Mode != Plan && p.Mode != Off:
		return p, fmt.Errorf("policy: mode: %q: want apply, plan or off", p.Mode)
	case p.Rate.CallsPerSecond <= 0:
		return p, fmt.Errorf("policy: rate.callsPerSecond: %v: want more than 0", p.Rate.CallsPerSecond)
	case p.Verify.First <= 0 || p.Verify.GiveUp <= 0:
		return p, errors.New("policy: verify: first and giveUp: want more than 0")
	}
	return p, nil
}

// ModeOf gives the stricter of what the policy allows and what the request asks.
func (p Policy) ModeOf(r events.Request) Mode {
	if p.Mode == Apply && r.Mode == events.Plan {
		return Plan
	}
	return p.Mode
}
