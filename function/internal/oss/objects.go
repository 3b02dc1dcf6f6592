package oss

import (
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5 is what OSS compares the content with; nothing secret depends on it
	"encoding/base64"
	"fmt"
	"net/http"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"rds-kernel-upgrade/function/internal/fault"
)

// damaged is what is wrong with an answer whose checksum is that of another content.
const damaged = unusable("the checksum of the object is not that of its content")

// Get reads an object. One that is missing is a NotFound fault.
func (c *Client) Get(ctx context.Context, key string) ([]byte, error) {
	e, err := c.call(ctx, c.op("GetObject", key), nil, http.StatusOK, func(s *sdk.Client, e *exchange) error {
		_, err := s.GetObject(ctx, &sdk.GetObjectRequest{Bucket: &c.bucket, Key: &key})
		if err == nil && !e.intact(e.answer) {
			err = damaged
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.answer, nil
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
	op := c.op("PutObject", key)
	if len(body) > maxObject {
		return false, &fault.Error{Op: op, Kind: fault.Invalid, Message: fmt.Sprintf("not sent: %d bytes, and no more than %d are read again", len(body), maxObject)}
	}
	sum := md5.Sum(body) //nolint:gosec // see the import
	e, err := c.call(ctx, op, body, http.StatusOK, func(s *sdk.Client, e *exchange) error {
		_, err := s.PutObject(ctx, &sdk.PutObjectRequest{
			Bucket: &c.bucket, Key: &key, ForbidOverwrite: sdk.Ptr("true"),
			// The signature covers this header, but not the content itself.
			ContentMD5:  sdk.Ptr(base64.StdEncoding.EncodeToString(sum[:])),
			ContentType: sdk.Ptr(http.DetectContentType(body)),
		})
		if err == nil && !e.intact(body) {
			err = damaged
		}
		return err
	})
	switch {
	case e.status/100 == 2 && e.versioned():
		return false, &fault.Error{
			Op: op, Kind: fault.Invalid, RequestID: e.requestID(),
			Message: "the bucket has or had versioning, so nothing keeps two writers apart: make another bucket without it, and name that in STATE_BUCKET",
		}
	case err != nil && e.status == http.StatusConflict && fault.From(err).Code == alreadyExists:
		return false, nil
	}
	return err == nil, err
}

// Delete removes an object. One that is not there is no error.
func (c *Client) Delete(ctx context.Context, key string) error {
	_, err := c.call(ctx, c.op("DeleteObject", key), nil, http.StatusNoContent, func(s *sdk.Client, _ *exchange) error {
		_, err := s.DeleteObject(ctx, &sdk.DeleteObjectRequest{Bucket: &c.bucket, Key: &key})
		return err
	})
	return err
}
