package fakeoss

import (
	"cmp"
	"net/http"
	"strings"
	"sync"
	"time"

	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/sts"
)

// Options are what a Server is made of. Now and Keys are required.
type Options struct {
	Now    func() time.Time // the clock
	Keys   *sts.Keyring     // the keys that may sign
	Region string           // of the buckets; cn-hangzhou by default

	// Allow reports whether a temporary key may do something. Nil allows everything. The account's own keys may do everything always.
	Allow func(Access) bool
}

// Access is what a temporary key asks for.
type Access struct {
	KeyID  string
	Action string // such as PutObject
	Bucket string
	Key    string // the object's name; for ListObjectsV2 the prefix
}

// Server is one account's OSS in one region. It is safe for concurrent use, and starts no goroutine.
type Server struct {
	options Options
	routes  []route
	faults  faults.Set
	calls   callLog
	local   *http.ServeMux
	front   http.Handler

	mu       sync.Mutex
	sequence int64
	buckets  map[string]*bucket
}

// New makes an OSS without buckets.
func New(o Options) *Server {
	if o.Now == nil || o.Keys == nil {
		panic("fakeoss: Options.Now and Options.Keys are required")
	}
	o.Region = cmp.Or(o.Region, "cn-hangzhou")
	s := &Server{options: o, routes: routes(), local: http.NewServeMux(), buckets: map[string]*bucket{}}
	s.faults.Now = o.Now
	s.local.Handle("/_local/faults", &s.faults)
	s.local.HandleFunc("GET /_local/calls", s.serveCalls)
	s.local.HandleFunc("GET /_local/objects", s.serveObjects)
	s.local.HandleFunc("GET /_local/objects/{bucket}/{key...}", s.serveObject)
	s.front = s.faults.Wrap(service{s}, http.HandlerFunc(s.serve))
	return s
}

// ServeHTTP answers one request of the cloud's protocol, or of the control addresses.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_local/") { // no bucket can have this name
		s.local.ServeHTTP(w, r)
		return
	}
	s.front.ServeHTTP(w, r)
}

// Faults returns the faults that stand in front of the service. The same set is changed over HTTP at /_local/faults.
func (s *Server) Faults() *faults.Set { return &s.faults }

// serve answers a request that no fault has stopped.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	q := s.read(r)
	q.readBody()
	a, err := s.perform(q)
	if err != nil {
		a = s.refusal(q, err)
	}
	s.calls.add(q.call(a))
	a.write(w, q)
}

// perform takes a request through the checks, in the service's order, to its effect.
func (s *Server) perform(q *request) (answer, error) {
	for _, check := range []func(*request) error{
		s.checkBucket, s.authenticate, checkAction, s.checkRights, checkName, checkHeaders, checkBody,
	} {
		if err := check(q); err != nil {
			return answer{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[q.bucket]
	if b == nil { // deleted meanwhile
		return answer{}, refuse(noSuchBucket, detail{"BucketName", q.bucket})
	}
	return q.route.perform(s, b, q)
}

// checkRights asks Options.Allow about temporary keys.
func (s *Server) checkRights(q *request) error {
	if !q.temporary || s.options.Allow == nil {
		return nil
	}
	access := Access{KeyID: q.keyID, Action: q.route.action, Bucket: q.bucket, Key: q.key}
	if !q.route.object {
		access.Key = q.query.Get("prefix")
	}
	if s.options.Allow(access) {
		return nil
	}
	if q.route.object {
		return refuse(noRightToObject)
	}
	return refuse(noRightToBucket)
}

// service shows a Server to the faults in front of it.
type service struct{ s *Server }

// Action names the API action that a request asks for; it is empty for what is none.
func (f service) Action(r *http.Request) string { return f.s.read(r).route.action }

// Refuse writes the service's own words for a fault.
func (f service) Refuse(w http.ResponseWriter, r *http.Request, kind faults.Kind) {
	cause := internalError
	switch kind {
	case faults.Throttle:
		cause = throttled
	case faults.TokenExpired:
		cause = tokenExpired
	}
	q := f.s.read(r)
	a := f.s.refusal(q, refuse(cause))
	f.log(q, a, kind)
	a.write(w, q)
}

// Stopped logs a call that a fault has ended before the service saw it.
func (f service) Stopped(r *http.Request, kind faults.Kind) { f.log(f.s.read(r), answer{}, kind) }

func (f service) log(q *request, a answer, kind faults.Kind) {
	call := q.call(a)
	call.Code = string(kind)
	f.s.calls.add(call)
}
