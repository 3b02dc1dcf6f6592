// Package fleet observes instances of RDS: its types hold what was seen, in RDS's own words, and an Observer sees a whole fleet with few calls.
//
//	list ──▶ tags, 50 at a time ──▶ read each candidate ──▶ replicas ──▶ versions, once for each kind ──▶ tasks, 30 at a time
//
// A call that fails keeps only those instances unobserved that it was for. The package decides nothing, and it changes nothing in the cloud. It
// reads through an interface, so it knows no SDK.
package fleet
