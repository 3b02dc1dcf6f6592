package rds_test

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// A client of the SDK for each of 1,000 calls, good and bad: nothing is left when the transport is closed, at once and not only after
// the 90 seconds of an idle connection. Not parallel: it counts what the process has.
func TestThousandClientsLeaveNothingBehind(t *testing.T) {
	answers := []http.HandlerFunc{
		reply(200, `{"RequestId":"R-1"}`), rig.HangUp(false), reply(500, `{"Code":500}`), reply(502, "<html>"), rig.HangUp(true), reply(200, ""),
		rig.Hang,
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("DBInstanceId"))
		answers[n%len(answers)](w, r)
	})
	pool, limit := transport.New(), pace.New(1e6, time.Now)
	endpoint := endpointOf(t, s.url)
	call := func(n int) {
		client := rds.New(pool, limit, endpoint, invocation.NewCredentials(accessKeyID, secret, token))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if n%len(answers) == len(answers)-1 {
			ctx, cancel = context.WithTimeout(ctx, 3*time.Millisecond)
			defer cancel()
		}
		_, _ = client.Instance(ctx, region, strconv.Itoa(n))
	}
	before := rig.Settled(t, 50*time.Millisecond)
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for n := w; n < 1000; n += 8 {
				call(n)
			}
		})
	}
	workers.Wait()
	pool.Close()
	before.Await(t, 2*time.Second)
}

// The process is frozen between two invocations, and does not see that the server drops its connections meanwhile.
func TestConnectionOfTheLastInvocationIsNotUsed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		closed  bool
		inDoubt bool
	}{
		"the transport is closed at the end of the invocation: the next call succeeds at once": {true, false},
		"without that, the next call is lost on the dead connection":                           {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			known := map[string]bool{}
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				dead := known[r.RemoteAddr]
				known[r.RemoteAddr] = true
				mu.Unlock()
				if dead {
					rig.HangUp(true)(w, r)
					return
				}
				reply(200, `{"RequestId":"R-1"}`)(w, r)
			})
			pool := transport.New()
			defer pool.Close()
			client := rds.New(pool, pace.New(1e6, time.Now), endpointOf(t, s.url), invocation.NewCredentials(accessKeyID, secret, token))
			_, err := client.Upgrade(t.Context(), upgradeOf(), always)
			must(t, err)
			if test.closed {
				pool.Close()
			}
			_, err = client.Upgrade(t.Context(), upgradeOf(), always)
			if got := err != nil && fault.From(err).InDoubt; got != test.inDoubt {
				t.Errorf("in doubt: got %v, want %t", err, test.inDoubt)
			}
			if n := s.seen.Load(); n != 2 {
				t.Errorf("two calls, %d requests", n)
			}
		})
	}
}
