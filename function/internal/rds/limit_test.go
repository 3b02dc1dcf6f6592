package rds_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/function/internal/upgrade"
)

func TestAsManyTagsAsAListingTakesAreSent(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	_, err := c.client(t).Fleet(t.Context(), region, upgrade.Filter{Tags: map[string]string{"a": "", "b": "", "c": "", "d": "", "e": ""}})
	must(t, err)
	if n := len(c.Calls()); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

// silence is a pool that never answers. It ends a request as net/http's does.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-r.Context().Done():
	case <-r.Cancel: //nolint:staticcheck // the SDK's timeout comes this way
	}
	return nil, errors.New("no answer")
}

func (silence) CloseIdleConnections() {}

// What the SDK calls a timeout must come after the transport's: it would be told as the SDK's own error.
func TestACallEndsWithTheTransportsTimeoutAndNotTheSDKs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := rds.New(transport.Over(silence{}), pace.New(1e6, time.Now), nil, invocation.NewCredentials(accessKeyID, secret, token))
		begin := time.Now()
		_, err := client.Instance(t.Context(), region, "rm-1")
		if took := time.Since(begin); err == nil || took != transport.CallTimeout {
			t.Errorf("it took %s, want %s: %v", took, transport.CallTimeout, err)
		}
	})
}
