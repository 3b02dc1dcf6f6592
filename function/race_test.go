//go:build race

package main_test

// raced says that the race detector is on, under which everything takes about six times as long.
const raced = true
