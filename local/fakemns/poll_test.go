package fakemns_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/local/fakemns"
)

// poll receives in the background and gives the answer with the time that it took.
func poll(t *testing.T, c *cloud, target string, changes ...change) <-chan timed {
	t.Helper()
	done := make(chan timed, 1)
	r := c.request(t, "GET", target, "", changes...)
	go func() {
		begin := time.Now()
		got := c.send(t, r)
		done <- timed{got, time.Since(begin)}
	}()
	synctest.Wait()
	return done
}

type timed struct {
	reply
	took time.Duration
}

func TestLongPoll(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		target string
		before func(t *testing.T, c *cloud)
		during func(t *testing.T, c *cloud)
		took   time.Duration
		status int
		body   string
	}{
		{
			name: "with nothing there it waits its time", target: inbox + "?waitseconds=30",
			took: 30 * time.Second, status: 404,
		},
		{
			name: "with waitseconds 0 it does not wait", target: inbox + "?waitseconds=0", status: 404,
		},
		{
			name: "with something there it does not wait", target: inbox + "?waitseconds=30",
			before: func(t *testing.T, c *cloud) { t.Helper(); c.ask(t, "POST", inbox, message("x")) },
			status: 200, body: "x",
		},
		{
			name: "an arrival ends it", target: inbox + "?waitseconds=30",
			during: func(t *testing.T, c *cloud) {
				t.Helper()
				time.Sleep(7 * time.Second)
				c.ask(t, "POST", inbox, message("x"))
			},
			took: 7 * time.Second, status: 200, body: "x",
		},
		{
			name: "a delayed message that falls due ends it", target: inbox + "?waitseconds=30",
			before: func(t *testing.T, c *cloud) {
				t.Helper()
				c.ask(t, "POST", inbox, message("later", "<DelaySeconds>20</DelaySeconds>"))
				c.ask(t, "POST", inbox, message("x", "<DelaySeconds>12</DelaySeconds>"))
				c.ask(t, "POST", inbox, message("later", "<DelaySeconds>25</DelaySeconds>"))
			},
			took: 12 * time.Second, status: 200, body: "x",
		},
		{
			name: "a received message that comes back ends it", target: inbox + "?waitseconds=30",
			before: func(t *testing.T, c *cloud) {
				t.Helper()
				c.ask(t, "POST", inbox, message("x"))
				c.ask(t, "GET", inbox, "")
				time.Sleep(11 * time.Second)
			},
			took: 19 * time.Second, status: 200, body: "x",
		},
		{
			name: "a message whose timeout is shortened meanwhile ends it", target: inbox + "?waitseconds=20",
			before: func(t *testing.T, c *cloud) {
				t.Helper()
				c.ask(t, "POST", inbox, message("x", "<DelaySeconds>600</DelaySeconds>"))
			},
			during: func(t *testing.T, c *cloud) {
				t.Helper()
				handle := c.ask(t, "POST", inbox, message("y", "<DelaySeconds>600</DelaySeconds>")).text("ReceiptHandle")
				synctest.Wait() // the arrival has been noticed, and found not to be due
				c.ask(t, "PUT", inbox+"?ReceiptHandle="+handle+"&VisibilityTimeout=3", "")
			},
			took: 3 * time.Second, status: 200, body: "y",
		},
		{
			name: "a batch is answered with the first arrival", target: inbox + "?numOfMessages=16&waitseconds=30",
			during: func(t *testing.T, c *cloud) {
				t.Helper()
				time.Sleep(time.Second)
				c.ask(t, "POST", inbox, "<Messages>"+message("x")+message("y")+"</Messages>")
			},
			took: time.Second, status: 200, body: "x|y",
		},
		{
			name: "without waitseconds the queue says how long", target: "/queues/patient/messages",
			took: 9 * time.Second, status: 404,
		},
		{
			name: "waitseconds beats the queue", target: "/queues/patient/messages?waitseconds=2",
			took: 2 * time.Second, status: 404,
		},
		{
			name: "the end of the queue ends it", target: inbox + "?waitseconds=30",
			during: func(t *testing.T, c *cloud) {
				t.Helper()
				time.Sleep(time.Second)
				c.ask(t, "DELETE", "/queues/inbox", "")
			},
			took: time.Second, status: 404,
		},
		{
			name: "Close ends it", target: inbox + "?waitseconds=30",
			during: func(_ *testing.T, c *cloud) { time.Sleep(time.Second); c.Close() },
			took:   time.Second, status: 404,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := startInBubble(t)
				must(t, c.CreateQueue("patient", func(a *fakemns.QueueAttributes) { a.PollingWaitSeconds = 9 }))
				if tc.before != nil {
					tc.before(t, c)
				}
				done := poll(t, c, tc.target)
				if tc.during != nil {
					tc.during(t, c)
				}
				got := <-done
				if got.status != tc.status || got.took != tc.took || got.text("MessageBody")+got.text("Message/MessageBody") != tc.body {
					t.Fatalf("got %d after %s, want %d after %s\n%s", got.status, got.took, tc.status, tc.took, got.body)
				}
			})
		})
	}
}

func TestOneMessageWakesManyReceiversAndGoesToOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(t)
		a, b := poll(t, c, inbox+"?waitseconds=5"), poll(t, c, inbox+"?waitseconds=5")
		c.ask(t, "POST", inbox, message("x"))
		first, second := <-a, <-b
		if first.status+second.status != 604 {
			t.Fatalf("got %d and %d, want one 200 and one 404", first.status, second.status)
		}
	})
}

// leaving is the context of a client that leaves at the very moment at which something else wakes its poll.
type leaving struct{ context.Context }

func (leaving) Done() <-chan struct{} { return nil }
func (leaving) Err() error            { return context.Canceled }

func TestReceiverThatHasGoneTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(t)
		r := c.request(t, "GET", inbox+"?waitseconds=30", "").WithContext(leaving{t.Context()})
		done := make(chan reply)
		go func() { done <- c.send(t, r) }()
		synctest.Wait()
		c.ask(t, "POST", inbox, message("x"))
		<-done
		if all := c.Messages("inbox"); len(all) != 1 || all[0].DequeueCount != 0 {
			t.Fatalf("a message went to nobody: %+v", all)
		}
	})
}

func TestReceiverThatGoesIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(t)
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		begin := time.Now()
		c.send(t, c.request(t, "GET", inbox+"?waitseconds=30", "").WithContext(ctx))
		if took := time.Since(begin); took != time.Second {
			t.Fatalf("the server waited %s for a client that left after a second", took)
		}
	})
}
