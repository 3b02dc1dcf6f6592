// Package plan has the rules: which instance is upgraded, when, in what order, what a call has come to, and what has to be published.
//
//	document ──Receive──▶ Settle ──▶ Open ──▶ Intend ──▶ the next document, and the calls that it makes one's own
//	                        ▲          ▲         ▲
//	                        └──────────┴─────────┴── what was observed of RDS
//
// It is pure: it does no I/O, reads no clock and knows no SDK. A Plan changes a copy of the document; whoever made it writes the copy, or
// drops it. Nothing else in the function decides.
package plan
