// Package fakemns is the local cloud's Simple Message Queue (MNS): queues, topics and subscriptions behind the XML
// protocol of API version 2015-06-06, strict about signatures, dates, names, ranges and documents.
//
// A [Server] is an http.Handler. Clients use it as they would use the cloud, over signed requests; tests and the
// other fakes use its Go methods to set things up ([Server.CreateQueue], [Server.Subscribe], [Server.SubscribeFunc]),
// to look without touching ([Server.Messages], [Server.Published], [Server.Calls]) and to make trouble
// ([Server.Faults]). Two unsigned addresses of ours do the same from outside: /_local/faults and /_local/calls.
//
// It never sends a request beyond this machine unless Options.HTTPClient can, never records a secret, token or
// signature, and starts no goroutine except for a push that is under way. All state is derived from Options.Now
// when it is asked for; waiting (long polls, retries of pushes) is done with plain timers, so that everything
// works inside testing/synctest.
//
// # Where the public documentation is silent
//
//   - A temporary key without its token answers 403 InvalidAccessKeyId; an expired, foreign or malformed token
//     403 AccessDenied, whose documented cause is an invalid key. The real codes are not documented.
//   - Requests are authenticated before their address is understood; a known path with a method that it does not
//     have is InvalidRequestURL.
//   - A DelaySeconds of 0 in a message beats the queue's own delay, as any other value does; only an absent one
//     leaves the queue's delay in force.
//   - A message that a topic pushes into a queue and that is then longer than the queue allows is discarded.
//   - A batch whose messages are partly out of range is answered 500 with one entry for each message.
//   - A batch of receipt handles that could not all be used is answered 404, whatever was wrong with each.
//   - Deleting a queue or topic that does not exist answers 204; unsubscribing what is not subscribed answers 404.
//   - A request with a body needs a Content-Type; one without may leave it out.
//   - The subscription limit, the length of a tag and the size of a request answer InvalidArgument.
//   - HTTP endpoints have five seconds to answer a push, and get JSON as application/json.
//   - An unreceived message that is peeked has FirstDequeueTime 0.
//
// # Not supported
//
// Mail and SMS endpoints, and queue endpoints of another account or region (EndpointInvalid) · the signature of HTTP
// pushes (Authorization and x-mns-signing-cert-url) · push back-off of failing endpoints · dead-letter queues ·
// account attributes and OpenService (InvalidRequestURL) · the quotas of 1,000 queues and topics and of requests a
// second · RAM policies: any valid key may do anything · MessageGroupId, UserProperties and SystemProperties
// (ignored, as unknown elements are).
package fakemns
