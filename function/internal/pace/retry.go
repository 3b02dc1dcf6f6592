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

// Retry makes a call that may be repeated until it succeeds, fails for good, or ctx ends. It returns what the last call
// returned, and so never the context's error.
func Retry[T any](ctx context.Context, call func() (T, error)) (T, error) {
	return retryIf(ctx, fault.Retryable, call)
}

// few is how often RetryFew makes a call at most. The pauses between the tries are 18 seconds together on average, and 36 at most.
const few = 8

// RetryFew is Retry for a call without which the others are still worth making.
func RetryFew[T any](ctx context.Context, call func() (T, error)) (T, error) {
	return retryIf(ctx, fault.Retryable, call, backoff.WithMaxTries(few))
}

// RetryRefused is Retry for a call that must not be repeated when it may have taken effect.
func RetryRefused[T any](ctx context.Context, call func() (T, error)) (T, error) {
	return retryIf(ctx, func(err error) bool { return fault.Retryable(err) && !fault.From(err).InDoubt }, call)
}

func retryIf[T any](ctx context.Context, again func(error) bool, call func() (T, error), options ...backoff.RetryOption) (value T, err error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval, pauses.Multiplier, pauses.RandomizationFactor = firstPause, maxPause, 2, 1
	_, _ = backoff.Retry(ctx, func() (struct{}, error) {
		if value, err = call(); err != nil && !again(err) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, append(options, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0))...)
	return value, err
}
