package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/transport"
)

// Config is what the environment says. A nil endpoint means the region's own.
type Config struct {
	ResultTopic   string
	FollowUpQueue string // empty: nothing can be remembered, and a request is one wave
	RDSEndpoint   *transport.Endpoint
	MNSEndpoint   *transport.Endpoint
	Policy        policy.Policy
	LogLevel      slog.Level

	codeDir string
	mode    policy.Mode // the environment's; empty: it says nothing
}

// variables is the whole environment of the function. A variable that is not set keeps the default that its field has.
var variables = []struct {
	name     string
	required bool
	set      func(c *Config, value string) error
}{
	{"RESULT_TOPIC", true, func(c *Config, v string) error { return setName(&c.ResultTopic, "a topic's", v) }},
	{"FOLLOWUP_QUEUE", false, func(c *Config, v string) error { return setName(&c.FollowUpQueue, "a queue's", v) }},
	{"RDS_ENDPOINT", false, func(c *Config, v string) error { return setEndpoint(&c.RDSEndpoint, v) }},
	{"MNS_ENDPOINT", false, func(c *Config, v string) error { return setEndpoint(&c.MNSEndpoint, v) }},
	{"MODE", false, func(c *Config, v string) error { return setMode(&c.mode, v) }},
	{"POLICY_FILE", false, func(c *Config, v string) error { return c.readPolicy(v) }},
	{"LOG_LEVEL", false, func(c *Config, v string) error { return c.LogLevel.UnmarshalText([]byte(v)) }},
	{"DEBUG", false, func(_ *Config, v string) error { return refuseDebug(v) }},
}

// LoadConfig reads the environment. All that is wrong comes in one error; what is right is in the Config all the same, so that the
// error can be published where the topic is known. codeDir is where policy.yaml lies beside the binary.
func LoadConfig(getenv func(string) string, codeDir string) (Config, error) {
	c := Config{Policy: policy.Default(), codeDir: codeDir}
	errs := []error{c.readDefaultPolicy(getenv("POLICY_FILE"))}
	for _, v := range variables {
		value := getenv(v.name)
		switch {
		case value == "" && v.required:
			errs = append(errs, fmt.Errorf("%s is not set: set it in the function's environment variables (s.yaml)", v.name))
		case value != "":
			if err := v.set(&c, value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", v.name, err))
			}
		}
	}
	c.Policy.Mode = policy.Stricter(c.Policy.Mode, c.mode) // one change in the console stops everything
	return c, errors.Join(errs...)
}

func setMode(field *policy.Mode, value string) error {
	if !slices.Contains(policy.Modes(), policy.Mode(value)) {
		return fmt.Errorf("%q: want apply, plan or off", value)
	}
	*field = policy.Mode(value)
	return nil
}

// resourceName is MNS's rule for names, but for their length. The SDK panics on an empty one and puts any other into the request's path.
var resourceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

const maxResourceName = 120

func setName(field *string, whose, value string) error {
	if len(value) > maxResourceName || !resourceName.MatchString(value) {
		return fmt.Errorf("%q is not %s name: want letters, digits and hyphens, up to %d", value, whose, maxResourceName)
	}
	*field = value
	return nil
}

func setEndpoint(field **transport.Endpoint, value string) error {
	endpoint, err := transport.ParseEndpoint(value)
	if err == nil {
		*field = &endpoint
	}
	return err
}

func (c *Config) readPolicy(file string) error {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	c.Policy, err = policy.Parse(text, c.zone)
	return err
}

// readDefaultPolicy reads policy.yaml beside the binary, unless another file is named. Its absence means the safe
// defaults; the absence of a named one is an error.
func (c *Config) readDefaultPolicy(named string) error {
	if named != "" {
		return nil
	}
	err := c.readPolicy(filepath.Join(c.codeDir, "policy.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// zone finds a time zone: among those that were packed beside the binary, or else the system's. Nobody documents whether the runtime
// has any.
func (c *Config) zone(name string) (*time.Location, error) {
	if !filepath.IsLocal(name) {
		return nil, errors.New("no name of a time zone")
	}
	data, err := os.ReadFile(filepath.Join(c.codeDir, "zoneinfo", name)) //nolint:gosec // the name is local, and the operator's
	if err != nil {
		return time.LoadLocation(name)
	}
	return time.LoadLocationFromTZData(name, data)
}

// refuseDebug keeps the SDKs' own debugging off: with it they print whole requests, security token included.
func refuseDebug(value string) error {
	for part := range strings.SplitSeq(value, ",") {
		switch part {
		case "sdk", "tea", "credential", "signer":
			return fmt.Errorf("%q prints the credentials: unset it", part)
		}
	}
	return nil
}
