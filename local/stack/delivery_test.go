package stack_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/stack"
)

// requests are the three ways to ask for one upgrade.
func requests() map[string]string {
	later := time.Now().UTC().Add(2 * time.Hour).Format("2006-01-02T15:04:05Z")
	return map[string]string{
		"Immediate":    `{"DBInstanceId":"` + id + `"}`,
		"MaintainTime": `{"DBInstanceId":"` + id + `","UpgradeTime":"MaintainTime"}`,
		"SpecifyTime":  `{"DBInstanceId":"` + id + `","UpgradeTime":"SpecifyTime","SwitchTime":"` + later + `","TargetMinorVersion":"rds_20260228"}`,
	}
}

// far keeps a maintenance window from opening during a test.
func far(i *fakerds.Instance) {
	from := time.Now().UTC().Add(6 * time.Hour)
	i.MaintainTime = fmt.Sprintf("%02d:00Z-%02d:00Z", from.Hour(), (from.Hour()+1)%24)
}

func TestTenDeliveriesOfOneMessageAreOneUpgrade(t *testing.T) {
	t.Parallel()
	for name, request := range requests() {
		for _, together := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, together %v", name, together), func(t *testing.T) {
				t.Parallel()
				c := start(t, setup{policy: quick, instance: far, fc: func(o *fakefc.Options) {
					if together {
						o.Concurrency = 10
					}
				}})
				atATime := 1
				if together {
					atATime = 10
				}
				c.deliverMany(t, topicEvent(request), 10, atATime)
				if all, accepted := c.calls(); all != 1 || accepted != 1 {
					t.Errorf("%d upgrade calls, %d accepted; want 1", all, accepted)
				}
				if ids := c.ids(t, ""); len(ids) != 1 || len(c.notifications(t)) != 10 {
					t.Errorf("ids %v in %s", ids, tags(c.notifications(t)))
				}
				c.noSecrets(t)
			})
		}
	}
}

// deliverMany runs the function several times with an event, so many at a time.
func (c *cloud) deliverMany(t *testing.T, event []byte, times, atATime int) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(atATime)
	for range times {
		g.Go(func() error {
			result, err := c.FC.Invoke(context.Background(), event)
			if err == nil && result.ErrorType != "" {
				err = fmt.Errorf("function error: %s", result.Body)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// TestACrashAtAnyStepIsOneUpgrade kills the process before or after each request that it makes, and delivers the event again.
func TestACrashAtAnyStepIsOneUpgrade(t *testing.T) {
	t.Parallel()
	var tests []subtest
	for name, request := range requests() {
		steps := 6 // look, tags, intent, call, called, publish
		if name == "SpecifyTime" {
			steps++ // the versions on offer
		}
		for step := 1; step <= steps; step++ {
			for _, after := range []bool{false, true} {
				tests = append(tests, subtest{fmt.Sprintf("%s, step %d, after its effect %v", name, step, after), func(t *testing.T) {
					t.Helper()
					crashAt(t, request, step, after)
				}})
			}
		}
	}
	atOnce(t, tests)
}

func crashAt(t *testing.T, request string, step int, after bool) {
	t.Helper()
	k := killer{steps: []int{step}, after: after}
	c := start(t, setup{
		policy: quick, instance: far,
		fc:   func(o *fakefc.Options) { o.MaxAsyncRetries, o.RetryDelay = 4, 500*time.Millisecond },
		wrap: k.wrap,
	})
	event := topicEvent(request)
	if _, err := c.FC.InvokeAsync(stack.RequestTopic, event); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.FC.WaitIdle(ctx); err != nil {
		t.Fatal(err)
	}
	for range 5 { // and MNS delivers it again, too
		c.deliver(t, event)
	}
	if c.FC.Invocations()[0].End != fakefc.Crashed {
		t.Errorf("the process was not killed: %+v", c.FC.Invocations()[0])
	}
	if all, accepted := c.calls(); all != 1 || accepted != 1 {
		t.Errorf("%d upgrade calls, %d accepted; want 1; claim %q", all, accepted, c.claim())
	}
	if ids := c.ids(t, "accepted"); len(ids) != 1 {
		t.Errorf("ids of accepted: %v in %s", ids, tags(c.notifications(t)))
	}
	c.noSecrets(t)
}

// discard lets a handler act and drops its answer.
type discard struct{ http.ResponseWriter }

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
