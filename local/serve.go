package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/fleet"
	"rds-kernel-upgrade/local/stack"
)

// demoFleet is the fleet when none is given.
//
//go:embed fleet.json
var demoFleet []byte

// repeated is a flag that may stand several times.
type repeated []string

func (r *repeated) String() string { return strings.Join(*r, ",") }

// Set adds a value.
func (r *repeated) Set(value string) error {
	*r = append(*r, value)
	return nil
}

// serving is what the flags of serve say.
type serving struct {
	stack.Options
	fleet, format, payload string
	latency                time.Duration
	tick, every            time.Duration
	faults                 repeated
}

func (o *serving) parse(c console, args []string) error {
	f := c.flags("serve")
	f.StringVar(&o.Binary, "binary", "target/main", "the built function")
	f.StringVar(&o.FC, "fc", stack.FCAddress, "address of Function Compute")
	f.StringVar(&o.RDS, "rds", stack.RDSAddress, "address of RDS")
	f.StringVar(&o.MNS, "mns", stack.MNSAddress, "address of MNS")
	f.StringVar(&o.OSS, "oss", stack.OSSAddress, "address of OSS")
	f.StringVar(&o.fleet, "fleet", "", "file with the RDS instances, or gen:N or gen:N:SEED for a generated fleet of N, the same for the same text (default: a small fleet of its own)")
	f.StringVar(&o.format, "format", string(fakefc.JSON), "how a topic's message reaches the function: JSON or STREAM")
	f.DurationVar(&o.latency, "latency", 0, "how late every answer of RDS, MNS and OSS comes")
	f.Var(&o.faults, "fault", "SERVICE:ACTION=KIND[:N], such as rds:UpgradeDBInstanceKernelVersion=reset-after:1, or rds:*=quota:20 for 20 calls a second; may be repeated, ACTION * is every one")
	f.DurationVar(&o.tick, "tick-every", time.Second, "period of the timer "+stack.TickTimer+", which continues the rollouts (0: it ticks at a POST to /_local/tick/"+stack.TickTimer+" only)")
	f.DurationVar(&o.every, "every", 0, "period of the timer "+timer+" (default: it ticks at a POST to /_local/tick/"+timer+" only)")
	f.StringVar(&o.payload, "payload", "", "the payload of the timer "+timer+": a request")
	if err := f.Parse(args); err != nil {
		return err
	}
	o.TopicFormat = fakefc.TopicFormat(o.format)
	if o.TopicFormat != fakefc.JSON && o.TopicFormat != fakefc.STREAM {
		return fmt.Errorf("--format %q: want JSON or STREAM", o.format)
	}
	if o.latency > 0 {
		for _, service := range []string{"rds", "mns", "oss"} {
			o.faults = append(o.faults, fmt.Sprintf("%s:*=latency:%s", service, o.latency))
		}
	}
	o.Timers = []stack.Timer{stack.TickEvery(o.tick), {Name: timer, Every: o.every, Payload: o.payload}}
	var err error
	o.Fleet, err = readFleet(o.fleet)
	return err
}

// serve runs the local cloud on the fixed ports.
func serve(ctx context.Context, c console, args []string) error {
	o := serving{Options: stack.Options{Now: c.now, FunctionSetup: func(o *fakefc.Options) { o.Stdout = c.out }}}
	if err := o.parse(c, args); err != nil {
		return err
	}
	s, err := stack.Start(o.Options)
	if err != nil {
		return err
	}
	defer s.Close(context.WithoutCancel(ctx))
	if err := trouble(s, o.faults); err != nil {
		return err
	}
	greet(c.out, s, o.Timers)
	<-ctx.Done()
	return nil
}

// readFleet gives the fleet that the flag names: its own, one that is generated, or a file's.
func readFleet(name string) (io.Reader, error) {
	switch {
	case name == "":
		return bytes.NewReader(demoFleet), nil
	case fleet.Described(name):
		spec, err := fleet.Parse(name)
		if err != nil {
			return nil, err
		}
		return bytes.NewReader(spec.File()), nil
	}
	text, err := os.ReadFile(name) //nolint:gosec // the user names the file
	return bytes.NewReader(text), err
}

// trouble puts the faults of the flags in force.
func trouble(s *stack.Stack, texts []string) error {
	sets := map[string]*faults.Set{"rds": s.RDS.Faults(), "mns": s.MNS.Faults(), "oss": s.OSS.Faults()}
	var problems []error
	for _, text := range texts {
		service, rest, _ := strings.Cut(text, ":")
		fault, err := faults.Parse(rest)
		switch {
		case sets[service] == nil:
			problems = append(problems, fmt.Errorf("--fault %q: want rds:ACTION=KIND[:N], mns:ACTION=KIND[:N] or oss:ACTION=KIND[:N]", text))
		case err != nil:
			problems = append(problems, err)
		default:
			sets[service].Add(fault)
		}
	}
	return errors.Join(problems...)
}

// greet says what a client needs to know.
func greet(out io.Writer, s *stack.Stack, timers []stack.Timer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer func() { _ = w.Flush() }()
	lines := [][2]string{
		{"Function Compute", s.FCURL + "  POST /2023-03-30/functions/" + stack.Function + "/invocations"},
		{"RDS", s.RDSURL + "  API 2014-08-15; instances: /_local/instances"},
		{"MNS", s.MNSURL + "  topics " + stack.RequestTopic + ", " + stack.ResultTopic + "; queue " + stack.Inbox},
		{"OSS", s.OSSURL + "  bucket " + stack.StateBucket + "; objects: /_local/objects"},
		{"state", "oss://" + stack.StateBucket + "/" + stack.StatePrefix + "/state/000000000001.json and the numbers after it; " + s.ObjectURL(stack.StatePrefix+"/state/000000000001.json")},
		{"account, region", stack.Account + ", " + stack.Region},
		{"access key", stack.AccessKeyID + " / " + stack.Secret},
		{"faults", "POST ACTION=KIND[:N] to /_local/faults of RDS, MNS or OSS; GET lists, DELETE clears them"},
		{"calls", "GET /_local/calls of RDS, MNS or OSS, /_local/invocations of Function Compute"},
	}
	for _, t := range timers {
		lines = append(lines, [2]string{"timer " + t.Name, tells(t)})
	}
	for _, line := range append(lines, [2]string{"ready", "until Ctrl-C"}) {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
	}
}

// tells says when a timer ticks.
func tells(t stack.Timer) string {
	text := "ticks at a POST to /_local/tick/" + t.Name + " of Function Compute"
	if t.Every > 0 {
		text += fmt.Sprintf(", and every %s", t.Every)
	}
	return text
}
