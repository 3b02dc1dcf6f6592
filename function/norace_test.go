//go:build !race

package main_test

// crowds of random rollouts are played.
const crowds = 3
