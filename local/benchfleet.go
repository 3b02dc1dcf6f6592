package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// unlimited is a rate that no run comes near.
const unlimited = 1e9

// fleetBench is what the flags of bench-fleet say.
type fleetBench struct {
	binary   string
	sizes    []int
	latency  time.Duration
	rate     float64
	rollout  int
	markdown bool
}

func (b *fleetBench) parse(c console, args []string) error {
	f := c.flags("bench-fleet")
	f.StringVar(&b.binary, "binary", "target/main", "the built function")
	f.DurationVar(&b.latency, "latency", 50*time.Millisecond, "how late every answer of RDS, MNS and OSS comes")
	f.Float64Var(&b.rate, "rate", 50, "the limit of the second table, in calls to RDS per second")
	f.IntVar(&b.rollout, "rollout", 1000, "the size of the fleet that is taken through a whole rollout; 0: none is")
	f.BoolVar(&b.markdown, "markdown", false, "print for a document")
	sizes := f.String("sizes", "10,100,1000,10000", "the sizes of the fleets, growing")
	if err := f.Parse(args); err != nil {
		return err
	}
	for text := range strings.SplitSeq(*sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil || size < 1 || len(b.sizes) > 0 && size <= b.sizes[len(b.sizes)-1] {
			return fmt.Errorf("--sizes %q: want whole numbers from 1 on, growing, such as 10,1000", *sizes)
		}
		b.sizes = append(b.sizes, size)
	}
	if b.latency <= 0 || !(b.rate > 0) || b.rollout < 0 {
		return errors.New("--latency and --rate: want more than 0; --rollout: want 0 or more")
	}
	return nil
}

// benchFleet lets the built function work on generated fleets, and holds what it took against the bars.
func benchFleet(ctx context.Context, c console, args []string) error {
	var b fleetBench
	if err := b.parse(c, args); err != nil {
		return err
	}
	page := &page{console: c, markdown: b.markdown}
	page.open(machine(), b.latency)
	var missed []error
	for _, s := range b.settings() {
		results, err := b.measure(ctx, c, s)
		if err != nil {
			return err
		}
		page.results(s, results)
		missed = append(missed, s.missed(results)...)
	}
	page.legend()
	if b.rollout > 0 {
		rollout, err := b.whole(ctx, c)
		if err != nil {
			return err
		}
		page.rollout(rollout)
		missed = append(missed, rollout.missed("a whole rollout")...)
	}
	return errors.Join(missed...)
}

// settings are the two limits under which a fleet is worked on: none, and the one of the flag.
func (b *fleetBench) settings() []setting {
	return []setting{
		{
			title: "Without a limit", ratio: "× faster than one call after another", rate: unlimited, bar: minFaster, atLeast: true,
			of: func(r result) float64 {
				return float64(r.sum()+r.mns+r.oss) * b.latency.Seconds() / r.wall.Seconds()
			},
		},
		{
			title: fmt.Sprintf("With a limit of %v calls to RDS per second", b.rate), ratio: "× the time that the limit asks for", rate: b.rate, bar: maxSlower,
			of: func(r result) float64 { return r.wall.Seconds() * b.rate / float64(max(1, r.sum())) },
		},
	}
}

func (b *fleetBench) measure(ctx context.Context, c console, s setting) (results []result, err error) {
	for _, size := range b.sizes {
		console{out: c.err}.say("%s: %d instances …\n", s.title, size)
		r, err := trial{binary: b.binary, size: size, latency: b.latency, rate: s.rate}.run(ctx, c.now)
		if err != nil {
			return nil, fmt.Errorf("%d instances: %w", size, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// whole takes a fleet through all waves of a rollout, with the timer of a deployment.
func (b *fleetBench) whole(ctx context.Context, c console) (result, error) {
	r, err := trial{binary: b.binary, size: b.rollout, latency: b.latency, rate: unlimited}.rollout(ctx, c.now)
	if err != nil {
		err = fmt.Errorf("a rollout over %d instances: %w", b.rollout, err)
	}
	return r, err
}

// machine tells on what was measured.
func machine() string {
	model := "an unknown processor"
	text, _ := os.ReadFile("/proc/cpuinfo") // elsewhere than on Linux there is none
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%d × %s, %s, %s/%s", runtime.NumCPU(), model, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
