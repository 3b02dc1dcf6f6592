// Package oss keeps objects in one bucket of OSS, Alibaba Cloud's object storage. It does not know what it keeps, and it sends every request at most
// once.
//
// Of alibabacloud-oss-go-sdk-v2 it uses the signatures (version 4) alone: what is sent and read is its own. The SDK's client would send a request up to
// three times, so that a Create whose first answer was lost is refused because of its own object. It has connections, timeouts and a correction of
// the clock of its own, reads the environment, and writes whole requests into a log when that says so. It takes every answer with status 2xx for a
// success, a web page, too, or a part of an object; an error document can overwrite the status that it came with; and its errors hold the address
// of the request and the whole answer, in which OSS repeats the security token. It also makes the binary 0.2 MB longer.
//
// The tests still hold this package to the promises that the client would break. Those about its log, which nothing links any more, are gone.
package oss
