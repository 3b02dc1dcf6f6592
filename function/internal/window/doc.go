// Package window says what a policy permits about time, and moves an upgrade to where it is permitted.
//
// A window is open whenever the clock on the wall of its zone shows a time in it. So the hour that occurs twice when the clocks go back
// counts both times, and the one that is skipped when they go forward never occurs. A window over midnight belongs to the day on which
// it begins. Deny beats allow. Without any allow everything is permitted but what is denied.
//
// An instance has a maintenance window besides, which RDS gives in UTC. Place finds where a wished time, the policy's windows and the
// instance's own window meet.
//
// The package reads no clock, no file and no zone database: the time is an argument, and zones come from the caller. It never takes
// the machine's zone.
package window
