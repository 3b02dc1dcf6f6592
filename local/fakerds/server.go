package fakerds

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/sts"
)

// Options of a Server. Now and Keys are required.
type Options struct {
	Now  func() time.Time
	Keys *sts.Keyring

	Account string // owner of the fleet; 1234567890123456 by default
	Region  string // of instances that name none; cn-hangzhou by default

	UpgradeTakes    time.Duration // how long an upgrade runs; 3 s by default
	UpgradingStatus string        // DBInstanceStatus meanwhile; EngineVersionUpgrading by default

	NumericTaskID   bool   // answer an upgrade with TaskId as a JSON number
	OtherTaskIDs    bool   // name tasks t-local… in the history, and not as the upgrade's answer did
	ScheduledStatus string // Status in the history of a task that waits for its time: Scheduled by default, or Waiting
	MissingIsEmpty  bool   // answer DescribeDBInstanceAttribute of an unknown instance with 200 and no items, not with 400
	MaxVersions     int    // the most items of DescribeDBMiniEngineVersions, while TotalCount counts all; 0 is no limit
}

func (o Options) withDefaults() Options {
	if o.Now == nil || o.Keys == nil {
		panic("fakerds: Options.Now and Options.Keys are required")
	}
	setDefault(&o.Account, "1234567890123456")
	setDefault(&o.Region, "cn-hangzhou")
	setDefault(&o.UpgradingStatus, "EngineVersionUpgrading")
	setDefault(&o.ScheduledStatus, "Scheduled")
	if o.UpgradeTakes == 0 {
		o.UpgradeTakes = 3 * time.Second
	}
	return o
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// Server is the RDS API of the local cloud. It is safe for concurrent use.
type Server struct {
	options Options
	actions map[string]action
	mux     *http.ServeMux
	faults  faults.Set
	nonces  *acs3.Nonces

	mu       sync.Mutex
	fleet    roster
	versions []MiniVersion
	lastTask int
	calls    []Call
}

// New makes a Server without instances.
func New(options Options) *Server {
	options = options.withDefaults()
	s := &Server{
		options:  options,
		actions:  actions(),
		mux:      http.NewServeMux(),
		nonces:   acs3.NewNonces(options.Now),
		fleet:    newRoster(),
		lastTask: 226917710,
	}
	s.faults.Now = options.Now
	s.mux.Handle("/_local/faults", &s.faults)
	s.mux.Handle("/_local/calls", show(func() any { return s.Calls() }))
	s.mux.Handle("/_local/instances", show(func() any { return s.Instances() }))
	s.mux.Handle("/", s.faults.Wrap(wire{s}, http.HandlerFunc(s.serveAPI)))
	return s
}

// Faults is the bad weather in front of the API. The same set is changed over HTTP at /_local/faults.
func (s *Server) Faults() *faults.Set { return &s.faults }

// ServeHTTP answers the API and the three local paths.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mux.ServeHTTP(w, read(w, r))
}

// serveAPI is what happens to a call that no fault has stopped.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	q := requestOf(r)
	call := q.call(s.options.Now())
	answer, refusal := s.answer(q, &call)
	if refusal != nil && !known(q.action, refusal) {
		panic("fakerds: " + q.action + " may not be refused with " + refusal.Code)
	}
	call.write(w, q, answer, refusal)
	s.log(call)
}

// answer takes a request through the gateway's checks, in the gateway's order, to its action.
func (s *Server) answer(q *request, call *Call) (document, *acs3.Refusal) {
	if refusal := q.wellFormed(); refusal != nil {
		return nil, refusal
	}
	action, known := s.actions[q.action]
	if !known || q.http.URL.Path != "/" {
		return nil, refusalOf(q.action, "InvalidApi.NotFound")
	}
	if refusal := s.verify(q); refusal != nil {
		return nil, refusal
	}
	if refusal := action.check(q.parameters); refusal != nil {
		return nil, refusal
	}
	asked := query{action, q.parameters, s.options.Now(), call}
	if refusal := s.region(asked); refusal != nil {
		return nil, refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return action.run(s, asked)
}

// wire is what the faults need to know of the API's form.
type wire struct{ s *Server }

// Action names the action that a request asks for.
func (wire) Action(r *http.Request) string { return requestOf(r).action }

// Refuse answers as the gateway does when it throttles, fails, or finds the token expired.
func (f wire) Refuse(w http.ResponseWriter, r *http.Request, kind faults.Kind) {
	q := requestOf(r)
	call := q.call(f.s.options.Now())
	call.write(w, q, nil, f.refusal(q.action, kind))
	call.Code = string(kind)
	f.s.log(call)
}

func (wire) refusal(action string, kind faults.Kind) *acs3.Refusal {
	switch kind {
	case faults.Throttle:
		return refusalOf(action, "Throttling.User")
	case faults.TokenExpired:
		return acs3.ExpiredToken()
	default:
		return refusalOf(action, "InternalError")
	}
}

// Stopped logs a call that a fault has ended before the API saw it.
func (f wire) Stopped(r *http.Request, kind faults.Kind) {
	call := requestOf(r).call(f.s.options.Now())
	call.Code = string(kind)
	f.s.log(call)
}

// show serves a value of the control surface as JSON.
func show(value func() any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			http.Error(w, "want GET", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(value()); err != nil {
			panic(fmt.Sprintf("calls and instances always encode: %v", err))
		}
	})
}
