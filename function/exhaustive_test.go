package main_test

import "testing"

// The tests of this folder are played twice: by a run without the race detector, which plays every case, and by one with it, which plays a sample.
// `make test` makes both.

// exhaustive leaves a test to the run without the race detector. Other tests play a sample of what it plays.
func exhaustive(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("the run without the race detector plays it")
	}
}

// sample returns how many of a number of cases are played: all of them, or one of twenty with the race detector.
func sample(cases int) int {
	if raced {
		return max(1, cases/20)
	}
	return cases
}

// step returns how far it is from one case to the next one that is played.
func step() int {
	if raced {
		return 10
	}
	return 1
}
