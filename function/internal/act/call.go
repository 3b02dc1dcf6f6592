package act

import (
	"context"
	"errors"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/plan"
)

// run is what one Make works on.
type run struct {
	Calls
	queue   *queue
	reserve time.Duration // how long before ctx ends no call begins any more
	results []plan.Result
}

// unmade is why a call is not made, in words for people.
type unmade string

// The reasons, in the order in which they are looked for.
const (
	short   unmade = "not called: too little time was left"
	stopped unmade = "not called: a panic has stopped all calls"
	held    unmade = "not called: more calls have failed than the request allows"
	late    unmade = "not called: the time that is permitted had passed before its turn came"
)

func (u unmade) Error() string { return string(u) }

// one carries out the intent whose turn it is. Its result is stored however it ends.
func (r *run) one(ctx context.Context) {
	n := r.queue.next()
	sent, finished := false, false
	defer func() {
		if !finished {
			r.queue.stop()
			if sent {
				r.results[n] = interrupted(r.queue.intents[n])
			}
		}
		r.queue.end(n, r.results[n])
	}()
	r.results[n] = r.call(ctx, r.queue.intents[n], &sent)
	finished = true
}

// call makes the call of an intent, and returns what became of it:
//
//	the API says          then
//	yes                   accepted
//	no, for good or busy  refused
//	no, later             the call is made again in the time left; then refused
//	nothing, or unclear   in doubt
//
// It is not made when too little time is left for it, more calls have failed than are allowed, or its own time has passed. That is asked
// each time when all waiting is over. *sent is true from then on until a sure refusal: the call may have been sent.
func (r *run) call(ctx context.Context, i plan.Intent, sent *bool) plan.Result {
	may := func() error {
		no := r.refusal(ctx, i)
		*sent = no == nil
		return no
	}
	if no := may(); no != nil {
		return plan.Result{Intent: i, Detail: no.Error()}
	}
	// Only the pauses between two tries end with Latest. An answer is awaited beyond it: to give it up would leave a doubt.
	permitted, cancel := r.permitted(ctx, i)
	defer cancel()
	var answer error // to the last try that was made
	var no unmade    // why the last one was not
	accepted, err := pace.RetryRefused(permitted, func() (fleet.Acceptance, error) {
		*sent = false // any try before this one was surely refused
		accepted, err := r.Caller.Upgrade(ctx, i.Call, may)
		if !errors.As(err, &no) {
			answer = err
		}
		return accepted, err
	})
	switch {
	case err == nil:
		return plan.Result{Intent: i, Made: true, AcceptedAt: r.Now().UTC(), Acceptance: accepted}
	case answer == nil:
		return plan.Result{Intent: i, Detail: string(no)}
	default:
		return plan.Result{Intent: i, Made: true, Fault: fault.From(answer)}
	}
}

// permitted returns a context that ends when the call must have been made.
func (r *run) permitted(ctx context.Context, i plan.Intent) (context.Context, context.CancelFunc) {
	if i.Latest.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, i.Latest.Sub(r.Now()))
}

// refusal returns why the call of an intent may not be made now, nil if it may.
func (r *run) refusal(ctx context.Context, i plan.Intent) error {
	deadline, bounded := ctx.Deadline()
	if ctx.Err() != nil || bounded && deadline.Sub(r.Now()) < r.reserve {
		return short
	}
	if no := r.queue.refusal(i.Rollout); no != nil {
		return no
	}
	if !i.Latest.IsZero() && !r.Now().Before(i.Latest) {
		return late
	}
	return nil
}

// interrupted is the result of a call that may have been sent, and has panicked.
func interrupted(i plan.Intent) plan.Result {
	return plan.Result{Intent: i, Made: true, Fault: &fault.Error{
		Op: "act: UpgradeDBInstanceKernelVersion " + i.Call.DBInstanceID, Kind: fault.Internal,
		Message: "a panic interrupted the call: whether RDS has received it is not known", InDoubt: true,
	}}
}
