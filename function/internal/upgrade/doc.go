// Package upgrade has the rules: which instance is called, which is left alone and why, what a call that nobody heard the end of
// has come to, and what is told of all this.
//
//	fleet ──Decide──▶ []Decision ──Apply──▶ []Outcome ──Notifications──▶ []Notification
//
// Decide is pure: it does no I/O and reads no clock. Apply makes the calls through interfaces; their types are in this
// package, and no SDK is. The API has no token that would make a call repeatable, so nothing is ever sent on trust: a claim, written as a
// tag on the instance, goes before each call (claim.go), and what is lost is looked for, not sent again (call.go).
package upgrade
