package pace

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"

	"rds-kernel-upgrade/function/internal/fault"
)

// The pauses between two tries of one call: full jitter under a bound that doubles.
const (
	firstPause = 250 * time.Millisecond
	maxPause   = 5 * time.Second
)

func pauses() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = firstPause, maxPause, 2, 1
	return b
}

// Retry makes a call that may be repeated until it succeeds, fails for good, or ctx ends. It returns the call's own last error, not the
// context's.
func Retry(ctx context.Context, call func() error) error {
	return retryIf(ctx, fault.Retryable, call)
}

// few is how often RetryFew makes a call at most. The pauses between the tries are 18 seconds together on average, and 36 at most.
const few = 8

// RetryFew is Retry for a call without which the others are still worth making.
func RetryFew(ctx context.Context, call func() error) error {
	return retryIf(ctx, fault.Retryable, call, backoff.WithMaxTries(few))
}

// RetryRefused is Retry for a call that must not be repeated when it may have taken effect.
func RetryRefused(ctx context.Context, call func() error) error {
	return retryIf(ctx, func(err error) bool { return fault.Retryable(err) && !fault.From(err).InDoubt }, call)
}

func retryIf(ctx context.Context, again func(error) bool, call func() error, options ...backoff.RetryOption) error {
	var last error
	_, _ = backoff.Retry(ctx, func() (struct{}, error) {
		last = call()
		if last != nil && !again(last) {
			return struct{}{}, backoff.Permanent(last)
		}
		return struct{}{}, last
	}, append(options, backoff.WithBackOff(pauses()), backoff.WithMaxElapsedTime(0))...)
	return last
}
