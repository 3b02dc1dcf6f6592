package oss

import (
	"context"
	"errors"
	"net/http"
	"strings"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
)

// maxPage is the most keys that OSS lists in one answer.
const maxPage = 1000

// errForeign stands for an answer with status 200 that is not the document that was asked for.
var errForeign = errors.New("not the document that was asked for")

// Keys lists the keys that begin with a prefix and come after a key, in ascending order, at most so many.
func (c *Client) Keys(ctx context.Context, prefix, after string, most int) ([]string, error) {
	keys := []string{}
	for more := true; more && len(keys) < most; {
		var page []string
		var err error
		if page, more, err = c.page(ctx, prefix, after, min(most-len(keys), maxPage)); err != nil {
			return nil, err
		}
		if keys = append(keys, page...); more {
			after = keys[len(keys)-1] // and not the SDK's token: so each page is known to begin behind the last one
		}
	}
	return keys, nil
}

// page lists so many keys at most; more reports whether others come after them.
func (c *Client) page(ctx context.Context, prefix, after string, most int) (keys []string, more bool, err error) {
	_, err = c.call(ctx, c.op("ListObjectsV2", prefix), nil, http.StatusOK, func(s *sdk.Client, e *exchange) error {
		request := &sdk.ListObjectsV2Request{Bucket: &c.bucket, MaxKeys: int32(most)} //nolint:gosec // at most maxPage
		if prefix != "" {
			request.Prefix = &prefix
		}
		if after != "" {
			request.StartAfter = &after
		}
		list, err := s.ListObjectsV2(ctx, request)
		if err != nil {
			return err
		}
		if !e.has("ListBucketResult") {
			return errForeign
		}
		more = list.IsTruncated
		keys, err = keysOf(list, prefix, after, most)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return keys, more, nil
}

// keysOf returns the keys of a list, if it is what was asked for.
func keysOf(list *sdk.ListObjectsV2Result, prefix, after string, most int) (keys []string, err error) {
	if len(list.Contents) > most || list.IsTruncated && len(list.Contents) == 0 {
		return nil, unusable("the list is longer than was asked for, or says that it goes on and has nothing")
	}
	for _, object := range list.Contents {
		if object.Key == nil || *object.Key <= after || !strings.HasPrefix(*object.Key, prefix) {
			return nil, unusable("the list is out of order, or has what was not asked for: none of it is used")
		}
		after = *object.Key
		keys = append(keys, after)
	}
	return keys, nil
}

// Versioned reports whether the bucket's versioning is or was enabled.
func (c *Client) Versioned(ctx context.Context) (versioned bool, err error) {
	_, err = c.call(ctx, c.op("GetBucketVersioning", ""), nil, http.StatusOK, func(s *sdk.Client, e *exchange) error {
		result, err := s.GetBucketVersioning(ctx, &sdk.GetBucketVersioningRequest{Bucket: &c.bucket})
		switch {
		case err != nil:
			return err
		case !e.has("VersioningConfiguration"):
			return errForeign
		case result.VersionStatus == nil: // it was never enabled
			return nil
		}
		switch versioned = true; sdk.VersioningStatusType(*result.VersionStatus) {
		case sdk.VersionEnabled, sdk.VersionSuspended:
			return nil
		default:
			return unusable("the bucket's versioning has a status that is not documented")
		}
	})
	return versioned && err == nil, err
}
