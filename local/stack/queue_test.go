package stack_test

import (
	"slices"
	"testing"
	"time"

	ali_mns "github.com/aliyun/aliyun-mns-go-sdk"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/stack"
)

// deleteFollowUps does what an operator may do by mistake.
func (c *cloud) deleteFollowUps(t *testing.T) {
	t.Helper()
	client := ali_mns.NewAliMNSClientWithConfig(ali_mns.AliMNSClientConfig{
		EndPoint: c.MNSURL + "/.", AccessKeyId: stack.AccessKeyID, AccessKeySecret: stack.Secret, TimeoutSecond: 10,
	})
	if err := ali_mns.NewMNSQueueManager(client).DeleteQueue(stack.FollowUps); err != nil {
		t.Fatal(err)
	}
}

// createFollowUps is how it is mended.
func (c *cloud) createFollowUps(t *testing.T, s setup) {
	t.Helper()
	if err := c.MNS.CreateQueue(stack.FollowUps, s.queue); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutItsQueueARolloutDoesNotBegin(t *testing.T) {
	t.Parallel()
	s := rolling(members(three...)...)
	s.fc = func(o *fakefc.Options) { o.MaxAsyncRetries, o.RetryDelay = 8, time.Second }
	c := start(t, s)
	c.deleteFollowUps(t)
	c.request(t, sweeping)
	failed := func(i fakefc.Invocation) bool { return i.ErrorType != "" }
	until(t, "the request fails", func() bool { return slices.ContainsFunc(c.FC.Invocations(), failed) })
	if len(c.RDS.CallsOf(upgradeCall)) != 0 || len(c.RDS.CallsOf("TagResources")) != 0 || len(c.notifications(t)) != 0 {
		t.Errorf("something was begun: %+v", c.RDS.Calls())
	}
	c.createFollowUps(t, s)
	c.play(t) // Function Compute tries again
	c.upgradedOnce(t, three...)
	c.wantAccounts(t, all("completed", three...))
	c.clean(t)
	c.explain(t)
}

func TestARolloutWhoseQueueIsDeletedIsFinishedByTheSameRequest(t *testing.T) {
	t.Parallel()
	s := rolling(members(three...)...)
	c := start(t, s)
	c.request(t, sweeping)
	c.idle(t)
	c.deleteFollowUps(t)
	c.tick(t)
	c.idle(t)
	if lost := c.FC.Dropped(); len(lost) != 1 || lost[0].Trigger != stack.FollowUpsTimer {
		t.Errorf("the timer's events that failed: %+v", lost)
	}
	if got := tags(c.notifications(t)); got != "accepted" {
		t.Errorf("got %s", got)
	}
	c.createFollowUps(t, s)
	c.request(t, sweeping)
	c.play(t)
	c.upgradedOnce(t, three...)
	c.clean(t)
	c.explain(t)
}
