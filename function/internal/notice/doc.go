// Package notice has what is published and what people read: the notifications, which are CloudEvents 1.0, the report of a rollout, and the
// words in them.
//
//	document, and what is news in it ──From.Of──▶ notifications ──▶ the result topic
//
// Everything is derived from the document. So whoever finds in it that something is still unpublished can publish it, under the same id and
// with the same content, whichever invocation it happened in. The package publishes nothing, notes nothing in the document, and decides
// nothing. It does no I/O, reads no clock and knows no SDK. It cuts every text that comes from RDS or from a message, since theirs have no
// limit and a message of MNS has one.
package notice
