package main

import (
	"context"
	"errors"
	"io"
	"time"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/show"
	"rds-kernel-upgrade/local/stack"
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

	Archives []stack.Archive
	Second   int // events that the second process has served
}

func (h Happened) outcome() outcome {
	o := outcome{calls: h.Calls, fleet: h.Fleet, archives: h.Archives, second: h.Second}
	for n, note := range h.Notes {
		o.told = append(o.told, told{note, h.At.Add(time.Duration(n) * time.Millisecond)})
	}
	return o
}

// Check holds what has happened against all that has to be so. The numbers are those of the test's fleet.
func Check(h Happened) error {
	return all(
		names("accepted 3, completed 2, failed 1, halted 1, rejected 1, report 1"), calls, wavesBake(shortBake), replicasGoFirst, haltHolds,
		countsAddUp, addsUp("report"), entries("report", "completed 2, failed 1, skipped 1"), problems(2),
	)(h.outcome())
}

// Leftovers and Complaints are what the end of the demonstration and its failure look at.
var (
	Leftovers  = leftovers
	Complaints = complaints
)

// Measured is what a test lets a run over a fleet have taken.
type Measured struct {
	Size, Upgraded int
	RDS, MNS       int // calls
	Writes, Bytes  int // of the document
	Wall           time.Duration
	Peak           int64
}

// Missed tells which bars runs have missed, without a limit or with one of 200 calls per second, at 50 ms a call.
func Missed(limited bool, runs ...Measured) (text string) {
	b := fleetBench{latency: 50 * time.Millisecond, rate: 200}
	setting := b.settings()[0]
	if limited {
		setting = b.settings()[1]
	}
	var results []result
	for _, m := range runs {
		results = append(results, result{
			size: m.Size, upgraded: m.Upgraded, calls: map[string]int{"DescribeDBInstances": m.RDS}, mns: m.MNS, wall: m.Wall, peak: m.Peak,
			writes: m.Writes, bytes: m.Bytes, kinds: 7, waves: 1,
		})
	}
	if err := errors.Join(setting.missed(results)...); err != nil {
		text = err.Error()
	}
	return text
}

// Deployed is what the function is given where it is measured.
func Deployed() (timeout time.Duration, memoryMB int) { return deployedTimeout, deployedMemory }

// WentWell judges upgrade calls, of which so many were accepted, by the notifications under each name.
func WentWell(calls, accepted int, names map[string]int) error {
	return (&result{upgraded: accepted, calls: map[string]int{upgradeCall: calls}}).wentWell(names, "completed", true)
}

// CheckTwo is what the story wants of two processes and a request that comes again.
func CheckTwo(h Happened) error { return all(joined(1), archived, twoProcesses)(h.outcome()) }

// CheckReal is what the story wants of a fleet as the real cloud has it.
func CheckReal(h Happened) error {
	return all(noneIsTakenAlong, onDisk("general_essd"), toldOf("report", "rm-2", "rr-2", "replica_first"))(h.outcome())
}
