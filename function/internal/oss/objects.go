package oss

import (
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5 is what OSS compares the content with; nothing secret depends on it
	"encoding/base64"
	"net/http"

	"rds-kernel-upgrade/function/internal/fault"
)

// Get reads an object. One that is missing is a NotFound fault.
func (c *Client) Get(ctx context.Context, key string) ([]byte, error) {
	e, err := c.call(ctx, request{
		action: "GetObject", method: http.MethodGet, key: &key,
		read: func(e *exchange) error { return e.verify(e.Answer) },
	})
	if err != nil {
		return nil, err
	}
	return e.Answer, nil
}

// alreadyExists is the code for an object that is there and may not be overwritten.
const alreadyExists = "FileAlreadyExists"

// Create writes an object only if there is none: created is false, without an error, when there is one already. That may be one's own, by
// an earlier Create whose answer was lost: what stands there tells. An error that is InDoubt says that the object may have been written
// all the same.
//
// In a bucket that has or had versioning nothing keeps a second writer from the object. Its answer shows that, and is an Invalid fault. That
// is not InDoubt, although the object was written: who then looked for their own content would find it, and so would the second writer.
func (c *Client) Create(ctx context.Context, key string, body []byte) (created bool, err error) {
	sum := md5.Sum(body) //nolint:gosec // see the import
	r := request{
		action: "PutObject", method: http.MethodPut, key: &key, body: body,
		header: http.Header{
			"X-Oss-Forbid-Overwrite": {"true"},
			"Content-Md5":            {base64.StdEncoding.EncodeToString(sum[:])}, // the signature covers this header, but not the content itself
			"Content-Type":           {http.DetectContentType(body)},
		},
		read: func(e *exchange) error { return e.verify(body) },
	}
	e, err := c.call(ctx, r)
	switch {
	case e.Status/100 == 2 && e.Header.Get("x-oss-version-id") != "":
		return false, &fault.Error{
			Op: r.op(c.bucket), Kind: fault.Invalid, RequestID: e.requestID(),
			Message: "the bucket has or had versioning, so nothing keeps two writers apart: make another bucket without it, and name that in STATE_BUCKET",
		}
	case err != nil && e.Status == http.StatusConflict && fault.From(err).Code == alreadyExists:
		return false, nil
	}
	return err == nil, err
}
