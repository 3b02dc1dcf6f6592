// Package events knows what can arrive. It opens the envelope that Function Compute hands over, takes the messages
// out of it, and turns the text of a message into a checked request:
//
//	event ──Decode──▶ []Message ──Parse──▶ Request
//
// The shape of the event alone tells its trigger. The rows are tried from top to bottom; each accepted form has
// a sample of that name in testdata/events:
//
//	an event that is                           comes from   and holds the request in   samples
//	─────────────────────────────────────────  ───────────  ─────────────────────────  ─────────────────────────
//	object with TopicName and MessageId        mns_topic    Message                    mns-topic-json*
//	object with body and attrs                 mns_topic    body                       mns-topic-stream-attributes
//	object with specversion and type           mns_queue    data.messageBody           mns-queue-one*
//	array of 1 to 10,000 such objects          mns_queue    data.messageBody of each   mns-queue-batch
//	object with triggerTime and triggerName    timer        payload                    timer*
//	object with eventId and eventType          –            refused: RDS's own event
//	object with product and content            –            refused: CloudMonitor's event
//	object with id and affected                –            refused: an advisory, which has to stand in a request
//	object with a field of a request           direct       itself                     direct*, mns-topic-stream
//	base64 of such an object                   direct       itself                     mns-topic-stream-base64
//	anything else                              –            refused
//
// A request may stand in its place as JSON or as base64 of JSON, since some clients of MNS code what they send.
// A topic message in STREAM format without attributes is its body and nothing else, so it cannot be told from
// a direct invocation, and is called one.
//
// In a batch each message stands alone: one that cannot be opened carries its error and leaves the others as they are.
//
// What a message asks for is its kind. A field that belongs to another kind is refused with the name of that kind:
//
//	kind          asks for                                   its own fields                                      samples
//	────────────  ─────────────────────────────────────────  ──────────────────────────────────────────────────  ──────────────────────
//	upgrade       one instance; meant when there is no kind  those of UpgradeDBInstanceKernelVersion             all others
//	advisory      the instances that an advisory affects     advisory (ours, or OSV), select, schedule, rollout  *-advisory*
//	sweep         all that are behind                        select, schedule, rollout                           *-sweep*
//	tick          going on with what is due                  none, and no other                                  timer-tick
//	follow-ups    the same: the old name of tick             none, and no other                                  timer-follow-ups
//	status        what is under way, and what waits          none, and no other                                  direct-status
//	stop          the end of one rollout or one advisory     rollout or advisory, each an id; no other           direct-stop-*
//
// The package does no I/O, reads no clock and keeps no state. It never guesses: it changes no letter case, cuts no
// blanks off a value, drops no unknown field, takes no second value for a key and no character for another that looks
// like it. What is wrong is refused, all of it at once and each with its JSON path. Its errors quote at most a few dozen
// bytes of what arrived. A character that cannot be seen, or that looks like another, is named by its code point.
package events
