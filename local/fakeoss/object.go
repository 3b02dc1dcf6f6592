package fakeoss

import (
	"bytes"
	"compress/gzip"
	"crypto/md5" //nolint:gosec // the protocol's own digest
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The versioning of a bucket. It is Unversioned only until it is first enabled.
const (
	Unversioned = ""
	Enabled     = "Enabled"
	Suspended   = "Suspended"
)

// bucket is guarded by the server's lock.
type bucket struct {
	name       string
	versioning string
	objects    map[string]*object
}

// object is an object's current version. The earlier ones cannot be reached (see NotSupported).
type object struct {
	content  []byte
	header   map[string]string // that it was stored with
	modified time.Time
	version  string // empty in a bucket that was never versioned
	deleted  bool   // it is a delete marker
}

// storedHeaders are the request headers that PutObject keeps for GetObject.
func storedHeaders() []string {
	return []string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Type", "Expires"}
}

func (o *object) digest() []byte {
	sum := md5.Sum(o.content) //nolint:gosec // the protocol's own digest
	return sum[:]
}

func (o *object) etag() string { return fmt.Sprintf(`"%X"`, o.digest()) }

// identity is what all answers about an object's content have.
func (o *object) identity() map[string]string {
	header := map[string]string{
		"ETag":                 o.etag(),
		"Content-MD5":          base64.StdEncoding.EncodeToString(o.digest()),
		"x-oss-hash-crc64ecma": strconv.FormatUint(crc64.Checksum(o.content, crc64.MakeTable(crc64.ECMA)), 10),
	}
	if o.version != "" {
		header["x-oss-version-id"] = o.version
	}
	return header
}

// exists reports whether the bucket has an object of this name that is not deleted.
func (b *bucket) exists(key string) bool {
	o := b.objects[key]
	return o != nil && !o.deleted
}

// store puts a new version in place of the current one.
func (s *Server) store(b *bucket, key string, o *object) {
	o.modified = s.options.Now()
	switch b.versioning {
	case Enabled:
		s.sequence++
		o.version = "CAEQ" + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%016X%016X", o.modified.UnixNano(), s.sequence))
	case Suspended:
		o.version = "null"
	}
	b.objects[key] = o
}

// checkBody checks the body of a PutObject, which is the only one that counts.
func checkBody(q *request) error {
	if q.route.action != "PutObject" {
		return nil
	}
	// A client's own request, handed over without a connection, does not say its length in a header.
	silent := q.http.RequestURI != "" && q.http.ContentLength == 0 && q.header("Content-Length") == ""
	sent := q.header("Content-MD5")
	sum := md5.Sum(q.body) //nolint:gosec // the protocol's own digest
	switch {
	case silent:
		return refuse("0017-00000101")
	case q.cut || q.http.ContentLength > int64(len(q.body)) && len(q.body) <= maxObject:
		return refuse("RequestTimeout")
	case len(q.body) > maxObject:
		return &Error{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: fmt.Sprintf("An object of the local cloud has at most %d bytes.", maxObject)}
	case sent != "" && sent != base64.StdEncoding.EncodeToString(sum[:]):
		return invalid("0017-00000502", "Content-MD5", sent)
	}
	return nil
}

// putObject stores an object. In a bucket that is or was versioned x-oss-forbid-overwrite has no effect.
func (s *Server) putObject(b *bucket, q *request) (answer, error) {
	forbid := q.header("x-oss-forbid-overwrite")
	if len(q.http.Header.Values("x-oss-forbid-overwrite")) > 0 && forbid != "true" && forbid != "false" {
		return answer{}, invalid("0017-00000279", "x-oss-forbid-overwrite", forbid)
	}
	if forbid == "true" && b.versioning == Unversioned && b.exists(q.key) {
		return answer{}, refuse("0026-00000002", detail{"ObjectName", q.key})
	}
	o := &object{content: q.body, header: map[string]string{"Content-Type": "application/octet-stream"}}
	for _, name := range storedHeaders() {
		if value := q.header(name); value != "" {
			o.header[name] = value
		}
	}
	s.store(b, q.key, o)
	return answer{status: http.StatusOK, header: o.identity()}, nil
}

// find returns an object, or the refusal for one that is not there.
func (b *bucket) find(key string) (*object, error) {
	if b.exists(key) {
		return b.objects[key], nil
	}
	details := []detail{{"Key", key}}
	if marker := b.objects[key]; marker != nil {
		details = append(details, detail{"x-oss-delete-marker", "true"}, detail{"x-oss-version-id", marker.version})
	}
	return nil, refuse(noSuchKey, details...)
}

// getObject answers GetObject and HeadObject.
func (s *Server) getObject(b *bucket, q *request) (answer, error) {
	o, err := b.find(q.key)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: http.StatusOK, header: o.identity(), body: o.content}
	for name, value := range o.header {
		a.header[name] = value
	}
	a.header["Last-Modified"] = o.modified.UTC().Format(http.TimeFormat)
	a.header["x-oss-object-type"], a.header["x-oss-storage-class"] = "Normal", "Standard"
	if q.http.Method == http.MethodGet && o.compressible() && strings.Contains(q.header("Accept-Encoding"), compressed) {
		a.compress()
	}
	return a, nil
}

const compressed = "gzip"

// compressible reports whether the service compresses the object for a client that takes it: 1 KB or more of text. Go's own transport is such a client.
func (o *object) compressible() bool {
	kind, _, _ := strings.Cut(o.header["Content-Type"], ";")
	return len(o.content) >= 1024 && o.header["Content-Encoding"] == "" && slices.Contains([]string{
		"text/cache-manifest", "text/xml", "text/plain", "text/css", "application/javascript", "application/x-javascript",
		"application/rss+xml", "application/json", "text/json",
	}, kind)
}

// compress makes the answer as GetObject documents it: compressed, without an ETag, and of a length that is not announced.
func (a *answer) compress() {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(a.body) // a buffer takes everything
	_ = w.Close()
	a.body, a.header["Content-Encoding"], a.header["Vary"] = b.Bytes(), compressed, "Accept-Encoding"
	delete(a.header, "ETag")
	delete(a.header, "Content-MD5")
}

// deleteObject deletes an object, or does nothing if there is none. In a bucket that is or was versioned it leaves a delete marker.
func (s *Server) deleteObject(b *bucket, q *request) (answer, error) {
	a := answer{status: http.StatusNoContent, header: map[string]string{}}
	if b.versioning == Unversioned {
		delete(b.objects, q.key)
		return a, nil
	}
	marker := &object{deleted: true}
	s.store(b, q.key, marker)
	a.header["x-oss-delete-marker"], a.header["x-oss-version-id"] = "true", marker.version
	return a, nil
}

// getBucketVersioning answers without a Status for a bucket that was never versioned.
func (s *Server) getBucketVersioning(b *bucket, _ *request) (answer, error) {
	return document(struct {
		XMLName xml.Name `xml:"VersioningConfiguration"`
		Status  string   `xml:",omitempty"`
	}{Status: b.versioning}), nil
}

// document is a successful answer in XML.
func document(body any) answer {
	text, err := xml.MarshalIndent(body, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("fakeoss: documents of strings and numbers always encode: %v", err))
	}
	return answer{status: http.StatusOK, header: map[string]string{"Content-Type": "application/xml"}, body: append([]byte(xml.Header), text...)}
}
