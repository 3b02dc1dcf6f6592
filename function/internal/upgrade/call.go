package upgrade

import (
	"context"
	"fmt"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/version"
)

// call makes the call, and finds out what it came to:
//
//	the API says          then
//	yes                   accepted
//	no, for good          failed; the claim goes
//	no, busy              look again: the reason is in what the instance shows; the claim goes
//	no, later             try again in the time left; then pending, and the claim goes
//	nothing, or unclear   look: accepted if anything shows, else in doubt, and the claim stays
func (r Run) call(ctx context.Context, s Step, o Outcome, at time.Time) Outcome {
	if deadline, bounded := ctx.Deadline(); bounded && deadline.Sub(r.Now()) < stepTime {
		return r.refused(ctx, o, &fault.Error{Op: "upgrade: " + s.Instance.ID, Kind: fault.Unavailable, Message: "not called: too little time left; if this goes on, give the function a longer timeout"})
	}
	err := retryRefused(ctx, func() (err error) {
		o.Acceptance, err = r.API.Upgrade(ctx, s)
		return err
	})
	f := fault.From
	switch {
	case err == nil:
		o.Status, o.AcceptedAt = Accepted, r.Now()
		return o
	case f(err).InDoubt:
		return r.look(ctx, o, s, at, f(err))
	case f(err).Kind == fault.Conflict:
		return r.conflict(ctx, o, s, f(err))
	default:
		return r.refused(ctx, o, f(err))
	}
}

func (r Run) refused(ctx context.Context, o Outcome, f *fault.Error) Outcome {
	r.release(ctx, o.Instance)
	return o.failed(f)
}

// conflict looks at the instance that was too busy for the call, or in no need of it.
func (r Run) conflict(ctx context.Context, o Outcome, s Step, f *fault.Error) Outcome {
	r.release(ctx, s.Instance)
	o.Status, o.Reason, o.Detail, o.Fault = Skipped, InProgress, f.Message, f
	i, err := r.API.Instance(ctx, s.Instance.RegionID, s.Instance.ID)
	if err != nil {
		return o
	}
	o.Instance = i
	if seen := skipInstance(i); seen != nil {
		o.Reason, o.Detail = seen.Reason, seen.Detail
	} else if version.Reached(i.CurrentKernelVersion, s.Target) {
		o.Reason, o.Detail = UpToDate, fmt.Sprintf("CurrentKernelVersion is %s", i.CurrentKernelVersion)
	}
	return o
}

// looks is how often the instance is looked at after a call of unknown outcome, before the doubt is published.
const looks = 3

// look finds out whether a call whose answer was lost has taken effect. It never calls again.
func (r Run) look(ctx context.Context, o Outcome, s Step, at time.Time, lost *fault.Error) Outcome {
	ctx, cancel := r.finishing(ctx)
	defer cancel()
	claim := Claim{State: Intent, Target: s.Target, Rollout: r.Rollout, Due: s.Due, At: at}
	wait := pauses()
	for range looks {
		i, err := probe(ctx, r.API, s.Instance, claim, r.Now())
		if err == nil && i.shows(claim) {
			o.Instance, o.Status, o.AcceptedAt = i, Accepted, at
			o.Detail = "the answer was lost; the instance shows that the call was accepted"
			return o
		}
		pause(ctx, wait.NextBackOff())
	}
	o = o.doubt("the answer was lost, and the instance shows nothing yet: " + lost.Message)
	o.Fault.Op, o.Fault.Code, o.Fault.RequestID = lost.Op, lost.Code, lost.RequestID
	return o
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
