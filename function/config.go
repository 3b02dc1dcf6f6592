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
	ResultTopic string
	StateBucket string // where the document lies
	StatePrefix string // with which all of its keys begin
	RDSEndpoint *transport.Endpoint
	MNSEndpoint *transport.Endpoint
	OSSEndpoint *transport.Endpoint
	Policy      policy.Policy
	LogLevel    slog.Level

	codeDir string
	mode    policy.Mode // the environment's; empty: it says nothing
}

// variables is the whole environment of the function. A variable that is not set keeps the default that its field has.
var variables = []struct {
	name     string
	required bool
	set      func(c *Config, value string) error
}{
	{"RESULT_TOPIC", true, func(c *Config, v string) error { return setForm(&c.ResultTopic, v, resourceName, wantTopic) }},
	{"STATE_BUCKET", true, func(c *Config, v string) error { return setForm(&c.StateBucket, v, bucketName, wantBucket) }},
	{"STATE_PREFIX", false, func(c *Config, v string) error { return setForm(&c.StatePrefix, v, statePrefix, wantPrefix) }},
	{"RDS_ENDPOINT", false, func(c *Config, v string) error { return setEndpoint(&c.RDSEndpoint, v) }},
	{"MNS_ENDPOINT", false, func(c *Config, v string) error { return setEndpoint(&c.MNSEndpoint, v) }},
	{"OSS_ENDPOINT", false, func(c *Config, v string) error { return setEndpoint(&c.OSSEndpoint, v) }},
	{"MODE", false, func(c *Config, v string) error { return setMode(&c.mode, v) }},
	{"POLICY_FILE", false, func(c *Config, v string) error { return c.readPolicy(v) }},
	{"LOG_LEVEL", false, func(c *Config, v string) error { return c.LogLevel.UnmarshalText([]byte(v)) }},
	{"DEBUG", false, func(_ *Config, v string) error { return refuseDebug(v) }},
}

// LoadConfig reads the environment. All that is wrong comes in one error; what is right is in the Config all the same, so that the
// error can be published where the topic is known. codeDir is where policy.yaml lies beside the binary.
func LoadConfig(getenv func(string) string, codeDir string) (Config, error) {
	c := Config{Policy: policy.Default(), StatePrefix: "rds-kernel-upgrade", codeDir: codeDir}
	var errs []error
	// policy.yaml beside the binary is read unless another file is named. Its absence means the safe defaults; the absence of a named one is an error.
	if getenv("POLICY_FILE") == "" {
		if err := c.readPolicy(filepath.Join(codeDir, "policy.yaml")); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
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

// The forms of names. The MNS SDK panics on an empty topic, and puts any other into the request's path.
const (
	resourceName = `^[A-Za-z0-9][A-Za-z0-9-]{0,119}$`
	bucketName   = `^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`
	statePrefix  = `^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$`
	wantTopic    = "the name of a topic: letters, digits and hyphens, up to 120"
	wantBucket   = "the name of a bucket: lower-case letters, digits and hyphens, 3 to 63"
	wantPrefix   = "what keys begin with, up to 200 letters, digits, hyphens and underscores, with single slashes between them"
	maxPrefix    = 200
)

func setForm(field *string, value, form, want string) error {
	if fits, _ := regexp.MatchString(form, value); !fits || len(value) > maxPrefix {
		return fmt.Errorf("%.300q: want %s", value, want)
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
