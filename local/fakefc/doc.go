// Package fakefc is Function Compute 3.0 for one go1 function on this machine. It runs the real binary: one instance, one
// invocation at a time, frozen in between, killed at the deadline, started again after a crash. It has the front door
// InvokeFunction with signatures, refusals, throttling and the asynchronous queue with its retries, and it makes the
// events of the topic, queue and timer triggers.
//
// What the cloud refuses is refused here, in the cloud's words. Where its documentation is silent the code says so.
// Never does it read what a function returns, and never does it reach beyond the loopback interface. It needs Linux.
//
// Supported: InvokeFunction (POST /2023-03-30/functions/{name}/invocations), synchronous and asynchronous; the runtime API
// 2020-11-11 (invocation/next, response, error); triggers by topic (JSON and STREAM), by queue, by timer.
//
// Not supported, and answered with PathNotSupported: every other API of Function Compute, its older versions, and HTTP
// triggers. Also missing: versions and aliases other than LATEST, the lifecycle hooks (initializer, PreStop), provisioned
// instances, destinations of asynchronous invocations, the states of asynchronous tasks (a task id is checked for its form and
// echoed, its reuse is not noticed), limits on memory, disk and the length of a log line, and cron expressions (a timer has
// a period, or is fired by hand).
//
// The paths below /_local/ are ours and unsigned: GET /_local/invocations, POST /_local/tick/{timer}.
package fakefc
