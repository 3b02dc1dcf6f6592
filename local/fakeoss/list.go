package fakeoss

import (
	"encoding/base64"
	"encoding/xml"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rds-kernel-upgrade/local/acs3"
)

// listing is what a ListObjectsV2 asks for.
type listing struct {
	prefix, delimiter string
	after             string // names after this one
	done              string // the common prefix that has been listed already, if the token ends with one
	most              int
	escape            func(string) string
}

// parseListing reads the query of a ListObjectsV2.
func parseListing(query url.Values) (listing, error) {
	l := listing{
		prefix: query.Get("prefix"), delimiter: query.Get("delimiter"), after: query.Get("start-after"), most: 100,
		escape: func(s string) string { return s },
	}
	if kind := query.Get("list-type"); kind != "2" {
		return l, invalid("0015-00000401", "list-type", kind)
	}
	for _, name := range []string{"prefix", "delimiter", "start-after"} {
		if value := query.Get(name); len(value) >= 1024 {
			return l, invalid("InvalidArgument", name, value)
		}
	}
	if query.Has("max-keys") {
		n, err := strconv.Atoi(query.Get("max-keys"))
		if err != nil || n < 1 || n > 1000 {
			return l, invalid("0015-00000402", "max-keys", query.Get("max-keys"))
		}
		l.most = n
	}
	switch encoding := query.Get("encoding-type"); {
	case strings.EqualFold(encoding, "url"):
		l.escape = func(s string) string { return strings.ReplaceAll(acs3.Escape(s), "%2F", "/") }
	case encoding != "":
		return l, invalid("InvalidArgument", "encoding-type", encoding)
	}
	if query.Has("continuation-token") {
		last, ok := parseToken(query.Get("continuation-token"))
		if !ok {
			return l, invalid("0015-00000404", "continuation-token", query.Get("continuation-token"))
		}
		l.after, l.done = last, last // a token counts, whatever start-after says
	}
	return l, nil
}

// token returns the continuation token after this name. Like the documented ones it is base64, with "-" for "=".
func token(name string) string {
	return strings.NewReplacer("=", "-", "+", ".", "/", "_").Replace(base64.StdEncoding.EncodeToString([]byte(name)))
}

func parseToken(text string) (name string, ok bool) {
	plain, err := base64.StdEncoding.DecodeString(strings.NewReplacer("-", "=", ".", "+", "_", "/").Replace(text))
	return string(plain), err == nil && len(plain) > 0 && token(string(plain)) == text
}

// page is what a listing finds.
type page struct {
	keys, prefixes []string
	last           string // the last of either
	more           bool
}

func (l listing) find(b *bucket) page {
	var p page
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		name, group := key, false
		if rest, ok := strings.CutPrefix(key, l.prefix); ok && l.delimiter != "" {
			if i := strings.Index(rest, l.delimiter); i >= 0 {
				name, group = key[:len(l.prefix)+i+len(l.delimiter)], true
			}
		}
		switch {
		case !b.exists(key), !strings.HasPrefix(key, l.prefix), key <= l.after, group && (name == p.last || name == l.done):
		case len(p.keys)+len(p.prefixes) == l.most:
			p.more = true
			return p
		case group:
			p.prefixes, p.last = append(p.prefixes, name), name
		default:
			p.keys, p.last = append(p.keys, name), name
		}
	}
	return p
}

type listResult struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  string
	Prefix                string
	StartAfter            string `xml:",omitempty"`
	MaxKeys               int
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	Contents              []listEntry
	CommonPrefixes        []commonPrefix
	KeyCount              int
}

type listEntry struct {
	Key          string
	LastModified string
	ETag         string
	Type         string
	Size         int
	StorageClass string
}

type commonPrefix struct{ Prefix string }

func (s *Server) listObjects(b *bucket, q *request) (answer, error) {
	l, err := parseListing(q.query)
	if err != nil {
		return answer{}, err
	}
	found := l.find(b)
	result := listResult{
		Name: b.name, Prefix: l.escape(l.prefix), StartAfter: l.escape(q.query.Get("start-after")), MaxKeys: l.most,
		Delimiter: l.escape(l.delimiter), EncodingType: strings.ToLower(q.query.Get("encoding-type")), IsTruncated: found.more,
		ContinuationToken: l.escape(q.query.Get("continuation-token")), KeyCount: len(found.keys) + len(found.prefixes),
	}
	if found.more {
		result.NextContinuationToken = l.escape(token(found.last))
	}
	for _, key := range found.keys {
		o := b.objects[key]
		result.Contents = append(result.Contents, listEntry{
			Key: l.escape(key), LastModified: o.modified.UTC().Format(millis), ETag: o.etag(), Type: "Normal", Size: len(o.content),
			StorageClass: "Standard",
		})
	}
	for _, prefix := range found.prefixes {
		result.CommonPrefixes = append(result.CommonPrefixes, commonPrefix{l.escape(prefix)})
	}
	return document(result), nil
}
