package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/stack"
)

// scene is one thing that happens in the demonstration, and what must come of it.
type scene struct {
	title   string
	from    string                    // what sends it: the topic, or the timer's name
	request string                    // the message's body, or the timer's payload
	after   func(s *stack.Stack) bool // what to wait for first
	want    []string                  // the tags of the notifications
	calls   int                       // of UpgradeDBInstanceKernelVersion
	reason  string                    // in the report
}

const timer = "nightly"

var scenes = []scene{
	{
		title: "An operator asks for an upgrade at once.", from: stack.RequestTopic,
		request: `{"DBInstanceId":"rm-bp1orders"}`, want: []string{"accepted"}, calls: 1,
	},
	{
		title: "The operator sends it a second time, to be sure.", from: stack.RequestTopic,
		request: `{"DBInstanceId":"rm-bp1orders"}`, want: []string{"report"}, reason: "already_scheduled",
	},
	{
		title: "The nightly timer asks for one in the maintenance window, of a version by name.", from: timer,
		request: `{"DBInstanceId":"pgm-bp1ledger","UpgradeTime":"MaintainTime","TargetMinorVersion":"rds_postgres_1500_20251130"}`,
		want:    []string{"accepted"}, calls: 1,
	},
	{
		title: "Somebody gets several things wrong.", from: stack.RequestTopic,
		request: `{"DBInstanceID":"rm-bp1orders","UpgradeTime":"immediate","SwitchTime":"tonight"}`, want: []string{"rejected"},
	},
	{
		title: "An instance that needs nothing.", from: stack.RequestTopic,
		request: `{"DBInstanceId":"rm-bp1stock"}`, want: []string{"report"}, reason: "up_to_date",
	},
	{
		title: "The first upgrade has come to its end: the next look at the instance proves it.", from: stack.RequestTopic,
		request: `{"DBInstanceId":"rm-bp1orders"}`, after: upgraded,
		want: []string{"completed", "report"}, reason: "up_to_date",
	},
}

// upgraded tells whether the first upgrade has come to its end.
func upgraded(s *stack.Stack) bool {
	i, _ := s.RDS.Instance("rm-bp1orders")
	return i.DBInstanceStatus == "Running" && i.CurrentKernelVersion == i.LatestKernelVersion
}

// demo plays the scenes in a local cloud of its own, through the built function and signed requests. Its error says how many
// did not end as they should.
func demo(ctx context.Context, c console, args []string) error {
	f := c.flags("demo")
	binary := f.String("binary", "target/main", "the built function")
	if err := f.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var log journal
	s, err := stack.Start(stack.Options{
		Binary: *binary, Now: c.now, Fleet: bytes.NewReader(demoFleet),
		FunctionSetup: func(o *fakefc.Options) { o.Stdout = &log },
	})
	if err != nil {
		return err
	}
	defer s.Close(context.WithoutCancel(ctx))
	c.say("A local cloud: Function Compute %s, RDS %s, MNS %s; the function is %s.\n", s.FCURL, s.RDSURL, s.MNSURL, *binary)
	p := player{stack: s, client: stack.NewClient(s.MNSURL), log: &log, console: c}
	wrong := 0
	for n, scene := range scenes {
		c.say("\n%d. %s\n", n+1, scene.title)
		if err := p.play(ctx, scene); err != nil {
			wrong++
			c.say("   WRONG         %v\n", err)
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d did not end as they should", wrong, len(scenes))
	}
	c.say("\nAll %d ended as they should.\n", len(scenes))
	return nil
}

// player plays scenes.
type player struct {
	stack  *stack.Stack
	client *stack.Client
	log    *journal
	console
}

// play lets one scene happen, tells it, and checks it.
func (p player) play(ctx context.Context, s scene) error {
	if s.after != nil {
		if err := poll(ctx, func() bool { return s.after(p.stack) }); err != nil {
			return err
		}
	}
	calls, invocations := len(p.stack.RDS.Calls()), len(p.stack.FC.Invocations())
	p.log.Reset()
	if err := p.send(s); err != nil {
		return err
	}
	if err := poll(ctx, func() bool { return len(p.stack.FC.Invocations()) > invocations }); err != nil {
		return err
	}
	if err := p.stack.FC.WaitIdle(ctx); err != nil {
		return err
	}
	p.tell("event", fmt.Sprintf("from %s: %s", s.from, s.request))
	for _, line := range p.log.decisions() {
		p.tell("decided", line)
	}
	made := p.calls(calls)
	got, err := p.receive()
	return errors.Join(err, check(s, made, got))
}

func (p player) send(s scene) (err error) {
	if s.from == timer {
		_, err = p.stack.FC.Tick(timer, s.request)
		return err
	}
	_, err = p.client.Request(s.request)
	return err
}

// calls tells the upgrade calls that were made since, and counts them.
func (p player) calls(since int) (made int) {
	for _, call := range p.stack.RDS.Calls()[since:] {
		if call.Action != "UpgradeDBInstanceKernelVersion" {
			continue
		}
		made++
		text := call.Action
		for _, name := range []string{"DBInstanceId", "UpgradeTime", "SwitchTime", "TargetMinorVersion"} {
			if value := call.Params[name]; value != "" {
				text += fmt.Sprintf(" %s=%s", name, value)
			}
		}
		p.tell("RDS call", fmt.Sprintf("%s (signed %s) → %d %s", text, call.Signer, call.Status, p.log.answer()))
	}
	if made == 0 {
		p.tell("RDS call", "no UpgradeDBInstanceKernelVersion")
	}
	return made
}

// receive takes the notifications out of the queue that is subscribed to the results.
func (p player) receive() (got []message, err error) {
	for {
		body, ok, err := p.client.Receive()
		if err != nil || !ok {
			return got, err
		}
		m, err := readMessage(body)
		if err != nil {
			return got, err
		}
		p.tell("notification", m.String())
		got = append(got, m)
	}
}

func (p player) tell(what, text string) { p.say("   %-13s %s\n", what, text) }

// check compares what came of a scene with what had to come of it.
func check(s scene, calls int, got []message) error {
	var tags []string
	reason := ""
	for _, m := range got {
		tags = append(tags, m.tag())
		reason = m.Data.Reason
	}
	switch {
	case calls != s.calls:
		return fmt.Errorf("%d upgrade calls: want %d", calls, s.calls)
	case !slices.Equal(tags, s.want):
		return fmt.Errorf("notifications [%s]: want [%s]", strings.Join(tags, " "), strings.Join(s.want, " "))
	case reason != s.reason:
		return fmt.Errorf("reason %q: want %q", reason, s.reason)
	}
	return nil
}

// poll waits for something that happens in the background.
func poll(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("it did not happen in time: %w", ctx.Err())
		}
	}
	return nil
}
