package upgrade

import "golang.org/x/sync/errgroup"

// SideBySide does a number of things, so many at the same time, and waits for all of them. What goes wrong is theirs to keep.
func SideBySide(workers, things int, do func(n int)) {
	var group errgroup.Group
	group.SetLimit(max(1, workers))
	for n := range things {
		group.Go(func() error {
			do(n)
			return nil
		})
	}
	_ = group.Wait() // no thing gives an error
}
