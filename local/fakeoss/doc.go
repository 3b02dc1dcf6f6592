// Package fakeoss is the local cloud's Object Storage Service (OSS): buckets with objects behind the REST protocol, strict about signatures, dates,
// names and arguments. What the cloud refuses it refuses, by the same code and status.
//
// A [Server] is an http.Handler. Clients use it as they would use the cloud, over signed requests; tests use its Go methods to set things up
// ([Server.CreateBucket], [Server.SetVersioning], [Server.Store]), to look ([Server.Objects], [Server.Calls]) and to make trouble ([Server.Faults]).
// Unsigned addresses of ours do the same from outside: /_local/faults, /_local/calls, /_local/objects and /_local/objects/{bucket}/{key}.
//
// It serves the actions that [NotSupported] does not exclude: PutObject, GetObject, HeadObject, DeleteObject, ListObjectsV2 and GetBucketVersioning, with
// signatures of version 4 (header and URL) and of version 1 (header), each with long-term and temporary keys. A bucket is addressed in the path
// (http://127.0.0.1:9003/bucket/key), or by the host (bucket.oss-cn-hangzhou.aliyuncs.com, bucket.localhost).
//
// # What says so
//
//   - x-oss-forbid-overwrite, and that it has no effect in a bucket whose versioning is or was enabled: PutObject; error codes 0017-00000279 and
//     0026-00000002. That it is atomic between writers: measured by apache/paimon (issue 9714).
//   - Conditional headers on a Put answer 501 NotImplemented: seen (tobi/walgit, issue 67). The page of 0017-00000245 says 400.
//   - Signatures: "Include a V4 signature in the Authorization header", "Include signatures in the Authorization header" (V1), and oss/signer of
//     alibabacloud-oss-go-sdk-v2 v1.2.1. Region, date and product of a V4 scope: 0002-00000226, 0002-00000212, 0002-00000227.
//   - Error documents and x-oss-ec: "Error responses". The error of a HEAD in x-oss-err: the SDK (client.go).
//   - A security token in the documents of SecurityTokenExpired and SignatureDoesNotMatch: seen (jxxghp/MoviePilot, issue 6295; AlibabaCloudDocs/oss,
//     pull request 35).
//   - ListObjectsV2: GetBucketV2 (ListObjectsV2); 0015-00000401, 0015-00000402 and 0015-00000404. Its samples keep "/" under encoding-type=url.
//   - Compressed answers of GetObject, without an ETag: GetObject, Accept-Encoding.
//   - Delete markers: DeleteObject, GetObject. GetBucketVersioning: its page.
//
// # Where nothing says it
//
// The answer that a careful client has to survive is chosen:
//
//   - The order of the checks: bucket name, bucket, signature (form, scope, time, key, token, value), action, rights, object name, headers, body.
//   - Flow control answers 503 TotalQpsLimitExceeded; 503 ServiceUnavailable and 429 QpsLimitExceeded are documented, too.
//   - A role without a right gets AccessDenied, with the words about bucket ACLs for objects and those about somebody else's bucket for buckets.
//   - A wrong Date is 403 AccessDenied, as the API reference has it; the page about status 400 has InvalidArgument for the same words.
//   - A Content-MD5 that does not fit is InvalidDigest; a table has "Bad Request". A body that is shorter than announced is RequestTimeout, at once.
//   - A V4 signature without x-oss-date uses Date. A signed URL of the future is RequestTimeTooSkewed.
//   - Continuation tokens are base64, as the documented sample is; what is in them is ours.
//   - max-keys=0 is refused. A compressed answer keeps x-oss-hash-crc64ecma, which is that of the stored object.
//   - Reading and listing after writing are strongly consistent.
//   - An object has at most 8 MiB; more is InvalidArgument, which is the answer for more than 5 GB in the cloud.
package fakeoss

// NotSupported lists what the fake refuses, with 501 NotImplemented, although OSS has it.
func NotSupported() []string {
	return []string{
		"every action but PutObject, GetObject, HeadObject, DeleteObject, ListObjectsV2 and GetBucketVersioning, and every sub-resource and query item " +
			"that these do not need: ACLs, lifecycle, multipart and append uploads, copies, tags, symbolic links, versionId, x-oss-process, response-*",
		"creating and deleting buckets, and changing their versioning, over the protocol: CreateBucket, DeleteBucket and SetVersioning are Go methods",
		"every x-oss- request header but x-oss-date, x-oss-content-sha256, x-oss-security-token and, with PutObject, x-oss-forbid-overwrite: " +
			"user metadata, storage classes, encryption, callbacks",
		"Range, If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since with GetObject and HeadObject",
		"signatures of version 1 in the URL, of version 2, of forms (PostObject), and of S3",
		"anonymous access and bucket policies: every bucket is private; rights of roles are Options.Allow",
		"older versions of objects: of a versioned bucket only the current versions are kept",
	}
}
