package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/oss"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/transport"
)

// credentialVariables are those of Alibaba Cloud's own tools.
var credentialVariables = [3]string{"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"}

// beginTime is how long it may take to make the first document.
const beginTime = time.Minute

// beginState makes the first document, if there is none: the function itself never does, since an empty bucket may also be a wrong one. It is run
// at the deployment, with an operator's own key, and over the public endpoint of OSS unless another one is configured. It returns the exit status.
func (f *Function) beginState(getenv func(string) string, out, notes io.Writer) int {
	store, err := f.beginStore(getenv)
	if err != nil {
		_, _ = fmt.Fprintln(notes, "begin:", err)
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), beginTime)
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
// document matter.
func (f *Function) beginStore(getenv func(string) string) (*state.Store, error) {
	for _, line := range problemLines(f.broken) {
		if strings.HasPrefix(line, "STATE_") || strings.HasPrefix(line, "OSS_ENDPOINT") {
			return nil, errors.New(line)
		}
	}
	region, key := getenv("FC_REGION"), [3]string{}
	for n, name := range credentialVariables {
		key[n] = getenv(name)
	}
	if region == "" || key[0] == "" || key[1] == "" {
		return nil, fmt.Errorf("want FC_REGION, %s and %s in the environment, and %s with a temporary key", credentialVariables[0], credentialVariables[1], credentialVariables[2])
	}
	endpoint := f.config.OSSEndpoint
	if endpoint == nil {
		public, err := transport.ParseEndpoint("https://oss-" + region + ".aliyuncs.com")
		if err != nil {
			return nil, fmt.Errorf("FC_REGION: %w", err)
		}
		endpoint = &public
	}
	objects := oss.New(f.transport, endpoint, region, f.config.StateBucket, invocation.NewCredentials(key[0], key[1], key[2]))
	return state.New(objects, f.config.StatePrefix, "begin", rand.Text), nil
}
