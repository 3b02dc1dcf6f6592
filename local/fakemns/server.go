package fakemns

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/sts"
)

// Options are what a Server is made of.
type Options struct {
	Now     func() time.Time // the clock; required
	Keys    *sts.Keyring     // the keys that may sign; required
	Account string           // the account that owns everything, such as 1234567890123456
	Region  string           // such as cn-hangzhou

	// HTTPClient makes the pushes to http:// and https:// endpoints. Nil means one that reaches loopback only.
	HTTPClient *http.Client
}

// Server is one account's MNS in one region. It is safe for concurrent use.
type Server struct {
	opts    Options
	routes  []route
	client  *http.Client
	faults  faults.Set
	handler http.Handler
	calls   callLog

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup // pushes under way

	mu        sync.Mutex
	sequence  int64
	queues    map[string]*queue
	topics    map[string]*topic
	published map[string][]TopicMessage
}

// New makes an empty MNS. Close it when done.
func New(o Options) *Server {
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		opts: o, routes: routes(), client: pushClient(o.HTTPClient), ctx: ctx, stop: stop,
		queues: map[string]*queue{}, topics: map[string]*topic{}, published: map[string][]TopicMessage{},
	}
	s.faults.Now = o.Now
	mux := http.NewServeMux()
	mux.Handle("/_local/faults", &s.faults)
	mux.HandleFunc("/_local/calls", s.serveCalls)
	mux.Handle("/_local/", http.NotFoundHandler())
	front := s.faults.Wrap(service{s}, http.HandlerFunc(s.serve))
	s.handler = unlessLocal(mux, front)
	return s
}

// ServeHTTP answers one request of the cloud's protocol, or of the two control addresses.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Faults gives the faults that stand in front of the service.
func (s *Server) Faults() *faults.Set { return &s.faults }

// Close ends long polls and pushes, and waits for the pushes. Messages that were still to be pushed are lost.
func (s *Server) Close() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.work.Wait()
	s.client.CloseIdleConnections()
}

// spawn runs work of the server's own that Close waits for.
func (s *Server) spawn(work func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() == nil {
		s.work.Go(work)
	}
}

// next gives a number that was never given before. The caller holds the lock.
func (s *Server) next() int64 {
	s.sequence++
	return s.sequence
}

// serve answers a request that no fault has caught.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	q := s.read(r)
	a, err := s.perform(q)
	if err != nil {
		a = s.refusal(q, err)
	}
	s.calls.add(q.call(a))
	a.write(w, q)
}

// perform goes from a request as it came to its effect.
func (s *Server) perform(q *request) (answer, error) {
	for _, check := range s.checks() {
		if err := check(q); err != nil {
			return answer{}, err
		}
	}
	return q.route.perform(s, q)
}

// unlessLocal sends our own control addresses past the service, which no mux may stand before: it would tidy the
// paths of requests that must be seen as they were sent.
func unlessLocal(local, service http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_local/") {
			local.ServeHTTP(w, r)
			return
		}
		service.ServeHTTP(w, r)
	})
}
