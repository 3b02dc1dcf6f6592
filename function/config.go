package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// Config is what the environment says. A nil endpoint means the region's own.
type Config struct {
	ResultTopic string
	RDSEndpoint *transport.Endpoint
	MNSEndpoint *transport.Endpoint
	Policy      upgrade.Policy
	LogLevel    slog.Level
}

// variables is the whole environment of the function. A variable that is not set keeps the default that its field has.
var variables = []struct {
	name     string
	required bool
	set      func(c *Config, value string) error
}{
	{"RESULT_TOPIC", true, func(c *Config, v string) error { return setTopic(&c.ResultTopic, v) }},
	{"RDS_ENDPOINT", false, func(c *Config, v string) error { return setEndpoint(&c.RDSEndpoint, v) }},
	{"MNS_ENDPOINT", false, func(c *Config, v string) error { return setEndpoint(&c.MNSEndpoint, v) }},
	{"POLICY_FILE", false, func(c *Config, v string) error { return readPolicy(&c.Policy, v) }},
	{"LOG_LEVEL", false, func(c *Config, v string) error { return c.LogLevel.UnmarshalText([]byte(v)) }},
	{"DEBUG", false, func(_ *Config, v string) error { return refuseDebug(v) }},
}

// LoadConfig reads the environment. All that is wrong comes in one error; what is right is in the Config all the same, so that the
// error can be published where the topic is known. codeDir is where policy.yaml lies beside the binary.
func LoadConfig(getenv func(string) string, codeDir string) (Config, error) {
	c := Config{Policy: upgrade.DefaultPolicy()}
	errs := []error{readDefaultPolicy(&c.Policy, codeDir, getenv("POLICY_FILE"))}
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
	return c, errors.Join(errs...)
}

// topicName is MNS's rule for names, but for their length. The SDK panics on an empty one and puts any other into the request's path.
var topicName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

const maxTopicName = 120

func setTopic(field *string, value string) error {
	if len(value) > maxTopicName || !topicName.MatchString(value) {
		return fmt.Errorf("%q is not a topic's name: want letters, digits and hyphens, up to 120", value)
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

func readPolicy(p *upgrade.Policy, file string) error {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	*p, err = upgrade.ParsePolicy(text)
	return err
}

// readDefaultPolicy reads policy.yaml beside the binary, unless another file is named. Its absence means the safe
// defaults; the absence of a named one is an error.
func readDefaultPolicy(p *upgrade.Policy, codeDir, named string) error {
	if named != "" {
		return nil
	}
	err := readPolicy(p, filepath.Join(codeDir, "policy.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
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
