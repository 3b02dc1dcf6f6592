// Package state holds the document in which the state of all rollouts of one function stands, its format, and the only way to change it.
//
// # The document
//
// It is JSON, one object in a bucket: <prefix>/state/<number>.json. It is never overwritten. A change is the next number, written only if that
// number does not exist; so of two writers one wins, and the other one knows it:
//
//	Load ──▶ document n ──decide──▶ document n+1 ──Save──▶ nil                        it stands in the bucket: act on it
//	  ▲                                                    │ Conflict                 another writer has written n+1
//	  └────────────── decide again ────────────────────────┤ Conflict, and InDoubt    nobody knows: it may stand there, or be there later
//	                                                       └ any other fault          nothing was written
//
// Only a Save that returns nil makes a document the caller's own. What a later Load finds is not: it may hold what this caller has written by a
// Save of which it never got the answer, and such an intent is nobody's to call.
//
// # The format
//
// There is one field on each line, and one entry of a list on each line, in a fixed order, so that the difference between two numbers can be
// read. Times are RFC 3339 in UTC; use whole seconds, which are shorter. Every field is named as in the type's tag; schema/state.json describes
// each of them. Reading is strict: an unknown field, a key that is given twice, a missing field, a null, a wrong type, an unknown state and
// a contradiction (an intent without a time, an instance in flight twice) are errors which name the path. The order of fields and entries, and
// blanks, are free, so that a document can be mended by hand. A document of a newer version than this package knows is refused before anything
// else of it is read. Whoever adds a field adds one to Version.
//
// A document of more than 32 KB is compressed (gzip) under the same name; zcat -f reads both forms.
//
// # One object, not several
//
// The members of a rollout are all instances that it selects, also those that it leaves out. What never changes of a member (its instance, version,
// target and verdict) stands in front of what does, in the same entry. An object of its own for the fixed list would make what is written smaller,
// but whoever reads would need two objects that fit each other, and so would a diff. It is not needed: all but the ids repeats itself, so that a
// member takes 15 bytes compressed while it is pending, 15 to 25 when it was left out, and 31 when it is proven; a document of 10,000 has 3 to 5 MB of
// text and stays below 300 KB compressed. Two things of a call do not compress, and are to be removed when nothing needs them any more: RDS's
// RequestId, once acceptance has been published (with those of 10,000 calls it would be 540 KB), and tasksBefore, once the member has ended.
//
// # History, repair, and what must not happen
//
// A lifecycle rule of the bucket removes old numbers. It does not know which one is the newest: a function that has nothing to write must still
// write a new number before the newest one is as old as the rule allows (Document.Old). It must also keep numbers longer than any invocation
// lives, or a slow writer could write a number that has been removed.
//
// A document that cannot be read is left as it is, and nothing is called. An operator who copies an older number to the next free one restores
// it: therefore the number inside may be smaller than the one in the name.
//
// The package has no rules about rollouts, reads no clock and does no I/O but through Objects.
package state
