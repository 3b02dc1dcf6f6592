package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/oss"
	"rds-kernel-upgrade/function/internal/settings"
	"rds-kernel-upgrade/function/internal/state"
)

// printPolicy prints the policy in force, defaults included, as a file that could stand in its place; and as notes what in it is probably
// not meant, and its next windows. What is wrong with the configuration is printed alone. It returns the exit status.
func (f *Function) printPolicy(out, notes io.Writer) int {
	err := f.broken
	if err == nil {
		err = yaml.NewEncoder(out).Encode(f.config.Policy)
	}
	for _, line := range problemLines(err) {
		_, _ = fmt.Fprintln(notes, line)
	}
	if err != nil {
		return 1
	}
	for _, note := range f.config.Policy.Notes(f.now()) {
		_, _ = fmt.Fprintln(notes, "note:", note)
	}
	for _, opening := range f.config.Policy.Openings(f.now()) {
		_, _ = fmt.Fprintln(notes, "next window:", opening)
	}
	return 0
}

// problemLines returns what is wrong with the configuration, one problem a line.
func problemLines(err error) (lines []string) {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, one := range joined.Unwrap() {
			lines = append(lines, problemLines(one)...)
		}
	} else if policy, ok := errors.AsType[settings.Problems](err); ok {
		for _, line := range policy.Lines() {
			lines = append(lines, "policy: "+line)
		}
	} else if err != nil {
		lines = []string{err.Error()}
	}
	return lines
}

// beginState makes the first document, if there is none: the function itself never does, since an empty bucket may also be a wrong one. It is run
// at the deployment, with an operator's own key, and over the public endpoint of OSS unless another one is configured. It returns the exit status.
func (f *Function) beginState(getenv func(string) string, out, notes io.Writer) int {
	store, err := f.beginStore(getenv)
	if err != nil {
		_, _ = fmt.Fprintln(notes, "begin:", err)
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	begun, err := store.Begin(ctx, f.now().UTC().Truncate(time.Second))
	switch {
	case err != nil:
		_, _ = fmt.Fprintln(notes, "begin:", err)
		if fault.From(err).Kind == fault.Denied {
			_, _ = fmt.Fprintln(notes, "begin: it is your own key that needs the rights here: those of deploy/deployer-policy.json")
		}
		return 1
	case begun:
		_, _ = fmt.Fprintf(out, "made the first document: oss://%s/%s\n", f.config.StateBucket, store.Key(1))
	default:
		_, _ = fmt.Fprintf(out, "there is a document in oss://%s/%s: nothing was done\n", f.config.StateBucket, f.config.StatePrefix)
	}
	return 0
}

// beginStore returns the store that the environment names, or what is wrong with that. Of the function's own variables only those about the
// document matter. The key is in the variables of Alibaba Cloud's own tools.
func (f *Function) beginStore(getenv func(string) string) (*state.Store, error) {
	for _, line := range problemLines(f.broken) {
		if strings.HasPrefix(line, "STATE_") || strings.HasPrefix(line, "OSS_ENDPOINT") {
			return nil, errors.New(line)
		}
	}
	region, id, secret := getenv("FC_REGION"), getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"), getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET")
	if region == "" || id == "" || secret == "" {
		return nil, errors.New("want FC_REGION, ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET in the environment, and " +
			"ALIBABA_CLOUD_SECURITY_TOKEN with a temporary key")
	}
	endpoint := f.config.OSSEndpoint
	if endpoint == nil {
		if err := setEndpoint(&endpoint, "https://oss-"+region+".aliyuncs.com"); err != nil {
			return nil, fmt.Errorf("FC_REGION: %w", err)
		}
	}
	token := getenv("ALIBABA_CLOUD_SECURITY_TOKEN")
	objects := oss.New(f.transport, endpoint, region, f.config.StateBucket, invocation.NewCredentials(id, secret, token))
	return state.New(objects, f.config.StatePrefix, "begin", rand.Text), nil
}
