package rds_test

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

func TestAsManyTagsAsAListingTakesAreSent(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	_, err := c.client(t).Fleet(t.Context(), region, fleet.Filter{Tags: map[string]string{"a": "", "b": "", "c": "", "d": "", "e": ""}})
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

// accepted answers every call as the API answers an upgrade, and counts them.
type accepted struct{ calls atomic.Int64 }

func (a *accepted) RoundTrip(r *http.Request) (*http.Response, error) {
	a.calls.Add(1)
	return rig.Canned{Status: http.StatusOK, Body: `{"RequestId":"R","TaskId":"1"}`}.RoundTrip(r)
}

func (*accepted) CloseIdleConnections() {}

// An upgrade asks whether it still may when it has waited for the rate limit, and goes alone, however much was saved up for reads.
func TestAnUpgradeAsksWhenItsTurnHasCome(t *testing.T) {
	t.Parallel()
	halted := errors.New("halted")
	for name, c := range map[string]struct {
		halt  time.Duration // after the beginning
		calls int64
		err   error
		took  time.Duration
	}{
		"it still may":                       {time.Hour, 2, nil, 100 * time.Millisecond},
		"it may no more, since it waited":    {50 * time.Millisecond, 1, halted, 100 * time.Millisecond},
		"it might not from the beginning on": {0, 1, halted, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var pool accepted
				client := rds.New(transport.Over(&pool), pace.New(10, time.Now), nil, invocation.NewCredentials(accessKeyID, secret, token))
				if _, err := client.Upgrade(t.Context(), upgradeOf(), always); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				got, err := client.Upgrade(t.Context(), upgradeOf(), func() error {
					if time.Since(start) >= c.halt {
						return halted
					}
					return nil
				})
				if err != c.err || (got.TaskID == "1") != (c.err == nil) { //nolint:errorlint // it must be the very error
					t.Errorf("got %+v, %v; want %v", got, err, c.err)
				}
				if took := time.Since(start); took != c.took || pool.calls.Load() != c.calls {
					t.Errorf("%d calls after %s, want %d after %s", pool.calls.Load(), took, c.calls, c.took)
				}
				if _, err := client.Tags(t.Context(), region, []string{"rm-1"}); err != nil || time.Since(start) != c.took {
					t.Errorf("%v: a call of another kind began after %s: it waits for what was saved up only", err, time.Since(start))
				}
				time.Sleep(time.Minute) // until the SDK's transport has ended its own goroutines
			})
		})
	}
}
