package upgrade

import (
	"context"
	"errors"
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
//
// It is not made when more calls have failed than are allowed, too little time is left for it, or its time has passed: then pending, and the
// claim goes. That is asked each time when all waiting is over.
func (r Run) call(ctx context.Context, s Step, o Outcome, at time.Time) (called Outcome) {
	leave := r.gate.enter(ctx)
	defer func() { leave(called.Status) }()
	permitted, cancel := r.permitted(ctx, s)
	defer cancel()
	may := func() error {
		if no := r.refusal(ctx, s); no != nil {
			return no
		}
		return nil
	}
	err := retryRefused(permitted, func() (err error) {
		o.Acceptance, err = r.API.Upgrade(permitted, s, may)
		return err
	})
	f := fault.From
	var no *unmade
	switch {
	case errors.As(err, &no):
		return no.outcome(o)
	case err == nil:
		o.Status, o.AcceptedAt, o.Detail = Accepted, r.Now(), s.Why
		return o
	case f(err).InDoubt:
		return r.look(ctx, o, s, at, f(err))
	case f(err).Kind == fault.Conflict:
		return r.conflict(ctx, o, s, f(err))
	default:
		return o.failed(f(err))
	}
}

// permitted ends when the call must have been made.
func (r Run) permitted(ctx context.Context, s Step) (context.Context, context.CancelFunc) {
	if s.Latest.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, s.Latest.Sub(r.Now()))
}

// conflict looks at the instance that was too busy for the call, or in no need of it.
func (r Run) conflict(ctx context.Context, o Outcome, s Step, f *fault.Error) Outcome {
	o.Status, o.Reason, o.Detail, o.Fault, o.Wait = Skipped, InProgress, f.Message, f, true
	i, err := r.API.Instance(ctx, s.Instance.RegionID, s.Instance.ID)
	if err != nil {
		return o
	}
	o.Instance = i
	if seen := skipState(i); seen != nil {
		o.Reason, o.Detail, o.Wait = seen.Reason, seen.Detail, seen.Reason == InProgress
	} else if version.Reached(i.CurrentKernelVersion, s.Target) {
		o.Wait, o.Reason, o.Detail = false, UpToDate, fmt.Sprintf("CurrentKernelVersion is %s", i.CurrentKernelVersion)
	} else {
		o.Detail += r.occupant(ctx, i)
	}
	return o
}

// history is how far back RDS knows tasks.
const history = 30 * 24 * time.Hour

// occupant says which task keeps an instance busy that shows nothing of it, "" if RDS does not say.
func (r Run) occupant(ctx context.Context, i Instance) string {
	lookForTasks(ctx, r.API, []*Instance{&i}, r.Now().Add(-history), r.Now())
	task, busy := i.openTask()
	if !busy {
		return ""
	}
	return "; RDS's " + task.String()
}

// looks is how often the instance is looked at after a call of unknown outcome, before the doubt is published.
const looks = 3

// look finds out whether a call whose answer was lost has taken effect. It never calls again.
func (r Run) look(ctx context.Context, o Outcome, s Step, at time.Time, lost *fault.Error) Outcome {
	ctx, cancel := r.finishing(ctx)
	defer cancel()
	claim := Claim{State: Intent, Target: s.Target, Rollout: r.Rollout, Wave: r.Wave, Due: s.Due, At: at}
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
