//go:build race

package main_test

// crowds of random rollouts are played: with the race detector each takes four times as long.
const crowds = 1
