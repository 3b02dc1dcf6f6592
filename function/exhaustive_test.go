package main_test

import "testing"

// exhaustive leaves a test that plays every case to the run without the race detector, which `make test` makes, too: what it plays has other tests
// that play a sample of it under the detector.
func exhaustive(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("the run without the race detector plays it")
	}
}
