package main

import (
	"context"
	"io"
	"time"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/show"
)

// Run is what main does with its arguments, where there is no terminal.
func Run(ctx context.Context, out, err io.Writer, args ...string) error {
	return run(ctx, console{out: out, err: err, now: time.Now}, args)
}

// RunOn is what main does with its arguments on a terminal of a size.
func RunOn(ctx context.Context, out io.Writer, size func() (width, height int, err error), args ...string) error {
	return run(ctx, console{out: out, err: out, now: time.Now, size: size}, args)
}

// Happened is what a test lets have come of a scene.
type Happened struct {
	Calls []fakerds.Call
	Notes []show.Notification // published one a millisecond from At on
	At    time.Time
	Fleet []fakerds.Instance
}

func (h Happened) outcome() outcome {
	o := outcome{calls: h.Calls, fleet: h.Fleet}
	for n, note := range h.Notes {
		o.told = append(o.told, told{note, h.At.Add(time.Duration(n) * time.Millisecond)})
	}
	return o
}

// Check holds what has happened against all that has to be so. The numbers are those of the test's fleet.
func Check(h Happened) error {
	return all(
		tags("accepted 3, completed 2, failed 1, halted 1, rejected 1, report 1"), calls, wavesAreProven, replicasGoFirst, haltHolds,
		countsAddUp, addsUp("report"), entries("report", "completed 2, failed 1, skipped 1"), problems(2),
	)(h.outcome())
}

// Leftovers and Complaints are what the end of the demonstration and its failure look at.
var (
	Leftovers  = leftovers
	Complaints = complaints
)
