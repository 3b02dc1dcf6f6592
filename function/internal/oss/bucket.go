package oss

import (
	"context"
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxPage is the most keys that OSS lists in one answer.
const maxPage = 1000

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
			after = keys[len(keys)-1] // and not OSS's token: so each page is known to begin behind the last one
		}
	}
	return keys, nil
}

// page lists so many keys at most; more reports whether others come after them.
func (c *Client) page(ctx context.Context, prefix, after string, most int) (keys []string, more bool, err error) {
	query := url.Values{
		"list-type": {"2"}, "encoding-type": {"url"}, "max-keys": {strconv.Itoa(most)}, "prefix": {prefix}, "start-after": {after},
	}
	maps.DeleteFunc(query, func(_ string, values []string) bool { return values[0] == "" })
	_, err = c.call(ctx, request{
		action: "ListObjectsV2", method: http.MethodGet, prefix: prefix, query: query,
		read: func(e *exchange) (err error) {
			var list listing
			if err := xml.Unmarshal(e.Answer, &list); err != nil {
				return e.foreign()
			}
			more = list.IsTruncated
			keys, err = list.keys(prefix, after, most)
			return err
		},
	})
	if err != nil {
		return nil, false, err
	}
	return keys, more, nil
}

// listing is OSS's answer to ListObjectsV2. Another document, or none, is not an empty one.
type listing struct {
	XMLName      xml.Name `xml:"ListBucketResult"`
	EncodingType string
	IsTruncated  bool
	Contents     []struct{ Key string }
}

// keys returns the keys, if they are what was asked for.
func (l listing) keys(prefix, after string, most int) ([]string, error) {
	if len(l.Contents) > most || l.IsTruncated && len(l.Contents) == 0 {
		return nil, errors.New("the list is longer than was asked for, or says that it goes on and has nothing")
	}
	var keys []string
	for _, object := range l.Contents {
		key := object.Key
		if l.EncodingType == "url" {
			key, _ = url.QueryUnescape(key) // what cannot be decoded becomes "", which comes after nothing
		}
		if key <= after || !strings.HasPrefix(key, prefix) {
			return nil, errors.New("the list is out of order, or has what was not asked for: none of it is used")
		}
		keys, after = append(keys, key), key
	}
	return keys, nil
}

// Versioned reports whether the bucket's versioning is or was enabled.
func (c *Client) Versioned(ctx context.Context) (versioned bool, err error) {
	_, err = c.call(ctx, request{
		action: "GetBucketVersioning", method: http.MethodGet, query: url.Values{"versioning": {""}},
		read: func(e *exchange) error {
			var document struct {
				XMLName xml.Name `xml:"VersioningConfiguration"`
				Status  *string  // missing if versioning was never enabled
			}
			if xml.Unmarshal(e.Answer, &document) != nil {
				return e.foreign()
			}
			if versioned = document.Status != nil; versioned && *document.Status != "Enabled" && *document.Status != "Suspended" {
				return errors.New("the bucket's versioning has a status that is not documented")
			}
			return nil
		},
	})
	return versioned && err == nil, err
}
