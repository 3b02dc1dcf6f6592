package fakeoss

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// BucketOptions are what CreateBucket is told. Every bucket is private.
type BucketOptions struct {
	Versioning string // Unversioned, Enabled or Suspended
}

// CreateBucket makes an empty bucket. It returns an *Error that says what the service would have said.
func (s *Server) CreateBucket(name string, o BucketOptions) error {
	if !validBucketName(name) {
		return refuse("0015-00000001", detail{"BucketName", name})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] != nil {
		return refuse("0015-00000104", detail{"BucketName", name})
	}
	s.buckets[name] = &bucket{name: name, versioning: o.Versioning, objects: map[string]*object{}}
	return nil
}

// DeleteBucket removes a bucket with all that is in it, as nobody can do in the cloud.
func (s *Server) DeleteBucket(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.buckets, name)
}

// SetVersioning enables or suspends the versioning of a bucket. As in the cloud, it cannot be undone. A bucket that does not exist is an *Error.
func (s *Server) SetVersioning(name, versioning string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		return refuse(noSuchBucket, detail{"BucketName", name})
	}
	if versioning != Enabled && versioning != Suspended {
		return refuse("InvalidArgument", detail{"ArgumentName", "Status"}, detail{"ArgumentValue", versioning})
	}
	b.versioning = versioning
	return nil
}

// Store puts an object into a bucket, whatever is there. A bucket that does not exist is an *Error.
func (s *Server) Store(bucket, key string, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[bucket]
	if b == nil {
		return refuse(noSuchBucket, detail{"BucketName", bucket})
	}
	s.store(b, key, &object{content: slices.Clone(content), header: map[string]string{"Content-Type": "application/octet-stream"}})
	return nil
}

// Object is an object's current version, seen without asking the service.
type Object struct {
	Bucket    string    `json:"bucket"`
	Key       string    `json:"key"`
	Size      int       `json:"size"`
	ETag      string    `json:"etag"`
	Modified  time.Time `json:"lastModified"`
	VersionID string    `json:"versionId,omitempty"`
	Content   []byte    `json:"-"`
}

// Objects returns the objects of all buckets whose names begin with a prefix, sorted by bucket and name.
func (s *Server) Objects(prefix string) []Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Object{}
	for _, b := range s.buckets {
		for key, o := range b.objects {
			if b.exists(key) && strings.HasPrefix(key, prefix) {
				all = append(all, Object{b.name, key, len(o.content), o.etag(), o.modified, o.version, slices.Clone(o.content)})
			}
		}
	}
	slices.SortFunc(all, func(a, b Object) int { return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Key, b.Key)) })
	return all
}

// Call is one request, as the log keeps it. It holds no secret, token or signature.
//
// Where a fault has spoiled the answer after the effect, Status and Code are what the service had answered. A call that a fault has stopped has the fault's
// kind as its Code.
type Call struct {
	Action          string    `json:"action"` // such as PutObject; empty when the request asks for no action
	Bucket          string    `json:"bucket,omitempty"`
	Key             string    `json:"key,omitempty"`
	Query           string    `json:"query,omitempty"` // without the signature's items
	At              time.Time `json:"at"`
	Status          int       `json:"status"`         // 0 when nothing was answered
	Code            string    `json:"code,omitempty"` // of the error
	RequestID       string    `json:"requestId"`
	AccessKeyID     string    `json:"accessKeyId,omitempty"` // whose valid signature it bore
	ForbidOverwrite bool      `json:"forbidOverwrite,omitempty"`
	Bytes           int       `json:"bytes,omitempty"` // of the request's body
}

func (q *request) call(a answer) Call {
	query := q.query
	for _, item := range append(signatureItems(), "OSSAccessKeyId", "Signature", "security-token") {
		query.Del(item)
	}
	return Call{
		Action: q.route.action, Bucket: q.bucket, Key: q.key, Query: query.Encode(), At: q.at, Status: a.status, Code: a.code, RequestID: q.id,
		AccessKeyID: q.keyID, ForbidOverwrite: q.header("x-oss-forbid-overwrite") == "true", Bytes: len(q.body),
	}
}

type callLog struct {
	mu    sync.Mutex
	calls []Call
}

func (l *callLog) add(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, c)
}

// Calls returns the calls so far, in the order in which they were answered.
func (s *Server) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return append([]Call{}, s.calls.calls...)
}

// CallsOf returns the calls of one action.
func (s *Server) CallsOf(action string) []Call {
	return slices.DeleteFunc(s.Calls(), func(c Call) bool { return c.Action != action })
}

func (s *Server) serveCalls(w http.ResponseWriter, _ *http.Request) { show(w, s.Calls()) }

func (s *Server) serveObjects(w http.ResponseWriter, r *http.Request) {
	show(w, s.Objects(r.URL.Query().Get("prefix")))
}

// serveObject sends an object's content as it was stored.
func (s *Server) serveObject(w http.ResponseWriter, r *http.Request) {
	for _, o := range s.Objects(r.PathValue("key")) {
		if o.Bucket == r.PathValue("bucket") && o.Key == r.PathValue("key") {
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = w.Write(o.Content)
			return
		}
	}
	http.NotFound(w, r)
}

func show(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		panic(fmt.Sprintf("fakeoss: calls and objects always encode: %v", err))
	}
}
